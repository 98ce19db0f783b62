/* forecast: how likely is a provider to fail or to become too slow soon, and why?
 *
 * Four signals, each with a risk of its own from 0 to 1:
 *
 *   errors    the error rate has become worse                   change_point.h
 *   latency   it becomes slower, and will be too slow           drift.h
 *   season    it fails at this hour of the week                 season.h
 *   limit     its limits run out before their reset             below
 *
 * As if they were independent, the risk is 1 - (1 - r1)(1 - r2)...; each is made so that 0.5 means "act". Signals below
 * 0.1 are left out. "Soon" is about 24 checks: two hours of checks every 5 minutes. What is judged on simulated traces
 * is in tests/unit/health/test_forecast.c, which prints how often it is right and how early.
 *
 * limit: a window that is spent at its present rate (limits.h) runs out at a certain time; the risk is the probability
 * that this is before the reset, the sooner the more. The rate is believed as far as it was measured for a time that is
 * not short against the time that is left. A provider whose keys differ has the risk of its best-off key, which is
 * asked then. What will be refused for less than a minute is nothing to avoid a provider for.
 *
 * Memory: struct forecast, some 1.4 KB a provider, nothing allocated. Thread: the loop's; views are values.
 */
#ifndef PROVIDERD_HEALTH_FORECAST_H
#define PROVIDERD_HEALTH_FORECAST_H

#include "health/change_point.h"
#include "health/drift.h"
#include "health/limits.h"
#include "health/season.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FORECAST_SIGNALS_MAX = 4, FORECAST_DETAIL_MAX = 160, FORECAST_REASON_MAX = 2 * FORECAST_DETAIL_MAX + 2 };

struct forecast_signal {
    const char *name; /* static */
    double risk;
    char detail[FORECAST_DETAIL_MAX];
};

struct forecast_view {
    double risk;
    char reason[FORECAST_REASON_MAX]; /* the details of the two strongest signals; "" when there is none */
    size_t count;
    struct forecast_signal signals[FORECAST_SIGNALS_MAX]; /* strongest first */
};

struct forecast {
    struct change_point errors;
    struct drift latency;
    struct season season;
    bool primed;  /* the past was read */
    bool alarmed; /* the risk has reached 0.5, and has not fallen below 0.3 since */
};

/* An hour of the past, as the database has it: checks that count, and how many of them were up. */
struct past_hour {
    int64_t start_s; /* UNIX time */
    int64_t checks;
    int64_t up;
};

/* A check that counts. `latency_ms` below 0: not of a good answer. */
void forecast_take(struct forecast *forecast, int64_t now_us, bool up, double latency_ms);

/* A whole hour of the past, from the database, the oldest first; forecast_primed() after the last of them. The second
 * time nothing is taken. */
void forecast_add_hour(struct forecast *forecast, const struct past_hour *hour);
void forecast_primed(struct forecast *forecast);

/* The risk that limits run out; writes the reason when it is not 0. */
double forecast_limit_risk(const struct limits *limits, int64_t now_us, char *detail, size_t detail_size);

/* What is to be expected. `limits`: of each key that can be used, at least one. */
void forecast_look(const struct forecast *forecast, int64_t now_us, double threshold_ms,
                   const struct limits *const *limits, size_t limits_count, struct forecast_view *view);

/* Follows the risk: 1 when it has just become an alarm, -1 when it has ceased to be one, 0 else. */
int forecast_alarm(struct forecast *forecast, double risk);

#endif
