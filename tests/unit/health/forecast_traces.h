/* forecast_traces: simulated providers, check by check: healthy ones of several tempers, and ones that go down or
 * become slow after some sign, or without any. Each is a function of its seed.
 *
 * Checks come as the daemon makes them: every 5 minutes with some jitter, every 30 s while a failure is in doubt.
 */
#ifndef PROVIDERD_TESTS_FORECAST_TRACES_H
#define PROVIDERD_TESTS_FORECAST_TRACES_H

#include "health/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scenario {
    SCENARIO_STEADY,        /* 0.3 % of the checks fail, and four short disturbances a week */
    SCENARIO_NOISY,         /* 4 % fail, and ten disturbances a week */
    SCENARIO_HEAVY_TAIL,    /* latencies of which 4 % are ten times the usual */
    SCENARIO_DAILY_WAVE,    /* latency goes up and down by half with the hours of the day */
    SCENARIO_ERRORS_CREEP,  /* the error rate rises for hours, then an outage */
    SCENARIO_LATENCY_CREEP, /* latency rises for hours until it is too high */
    SCENARIO_SUDDEN_CHANGE, /* the error rate jumps to 15-40 %, an outage follows hours later */
    SCENARIO_WEEKLY,        /* most checks of one hour of the week fail */
    SCENARIO_LIMIT,         /* requests run out before their window ends */
    SCENARIO_NO_SIGN,       /* outages out of the blue */
    SCENARIO_COUNT,
};

const char *scenario_name(enum scenario scenario);

enum { TRACE_PHASES_MAX = 64, TRACE_THRESHOLD_MS = 1000 };

/* A time in which something is wrong. */
struct trace_phase {
    double from_s;  /* the first signs */
    double onset_s; /* from here on nothing works; = until_s: it passes */
    double until_s;
    double strength;
};

struct trace {
    enum scenario scenario;
    uint64_t random;
    double now_s; /* since the trace began, on a Monday at midnight */
    double end_s;
    unsigned failures; /* in a row */
    double blip_at_s;
    double blip_until_s;
    double median_ms;
    size_t phase_count;
    struct trace_phase phases[TRACE_PHASES_MAX];
    struct limits limits;
    double spent; /* in the present window */
    double pace;  /* of spending in it, as a share of the limit */
    double window_at_s;
};

struct trace_check {
    int64_t at_us; /* wall clock */
    bool up;
    bool limited;
    double latency_ms; /* -1 when it was no good answer */
    bool foreseeable;  /* an outage that began now would have had signs for ten minutes */
};

void trace_begin(struct trace *trace, enum scenario scenario, uint64_t seed, unsigned weeks);

/* False at its end. */
bool trace_next(struct trace *trace, struct trace_check *check);

#endif
