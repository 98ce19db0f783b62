#include "health/drift.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 6, PAIRS_MAX = DRIFT_SLOTS * (DRIFT_SLOTS - 1) / 2 };

static const double HORIZON_SLOTS = 8; /* 24 checks: two hours of checks every 5 minutes */
static const double DAMPING = 0.9;     /* of a trend, a slot: few go on as they began, days and nights least of all */
static const double TREND_Z = 2.33;    /* one in a hundred steady series looks like rising */
static const double NOISE_MIN = 0.05;  /* of logarithms; nothing is measured better than to 5 % */
static const double GAP_MAX_S = 3600;  /* the clock jumped, or the daemon was asleep */
static const double EWMA_WEIGHT = 0.2; /* Roberts' usual one */
static const double SHIFT_Z = 4;       /* from here on the level is not the usual one, */
static const double SHIFT_RISK_MAX = 0.3; /* which alone is no reason to act */
static const double MEMORY_CHECKS = 2016; /* what is usual: of about a week, so that days and nights are both in it */
static const double CLIP = 3;             /* outliers are cut at so many spreads */
static const double SEEN_MIN = 50;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), ascending);
    return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* -- the line -- */

/* Sen's slope, and Kendall's S in standard deviations. */
static void find_slope(struct drift *drift)
{
    double slopes[PAIRS_MAX], n = drift->slot_count;
    size_t count = 0;
    int rising = 0;
    for (unsigned j = 1; j < drift->slot_count; ++j) {
        for (unsigned i = 0; i < j; ++i) {
            double step = drift->slots[j] - drift->slots[i];
            rising += (step > 0) - (step < 0);
            slopes[count++] = step / (j - i);
        }
    }
    drift->slope = median(slopes, count);
    double deviation = sqrt(n * (n - 1) * (2 * n + 5) / 18);
    drift->z = rising > 0 ? (rising - 1) / deviation : rising < 0 ? (rising + 1) / deviation : 0;
}

static void fit(struct drift *drift)
{
    double rest[DRIFT_SLOTS];
    if (drift->slot_count < SLOTS_MIN)
        return;
    find_slope(drift);
    double slope = drift->z >= TREND_Z ? drift->slope : 0;
    for (unsigned i = 0; i < drift->slot_count; ++i)
        rest[i] = drift->slots[i] - slope * i;
    double origin = median(rest, drift->slot_count);
    for (unsigned i = 0; i < drift->slot_count; ++i)
        rest[i] = fabs(drift->slots[i] - slope * i - origin);
    drift->level = origin + slope * (drift->slot_count - 1);
    drift->noise = fmax(NOISE_MIN, 1.4826 * median(rest, drift->slot_count)); /* MAD, as a standard deviation */
}

static void close_slot(struct drift *drift)
{
    if (drift->slot_count == DRIFT_SLOTS) {
        memmove(drift->slots, drift->slots + 1, (DRIFT_SLOTS - 1) * sizeof(drift->slots[0]));
        --drift->slot_count;
    }
    drift->slots[drift->slot_count++] = median(drift->open, DRIFT_SLOT_CHECKS);
    drift->open_count = 0;
    fit(drift);
}

/* -- what is usual -- */

static void learn(struct drift *drift, double value)
{
    if (drift->seen == 0) {
        drift->centre = drift->present = value;
        drift->spread = 0.25;
    }
    double weight = 1 / fmin(MEMORY_CHECKS, drift->seen + 2), limit = CLIP * drift->spread;
    double off = fmin(limit, fmax(-limit, value - drift->centre));
    drift->centre += weight * off;
    /* The mean deviation of a normal distribution is 0.7979 of its standard deviation. */
    drift->spread = fmax(NOISE_MIN, drift->spread + weight * (fabs(off) / 0.7979 - drift->spread));
    drift->present += EWMA_WEIGHT * (drift->centre + off - drift->present);
    drift->seen = fmin(MEMORY_CHECKS, drift->seen + 1);
}

