/* The windows of statistics against a model that keeps every check; Wilson's interval; clocks that jump; memory. */
#include "health/statistics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US INT64_C(1000000)

static const int64_t START_S = 1795392000; /* 2026-11-23, midnight */
static const int64_t REACH_S[] = {3600, 86400, 7 * 86400, 30 * 86400};
static const int64_t SPAN_S[] = {300, 3600, 6 * 3600, 86400};

/* -- the model -- */

struct past_check {
    int64_t at_s;
    bool counted, up, busy;
    double latency_ms;
};

struct past {
    struct past_check *checks;
    size_t count, capacity;
};

static uint64_t seed = 42;

static uint32_t random_below(uint32_t limit) /* xorshift64* */
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)((seed * UINT64_C(2685821657736338717)) >> 33) % limit;
}

static void keep(struct past *model, const struct past_check *check)
{
    if (model->count == model->capacity) {
        model->capacity = model->capacity != 0 ? model->capacity * 2 : 1024;
        model->checks = realloc(model->checks, model->capacity * sizeof(*model->checks));
        assert_non_null(model->checks);
    }
    model->checks[model->count++] = *check;
}

static struct past_check random_check(int64_t at_s)
{
    struct past_check check = {.at_s = at_s,
                               .counted = random_below(20) != 0,
                               .up = random_below(10) != 0,
                               .busy = random_below(2) != 0,
                               .latency_ms = 50 + random_below(2000) * (random_below(50) == 0 ? 10 : 1)};
    return check;
}

