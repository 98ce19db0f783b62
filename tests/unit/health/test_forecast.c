/* The forecast judged on simulated traces (each signal by itself: test_signals.c).
 *
 * An event is three bad checks (failed, or slower than the threshold) in a row, or a refusal for want of requests; bad
 * checks within two hours belong to the same one. It is foretold when an alarm was on
 * at some time in the two hours before. An alarm is right when an event begins while it is on, or within two hours
 * after; one that begins during an event, or within two hours after, is neither right nor wrong. The same holds for the
 * two rules that the forecast is compared with.
 *
 *   unit_health_forecast            prints and judges the traces of seeds that no constant was chosen by
 *   unit_health_forecast tune       prints those of the seeds that constants were chosen by
 */
#include "forecast_traces.h"
#include "health/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum { TUNING_SEED = 1, REPORT_SEED = 100001, PROVIDERS = 16, WEEKS = 8 };

/* -- judging -- */

enum method { METHOD_FORECAST, METHOD_LAST_FAILURE, METHOD_SLOW, METHOD_COUNT };

static const int64_t SOON_US = 2 * HOUR;

struct moment {
    int64_t at_us;
    bool alarm[METHOD_COUNT];
    bool bad;     /* failed or slow */
    bool refused; /* for want of requests */
    bool foreseeable;
    double risk;
};

struct event {
    size_t at; /* its first check */
    size_t last;
    bool foreseeable;
};

enum { LEADS_MAX = 10000, EVENTS_MAX = 2000, BINS = 5 };

struct score {
    unsigned events; /* that could be foretold */
    unsigned foretold;
    unsigned blue;          /* out of the blue */
    unsigned blue_foretold; /* all the same */
    unsigned right;         /* alarms */
    unsigned wrong;
    double weeks;
    size_t lead_count;
    double lead_min[LEADS_MAX];
    double lead_checks[LEADS_MAX];
};

/* Of all checks with a risk in a tenth-wide range: how many, and after how many an event came within two hours. */
struct reliability {
    unsigned checks[BINS];
    unsigned events[BINS];
};

static size_t run_trace(struct trace *trace, struct moment **moments)
{
    struct forecast *forecast = calloc(1, sizeof(*forecast));
    struct trace_check check;
    size_t count = 0, capacity = 40000;
    const struct limits *limits = &trace->limits;
    *moments = malloc(capacity * sizeof(**moments));
    assert_non_null(forecast);
    assert_non_null(*moments);
    while (trace_next(trace, &check)) {
        struct forecast_view view;
        assert_true(count < capacity);
        forecast_take(forecast, check.at_us, check.up, check.latency_ms);
        forecast_look(forecast, check.at_us, TRACE_THRESHOLD_MS, &limits, 1, &view);
        forecast_alarm(forecast, view.risk);
        bool slow = check.latency_ms > TRACE_THRESHOLD_MS;
        (*moments)[count++] = (struct moment){
            .at_us = check.at_us,
            .alarm = {forecast->alarmed, !check.up, slow},
            .bad = !check.up || slow,
            .refused = check.limited,
            .foreseeable = check.foreseeable,
            .risk = view.risk,
        };
    }
    free(forecast);
    return count;
}

static size_t find_events(const struct moment *moments, size_t count, struct event *events)
{
    size_t found = 0, run = 0;
    for (size_t i = 0; i < count; ++i) {
        run = moments[i].bad ? run + 1 : 0;
        if (run < 3 && !moments[i].refused)
            continue;
        size_t from = moments[i].refused ? i : i - run + 1;
        if (found > 0 && moments[from].at_us - moments[events[found - 1].last].at_us < SOON_US) {
            events[found - 1].last = i;
            continue;
        }
        assert_true(found < EVENTS_MAX);
        events[found++] = (struct event){from, i, moments[from].foreseeable};
    }
    return found;
}

/* Where the alarm began that was on within two hours before the event, or SIZE_MAX. */
static size_t alarm_before(const struct moment *moments, const struct event *event, size_t after, enum method method)
{
    size_t begin = SIZE_MAX;
    for (size_t i = event->at; i-- > after;) {
        bool on = moments[i].alarm[method];
        bool within = moments[event->at].at_us - moments[i].at_us <= SOON_US;
        if (!within && !(begin == i + 1 && on))
            break; /* only what was on already goes on further back */
        if (on)
            begin = i;
    }
    return begin;
}

