/* How long to wait until the next check. */
#include "health/pace.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* As shipped: 5 minutes, 30 seconds in doubt, at most 30 minutes. */
static const struct pace_intervals usual = {5 * MINUTE, 30 * SECOND, 30 * MINUTE};

static const struct error_kind interval_kind = {.effect = EFFECT_FAILURE, .ask = ASK_INTERVAL},
                               backoff_kind = {.effect = EFFECT_FAILURE, .ask = ASK_BACKOFF},
                               reset_failure = {.effect = EFFECT_FAILURE, .ask = ASK_RESET},
                               reset_limited = {.effect = EFFECT_LIMITED, .ask = ASK_RESET},
                               hourly = {.effect = EFFECT_FAILURE, .ask = ASK_AFTER, .ask_ms = 3600 * 1000},
                               soon = {.effect = EFFECT_FAILURE, .ask = ASK_AFTER, .ask_ms = 100};

static uint64_t wait_us(const struct pace_intervals *intervals, struct pace_state state)
{
    return pace_wait_us(intervals, &state);
}

#define WAIT(intervals, ...) wait_us(intervals, (struct pace_state){.retry_in_us = -1, __VA_ARGS__})
#define WAIT_TOLD(intervals, us, ...) wait_us(intervals, (struct pace_state){.retry_in_us = us, __VA_ARGS__})

/* -- intervals -- */

static void what_is_well_is_asked_as_always(void **state)
{
    (void)state;
    assert_int_equal(WAIT(&usual, .kind = NULL), 0);
    assert_int_equal(WAIT(&usual, .kind = NULL, .repeats = 1000), 0);
}

static void in_doubt_it_asks_quickly(void **state)
{
    (void)state;
    assert_int_equal(WAIT(&usual, .doubtful = true), 30 * SECOND);
    assert_int_equal(WAIT(&usual, .doubtful = true, .kind = &interval_kind), 30 * SECOND);
    assert_int_equal(WAIT(&usual, .doubtful = true, .kind = &hourly), 30 * SECOND);
    assert_int_equal(WAIT(&usual, .doubtful = true, .kind = &backoff_kind, .repeats = 9), 30 * SECOND);
    assert_int_equal(WAIT(&usual, .doubtful = true, .kind = &interval_kind, .failing_for_us = 9 * HOUR), 30 * SECOND);
}

static void quickly_is_never_slower_than_always(void **state)
{
    (void)state;
    struct pace_intervals fast = {10 * SECOND, 30 * SECOND, 30 * MINUTE}, equal = {SECOND, SECOND, SECOND};
    assert_int_equal(WAIT(&fast, .doubtful = true, .kind = &interval_kind), 0);
    assert_int_equal(WAIT(&equal, .doubtful = true, .kind = &interval_kind), 0);
}

static void a_kind_with_a_duration_is_asked_after_it(void **state)
{
    (void)state;
    assert_int_equal(WAIT(&usual, .kind = &hourly), HOUR);
    assert_int_equal(WAIT(&usual, .kind = &hourly, .repeats = 20, .failing_for_us = 99 * HOUR), HOUR);
    /* But not faster than in doubt. */
    assert_int_equal(WAIT(&usual, .kind = &soon), 30 * SECOND);
    struct pace_intervals fast = {SECOND / 10, 30 * SECOND, MINUTE};
    assert_int_equal(WAIT(&fast, .kind = &soon), SECOND / 10);
}

static void backoff_doubles_up_to_the_longest(void **state)
{
    static const uint64_t minutes[] = {5, 10, 20, 30, 30, 30};
    (void)state;
    for (unsigned i = 0; i < 6; ++i)
        assert_int_equal(WAIT(&usual, .kind = &backoff_kind, .repeats = i), minutes[i] * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &backoff_kind, .repeats = UINT32_MAX), 30 * MINUTE);
}

static void backoff_is_never_shorter_than_the_interval(void **state)
{
    (void)state;
    struct pace_intervals short_down = {5 * MINUTE, 30 * SECOND, MINUTE};
    assert_int_equal(WAIT(&short_down, .kind = &backoff_kind), 5 * MINUTE);
    assert_int_equal(WAIT(&short_down, .kind = &backoff_kind, .repeats = 5), 5 * MINUTE);
}

static void backoff_of_a_month_does_not_overflow(void **state)
{
    (void)state;
    struct pace_intervals month = {1, 1, 720 * HOUR};
    assert_int_equal(WAIT(&month, .kind = &backoff_kind, .repeats = 20), 1 << 20);
    assert_int_equal(WAIT(&month, .kind = &backoff_kind, .repeats = 500), 720 * HOUR);
}

static void a_long_failure_is_asked_after_ever_more_seldom(void **state)
{
    (void)state;
    assert_int_equal(WAIT(&usual, .kind = &interval_kind), 0);
    assert_int_equal(WAIT(&usual, .kind = &interval_kind, .failing_for_us = 10 * MINUTE), 0);
    assert_int_equal(WAIT(&usual, .kind = &interval_kind, .failing_for_us = 10 * MINUTE + 1), 10 * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &interval_kind, .failing_for_us = 20 * MINUTE - 1), 10 * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &interval_kind, .failing_for_us = 20 * MINUTE), 20 * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &interval_kind, .failing_for_us = 40 * MINUTE), 30 * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &interval_kind, .failing_for_us = UINT64_MAX), 30 * MINUTE);
}

