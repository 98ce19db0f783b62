/* Each signal of the forecast by itself, the risk of several, the alarm, and what the past adds. */
#include "health/forecast.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)

enum { HOUR_S = 3600, WEEK_S = 168 * HOUR_S };

static const int64_t MONDAY_S = 1795392000; /* 2026-11-23, midnight */

static void assert_says(const char *detail, const char *part)
{
    if (strstr(detail, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", detail, part);
}

/* -- errors -- */

static void take_checks(struct change_point *errors, unsigned count, unsigned one_in)
{
    for (unsigned i = 1; i <= count; ++i)
        change_point_take(errors, one_in == 0 || i % one_in != 0);
}

static void few_failures_far_apart_are_no_risk(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct change_point errors = {0};
    for (unsigned i = 1; i <= 5000; ++i) {
        change_point_take(&errors, i % 250 != 0);
        assert_true(change_point_risk(&errors, detail, sizeof(detail)) < 0.3);
    }
    assert_true(change_point_usual(&errors) > 0.003 && change_point_usual(&errors) < 0.005);
}

static void a_rate_that_rises_is_a_risk_until_it_falls(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct change_point errors = {0};
    take_checks(&errors, 1000, 0);
    assert_true(change_point_risk(&errors, detail, sizeof(detail)) == 0);
    take_checks(&errors, 16, 4);
    assert_true(change_point_risk(&errors, detail, sizeof(detail)) >= 0.5);
    assert_says(detail, "4 of the last 13 checks failed, usually 0.");
    take_checks(&errors, 100, 0);
    assert_true(change_point_risk(&errors, detail, sizeof(detail)) == 0);
}

static void what_always_fails_now_and_then_is_measured_by_itself(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct change_point calm = {0}, noisy = {0};
    take_checks(&calm, 2000, 200);
    take_checks(&noisy, 2000, 10);
    take_checks(&calm, 30, 8);
    take_checks(&noisy, 30, 8);
    assert_true(change_point_risk(&calm, detail, sizeof(detail)) >= 0.5);
    assert_true(change_point_risk(&noisy, detail, sizeof(detail)) < 0.3);
}

static void an_outage_is_a_risk_at_once_and_teaches_little(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct change_point errors = {0};
    take_checks(&errors, 1000, 0);
    take_checks(&errors, 500, 1);
    assert_true(change_point_risk(&errors, detail, sizeof(detail)) >= 0.8);
    assert_string_equal(detail, "the last 500 checks failed");
    take_checks(&errors, 500, 0);
    assert_true(change_point_usual(&errors) < 0.01);
}

/* -- latency -- */

enum { STEP_S = 300 };

/* Checks that go from one latency to another by equal factors, with some zigzag; returns the time after them. */
static int64_t take_latencies(struct drift *drift, int64_t now_us, unsigned count, double from_ms, double to_ms)
{
    for (unsigned i = 0; i < count; ++i, now_us += STEP_S * SECOND_US) {
        double part = count > 1 ? (double)i / (count - 1) : 0, zigzag = 1 + 0.04 * ((i * 7) % 5 - 2.0);
        drift_take(drift, now_us, from_ms * pow(to_ms / from_ms, part) * zigzag);
    }
    return now_us;
}

static void a_steady_latency_is_no_risk(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct drift drift = {0};
    take_latencies(&drift, HOUR_US, 300, 300, 300);
    assert_true(drift_risk(&drift, 1000, detail, sizeof(detail)) < 0.01);
}

static void a_latency_that_rises_is_told_before_it_is_too_high(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct drift drift = {0};
    int64_t now_us = take_latencies(&drift, HOUR_US, 300, 300, 300);
    take_latencies(&drift, now_us, 36, 300, 800);
    assert_true(drift_risk(&drift, 1000, detail, sizeof(detail)) >= 0.5);
    assert_says(detail, "rises");
    assert_says(detail, "reaches the threshold of 1000 ms in ");
    assert_true(drift_risk(&drift, 30000, detail, sizeof(detail)) <= 0.3); /* far from there it is a weak sign */
    assert_true(drift_risk(&drift, 0, detail, sizeof(detail)) <= 0.3);     /* none is set */
}

static void single_slow_answers_move_nothing(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct drift drift = {0};
    int64_t now_us = HOUR_US;
    for (unsigned i = 0; i < 100; ++i) {
        now_us = take_latencies(&drift, now_us, 5, 300, 300);
        drift_take(&drift, now_us, 9000);
        now_us += STEP_S * SECOND_US;
        assert_true(drift_risk(&drift, 1000, detail, sizeof(detail)) < 0.3);
    }
}

static void a_clock_that_jumps_back_spoils_no_line(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct drift drift = {0};
    take_latencies(&drift, 100 * HOUR_US, 60, 300, 300);
    take_latencies(&drift, HOUR_US, 36, 300, 800);
    double risk = drift_risk(&drift, 1000, detail, sizeof(detail));
    assert_true(risk >= 0.5 && risk <= 1);
    drift_take(&drift, 2 * HOUR_US, 0); /* neither does what is no latency */
    drift_take(&drift, 2 * HOUR_US, NAN);
    assert_true(drift_risk(&drift, 1000, detail, sizeof(detail)) == risk);
}

/* -- season -- */

/* Hours of whole weeks before Monday; in `bad_weeks` of them, the latest, the first hour of Mondays fails. */
static void add_weeks(struct forecast *forecast, unsigned weeks, unsigned bad_weeks)
{
    for (unsigned week = weeks; week > 0; --week) {
        for (unsigned hour = 0; hour < SEASON_HOURS; ++hour) {
            struct past_hour past = {MONDAY_S - (int64_t)week * WEEK_S + (int64_t)hour * HOUR_S, 12, 12};
            if (hour == 0 && week <= bad_weeks)
                past.up = 2;
            forecast_add_hour(forecast, &past);
        }
    }
    forecast_primed(forecast);
}

static struct forecast_view look(const struct forecast *forecast, int64_t now_us)
{
    struct forecast_view view;
    forecast_look(forecast, now_us, 1000, NULL, 0, &view);
    return view;
}

static void an_hour_of_the_week_that_goes_badly_again_and_again_is_a_risk(void **state)
{
    (void)state;
    struct forecast forecast = {0};
    int64_t monday_us = MONDAY_S * SECOND_US;
    add_weeks(&forecast, SEASON_WEEKS, SEASON_WEEKS);
    struct forecast_view view = look(&forecast, monday_us + 10 * MINUTE_US);
    assert_int_equal(view.count, 1);
    assert_string_equal(view.signals[0].name, "season");
    assert_true(view.risk >= 0.8 && view.signals[0].risk == view.risk);
    assert_string_equal(view.reason,
                        "failed in 83 % of the checks on Mondays 00:00-01:00 UTC (13 of 13 weeks), this hour");
    view = look(&forecast, monday_us - 20 * MINUTE_US);
    assert_true(view.risk >= 0.8);
    assert_says(view.reason, "next hour");
    assert_true(look(&forecast, monday_us - 40 * MINUTE_US).risk == 0);
    assert_true(look(&forecast, monday_us + HOUR_US).risk == 0);
    assert_true(look(&forecast, monday_us + 24 * HOUR_US).risk == 0);
}

static void one_bad_week_is_no_season(void **state)
{
    (void)state;
    struct forecast once = {0}, twice = {0}, lately = {0};
    int64_t monday_us = MONDAY_S * SECOND_US;
    add_weeks(&once, 1, 1);
    assert_true(look(&once, monday_us).risk == 0);
    add_weeks(&twice, 2, 2);
    assert_true(look(&twice, monday_us).risk >= 0.5);
    add_weeks(&lately, SEASON_WEEKS, 2); /* of 13 */
    assert_true(look(&lately, monday_us).risk < 0.3);
}

static void what_fails_at_all_hours_has_no_season(void **state)
{
    (void)state;
    struct forecast forecast = {0};
    for (int64_t hour = 0; hour < 4 * SEASON_HOURS; ++hour)
        forecast_add_hour(&forecast, &(struct past_hour){MONDAY_S - 4 * WEEK_S + hour * HOUR_S, 12, 9});
    forecast_primed(&forecast);
    assert_true(look(&forecast, MONDAY_S * SECOND_US).risk == 0);
}

static void the_past_tells_what_is_usual(void **state)
{
    (void)state;
    struct forecast calm = {0}, noisy = {0};
    for (int64_t hour = 0; hour < SEASON_HOURS; ++hour) {
        int64_t start_s = MONDAY_S - WEEK_S + hour * HOUR_S;
        bool outage = hour >= 20 && hour < 40;
        forecast_add_hour(&calm, &(struct past_hour){start_s, 12, outage ? 0 : 12});
        forecast_add_hour(&noisy, &(struct past_hour){start_s, 12, 11});
    }
    forecast_primed(&calm);
    forecast_primed(&noisy);
    assert_true(change_point_usual(&calm.errors) < 0.005); /* an outage is not how it usually goes */
    assert_true(change_point_usual(&noisy.errors) > 0.07);
    forecast_add_hour(&calm, &(struct past_hour){MONDAY_S, 1000, 600}); /* once is enough */
    assert_true(change_point_usual(&calm.errors) < 0.005);
}

static void hours_that_cannot_be_are_left_out(void **state)
{
    (void)state;
    static const struct past_hour hours[] = {{MONDAY_S, 0, 0}, {MONDAY_S, -5, 3}, {MONDAY_S, 5, 9}, {MONDAY_S, 5, -1}};
    struct forecast forecast = {0};
    for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); ++i)
        forecast_add_hour(&forecast, &hours[i]);
    forecast_add_hour(&forecast,
                      &(struct past_hour){-HOUR_S, INT64_C(1) << 40, INT64_C(1) << 40}); /* fits nowhere whole */
    forecast_primed(&forecast);
    assert_true(look(&forecast, MONDAY_S * SECOND_US).risk == 0);
    assert_true(change_point_usual(&forecast.errors) < 0.01);
}