static void count_in(struct statistics *statistics, const struct past_check *check)
{
    struct tally_check told = {.counted = check->counted,
                               .up = check->up,
                               .latency_ms = check->latency_ms,
                               .first_token_ms = -1,
                               .tokens_per_second = -1,
                               .kind = check->counted && !check->up ? "timeout" : NULL};
    assert_true(statistics_add(statistics, check->at_s * SECOND_US, &told, check->busy));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What a window of the model says that reaches back to `from_s`. */
struct exact {
    uint32_t checks, up, unknown, busy_checks, busy_up;
    double *latencies;
    size_t latency_count;
};

static struct exact exact_since(const struct past *model, int64_t from_s)
{
    struct exact exact = {.latencies = malloc((model->count + 1) * sizeof(double))};
    assert_non_null(exact.latencies);
    for (size_t i = 0; i < model->count; ++i) {
        const struct past_check *check = &model->checks[i];
        if (check->at_s < from_s)
            continue;
        if (!check->counted) {
            ++exact.unknown;
            continue;
        }
        ++exact.checks;
        exact.up += check->up;
        exact.busy_checks += check->busy;
        exact.busy_up += check->busy && check->up;
        if (check->up)
            exact.latencies[exact.latency_count++] = check->latency_ms;
    }
    qsort(exact.latencies, exact.latency_count, sizeof(double), by_value);
    return exact;
}

static double exact_quantile(const struct exact *exact, double q)
{
    size_t rank = (size_t)ceil(q * (double)exact->latency_count);
    return exact->latencies[rank > 0 ? rank - 1 : 0];
}

static void assert_near(double value, double expected, double share)
{
    if (fabs(value - expected) > share * expected)
        fail_msg("%g is not within %g of %g", value, share, expected);
}

/* The window begins where a slot does: at `since_s`, which is as far back as it promises, and not much farther. */
static void assert_like_model(struct statistics *statistics, const struct past *model, int64_t now_s, unsigned window)
{
    struct window_summary summary;
    statistics_summarize(statistics, (enum stats_window)window, now_s * SECOND_US, &summary);
    assert_true(summary.since_s >= now_s - REACH_S[window] - SPAN_S[window] - 300 || summary.since_s == 0);
    struct exact least = exact_since(model, now_s - REACH_S[window]);
    struct exact most = exact_since(model, now_s - REACH_S[window] - SPAN_S[window] - 300);
    assert_in_range(summary.uptime.checks, least.checks, most.checks);
    assert_in_range(summary.unknown, least.unknown, most.unknown);
    free(least.latencies);
    free(most.latencies);
    if (summary.since_s == 0)
        return;
    struct exact exact = exact_since(model, summary.since_s);
    assert_int_equal(summary.uptime.checks, exact.checks);
    assert_int_equal(summary.uptime.up, exact.up);
    assert_int_equal(summary.unknown, exact.unknown);
    assert_int_equal(summary.busy.checks, exact.busy_checks);
    assert_int_equal(summary.busy.up, exact.busy_up);
    assert_int_equal(summary.latency_ms.count, exact.latency_count);
    if (exact.latency_count != 0) {
        assert_near(summary.latency_ms.p50, exact_quantile(&exact, 0.5), 0.02);
        assert_near(summary.latency_ms.p95, exact_quantile(&exact, 0.95), 0.02);
        assert_near(summary.latency_ms.p99, exact_quantile(&exact, 0.99), 0.02);
        assert_true(summary.latency_ms.min == exact.latencies[0]);
        assert_true(summary.latency_ms.max == exact.latencies[exact.latency_count - 1]);
    }
    free(exact.latencies);
}

/* -- windows -- */

static void windows_say_what_a_model_of_all_checks_says(void **state)
{
    (void)state;
    struct statistics *statistics = statistics_new();
    struct past model = {NULL, 0, 0};
    int64_t now_s = START_S + 1234;
    assert_non_null(statistics);
    for (int i = 0; i < 20000; ++i) {
        struct past_check check = random_check(now_s);
        keep(&model, &check);
        count_in(statistics, &check);
        if (i % 97 == 0) {
            for (unsigned window = 0; window < STATS_WINDOWS; ++window)
                assert_like_model(statistics, &model, now_s, window);
        }
        now_s += random_below(1000) == 0 ? random_below(200000) : 1 + random_below(600); /* now and then a long gap */
    }
    statistics_free(statistics);
    free(model.checks);
}

static void what_is_older_than_a_month_is_forgotten(void **state)
{
    (void)state;
    struct statistics *statistics = statistics_new();
    struct past_check check = {START_S, true, true, false, 100};
    struct window_summary summary;
    count_in(statistics, &check);
    for (unsigned window = 0; window < STATS_WINDOWS; ++window) {
        int64_t last_s = START_S + REACH_S[window], gone_s = last_s + SPAN_S[window] + 300;
        statistics_summarize(statistics, (enum stats_window)window, last_s * SECOND_US, &summary);
        assert_int_equal(summary.uptime.checks, 1);
        statistics_summarize(statistics, (enum stats_window)window, gone_s * SECOND_US, &summary);
        assert_int_equal(summary.uptime.checks, 0);
        assert_true(summary.uptime.percent == 0 && summary.latency_ms.count == 0 && summary.since_s == 0);
    }
    statistics_free(statistics);
}

static void a_clock_that_is_set_back_loses_no_check(void **state)
{
    (void)state;
    struct statistics *statistics = statistics_new();
    struct window_summary summary;
    int64_t steps_s[] = {0, 100, 7200, 3600, -50000, 7300, 7900, 90000, 8000}; /* since the start */
    for (size_t i = 0; i < sizeof(steps_s) / sizeof(steps_s[0]); ++i) {
        struct past_check check = {START_S + steps_s[i], true, true, false, 100};
        count_in(statistics, &check);
    }
    statistics_summarize(statistics, STATS_MONTH, (START_S + 90000) * SECOND_US, &summary);
    assert_int_equal(summary.uptime.checks, 9);
    statistics_summarize(statistics, STATS_HOUR, (START_S + 90000) * SECOND_US, &summary);
    assert_int_equal(summary.uptime.checks, 2); /* the last one was dated yesterday, and counts now */
    statistics_free(statistics);
}

static void timings_stand_beside_the_checks(void **state)
{
    (void)state;
    struct statistics *statistics = statistics_new();
    struct window_summary summary;
    for (int i = 1; i <= 100; ++i)
        assert_true(statistics_add_timing(statistics, (START_S + i * 60) * SECOND_US, i * 10, i % 2 == 0 ? i : -1));
    statistics_summarize(statistics, STATS_DAY, (START_S + 6000) * SECOND_US, &summary);
    assert_true(summary.uptime.checks == 0 && summary.first_token_ms.count == 100);
    assert_near(summary.first_token_ms.p50, 500, 0.02);
    assert_true(summary.tokens_per_second.count == 50 && summary.tokens_per_second.mean == 51);
    statistics_free(statistics);
}

static void note_kind(const char *kind, uint32_t count, void *user)
{
    char *text = user;
    sprintf(text + strlen(text), "%s=%u ", kind, count);
}

static void kinds_of_closed_slots_and_the_open_one_add_up(void **state)
{
    (void)state;
    static const char *const kinds[] = {"timeout", "rate", "timeout", "dns", "dns", "dns"};
    struct statistics *statistics = statistics_new();
    char text[256] = "";
    for (int i = 0; i < 6; ++i) {
        struct tally_check check = {true, false, -1, -1, -1, kinds[i]};
        assert_true(statistics_add(statistics, (START_S + i * 70) * SECOND_US, &check, false));
    }
    statistics_kinds(statistics, STATS_HOUR, note_kind, text);
    assert_string_equal(text, "timeout=2 rate=1 dns=3 ");
    statistics_free(statistics);
}

/* -- the past -- */

static void the_past_may_come_after_the_present(void **state)
{
    (void)state;
    struct statistics *whole = statistics_new(), *rebuilt = statistics_new();
    struct tally tally = TALLY_EMPTY;
    struct past_stretch stretch = {.tally = &tally};
    int64_t now_s = START_S + 3600 / 2;
    for (int hour = 40 * 24; hour >= 0; --hour) { /* newest last, as it happened */
        for (int i = 0; i < 4; ++i) {
            struct past_check check = random_check(now_s - hour * 3600 + i);
            check.counted = true;
            count_in(whole, &check);
        }
    }
    for (int hour = 0; hour <= 40 * 24; ++hour) { /* newest first, an hour at a time */
        struct tally_check check = {true, true, 100, -1, -1, NULL};
        tally_clear(&tally);
        for (int i = 0; i < 4; ++i)
            tally_add(&tally, &check);
        stretch.start_s = now_s - hour * 3600;
        stretch.busy_checks = 2;
        stretch.busy_up = 1;
        assert_true(statistics_add_past(rebuilt, now_s * SECOND_US, &stretch));
    }
    for (unsigned window = 0; window < STATS_WINDOWS; ++window) {
        struct window_summary a, b;
        statistics_summarize(whole, (enum stats_window)window, now_s * SECOND_US, &a);
        statistics_summarize(rebuilt, (enum stats_window)window, now_s * SECOND_US, &b);
        assert_int_equal(a.uptime.checks, b.uptime.checks);
        assert_int_equal(b.busy.checks * 2, b.uptime.checks);
        assert_int_equal(b.busy.up * 2, b.busy.checks);
    }
    tally_dispose(&tally);
    statistics_free(whole);
    statistics_free(rebuilt);
}

/* -- Wilson -- */

static void wilsons_interval_is_the_published_one(void **state)
{
    /* R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
     * table I, method 3. */
    static const struct {
        uint32_t up, checks;
        double low, high;
    } cases[] = {{81, 263, 25.53, 36.62}, {15, 148, 6.24, 16.05}, {0, 20, 0, 16.11}, {1, 29, 0.61, 17.18}};
    double low, high;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        wilson_interval(cases[i].up, cases[i].checks, &low, &high);
        assert_true(fabs(low - cases[i].low) < 0.006);
        assert_true(fabs(high - cases[i].high) < 0.006);
    }
    wilson_interval(20, 20, &low, &high);
    assert_true(high == 100 && fabs(low - (100 - 16.11)) < 0.006);
    wilson_interval(0, 0, &low, &high);
    assert_true(low == 0 && high == 100);
}

