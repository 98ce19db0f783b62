/* How a provider is watched: the values that scripts and the configuration may say, and how they are laid over each
 * other. */
#include "script/tuning.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGE_MAX = 256 };

static int open_lua(void **state)
{
    lua_State *L = luaL_newstate();
    *state = L;
    if (L == NULL)
        return -1;
    luaL_openlibs(L);
    return 0;
}

static int close_lua(void **state)
{
    lua_close(*state);
    return 0;
}

static void push(lua_State *L, const char *text)
{
    char chunk[1024];
    snprintf(chunk, sizeof(chunk), "return %s", text);
    if (luaL_dostring(L, chunk) != LUA_OK)
        fail_msg("%s: %s", chunk, lua_tostring(L, -1));
}

struct refusal {
    const char *text, *message;
};

/* -- degraded_latency -- */

static void a_latency_is_fixed_or_learned(void **state)
{
    static const struct {
        const char *text;
        int64_t fixed_ms;
        double percent, factor;
    } cases[] = {
        {"'1ms'", 1, 0, 0},          {"'1s'", 1000, 0, 0},
        {"'10m'", 600000, 0, 0},     {"'p95 * 2'", 0, 95, 2},
        {"'p95*2'", 0, 95, 2},       {"'  p95  *  2  '", 0, 95, 2},
        {"'p99'", 0, 99, 1},         {"'p99.9 * 1.5'", 0, 99.9, 1.5},
        {"'p50 * 100'", 0, 50, 100}, {"'p0.1 * 0.1'", 0, 0.1, 0.1},
    };
    lua_State *L = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct latency_threshold read = {7, 7, 7};
        char fault[MESSAGE_MAX] = "";
        push(L, cases[i].text);
        if (!latency_threshold_read(L, &read, fault, sizeof(fault)))
            fail_msg("%s is refused: %s", cases[i].text, fault);
        assert_int_equal(read.fixed_ms, cases[i].fixed_ms);
        assert_true(read.percent == cases[i].percent);
        assert_true(read.factor == cases[i].factor);
        lua_pop(L, 1);
    }
}

static void other_latencies_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {"'0s'", "\"0s\""},
        {"'10m1s'", "\"10m1s\""},
        {"''", "\"\""},
        {"1000", "the number 1000"},
        {"nil", "a nil"},
        {"{}", "a table"},
        {"'p'", "\"p\""},
        {"'p0'", "\"p0\""},
        {"'p100'", "\"p100\""},
        {"'p-5'", "\"p-5\""},
        {"'p95 2'", "\"p95 2\""},
        {"'p95 *'", "\"p95 *\""},
        {"'p95 * 0'", "\"p95 * 0\""},
        {"'p95 * -1'", "\"p95 * -1\""},
        {"'p95 * 100.1'", "\"p95 * 100.1\""},
        {"'p95 * 2s'", "\"p95 * 2s\""},
        {"'p95 * 2 * 2'", "\"p95 * 2 * 2\""},
        {"'pnan'", "\"pnan\""},
        {"'p95 * nan'", "\"p95 * nan\""},
        {"'p95 * inf'", "\"p95 * inf\""},
        {"'P95'", "\"P95\""},
        {"'2 * p95'", "\"2 * p95\""},
    };
    lua_State *L = *state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); ++i) {
        struct latency_threshold read = {7, 7, 7};
        char fault[MESSAGE_MAX], expected[MESSAGE_MAX];
        push(L, refusals[i].text);
        if (latency_threshold_read(L, &read, fault, sizeof(fault)))
            fail_msg("%s is taken", refusals[i].text);
        snprintf(expected, sizeof(expected),
                 "expected a duration from 1ms to 10m, such as \"1s\", or a share of its own latencies, such as "
                 "\"p95 * 2\"; got %s",
                 refusals[i].message);
        assert_string_equal(fault, expected);
        assert_int_equal(read.fixed_ms, 0);
        assert_true(read.percent == 0 && read.factor == 0);
        lua_pop(L, 1);
    }
}

