#include "daemon/ask_command.h"

#include "base/buf.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { URL_MAX = 512, TIMEOUT_S = 10, WAIT_S = 25 };

/* json-c knows its values by this name. */
typedef struct json_object value_t;

struct asking {
    char base[URL_MAX]; /* "http://127.0.0.1:8000" */
    CURL *curl;
    struct curl_slist *headers;
    struct buf body;
};

/* -- asking -- */

/* Where a daemon that listens everywhere can be asked from here. */
static bool url_of_listener(const char *listen, char *out, size_t size)
{
    const char *slashes = strstr(listen, "://"), *host = slashes != NULL ? slashes + 3 : listen;
    const char *scheme = strncmp(listen, "https://", strlen("https://")) == 0 ? "https" : "http";
    const char *colon = strrchr(host, ':');
    if (colon == NULL || strcmp(colon, ":0") == 0)
        return false;
    if (strncmp(host, "0.0.0.0:", 8) == 0)
        snprintf(out, size, "%s://127.0.0.1%s", scheme, colon);
    else if (strncmp(host, "[::]:", 5) == 0)
        snprintf(out, size, "%s://[::1]%s", scheme, colon);
    else
        snprintf(out, size, "%s://%s", scheme, host);
    return true;
}

static size_t take_piece(char *bytes, size_t size, size_t count, void *user)
{
    struct buf *body = user;
    buf_append(body, bytes, size * count);
    return buf_ok(body) ? size * count : 0;
}

/* 0, or the exit status after saying why not. */
static int begin(struct asking *asking, const struct settings *settings)
{
    char error[FAULTS_MAX], header[512];
    const char *url = getenv("PROVIDERD_URL"), *token = getenv("PROVIDERD_TOKEN");
    *asking = (struct asking){.body = BUF_EMPTY};
    if (url != NULL && url[0] != '\0') {
        snprintf(asking->base, sizeof(asking->base), "%s", url);
    } else {
        struct config *config = settings_load(settings, error, sizeof(error));
        bool known = config != NULL && url_of_listener(config->listen[0], asking->base, sizeof(asking->base));
        if (!known)
            fprintf(stderr, "providerd: %s\n",
                    config == NULL ? error : "`listen` says port 0, which may be any: set PROVIDERD_URL");
        config_free(config);
        if (!known)
            return 2;
    }
    asking->curl = curl_easy_init();
    if (token != NULL && token[0] != '\0' && snprintf(header, sizeof(header), "Authorization: Bearer %s", token) > 0)
        asking->headers = curl_slist_append(NULL, header);
    explicit_bzero(header, sizeof(header));
    return asking->curl != NULL ? 0 : 1;
}

static void end(struct asking *asking)
{
    curl_slist_free_all(asking->headers);
    curl_easy_cleanup(asking->curl);
    buf_dispose(&asking->body);
}

