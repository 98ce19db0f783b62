/* Deep probes: how far they go, when, and what they may spend. */
#include "health/deep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const int64_t NOW = 20000 * DAY; /* midnight UTC */

static const struct tuning usual = {
    .quick_interval_ms = 30000,
    .max_consecutive_failures = 3,
    .deep = {.enabled = 1,
             .interval_ms = 3600000,
             .timed_interval_ms = 6 * 3600000,
             .daily_tokens = 5000,
             .share_percent = 5},
};

static const struct error_kind failing = {.name = "server_error", .effect = EFFECT_FAILURE, .ask = ASK_INTERVAL},
                               spent = {.name = "quota_window", .effect = EFFECT_LIMITED, .ask = ASK_RESET},
                               daily = {.name = "retired",
                                        .effect = EFFECT_FAILURE,
                                        .ask = ASK_AFTER,
                                        .ask_ms = 86400000},
                               quick = {.name = "own", .effect = EFFECT_DEGRADED, .ask = ASK_AFTER, .ask_ms = 1000};

static struct verdict good(const char *rung, const char *asked, const char *answered)
{
    struct verdict verdict = {.ok = true, .judged = true};
    snprintf(verdict.deep.rung, sizeof(verdict.deep.rung), "%s", rung);
    snprintf(verdict.deep.model_asked, sizeof(verdict.deep.model_asked), "%s", asked);
    snprintf(verdict.deep.model, sizeof(verdict.deep.model), "%s", answered);
    verdict.deep.first_token_ms = verdict.deep.tokens_per_second = -1;
    return verdict;
}

static bool take_tiny(struct deep_memory *memory, const char *asked, const char *answered, int64_t now_us)
{
    struct verdict verdict = good("tiny", asked, answered);
    return deep_take(memory, &verdict, now_us);
}

static bool take_timed(struct deep_memory *memory, double first_token_ms, double tokens_per_second, int64_t now_us)
{
    struct verdict verdict = good("timed", "m", "m");
    verdict.deep.first_token_ms = first_token_ms;
    verdict.deep.tokens_per_second = tokens_per_second;
    return deep_take(memory, &verdict, now_us);
}

static void take_failure(struct deep_memory *memory, const struct error_kind *kind, int64_t retry_at_us, int64_t now_us)
{
    struct verdict verdict = {.judged = true, .effects = kind, .retry_at_us = retry_at_us};
    snprintf(verdict.kind, sizeof(verdict.kind), "%s", kind->name);
    strcpy(verdict.message, "it failed");
    strcpy(verdict.deep.rung, "tiny");
    assert_false(deep_take(memory, &verdict, now_us));
}

static const char *rung(const struct deep_memory *memory, int64_t now_us)
{
    return deep_rung(memory, &usual.deep, now_us);
}

/* -- the ladder -- */

static void the_first_probe_is_timed(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    assert_string_equal(rung(&memory, NOW), "timed");
    take_tiny(&memory, "m", "m", NOW);
    assert_string_equal(rung(&memory, NOW), "timed"); /* none has been timed yet */
    take_timed(&memory, 100, 50, NOW);
    assert_string_equal(rung(&memory, NOW), "tiny");
}

static void the_timed_one_comes_when_the_last_good_one_is_old(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    take_timed(&memory, 100, 50, NOW);
    take_tiny(&memory, "m", "m", NOW + 5 * HOUR);
    assert_string_equal(rung(&memory, NOW + 6 * HOUR - 1), "tiny");
    assert_string_equal(rung(&memory, NOW + 6 * HOUR), "timed");
    take_failure(&memory, &failing, 0, NOW + 6 * HOUR);
    assert_string_equal(rung(&memory, NOW + 6 * HOUR), "timed"); /* that one was not good */
    assert_int_equal(memory.timed_ok_us, NOW);
    assert_int_equal(memory.view.timed_us, NOW);
}

static void what_is_odd_is_looked_at_closer_and_sooner(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    take_timed(&memory, 100, 50, NOW);
    assert_false(memory.odd);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), HOUR);
    take_timed(&memory, 200, 25, NOW + HOUR); /* twice as slow is within the noise */
    assert_false(memory.odd);
    take_timed(&memory, 400.1, 25, NOW + 2 * HOUR);
    assert_true(memory.odd);
    assert_string_equal(rung(&memory, NOW + 2 * HOUR), "timed");
    assert_int_equal(deep_wait_us(&memory, &usual, NOW + 2 * HOUR), HOUR / 10);
    take_timed(&memory, 400, 25, NOW + 3 * HOUR); /* the same again: so it is now */
    assert_false(memory.odd);
    take_timed(&memory, 400, 12, NOW + 4 * HOUR);
    assert_true(memory.odd);
    take_timed(&memory, 400, 60, NOW + 5 * HOUR); /* better is odd as well */
    assert_true(memory.odd);
}