static void a_season_is_learned_from_checks_too(void **state)
{
    (void)state;
    struct forecast forecast = {0};
    int64_t now_us = MONDAY_S * SECOND_US;
    for (unsigned i = 0; i < 3 * SEASON_HOURS * 12; ++i, now_us += 5 * MINUTE_US) {
        unsigned hour = i / 12 % SEASON_HOURS;
        forecast_take(&forecast, now_us, hour != 50 || i % 2 != 0, 100);
    }
    struct forecast_view view = look(&forecast, now_us + 50 * HOUR_US);
    assert_true(view.risk >= 0.5);
    assert_says(view.reason, "50 % of the checks on Wednesdays 02:00-03:00 UTC (3 of 3 weeks)");
}

/* -- limits -- */

static void take_window(struct limits *limits, double remaining, int64_t reset_s, int64_t now_us)
{
    struct limit_window window = {.unit = "requests",
                                  .window_s = HOUR_S,
                                  .limit = 1000,
                                  .remaining = remaining,
                                  .reset_at_us = now_us + reset_s * SECOND_US};
    limits_take(limits, &window, 1, now_us);
}

static void a_limit_that_lasts_until_its_reset_is_no_risk(void **state)
{
    (void)state;
    char detail[FORECAST_DETAIL_MAX] = "";
    struct limits limits = {0};
    int64_t now_us = MONDAY_S * SECOND_US;
    assert_true(forecast_limit_risk(&limits, now_us, detail, sizeof(detail)) == 0);
    take_window(&limits, 900, 3000, now_us);
    take_window(&limits, 800, 2400, now_us + 600 * SECOND_US);
    assert_true(forecast_limit_risk(&limits, now_us + 600 * SECOND_US, detail, sizeof(detail)) == 0);
}

