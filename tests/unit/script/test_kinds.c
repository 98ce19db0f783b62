/* The table of error kinds: what is read, changed and refused. */
#include "script/kinds.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MESSAGE_MAX = 256 };

static int open_lua(void **state)
{
    *state = luaL_newstate();
    return *state == NULL;
}

static int close_lua(void **state)
{
    lua_close(*state);
    return 0;
}

/* Pushes what a text of Lua says. */
static void push(lua_State *L, const char *text)
{
    char chunk[2048];
    snprintf(chunk, sizeof(chunk), "return %s", text);
    if (luaL_dostring(L, chunk) != LUA_OK)
        fail_msg("%s: %s", chunk, lua_tostring(L, -1));
}

static bool read_changes(lua_State *L, const char *text, struct kind_changes *changes, char error[MESSAGE_MAX])
{
    *changes = (struct kind_changes){NULL, 0};
    error[0] = '\0';
    push(L, text);
    int top = lua_gettop(L);
    bool sound = kind_changes_read(L, -1, changes, error, MESSAGE_MAX);
    assert_int_equal(lua_gettop(L), top);
    lua_pop(L, 1);
    return sound;
}

/* `table` with the changes of a text made. */
static struct kind_table *change(lua_State *L, struct kind_table *table, const char *text)
{
    struct kind_changes changes;
    char error[MESSAGE_MAX];
    if (!read_changes(L, text, &changes, error))
        fail_msg("%s is refused: %s", text, error);
    struct kind_table *changed = kind_table_change(table, &changes, error, sizeof(error));
    if (changed == NULL)
        fail_msg("%s is refused: %s", text, error);
    kind_changes_dispose(&changes);
    return changed;
}

static const char two_kinds[] =
    "{ rate = { scope = 'key', effect = 'limited', ask = 'reset', clears = 'soon',"
    "           about = 'too many' },"
    "  dns = { scope = 'provider', effect = 'failure', ask = 'interval', about = 'no name' } }";

/* -- reading -- */

static void each_field_is_read(void **state)
{
    (void)state;
    struct kind_table *table = change(*state, NULL, two_kinds);
    assert_int_equal(table->count, 2);
    assert_string_equal(table->kinds[0].name, "dns");
    assert_string_equal(table->kinds[1].name, "rate");
    const struct error_kind *rate = kind_find(table, "rate"), *dns = kind_find(table, "dns");
    assert_ptr_equal(rate, &table->kinds[1]);
    assert_int_equal(rate->scope, SCOPE_KEY);
    assert_int_equal(rate->effect, EFFECT_LIMITED);
    assert_int_equal(rate->ask, ASK_RESET);
    assert_string_equal(rate->clears, "soon");
    assert_string_equal(rate->about, "too many");
    assert_int_equal(dns->scope, SCOPE_PROVIDER);
    assert_int_equal(dns->effect, EFFECT_FAILURE);
    assert_int_equal(dns->ask, ASK_INTERVAL);
    assert_string_equal(dns->clears, "");
    assert_null(kind_find(table, ""));
    assert_null(kind_find(table, "RATE"));
    assert_null(kind_find(table, "rat"));
    assert_null(kind_find(table, "zzz"));
    kind_table_release(table);
}

static void words_are_read_as_they_are_written(void **state)
{
    static const char *const scopes[] = {"key", "model", "provider", "us"};
    static const char *const effects[] = {"failure", "limited", "degraded", "none"};
    for (int i = 0; i < 4; ++i) {
        char text[160];
        snprintf(text, sizeof(text), "{ a = { scope = '%s', effect = '%s', ask = '5s', about = '' } }", scopes[i],
                 effects[i]);
        struct kind_table *table = change(*state, NULL, text);
        assert_int_equal(table->kinds[0].scope, i);
        assert_int_equal(table->kinds[0].effect, i);
        assert_string_equal(kind_scope_name(table->kinds[0].scope), scopes[i]);
        assert_string_equal(kind_effect_name(table->kinds[0].effect), effects[i]);
        kind_table_release(table);
    }
}

