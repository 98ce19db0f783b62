/* The schedule and the 24-hour window, by times that nobody waits for. */
#include "health/schedule.h"
#include "health/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t MINUTE_US = 60000000, START_US = 3600000000;

static void points_that_passed_are_skipped_not_caught_up(void **state)
{
    struct schedule schedule;
    (void)state;
    schedule_begin(&schedule, "groq", START_US, MINUTE_US, 0);
    uint64_t first = schedule_next(&schedule, START_US, 0);
    assert_true(first > START_US);
    assert_true(first <= START_US + MINUTE_US + MINUTE_US / 2);
    /* Ten intervals later: one check, on the same grid, in the future. */
    uint64_t late = first + 10 * MINUTE_US + 1;
    uint64_t next = schedule_next(&schedule, late, 0);
    assert_in_range(next - late, MINUTE_US / 2, MINUTE_US * 3 / 2);
    assert_int_equal((next - first) % MINUTE_US, 0);
}

static void checks_out_of_turn_put_off_none_but_the_one_that_was_due_soon(void **state)
{
    struct schedule schedule;
    (void)state;
    schedule_begin(&schedule, "groq", START_US, MINUTE_US, 0);
    uint64_t first = schedule_next(&schedule, START_US, 0);
    for (int i = 0; i < 10; ++i)
        assert_int_equal(schedule_next(&schedule, first - MINUTE_US / 2 - 10 + (uint64_t)i, 0), first);
    assert_int_equal(schedule_next(&schedule, first - MINUTE_US / 2 + 1, 0), first + MINUTE_US);
    assert_int_equal(schedule_next(&schedule, first + 1, 0), first + MINUTE_US);
}

static void many_providers_spread_over_the_interval(void **state)
{
    unsigned per_tenth[10] = {0};
    (void)state;
    for (int i = 0; i < 1000; ++i) {
        char name[16];
        struct schedule schedule;
        snprintf(name, sizeof(name), "p%d", i);
        schedule_begin(&schedule, name, START_US, MINUTE_US, 0);
        uint64_t next = schedule_next(&schedule, START_US, 0);
        ++per_tenth[next % MINUTE_US / (MINUTE_US / 10)];
    }
    for (int i = 0; i < 10; ++i)
        assert_in_range(per_tenth[i], 50, 150);
}

static void jitter_stays_within_its_share(void **state)
{
    struct schedule plain, jittered;
    (void)state;
    schedule_begin(&plain, "a", START_US, MINUTE_US, 0);
    schedule_begin(&jittered, "a", START_US, MINUTE_US, 10);
    uint64_t base = schedule_next(&plain, START_US, 0), most = schedule_next(&jittered, START_US, UINT32_MAX);
    assert_in_range(most - base, MINUTE_US / 10 - 10, MINUTE_US / 10);
}

static void a_changed_interval_begins_anew_an_unchanged_one_keeps_its_phase(void **state)
{
    struct schedule schedule;
    (void)state;
    schedule_begin(&schedule, "a", START_US, MINUTE_US, 0);
    uint64_t next = schedule_next(&schedule, START_US, 0);
    schedule_change(&schedule, "a", START_US + 5, MINUTE_US, 0);
    assert_int_equal((schedule_next(&schedule, next, 0) - next) % MINUTE_US, 0);
    schedule_change(&schedule, "a", START_US, MINUTE_US / 60, 0);
    assert_true(schedule_next(&schedule, START_US, 0) <= START_US + MINUTE_US / 40);
}

static void the_window_counts_a_day_and_forgets(void **state)
{
    struct window window = {0};
    uint64_t day_us = UINT64_C(24) * 3600 * 1000000, now_us = 10 * day_us;
    (void)state;
    assert_true(window_uptime_percent(&window, now_us) == 0);
    window_add(&window, now_us, 3, 4);
    assert_true(window_uptime_percent(&window, now_us) == 75);
    window_add(&window, now_us - day_us / 2, 0, 4); /* the past, as a restart brings it back */
    assert_true(window_uptime_percent(&window, now_us) == 37.5);
    window_add(&window, now_us - 2 * day_us, 0, 100); /* too old to count */
    assert_true(window_uptime_percent(&window, now_us) == 37.5);
    assert_true(window_uptime_percent(&window, now_us + day_us * 2 / 3) == 75);
    assert_true(window_uptime_percent(&window, now_us + 2 * day_us) == 0);
}

static void the_window_saturates_instead_of_wrapping(void **state)
{
    struct window window = {0};
    (void)state;
    for (int i = 0; i < 100; ++i)
        window_add(&window, START_US, 1000, 1000);
    assert_true(window_uptime_percent(&window, START_US) == 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_that_passed_are_skipped_not_caught_up),
        cmocka_unit_test(checks_out_of_turn_put_off_none_but_the_one_that_was_due_soon),
        cmocka_unit_test(many_providers_spread_over_the_interval),
        cmocka_unit_test(jitter_stays_within_its_share),
        cmocka_unit_test(a_changed_interval_begins_anew_an_unchanged_one_keeps_its_phase),
        cmocka_unit_test(the_window_counts_a_day_and_forgets),
        cmocka_unit_test(the_window_saturates_instead_of_wrapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
