/* What clients report, in slots: sums that age, and what they are worth as checks. */
#include "health/traffic.h"

#include "../hand_made.h"

static const int64_t SECOND_US = 1000000, NOON_US = INT64_C(1764072000) * 1000000; /* begins a slot */

static void take(struct traffic *traffic, enum traffic_sort sort, unsigned times, int64_t at_us)
{
    for (unsigned i = 0; i < times; ++i)
        traffic_take(traffic, sort, sort == TRAFFIC_FAILED ? "server_error" : NULL, at_us);
}

static struct traffic_count sum_of(const struct traffic *traffic, unsigned slots, bool judged, int64_t now_us)
{
    struct traffic_count sum;
    traffic_sum(traffic, slots, judged, now_us, &sum);
    return sum;
}

static void calls_are_summed_by_sort_and_age_away(void **state)
{
    (void)state;
    struct traffic traffic;
    traffic_begin(&traffic, NOON_US);
    take(&traffic, TRAFFIC_OK, 3, NOON_US);
    take(&traffic, TRAFFIC_FAILED, 2, NOON_US + 30 * SECOND_US);
    take(&traffic, TRAFFIC_ABORTED, 1, NOON_US + 30 * SECOND_US);
    struct traffic_count all = sum_of(&traffic, TRAFFIC_SLOTS, false, NOON_US + 30 * SECOND_US);
    assert_int_equal(all.calls[TRAFFIC_OK], 3);
    assert_int_equal(all.calls[TRAFFIC_FAILED], 2);
    assert_int_equal(all.calls[TRAFFIC_ABORTED], 1);
    assert_int_equal(traffic_telling(&all), 5);
    struct traffic_count minute = sum_of(&traffic, TRAFFIC_MINUTE, false, NOON_US + 70 * SECOND_US);
    assert_int_equal(minute.calls[TRAFFIC_OK], 0);
    assert_int_equal(minute.calls[TRAFFIC_FAILED], 2);
    struct traffic_count later = sum_of(&traffic, TRAFFIC_SLOTS, false, NOON_US + 400 * SECOND_US);
    assert_int_equal(traffic_telling(&later), 0);
}

static void a_slot_is_used_anew_after_its_time(void **state)
{
    (void)state;
    struct traffic traffic;
    int64_t round_us = (int64_t)TRAFFIC_SLOTS * TRAFFIC_SLOT_S * SECOND_US;
    traffic_begin(&traffic, NOON_US);
    take(&traffic, TRAFFIC_FAILED, 7, NOON_US);
    take(&traffic, TRAFFIC_OK, 1, NOON_US + round_us);
    struct traffic_count sum = sum_of(&traffic, TRAFFIC_SLOTS, false, NOON_US + round_us);
    assert_int_equal(sum.calls[TRAFFIC_FAILED], 0);
    assert_int_equal(sum.calls[TRAFFIC_OK], 1);
    take(&traffic, TRAFFIC_OK, 1, NOON_US + 100 * round_us);
    sum = sum_of(&traffic, TRAFFIC_SLOTS, false, NOON_US + 100 * round_us);
    assert_int_equal(sum.calls[TRAFFIC_OK], 1);
}

static void a_clock_that_is_set_back_loses_nothing(void **state)
{
    (void)state;
    struct traffic traffic;
    traffic_begin(&traffic, NOON_US);
    take(&traffic, TRAFFIC_OK, 2, NOON_US);
    take(&traffic, TRAFFIC_OK, 2, NOON_US - 3600 * SECOND_US);
    assert_int_equal(sum_of(&traffic, 1, false, NOON_US - 3600 * SECOND_US).calls[TRAFFIC_OK], 4);
}

static void a_row_of_failures_ends_with_a_success_only(void **state)
{
    (void)state;
    struct traffic traffic;
    traffic_begin(&traffic, NOON_US);
    take(&traffic, TRAFFIC_FAILED, 2, NOON_US + SECOND_US);
    take(&traffic, TRAFFIC_ABORTED, 1, NOON_US + 2 * SECOND_US);
    take(&traffic, TRAFFIC_EXCUSED, 1, NOON_US + 2 * SECOND_US);
    take(&traffic, TRAFFIC_LIMITED, 1, NOON_US + 2 * SECOND_US);
    take(&traffic, TRAFFIC_FAILED, 1, NOON_US + 3 * SECOND_US);
    assert_int_equal(traffic.failures_in_row, 3);
    assert_int_equal(traffic.failing_since_us, NOON_US + SECOND_US);
    assert_string_equal(traffic.kind, "server_error");
    take(&traffic, TRAFFIC_OK, 1, NOON_US + 4 * SECOND_US);
    assert_int_equal(traffic.failures_in_row, 0);
    assert_int_equal(traffic.failing_since_us, 0);
}

