/* The trailing 24 hours: where they begin and end, and clocks that do odd things. */
#include "health/window.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BUCKET_US (UINT64_C(1000000) * WINDOW_BUCKET_S)
#define DAY_US (UINT64_C(86400) * 1000000)

static const uint64_t START_US = 10 * DAY_US; /* the beginning of a bucket */

#define ASSERT_PERCENT(window, at_us, percent) assert_true(window_uptime_percent(window, at_us) == (percent))

static void an_empty_window_says_0(void **state)
{
    struct window window = {0};
    (void)state;
    ASSERT_PERCENT(&window, 0, 0);
    ASSERT_PERCENT(&window, START_US, 0);
    window_add(&window, START_US, 0, 0);
    ASSERT_PERCENT(&window, START_US, 0);
    ASSERT_PERCENT(&window, UINT64_MAX, 0);
}

static void one_check_is_all_or_nothing(void **state)
{
    struct window good = {0}, bad = {0};
    (void)state;
    window_add(&good, START_US, 1, 1);
    ASSERT_PERCENT(&good, START_US, 100);
    window_add(&bad, START_US, 0, 1);
    ASSERT_PERCENT(&bad, START_US, 0);
    window_add(&bad, START_US, 1, 1);
    window_add(&bad, START_US, 1, 1);
    window_add(&bad, START_US, 1, 1);
    ASSERT_PERCENT(&bad, START_US, 75);
}

/* Bucket by bucket: a check of the first moment of a bucket counts for 24 hours to the last moment of that bucket's
 * place in the next day, and not a microsecond more. */
static void a_check_counts_for_24_hours_and_the_rest_of_its_bucket(void **state)
{
    struct window window = {0};
    (void)state;
    window_add(&window, START_US, 1, 1);
    for (uint64_t bucket = 0; bucket < WINDOW_BUCKETS; ++bucket) {
        ASSERT_PERCENT(&window, START_US + bucket * BUCKET_US, 100);
        ASSERT_PERCENT(&window, START_US + (bucket + 1) * BUCKET_US - 1, 100);
    }
    ASSERT_PERCENT(&window, START_US + DAY_US + BUCKET_US, 0);
    assert_int_equal(window.total_sum, 0);
    assert_int_equal(window.ok_sum, 0);
}

static void the_oldest_bucket_is_dropped_alone(void **state)
{
    struct window window = {0};
    (void)state;
    window_add(&window, START_US, 0, 2);
    window_add(&window, START_US + BUCKET_US, 1, 1);
    window_add(&window, START_US + DAY_US, 1, 1);
    ASSERT_PERCENT(&window, START_US + DAY_US, 50);
    ASSERT_PERCENT(&window, START_US + DAY_US + BUCKET_US, 100);
    assert_int_equal(window.total_sum, 2);
    ASSERT_PERCENT(&window, START_US + DAY_US + 2 * BUCKET_US, 100);
    assert_int_equal(window.total_sum, 1);
}

static void a_day_of_checks_is_counted_whole(void **state)
{
    struct window window = {0};
    (void)state;
    /* Every minute for three days, one in four failing. */
    for (uint64_t minute = 0; minute < 3 * 1440; ++minute)
        window_add(&window, START_US + minute * 60 * 1000000, minute % 4 != 0, 1);
    assert_int_equal(window.total_sum, WINDOW_BUCKETS * 5);
    assert_in_range(window.ok_sum, WINDOW_BUCKETS * 5 * 3 / 4 - 1, WINDOW_BUCKETS * 5 * 3 / 4 + 1);
}

static void the_past_is_filled_in_as_far_as_the_window_reaches(void **state)
{
    struct window window = {0};
    (void)state;
    window_add(&window, START_US, 1, 1);
    window_add(&window, START_US - DAY_US, 0, 1); /* the first bucket of the window */
    ASSERT_PERCENT(&window, START_US, 50);
    window_add(&window, START_US - DAY_US - 1, 0, 100); /* the last that is out of it */
    ASSERT_PERCENT(&window, START_US, 50);
    window_add(&window, 0, 0, 100);
    ASSERT_PERCENT(&window, START_US, 50);
}

