/* What is known of the limits of a key: told ones that age, declared ones that are counted, and what both say. */
#include "health/limits.h"

#include "health/limits_json.h"

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

/* Midnight UTC, so that declared windows of every length begin there. */
static const int64_t NOW = 20000 * DAY;

#define WINDOW(unit_, window_s_, limit_, remaining_, reset_at_us_)                                                     \
    ((struct limit_window){                                                                                            \
        .unit = unit_, .window_s = window_s_, .limit = limit_, .remaining = remaining_, .reset_at_us = reset_at_us_})

static void take(struct limits *limits, struct limit_window told, int64_t now_us)
{
    limits_take(limits, &told, 1, now_us);
}

static void declare(struct limits *limits, struct limit_window declared, int64_t now_us)
{
    limits_declare(limits, &declared, 1, now_us);
}

/* The only window there is, as it is shown. */
static struct limit_view only(const struct limits *limits, int64_t now_us)
{
    struct limit_view views[LIMIT_WINDOWS_MAX];
    assert_int_equal(limits_view(limits, now_us, views), 1);
    return views[0];
}

#define ASSERT_USED(limits, now_us, percent) assert_float_equal(limits_used_percent(limits, now_us), percent, 1e-9)
#define ASSERT_REMAINING(limits, now_us, value) assert_true(only(limits, now_us).window.remaining == (value))

/* -- told ones -- */

static void nothing_told_is_nothing_known(void **state)
{
    struct limits limits = {0};
    struct limit_view views[LIMIT_WINDOWS_MAX];
    (void)state;
    ASSERT_USED(&limits, NOW, -1);
    assert_int_equal(limits_view(&limits, NOW, views), 0);
    assert_true(limits_daily(&limits, true) == 0);
    assert_true(limits_daily(&limits, false) == 0);
    limits_take(&limits, NULL, 0, NOW);
    limits_declare(&limits, NULL, 0, NOW);
    limits_spend(&limits, 1, 1, NOW);
    limits_overrule(&limits);
    assert_int_equal(limits.count, 0);
}

static void what_is_told_is_shown(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 60, 50, 49, NOW + 30 * SECOND), NOW);
    struct limit_view view = only(&limits, NOW);
    assert_string_equal(view.window.unit, "requests");
    assert_int_equal(view.window.window_s, 60);
    assert_true(view.window.limit == 50);
    assert_true(view.window.remaining == 49);
    assert_int_equal(view.window.reset_at_us, NOW + 30 * SECOND);
    assert_float_equal(view.used_percent, 2, 1e-9);
    assert_int_equal(view.exhausted_at_us, 0);
    assert_int_equal(view.seen_us, NOW);
    assert_false(view.counted);
    ASSERT_USED(&limits, NOW, 2);
}

static void windows_differ_by_unit_length_and_name(void **state)
{
    struct limits limits = {0};
    struct limit_window named = WINDOW("requests", 60, 10, 5, 0);
    (void)state;
    strcpy(named.name, "gpt-x");
    take(&limits, WINDOW("requests", 60, 100, 100, 0), NOW);
    take(&limits, WINDOW("tokens", 60, 100, 90, 0), NOW);
    take(&limits, WINDOW("requests", 86400, 100, 80, 0), NOW);
    take(&limits, named, NOW);
    assert_int_equal(limits.count, 4);
    ASSERT_USED(&limits, NOW, 50); /* the tightest */
    take(&limits, WINDOW("requests", 60, 100, 99, 0), NOW + 1);
    assert_int_equal(limits.count, 4);
    assert_true(limits.kept[0].window.remaining == 99);
    assert_true(limits.kept[3].window.remaining == 5);
}

static void the_share_is_bounded_and_odd_limits_have_none(void **state)
{
    static const struct {
        double limit, remaining, used;
    } cases[] = {{100, 0, 100}, {100, 100, 0}, {100, 250, 0}, /* more than the limit: a burst allowance */
                 {0, 0, -1},    {0, 5, -1},    {-1, 5, -1},   {100, -1, -1}, {-1, -1, -1}, {3, 1, 100.0 * 2 / 3},
                 {1e15, 1, 100}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct limits limits = {0};
        take(&limits, WINDOW("requests", 60, cases[i].limit, cases[i].remaining, 0), NOW);
        ASSERT_USED(&limits, NOW, cases[i].used);
        assert_float_equal(only(&limits, NOW).used_percent, cases[i].used, 1e-9);
    }
}