/* -- score_weights -- */

static void weights_are_read(void **state)
{
    lua_State *L = *state;
    struct score_weights read = {7, 7, 7};
    char fault[MESSAGE_MAX] = "";
    push(L, "{ uptime = 0.5, headroom = 1000 }");
    assert_true(score_weights_read(L, &read, fault, sizeof(fault)));
    assert_true(read.latency == 0); /* what is not named has no weight */
    assert_true(read.uptime == 0.5);
    assert_true(read.headroom == 1000);
}

static void other_weights_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {"{}", "expected at least one weight above 0"},
        {"{ latency = 0, uptime = 0 }", "expected at least one weight above 0"},
        {"{ latency = -1 }", "latency: expected a number from 0 to 1000; got the number -1"},
        {"{ uptime = 1000.5 }", "uptime: expected a number from 0 to 1000; got the number 1000.5"},
        {"{ headroom = 0/0 }", "headroom: expected a number from 0 to 1000; got the number -nan"},
        {"{ headroom = 1/0 }", "headroom: expected a number from 0 to 1000; got the number inf"},
        {"{ latency = '1' }", "latency: expected a number from 0 to 1000; got \"1\""},
        {"{ latency = 1, speed = 1 }", "unknown field 'speed', expected latency, uptime, headroom"},
        {"{ 1 }", "unknown field '?', expected latency, uptime, headroom"},
        {"5", "expected a table such as { latency = 1, uptime = 1, headroom = 0.5 }; got the number 5"},
    };
    lua_State *L = *state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); ++i) {
        struct score_weights read = {7, 7, 7};
        char fault[MESSAGE_MAX];
        push(L, refusals[i].text);
        int top = lua_gettop(L);
        if (score_weights_read(L, &read, fault, sizeof(fault)))
            fail_msg("%s is taken", refusals[i].text);
        assert_string_equal(fault, refusals[i].message);
        assert_true(read.latency == 7 && read.uptime == 7 && read.headroom == 7);
        assert_int_equal(lua_gettop(L), top);
    }
}

/* -- deep -- */

static void deep_is_a_switch_or_a_table(void **state)
{
    lua_State *L = *state;
    struct deep_tuning deep = {.enabled = -1, .interval_ms = 7, .daily_tokens = 9, .share_percent = 3};
    char fault[MESSAGE_MAX] = "";
    push(L, "true");
    assert_true(deep_tuning_read(L, true, &deep, fault, sizeof(fault)));
    assert_int_equal(deep.enabled, 1);
    assert_int_equal(deep.interval_ms, 7);
    push(L, "false");
    assert_true(deep_tuning_read(L, true, &deep, fault, sizeof(fault)));
    assert_int_equal(deep.enabled, 0);
    push(L, "{ interval = '100ms', timed_interval = '30d' }");
    assert_true(deep_tuning_read(L, true, &deep, fault, sizeof(fault)));
    assert_int_equal(deep.enabled, 0); /* what is not named stays */
    assert_int_equal(deep.interval_ms, 100);
    assert_int_equal(deep.timed_interval_ms, INT64_C(2592000000));
    assert_int_equal(deep.daily_tokens, 9);
    assert_true(deep.share_percent == 3);
    push(L, "{ enabled = true, daily_tokens = 1e12, share_percent = 100, model = 'a' }");
    assert_true(deep_tuning_read(L, true, &deep, fault, sizeof(fault)));
    assert_int_equal(deep.enabled, 1);
    assert_int_equal(deep.daily_tokens, INT64_C(1000000000000));
    assert_true(deep.share_percent == 100);
    assert_string_equal(deep.model, "a");
    push(L, "{ daily_tokens = 1, share_percent = 0.01, model = ('b'):rep(127) }");
    assert_true(deep_tuning_read(L, true, &deep, fault, sizeof(fault)));
    assert_int_equal(deep.daily_tokens, 1);
    assert_true(deep.share_percent == 0.01);
    assert_int_equal(strlen(deep.model), 127);
    free(deep.model);
}

