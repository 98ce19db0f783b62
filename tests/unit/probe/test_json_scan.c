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
    static const char *const whole[] = {"{}",   "[]",       " [1, {\"a\":\"]}\\\"\"}] \n", "\"text\"", "null",
                                        " 12 ", "[[[[]]]]", "{\"data\":[{\"id\":\"m\"}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); ++i) {
        for (size_t piece = 1; piece < 8; ++piece)
            assert_true(is_whole(whole[i], piece));
    }
}

static void broken_values_are_not(void **state)
{
    static const char *const broken[] = {"",  "  ",   "{",      "[1,2",    "{\"a\":\"b",    "[}", "{]", "{} {}",
                                         "]", "[] x", "<html>", "\"a\\\"", "{\"a\": [1, 2}"};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_values_are_whole_in_any_cuts),
        cmocka_unit_test(broken_values_are_not),
        cmocka_unit_test(deep_nesting_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
