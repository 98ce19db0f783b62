/* Envoy's rules for outliers, and ejections that grow. */
#include "health/outlier.h"

#include "../hand_made.h"

static const int64_t SECOND_US = 1000000, NOON_US = INT64_C(1764072000) * 1000000;

static const struct report_rules RULES = {
    .consecutive_errors = 5,
    .failure_percent = 50,
    .deviation_percent = 190,
    .min_requests = 20,
    .eject_ms = 30000,
    .max_eject_ms = 300000,
    .max_ejected_percent = 50,
};

static void five_failures_in_a_row_are_too_many(void **state)
{
    (void)state;
    char why[OUTLIER_WHY_MAX];
    struct report_rules off = RULES;
    off.consecutive_errors = 0;
    assert_false(outlier_in_row(&RULES, 4, "timeout", why));
    assert_true(outlier_in_row(&RULES, 5, "timeout", why));
    assert_string_equal(why, "5 reported calls in a row failed (timeout)");
    assert_false(outlier_in_row(&off, 1000, "timeout", why));
}

static void half_of_the_calls_of_a_minute_are_too_many(void **state)
{
    (void)state;
    struct outlier_host hosts[] = {{.calls = 20, .failed = 10},
                                   {.calls = 20, .failed = 9},
                                   {.calls = 19, .failed = 19}, /* too few to tell */
                                   {.calls = 50, .failed = 50, .ejected = true}};
    outlier_judge(&RULES, hosts, 4);
    assert_string_equal(hosts[0].why, "10 of 20 reported calls of a minute failed");
    assert_string_equal(hosts[1].why, "");
    assert_string_equal(hosts[2].why, "");
    assert_string_equal(hosts[3].why, "");
}

/* The mean is 94.75 %, the standard deviation 11.07: 70 % lies 2.2 of them below. */
static void who_lies_far_below_the_others_is_found(void **state)
{
    (void)state;
    struct outlier_host hosts[6];
    for (int i = 0; i < 6; ++i)
        hosts[i] = (struct outlier_host){.calls = 100, .failed = (uint32_t)i % 2};
    hosts[5].failed = 30; /* under the half that would eject by itself */
    outlier_judge(&RULES, hosts, 6);
    assert_string_equal(hosts[5].why, "70.0 % of its reported calls went well, 94.7 % of those of all in the mean");
    for (int i = 0; i < 5; ++i)
        assert_string_equal(hosts[i].why, "");
}

/* Of four values none lies further than 1.73 standard deviations from the mean: the rule needs five that tell. */
static void among_fewer_than_five_nobody_is_compared(void **state)
{
    (void)state;
    struct outlier_host hosts[5] = {
        {.calls = 100, .failed = 40}, {.calls = 100}, {.calls = 100}, {.calls = 100}, {.calls = 5}};
    outlier_judge(&RULES, hosts, 5);
    assert_string_equal(hosts[0].why, "");
    hosts[4].calls = 100;
    outlier_judge(&RULES, hosts, 5);
    assert_true(hosts[0].why[0] != '\0');
}

static void all_alike_are_no_outliers(void **state)
{
    (void)state;
    struct outlier_host hosts[8];
    for (int i = 0; i < 8; ++i)
        hosts[i] = (struct outlier_host){.calls = 1000, .failed = 300};
    outlier_judge(&RULES, hosts, 8);
    for (int i = 0; i < 8; ++i)
        assert_string_equal(hosts[i].why, "");
}

static void at_most_a_share_is_ejected_but_always_one(void **state)
{
    (void)state;
    struct report_rules nobody = RULES;
    nobody.max_ejected_percent = 0;
    assert_true(outlier_may_eject(&RULES, 1, 0));
    assert_false(outlier_may_eject(&RULES, 3, 1));
    assert_true(outlier_may_eject(&RULES, 4, 1));
    assert_false(outlier_may_eject(&RULES, 4, 2));
    assert_false(outlier_may_eject(&nobody, 100, 0));
}

static void ejections_grow_to_a_bound_and_quiet_times_forgive(void **state)
{
    (void)state;
    struct ejection ejection = {0};
    int64_t now_us = NOON_US;
    for (int i = 1; i <= 12; ++i) {
        ejection_begin(&ejection, &RULES, "so", now_us);
        assert_int_equal(ejection.until_us - now_us, (i < 10 ? i : 10) * 30 * SECOND_US);
        ejection_end(&ejection, now_us);
    }
    assert_int_equal(ejection.since_us, 0);
    ejection_age(&ejection, &RULES, now_us + 299 * SECOND_US);
    assert_int_equal(ejection.times, 3); /* nine times 30 s have passed */
    ejection_age(&ejection, &RULES, now_us + 100000 * SECOND_US);
    assert_int_equal(ejection.times, 0);
}

static void a_failed_check_keeps_it_out_as_long_again(void **state)
{
    (void)state;
    struct ejection ejection = {0};
    ejection_begin(&ejection, &RULES, "so", NOON_US);
    ejection.half_open = true;
    ejection_prolong(&ejection, &RULES, NOON_US + 30 * SECOND_US);
    assert_int_equal(ejection.until_us, NOON_US + 60 * SECOND_US);
    assert_int_equal(ejection.since_us, NOON_US);
    assert_false(ejection.half_open);
    ejection_age(&ejection, &RULES, NOON_US + 100000 * SECOND_US);
    assert_int_equal(ejection.times, 1); /* it is no quiet time */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_failures_in_a_row_are_too_many),
        cmocka_unit_test(half_of_the_calls_of_a_minute_are_too_many),
        cmocka_unit_test(who_lies_far_below_the_others_is_found),
        cmocka_unit_test(among_fewer_than_five_nobody_is_compared),
        cmocka_unit_test(all_alike_are_no_outliers),
        cmocka_unit_test(at_most_a_share_is_ejected_but_always_one),
        cmocka_unit_test(ejections_grow_to_a_bound_and_quiet_times_forgive),
        cmocka_unit_test(a_failed_check_keeps_it_out_as_long_again),
    };
    return cmocka_run_group_tests_name("health/outlier", tests, NULL, NULL);
}
