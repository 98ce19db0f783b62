/* What a status page says. */
#include "script/announcement.h"

#include "base/clock.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char key[] = "0123456789-a-key-without-a-known-look-0123456789";

struct fixture {
    lua_State *L;
    struct redactor *redactor;
};

static struct fixture the_fixture;

static int set_up(void **state)
{
    struct fixture *f = &the_fixture;
    f->L = luaL_newstate();
    f->redactor = redactor_new();
    if (f->L == NULL || f->redactor == NULL || !redactor_add(f->redactor, key, strlen(key)))
        return -1;
    luaL_openlibs(f->L);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    lua_close(f->L);
    redactor_free(f->redactor);
    return 0;
}

static struct announcement *read_page(struct fixture *f, const char *text)
{
    char chunk[1024];
    snprintf(chunk, sizeof(chunk), "return %s", text);
    if (luaL_dostring(f->L, chunk) != LUA_OK)
        fail_msg("%s: %s", chunk, lua_tostring(f->L, -1));
    int top = lua_gettop(f->L);
    struct announcement *page = announcement_read(f->L, top, f->redactor);
    assert_non_null(page);
    assert_int_equal(lua_gettop(f->L), top);
    lua_settop(f->L, 0);
    return page;
}

static void each_field_is_read(void **state)
{
    int64_t before_us = clock_wall_us();
    struct announcement *page =
        read_page(*state, "{ state = 'degraded', message = 'Partial outage', updated_at = 1700000000.25, stale = true,"
                          " incidents = { { name = 'Slow answers', impact = 'minor', since = 1699999000 },"
                          " { name = 'Other' } } }");
    assert_string_equal(page->state, "degraded");
    assert_string_equal(page->message, "Partial outage");
    assert_int_equal(page->updated_us, INT64_C(1700000000250000));
    assert_in_range(page->read_us, before_us, clock_wall_us());
    assert_true(page->stale);
    assert_int_equal(page->incident_count, 2);
    assert_string_equal(page->incidents[0].name, "Slow answers");
    assert_string_equal(page->incidents[0].impact, "minor");
    assert_int_equal(page->incidents[0].since_us, INT64_C(1699999000000000));
    assert_string_equal(page->incidents[1].name, "Other");
    assert_string_equal(page->incidents[1].impact, "");
    assert_int_equal(page->incidents[1].since_us, 0);
    announcement_release(page);
}

static void an_empty_table_says_nothing(void **state)
{
    struct announcement *page = read_page(*state, "{}");
    assert_string_equal(page->state, "unknown");
    assert_string_equal(page->message, "");
    assert_int_equal(page->updated_us, 0);
    assert_false(page->stale);
    assert_int_equal(page->incident_count, 0);
    announcement_release(page);
}

