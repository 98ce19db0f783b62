/* season: at which hours of the week does a provider fail?
 *
 * For each of the 168 hours of a week, in UTC: in how many weeks it was checked, in how many of them it went badly (15
 * % or more of the checks failed), and how many checks those were. The risk is the share of bad weeks, shrunk towards
 * the mean of all hours by a Beta prior as strong as one week; the first bad one does not count, since it is what makes
 * us look at that hour at all: among 168 hours some outage always falls into some hour. So two bad weeks of two are a
 * reason to act, and so are three of four.
 *
 * Source of the shrinkage: B. Efron and C. Morris, "Stein's paradox in statistics", Scientific American 236 (1977), and
 * for shares A. Gelman et al., "Bayesian Data Analysis" (2013), chapter 2.
 *
 * Learned from the checks as they come, and at start from the hours in the database. Wall clock. O(1) a check (168
 * additions an hour). Plain values, no allocation. Thread: the loop's.
 */
#ifndef PROVIDERD_HEALTH_SEASON_H
#define PROVIDERD_HEALTH_SEASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEASON_HOURS = 168, SEASON_WEEKS = 13 }; /* as many weeks of the past are read */

struct season_cell {
    uint16_t checks; /* saturating */
    uint16_t failed;
    uint8_t weeks; /* that it was checked in; halved when there are too many, so that old ones fade */
    uint8_t bad;
};

struct season {
    struct season_cell cells[SEASON_HOURS]; /* from Monday 00:00 UTC */
    int64_t hour;                           /* that is filling, since 1970; 0 = none */
    unsigned checks;                        /* in it */
    unsigned failed;
    double mean; /* share of bad hours among all */
};

void season_take(struct season *season, int64_t now_us, bool up);

/* An hour of the past, from its start in UNIX seconds; season_primed() after the last of them. */
void season_add_hour(struct season *season, int64_t start_s, int64_t checks, int64_t failed);
void season_primed(struct season *season);

/* The probability that this hour or, from half past, the next one goes badly. Writes the reason when it is not 0. */
double season_risk(const struct season *season, int64_t now_us, char *detail, size_t detail_size);

#endif