static void a_limit_that_runs_out_is_a_risk_and_the_best_key_counts(void **state)
{
    (void)state;
    struct limits spent = {0}, fresh = {0};
    const struct limits *both[] = {&spent, &fresh};
    const struct forecast forecast = {0};
    struct forecast_view view;
    int64_t now_us = MONDAY_S * SECOND_US + 600 * SECOND_US;
    take_window(&spent, 900, 3000, now_us - 600 * SECOND_US);
    take_window(&spent, 300, 2400, now_us);
    take_window(&fresh, 990, 2400, now_us);
    forecast_look(&forecast, now_us, 1000, both, 1, &view);
    assert_true(view.count == 1 && view.risk >= 0.5);
    assert_string_equal(view.reason, "requests run out at 00:15 UTC, 35 minutes before the reset");
    forecast_look(&forecast, now_us, 1000, both, 2, &view);
    assert_true(view.count == 0 && view.risk == 0);
    take_window(&spent, 0, 2400, now_us);
    forecast_look(&forecast, now_us, 1000, both, 1, &view);
    assert_true(view.risk >= 0.9);
    assert_string_equal(view.reason, "requests are used up until 00:50 UTC");
    take_window(&spent, 0, 30, now_us);
    forecast_look(&forecast, now_us, 1000, both, 1, &view);
    assert_true(view.risk == 0); /* it is over before anybody is turned away */
}

