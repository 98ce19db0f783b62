/* Checks, reports and the status page side by side: how far each is trusted, and where they disagree. */
#include "health/evidence.h"

#include "health/stats_view.h"

#include "../hand_made.h"

#include <stdio.h>

#include <stdlib.h>

static const int64_t SECOND_US = 1000000, NOON_US = INT64_C(1764072000) * 1000000;

/* Checked a minute ago, to be checked again in four. */
static struct provider_view *checked(enum health_status status, const char *kind)
{
    struct provider_view *view = provider_view_new("p");
    view->lead->status = status;
    view->lead->last_check_us = NOON_US - 60 * SECOND_US;
    view->lead->next_check_us = NOON_US + 240 * SECOND_US;
    snprintf(view->lead->error_kind, sizeof(view->lead->error_kind), "%s", kind);
    return view;
}

static void report(struct provider_view *view, uint32_t ok, uint32_t failed, const char *kind)
{
    view->traffic = calloc(1, sizeof(*view->traffic));
    view->traffic->ok = ok;
    view->traffic->failed = failed;
    view->traffic->last_us = NOON_US;
    snprintf(view->traffic->kind, sizeof(view->traffic->kind), "%s", kind);
}

static void announce(struct provider_view *view, const char *page_state, bool stale)
{
    view->announced = announcement_unknown("");
    snprintf(view->announced->state, sizeof(view->announced->state), "%s", page_state);
    view->announced->read_us = NOON_US;
    view->announced->stale = stale;
}

static struct evidence weigh(struct provider_view *view, int64_t now_us)
{
    struct evidence evidence;
    evidence_weigh(view, now_us, &evidence);
    return evidence;
}

static void nothing_is_known_of_who_was_never_checked(void **state)
{
    (void)state;
    struct provider_view *view = provider_view_new("p");
    struct evidence evidence = weigh(view, NOON_US);
    assert_string_equal(evidence.probe.state, "unknown");
    assert_true(evidence.probe.confidence == 0 && evidence.probe.age_s == -1);
    assert_string_equal(evidence.reports.state, "unknown");
    assert_string_equal(evidence.page.state, "unknown");
    assert_string_equal(evidence.disagreement, "");
    provider_view_release(view);
}

static void a_check_is_trusted_until_the_next_is_due_and_half_as_much_an_interval_later(void **state)
{
    (void)state;
    struct provider_view *view = checked(HEALTH_HEALTHY, "");
    assert_float_equal(weigh(view, NOON_US).probe.confidence, 0.9, 0.000001);
    assert_float_equal(weigh(view, NOON_US + 240 * SECOND_US).probe.confidence, 0.9, 0.000001);
    assert_float_equal(weigh(view, NOON_US + 540 * SECOND_US).probe.confidence, 0.45, 0.000001);
    assert_float_equal(weigh(view, NOON_US).probe.age_s, 60, 0.000001);
    view->lead->status = HEALTH_DEGRADED;
    view->lead->consecutive_failures = 1; /* one more may change it */
    assert_float_equal(weigh(view, NOON_US).probe.confidence, 0.5, 0.000001);
    provider_view_release(view);
}

static void many_calls_are_trusted_more_than_few_and_old_ones_less(void **state)
{
    (void)state;
    struct provider_view *view = checked(HEALTH_HEALTHY, "");
    report(view, 10, 0, "");
    assert_float_equal(weigh(view, NOON_US).reports.confidence, 0.72, 0.005);
    assert_float_equal(weigh(view, NOON_US + 60 * SECOND_US).reports.confidence, 0.36, 0.005);
    view->traffic->ok = 100;
    assert_float_equal(weigh(view, NOON_US).reports.confidence, 0.96, 0.005);
    assert_string_equal(weigh(view, NOON_US).reports.state, "healthy");
    assert_float_equal(weigh(view, NOON_US).success_percent, 100, 0.000001);
    provider_view_release(view);
}

static void a_page_is_trusted_less_and_a_page_that_stands_still_not_at_all(void **state)
{
    (void)state;
    struct provider_view *view = checked(HEALTH_HEALTHY, "");
    announce(view, "operational", false);
    assert_float_equal(weigh(view, NOON_US).page.confidence, 0.5, 0.000001);
    assert_float_equal(weigh(view, NOON_US + 1800 * SECOND_US).page.confidence, 0.25, 0.000001);
    view->announced->stale = true;
    assert_float_equal(weigh(view, NOON_US).page.confidence, 0, 0.000001);
    provider_view_release(view);
}

static void a_page_that_says_fine_while_checks_fail_is_told(void **state)
{
    (void)state;
    struct provider_view *view = checked(HEALTH_DOWN, "server_error");
    announce(view, "operational", false);
    view->stats = calloc(1, sizeof(*view->stats));
    atomic_init(&view->stats->references, 1);
    view->stats->streak = (struct streak){.checks = 4, .up = false, .since_us = NOON_US - 360 * SECOND_US};
    assert_string_equal(weigh(view, NOON_US).disagreement,
                        "its page says operational, our checks fail (server_error) for 6m");
    report(view, 1, 9, "server_error");
    assert_string_equal(weigh(view, NOON_US).disagreement,
                        "its page says operational, our checks fail (server_error) for 6m, 9 of 10 reported calls"
                        " failed (server_error)");
    provider_view_release(view);
}

static void checks_that_go_well_while_calls_fail_are_told_and_the_other_way_round(void **state)
{
    (void)state;
    struct provider_view *view = checked(HEALTH_HEALTHY, "");
    report(view, 1, 4, "timeout");
    assert_string_equal(weigh(view, NOON_US).disagreement,
                        "our checks go well, 4 of 5 reported calls failed (timeout)");
    provider_view_release(view);
    view = checked(HEALTH_DOWN, "bad_path");
    report(view, 57, 1, "timeout");
    assert_string_equal(weigh(view, NOON_US).disagreement,
                        "our checks fail (bad_path), 57 of 58 reported calls went well");
    provider_view_release(view);
}

static void a_page_that_tells_of_an_outage_that_nobody_sees_is_told(void **state)
{
    (void)state;
    struct provider_view *view = checked(HEALTH_HEALTHY, "");
    announce(view, "down", false);
    assert_string_equal(weigh(view, NOON_US).disagreement, "its page says down, our checks go well");
    provider_view_release(view);
}

static void small_differences_are_no_disagreement(void **state)
{
    (void)state;
    struct provider_view *view = checked(HEALTH_DEGRADED, "");
    report(view, 80, 20, "timeout");
    announce(view, "operational", false);
    assert_string_equal(weigh(view, NOON_US).reports.state, "degraded");
    assert_string_equal(weigh(view, NOON_US).disagreement, "");
    provider_view_release(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_of_who_was_never_checked),
        cmocka_unit_test(a_check_is_trusted_until_the_next_is_due_and_half_as_much_an_interval_later),
        cmocka_unit_test(many_calls_are_trusted_more_than_few_and_old_ones_less),
        cmocka_unit_test(a_page_is_trusted_less_and_a_page_that_stands_still_not_at_all),
        cmocka_unit_test(a_page_that_says_fine_while_checks_fail_is_told),
        cmocka_unit_test(checks_that_go_well_while_calls_fail_are_told_and_the_other_way_round),
        cmocka_unit_test(a_page_that_tells_of_an_outage_that_nobody_sees_is_told),
        cmocka_unit_test(small_differences_are_no_disagreement),
    };
    return cmocka_run_group_tests_name("health/evidence", tests, NULL, NULL);
}