static void past_its_reset_only_the_limit_is_known(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 60, 50, 0, NOW + 30 * SECOND), NOW);
    ASSERT_USED(&limits, NOW + 30 * SECOND - 1, 100);
    ASSERT_USED(&limits, NOW + 30 * SECOND, -1);
    struct limit_view view = only(&limits, NOW + 30 * SECOND);
    assert_true(view.window.limit == 50);
    assert_true(view.window.remaining == -1);
    assert_int_equal(view.window.reset_at_us, 0);
    assert_int_equal(view.exhausted_at_us, 0);
}

static void without_a_reset_it_holds_for_its_length(void **state)
{
    static const struct {
        int64_t window_s, holds_us;
    } cases[] = {{1, SECOND},  {10, 10 * SECOND}, {0, MINUTE} /* not told */, {3600, HOUR},
                 {86400, DAY}, {30 * 86400, DAY}, {INT64_C(1) << 40, DAY}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct limits limits = {0};
        take(&limits, WINDOW("tokens", cases[i].window_s, 10, 4, 0), NOW);
        ASSERT_USED(&limits, NOW + cases[i].holds_us - 1, 60);
        ASSERT_USED(&limits, NOW + cases[i].holds_us, -1);
    }
}

static void a_reset_that_has_passed_when_told_still_holds_for_a_moment(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 60, 10, 0, NOW - HOUR), NOW);
    ASSERT_USED(&limits, NOW, 100);
    ASSERT_USED(&limits, NOW + SECOND - 1, 100);
    ASSERT_USED(&limits, NOW + SECOND, -1);
}

static void an_answer_that_names_only_what_remains_keeps_the_limit(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 60, 10, 9, 0), NOW);
    take(&limits, WINDOW("requests", 60, -1, 4, 0), NOW + 30 * SECOND);
    ASSERT_USED(&limits, NOW + 30 * SECOND, 60);
    /* The other way round nothing is made up: what remained before is not what remains now. */
    take(&limits, WINDOW("requests", 60, 10, -1, 0), NOW + 40 * SECOND);
    ASSERT_USED(&limits, NOW + 40 * SECOND, -1);
}

static void what_is_not_mentioned_stays_and_is_forgotten_after_a_day(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 60, 10, 9, 0), NOW);
    take(&limits, WINDOW("tokens", 60, 10, 9, 0), NOW + DAY - 1);
    assert_int_equal(limits.count, 2);
    take(&limits, WINDOW("tokens", 60, 10, 9, 0), NOW + DAY);
    assert_string_equal(only(&limits, NOW + DAY).window.unit, "tokens");
    /* One whose reset is to come stays until then. */
    take(&limits, WINDOW("requests", 0, 10, 9, NOW + 31 * DAY), NOW + DAY);
    limits_take(&limits, NULL, 0, NOW + 31 * DAY - 1);
    assert_string_equal(only(&limits, NOW + 31 * DAY - 1).window.unit, "requests");
    limits_take(&limits, NULL, 0, NOW + 31 * DAY);
    assert_int_equal(limits.count, 0);
}

static void the_window_told_longest_ago_gives_way(void **state)
{
    struct limits limits = {0};
    struct limit_view views[LIMIT_WINDOWS_MAX];
    (void)state;
    for (int64_t i = 0; i < LIMIT_WINDOWS_MAX; ++i)
        take(&limits, WINDOW("requests", 100 + i, 10, 10, 0), NOW + i);
    take(&limits, WINDOW("requests", 100, 10, 9, 0), NOW + 50); /* heard of again */
    take(&limits, WINDOW("requests", 7, 10, 3, 0), NOW + 51);
    assert_int_equal(limits_view(&limits, NOW + 51, views), LIMIT_WINDOWS_MAX);
    assert_int_equal(views[0].window.window_s, 100);
    assert_true(views[0].window.remaining == 9);
    assert_int_equal(views[1].window.window_s, 7); /* where 101 was */
    assert_true(views[1].window.remaining == 3);
    assert_int_equal(views[2].window.window_s, 102);
}