static void when_to_ask_is_a_word_or_a_duration(void **state)
{
    static const struct {
        const char *text, *shown;
        enum kind_ask ask;
        int64_t ms;
    } cases[] = {{"interval", "interval", ASK_INTERVAL, 0}, {"backoff", "backoff", ASK_BACKOFF, 0},
                 {"reset", "reset", ASK_RESET, 0},          {"100ms", "100ms", ASK_AFTER, 100},
                 {"90s", "1m30s", ASK_AFTER, 90000},        {"30d", "30d", ASK_AFTER, INT64_C(2592000000)}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct kind_changes changes;
        char text[64], error[MESSAGE_MAX], shown[KIND_ASK_MAX];
        snprintf(text, sizeof(text), "{ a = { ask = '%s' } }", cases[i].text);
        assert_true(read_changes(*state, text, &changes, error));
        assert_int_equal(changes.count, 1);
        assert_true(changes.list[0].ask);
        assert_false(changes.list[0].scope || changes.list[0].effect || changes.list[0].clears ||
                     changes.list[0].about);
        assert_int_equal(changes.list[0].kind.ask, cases[i].ask);
        assert_int_equal(changes.list[0].kind.ask_ms, cases[i].ms);
        kind_ask_format(&changes.list[0].kind, shown);
        assert_string_equal(shown, cases[i].shown);
        kind_changes_dispose(&changes);
    }
}

#define SCOPES "a.scope: expected \"key\", \"model\", \"provider\" or \"us\"; got "
#define EFFECTS "a.effect: expected \"failure\", \"limited\", \"degraded\" or \"none\"; got "
#define ASKS "a.ask: expected \"interval\", \"backoff\", \"reset\" or a duration from 100ms to 30d; got "
#define NAMES "expected name = { scope, effect, clears, ask, about }; got a "

static void each_refusal_names_kind_field_expectation_and_value(void **state)
{
    static const struct {
        const char *text, *message;
    } refusals[] = {
        {"nil", "expected a table of kind = { field = value }; got a nil"},
        {"'rate'", "expected a table of kind = { field = value }; got a string"},
        {"{ a = { scope = 'Key' } }", SCOPES "\"Key\""},
        {"{ a = { scope = '' } }", SCOPES "\"\""},
        {"{ a = { scope = 1 } }", SCOPES "a number"},
        {"{ a = { effect = 'fail' } }", EFFECTS "\"fail\""},
        {"{ a = { effect = true } }", EFFECTS "a boolean"},
        {"{ a = { ask = '99ms' } }", ASKS "\"99ms\""},
        {"{ a = { ask = '31d' } }", ASKS "\"31d\""},
        {"{ a = { ask = '-1s' } }", ASKS "\"-1s\""},
        {"{ a = { ask = 'never' } }", ASKS "\"never\""},
        {"{ a = { ask = '' } }", ASKS "\"\""},
        {"{ a = { ask = 5 } }", ASKS "a number"},
        {"{ a = { clears = {} } }", "a.clears: expected a text; got a table"},
        {"{ a = { about = 5 } }", "a.about: expected a text; got a number"},
        {"{ a = { colour = 'red' } }", "a: unknown field 'colour', expected scope, effect, clears, ask or about"},
        {"{ a = { 'key' } }", "a: unknown field '?', expected scope, effect, clears, ask or about"},
        {"{ a = 5 }", NAMES "number for 'a'"},
        {"{ { ask = '1h' } }", NAMES "table for ''"},
        {"{ A = { ask = '1h' } }", NAMES "table for 'A'"},
        {"{ ['a-b'] = { ask = '1h' } }", NAMES "table for 'a-b'"},
        {"{ [''] = { ask = '1h' } }", NAMES "table for ''"},
        {"{ [('a'):rep(32)] = {} }", NAMES "table for 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"},
    };
    lua_State *L = *state;
    luaL_requiref(L, "string", luaopen_string, 1);
    lua_pop(L, 1);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); ++i) {
        struct kind_changes changes;
        char error[MESSAGE_MAX];
        if (read_changes(L, refusals[i].text, &changes, error))
            fail_msg("%s is taken", refusals[i].text);
        assert_string_equal(error, refusals[i].message);
        kind_changes_dispose(&changes);
    }
}

static void texts_are_taken_up_to_their_room(void **state)
{
    char text[512], error[MESSAGE_MAX];
    struct kind_changes changes;
    snprintf(text, sizeof(text), "{ a = { about = '%0159d', clears = '%063d' } }", 0, 0);
    assert_true(read_changes(*state, text, &changes, error));
    assert_int_equal(strlen(changes.list[0].kind.about), KIND_ABOUT_MAX - 1);
    assert_int_equal(strlen(changes.list[0].kind.clears), KIND_CLEARS_MAX - 1);
    kind_changes_dispose(&changes);
    snprintf(text, sizeof(text), "{ a = { about = '%0160d' } }", 0);
    assert_false(read_changes(*state, text, &changes, error));
    kind_changes_dispose(&changes);
    snprintf(text, sizeof(text), "{ a = { clears = '%064d' } }", 0);
    assert_false(read_changes(*state, text, &changes, error));
    kind_changes_dispose(&changes);
}

