/* The JSON writer: commas, escapes, broken UTF-8, numbers. */
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void nested_values_get_their_commas(void **state)
{
    (void)state;
    struct buf out = BUF_EMPTY;
    struct json j = json_begin(&out);
    json_object(&j);
    json_key(&j, "a");
    json_array(&j);
    json_int(&j, -1);
    json_bool(&j, true);
    json_object(&j);
    json_end(&j);
    json_null(&j);
    json_end(&j);
    json_key(&j, "b");
    json_text(&j, NULL);
    json_key(&j, "c");
    json_time(&j, INT64_C(1785658080000000));
    json_end(&j);
    assert_string_equal(buf_text(&out), "{\"a\":[-1,true,{},null],\"b\":null,\"c\":\"2026-08-02T08:08:00.000Z\"}");
    buf_dispose(&out);
}

static void any_bytes_become_a_valid_string(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *json;
    } cases[] = {
        {"plain", 5, "\"plain\""},
        {"q\"b\\n\nt\t\x01\x7f", 10, "\"q\\\"b\\\\n\\nt\\t\\u0001\\u007f\""},
        {"gr\xC3\xBC\xC3\x9F", 6, "\"gr\xC3\xBC\xC3\x9F\""},
        {"\xF0\x9F\x98\x80", 4, "\"\xF0\x9F\x98\x80\""},
        {"\xC3", 1, "\"\xEF\xBF\xBD\""},                                 /* cut off */
        {"\xC0\x80", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                 /* overlong */
        {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* a surrogate */
        {"a\0b", 3, "\"a\\u0000b\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct buf out = BUF_EMPTY;
        struct json j = json_begin(&out);
        json_bytes(&j, cases[i].bytes, cases[i].len);
        assert_string_equal(buf_text(&out), cases[i].json);
        buf_dispose(&out);
    }
}

static void doubles_read_back_the_same(void **state)
{
    static const double values[] = {0.0, 100.0, 5.736589431762695, 1e-9, 0.1, 1.0 / 3, 1e22, -2.5};
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); ++i) {
        struct buf out = BUF_EMPTY;
        struct json j = json_begin(&out);
        json_double(&j, values[i]);
        assert_true(strtod(buf_text(&out), NULL) == values[i]);
        assert_non_null(strpbrk(buf_text(&out), ".e"));
        buf_dispose(&out);
    }
    struct buf out = BUF_EMPTY;
    struct json j = json_begin(&out);
    json_double(&j, NAN);
    assert_string_equal(buf_text(&out), "null");
    buf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_values_get_their_commas),
        cmocka_unit_test(any_bytes_become_a_valid_string),
        cmocka_unit_test(doubles_read_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