static double shift_z(const struct drift *drift)
{
    if (drift->seen < SEEN_MIN)
        return 0;
    return (drift->present - drift->centre) / (drift->spread * sqrt(EWMA_WEIGHT / (2 - EWMA_WEIGHT)));
}

/* -- public -- */

void drift_take(struct drift *drift, int64_t now_us, double latency_ms)
{
    if (!(latency_ms > 0))
        return;
    if (drift->last_us != 0) {
        double gap_s = fmin(GAP_MAX_S, fmax(0, (double)(now_us - drift->last_us) / 1e6));
        drift->gap_s = drift->gap_s == 0 ? gap_s : drift->gap_s + 0.1 * (gap_s - drift->gap_s);
    }
    drift->last_us = now_us;
    double value = log(latency_ms);
    learn(drift, value);
    drift->open[drift->open_count++] = value;
    if (drift->open_count == DRIFT_SLOT_CHECKS)
        close_slot(drift);
}

static double normal_below(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

static void say_time(double seconds, char *out, size_t out_size)
{
    if (seconds < 5400)
        snprintf(out, out_size, "%.0f min", fmax(1, seconds / 60));
    else
        snprintf(out, out_size, "%.1f h", seconds / 3600);
}

static void describe_line(const struct drift *drift, double threshold_ms, char *detail, size_t detail_size)
{
    double slot_s = drift->gap_s * DRIFT_SLOT_CHECKS, left = log(threshold_ms) - drift->level;
    char when[32];
    if (left <= 0) {
        snprintf(detail, detail_size, "p50 is %.0f ms, above the threshold of %.0f ms", exp(drift->level),
                 threshold_ms);
        return;
    }
    if (drift->z < TREND_Z || drift->slope <= 0 || slot_s <= 0) {
        snprintf(detail, detail_size, "p50 is %.0f ms, near the threshold of %.0f ms", exp(drift->level), threshold_ms);
        return;
    }
    say_time(left / drift->slope * slot_s, when, sizeof(when));
    snprintf(detail, detail_size, "p50 is %.0f ms, rises %.0f %% an hour and reaches the threshold of %.0f ms in %s",
             exp(drift->level), 100 * expm1(drift->slope * 3600 / slot_s), threshold_ms, when);
}

/* How many slots of the present slope the damped trend comes to at the horizon: 5.1. */
static double slots_ahead(void)
{
    return DAMPING * (1 - pow(DAMPING, HORIZON_SLOTS)) / (1 - DAMPING);
}

/* The probability that the median at the horizon is above the threshold. */
static double line_risk(const struct drift *drift, double threshold_ms)
{
    double n = drift->slot_count, ahead = 0, slope_part = 0;
    if (drift->slot_count < SLOTS_MIN || threshold_ms <= 0)
        return 0;
    if (drift->z >= TREND_Z && drift->slope > 0) {
        double from_middle = slots_ahead() + (n - 1) / 2;
        ahead = drift->slope * slots_ahead();
        slope_part = from_middle * from_middle * 12 / (n * n * n - n);
    }
    double deviation = drift->noise * sqrt(1 / n + slope_part); /* of a regression's mean, as for least squares */
    return normal_below((drift->level + ahead - log(threshold_ms)) / deviation);
}

double drift_risk(const struct drift *drift, double threshold_ms, char *detail, size_t detail_size)
{
    double risk = 0.95 * line_risk(drift, threshold_ms), z = shift_z(drift);
    double shifted = SHIFT_RISK_MAX * fmin(1, fmax(0, (z - SHIFT_Z) / SHIFT_Z));
    if (risk >= shifted && risk > 0)
        describe_line(drift, threshold_ms, detail, detail_size);
    else if (shifted > 0)
        snprintf(detail, detail_size, "latency is about %.0f ms, usually %.0f ms", exp(drift->present),
                 exp(drift->centre));
    return fmax(risk, shifted);
}