static void names_are_those_of_the_query(void **state)
{
    enum stats_window window;
    (void)state;
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        assert_true(stats_window_parse(stats_window_name((enum stats_window)i), &window));
        assert_int_equal(window, i);
    }
    assert_false(stats_window_parse("24", &window));
    assert_false(stats_window_parse("", &window));
}

static void a_month_takes_little_memory(void **state)
{
    (void)state;
    struct statistics *statistics = statistics_new();
    for (int64_t at_s = START_S; at_s < START_S + 31 * 86400; at_s += 300) {
        struct past_check check = random_check(at_s);
        count_in(statistics, &check);
    }
    printf("30 days, a check every 5 minutes: %zu bytes\n", statistics_memory(statistics));
    assert_in_range(statistics_memory(statistics), 1000, 40000);
    statistics_free(statistics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_say_what_a_model_of_all_checks_says),
        cmocka_unit_test(what_is_older_than_a_month_is_forgotten),
        cmocka_unit_test(a_clock_that_is_set_back_loses_no_check),
        cmocka_unit_test(timings_stand_beside_the_checks),
        cmocka_unit_test(kinds_of_closed_slots_and_the_open_one_add_up),
        cmocka_unit_test(the_past_may_come_after_the_present),
        cmocka_unit_test(wilsons_interval_is_the_published_one),
        cmocka_unit_test(names_are_those_of_the_query),
        cmocka_unit_test(a_month_takes_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
