#include "scenario.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct event {
    uint64_t at_ms;
    size_t order; /* the line, so that events of one moment keep their order */
    char name[UPSTREAM_NAME_MAX + 1];
    struct behaviour behaviour;
};

struct script {
    struct event *events; /* owned; by time */
    size_t count;
    uint64_t repeat_ms; /* 0: once */
    size_t repeat_line;
};

enum { SLOTS = UPSTREAMS_MAX * 2 };

struct stage {
    struct upstream *upstreams[UPSTREAMS_MAX]; /* owned */
    size_t count;
    uint16_t slots[SLOTS];     /* open addressing; index plus one */
    struct behaviour everyone; /* of upstreams not met yet */
    struct script script;
    size_t next_event;
    uint64_t started_ms;
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("simulator: out of memory\n", stderr);
        abort();
    }
    return memory;
}

struct stage *stage_new(void)
{
    struct stage *stage = must(calloc(1, sizeof(*stage)));
    stage->everyone.retry_after_s = RETRY_AFTER_NONE;
    return stage;
}

void stage_free(struct stage *stage)
{
    if (stage == NULL)
        return;
    for (size_t i = 0; i < stage->count; i++)
        free(stage->upstreams[i]);
    free(stage->script.events);
    free(stage);
}

static bool name_is_good(const char *name, size_t len)
{
    if (len == 0 || len > UPSTREAM_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && strchr("_.-", name[i]) == NULL)
            return false;
    return true;
}

/* The slot of the name, or the free one where it belongs. Half of the slots are always free. */
static size_t find_slot(const struct stage *stage, const char *name, size_t len)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    size_t slot = hash % SLOTS;
    while (stage->slots[slot] != 0) {
        const char *other = stage->upstreams[stage->slots[slot] - 1]->name;
        if (strncmp(other, name, len) == 0 && other[len] == '\0')
            break;
        slot = (slot + 1) % SLOTS;
    }
    return slot;
}

struct upstream *stage_find(const struct stage *stage, const char *name, size_t len)
{
    if (!name_is_good(name, len))
        return NULL;
    uint16_t taken = stage->slots[find_slot(stage, name, len)];
    return taken != 0 ? stage->upstreams[taken - 1] : NULL;
}

struct upstream *stage_upstream(struct stage *stage, const char *name, size_t len)
{
    if (!name_is_good(name, len))
        return NULL;
    size_t slot = find_slot(stage, name, len);
    if (stage->slots[slot] != 0)
        return stage->upstreams[stage->slots[slot] - 1];
    if (stage->count == UPSTREAMS_MAX)
        return NULL;
    struct upstream *upstream = must(calloc(1, sizeof(*upstream)));
    memcpy(upstream->name, name, len);
    upstream->index = (unsigned)stage->count;
    upstream->behaviour = stage->everyone;
    stage->upstreams[stage->count++] = upstream;
    stage->slots[slot] = (uint16_t)stage->count;
    return upstream;
}

size_t stage_count(const struct stage *stage)
{
    return stage->count;
}

struct upstream *stage_at(const struct stage *stage, size_t index)
{
    return stage->upstreams[index];
}

bool stage_set(struct stage *stage, const char *name, size_t len, const struct behaviour *behaviour)
{
    if (len == 1 && *name == '*') {
        stage->everyone = *behaviour;
        for (size_t i = 0; i < stage->count; i++)
            stage->upstreams[i]->behaviour = *behaviour;
        return true;
    }
    struct upstream *upstream = stage_upstream(stage, name, len);
    if (upstream != NULL)
        upstream->behaviour = *behaviour;
    return upstream != NULL;
}

void stage_reset(struct stage *stage)
{
    free(stage->script.events);
    stage->script = (struct script){NULL, 0, 0, 0};
    struct behaviour ok = {.kind = BEHAVE_OK, .retry_after_s = RETRY_AFTER_NONE};
    stage_set(stage, "*", 1, &ok);
    for (size_t i = 0; i < stage->count; i++) {
        struct upstream *u = stage->upstreams[i];
        u->requests = u->connections = 0;
        u->max_in_flight = u->in_flight;
    }
}

/* Seconds with up to three digits of fraction. */
static bool read_seconds(const char *word, uint64_t *ms)
{
    size_t digits = strspn(word, "0123456789");
    if (digits == 0 || digits > 9)
        return false;
    *ms = strtoull(word, NULL, 10) * 1000;
    word += digits;
    if (*word == '\0')
        return true;
    if (*word++ != '.' || *word == '\0')
        return false;
    for (uint64_t unit = 100; *word != '\0'; word++, unit /= 10) {
        if (!isdigit((unsigned char)*word) || unit == 0)
            return false;
        *ms += (uint64_t)(*word - '0') * unit;
    }
    return true;
}

