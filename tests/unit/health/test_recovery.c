/* When who is down is likely back, and how far who came back is trusted. */
#include "health/recovery.h"
#include "health/stats_view.h"

#include "../hand_made.h"

#include <stdio.h>

static const int64_t MINUTE_US = INT64_C(60) * 1000000, NOW_US = HAND_MADE_TIME_US;

static struct kind_table *kinds; /* of the delivered table */

static int load_kinds(void **state)
{
    static const char here[] = __FILE__, own_part[] = "tests/unit/health/test_recovery.c";
    char path[512], error[256] = "";
    (void)state;
    snprintf(path, sizeof(path), "%.*sproviders/lib", (int)(sizeof(here) - sizeof(own_part)), here);
    const char *const folders[] = {path};
    kinds = kind_table_load(folders, 1, error, sizeof(error));
    if (kinds == NULL)
        print_error("%s\n", error);
    return kinds != NULL ? 0 : -1;
}

static int release_kinds(void **state)
{
    (void)state;
    kind_table_release(kinds);
    return 0;
}

/* A provider of this state, whose outages lasted so long each in the mean (0 = none yet) and whose last one, or streak
 * of failures, began or ended so long ago. */
static struct provider_view *make(enum health_status status, const char *kind, int64_t mean_us, int64_t ago_us)
{
    struct outages outages = OUTAGES_EMPTY;
    struct statistics *statistics = statistics_new();
    struct provider_view *view = provider_view_new("a");
    struct tally_check check = {.up = true, .latency_ms = 5};
    assert_non_null(view);
    view->status = status;
    strcpy(view->error_kind, kind);
    statistics_add(statistics, NOW_US - 20 * 24 * 60 * MINUTE_US, &check, false); /* the month is known that far back */
    if (mean_us != 0) {
        int64_t began_us = NOW_US - 10 * 24 * 60 * MINUTE_US;
        outages_add_past(&outages, &(struct outage){.started_us = began_us, .ended_us = began_us + mean_us});
    }
    if (status == HEALTH_HEALTHY && ago_us != 0)
        outages_add_past(&outages,
                         &(struct outage){.started_us = NOW_US - ago_us - MINUTE_US, .ended_us = NOW_US - ago_us});
    if (status != HEALTH_HEALTHY)
        outages.streak = (struct streak){.checks = 3, .up = false, .since_us = NOW_US - ago_us};
    view->stats = stats_view_new(statistics, &outages, NOW_US);
    assert_non_null(view->stats);
    outages_dispose(&outages);
    statistics_free(statistics);
    return view;
}

static int64_t back_in_us(enum health_status status, const char *kind, int64_t mean_us, int64_t ago_us,
                          int64_t next_check_in_us, int64_t retry_in_us)
{
    struct provider_view *view = make(status, kind, mean_us, ago_us);
    if (next_check_in_us != 0)
        view->lead->next_check_us = NOW_US + next_check_in_us;
    if (retry_in_us != 0)
        view->lead->retry_at_us = NOW_US + retry_in_us;
    int64_t back_us = recovery_expected_us(view, kinds, NOW_US);
    provider_view_release(view);
    return back_us != 0 ? back_us - NOW_US : 0;
}

static void what_was_told_counts_most(void **state)
{
    (void)state;
    assert_int_equal(back_in_us(HEALTH_DOWN, "capacity", 0, 5 * MINUTE_US, MINUTE_US, 7 * MINUTE_US), 7 * MINUTE_US);
    assert_int_equal(back_in_us(HEALTH_DEGRADED, "rate", 0, 0, MINUTE_US, 2 * MINUTE_US), 2 * MINUTE_US);
}

static void an_outage_lasts_as_long_as_the_others_did(void **state)
{
    (void)state;
    assert_int_equal(back_in_us(HEALTH_DOWN, "timeout", 30 * MINUTE_US, 10 * MINUTE_US, MINUTE_US, 0), 20 * MINUTE_US);
}

static void one_that_has_lasted_longer_goes_on_for_as_long(void **state)
{
    (void)state;
    assert_int_equal(back_in_us(HEALTH_DOWN, "timeout", 5 * MINUTE_US, 10 * MINUTE_US, MINUTE_US, 0), 10 * MINUTE_US);
    assert_int_equal(back_in_us(HEALTH_DOWN, "timeout", 0, 10 * MINUTE_US, MINUTE_US, 0), 10 * MINUTE_US);
}

static void nobody_knows_before_the_next_check(void **state)
{
    (void)state;
    assert_int_equal(back_in_us(HEALTH_DOWN, "timeout", 0, MINUTE_US, 25 * MINUTE_US, 0), 25 * MINUTE_US);
    assert_int_equal(back_in_us(HEALTH_UNKNOWN, "", 0, 0, 3 * MINUTE_US, 0), 3 * MINUTE_US);
}

static void what_waits_for_a_human_has_no_time(void **state)
{
    static const char *const human[] = {"key_invalid", "credit", "forbidden", "region",
                                        "retired",     "waf",    "bad_path",  "script_error"};
    (void)state;
    for (size_t i = 0; i < sizeof(human) / sizeof(human[0]); ++i) {
        if (back_in_us(HEALTH_DOWN, human[i], 0, 5 * MINUTE_US, MINUTE_US, 0) != 0)
            fail_msg("%s", human[i]);
    }
    assert_int_equal(back_in_us(HEALTH_HEALTHY, "", 0, 0, MINUTE_US, 0), 0);
}

static void warmth_grows_with_the_time_since_the_outage(void **state)
{
    static const struct {
        int64_t ago_us;
        double warmth;
    } rows[] = {{1, 0.1}, {MINUTE_US / 4, 0.1}, {MINUTE_US, 0.2}, {4 * MINUTE_US, 0.8}, {6 * MINUTE_US, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        struct provider_view *view = make(HEALTH_HEALTHY, "", 0, rows[i].ago_us);
        assert_float_equal(recovery_warmth(view, NOW_US, 5 * MINUTE_US), rows[i].warmth, 1e-9);
        assert_float_equal(recovery_warmth(view, NOW_US, 0), 1, 0);
        provider_view_release(view);
    }
    struct provider_view *never = make(HEALTH_HEALTHY, "", 0, 0);
    assert_float_equal(recovery_warmth(never, NOW_US, 5 * MINUTE_US), 1, 0);
    provider_view_release(never);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_counts_most),
        cmocka_unit_test(an_outage_lasts_as_long_as_the_others_did),
        cmocka_unit_test(one_that_has_lasted_longer_goes_on_for_as_long),
        cmocka_unit_test(nobody_knows_before_the_next_check),
        cmocka_unit_test(what_waits_for_a_human_has_no_time),
        cmocka_unit_test(warmth_grows_with_the_time_since_the_outage),
    };
    return cmocka_run_group_tests(tests, load_kinds, release_kinds);
}
