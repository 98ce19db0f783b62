/* Durations: what is read, what is refused, what is written. */
#include "base/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads_durations_of_providers_and_people(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"7.66s", 7660000000},
        {"1m26.4s", 86400000000},
        {"80ms", 80000000},
        {"825ms", 825000000},
        {"6m0s", 360000000000},
        {"250\xC2\xB5s", 250000},
        {"0s", 0},
        {"1h30m", 5400000000000},
        {"34.074824224s", 34074824224},
        {"7d", INT64_C(604800000000000)},
        {"5m", 300000000000},
        {"2h31m16.752s", INT64_C(9076752000000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        int64_t ns = -1;
        assert_int_equal(duration_parse_ns(good[i].text, strlen(good[i].text), &ns), 0);
        assert_int_equal(ns, good[i].ns);
    }
}

static void refuses_what_is_no_duration(void **state)
{
    static const char *const bad[] = {"",         "soon", "None", "-5",  "12x", "m",    "5",
                                      "0",        "1.s",  ".5s",  "5 s", "5s ", "1e3s", "99999999999999999999s",
                                      "1000000d", "5mm",  "s5"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        int64_t ns;
        assert_int_equal(duration_parse_ns(bad[i], strlen(bad[i]), &ns), -1);
    }
}

static void writes_the_shortest_exact_form(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{90000, "1m30s"}, {250, "250ms"}, {604800000, "7d"}, {0, "0s"}, {3600001, "1h1ms"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[DURATION_TEXT_MAX];
        int64_t back = -1;
        duration_format_ms(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(duration_parse_ms(text, strlen(text), &back), 0);
        assert_int_equal(back, cases[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations_of_providers_and_people),
        cmocka_unit_test(refuses_what_is_no_duration),
        cmocka_unit_test(writes_the_shortest_exact_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