static void what_was_not_measured_is_not_odd(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    take_timed(&memory, 100, -1, NOW);
    take_timed(&memory, -1, 50, NOW);
    assert_false(memory.odd);
    take_timed(&memory, 0, 0, NOW);
    assert_false(memory.odd);
    take_timed(&memory, 1000, 1000, NOW);
    assert_false(memory.odd);
    assert_true(memory.view.first_token_ms == 1000);
    assert_true(memory.view.tokens_per_second == 1000);
}

static void a_recovery_is_odd_until_it_was_timed(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    take_timed(&memory, 100, 50, NOW);
    take_failure(&memory, &failing, 0, NOW);
    assert_int_equal(memory.failures, 1);
    assert_string_equal(rung(&memory, NOW), "tiny");
    take_tiny(&memory, "m", "m", NOW);
    assert_int_equal(memory.failures, 0);
    assert_false(memory.has_kind);
    assert_string_equal(rung(&memory, NOW), "timed");
    take_timed(&memory, 110, 50, NOW);
    assert_string_equal(rung(&memory, NOW), "tiny");
}

static void a_clock_set_back_does_not_time_each_probe(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    take_timed(&memory, 100, 50, NOW);
    assert_string_equal(rung(&memory, NOW - HOUR), "tiny");
}

/* -- what is found -- */

static void what_was_found_is_remembered(void **state)
{
    struct deep_memory memory = {0};
    struct verdict verdict = good("timed", "asked", "answered");
    (void)state;
    verdict.deep.model_mismatch = true;
    verdict.deep.first_token_ms = 12.5;
    verdict.deep.tokens_per_second = 80;
    assert_false(deep_take(&memory, &verdict, NOW));
    assert_true(memory.view.ok);
    assert_int_equal(memory.view.checked_us, NOW);
    assert_int_equal(memory.view.timed_us, NOW);
    assert_string_equal(memory.view.rung, "timed");
    assert_string_equal(memory.view.model_asked, "asked");
    assert_string_equal(memory.view.model, "answered");
    assert_true(memory.view.model_mismatch);
    assert_string_equal(memory.model, "asked");
    assert_true(memory.view.first_token_ms == 12.5);
    /* A tiny one leaves the measurements. */
    take_tiny(&memory, "asked", "answered", NOW + HOUR);
    assert_int_equal(memory.view.checked_us, NOW + HOUR);
    assert_int_equal(memory.view.timed_us, NOW);
    assert_true(memory.view.first_token_ms == 12.5);
    assert_true(memory.view.tokens_per_second == 80);
    assert_false(memory.view.model_mismatch);
}

static void a_failure_keeps_the_model_that_worked(void **state)
{
    struct deep_memory memory = {0};
    struct verdict verdict = {.effects = &failing};
    (void)state;
    take_timed(&memory, 100, 50, NOW);
    strcpy(verdict.kind, "server_error");
    strcpy(verdict.message, "it failed");
    strcpy(verdict.deep.model_asked, "other");
    deep_take(&memory, &verdict, NOW + 1);
    assert_false(memory.view.ok);
    assert_string_equal(memory.view.error_kind, "server_error");
    assert_string_equal(memory.view.error_message, "it failed");
    assert_string_equal(memory.view.model_asked, "other");
    assert_string_equal(memory.view.model, "m");
    assert_string_equal(memory.model, "m");
    take_failure(&memory, &failing, 0, NOW + 2); /* one that asked no model at all */
    assert_string_equal(memory.view.model_asked, "other");
    take_tiny(&memory, "m", "m", NOW + 3);
    assert_string_equal(memory.view.error_kind, "");
    assert_string_equal(memory.view.error_message, "");
}