static void judge_events(const struct moment *moments, const struct event *events, size_t count, enum method method,
                         struct score *score)
{
    for (size_t e = 0; e < count; ++e) {
        const struct event *event = &events[e];
        size_t after = e > 0 ? events[e - 1].last + 1 : 0;
        size_t begin = alarm_before(moments, event, after, method);
        *(event->foreseeable ? &score->events : &score->blue) += 1;
        if (begin == SIZE_MAX)
            continue;
        *(event->foreseeable ? &score->foretold : &score->blue_foretold) += 1;
        if (!event->foreseeable || score->lead_count == LEADS_MAX)
            continue;
        score->lead_checks[score->lead_count] = (double)(event->at - begin);
        score->lead_min[score->lead_count++] = (double)(moments[event->at].at_us - moments[begin].at_us) / MINUTE;
    }
}

static void judge_alarm(const struct moment *moments, size_t from, size_t to, const struct event *events, size_t count,
                        struct score *score)
{
    for (size_t e = 0; e < count; ++e) {
        int64_t begun_us = moments[events[e].at].at_us, over_us = moments[events[e].last].at_us + SOON_US;
        if (moments[from].at_us >= begun_us && moments[from].at_us <= over_us)
            return;
        if (moments[from].at_us < begun_us && begun_us <= moments[to].at_us + SOON_US) {
            ++score->right;
            return;
        }
    }
    ++score->wrong;
}

static void judge_alarms(const struct moment *moments, size_t count, const struct event *events, size_t event_count,
                         enum method method, struct score *score)
{
    for (size_t i = 0; i < count; ++i) {
        size_t from = i;
        if (!moments[i].alarm[method])
            continue;
        while (i + 1 < count && moments[i + 1].alarm[method])
            ++i;
        judge_alarm(moments, from, i, events, event_count, score);
    }
}

static void weigh_risks(const struct moment *moments, size_t count, const struct event *events, size_t event_count,
                        struct reliability *reliability)
{
    size_t e = 0;
    for (size_t i = 0; i < count; ++i) {
        while (e < event_count && events[e].last < i)
            ++e;
        if (e < event_count && i >= events[e].at)
            continue; /* it is on */
        double risk = moments[i].risk;
        size_t bin = risk < 0.1 ? 0 : risk < 0.3 ? 1 : risk < 0.5 ? 2 : risk < 0.8 ? 3 : 4;
        ++reliability->checks[bin];
        if (e < event_count && moments[events[e].at].at_us - moments[i].at_us <= SOON_US)
            ++reliability->events[bin];
    }
}

static void judge_scenario(enum scenario scenario, uint64_t seed, struct score scores[METHOD_COUNT],
                           struct reliability *reliability)
{
    struct event *events = malloc(EVENTS_MAX * sizeof(*events));
    assert_non_null(events);
    for (unsigned i = 0; i < PROVIDERS; ++i) {
        struct trace trace;
        struct moment *moments;
        trace_begin(&trace, scenario, seed + i, WEEKS);
        size_t count = run_trace(&trace, &moments), event_count = find_events(moments, count, events);
        for (enum method method = 0; method < METHOD_COUNT; ++method) {
            judge_events(moments, events, event_count, method, &scores[method]);
            judge_alarms(moments, count, events, event_count, method, &scores[method]);
            scores[method].weeks += WEEKS;
        }
        weigh_risks(moments, count, events, event_count, reliability);
        free(moments);
    }
    free(events);
}

/* -- the table -- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, size_t count)
{
    static double sorted[LEADS_MAX * SCENARIO_COUNT];
    if (count == 0)
        return 0;
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), ascending);
    return sorted[count / 2];
}

static double share(unsigned part, unsigned rest)
{
    return part + rest != 0 ? (double)part / (part + rest) : -1;
}

static double recall(const struct score *score)
{
    return share(score->foretold, score->events - score->foretold);
}

static double precision(const struct score *score)
{
    return share(score->right, score->wrong);
}

static void print_share(double value)
{
    if (value < 0)
        printf("      -");
    else
        printf(" %6.2f", value);
}

/* precision: of the alarms, how many were right; recall: of the events that had signs, how many were foretold, counted
 * in "foretold"; "no sign": those that had none; the lead, median of those foretold, in checks and minutes; false
 * alarms in a week. */
