#include "behaviour.h"

#include "base/duration.h"
#include "base/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum argument { ARG_NONE, ARG_DURATION, ARG_BYTES, ARG_MS, ARG_URL, ARG_STATUS, ARG_RETRY_AFTER, ARG_LIMIT, ARG_COUNT };

static const struct word {
    const char *name;
    enum behaviour_kind kind;
    enum argument argument;
    int status;
} words[] = {
    {"ok", BEHAVE_OK, ARG_NONE, 0},
    {"401", BEHAVE_STATUS, ARG_NONE, 401},
    {"402", BEHAVE_STATUS, ARG_NONE, 402},
    {"403", BEHAVE_STATUS, ARG_NONE, 403},
    {"404", BEHAVE_STATUS, ARG_NONE, 404},
    {"410", BEHAVE_STATUS, ARG_NONE, 410},
    {"429", BEHAVE_STATUS, ARG_LIMIT, 429},
    {"500", BEHAVE_STATUS, ARG_NONE, 500},
    {"502", BEHAVE_STATUS, ARG_NONE, 502},
    {"503", BEHAVE_STATUS, ARG_RETRY_AFTER, 503},
    {"529", BEHAVE_STATUS, ARG_RETRY_AFTER, 529},
    {"status", BEHAVE_STATUS, ARG_STATUS, 0},
    {"slow", BEHAVE_SLOW, ARG_DURATION, 0},
    {"hang", BEHAVE_HANG, ARG_NONE, 0},
    {"stall", BEHAVE_STALL, ARG_NONE, 0},
    {"reset", BEHAVE_RESET, ARG_NONE, 0},
    {"close", BEHAVE_CLOSE, ARG_NONE, 0},
    {"truncated", BEHAVE_TRUNCATED, ARG_NONE, 0},
    {"short", BEHAVE_SHORT, ARG_NONE, 0},
    {"huge", BEHAVE_HUGE, ARG_BYTES, 0},
    {"garbage", BEHAVE_GARBAGE, ARG_NONE, 0},
    {"html", BEHAVE_HTML, ARG_NONE, 0},
    {"redirect", BEHAVE_REDIRECT, ARG_URL, 0},
    {"error200", BEHAVE_ERROR200, ARG_NONE, 0},
    {"endless-headers", BEHAVE_ENDLESS_HEADERS, ARG_NONE, 0},
    {"echo-key", BEHAVE_ECHO_KEY, ARG_NONE, 0},
    {"empty", BEHAVE_EMPTY, ARG_NONE, 0},
    {"drip", BEHAVE_DRIP, ARG_MS, 0},
    {"badjson", BEHAVE_BADJSON, ARG_NONE, 0},
    {"stream-error", BEHAVE_STREAM_ERROR, ARG_NONE, 0},
    {"stream-cut", BEHAVE_STREAM_CUT, ARG_NONE, 0},
    {"rubbish", BEHAVE_RUBBISH, ARG_NONE, 0},
    {"model-gone", BEHAVE_MODEL_GONE, ARG_COUNT, 0},
};

enum { WORDS = sizeof(words) / sizeof(words[0]) };

static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return *end == '\0' && strlen(text) < 19 && value <= max;
}

static bool read_delay(const char *text, struct behaviour *out)
{
    const char *dash = strchr(text, '-');
    size_t low_len = dash != NULL ? (size_t)(dash - text) : strlen(text);
    int64_t low, high;
    if (duration_parse_ms(text, low_len, &low) != 0)
        return false;
    high = low;
    if (dash != NULL && duration_parse_ms(dash + 1, strlen(dash + 1), &high) != 0)
        return false;
    if (low < 0 || high < low)
        return false;
    out->low_ms = (uint64_t)low;
    out->high_ms = (uint64_t)high;
    return true;
}

static bool read_retry_after(const char *text, struct behaviour *out)
{
    static const char prefix[] = "retry-after=";
    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
        return false;
    text += sizeof(prefix) - 1;
    if (strcmp(text, "date") == 0) {
        out->retry_after_s = RETRY_AFTER_DATE;
        return true;
    }
    uint64_t seconds;
    if (!read_number(text, 100000000, &seconds))
        return false;
    out->retry_after_s = (int)seconds;
    return true;
}

/* "retry-after=N", "rpd", both in either order, or nothing. */
static bool read_limit(char *text, struct behaviour *out)
{
    char *position = NULL;
    for (char *word = strtok_r(text, " \t", &position); word != NULL; word = strtok_r(NULL, " \t", &position)) {
        bool is_day = strcmp(word, "rpd") == 0;
        if (is_day ? out->per_day : out->retry_after_s != RETRY_AFTER_NONE || !read_retry_after(word, out))
            return false;
        out->per_day = out->per_day || is_day;
    }
    return true;
}

