/* The structural scan: whole values, in any cuts, and what is not whole. */
#include "probe/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool is_whole(const char *text, size_t piece)
{
    struct json_scan scan = {0};
    for (size_t at = 0, len = strlen(text); at < len; at += piece)
        json_scan_feed(&scan, text + at, at + piece < len ? piece : len - at);
    return json_scan_whole(&scan);
}

static void whole_values_are_whole_in_any_cuts(void **state)
{
    static const char *const whole[] = {"{}",
                                        "[]",
                                        " [1, {\"a\":\"]}\\\"\"}] \n",
                                        "\"text\"",
                                        "null",
                                        " 12 ",
                                        "[[[[]]]]",
                                        "{\"data\":[{\"id\":\"m\"}]}",
                                        "[-1.5E+3, 2e-7, true, false, null, \"NaN 'x' /* */\"]"};
    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); ++i) {
        for (size_t piece = 1; piece < 8; ++piece)
            assert_true(is_whole(whole[i], piece));
    }
}

static void broken_values_are_not(void **state)
{
    static const char *const broken[] = {"",
                                         "  ",
                                         "{",
                                         "[1,2",
                                         "{\"a\":\"b",
                                         "[}",
                                         "{]",
                                         "{} {}",
                                         "]",
                                         "[] x",
                                         "<html>",
                                         "\"a\\\"",
                                         "{\"a\": [1, 2}",
                                         "[NaN]",
                                         "{'a': 1}",
                                         "[Infinity]",
                                         "[1] // one",
                                         "[1 /* one */]",
                                         "{\"a\": list}"};
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); ++i)
        assert_false(is_whole(broken[i], 3));
}

static void deep_nesting_is_counted(void **state)
{
    char deep[1001] = {0};
    (void)state;
    memset(deep, '[', 500);
    memset(deep + 500, ']', 500);
    assert_true(is_whole(deep, 7));
    deep[999] = '\0';
    assert_false(is_whole(deep, 7));
}

static bool tells_error(const char *text, size_t piece)
{
    struct json_scan scan = {0};
    for (size_t at = 0, len = strlen(text); at < len; at += piece)
        json_scan_feed(&scan, text + at, at + piece < len ? piece : len - at);
    return json_scan_tells_error(&scan);
}

static void errors_in_a_success_are_noticed_in_any_cuts(void **state)
{
    static const char *const telling[] = {
        "{\"error\":\"no such model\"}",
        "{ \"error\" : { \"code\" : 502 } }",
        "{\"id\":\"x\",\"choices\":[{\"error\":null}],\"error\":{\"message\":\"\"}}",
        "{\"a\":{\"b\":[1,{}]},\"error\":\"\\\"\"}",
        "{\"success\": false, \"errors\": []}",
        "{\"result\":null,\"success\":false}",
        "{\"error\":null,\"error\":\"again\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); ++i) {
        for (size_t piece = 1; piece < 9; ++piece)
            assert_true(tells_error(telling[i], piece));
    }
}

static void what_tells_no_error_is_left_alone(void **state)
{
    static const char *const silent[] = {
        "{\"error\":null}",
        "{\"error\":\"\"}",
        "{\"error\":false}",
        "{\"error\":{}}",
        "{\"error\": { } , \"x\": {\"y\": 1}}",
        "{\"error\":0}",
        "{\"error\":[],\"data\":\"x\"}",
        "{\"errors\":\"x\"}",
        "{\"erro\":\"x\"}",
        "{\"data\":[{\"error\":\"x\"}]}",
        "{\"a\":\"error\",\"b\":\"x\"}",
        "[\"error\",\"x\"]",
        "[{\"error\":\"x\"}]",
        "{\"success\":true}",
        "{\"success\":\"false\"}",
        "{\"successfully\":false}",
        "\"error\"",
        "{\"a\":\"\\\"error\",\"b\":{\"success\":false}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); ++i) {
        for (size_t piece = 1; piece < 9; ++piece)
            assert_false(tells_error(silent[i], piece));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_values_are_whole_in_any_cuts),
        cmocka_unit_test(broken_values_are_not),
        cmocka_unit_test(deep_nesting_is_counted),
        cmocka_unit_test(errors_in_a_success_are_noticed_in_any_cuts),
        cmocka_unit_test(what_tells_no_error_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