static void print_score(const char *name, const char *method, const struct score *score)
{
    printf("%-20s %-13s", name, method);
    print_share(precision(score));
    print_share(recall(score));
    printf("  %4u/%-4u %4u/%-4u", score->foretold, score->events, score->blue_foretold, score->blue);
    printf("  %6.0f %6.0f", median(score->lead_checks, score->lead_count), median(score->lead_min, score->lead_count));
    printf("  %8.2f\n", score->wrong / score->weeks);
}

static void add_score(struct score *sum, const struct score *score)
{
    sum->events += score->events;
    sum->foretold += score->foretold;
    sum->blue += score->blue;
    sum->blue_foretold += score->blue_foretold;
    sum->right += score->right;
    sum->wrong += score->wrong;
    sum->weeks += score->weeks;
    for (size_t i = 0; i < score->lead_count && sum->lead_count < LEADS_MAX; ++i) {
        sum->lead_checks[sum->lead_count] = score->lead_checks[i];
        sum->lead_min[sum->lead_count++] = score->lead_min[i];
    }
}

static const char *const method_names[] = {"forecast", "last failure", "slow"};

static void judge_all(uint64_t seed, struct score scores[SCENARIO_COUNT][METHOD_COUNT], struct score sums[METHOD_COUNT],
                      struct reliability *reliability)
{
    printf("%u providers, %u weeks of each, seeds from %llu; %zu bytes a provider\n", PROVIDERS, WEEKS,
           (unsigned long long)seed, sizeof(struct forecast));
    printf("%-20s %-13s %6s %6s  %9s %9s  %6s %6s  %8s\n", "", "", "prec.", "recall", "foretold", "no sign", "checks",
           "min", "false/wk");
    for (enum scenario scenario = 0; scenario < SCENARIO_COUNT; ++scenario) {
        judge_scenario(scenario, seed, scores[scenario], reliability);
        for (enum method method = 0; method < METHOD_COUNT; ++method) {
            print_score(method == 0 ? scenario_name(scenario) : "", method_names[method], &scores[scenario][method]);
            add_score(&sums[method], &scores[scenario][method]);
        }
    }
    for (enum method method = 0; method < METHOD_COUNT; ++method)
        print_score(method == 0 ? "all" : "", method_names[method], &sums[method]);
    static const char *const bins[] = {"0-0.1", "0.1-0.3", "0.3-0.5", "0.5-0.8", "0.8-1"};
    for (size_t i = 0; i < BINS; ++i)
        printf("risk %-8s %7u checks, an event within 2 h after %5.1f %%\n", bins[i], reliability->checks[i],
               reliability->checks[i] != 0 ? 100.0 * reliability->events[i] / reliability->checks[i] : 0);
}

struct judgement {
    struct score scores[SCENARIO_COUNT][METHOD_COUNT];
    struct score sums[METHOD_COUNT];
    struct reliability reliability;
};

static struct judgement *judgement_of(uint64_t seed)
{
    struct judgement *judgement = calloc(1, sizeof(*judgement));
    assert_non_null(judgement);
    judge_all(seed, judgement->scores, judgement->sums, &judgement->reliability);
    return judgement;
}

/* What is demanded of the scenarios with signs: a little less than was reached with any of four sets of seeds, which
 * differ by some hundredths. */
struct floor {
    enum scenario scenario;
    double precision;
    double recall;
    double lead_min; /* median, in minutes */
};

static const struct floor floors[] = {
    {SCENARIO_ERRORS_CREEP, 0.8, 0.5, 35},    {SCENARIO_LATENCY_CREEP, 0.85, 0.8, 45},
    {SCENARIO_SUDDEN_CHANGE, 0.75, 0.55, 60}, {SCENARIO_WEEKLY, 0.85, 0.95, 25},
    {SCENARIO_LIMIT, 0.9, 0.95, 90},
};

