/* Times: both written forms, and everything that is read back. */
#include "base/clock.h"

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

static void refuses_years_that_four_digits_cannot_write(void **state)
{
    static const char *const ends[] = {"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"};
    static const char *const beyond[] = {"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"};
    char text[CLOCK_ISO_MAX];
    int64_t us, back;
    (void)state;
    for (size_t i = 0; i < 2; ++i) {
        assert_int_equal(clock_parse_iso(ends[i], strlen(ends[i]), &us), 0);
        size_t len = clock_format_sql(us, text);
        assert_int_equal(clock_parse_iso(text, len, &back), 0);
        assert_int_equal(back, us);
        assert_int_equal(clock_parse_iso(beyond[i], strlen(beyond[i]), &us), -1);
    }
}

static void monotonic_time_never_goes_back(void **state)
{
    (void)state;
    uint64_t before = clock_monotonic_us();
    for (int i = 0; i < 1000; ++i) {
        uint64_t now = clock_monotonic_us();
        assert_true(now >= before);
        before = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_both_forms_in_utc),
        cmocka_unit_test(reads_what_providers_and_the_original_wrote),
        cmocka_unit_test(refuses_years_that_four_digits_cannot_write),
        cmocka_unit_test(monotonic_time_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
