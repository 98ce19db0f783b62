#include "script/tuning.h"

#include "base/duration.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const double SHARE_LEAST = 0.01; /* percent; 0 would be "not said": who wants none switches deep probes off */

static const char *shown(lua_State *L, char *out, size_t out_size)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        snprintf(out, out_size, "\"%.60s\"", lua_tostring(L, -1));
    else if (lua_type(L, -1) == LUA_TNUMBER)
        snprintf(out, out_size, "the number %.14g", lua_tonumber(L, -1));
    else
        snprintf(out, out_size, "a %s", luaL_typename(L, -1));
    return out;
}

/* -- one value -- */

/* The field of the table on top, past any metatable: none of its functions runs, so nothing can raise past what is held
 * here. [-0, +1, m] */
static int raw_field(lua_State *L, const char *field)
{
    lua_pushstring(L, field);
    return lua_rawget(L, -2);
}

static bool refuse(lua_State *L, const char *expected, char *fault, size_t fault_size)
{
    char got[96];
    snprintf(fault, fault_size, "expected %s; got %s", expected, shown(L, got, sizeof(got)));
    return false;
}

/* "p95 * 2", "p99", with any spaces. */
static bool parse_learned(const char *text, struct latency_threshold *threshold)
{
    double percent, factor = 1;
    int end = 0;
    if (sscanf(text, " p%lf %n", &percent, &end) != 1 || end == 0)
        return false;
    if (text[end] == '*') {
        int rest = 0;
        if (sscanf(text + end, "* %lf %n", &factor, &rest) != 1 || text[end + rest] != '\0')
            return false;
    } else if (text[end] != '\0') {
        return false;
    }
    *threshold = (struct latency_threshold){.percent = percent, .factor = factor};
    return percent > 0 && percent < 100 && factor > 0 && factor <= 100;
}

bool latency_threshold_read(lua_State *L, struct latency_threshold *threshold, char *fault, size_t fault_size)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    int64_t ms;
    if (duration_parse_ms(text, strlen(text), &ms) == 0 && ms >= 1 && ms <= LATENCY_THRESHOLD_MAX_MS) {
        *threshold = (struct latency_threshold){.fixed_ms = ms};
        return true;
    }
    if (parse_learned(text, threshold))
        return true;
    *threshold = (struct latency_threshold){0};
    return refuse(L, "a duration from 1ms to 10m, such as \"1s\", or a share of its own latencies, such as \"p95 * 2\"",
                  fault, fault_size);
}

/* The field of the table on top as a number in a range; absent leaves *value. False with the fault. */
static bool number_field(lua_State *L, const char *field, double least, double most, double *value, char *fault,
                         size_t fault_size)
{
    bool sound = true;
    if (raw_field(L, field) != LUA_TNIL) {
        double number = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
        sound = number >= least && number <= most;
        if (sound) {
            *value = number;
        } else {
            char got[96];
            snprintf(fault, fault_size, "%s: expected a number from %g to %g; got %s", field, least, most,
                     shown(L, got, sizeof(got)));
        }
    }
    lua_pop(L, 1);
    return sound;
}

static bool duration_field(lua_State *L, const char *field, int64_t least_ms, int64_t most_ms, int64_t *value,
                           char *fault, size_t fault_size)
{
    bool sound = true;
    if (raw_field(L, field) != LUA_TNIL) {
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        int64_t ms = 0;
        sound = duration_parse_ms(text, strlen(text), &ms) == 0 && ms >= least_ms && ms <= most_ms;
        if (sound) {
            *value = ms;
        } else {
            char got[96], least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
            duration_format_ms(least_ms, least);
            duration_format_ms(most_ms, most);
            snprintf(fault, fault_size, "%s: expected a duration from %s to %s, such as \"1h\"; got %s", field, least,
                     most, shown(L, got, sizeof(got)));
        }
    }
    lua_pop(L, 1);
    return sound;
}