static void states_are_four_or_unknown(void **state)
{
    static const struct {
        const char *text, *state;
    } cases[] = {{"'operational'", "operational"},
                 {"'degraded'", "degraded"},
                 {"'down'", "down"},
                 {"'maintenance'", "maintenance"},
                 {"'unknown'", "unknown"},
                 {"'Operational'", "unknown"},
                 {"'major_outage'", "unknown"},
                 {"''", "unknown"},
                 {"5", "unknown"},
                 {"true", "unknown"},
                 {"('down'):rep(99)", "unknown"},
                 {"nil", "unknown"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[96];
        snprintf(text, sizeof(text), "{ state = %s }", cases[i].text);
        struct announcement *page = read_page(*state, text);
        assert_string_equal(page->state, cases[i].state);
        announcement_release(page);
    }
}

static void times_that_cannot_be_are_not_told(void **state)
{
    static const char *const texts[] = {"0", "-1", "1e11", "1/0", "-1/0", "0/0", "'1700000000'", "true", "{}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        char text[128];
        snprintf(text, sizeof(text), "{ updated_at = %s, incidents = { { since = %s } } }", texts[i], texts[i]);
        struct announcement *page = read_page(*state, text);
        assert_int_equal(page->updated_us, 0);
        assert_int_equal(page->incident_count, 1);
        assert_int_equal(page->incidents[0].since_us, 0);
        announcement_release(page);
    }
}

static void incidents_are_bounded_and_odd_ones_passed_over(void **state)
{
    struct announcement *page = read_page(
        *state,
        "{ incidents = { 'text', { name = 'first' }, 5, { name = 7, impact = {} }, false, { name = 'third' } } }");
    assert_int_equal(page->incident_count, 3);
    assert_string_equal(page->incidents[0].name, "first");
    assert_string_equal(page->incidents[1].name, "");
    assert_string_equal(page->incidents[1].impact, "");
    assert_string_equal(page->incidents[2].name, "third");
    announcement_release(page);
    page = read_page(*state, "{ incidents = (function() local t = {} for i = 1, 1000 do t[i] = { name = 'n' .. i } end"
                             " return t end)() }");
    assert_int_equal(page->incident_count, INCIDENTS_MAX);
    assert_string_equal(page->incidents[INCIDENTS_MAX - 1].name, "n8");
    announcement_release(page);
    page = read_page(*state, "{ incidents = 'none' }");
    assert_int_equal(page->incident_count, 0);
    announcement_release(page);
}

static void long_texts_are_cut(void **state)
{
    struct announcement *page = read_page(*state, "{ message = ('m'):rep(1000), incidents = { { name = ('n'):rep(1000),"
                                                  " impact = ('i'):rep(1000) } } }");
    assert_in_range(strlen(page->message), ANNOUNCED_MESSAGE_MAX - 4, ANNOUNCED_MESSAGE_MAX - 1);
    assert_in_range(strlen(page->incidents[0].name), INCIDENT_NAME_MAX - 4, INCIDENT_NAME_MAX - 1);
    assert_in_range(strlen(page->incidents[0].impact), INCIDENT_IMPACT_MAX - 4, INCIDENT_IMPACT_MAX - 1);
    announcement_release(page);
}

static void no_secret_gets_in(void **state)
{
    struct fixture *f = *state;
    char text[512];
    snprintf(text, sizeof(text), "{ message = 'a %s', incidents = { { name = 'b %s', impact = '%s' } } }", key, key,
             key);
    struct announcement *page = read_page(f, text);
    assert_string_equal(page->message, "a ***");
    assert_string_equal(page->incidents[0].name, "b ***");
    assert_string_equal(page->incidents[0].impact, "***");
    announcement_release(page);
}

static void nothing_of_a_metatable_runs(void **state)
{
    struct announcement *page =
        read_page(*state, "setmetatable({ state = 'down' }, { __index = function() error('it ran') end,"
                          " __len = function() error('it ran') end })");
    assert_string_equal(page->state, "down");
    assert_int_equal(page->incident_count, 0);
    announcement_release(page);
}

static void one_that_could_not_be_read_says_why(void **state)
{
    char long_message[2 * ANNOUNCED_MESSAGE_MAX];
    int64_t before_us = clock_wall_us();
    (void)state;
    struct announcement *page = announcement_unknown("HTTP 503");
    assert_string_equal(page->state, "unknown");
    assert_string_equal(page->message, "HTTP 503");
    assert_in_range(page->read_us, before_us, clock_wall_us());
    assert_int_equal(page->updated_us, 0);
    assert_int_equal(page->incident_count, 0);
    assert_false(page->stale);
    assert_ptr_equal(announcement_retain(page), page);
    announcement_release(page);
    assert_string_equal(page->message, "HTTP 503");
    announcement_release(page);
    announcement_release(NULL);
    memset(long_message, 'x', sizeof(long_message));
    long_message[sizeof(long_message) - 1] = '\0';
    page = announcement_unknown(long_message);
    assert_int_equal(strlen(page->message), ANNOUNCED_MESSAGE_MAX - 1);
    announcement_release(page);
}

#define WITH_LUA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LUA(each_field_is_read),
        WITH_LUA(an_empty_table_says_nothing),
        WITH_LUA(states_are_four_or_unknown),
        WITH_LUA(times_that_cannot_be_are_not_told),
        WITH_LUA(incidents_are_bounded_and_odd_ones_passed_over),
        WITH_LUA(long_texts_are_cut),
        WITH_LUA(no_secret_gets_in),
        WITH_LUA(nothing_of_a_metatable_runs),
        cmocka_unit_test(one_that_could_not_be_read_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