static void a_success_overrules_what_is_spent(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 60, 10, 0, NOW + HOUR), NOW);
    take(&limits, WINDOW("tokens", 60, 10, 1, NOW + HOUR), NOW);
    take(&limits, WINDOW("images", 60, 0, 0, NOW + HOUR), NOW);
    limits_overrule(&limits);
    assert_true(limits.kept[0].window.remaining == -1);
    assert_true(limits.kept[0].window.limit == 10);
    assert_int_equal(limits.kept[0].window.reset_at_us, 0);
    assert_true(limits.kept[1].window.remaining == 1);
    assert_int_equal(limits.kept[1].window.reset_at_us, NOW + HOUR);
    assert_true(limits.kept[2].window.remaining == 0); /* a limit of 0 may well mean "never" */
    ASSERT_USED(&limits, NOW, 90);
}

static void time_that_goes_backwards_forgets_nothing(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 60, 10, 4, 0), NOW);
    ASSERT_USED(&limits, NOW - 100 * DAY, 60);
    take(&limits, WINDOW("requests", 60, 10, 3, 0), NOW - 100 * DAY);
    ASSERT_USED(&limits, NOW - 100 * DAY, 70);
    assert_int_equal(only(&limits, NOW - 100 * DAY).seen_us, NOW - 100 * DAY);
    assert_int_equal(only(&limits, NOW - 100 * DAY).exhausted_at_us, 0);
    ASSERT_USED(&limits, 0, 70);
}

/* -- when it runs out -- */

static void the_rate_says_when_it_runs_out(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 3600, 100, 100, NOW + HOUR), NOW);
    assert_int_equal(only(&limits, NOW).exhausted_at_us, 0); /* one sight tells no rate */
    take(&limits, WINDOW("requests", 3600, 100, 80, NOW + HOUR), NOW + 5 * MINUTE);
    /* 20 in 5 minutes: the other 80 last for 20 more. */
    assert_int_equal(only(&limits, NOW + 5 * MINUTE).exhausted_at_us, NOW + 25 * MINUTE);
    assert_int_equal(only(&limits, NOW + 9 * MINUTE).exhausted_at_us, NOW + 25 * MINUTE);
    /* Measured from the first sight on, not from the last. */
    take(&limits, WINDOW("requests", 3600, 100, 75, NOW + HOUR), NOW + 10 * MINUTE);
    assert_int_equal(only(&limits, NOW + 10 * MINUTE).exhausted_at_us, NOW + 40 * MINUTE);
}

static void what_lasts_until_the_reset_does_not_run_out(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 3600, 100, 100, NOW + HOUR), NOW);
    take(&limits, WINDOW("requests", 3600, 100, 90, NOW + HOUR), NOW + 6 * MINUTE);
    assert_int_equal(only(&limits, NOW + 6 * MINUTE).exhausted_at_us, 0); /* exactly at the reset */
    take(&limits, WINDOW("requests", 3600, 100, 89, NOW + HOUR), NOW + 6 * MINUTE);
    assert_true(only(&limits, NOW + 6 * MINUTE).exhausted_at_us > NOW + 54 * MINUTE);
    assert_true(only(&limits, NOW + 6 * MINUTE).exhausted_at_us < NOW + HOUR);
}

static void without_use_or_time_between_there_is_no_rate(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("tokens", 3600, 100, 50, 0), NOW);
    take(&limits, WINDOW("tokens", 3600, 100, 50, 0), NOW + MINUTE);
    assert_int_equal(only(&limits, NOW + MINUTE).exhausted_at_us, 0);
    struct limits close = {0};
    take(&close, WINDOW("tokens", 3600, 100, 50, 0), NOW);
    take(&close, WINDOW("tokens", 3600, 100, 40, 0), NOW + SECOND - 1);
    assert_int_equal(only(&close, NOW + SECOND).exhausted_at_us, 0);
    take(&close, WINDOW("tokens", 3600, 100, 40, 0), NOW + SECOND);
    assert_int_equal(only(&close, NOW + SECOND).exhausted_at_us, NOW + 5 * SECOND);
}