/* The answer's JSON; NULL after saying why there is none. */
static value_t *ask_by(struct asking *asking, const char *method, const char *path)
{
    char url[URL_MAX + 256], reason[CURL_ERROR_SIZE] = "";
    long status = 0;
    snprintf(url, sizeof(url), "%s%s", asking->base, path);
    buf_clear(&asking->body);
    curl_easy_setopt(asking->curl, CURLOPT_URL, url);
    curl_easy_setopt(asking->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(asking->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(asking->curl, CURLOPT_PROXY, "");
    if (getenv("PROVIDERD_CACERT") != NULL)
        curl_easy_setopt(asking->curl, CURLOPT_CAINFO, getenv("PROVIDERD_CACERT"));
    curl_easy_setopt(asking->curl, CURLOPT_TIMEOUT, (long)(TIMEOUT_S + WAIT_S));
    curl_easy_setopt(asking->curl, CURLOPT_CONNECTTIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(asking->curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(asking->curl, CURLOPT_HTTPHEADER, asking->headers);
    curl_easy_setopt(asking->curl, CURLOPT_WRITEFUNCTION, take_piece);
    curl_easy_setopt(asking->curl, CURLOPT_WRITEDATA, &asking->body);
    CURLcode result = curl_easy_perform(asking->curl);
    if (result != CURLE_OK) {
        fprintf(stderr, "providerd: %s: %s; does it run?\n", asking->base,
                reason[0] != '\0' ? reason : curl_easy_strerror(result));
        return NULL;
    }
    curl_easy_getinfo(asking->curl, CURLINFO_RESPONSE_CODE, &status);
    value_t *answer = json_tokener_parse(buf_text(&asking->body));
    if ((status == 200 || status == 202) && answer != NULL)
        return answer;
    value_t *detail = json_object_is_type(answer, json_type_object) ? json_object_object_get(answer, "detail") : NULL;
    fprintf(stderr, "providerd: %s answered HTTP %ld%s%s%s\n", asking->base, status, detail != NULL ? ": " : "",
            detail != NULL ? json_object_get_string(detail) : "", status == 401 ? "; set PROVIDERD_TOKEN" : "");
    json_object_put(answer);
    return NULL;
}

static value_t *ask(struct asking *asking, const char *path)
{
    return ask_by(asking, "GET", path);
}

static const char *text_in(value_t *object, const char *name)
{
    value_t *value = json_object_object_get(object, name);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static double number_in(value_t *object, const char *name)
{
    value_t *value = json_object_object_get(object, name);
    return value != NULL ? json_object_get_double(value) : NAN;
}

/* -- status -- */

static const char *colour_of(const char *status)
{
    if (strcmp(status, "healthy") == 0)
        return "\033[32m";
    if (strcmp(status, "degraded") == 0)
        return "\033[33m";
    return strcmp(status, "down") == 0 ? "\033[31m" : "\033[90m";
}

static int width_of_names(value_t *providers)
{
    int width = (int)strlen("PROVIDER");
    json_object_object_foreach(providers, name, provider)
    {
        (void)provider;
        width = (int)strlen(name) > width ? (int)strlen(name) : width;
    }
    return width;
}

static void print_provider(const char *name, value_t *provider, int width, bool colours, const char *best)
{
    const char *status = text_in(provider, "status"), *kind = text_in(provider, "error_kind");
    const char *reason = kind[0] != '\0' ? kind : text_in(provider, "reason"),
               *error = text_in(provider, "error_message");
    bool checked = strcmp(text_in(provider, "last_check"), "never") != 0;
    printf("%c %-*s  %s%-8s%s", strcmp(name, best) == 0 ? '*' : ' ', width, name, colours ? colour_of(status) : "",
           status, colours ? "\033[0m" : "");
    if (checked)
        printf("  %8.1f ms  %6.2f %%  %5.1f %%", number_in(provider, "response_time_ms"),
               number_in(provider, "uptime_percent"), number_in(provider, "rate_limit_percent"));
    else
        printf("  %11s  %8s  %7s", "-", "-", "-");
    printf("  %s%s%.80s\n", reason, reason[0] != '\0' && error[0] != '\0' ? ": " : "", error);
}

static void print_status(value_t *answer, const char *best)
{
    value_t *providers = json_object_object_get(answer, "providers");
    bool colours = isatty(STDOUT_FILENO) != 0 && getenv("NO_COLOR") == NULL;
    int width = width_of_names(providers);
    printf("  %-*s  %-8s  %11s  %8s  %7s  WHY\n", width, "PROVIDER", "STATE", "LATENCY", "UPTIME", "LIMIT");
    json_object_object_foreach(providers, name, provider) print_provider(name, provider, width, colours, best);
}

/* One table; false when there was no answer. `version`: of the table before, 0 = none; of this one then. */
static bool show_status(struct asking *asking, const struct ask_wishes *wishes, int64_t *version)
{
    char path[128] = "/api/providers/status", best[128] = "";
    if (*version != 0)
        snprintf(path, sizeof(path), "/api/providers/status?wait=%ds&version=%" PRId64, WAIT_S, *version);
    value_t *answer = ask(asking, path);
    if (answer == NULL)
        return false;
    *version = json_object_get_int64(json_object_object_get(answer, "version"));
    if (wishes->json) {
        puts(buf_text(&asking->body));
    } else {
        value_t *named = ask(asking, "/api/providers/best?n=1");
        snprintf(best, sizeof(best), "%s", named != NULL ? text_in(named, "best_provider") : "");
        if (wishes->watch && isatty(STDOUT_FILENO))
            fputs("\033[H\033[2J", stdout);
        print_status(answer, best);
        json_object_put(named);
    }
    fflush(stdout);
    json_object_put(answer);
    return true;
}

int status_command(const struct settings *settings, const struct ask_wishes *wishes)
{
    struct asking asking;
    int64_t version = 0;
    int status = begin(&asking, settings);
    if (status == 0) {
        bool answered = show_status(&asking, wishes, &version);
        while (answered && wishes->watch && ferror(stdout) == 0) {
            sleep(1); /* with many providers there is always a change */
            answered = show_status(&asking, wishes, &version);
        }
        status = answered ? 0 : 1;
    }
    end(&asking);
    return status;
}

/* -- best -- */

int best_command(const struct settings *settings, const struct ask_wishes *wishes)
{
    struct asking asking;
    int status = begin(&asking, settings);
    value_t *answer = status == 0 ? ask(&asking, "/api/providers/best") : NULL;
    if (status == 0)
        status = 1;
    if (answer != NULL) {
        const char *name = text_in(answer, "best_provider");
        if (wishes->json)
            puts(buf_text(&asking.body));
        else if (name[0] != '\0')
            puts(name);
        if (!wishes->json) /* beside what a script reads */
            fprintf(stderr, "%s\n", text_in(answer, "reason"));
        status = name[0] != '\0' ? 0 : 1;
        json_object_put(answer);
    }
    end(&asking);
    return status;
}

/* -- history -- */

/* The mean of each step, as a row of bars; a gap where nothing was measured. */
static void print_sparks(value_t *steps, size_t count)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double most = 0;
    for (size_t i = 0; i < count; ++i)
        most = fmax(most, number_in(json_object_array_get_idx(steps, i), "mean"));
    for (size_t i = 0; i < count; ++i) {
        value_t *step = json_object_array_get_idx(steps, i);
        double mean = number_in(step, "mean");
        bool failed = number_in(step, "up") < number_in(step, "checks");
        if (isnan(mean) || most <= 0)
            fputs(failed ? "x" : " ", stdout);
        else
            fputs(bars[(size_t)fmin(7, floor(mean / most * 8))], stdout);
    }
    putchar('\n');
}

static void print_history(const char *name, value_t *steps)
{
    size_t count = json_object_array_length(steps);
    double checks = 0, up = 0, least = INFINITY, most = 0;
    for (size_t i = 0; i < count; ++i) {
        value_t *step = json_object_array_get_idx(steps, i);
        checks += number_in(step, "checks");
        up += number_in(step, "up");
        least = fmin(least, number_in(step, "min"));
        most = fmax(most, number_in(step, "max"));
    }
    if (checks == 0) {
        printf("%s: no checks in 24 hours\n", name);
        return;
    }
    print_sparks(steps, count);
    printf("%s, 24 hours: %.0f checks, %.2f %% up", name, checks, 100 * up / checks);
    if (isfinite(least))
        printf(", latency %.1f to %.1f ms", least, most);
    putchar('\n');
}

int history_command(const struct settings *settings, const char *name, const struct ask_wishes *wishes)
{
    struct asking asking;
    char path[512];
    int status = begin(&asking, settings);
    char *escaped = status == 0 ? curl_easy_escape(asking.curl, name, 0) : NULL;
    snprintf(path, sizeof(path), "/api/providers/history/%.256s?hours=24&points=96", escaped != NULL ? escaped : "");
    value_t *answer = status == 0 ? ask(&asking, path) : NULL;
    curl_free(escaped);
    if (status == 0)
        status = 1;
    if (answer != NULL && json_object_is_type(answer, json_type_array)) {
        if (wishes->json)
            puts(buf_text(&asking.body));
        else
            print_history(name, answer);
        status = 0;
    }
    json_object_put(answer);
    end(&asking);
    return status;
}

/* -- reload -- */

/* The event that tells what came of the reload; NULL after saying why it is not known. */
static value_t *await_reload(struct asking *asking, int64_t since_id)
{
    char path[160];
    snprintf(path, sizeof(path),
             "/api/providers/events?since_id=%" PRId64 "&kind=reloaded,reload_failed&limit=1&wait=%ds", since_id,
             WAIT_S);
    value_t *answer = ask(asking, path);
    value_t *events = answer != NULL ? json_object_object_get(answer, "events") : NULL;
    value_t *event = json_object_is_type(events, json_type_array) ? json_object_array_get_idx(events, 0) : NULL;
    if (answer != NULL && event == NULL)
        fprintf(stderr, "providerd: %s has not reloaded within %d s\n", asking->base, WAIT_S);
    json_object_get(event);
    json_object_put(answer);
    return event;
}

int reload_command(const struct settings *settings, const struct ask_wishes *wishes)
{
    struct asking asking;
    int status = begin(&asking, settings);
    value_t *begun = status == 0 ? ask_by(&asking, "POST", "/api/reload") : NULL;
    value_t *event =
        begun != NULL ? await_reload(&asking, json_object_get_int64(json_object_object_get(begun, "since_id"))) : NULL;
    if (status == 0)
        status = 1;
    if (event != NULL) {
        bool taken = strcmp(text_in(event, "kind"), "reloaded") == 0;
        if (wishes->json)
            puts(json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        else if (taken)
            puts("reloaded");
        else
            fprintf(stderr, "providerd: reload refused, all goes on as before: %s\n", text_in(event, "message"));
        status = taken ? 0 : 1;
    }
    json_object_put(event);
    json_object_put(begun);
    end(&asking);
    return status;
}
