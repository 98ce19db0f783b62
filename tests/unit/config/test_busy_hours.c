/* How busy hours are written, and which moments they hold. */
#include "config/busy_hours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const int64_t MONDAY_S = 1795392000; /* 2026-11-23T00:00:00Z */
enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

static struct busy_hours parsed(const char *text)
{
    struct busy_hours hours;
    char error[128] = "";
    if (busy_hours_parse(text, &hours, error, sizeof(error)) != 0)
        fail_msg("%s: %s", text, error);
    return hours;
}

static bool holds(const char *text, int day, int minute)
{
    struct busy_hours hours = parsed(text);
    return busy_hours_hold(&hours, MONDAY_S + (int64_t)day * DAY + minute * MINUTE);
}

static void a_stretch_holds_its_begin_and_not_its_end(void **state)
{
    (void)state;
    assert_true(holds("mon-fri 08:00-20:00", 0, 8 * 60));
    assert_true(holds("mon-fri 08:00-20:00", 4, 20 * 60 - 1));
    assert_false(holds("mon-fri 08:00-20:00", 0, 8 * 60 - 1));
    assert_false(holds("mon-fri 08:00-20:00", 0, 20 * 60));
    assert_false(holds("mon-fri 08:00-20:00", 5, 12 * 60));
    assert_false(holds("mon-fri 08:00-20:00", 6, 12 * 60));
}

static void without_days_it_is_every_day(void **state)
{
    (void)state;
    for (int day = 0; day < 7; ++day) {
        assert_true(holds("9:30-10:00", day, 9 * 60 + 45));
        assert_false(holds("9:30-10:00", day, 10 * 60));
        assert_true(holds("00:00-24:00", day, 24 * 60 - 1));
    }
}

static void a_night_belongs_to_the_day_it_begins_on(void **state)
{
    (void)state;
    assert_true(holds("fri 22:00-06:00", 4, 23 * 60));
    assert_true(holds("fri 22:00-06:00", 5, 5 * 60));
    assert_false(holds("fri 22:00-06:00", 5, 6 * 60));
    assert_false(holds("fri 22:00-06:00", 4, 5 * 60));
    assert_true(holds("sun 22:00-0:00", 6, 23 * 60));
    assert_false(holds("sun 22:00-0:00", 0, 0));
}

static void several_stretches_add_up(void **state)
{
    const char *text = " Mon-Thu 08:00-18:00 , FRI 8:00-14:00,sat-sun 10:00-12:00";
    (void)state;
    assert_int_equal(parsed(text).count, 3);
    assert_true(holds(text, 3, 17 * 60));
    assert_false(holds(text, 4, 17 * 60));
    assert_true(holds(text, 6, 11 * 60));
    assert_true(holds("sat-mon 10:00-12:00", 0, 11 * 60));
    assert_false(holds("sat-mon 10:00-12:00", 1, 11 * 60));
}

static void hours_are_local(void **state)
{
    (void)state;
    setenv("TZ", "XYZ-3", 1); /* three hours ahead of UTC */
    tzset();
    assert_true(holds("mon 08:00-09:00", 0, 5 * 60 + 30));
    assert_false(holds("mon 08:00-09:00", 0, 8 * 60 + 30));
    setenv("TZ", "UTC", 1);
    tzset();
}

static void none_hold_nothing(void **state)
{
    (void)state;
    assert_int_equal(parsed("").count, 0);
    assert_false(holds("", 0, 600));
}

static void what_is_wrong_is_quoted(void **state)
{
    static const char *const bad[] = {"mon",
                                      "mon 8-20",
                                      "mon 08:00",
                                      "mon 08:60-09:00",
                                      "mon 24:01-24:02",
                                      "monday 8:00-9:00",
                                      "mon- 08:00-09:00",
                                      "08:00-25:00",
                                      "08:00-09:00,",
                                      "08:00-09:00 x",
                                      "mon,tue 08:00-09:00",
                                      "24:00-01:00"};
    struct busy_hours hours;
    char error[128];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        if (busy_hours_parse(bad[i], &hours, error, sizeof(error)) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(strstr(error, "\"mon-fri 08:00-20:00\"; got \""));
    }
    char many[512] = "01:00-02:00";
    for (int i = 0; i < BUSY_STRETCHES_MAX; ++i)
        strcat(many, ",01:00-02:00");
    assert_int_equal(busy_hours_parse(many, &hours, error, sizeof(error)), -1);
    assert_string_equal(error, "expected at most 16 stretches");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stretch_holds_its_begin_and_not_its_end),
        cmocka_unit_test(without_days_it_is_every_day),
        cmocka_unit_test(a_night_belongs_to_the_day_it_begins_on),
        cmocka_unit_test(several_stretches_add_up),
        cmocka_unit_test(hours_are_local),
        cmocka_unit_test(none_hold_nothing),
        cmocka_unit_test(what_is_wrong_is_quoted),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
