/* Lists of models, as scripts return them. */
#include "script/models.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

static int read_protected(lua_State *L)
{
    lua_pushlightuserdata(L, model_list_read(L, 1));
    return 1;
}

/* The list of a text; fails the test when it is refused. */
static struct model_list *read_list(lua_State *L, const char *text)
{
    lua_pushcfunction(L, read_protected);
    push(L, text);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
        fail_msg("%s is refused: %s", text, lua_tostring(L, -1));
    struct model_list *list = lua_touserdata(L, -1);
    lua_pop(L, 1);
    assert_non_null(list);
    return list;
}

static void each_field_is_read(void **state)
{
    struct model_list *list =
        read_list(*state, "{ { id = 'Vendor/B', context = 131072, price = 1.25, created = 1700000000, chat = true,"
                          " deprecated = true }, { id = 'a', chat = false, deprecated = false }, { id = 'c' } }");
    assert_int_equal(list->count, 3);
    assert_string_equal(list->models[0].id, "Vendor/B"); /* in the provider's order and writing */
    assert_int_equal(list->models[0].context, 131072);
    assert_true(list->models[0].price == 1.25);
    assert_int_equal(list->models[0].created_s, 1700000000);
    assert_int_equal(list->models[0].chat, 1);
    assert_true(list->models[0].deprecated);
    assert_string_equal(list->models[1].id, "a");
    assert_int_equal(list->models[1].chat, 0);
    assert_false(list->models[1].deprecated);
    assert_int_equal(list->models[2].context, 0);
    assert_true(list->models[2].price == -1);
    assert_int_equal(list->models[2].created_s, 0);
    assert_int_equal(list->models[2].chat, -1);
    assert_false(list->models[2].deprecated);
    model_list_release(list);
}

static void an_empty_list_is_a_list(void **state)
{
    struct model_list *list = read_list(*state, "{}");
    assert_int_equal(list->count, 0);
    model_list_release(list);
}

static void what_cannot_be_is_not_told(void **state)
{
    struct model_list *list =
        read_list(*state, "{ { id = 'a', context = -1, price = 0/0, created = -5, chat = 1, deprecated = 'yes' },"
                          " { id = 'b', context = 1e12, price = 1/0, created = 1e11 },"
                          " { id = 'c', context = '8192', price = '1', created = '1', chat = 'true' },"
                          " { id = 'd', context = 1e300, price = 0, created = 0/0 },"
                          " { id = 'e', context = 999999999999, created = 99999999999, price = 1e-9 } }");
    for (size_t i = 0; i < 4; ++i) {
        assert_int_equal(list->models[i].context, 0);
        assert_int_equal(list->models[i].created_s, 0);
        assert_int_equal(list->models[i].chat, -1);
        assert_false(list->models[i].deprecated);
        assert_true(list->models[i].price == (i == 3 ? 0 : -1));
    }
    assert_int_equal(list->models[4].context, INT64_C(999999999999));
    assert_int_equal(list->models[4].created_s, INT64_C(99999999999));
    assert_true(list->models[4].price == 1e-9);
    model_list_release(list);
}

static void a_price_below_nothing_is_not_told(void **state)
{
    struct model_list *list = read_list(*state, "{ { id = 'a', price = -2000000 }, { id = 'b', price = -1e-9 } }");
    assert_true(list->models[0].price == -1); /* as a router writes "it depends" */
    assert_true(list->models[1].price == -1);
    model_list_release(list);
}

static void of_doubles_the_first_stays(void **state)
{
    struct model_list *list = read_list(*state, "{ { id = 'b', context = 1 }, { id = 'a', context = 2 },"
                                                " { id = 'b', context = 3 }, { id = 'B', context = 4 },"
                                                " { id = 'a', context = 5 }, { id = 'b', context = 6 } }");
    assert_int_equal(list->count, 3);
    assert_string_equal(list->models[0].id, "b");
    assert_int_equal(list->models[0].context, 1);
    assert_string_equal(list->models[1].id, "a");
    assert_int_equal(list->models[1].context, 2);
    assert_string_equal(list->models[2].id, "B");
    assert_int_equal(list->models[2].context, 4);
    model_list_release(list);
}