static void what_was_before_an_ejection_is_not_judged_again(void **state)
{
    (void)state;
    struct traffic traffic;
    traffic_begin(&traffic, NOON_US);
    take(&traffic, TRAFFIC_FAILED, 20, NOON_US);
    traffic_judge_anew(&traffic, NOON_US + SECOND_US);
    assert_int_equal(traffic.failures_in_row, 0);
    assert_int_equal(sum_of(&traffic, TRAFFIC_MINUTE, true, NOON_US + SECOND_US).calls[TRAFFIC_FAILED], 0);
    assert_int_equal(sum_of(&traffic, TRAFFIC_MINUTE, false, NOON_US + SECOND_US).calls[TRAFFIC_FAILED], 20);
    take(&traffic, TRAFFIC_FAILED, 3, NOON_US + 12 * SECOND_US);
    assert_int_equal(sum_of(&traffic, TRAFFIC_MINUTE, true, NOON_US + 12 * SECOND_US).calls[TRAFFIC_FAILED], 3);
}

/* -- as checks -- */

static struct traffic_checks fold(struct traffic *traffic, int64_t now_us)
{
    return traffic_fold(traffic, 0.2, now_us);
}

static void a_flood_is_worth_one_check_a_slot(void **state)
{
    (void)state;
    struct traffic traffic;
    unsigned up = 0, down = 0;
    traffic_begin(&traffic, NOON_US);
    for (int slot = 0; slot < 10; ++slot) {
        int64_t at_us = NOON_US + slot * TRAFFIC_SLOT_S * SECOND_US;
        take(&traffic, TRAFFIC_OK, 750, at_us);
        take(&traffic, TRAFFIC_FAILED, 250, at_us);
        struct traffic_checks checks = fold(&traffic, at_us + TRAFFIC_SLOT_S * SECOND_US);
        up += checks.up;
        down += checks.down;
    }
    assert_int_equal(up, 7); /* and a half */
    assert_int_equal(down, 2);
}

static void few_calls_are_worth_their_weight_and_nothing_is_rounded_away(void **state)
{
    (void)state;
    struct traffic traffic;
    unsigned up = 0;
    traffic_begin(&traffic, NOON_US);
    for (int slot = 0; slot < 10; ++slot) {
        int64_t at_us = NOON_US + slot * TRAFFIC_SLOT_S * SECOND_US;
        take(&traffic, TRAFFIC_OK, 1, at_us);
        struct traffic_checks checks = fold(&traffic, at_us + TRAFFIC_SLOT_S * SECOND_US);
        up += checks.up;
        assert_int_equal(checks.down, 0);
    }
    assert_int_equal(up, 2); /* ten times 0.2 */
}

static void a_slot_counts_once_and_only_when_it_has_ended(void **state)
{
    (void)state;
    struct traffic traffic;
    traffic_begin(&traffic, NOON_US);
    take(&traffic, TRAFFIC_LIMITED, 50, NOON_US); /* it answered: up */
    assert_int_equal(fold(&traffic, NOON_US + 9 * SECOND_US).up, 0);
    assert_int_equal(fold(&traffic, NOON_US + 10 * SECOND_US).up, 1);
    assert_int_equal(fold(&traffic, NOON_US + 20 * SECOND_US).up, 0);
    take(&traffic, TRAFFIC_ABORTED, 50, NOON_US + 21 * SECOND_US);
    take(&traffic, TRAFFIC_EXCUSED, 50, NOON_US + 21 * SECOND_US);
    struct traffic_checks checks = fold(&traffic, NOON_US + 40 * SECOND_US);
    assert_int_equal(checks.up + checks.down, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_summed_by_sort_and_age_away),
        cmocka_unit_test(a_slot_is_used_anew_after_its_time),
        cmocka_unit_test(a_clock_that_is_set_back_loses_nothing),
        cmocka_unit_test(a_row_of_failures_ends_with_a_success_only),
        cmocka_unit_test(what_was_before_an_ejection_is_not_judged_again),
        cmocka_unit_test(a_flood_is_worth_one_check_a_slot),
        cmocka_unit_test(few_calls_are_worth_their_weight_and_nothing_is_rounded_away),
        cmocka_unit_test(a_slot_counts_once_and_only_when_it_has_ended),
    };
    return cmocka_run_group_tests_name("health/traffic", tests, NULL, NULL);
}