static void other_deep_settings_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {"'on'", "expected true, false, or a table such as { interval = \"1h\", daily_tokens = 5000 }; got \"on\""},
        {"{ enabled = 1 }", "enabled: expected true or false; got a number"},
        {"{ interval = '99ms' }", "interval: expected a duration from 100ms to 30d, such as \"1h\"; got \"99ms\""},
        {"{ interval = 5 }", "interval: expected a duration from 100ms to 30d, such as \"1h\"; got the number 5"},
        {"{ timed_interval = '31d' }",
         "timed_interval: expected a duration from 100ms to 30d, such as \"1h\"; got \"31d\""},
        {"{ daily_tokens = 0 }", "daily_tokens: expected a number from 1 to 1e+12; got the number 0"},
        {"{ daily_tokens = -1 }", "daily_tokens: expected a number from 1 to 1e+12; got the number -1"},
        {"{ daily_tokens = 2e12 }", "daily_tokens: expected a number from 1 to 1e+12; got the number 2000000000000"},
        {"{ daily_tokens = '5' }", "daily_tokens: expected a number from 1 to 1e+12; got \"5\""},
        {"{ share_percent = 0 }", "share_percent: expected a number from 0.01 to 100; got the number 0"},
        {"{ share_percent = 100.5 }", "share_percent: expected a number from 0.01 to 100; got the number 100.5"},
        {"{ model = '' }", "model: expected a text of at most 127 bytes; got \"\""},
        {"{ model = 5 }", "model: expected a text of at most 127 bytes; got the number 5"},
        {"{ modell = 'a' }", "unknown field 'modell', expected enabled, interval, timed_interval, daily_tokens, "
                             "share_percent, model"},
    };
    lua_State *L = *state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); ++i) {
        struct deep_tuning deep = {.enabled = -1};
        char fault[MESSAGE_MAX];
        push(L, refusals[i].text);
        int top = lua_gettop(L);
        if (deep_tuning_read(L, true, &deep, fault, sizeof(fault)))
            fail_msg("%s is taken", refusals[i].text);
        assert_string_equal(fault, refusals[i].message);
        assert_int_equal(lua_gettop(L), top);
        assert_null(deep.model);
    }
}

static void scripts_may_have_fields_of_their_own(void **state)
{
    lua_State *L = *state;
    struct deep_tuning deep = {.enabled = -1};
    char fault[MESSAGE_MAX] = "";
    push(L, "{ prefer = 'mini', interval = '2h' }");
    assert_true(deep_tuning_read(L, false, &deep, fault, sizeof(fault)));
    assert_int_equal(deep.interval_ms, 7200000);
    push(L, "{ prefer = 'mini', interval = '2' }");
    assert_false(deep_tuning_read(L, false, &deep, fault, sizeof(fault)));
}

/* -- limits -- */

static void declared_limits_are_read_in_order(void **state)
{
    lua_State *L = *state;
    struct tuning tuning = TUNING_NONE;
    char fault[MESSAGE_MAX] = "";
    push(L, "{ { unit = 'requests', window = '1m', limit = 40 }, { unit = 'tokens', window = '366d', limit = 1e15 },"
            " { unit = 'requests', window = '1500ms', limit = 1 } }");
    assert_true(declared_limits_read(L, &tuning, fault, sizeof(fault)));
    assert_int_equal(tuning.limit_count, 3);
    assert_string_equal(tuning.limits[0].unit, "requests");
    assert_string_equal(tuning.limits[0].name, "");
    assert_int_equal(tuning.limits[0].window_s, 60);
    assert_true(tuning.limits[0].limit == 40);
    assert_true(tuning.limits[0].remaining == -1);
    assert_int_equal(tuning.limits[0].reset_at_us, 0);
    assert_string_equal(tuning.limits[1].unit, "tokens");
    assert_int_equal(tuning.limits[1].window_s, 366 * 86400);
    assert_true(tuning.limits[1].limit == 1e15);
    assert_int_equal(tuning.limits[2].window_s, 1); /* whole seconds */
    push(L, "{}");                                  /* none: takes the place of those before */
    assert_true(declared_limits_read(L, &tuning, fault, sizeof(fault)));
    assert_int_equal(tuning.limit_count, 0);
    assert_non_null(tuning.limits);
    tuning_dispose(&tuning);
    assert_null(tuning.limits);
    assert_int_equal(tuning.deep.enabled, -1);
}