/* False, with the fault, when the table on top has a field that is not among `known` (ended by NULL). */
static bool only_known_fields(lua_State *L, const char *const *known, char *fault, size_t fault_size)
{
    luaL_checkstack(L, 6, "settings");
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        const char *field = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], field) != 0)
            ++i;
        if (known[i] == NULL) {
            int written = snprintf(fault, fault_size, "unknown field '%.40s', expected", field);
            for (i = 0; known[i] != NULL && written > 0 && (size_t)written < fault_size; ++i)
                written +=
                    snprintf(fault + written, fault_size - (size_t)written, "%s %s", i != 0 ? "," : "", known[i]);
            lua_pop(L, 2);
            return false;
        }
    }
    return true;
}

bool score_weights_read(lua_State *L, struct score_weights *weights, char *fault, size_t fault_size)
{
    static const char *const known[] = {"latency", "uptime", "headroom", NULL};
    struct score_weights read = {0, 0, 0};
    if (!lua_istable(L, -1))
        return refuse(L, "a table such as { latency = 1, uptime = 1, headroom = 0.5 }", fault, fault_size);
    if (!only_known_fields(L, known, fault, fault_size) ||
        !number_field(L, "latency", 0, 1000, &read.latency, fault, fault_size) ||
        !number_field(L, "uptime", 0, 1000, &read.uptime, fault, fault_size) ||
        !number_field(L, "headroom", 0, 1000, &read.headroom, fault, fault_size))
        return false;
    if (read.latency + read.uptime + read.headroom <= 0) {
        snprintf(fault, fault_size, "expected at least one weight above 0");
        return false;
    }
    *weights = read;
    return true;
}

static bool boolean_field(lua_State *L, const char *field, signed char *value, char *fault, size_t fault_size)
{
    int type = raw_field(L, field);
    bool sound = type == LUA_TNIL || type == LUA_TBOOLEAN;
    if (type == LUA_TBOOLEAN)
        *value = (signed char)lua_toboolean(L, -1);
    else if (!sound)
        snprintf(fault, fault_size, "%s: expected true or false; got a %s", field, luaL_typename(L, -1));
    lua_pop(L, 1);
    return sound;
}

static bool text_field(lua_State *L, const char *field, char **value, char *fault, size_t fault_size)
{
    int type = raw_field(L, field);
    bool sound = type == LUA_TNIL || (type == LUA_TSTRING && lua_rawlen(L, -1) != 0 && lua_rawlen(L, -1) < 128);
    if (!sound) {
        char got[96];
        snprintf(fault, fault_size, "%s: expected a text of at most 127 bytes; got %s", field,
                 shown(L, got, sizeof(got)));
    } else if (type == LUA_TSTRING) {
        free(*value);
        *value = strdup(lua_tostring(L, -1));
    }
    lua_pop(L, 1);
    return sound;
}

bool deep_tuning_read(lua_State *L, bool strict, struct deep_tuning *deep, char *fault, size_t fault_size)
{
    static const char *const known[] = {"enabled", "interval", "timed_interval", "daily_tokens", "share_percent",
                                        "model",   NULL};
    double tokens = (double)deep->daily_tokens;
    if (lua_isboolean(L, -1)) {
        deep->enabled = (signed char)lua_toboolean(L, -1);
        return true;
    }
    if (!lua_istable(L, -1))
        return refuse(L, "true, false, or a table such as { interval = \"1h\", daily_tokens = 5000 }", fault,
                      fault_size);
    bool sound = (!strict || only_known_fields(L, known, fault, fault_size)) &&
                 boolean_field(L, "enabled", &deep->enabled, fault, fault_size) &&
                 duration_field(L, "interval", 100, 30 * DAY_MS, &deep->interval_ms, fault, fault_size) &&
                 duration_field(L, "timed_interval", 100, 30 * DAY_MS, &deep->timed_interval_ms, fault, fault_size) &&
                 number_field(L, "daily_tokens", 1, 1e12, &tokens, fault, fault_size) &&
                 number_field(L, "share_percent", SHARE_LEAST, 100, &deep->share_percent, fault, fault_size) &&
                 text_field(L, "model", &deep->model, fault, fault_size);
    deep->daily_tokens = (int64_t)tokens;
    return sound;
}

/* -- declared limits -- */