static void what_was_skipped_changes_only_the_message(void **state)
{
    struct deep_memory memory = {0};
    struct verdict verdict = {.ok = true};
    (void)state;
    take_timed(&memory, 100, 50, NOW);
    take_failure(&memory, &failing, 0, NOW + 1);
    strcpy(verdict.deep.skipped, "no model for chat");
    assert_false(deep_take(&memory, &verdict, NOW + 2));
    assert_string_equal(memory.view.error_message, "skipped: no model for chat");
    assert_int_equal(memory.view.checked_us, NOW + 1);
    assert_false(memory.view.ok);
    assert_int_equal(memory.failures, 1);
}

static void another_model_behind_the_same_name_is_an_event(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    assert_false(take_tiny(&memory, "latest", "v1", NOW)); /* the first says nothing */
    assert_false(take_tiny(&memory, "latest", "v1", NOW));
    assert_false(memory.odd);
    assert_true(take_tiny(&memory, "latest", "v2", NOW));
    assert_true(memory.odd);
    assert_false(take_tiny(&memory, "latest", "v2", NOW));
    assert_false(take_tiny(&memory, "other", "v3", NOW)); /* another was asked */
    assert_false(take_tiny(&memory, "other", "", NOW));   /* it does not say */
    assert_false(take_tiny(&memory, "other", "v4", NOW));
    take_failure(&memory, &failing, 0, NOW);
    assert_true(take_tiny(&memory, "other", "v5", NOW)); /* behind a failure as well */
}

static void only_failures_count_towards_down(void **state)
{
    struct deep_memory memory = {0};
    struct verdict unjudged = {0};
    (void)state;
    take_failure(&memory, &spent, NOW + HOUR, NOW);
    assert_int_equal(memory.failures, 0);
    assert_true(memory.has_kind);
    take_failure(&memory, &failing, 0, NOW);
    take_failure(&memory, &spent, NOW + HOUR, NOW);
    take_failure(&memory, &failing, 0, NOW);
    assert_int_equal(memory.failures, 2);
    deep_take(&memory, &unjudged, NOW); /* without a kind */
    assert_int_equal(memory.failures, 2);
    assert_false(memory.has_kind);
}

/* -- when the next one is due -- */

static void a_failure_is_asked_after_sooner_until_it_is_settled(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    take_failure(&memory, &failing, 0, NOW);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), 6 * MINUTE);
    take_failure(&memory, &failing, 0, NOW);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), 6 * MINUTE);
    take_failure(&memory, &failing, 0, NOW);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), HOUR);
}

static void sooner_is_between_quick_and_always(void **state)
{
    struct deep_memory memory = {0};
    struct tuning tuning = usual;
    (void)state;
    take_failure(&memory, &failing, 0, NOW);
    tuning.deep.interval_ms = 60000; /* a tenth is less than quick */
    assert_int_equal(deep_wait_us(&memory, &tuning, NOW), 30 * SECOND);
    tuning.deep.interval_ms = 10000; /* quick is more than always */
    assert_int_equal(deep_wait_us(&memory, &tuning, NOW), 10 * SECOND);
}

static void kinds_say_when_to_ask_again(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    take_failure(&memory, &daily, 0, NOW);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), DAY);
    take_failure(&memory, &quick, 0, NOW); /* shorter than the interval: as any failure */
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), 6 * MINUTE);
}

static void a_reset_that_was_told_is_waited_for(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    take_failure(&memory, &spent, NOW + 3 * HOUR, NOW);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), 3 * HOUR + SECOND);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW + 3 * HOUR - 1), SECOND + 1);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW + 3 * HOUR), 6 * MINUTE); /* it has passed */
    take_failure(&memory, &spent, INT64_MAX, NOW);
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), DAY + SECOND);
    take_failure(&memory, &failing, NOW + 3 * HOUR, NOW); /* of a kind that no time ends */
    assert_int_equal(deep_wait_us(&memory, &usual, NOW), 6 * MINUTE);
}

/* -- what may be spent -- */

static int64_t left(struct deep_memory *memory, const struct limits *limits, int64_t now_us)
{
    return deep_tokens_left(memory, &usual.deep, limits, now_us);
}

static void take_limit(struct limits *limits, const char *unit, double limit)
{
    struct limit_window window = {.window_s = 86400, .limit = limit, .remaining = limit};
    snprintf(window.unit, sizeof(window.unit), "%s", unit);
    limits_take(limits, &window, 1, NOW);
}