/* -- changing -- */

static void a_change_leaves_what_it_does_not_name(void **state)
{
    struct kind_table *table = change(*state, NULL, two_kinds);
    struct kind_table *changed = change(*state, table, "{ rate = { ask = '10s' } }");
    assert_ptr_not_equal(changed, table);
    const struct error_kind *rate = kind_find(changed, "rate");
    assert_int_equal(rate->ask, ASK_AFTER);
    assert_int_equal(rate->ask_ms, 10000);
    assert_int_equal(rate->effect, EFFECT_LIMITED);
    assert_int_equal(rate->scope, SCOPE_KEY);
    assert_string_equal(rate->clears, "soon");
    assert_string_equal(rate->about, "too many");
    assert_int_equal(kind_find(table, "rate")->ask, ASK_RESET); /* the former one is as it was */
    struct kind_table *again = change(
        *state, changed, "{ rate = { scope = 'us', effect = 'none', ask = 'backoff', clears = '', about = 'new' } }");
    rate = kind_find(again, "rate");
    assert_int_equal(rate->scope, SCOPE_US);
    assert_int_equal(rate->effect, EFFECT_NONE);
    assert_int_equal(rate->ask, ASK_BACKOFF);
    assert_int_equal(rate->ask_ms, 0);
    assert_string_equal(rate->clears, "");
    assert_string_equal(rate->about, "new");
    assert_int_equal(again->count, 2);
    kind_table_release(again);
    kind_table_release(changed);
    kind_table_release(table);
}

static void no_change_is_the_same_table(void **state)
{
    struct kind_table *table = change(*state, NULL, two_kinds);
    struct kind_table *same = change(*state, table, "{}");
    assert_ptr_equal(same, table);
    kind_table_release(table);
    assert_int_equal(same->count, 2);
    assert_ptr_equal(kind_table_retain(same), same);
    kind_table_release(same);
    kind_table_release(same);
    kind_table_release(NULL);
}

static void a_new_kind_finds_its_place(void **state)
{
    struct kind_table *table = change(*state, NULL, two_kinds);
    struct kind_table *changed =
        change(*state, table, "{ moon = { scope = 'us', effect = 'none', ask = '1h', about = 'it is full' } }");
    assert_int_equal(changed->count, 3);
    assert_string_equal(changed->kinds[1].name, "moon");
    assert_non_null(kind_find(changed, "dns"));
    assert_non_null(kind_find(changed, "moon"));
    assert_non_null(kind_find(changed, "rate"));
    kind_table_release(changed);
    kind_table_release(table);
}

static void expect_unchanged(lua_State *L, struct kind_table *table, const char *text, const char *message)
{
    struct kind_changes changes;
    char error[MESSAGE_MAX];
    assert_true(read_changes(L, text, &changes, error));
    assert_null(kind_table_change(table, &changes, error, sizeof(error)));
    assert_string_equal(error, message);
    kind_changes_dispose(&changes);
}

static void a_new_kind_must_say_all(void **state)
{
    struct kind_table *table = change(*state, NULL, two_kinds);
    expect_unchanged(*state, table, "{ rat = { ask = '1h' } }",
                     "rat: no kind of this name, did you mean 'rate'?; a new one needs scope, effect, ask and about");
    expect_unchanged(*state, table, "{ moon = { scope = 'us', effect = 'none', ask = '1h' } }",
                     "moon: no kind of this name; a new one needs scope, effect, ask and about");
    expect_unchanged(*state, table, "{ moon = {} }",
                     "moon: no kind of this name; a new one needs scope, effect, ask and about");
    kind_table_release(table);
}

/* Fills a table from name000 on. */
static void push_kinds(lua_State *L, int count)
{
    lua_createtable(L, 0, count);
    for (int i = 0; i < count; ++i) {
        char name[16];
        snprintf(name, sizeof(name), "name%03d", i);
        push(L, "{ scope = 'us', effect = 'none', ask = '1h', about = '' }");
        lua_setfield(L, -2, name);
    }
}