static void a_refilled_window_begins_a_rate_of_its_own(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 3600, 100, 100, 0), NOW);
    take(&limits, WINDOW("requests", 3600, 100, 50, 0), NOW + MINUTE);
    take(&limits, WINDOW("requests", 3600, 100, 60, 0), NOW + 2 * MINUTE); /* more than before */
    assert_int_equal(only(&limits, NOW + 2 * MINUTE).exhausted_at_us, 0);
    take(&limits, WINDOW("requests", 3600, 100, 50, 0), NOW + 3 * MINUTE);
    assert_int_equal(only(&limits, NOW + 3 * MINUTE).exhausted_at_us, NOW + 8 * MINUTE);
    /* Likewise one that did not hold any more. */
    take(&limits, WINDOW("requests", 3600, 100, 40, 0), NOW + 2 * HOUR);
    assert_int_equal(only(&limits, NOW + 2 * HOUR).exhausted_at_us, 0);
}

static void an_empty_window_has_run_out_when_it_was_told(void **state)
{
    struct limits limits = {0}, unlimited = {0};
    (void)state;
    take(&limits, WINDOW("requests", 60, 10, 0, NOW + MINUTE), NOW);
    assert_int_equal(only(&limits, NOW + SECOND).exhausted_at_us, NOW);
    take(&unlimited, WINDOW("requests", 60, 0, 0, NOW + MINUTE), NOW);
    assert_int_equal(only(&unlimited, NOW + SECOND).exhausted_at_us, 0);
}

static void a_year_away_is_as_good_as_never(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("tokens", 0, 1e15, 1e15, 0), NOW);
    take(&limits, WINDOW("tokens", 0, 1e15, 1e15 - 1, 0), NOW + 30 * SECOND);
    assert_int_equal(only(&limits, NOW + 30 * SECOND).exhausted_at_us, 0);
}

/* -- declared ones -- */

static void declared_limits_are_counted_by_us(void **state)
{
    struct limits limits = {0};
    (void)state;
    declare(&limits, WINDOW("requests", 60, 10, -1, 0), NOW + 12 * SECOND);
    struct limit_view view = only(&limits, NOW + 12 * SECOND);
    assert_true(view.counted);
    assert_true(view.window.remaining == 10);
    assert_int_equal(view.window.reset_at_us, NOW + MINUTE); /* windows lie on the clock's minutes */
    limits_spend(&limits, 3, 1000, NOW + 15 * SECOND);
    ASSERT_USED(&limits, NOW + 15 * SECOND, 30);
    /* 3 in the first 15 seconds of the minute: 7 more last for 35. */
    assert_int_equal(only(&limits, NOW + 15 * SECOND).exhausted_at_us, NOW + 50 * SECOND);
    limits_spend(&limits, 100, 0, NOW + 20 * SECOND); /* never below nothing */
    ASSERT_REMAINING(&limits, NOW + 20 * SECOND, 0);
    ASSERT_USED(&limits, NOW + MINUTE - 1, 100);
    ASSERT_USED(&limits, NOW + MINUTE, 0);
    assert_int_equal(only(&limits, NOW + MINUTE).window.reset_at_us, NOW + 2 * MINUTE);
    limits_spend(&limits, 1, 0, NOW + 90 * SECOND);
    ASSERT_REMAINING(&limits, NOW + 90 * SECOND, 9);
}

static void tokens_and_requests_are_counted_apart(void **state)
{
    struct limits limits = {0};
    struct limit_window declared[] = {WINDOW("requests", 86400, 10, -1, 0), WINDOW("tokens", 86400, 1000, -1, 0)};
    (void)state;
    limits_declare(&limits, declared, 2, NOW + HOUR);
    limits_spend(&limits, 2, 500, NOW + HOUR);
    assert_true(limits.kept[0].window.remaining == 8);
    assert_true(limits.kept[1].window.remaining == 500);
    ASSERT_USED(&limits, NOW + HOUR, 50);
    ASSERT_USED(&limits, NOW + DAY, 0); /* midnight UTC */
}

static void what_is_told_and_what_is_counted_do_not_mix(void **state)
{
    struct limits limits = {0};
    (void)state;
    declare(&limits, WINDOW("requests", 60, 10, -1, 0), NOW);
    take(&limits, WINDOW("requests", 60, 100, 100, 0), NOW);
    assert_int_equal(limits.count, 2);
    limits_spend(&limits, 10, 0, NOW);
    assert_true(limits.kept[0].window.remaining == 0);
    assert_true(limits.kept[1].window.remaining == 100);
    limits_overrule(&limits); /* we know what we spent */
    assert_true(limits.kept[0].window.remaining == 0);
    ASSERT_USED(&limits, NOW, 100);
}