/* Reads the word's argument. NULL when it fits, else what was expected. */
static const char *read_argument(const struct word *word, char *text, struct behaviour *out)
{
    uint64_t number = 0;
    switch (word->argument) {
    case ARG_NONE:
        return *text == '\0' ? NULL : "nothing after it";
    case ARG_DURATION:
        return read_delay(text, out) ? NULL : "a duration or a range of two, as \"slow 1500ms\" or \"slow 80ms-900ms\"";
    case ARG_BYTES:
        return read_number(text, UINT64_C(1) << 40, &out->number) ? NULL : "a number of bytes up to 2^40";
    case ARG_MS:
        return read_number(text, 3600000, &out->number) ? NULL : "the milliseconds between two bytes";
    case ARG_COUNT:
        return read_number(text, 1000000, &out->number) ? NULL : "how many models, the first of the list";
    case ARG_URL:
        if (*text == '\0' || strlen(text) >= sizeof(out->url) || strpbrk(text, " \t\r\n") != NULL)
            return "a URL of at most 255 bytes";
        memcpy(out->url, text, strlen(text) + 1);
        return NULL;
    case ARG_STATUS:
        if (!read_number(text, 999, &number) || number < 200)
            return "a status from 200 to 999";
        out->status = (int)number;
        return NULL;
    case ARG_RETRY_AFTER:
        return *text == '\0' || read_retry_after(text, out) ? NULL
                                                            : "nothing, \"retry-after=N\" or \"retry-after=date\"";
    case ARG_LIMIT:
        return read_limit(text, out) ? NULL : "nothing, \"retry-after=N\", \"retry-after=date\" or \"rpd\"";
    }
    return "nothing after it";
}

static void unknown_word(const char *name, char error[BEHAVIOUR_ERROR_MAX])
{
    const char *names[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        names[i] = words[i].name;
    const char *near = nearest_word(name, names, WORDS);
    snprintf(error, BEHAVIOUR_ERROR_MAX, "unknown behaviour \"%.40s\"%s%s%s", name,
             near != NULL ? ": did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool behaviour_parse(const char *text, size_t len, struct behaviour *out, char error[BEHAVIOUR_ERROR_MAX])
{
    while (len > 0 && is_space(text[len - 1]))
        len--;
    while (len > 0 && is_space(*text)) {
        text++;
        len--;
    }
    char line[BEHAVIOUR_TEXT_MAX];
    if (len == 0 || len >= sizeof(line) || memchr(text, '\0', len) != NULL) {
        snprintf(error, BEHAVIOUR_ERROR_MAX, "expected a behaviour, such as \"ok\" or \"slow 250ms\"");
        return false;
    }
    memcpy(line, text, len);
    line[len] = '\0';
    char *argument = line + strcspn(line, " \t");
    if (*argument != '\0') {
        *argument++ = '\0';
        argument += strspn(argument, " \t");
    }

    *out = (struct behaviour){.retry_after_s = RETRY_AFTER_NONE};
    for (size_t i = 0; i < WORDS; i++) {
        if (strcmp(words[i].name, line) != 0)
            continue;
        out->kind = words[i].kind;
        out->status = words[i].status;
        const char *expected = read_argument(&words[i], argument, out);
        if (expected != NULL)
            snprintf(error, BEHAVIOUR_ERROR_MAX, "behaviour \"%s\": expected %s", words[i].name, expected);
        return expected == NULL;
    }
    unknown_word(line, error);
    return false;
}

void behaviour_format(const struct behaviour *behaviour, char out[BEHAVIOUR_TEXT_MAX])
{
    const char *name = "ok";
    enum argument argument = ARG_NONE;
    for (size_t i = WORDS; i-- > 0;) {
        if (words[i].kind != behaviour->kind || (words[i].status != 0 && words[i].status != behaviour->status))
            continue;
        name = words[i].name;
        argument = words[i].argument;
        if (words[i].status != 0)
            break; /* "503" rather than "status 503" */
    }
    char low[DURATION_TEXT_MAX], high[DURATION_TEXT_MAX];
    int written = snprintf(out, BEHAVIOUR_TEXT_MAX, "%s", name);
    size_t room = BEHAVIOUR_TEXT_MAX - (size_t)written;
    out += written;
    switch (argument) {
    case ARG_NONE:
        break;
    case ARG_DURATION:
        duration_format_ms((int64_t)behaviour->low_ms, low);
        duration_format_ms((int64_t)behaviour->high_ms, high);
        snprintf(out, room, behaviour->low_ms == behaviour->high_ms ? " %s" : " %s-%s", low, high);
        break;
    case ARG_BYTES:
    case ARG_MS:
    case ARG_COUNT:
        snprintf(out, room, " %llu", (unsigned long long)behaviour->number);
        break;
    case ARG_URL:
        snprintf(out, room, " %s", behaviour->url);
        break;
    case ARG_STATUS:
        snprintf(out, room, " %d", behaviour->status);
        break;
    case ARG_RETRY_AFTER:
    case ARG_LIMIT:
        if (behaviour->retry_after_s == RETRY_AFTER_DATE)
            written = snprintf(out, room, " retry-after=date");
        else if (behaviour->retry_after_s >= 0)
            written = snprintf(out, room, " retry-after=%d", behaviour->retry_after_s);
        else
            written = 0;
        if (behaviour->per_day)
            snprintf(out + written, room - (size_t)written, " rpd");
        break;
    }
}
