/* drift: is a provider becoming slower, and when is it too slow?
 *
 * Latencies are taken as logarithms, in slots of three checks, each with its median: single slow answers, of which
 * heavy-tailed latencies have many, move nothing. Through the latest slots goes the line of Theil and Sen (the median
 * of the slopes between all pairs). Where Kendall's test finds it to rise, it is carried on to the horizon, as a damped
 * trend, else the level stays as it is; the risk is the probability that the median is then above the threshold.
 *
 * Beside it an EWMA chart compares the present level with the usual one: much slower than usual but far below the
 * threshold is a weak sign, which counts only together with others.
 *
 * Sources: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the American
 * Statistical Association 63 (1968); H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945); both as
 * told at docs.scipy.org/doc/scipy/reference/generated/scipy.stats.theilslopes.html, read 2026-11-23, and in the manual
 * of NCL's trend_manken. S. W. Roberts, "Control chart tests based on geometric moving averages", Technometrics 1
 * (1959). E. S. Gardner and E. McKenzie, "Forecasting trends in time series", Management Science 31 (1985), and "Why
 * the damped trend works", Journal of the Operational Research Society 62 (2011). P. J. Huber, "Robust estimation of a
 * location parameter", Annals of Mathematical Statistics 35 (1964): what is usual is learned with outliers cut.
 *
 * Counts checks; minutes come from their mean distance. O(1) a check (66 slopes in every third). Plain values, no
 * allocation. Thread: the loop's.
 */
#ifndef PROVIDERD_HEALTH_DRIFT_H
#define PROVIDERD_HEALTH_DRIFT_H

#include <stddef.h>
#include <stdint.h>

enum { DRIFT_SLOT_CHECKS = 3, DRIFT_SLOTS = 12 };

struct drift {
    double open[DRIFT_SLOT_CHECKS]; /* logarithms of ms: the slot that is filling, */
    unsigned open_count;
    double slots[DRIFT_SLOTS]; /* and those before it, oldest first */
    unsigned slot_count;
    int64_t last_us; /* wall clock; of the last check */
    double gap_s;    /* between checks, on average; 0 = not known */

    /* The line through the slots. */
    double level; /* at the latest slot */
    double slope; /* a slot */
    double noise; /* of a slot around the line */
    double z;     /* Kendall's test: standard deviations from "no trend" */

    /* What is usual. */
    double centre;
    double spread;
    double seen;    /* checks behind both */
    double present; /* EWMA */
};

/* A good check. */
void drift_take(struct drift *drift, int64_t now_us, double latency_ms);

/* 0-1; 0.5 when the median is expected to reach `threshold_ms` within the horizon (24 checks). Writes the reason when
 * it is not 0. */
double drift_risk(const struct drift *drift, double threshold_ms, char *detail, size_t detail_size);

#endif