/* -- times that were told -- */

static void a_reset_that_was_told_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(WAIT_TOLD(&usual, 3 * (int64_t)MINUTE, .kind = &reset_limited), 3 * MINUTE + SECOND / 2);
    /* In doubt as well: asking sooner would only be refused. */
    assert_int_equal(WAIT_TOLD(&usual, 3 * (int64_t)MINUTE, .kind = &reset_failure, .doubtful = true),
                     3 * MINUTE + SECOND / 2);
    assert_int_equal(WAIT_TOLD(&usual, 3 * (int64_t)MINUTE, .kind = &reset_limited, .repeats = 50),
                     3 * MINUTE + SECOND / 2);
}

static void a_reset_within_moments_is_asked_after_quickly_at_most(void **state)
{
    (void)state;
    assert_int_equal(WAIT_TOLD(&usual, 0, .kind = &reset_limited), 30 * SECOND);
    assert_int_equal(WAIT_TOLD(&usual, 29500000, .kind = &reset_limited), 30 * SECOND);
    assert_int_equal(WAIT_TOLD(&usual, 29500001, .kind = &reset_limited), 30 * SECOND + 1);
    struct pace_intervals fast = {2 * SECOND, 30 * SECOND, MINUTE};
    assert_int_equal(WAIT_TOLD(&fast, 0, .kind = &reset_limited), 2 * SECOND);
}

static void a_reset_is_believed_for_a_day(void **state)
{
    (void)state;
    assert_int_equal(WAIT_TOLD(&usual, 24 * (int64_t)HOUR, .kind = &reset_limited), 24 * HOUR + SECOND / 2);
    assert_int_equal(WAIT_TOLD(&usual, INT64_MAX, .kind = &reset_limited), 24 * HOUR + SECOND / 2);
}

static void without_a_time_a_limit_is_asked_after_once_as_always(void **state)
{
    (void)state;
    assert_int_equal(WAIT(&usual, .kind = &reset_limited), 5 * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &reset_limited, .repeats = 1), 10 * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &reset_failure), 5 * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &reset_failure, .repeats = 2), 20 * MINUTE);
    assert_int_equal(WAIT(&usual, .kind = &reset_failure, .repeats = 2, .doubtful = true), 30 * SECOND);
}

static void a_time_means_nothing_to_other_kinds(void **state)
{
    (void)state;
    assert_int_equal(WAIT_TOLD(&usual, (int64_t)HOUR, .kind = &interval_kind), 0);
    assert_int_equal(WAIT_TOLD(&usual, 1, .kind = &hourly), HOUR);
    assert_int_equal(WAIT_TOLD(&usual, (int64_t)HOUR, .kind = NULL), 0);
}

/* -- worth -- */

static void worth_grows_with_the_score_and_is_bounded(void **state)
{
    (void)state;
    assert_true(pace_worth(0) == 0.5);
    assert_true(pace_worth(50) == 0.875);
    assert_true(pace_worth(100) == 2);
    assert_true(pace_worth(-1) == 0.5);
    assert_true(pace_worth(101) == 2);
    assert_true(pace_worth(INFINITY) == 2);
    assert_true(pace_worth((double)NAN) == 0.5);
    assert_true(pace_worth(100) - pace_worth(90) > pace_worth(10) - pace_worth(0));
}

static void the_stretch_is_the_inverse_between_half_and_double(void **state)
{
    (void)state;
    assert_true(pace_stretch(1) == 1);
    assert_true(pace_stretch(2) == 0.5);
    assert_true(pace_stretch(0.5) == 2);
    assert_true(pace_stretch(0.8) == 1.25);
    assert_true(pace_stretch(100) == 0.5);
    assert_true(pace_stretch(INFINITY) == 0.5);
    assert_true(pace_stretch(0.001) == 2);
    assert_true(pace_stretch(0) == 1); /* nothing is known of anybody */
    assert_true(pace_stretch(-1) == 1);
    assert_true(pace_stretch((double)NAN) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_well_is_asked_as_always),
        cmocka_unit_test(in_doubt_it_asks_quickly),
        cmocka_unit_test(quickly_is_never_slower_than_always),
        cmocka_unit_test(a_kind_with_a_duration_is_asked_after_it),
        cmocka_unit_test(backoff_doubles_up_to_the_longest),
        cmocka_unit_test(backoff_is_never_shorter_than_the_interval),
        cmocka_unit_test(backoff_of_a_month_does_not_overflow),
        cmocka_unit_test(a_long_failure_is_asked_after_ever_more_seldom),
        cmocka_unit_test(a_reset_that_was_told_is_waited_for),
        cmocka_unit_test(a_reset_within_moments_is_asked_after_quickly_at_most),
        cmocka_unit_test(a_reset_is_believed_for_a_day),
        cmocka_unit_test(without_a_time_a_limit_is_asked_after_once_as_always),
        cmocka_unit_test(a_time_means_nothing_to_other_kinds),
        cmocka_unit_test(worth_grows_with_the_score_and_is_bounded),
        cmocka_unit_test(the_stretch_is_the_inverse_between_half_and_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