#define WHOLE "expected { unit = \"requests\" or \"tokens\", window = \"1m\", limit = 60 }"

static void other_limits_are_refused_and_leave_the_former(void **state)
{
    static const struct refusal refusals[] = {
        {"5", "expected an array of at most 16 limits { unit = \"requests\", window = \"1m\", limit = 60 }; got the "
              "number 5"},
        {"{ 5 }", "expected an array of { unit = \"requests\", window = \"1m\", limit = 60 }; got the number 5"},
        {"{ {} }", WHOLE},
        {"{ { unit = 'requests', window = '1m' } }", WHOLE},
        {"{ { unit = 'requests', limit = 5 } }", WHOLE},
        {"{ { window = '1m', limit = 5 } }", WHOLE},
        {"{ { unit = 'images', window = '1m', limit = 5 } }", WHOLE},
        {"{ { unit = 5, window = '1m', limit = 5 } }", WHOLE},
        {"{ { unit = 'requests', window = '999ms', limit = 5 } }",
         "window: expected a duration from 1s to 366d, such as \"1h\"; got \"999ms\""},
        {"{ { unit = 'requests', window = '367d', limit = 5 } }",
         "window: expected a duration from 1s to 366d, such as \"1h\"; got \"367d\""},
        {"{ { unit = 'requests', window = 60, limit = 5 } }",
         "window: expected a duration from 1s to 366d, such as \"1h\"; got the number 60"},
        {"{ { unit = 'requests', window = '1m', limit = 0 } }",
         "limit: expected a number from 1 to 1e+15; got the number 0"},
        {"{ { unit = 'requests', window = '1m', limit = 2e15 } }",
         "limit: expected a number from 1 to 1e+15; got the number 2e+15"},
        {"{ { unit = 'requests', window = '1m', limit = 5, remaining = 3 } }",
         "unknown field 'remaining', expected unit, window, limit"},
        {"{ { unit = 'requests', window = '1m', limit = 5 }, { unit = 'requests' } }", WHOLE},
    };
    lua_State *L = *state;
    struct tuning tuning = TUNING_NONE;
    char fault[MESSAGE_MAX];
    push(L, "{ { unit = 'requests', window = '1m', limit = 40 } }");
    assert_true(declared_limits_read(L, &tuning, fault, sizeof(fault)));
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); ++i) {
        push(L, refusals[i].text);
        int top = lua_gettop(L);
        if (declared_limits_read(L, &tuning, fault, sizeof(fault)))
            fail_msg("%s is taken", refusals[i].text);
        assert_string_equal(fault, refusals[i].message);
        assert_int_equal(lua_gettop(L), top);
        assert_int_equal(tuning.limit_count, 1);
        assert_true(tuning.limits[0].limit == 40);
    }
    tuning_dispose(&tuning);
}