static bool read_event(struct script *script, size_t line_number, char *rest, char error[BEHAVIOUR_ERROR_MAX])
{
    struct event event = {.order = line_number};
    char *position = NULL;
    const char *when = strtok_r(rest, " \t", &position);
    const char *name = strtok_r(NULL, " \t", &position);
    const char *what = name != NULL ? position + strspn(position, " \t") : "";
    if (when == NULL || !read_seconds(when, &event.at_ms)) {
        snprintf(error, BEHAVIOUR_ERROR_MAX, "expected seconds after \"at\", as \"at 2.5 groq 503\"");
        return false;
    }
    if (name == NULL || (strcmp(name, "*") != 0 && !name_is_good(name, strlen(name)))) {
        snprintf(error, BEHAVIOUR_ERROR_MAX, "expected a provider's name or \"*\" after the seconds");
        return false;
    }
    if (!behaviour_parse(what, strlen(what), &event.behaviour, error))
        return false;
    memcpy(event.name, name, strlen(name) + 1);
    script->events = must(realloc(script->events, (script->count + 1) * sizeof(event)));
    script->events[script->count++] = event;
    return true;
}

static bool read_line(struct script *script, size_t line_number, char *line, char error[BEHAVIOUR_ERROR_MAX])
{
    line[strcspn(line, "#\r")] = '\0';
    line += strspn(line, " \t");
    if (*line == '\0')
        return true;
    char *rest = line + strcspn(line, " \t");
    if (*rest != '\0')
        *rest++ = '\0';
    if (strcmp(line, "at") == 0)
        return read_event(script, line_number, rest, error);
    if (strcmp(line, "repeat") != 0) {
        snprintf(error, BEHAVIOUR_ERROR_MAX, "expected \"at\" or \"repeat\", found \"%.40s\"", line);
        return false;
    }
    rest += strspn(rest, " \t");
    rest[strcspn(rest, " \t")] = '\0';
    if (script->repeat_line != 0)
        snprintf(error, BEHAVIOUR_ERROR_MAX, "\"repeat\" was given on line %zu already", script->repeat_line);
    else if (!read_seconds(rest, &script->repeat_ms) || script->repeat_ms == 0)
        snprintf(error, BEHAVIOUR_ERROR_MAX, "expected seconds above 0 after \"repeat\"");
    else
        script->repeat_line = line_number;
    return script->repeat_line == line_number;
}

static int by_time(const void *a, const void *b)
{
    const struct event *left = a, *right = b;
    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

bool stage_script(struct stage *stage, const char *file, const char *text, size_t len, uint64_t now_ms,
                  char error[SCENARIO_ERROR_MAX])
{
    struct script script = {NULL, 0, 0, 0};
    size_t line_number = 0;
    char reason[BEHAVIOUR_ERROR_MAX] = "";
    bool good = true;
    for (const char *at = text, *end = text + len; good && at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = line_end != NULL ? (size_t)(line_end - at) : (size_t)(end - at);
        char line[1024];
        line_number++;
        if (line_len >= sizeof(line)) {
            snprintf(reason, sizeof(reason), "the line is longer than 1000 bytes");
            good = false;
            break;
        }
        memcpy(line, at, line_len);
        line[line_len] = '\0';
        good = read_line(&script, line_number, line, reason);
        at += line_len + 1;
    }
    if (good && script.count > 0)
        qsort(script.events, script.count, sizeof(struct event), by_time);
    if (good && script.repeat_ms != 0 && script.count > 0 &&
        script.events[script.count - 1].at_ms >= script.repeat_ms) {
        snprintf(reason, sizeof(reason), "\"repeat\" comes before the last event, on line %zu",
                 script.events[script.count - 1].order);
        line_number = script.repeat_line;
        good = false;
    }
    if (!good) {
        snprintf(error, SCENARIO_ERROR_MAX, "%s:%zu: %s", file, line_number, reason);
        free(script.events);
        return false;
    }
    free(stage->script.events);
    stage->script = script;
    stage->next_event = 0;
    stage->started_ms = now_ms;
    stage_play(stage, now_ms);
    return true;
}

uint64_t stage_play(struct stage *stage, uint64_t now_ms)
{
    const struct script *script = &stage->script;
    if (script->count == 0)
        return UINT64_MAX;
    for (;;) {
        while (stage->next_event < script->count) {
            const struct event *event = &script->events[stage->next_event];
            if (stage->started_ms + event->at_ms > now_ms)
                return stage->started_ms + event->at_ms;
            stage_set(stage, event->name, strlen(event->name), &event->behaviour);
            stage->next_event++;
        }
        if (script->repeat_ms == 0)
            return UINT64_MAX;
        if (stage->started_ms + script->repeat_ms > now_ms)
            return stage->started_ms + script->repeat_ms;
        stage->started_ms += script->repeat_ms;
        stage->next_event = 0;
    }
}