/* -- together -- */

static void signals_add_up_strongest_first(void **state)
{
    (void)state;
    struct forecast forecast = {0};
    add_weeks(&forecast, SEASON_WEEKS, SEASON_WEEKS);
    for (unsigned i = 0; i < 8; ++i)
        forecast_take(&forecast, MONDAY_S * SECOND_US + i * MINUTE_US, i % 4 != 3, 100);
    struct forecast_view view = look(&forecast, MONDAY_S * SECOND_US + 10 * MINUTE_US);
    assert_int_equal(view.count, 2);
    assert_string_equal(view.signals[0].name, "season");
    assert_string_equal(view.signals[1].name, "errors");
    assert_true(view.signals[0].risk > view.signals[1].risk);
    assert_true(fabs(view.risk - (1 - (1 - view.signals[0].risk) * (1 - view.signals[1].risk))) < 0.001);
    assert_says(view.reason, "this hour; 2 of the last ");
}

static void an_alarm_ends_well_below_where_it_began(void **state)
{
    (void)state;
    struct forecast forecast = {0};
    static const double risks[] = {0.1, 0.49, 0.5, 0.7, 0.4, 0.3, 0.29, 0.4, 0.5};
    static const int changes[] = {0, 0, 1, 0, 0, 0, -1, 0, 1};
    for (size_t i = 0; i < sizeof(risks) / sizeof(risks[0]); ++i)
        assert_int_equal(forecast_alarm(&forecast, risks[i]), changes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_failures_far_apart_are_no_risk),
        cmocka_unit_test(a_rate_that_rises_is_a_risk_until_it_falls),
        cmocka_unit_test(what_always_fails_now_and_then_is_measured_by_itself),
        cmocka_unit_test(an_outage_is_a_risk_at_once_and_teaches_little),
        cmocka_unit_test(a_steady_latency_is_no_risk),
        cmocka_unit_test(a_latency_that_rises_is_told_before_it_is_too_high),
        cmocka_unit_test(single_slow_answers_move_nothing),
        cmocka_unit_test(a_clock_that_jumps_back_spoils_no_line),
        cmocka_unit_test(an_hour_of_the_week_that_goes_badly_again_and_again_is_a_risk),
        cmocka_unit_test(one_bad_week_is_no_season),
        cmocka_unit_test(what_fails_at_all_hours_has_no_season),
        cmocka_unit_test(the_past_tells_what_is_usual),
        cmocka_unit_test(hours_that_cannot_be_are_left_out),
        cmocka_unit_test(a_season_is_learned_from_checks_too),
        cmocka_unit_test(a_limit_that_lasts_until_its_reset_is_no_risk),
        cmocka_unit_test(a_limit_that_runs_out_is_a_risk_and_the_best_key_counts),
        cmocka_unit_test(signals_add_up_strongest_first),
        cmocka_unit_test(an_alarm_ends_well_below_where_it_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