static void a_reload_keeps_the_counts_of_what_stays_the_same(void **state)
{
    struct limits limits = {0};
    struct limit_window before[] = {WINDOW("requests", 60, 10, -1, 0), WINDOW("tokens", 60, 1000, -1, 0)};
    struct limit_window after[] = {WINDOW("tokens", 60, 2000, -1, 0), WINDOW("requests", 60, 10, -1, 0)};
    (void)state;
    limits_declare(&limits, before, 2, NOW);
    take(&limits, WINDOW("requests", 1, 5, 5, 0), NOW);
    limits_spend(&limits, 4, 400, NOW);
    limits_declare(&limits, after, 2, NOW + SECOND);
    assert_int_equal(limits.count, 3);
    assert_false(limits.kept[0].counted);
    assert_true(limits.kept[1].window.remaining == 2000); /* another limit: counted anew */
    assert_true(limits.kept[2].window.remaining == 6);
    limits_declare(&limits, NULL, 0, NOW + SECOND);
    assert_false(only(&limits, NOW).counted);
}

static void declared_ones_drive_out_told_ones_but_not_the_other_way(void **state)
{
    struct limits limits = {0};
    struct limit_window declared[LIMIT_WINDOWS_MAX];
    (void)state;
    for (int64_t i = 0; i < LIMIT_WINDOWS_MAX; ++i) {
        take(&limits, WINDOW("tokens", 1 + i, 10, 10, 0), NOW + i);
        declared[i] = WINDOW("requests", 60 * (1 + i), 10, -1, 0);
    }
    limits_declare(&limits, declared, 3, NOW + 20);
    assert_int_equal(limits.count, LIMIT_WINDOWS_MAX);
    assert_true(limits.kept[2].counted);
    assert_false(limits.kept[3].counted);
    limits_declare(&limits, declared, LIMIT_WINDOWS_MAX, NOW + 20);
    for (size_t i = 0; i < LIMIT_WINDOWS_MAX; ++i)
        assert_true(limits.kept[i].counted);
    take(&limits, WINDOW("tokens", 1, 10, 0, 0), NOW + 21);
    assert_int_equal(limits.count, LIMIT_WINDOWS_MAX);
    ASSERT_USED(&limits, NOW + 21, 0);
}

static void counting_survives_a_clock_set_back(void **state)
{
    struct limits limits = {0};
    (void)state;
    declare(&limits, WINDOW("requests", 60, 10, -1, 0), NOW + 30 * SECOND);
    limits_spend(&limits, 4, 0, NOW + 30 * SECOND);
    limits_spend(&limits, 1, 0, NOW + 10 * SECOND); /* within the window */
    ASSERT_REMAINING(&limits, NOW + 10 * SECOND, 5);
    limits_spend(&limits, 1, 0, NOW - DAY); /* another window, which begins full */
    ASSERT_REMAINING(&limits, NOW - DAY, 9);
    assert_int_equal(only(&limits, NOW - DAY).window.reset_at_us, NOW - DAY + MINUTE);
}

/* -- what deep probes may take a share of -- */

static void the_daily_limit_is_the_least_of_the_long_windows(void **state)
{
    struct limits limits = {0};
    (void)state;
    take(&limits, WINDOW("requests", 86399, 5, 5, 0), NOW); /* shorter than a day */
    take(&limits, WINDOW("requests", 0, 5, 5, 0), NOW);     /* of a length not told */
    take(&limits, WINDOW("requests", 86400, 0, 0, 0), NOW); /* says nothing */
    take(&limits, WINDOW("images", 86400, 5, 5, 0), NOW);   /* neither tokens nor requests */
    assert_true(limits_daily(&limits, false) == 0);
    assert_true(limits_daily(&limits, true) == 0);
    take(&limits, WINDOW("requests", 86400, 1000, 5, 0), NOW);
    assert_true(limits_daily(&limits, false) == 1000);
    take(&limits, WINDOW("requests", 30 * 86400, 3000, 5, 0), NOW); /* 100 a day */
    assert_true(limits_daily(&limits, false) == 100);
    take(&limits, WINDOW("output_tokens", 86400, 400, 5, 0), NOW);
    take(&limits, WINDOW("tokens", 86400, 500, 5, 0), NOW);
    assert_true(limits_daily(&limits, true) == 400);
    assert_true(limits_daily(&limits, false) == 100);
}

/* -- as JSON -- */