static void the_budget_is_of_a_day_in_utc(void **state)
{
    struct deep_memory memory = {0};
    struct limits none = {0};
    (void)state;
    assert_int_equal(left(&memory, &none, NOW), 5000);
    deep_spend(&memory, 60, 2, NOW);
    deep_spend(&memory, 40, 1, NOW + DAY - 1);
    assert_int_equal(memory.view.tokens_today, 100);
    assert_int_equal(memory.requests_today, 3);
    assert_int_equal(left(&memory, &none, NOW + DAY - 1), 4900);
    assert_int_equal(left(&memory, &none, NOW + DAY), 5000);
    assert_int_equal(memory.view.tokens_today, 0);
    assert_int_equal(memory.requests_today, 0);
}

static void the_budget_never_goes_below_nothing(void **state)
{
    struct deep_memory memory = {0};
    struct limits none = {0};
    (void)state;
    deep_spend(&memory, 4999, 1, NOW);
    assert_int_equal(left(&memory, &none, NOW), 1);
    deep_spend(&memory, 1, 1, NOW);
    assert_int_equal(left(&memory, &none, NOW), 0);
    deep_spend(&memory, INT64_C(1000000000000), 1, NOW); /* an answer longer than expected */
    assert_int_equal(left(&memory, &none, NOW), 0);
}

static void a_day_that_turns_while_a_probe_runs_pays_on_the_new_day(void **state)
{
    struct deep_memory memory = {0};
    (void)state;
    deep_spend(&memory, 10, 1, NOW);
    deep_spend(&memory, 7, 1, NOW + DAY);
    assert_int_equal(memory.view.tokens_today, 7);
    assert_int_equal(memory.requests_today, 1);
}

static void the_share_of_daily_tokens_bounds_it_as_well(void **state)
{
    struct deep_memory memory = {0};
    struct limits limits = {0};
    (void)state;
    take_limit(&limits, "tokens", 20000); /* 5 % of it: 1000 */
    assert_int_equal(left(&memory, &limits, NOW), 1000);
    deep_spend(&memory, 400, 1, NOW);
    assert_int_equal(left(&memory, &limits, NOW), 600);
    deep_spend(&memory, 601, 1, NOW);
    assert_int_equal(left(&memory, &limits, NOW), 0);
    take_limit(&limits, "tokens", 1e9); /* a large one leaves the budget */
    assert_int_equal(left(&memory, &limits, NOW), 5000 - 1001);
}

static void the_share_of_daily_requests_ends_it(void **state)
{
    struct deep_memory memory = {0};
    struct limits limits = {0};
    (void)state;
    take_limit(&limits, "requests", 40); /* 5 % of it: 2 */
    assert_int_equal(left(&memory, &limits, NOW), 5000);
    deep_spend(&memory, 10, 1, NOW);
    assert_int_equal(left(&memory, &limits, NOW), 4990);
    deep_spend(&memory, 10, 1, NOW);
    assert_int_equal(left(&memory, &limits, NOW), 0);
    assert_int_equal(left(&memory, &limits, NOW + DAY), 5000);
    take_limit(&limits, "requests", 19); /* less than one */
    assert_int_equal(left(&memory, &limits, NOW + DAY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_probe_is_timed),
        cmocka_unit_test(the_timed_one_comes_when_the_last_good_one_is_old),
        cmocka_unit_test(what_is_odd_is_looked_at_closer_and_sooner),
        cmocka_unit_test(what_was_not_measured_is_not_odd),
        cmocka_unit_test(a_recovery_is_odd_until_it_was_timed),
        cmocka_unit_test(a_clock_set_back_does_not_time_each_probe),
        cmocka_unit_test(what_was_found_is_remembered),
        cmocka_unit_test(a_failure_keeps_the_model_that_worked),
        cmocka_unit_test(what_was_skipped_changes_only_the_message),
        cmocka_unit_test(another_model_behind_the_same_name_is_an_event),
        cmocka_unit_test(only_failures_count_towards_down),
        cmocka_unit_test(a_failure_is_asked_after_sooner_until_it_is_settled),
        cmocka_unit_test(sooner_is_between_quick_and_always),
        cmocka_unit_test(kinds_say_when_to_ask_again),
        cmocka_unit_test(a_reset_that_was_told_is_waited_for),
        cmocka_unit_test(the_budget_is_of_a_day_in_utc),
        cmocka_unit_test(the_budget_never_goes_below_nothing),
        cmocka_unit_test(a_day_that_turns_while_a_probe_runs_pays_on_the_new_day),
        cmocka_unit_test(the_share_of_daily_tokens_bounds_it_as_well),
        cmocka_unit_test(the_share_of_daily_requests_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