static void time_that_goes_backwards_takes_nothing_away(void **state)
{
    struct window window = {0};
    (void)state;
    window_add(&window, START_US, 1, 2);
    ASSERT_PERCENT(&window, START_US - 5 * BUCKET_US, 50);
    ASSERT_PERCENT(&window, 0, 50);
    window_add(&window, START_US - 5 * BUCKET_US, 2, 2);
    ASSERT_PERCENT(&window, START_US, 75);
    assert_int_equal(window.newest, START_US / BUCKET_US);
}

static void a_leap_over_years_empties_it_and_leaves_it_usable(void **state)
{
    struct window window = {0};
    (void)state;
    for (uint64_t bucket = 0; bucket < WINDOW_BUCKETS; ++bucket)
        window_add(&window, START_US + bucket * BUCKET_US, 1, 2);
    ASSERT_PERCENT(&window, START_US + 4000 * DAY_US, 0);
    assert_int_equal(window.total_sum, 0);
    window_add(&window, START_US + 4000 * DAY_US, 1, 4);
    ASSERT_PERCENT(&window, START_US + 4000 * DAY_US, 25);
    window_add(&window, UINT64_MAX, 1, 1);
    ASSERT_PERCENT(&window, UINT64_MAX, 100);
}

static void a_full_bucket_says_the_share_up_to_where_it_is_full(void **state)
{
    struct window window = {0};
    (void)state;
    window_add(&window, START_US, 0, UINT16_MAX - 1);
    window_add(&window, START_US, 1, 1);
    assert_int_equal(window.total_sum, UINT16_MAX);
    assert_int_equal(window.ok_sum, 1);
    window_add(&window, START_US, 0, 1);
    assert_int_equal(window.total_sum, UINT16_MAX);
    window_add(&window, START_US, UINT32_MAX, UINT32_MAX);
    assert_int_equal(window.ok_sum, UINT16_MAX);
    assert_int_equal(window.total_sum, UINT16_MAX);
    ASSERT_PERCENT(&window, START_US, 100);
    /* A full bucket leaves as it came. */
    window_add(&window, START_US + BUCKET_US, 1, 2);
    ASSERT_PERCENT(&window, START_US + DAY_US + BUCKET_US, 50);
    assert_int_equal(window.total_sum, 2);
}

static void every_bucket_full_does_not_overflow_the_sums(void **state)
{
    struct window window = {0};
    (void)state;
    for (uint64_t bucket = 0; bucket < WINDOW_BUCKETS; ++bucket)
        window_add(&window, START_US + bucket * BUCKET_US, UINT16_MAX, UINT16_MAX);
    assert_int_equal(window.total_sum, (uint32_t)WINDOW_BUCKETS * UINT16_MAX);
    ASSERT_PERCENT(&window, START_US + DAY_US, 100);
}

static void the_clock_leaves_room_for_the_past_of_a_young_machine(void **state)
{
    (void)state;
    uint64_t before_us = clock_monotonic_us(), now_us = window_now_us(), after_us = clock_monotonic_us();
    assert_in_range(now_us, before_us + 2 * DAY_US, after_us + 2 * DAY_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_window_says_0),
        cmocka_unit_test(one_check_is_all_or_nothing),
        cmocka_unit_test(a_check_counts_for_24_hours_and_the_rest_of_its_bucket),
        cmocka_unit_test(the_oldest_bucket_is_dropped_alone),
        cmocka_unit_test(a_day_of_checks_is_counted_whole),
        cmocka_unit_test(the_past_is_filled_in_as_far_as_the_window_reaches),
        cmocka_unit_test(time_that_goes_backwards_takes_nothing_away),
        cmocka_unit_test(a_leap_over_years_empties_it_and_leaves_it_usable),
        cmocka_unit_test(a_full_bucket_says_the_share_up_to_where_it_is_full),
        cmocka_unit_test(every_bucket_full_does_not_overflow_the_sums),
        cmocka_unit_test(the_clock_leaves_room_for_the_past_of_a_young_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