static void other_lists_are_refused_by_name(void **state)
{
    static const struct {
        const char *text, *message;
    } refusals[] = {
        {"{ 'a' }", "model 1 of the list is a string, expected a table with an id"},
        {"{ { id = 'a' }, 5 }", "model 2 of the list is a number, expected a table with an id"},
        {"{ {} }", "the id of model 1 of the list: expected a text of 1 to 127 bytes"},
        {"{ { id = '' } }", "the id of model 1 of the list: expected a text of 1 to 127 bytes"},
        {"{ { id = 5 } }", "the id of model 1 of the list: expected a text of 1 to 127 bytes"},
        {"{ { id = 'a\\0b' } }", "the id of model 1 of the list: expected a text of 1 to 127 bytes"},
        {"{ { id = ('a'):rep(128) } }", "the id of model 1 of the list: expected a text of 1 to 127 bytes"},
        {"(function() local t = {} for i = 1, 4001 do t[i] = { id = 'm' .. i } end return t end)()",
         "the list holds 4001 models, expected at most 4000"},
    };
    lua_State *L = *state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); ++i) {
        lua_pushcfunction(L, read_protected);
        push(L, refusals[i].text);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK)
            fail_msg("%s is taken", refusals[i].text);
        assert_string_equal(lua_tostring(L, -1), refusals[i].message);
        lua_pop(L, 1);
    }
}

static void the_largest_list_is_taken(void **state)
{
    struct model_list *list = read_list(*state, "(function() local t = {} for i = 1, 4000 do t[i] = { id = "
                                                "('x'):rep(123) .. (1000 + i % 4000) } end return t end)()");
    assert_int_equal(list->count, MODELS_MAX);
    assert_int_equal(strlen(list->models[0].id), MODEL_ID_MAX - 1);
    assert_string_equal(list->models[MODELS_MAX - 1].id + MODEL_ID_MAX - 5, "1000");
    model_list_release(list);
}

static void nothing_of_a_metatable_runs(void **state)
{
    lua_State *L = *state;
    struct model_list *list =
        read_list(L, "{ setmetatable({ id = 'a' }, { __index = function() error('it ran') end }) }");
    assert_int_equal(list->models[0].context, 0);
    model_list_release(list);
}

static void a_list_pushed_reads_back_the_same(void **state)
{
    lua_State *L = *state;
    struct model_list *list =
        read_list(L, "{ { id = 'a', context = 8192, price = 0, created = 1700000000, chat = false, deprecated = true },"
                     " { id = 'b', price = 2.5, chat = true }, { id = 'c' } }");
    int top = lua_gettop(L);
    model_list_push(L, list);
    assert_int_equal(lua_gettop(L), top + 1);
    lua_setglobal(L, "pushed");
    if (luaL_dostring(L, "assert(#pushed == 3) local a, b, c = table.unpack(pushed)\n"
                         "assert(a.context == 8192 and math.type(a.context) == 'integer')\n"
                         "assert(a.price == 0 and a.created == 1700000000 and a.chat == false and a.deprecated)\n"
                         "assert(b.price == 2.5 and b.chat == true and b.deprecated == nil and b.context == nil)\n"
                         "assert(next(c, next(c)) == nil and c.id == 'c')"))
        fail_msg("%s", lua_tostring(L, -1));
    struct model_list *again = read_list(L, "pushed");
    assert_int_equal(again->count, 3);
    for (size_t i = 0; i < 3; ++i) {
        assert_string_equal(again->models[i].id, list->models[i].id);
        assert_int_equal(again->models[i].context, list->models[i].context);
        assert_true(again->models[i].price == list->models[i].price);
        assert_int_equal(again->models[i].created_s, list->models[i].created_s);
        assert_int_equal(again->models[i].chat, list->models[i].chat);
        assert_int_equal(again->models[i].deprecated, list->models[i].deprecated);
    }
    model_list_release(again);
    model_list_release(list);
    model_list_push(L, NULL); /* not read yet */
    assert_int_equal(lua_rawlen(L, -1), 0);
}

static void it_lives_until_the_last_reference_goes(void **state)
{
    struct model_list *list = read_list(*state, "{ { id = 'a' } }");
    assert_ptr_equal(model_list_retain(list), list);
    model_list_release(list);
    assert_string_equal(list->models[0].id, "a");
    model_list_release(list);
    model_list_release(NULL);
}

#define WITH_LUA(test) cmocka_unit_test_setup_teardown(test, open_lua, close_lua)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LUA(each_field_is_read),
        WITH_LUA(an_empty_list_is_a_list),
        WITH_LUA(what_cannot_be_is_not_told),
        WITH_LUA(a_price_below_nothing_is_not_told),
        WITH_LUA(of_doubles_the_first_stays),
        WITH_LUA(other_lists_are_refused_by_name),
        WITH_LUA(the_largest_list_is_taken),
        WITH_LUA(nothing_of_a_metatable_runs),
        WITH_LUA(a_list_pushed_reads_back_the_same),
        WITH_LUA(it_lives_until_the_last_reference_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