static void expect_json(const struct limit_list *list, const char *expected)
{
    struct buf out = BUF_EMPTY;
    struct json j = json_begin(&out);
    limits_write_json(&j, list);
    assert_string_equal(buf_text(&out), expected);
    buf_dispose(&out);
}

static void limits_are_json(void **state)
{
    struct limits limits = {0};
    struct limit_window named = WINDOW("requests", 60, 3, 2, NOW + 30 * SECOND + 250000);
    (void)state;
    strcpy(named.name, "a \"policy\"");
    expect_json(NULL, "[]");
    take(&limits, named, NOW);
    take(&limits, WINDOW("tokens", 0, -1, 1.5, 0), NOW);
    struct limit_list *list = limit_list_new(&limits, NOW);
    assert_non_null(list);
    expect_json(list, "[{\"unit\":\"requests\",\"window_s\":60,\"limit\":3,\"remaining\":2,"
                      "\"reset_at\":\"2024-10-04T00:00:30.250Z\",\"used_percent\":33.3333,\"exhausted_at\":null,"
                      "\"source\":\"told\",\"name\":\"a \\\"policy\\\"\"},"
                      "{\"unit\":\"tokens\",\"window_s\":null,\"limit\":null,\"remaining\":1.5,\"reset_at\":null,"
                      "\"used_percent\":null,\"exhausted_at\":null,\"source\":\"told\"}]");
    limit_list_release(list);
}

static void counted_and_empty_ones_are_json(void **state)
{
    struct limits limits = {0}, none = {0};
    (void)state;
    declare(&limits, WINDOW("requests", 86400, 1e15, -1, 0), NOW);
    limits_spend(&limits, INT64_C(1000000000000000), 0, NOW + HOUR);
    struct limit_list *list = limit_list_new(&limits, NOW + HOUR);
    expect_json(list, "[{\"unit\":\"requests\",\"window_s\":86400,\"limit\":1000000000000000,\"remaining\":0,"
                      "\"reset_at\":\"2024-10-05T00:00:00.000Z\",\"used_percent\":100.0,"
                      "\"exhausted_at\":\"2024-10-04T01:00:00.000Z\",\"source\":\"counted\"}]");
    limit_list_release(list);
    assert_null(limit_list_new(&none, NOW));
    limit_list_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_told_is_nothing_known),
        cmocka_unit_test(what_is_told_is_shown),
        cmocka_unit_test(windows_differ_by_unit_length_and_name),
        cmocka_unit_test(the_share_is_bounded_and_odd_limits_have_none),
        cmocka_unit_test(past_its_reset_only_the_limit_is_known),
        cmocka_unit_test(without_a_reset_it_holds_for_its_length),
        cmocka_unit_test(a_reset_that_has_passed_when_told_still_holds_for_a_moment),
        cmocka_unit_test(an_answer_that_names_only_what_remains_keeps_the_limit),
        cmocka_unit_test(what_is_not_mentioned_stays_and_is_forgotten_after_a_day),
        cmocka_unit_test(the_window_told_longest_ago_gives_way),
        cmocka_unit_test(a_success_overrules_what_is_spent),
        cmocka_unit_test(time_that_goes_backwards_forgets_nothing),
        cmocka_unit_test(the_rate_says_when_it_runs_out),
        cmocka_unit_test(what_lasts_until_the_reset_does_not_run_out),
        cmocka_unit_test(without_use_or_time_between_there_is_no_rate),
        cmocka_unit_test(a_refilled_window_begins_a_rate_of_its_own),
        cmocka_unit_test(an_empty_window_has_run_out_when_it_was_told),
        cmocka_unit_test(a_year_away_is_as_good_as_never),
        cmocka_unit_test(declared_limits_are_counted_by_us),
        cmocka_unit_test(tokens_and_requests_are_counted_apart),
        cmocka_unit_test(what_is_told_and_what_is_counted_do_not_mix),
        cmocka_unit_test(a_reload_keeps_the_counts_of_what_stays_the_same),
        cmocka_unit_test(declared_ones_drive_out_told_ones_but_not_the_other_way),
        cmocka_unit_test(counting_survives_a_clock_set_back),
        cmocka_unit_test(the_daily_limit_is_the_least_of_the_long_windows),
        cmocka_unit_test(limits_are_json),
        cmocka_unit_test(counted_and_empty_ones_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