static void there_are_at_most_16_limits(void **state)
{
    static const char of[] = "(function() local t = {} for i = 1, %d do"
                             " t[i] = { unit = 'requests', window = i .. 's', limit = i } end return t end)()";
    lua_State *L = *state;
    struct tuning tuning = TUNING_NONE;
    char fault[MESSAGE_MAX] = "", text[256];
    snprintf(text, sizeof(text), of, LIMIT_WINDOWS_MAX);
    push(L, text);
    assert_true(declared_limits_read(L, &tuning, fault, sizeof(fault)));
    assert_int_equal(tuning.limit_count, LIMIT_WINDOWS_MAX);
    assert_int_equal(tuning.limits[LIMIT_WINDOWS_MAX - 1].window_s, LIMIT_WINDOWS_MAX);
    snprintf(text, sizeof(text), of, LIMIT_WINDOWS_MAX + 1);
    push(L, text);
    assert_false(declared_limits_read(L, &tuning, fault, sizeof(fault)));
    assert_string_equal(
        fault,
        "expected an array of at most 16 limits { unit = \"requests\", window = \"1m\", limit = 60 }; got a table");
    tuning_dispose(&tuning);
}

/* A metatable's functions would run in the midst of the reading, and what they raise would pass by what it holds. */
static int read_each(lua_State *L)
{
    struct tuning *tuning = lua_touserdata(L, 1);
    char fault[MESSAGE_MAX];
    lua_settop(L, 2);
    lua_pushboolean(L, declared_limits_read(L, tuning, fault, sizeof(fault)));
    lua_insert(L, 1);
    lua_rawgeti(L, 3, 1);
    lua_pushboolean(L, deep_tuning_read(L, false, &tuning->deep, fault, sizeof(fault)));
    lua_insert(L, 2);
    lua_pushboolean(L, score_weights_read(L, &tuning->weights, fault, sizeof(fault)));
    lua_insert(L, 3);
    lua_settop(L, 3);
    return 3;
}

static void nothing_of_a_metatable_runs(void **state)
{
    lua_State *L = *state;
    struct tuning tuning = TUNING_NONE;
    lua_pushcfunction(L, read_each);
    lua_pushlightuserdata(L, &tuning);
    push(L, "{ setmetatable({}, { __index = function() error('a function of a metatable ran') end }) }");
    if (lua_pcall(L, 2, 3, 0) != LUA_OK)
        fail_msg("it raised: %s", lua_tostring(L, -1));
    assert_false(lua_toboolean(L, -3));
    assert_true(lua_toboolean(L, -2));
    assert_false(lua_toboolean(L, -1));
    tuning_dispose(&tuning);
}

/* -- one over the other -- */

static void what_is_said_is_laid_over_what_was(void **state)
{
    struct tuning tuning = {
        .interval_ms = 1,
        .quick_interval_ms = 2,
        .down_interval_ms = 3,
        .models_interval_ms = 4,
        .timeout_ms = 5,
        .degraded_latency = {.fixed_ms = 6},
        .max_consecutive_failures = 7,
        .successes_to_recover = 8,
        .max_in_flight = 9,
        .weights = {.latency = 10},
        .deep = {.enabled = 1, .interval_ms = 11, .timed_interval_ms = 12, .daily_tokens = 13, .share_percent = 14},
    };
    struct tuning over = {
        .interval_ms = 101,
        .quick_interval_ms = 102,
        .down_interval_ms = 103,
        .models_interval_ms = 104,
        .timeout_ms = 105,
        .degraded_latency = {.percent = 95, .factor = 2},
        .max_consecutive_failures = 107,
        .successes_to_recover = 108,
        .max_in_flight = 109,
        .weights = {.headroom = 110},
        .deep = {.enabled = 0, .interval_ms = 111, .timed_interval_ms = 112, .daily_tokens = 113, .share_percent = 99},
    };
    struct tuning none = TUNING_NONE;
    (void)state;
    assert_true(tuning_merge(&tuning, &none));
    assert_int_equal(tuning.interval_ms, 1);
    assert_int_equal(tuning.degraded_latency.fixed_ms, 6);
    assert_int_equal(tuning.deep.enabled, 1);
    assert_int_equal(tuning.deep.daily_tokens, 13);
    assert_true(tuning.deep.share_percent == 14);
    assert_true(tuning.weights.latency == 10);
    assert_true(tuning_merge(&tuning, &over));
    assert_memory_equal(&tuning, &over, offsetof(struct tuning, degraded_latency));
    assert_int_equal(tuning.degraded_latency.fixed_ms, 0); /* learned in place of fixed: not both */
    assert_true(tuning.degraded_latency.percent == 95);
    assert_int_equal(tuning.max_consecutive_failures, 107);
    assert_int_equal(tuning.successes_to_recover, 108);
    assert_int_equal(tuning.max_in_flight, 109);
    assert_true(tuning.weights.latency == 0); /* weights go together */
    assert_true(tuning.weights.headroom == 110);
    assert_int_equal(tuning.deep.enabled, 0);
    assert_int_equal(tuning.deep.interval_ms, 111);
    assert_int_equal(tuning.deep.timed_interval_ms, 112);
    assert_int_equal(tuning.deep.daily_tokens, 113);
    assert_true(tuning.deep.share_percent == 99);
    tuning_dispose(&tuning);
}

