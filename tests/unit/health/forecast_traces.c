#include "forecast_traces.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double MINUTE = 60, HOUR = 3600, DAY = 86400, WEEK = 7 * 86400;
static const double SIGN_S = 600;        /* signs of which none lasted longer cannot be seen */
static const double PASSING_SHARE = 0.2; /* of all signs nothing comes */
static const int64_t MONDAY_S = 1798416000 - 1798416000 % 604800 + 4 * 86400; /* 1970-01-05 was a Monday */

/* Limit of the simulated window. */
static const double LIMIT_REQUESTS = 6000, LIMIT_WINDOW_S = 6 * 3600;

const char *scenario_name(enum scenario scenario)
{
    static const char *const names[] = {
        "healthy: steady", "healthy: noisy", "healthy: heavy tail", "healthy: daily wave", "errors creep",
        "latency creeps",  "sudden change",  "weekly hour",         "limit runs out",      "no sign at all",
    };
    return names[scenario];
}

/* -- chance -- */

/* splitmix64: G. Steele et al., "Fast splittable pseudorandom number generators" (2014). */
static double uniform(struct trace *trace)
{
    uint64_t z = (trace->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static double between(struct trace *trace, double low, double high)
{
    return low + (high - low) * uniform(trace);
}

static double exponential(struct trace *trace, double mean)
{
    return -mean * log(1 - uniform(trace));
}

static double normal(struct trace *trace)
{
    return sqrt(-2 * log(1 - uniform(trace))) * cos(2 * M_PI * uniform(trace));
}

/* -- what goes wrong, and when -- */

static void add_phase(struct trace *trace, double from_s, double signs_s, double outage_s, double strength)
{
    if (trace->phase_count < TRACE_PHASES_MAX)
        trace->phases[trace->phase_count++] =
            (struct trace_phase){from_s, from_s + signs_s, from_s + signs_s + outage_s, strength};
}

static void plan_one(struct trace *trace, double at_s)
{
    bool passes = uniform(trace) < PASSING_SHARE;
    double outage_s = passes ? 0 : between(trace, 15 * MINUTE, 90 * MINUTE);
    switch (trace->scenario) {
    case SCENARIO_ERRORS_CREEP:
        add_phase(trace, at_s, between(trace, 1.5 * HOUR, 6 * HOUR), outage_s, passes ? 0.2 : 0.6);
        break;
    case SCENARIO_SUDDEN_CHANGE:
        add_phase(trace, at_s, between(trace, HOUR, 5 * HOUR), outage_s,
                  passes ? between(trace, 0.08, 0.15) : between(trace, 0.15, 0.4));
        break;
    case SCENARIO_LATENCY_CREEP: /* the strength: how much higher at the end, as a logarithm */
        add_phase(trace, at_s, between(trace, 2 * HOUR, 9 * HOUR), passes ? 0 : between(trace, HOUR, 3 * HOUR),
                  log(TRACE_THRESHOLD_MS / trace->median_ms) * (passes ? 0.6 : 1.3));
        break;
    case SCENARIO_NO_SIGN:
        add_phase(trace, at_s, 0, between(trace, 15 * MINUTE, 90 * MINUTE), 0);
        break;
    default:
        break;
    }
}

static void plan(struct trace *trace)
{
    double hour_of_week_s = floor(between(trace, 24, 160)) * HOUR;
    if (trace->scenario == SCENARIO_WEEKLY) {
        for (double at_s = hour_of_week_s; at_s < trace->end_s; at_s += WEEK)
            add_phase(trace, at_s, HOUR, 0, 0.7);
        return;
    }
    for (double at_s = between(trace, 1.5, 3) * DAY; at_s < trace->end_s; at_s += between(trace, 1.2, 3.5) * DAY)
        plan_one(trace, at_s);
}

static const struct trace_phase *phase_at(const struct trace *trace, double at_s)
{
    for (size_t i = 0; i < trace->phase_count; ++i) {
        if (at_s >= trace->phases[i].from_s && at_s < trace->phases[i].until_s)
            return &trace->phases[i];
    }
    return NULL;
}

/* -- one check -- */

static double failure_chance(const struct trace *trace, const struct trace_phase *phase)
{
    double usual = trace->scenario == SCENARIO_NOISY ? 0.04 : 0.003;
    if (phase == NULL || trace->scenario == SCENARIO_LATENCY_CREEP)
        return usual;
    if (trace->now_s >= phase->onset_s)
        return 1;
    double part = (trace->now_s - phase->from_s) / (phase->onset_s - phase->from_s);
    return fmax(usual, trace->scenario == SCENARIO_ERRORS_CREEP ? part * phase->strength : phase->strength);
}

static bool in_blip(struct trace *trace)
{
    double a_week = trace->scenario == SCENARIO_NOISY ? 10 : 4;
    while (trace->now_s >= trace->blip_until_s) {
        trace->blip_at_s = trace->blip_until_s + exponential(trace, WEEK / a_week);
        trace->blip_until_s = trace->blip_at_s + 5 + exponential(trace, 40);
    }
    return trace->now_s >= trace->blip_at_s;
}

static double latency(struct trace *trace, const struct trace_phase *phase)
{
    bool heavy = trace->scenario == SCENARIO_HEAVY_TAIL;
    double value = log(trace->median_ms) + normal(trace) * (heavy ? 0.4 : 0.25);
    if (uniform(trace) < (heavy ? 0.04 : 0.005))
        value += log(10);
    if (trace->scenario == SCENARIO_DAILY_WAVE)
        value += 0.4 * sin(2 * M_PI * trace->now_s / DAY);
    else
        value += 0.1 * sin(2 * M_PI * trace->now_s / DAY);
    if (phase != NULL && trace->scenario == SCENARIO_LATENCY_CREEP)
        value += phase->strength * fmin(1, (trace->now_s - phase->from_s) / (phase->onset_s - phase->from_s));
    return exp(value);
}

/* Others spend as well: in most windows half of the limit or so, in one of six too much. Returns whether requests are
 * refused. */
static bool spend(struct trace *trace, double passed_s, int64_t now_us)
{
    double at_s = floor(trace->now_s / LIMIT_WINDOW_S) * LIMIT_WINDOW_S;
    if (at_s != trace->window_at_s || trace->pace == 0) {
        trace->window_at_s = at_s;
        trace->spent = 0;
        passed_s = trace->now_s - at_s;
        trace->pace = uniform(trace) < 1.0 / 6 ? between(trace, 1.3, 3) : between(trace, 0.2, 0.8);
    }
    trace->spent += trace->pace * LIMIT_REQUESTS * passed_s / LIMIT_WINDOW_S * exp(0.5 * normal(trace));
    double left = fmax(0, floor(LIMIT_REQUESTS - trace->spent));
    struct limit_window window = {
        .unit = "requests",
        .window_s = (int64_t)LIMIT_WINDOW_S,
        .limit = LIMIT_REQUESTS,
        .remaining = left,
        .reset_at_us = now_us + (int64_t)((at_s + LIMIT_WINDOW_S - trace->now_s) * 1e6),
    };
    limits_take(&trace->limits, &window, 1, now_us);
    return left == 0;
}

void trace_begin(struct trace *trace, enum scenario scenario, uint64_t seed, unsigned weeks)
{
    *trace = (struct trace){.scenario = scenario, .random = seed * 1000 + scenario, .end_s = weeks * WEEK};
    trace->median_ms = scenario == SCENARIO_DAILY_WAVE ? between(trace, 250, 500) : between(trace, 150, 450);
    trace->now_s = between(trace, 0, 300);
    plan(trace);
}

bool trace_next(struct trace *trace, struct trace_check *check)
{
    bool doubtful = trace->failures > 0 && trace->failures < 3;
    double passed_s = doubtful ? 30 : 300 * between(trace, 0.9, 1.1);
    trace->now_s += passed_s;
    if (trace->now_s >= trace->end_s)
        return false;
    const struct trace_phase *phase = phase_at(trace, trace->now_s);
    double seconds = trace->now_s;
    *check = (struct trace_check){.at_us = MONDAY_S * 1000000 + (int64_t)(seconds * 1e6), .latency_ms = -1};
    bool blip = in_blip(trace);
    check->up = uniform(trace) >= failure_chance(trace, phase) && !blip;
    trace->failures = check->up ? 0 : trace->failures + 1;
    check->limited = trace->scenario == SCENARIO_LIMIT && spend(trace, passed_s, check->at_us);
    double latency_ms = latency(trace, phase);
    if (check->up && !check->limited)
        check->latency_ms = latency_ms;
    check->foreseeable =
        check->limited || (phase != NULL && trace->now_s - phase->from_s >= SIGN_S && phase->onset_s > phase->from_s);
    if (trace->scenario == SCENARIO_WEEKLY) /* two bad weeks must have been seen */
        check->foreseeable = phase != NULL && phase >= trace->phases + 2;
    return true;
}