static void there_is_room_for_64_kinds(void **state)
{
    lua_State *L = *state;
    struct kind_changes changes = {NULL, 0};
    char error[MESSAGE_MAX] = "";
    push_kinds(L, KINDS_MAX);
    assert_true(kind_changes_read(L, -1, &changes, error, sizeof(error)));
    struct kind_table *table = kind_table_change(NULL, &changes, error, sizeof(error));
    assert_non_null(table);
    assert_int_equal(table->count, KINDS_MAX);
    for (int i = 0; i < KINDS_MAX; ++i) {
        char name[16];
        snprintf(name, sizeof(name), "name%03d", i);
        assert_ptr_equal(kind_find(table, name), &table->kinds[i]);
    }
    kind_changes_dispose(&changes);
    lua_pop(L, 1);
    expect_unchanged(L, table, "{ zebra = { scope = 'us', effect = 'none', ask = '1h', about = '' } }",
                     "zebra: more than 64 kinds");
    kind_table_release(table);
    push_kinds(L, KINDS_MAX + 1);
    assert_false(kind_changes_read(L, -1, &changes, error, sizeof(error)));
    assert_non_null(strstr(error, ": more than 64 kinds"));
    kind_changes_dispose(&changes);
    assert_int_equal(changes.count, 0);
    assert_null(changes.list);
}

/* -- the file -- */

static void write_library(const char *folder, const char *text)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/kinds.lua", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void the_file_must_hold_what_the_daemon_says_itself(void **state)
{
    char folder[] = "/tmp/providerd-kinds-XXXXXX", path[96], error[512];
    const char *const folders[] = {folder};
    static const char all[] = "local t = {} for _, name in ipairs({ 'timeout', 'dns', 'connect', 'tls', 'bad_response',"
                              " 'cancelled', 'script_error'%s }) do t[name] = { scope = 'us', effect = 'none',"
                              " ask = 'interval', about = name } end return t";
    char text[512];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/kinds.lua", folder);

    snprintf(text, sizeof(text), all, ", 'local'");
    write_library(folder, text);
    struct kind_table *table = kind_table_load(folders, 1, error, sizeof(error));
    assert_non_null(table);
    assert_int_equal(table->count, 8);
    assert_string_equal(kind_find(table, "tls")->about, "tls");
    kind_table_release(table);

    snprintf(text, sizeof(text), all, "");
    write_library(folder, text);
    assert_null(kind_table_load(folders, 1, error, sizeof(error)));
    assert_string_equal(error, "lib/kinds.lua: the kind 'local' is missing");

    write_library(folder, "return { timeout = { scope = 'nobody' } }");
    assert_null(kind_table_load(folders, 1, error, sizeof(error)));
    assert_non_null(strstr(error, "lib/kinds.lua: timeout.scope: expected \"key\""));

    write_library(folder, "while true do end");
    assert_null(kind_table_load(folders, 1, error, sizeof(error)));
    assert_non_null(strstr(error, "endless loop"));

    unlink(path);
    assert_null(kind_table_load(folders, 1, error, sizeof(error)));
    assert_non_null(strstr(error, "kinds"));
    rmdir(folder);
}

static void the_shipped_file_loads(void **state)
{
    char folder[512], error[512] = "";
    const char *const folders[] = {folder};
    const char *tests = strstr(__FILE__, "tests/unit/script/");
    (void)state;
    assert_non_null(tests);
    snprintf(folder, sizeof(folder), "%.*sproviders/lib", (int)(tests - __FILE__), __FILE__);
    struct kind_table *table = kind_table_load(folders, 1, error, sizeof(error));
    if (table == NULL)
        fail_msg("%s", error);
    assert_int_equal(table->count, 24);
    for (size_t i = 0; i < table->count; ++i) {
        assert_true(table->kinds[i].about[0] != '\0');
        assert_true(table->kinds[i].clears[0] != '\0');
        assert_true(i == 0 || strcmp(table->kinds[i - 1].name, table->kinds[i].name) < 0);
    }
    assert_int_equal(kind_find(table, "credit")->ask_ms, 30 * 60 * 1000);
    assert_int_equal(kind_find(table, "rate")->effect, EFFECT_LIMITED);
    assert_int_equal(kind_find(table, "local")->effect, EFFECT_NONE);
    kind_table_release(table);
}

#define WITH_LUA(test) cmocka_unit_test_setup_teardown(test, open_lua, close_lua)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LUA(each_field_is_read),
        WITH_LUA(words_are_read_as_they_are_written),
        WITH_LUA(when_to_ask_is_a_word_or_a_duration),
        WITH_LUA(each_refusal_names_kind_field_expectation_and_value),
        WITH_LUA(texts_are_taken_up_to_their_room),
        WITH_LUA(a_change_leaves_what_it_does_not_name),
        WITH_LUA(no_change_is_the_same_table),
        WITH_LUA(a_new_kind_finds_its_place),
        WITH_LUA(a_new_kind_must_say_all),
        WITH_LUA(there_is_room_for_64_kinds),
        cmocka_unit_test(the_file_must_hold_what_the_daemon_says_itself),
        cmocka_unit_test(the_shipped_file_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