static bool limit_read(lua_State *L, struct limit_window *window, char *fault, size_t fault_size)
{
    static const char *const known[] = {"unit", "window", "limit", NULL};
    int64_t window_ms = 0;
    if (!lua_istable(L, -1))
        return refuse(L, "an array of { unit = \"requests\", window = \"1m\", limit = 60 }", fault, fault_size);
    *window = (struct limit_window){.limit = -1, .remaining = -1};
    if (!only_known_fields(L, known, fault, fault_size) ||
        !duration_field(L, "window", 1000, 366 * DAY_MS, &window_ms, fault, fault_size) ||
        !number_field(L, "limit", 1, 1e15, &window->limit, fault, fault_size))
        return false;
    window->window_s = window_ms / 1000;
    raw_field(L, "unit");
    const char *unit = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bool sound = strcmp(unit, "requests") == 0 || strcmp(unit, "tokens") == 0;
    snprintf(window->unit, sizeof(window->unit), "%s", unit);
    lua_pop(L, 1);
    if (!sound || window->limit < 1 || window->window_s == 0) {
        snprintf(fault, fault_size, "expected { unit = \"requests\" or \"tokens\", window = \"1m\", limit = 60 }");
        return false;
    }
    return true;
}

bool declared_limits_read(lua_State *L, struct tuning *tuning, char *fault, size_t fault_size)
{
    size_t count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    if (!lua_istable(L, -1) || count > LIMIT_WINDOWS_MAX)
        return refuse(L, "an array of at most 16 limits { unit = \"requests\", window = \"1m\", limit = 60 }", fault,
                      fault_size);
    struct limit_window *limits = calloc(count + 1, sizeof(*limits));
    bool sound = limits != NULL;
    luaL_checkstack(L, 6, "limits");
    for (size_t i = 0; i < count && sound; ++i) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        sound = limit_read(L, &limits[i], fault, fault_size);
        lua_pop(L, 1);
    }
    if (!sound) {
        free(limits);
        return false;
    }
    free(tuning->limits);
    tuning->limits = limits;
    tuning->limit_count = count;
    return true;
}

/* -- all of it -- */

#define LAY(field)                                                                                                     \
    do {                                                                                                               \
        if (over->field != 0)                                                                                          \
            tuning->field = over->field;                                                                               \
    } while (0)

static bool merge_deep(struct deep_tuning *deep, const struct deep_tuning *over)
{
    if (over->enabled >= 0)
        deep->enabled = over->enabled;
    if (over->interval_ms != 0)
        deep->interval_ms = over->interval_ms;
    if (over->timed_interval_ms != 0)
        deep->timed_interval_ms = over->timed_interval_ms;
    if (over->daily_tokens != 0)
        deep->daily_tokens = over->daily_tokens;
    if (over->share_percent > 0)
        deep->share_percent = over->share_percent;
    if (over->model == NULL)
        return true;
    free(deep->model);
    deep->model = strdup(over->model);
    return deep->model != NULL;
}

bool tuning_merge(struct tuning *tuning, const struct tuning *over)
{
    LAY(interval_ms);
    LAY(quick_interval_ms);
    LAY(down_interval_ms);
    LAY(models_interval_ms);
    LAY(timeout_ms);
    LAY(max_consecutive_failures);
    LAY(successes_to_recover);
    LAY(max_in_flight);
    if (over->degraded_latency.fixed_ms != 0 || over->degraded_latency.percent > 0)
        tuning->degraded_latency = over->degraded_latency;
    if (over->weights.latency + over->weights.uptime + over->weights.headroom > 0)
        tuning->weights = over->weights;
    if (over->limits != NULL) {
        struct limit_window *copy = calloc(over->limit_count + 1, sizeof(*copy));
        if (copy == NULL)
            return false;
        memcpy(copy, over->limits, over->limit_count * sizeof(*copy));
        free(tuning->limits);
        tuning->limits = copy;
        tuning->limit_count = over->limit_count;
    }
    return merge_deep(&tuning->deep, &over->deep);
}

void tuning_dispose(struct tuning *tuning)
{
    free(tuning->deep.model);
    free(tuning->limits);
    kind_changes_dispose(&tuning->kinds);
    *tuning = TUNING_NONE;
}