static const enum scenario healthy[] = {SCENARIO_STEADY, SCENARIO_NOISY, SCENARIO_HEAVY_TAIL, SCENARIO_DAILY_WAVE};

enum { HEALTHY_COUNT = sizeof(healthy) / sizeof(healthy[0]), FLOORS_COUNT = sizeof(floors) / sizeof(floors[0]) };

static int judge_report(void **state)
{
    *state = judgement_of(REPORT_SEED);
    return 0;
}

static int free_report(void **state)
{
    free(*state);
    return 0;
}

static void trouble_with_signs_is_foretold(void **state)
{
    const struct judgement *judgement = *state;
    for (size_t i = 0; i < FLOORS_COUNT; ++i) {
        const struct score *score = &judgement->scores[floors[i].scenario][METHOD_FORECAST];
        assert_true(score->events >= 30);
        assert_true(precision(score) >= floors[i].precision);
        assert_true(recall(score) >= floors[i].recall);
        assert_true(median(score->lead_min, score->lead_count) >= floors[i].lead_min);
    }
    const struct score *all = &judgement->sums[METHOD_FORECAST];
    assert_true(precision(all) >= 0.8 && recall(all) >= 0.78);
}

static void a_quiet_week_has_few_false_alarms(void **state)
{
    const struct judgement *judgement = *state;
    unsigned wrong = 0;
    double weeks = 0;
    for (size_t i = 0; i < HEALTHY_COUNT; ++i) {
        const struct score *score = &judgement->scores[healthy[i]][METHOD_FORECAST];
        assert_true(score->wrong <= score->weeks);
        wrong += score->wrong;
        weeks += score->weeks;
    }
    printf("false alarms in a quiet week of a healthy provider: %.2f (%u in %.0f weeks)\n", wrong / weeks, wrong,
           weeks);
    assert_true(wrong <= weeks / 4);
}

/* The rules "its last check failed" and "its last check was slow" warn all the time, and yet miss more. */
static void it_is_better_than_looking_at_the_last_check(void **state)
{
    const struct judgement *judgement = *state;
    for (enum method method = METHOD_LAST_FAILURE; method < METHOD_COUNT; ++method) {
        assert_true(precision(&judgement->sums[METHOD_FORECAST]) > 2 * precision(&judgement->sums[method]));
        assert_true(recall(&judgement->sums[METHOD_FORECAST]) > recall(&judgement->sums[method]));
    }
}

/* What comes without a sign cannot be told, and a forecast that seems to would only be one that always warns. */
static void what_has_no_sign_is_not_foretold(void **state)
{
    const struct score *score = &((const struct judgement *)*state)->scores[SCENARIO_NO_SIGN][METHOD_FORECAST];
    assert_true(score->blue >= 100 && score->blue_foretold <= score->blue / 20);
    assert_true(score->wrong <= score->weeks / 2);
}

static double event_share(const struct reliability *reliability, size_t bin)
{
    return reliability->checks[bin] != 0 ? (double)reliability->events[bin] / reliability->checks[bin] : 0;
}

static void a_higher_risk_means_trouble_more_often(void **state)
{
    const struct reliability *reliability = &((const struct judgement *)*state)->reliability;
    for (size_t bin = 1; bin < BINS; ++bin) {
        assert_true(reliability->checks[bin] > 1000);
        assert_true(event_share(reliability, bin) > event_share(reliability, bin - 1));
    }
    assert_true(event_share(reliability, BINS - 1) > 0.5);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trouble_with_signs_is_foretold),
        cmocka_unit_test(a_quiet_week_has_few_false_alarms),
        cmocka_unit_test(it_is_better_than_looking_at_the_last_check),
        cmocka_unit_test(what_has_no_sign_is_not_foretold),
        cmocka_unit_test(a_higher_risk_means_trouble_more_often),
    };
    if (argc > 1 && strcmp(argv[1], "tune") == 0) {
        free(judgement_of(TUNING_SEED));
        return 0;
    }
    return cmocka_run_group_tests(tests, judge_report, free_report);
}
