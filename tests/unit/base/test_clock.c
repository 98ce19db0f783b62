/* Times: both written forms, and everything that is read back. */
#include "base/clock.h"
#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t MOMENT_US = INT64_C(1785658080217175); /* 2026-08-02T08:08:00.217175Z */

static void writes_both_forms_in_utc(void **state)
{
    char text[CLOCK_ISO_MAX];
    (void)state;
    assert_int_equal(clock_format_rfc3339(MOMENT_US, text), strlen("2026-08-02T08:08:00.217Z"));
    assert_string_equal(text, "2026-08-02T08:08:00.217Z");
    clock_format_sql(MOMENT_US, text);
    assert_string_equal(text, "2026-08-02T08:08:00.217175");
    clock_format_sql(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999");
}

static void reads_what_providers_and_the_original_wrote(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"2026-08-02T08:08:00.217175", INT64_C(1785658080217175)},
        {"2026-08-02T08:08:00Z", INT64_C(1785658080000000)},
        {"2026-08-02 08:08:00", INT64_C(1785658080000000)},
        {"2026-08-02T10:08:00.5+02:00", INT64_C(1785658080500000)},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000000)},
    };
    static const char *const bad[] = {"",
                                      "never",
                                      "2026-13-01T00:00:00Z",
                                      "2026-02-30T00:00:00Z",
                                      "2026-08-02T25:00:00Z",
                                      "2026-08-02T08:08:00.Z",
                                      "2026-08-02T08:08:00Zx",
                                      "2026-08-02",
                                      "2023-02-29T00:00:00Z"};
    int64_t us;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        assert_int_equal(clock_parse_iso(good[i].text, strlen(good[i].text), &us), 0);
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i)
        assert_int_equal(clock_parse_iso(bad[i], strlen(bad[i]), &us), -1);
}

static void the_nearest_word_is_a_near_one(void **state)
{
    static const char *const words[] = {"interval", "listen", "timeout"};
    (void)state;
    assert_string_equal(nearest_word("intervall", words, 3), "interval");
    assert_string_equal(nearest_word("lisetn", words, 3), "listen");
    assert_string_equal(nearest_word("TimeOut", words, 3), "timeout");
    assert_null(nearest_word("database", words, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_both_forms_in_utc),
        cmocka_unit_test(reads_what_providers_and_the_original_wrote),
        cmocka_unit_test(the_nearest_word_is_a_near_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