static void a_fixed_latency_takes_the_place_of_a_learned_one(void **state)
{
    struct tuning tuning = {.degraded_latency = {.percent = 95, .factor = 2}};
    struct tuning over = {.degraded_latency = {.fixed_ms = 500}};
    (void)state;
    assert_true(tuning_merge(&tuning, &over));
    assert_int_equal(tuning.degraded_latency.fixed_ms, 500);
    assert_true(tuning.degraded_latency.percent == 0);
}

static void lists_and_texts_are_copied(void **state)
{
    lua_State *L = *state;
    struct tuning tuning = TUNING_NONE, over = TUNING_NONE, none_declared = TUNING_NONE;
    char fault[MESSAGE_MAX];
    push(L, "{ { unit = 'requests', window = '1m', limit = 40 } }");
    assert_true(declared_limits_read(L, &over, fault, sizeof(fault)));
    push(L, "{ model = 'a' }");
    assert_true(deep_tuning_read(L, true, &over.deep, fault, sizeof(fault)));
    assert_true(tuning_merge(&tuning, &over));
    assert_true(tuning_merge(&tuning, &over));
    tuning_dispose(&over);
    assert_int_equal(tuning.limit_count, 1);
    assert_true(tuning.limits[0].limit == 40);
    assert_string_equal(tuning.deep.model, "a");
    /* An empty list is said, too: it takes away what the script declared. */
    push(L, "{}");
    assert_true(declared_limits_read(L, &none_declared, fault, sizeof(fault)));
    assert_true(tuning_merge(&tuning, &none_declared));
    assert_int_equal(tuning.limit_count, 0);
    assert_string_equal(tuning.deep.model, "a");
    tuning_dispose(&none_declared);
    tuning_dispose(&tuning);
    tuning_dispose(&tuning); /* nothing is left to free */
}

#define WITH_LUA(test) cmocka_unit_test_setup_teardown(test, open_lua, close_lua)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LUA(a_latency_is_fixed_or_learned),
        WITH_LUA(other_latencies_are_refused),
        WITH_LUA(weights_are_read),
        WITH_LUA(other_weights_are_refused),
        WITH_LUA(deep_is_a_switch_or_a_table),
        WITH_LUA(other_deep_settings_are_refused),
        WITH_LUA(scripts_may_have_fields_of_their_own),
        WITH_LUA(declared_limits_are_read_in_order),
        WITH_LUA(other_limits_are_refused_and_leave_the_former),
        WITH_LUA(there_are_at_most_16_limits),
        WITH_LUA(nothing_of_a_metatable_runs),
        cmocka_unit_test(what_is_said_is_laid_over_what_was),
        cmocka_unit_test(a_fixed_latency_takes_the_place_of_a_learned_one),
        WITH_LUA(lists_and_texts_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
