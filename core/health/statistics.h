/* statistics: what the checks of an hour, a day, a week and a month say of a target, kept up to date with each check.
 *
 * Every check lies in exactly one slot. The newest slots are 5 minutes long; what is older than an hour is merged into
 * hours, older than a day into stretches of 6 hours, older than a week into days, and beyond 30 days forgotten. Slots
 * begin at whole multiples of their length, UTC. A window is all slots that are not older than it, so its far edge
 * moves in steps of a slot: "24h" covers between 24 and 25 hours. The window of an hour is so the sum of at most 13
 * slots, that of a month of 12 + 24 + 24 + 24 and a few more.
 *
 * The slot that is filling is a live tally, the others are packed (tally_pack()), and each window keeps the sum of its
 * packed slots, which changes only when a slot closes: a check costs an addition, a summary some walks over buckets.
 *
 * Time is the wall clock's, since hours of the day are: a check that is dated before the slot that is filling (the
 * clock was set back) counts in that one, until time has caught up; a step forward closes the slot early.
 *
 * Thread: one at a time. Errors: false when memory ran out; counts may then lack what did not fit.
 */
#ifndef PROVIDERD_HEALTH_STATISTICS_H
#define PROVIDERD_HEALTH_STATISTICS_H

#include "health/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stats_window { STATS_HOUR, STATS_DAY, STATS_WEEK, STATS_MONTH, STATS_WINDOWS };

/* "1h", "24h", "7d", "30d". */
const char *stats_window_name(enum stats_window window);

int64_t stats_window_length_s(enum stats_window window);

/* False when `name` is none of the four. */
bool stats_window_parse(const char *name, enum stats_window *window);

struct statistics;

struct statistics *statistics_new(void);             /* NULL when memory ran out */
void statistics_free(struct statistics *statistics); /* NULL is allowed */

/* Counts a check in; `busy`: it was made in busy hours. */
bool statistics_add(struct statistics *statistics, int64_t wall_us, const struct tally_check *check, bool busy);

/* Counts what a timed completion measured in, beside the checks; -1 = none. */
bool statistics_add_timing(struct statistics *statistics, int64_t wall_us, double first_token_ms,
                           double tokens_per_second);

/* Adds a stretch of the past, which began at `start_s` (UNIX time) and lies within one slot of 5 minutes or one hour;
 * of its checks `busy_checks` were made in busy hours, of which `busy_up` were up. Stretches older than 30 days are
 * ignored.
 */
struct past_stretch {
    int64_t start_s;
    const struct tally *tally;
    uint32_t busy_checks;
    uint32_t busy_up;
};
bool statistics_add_past(struct statistics *statistics, int64_t now_us, const struct past_stretch *stretch);

/* Adds all that `from` holds, which stays as it is: the present to the past that was read meanwhile. */
bool statistics_absorb(struct statistics *statistics, int64_t now_us, const struct statistics *from);

/* 0 where nothing was measured. */
struct measure_summary {
    uint64_t count;
    double min;
    double max;
    double mean;
    double p50;
    double p95;
    double p99;
};

/* A share, and the interval that holds the true one with 95 % probability; percents. All 0 when nothing counted. */
struct uptime_summary {
    uint32_t checks;
    uint32_t up;
    double percent;
    double low;
    double high;
};

struct window_summary {
    struct uptime_summary uptime;
    struct uptime_summary busy;
    uint32_t unknown; /* checks that taught nothing */
    struct measure_summary latency_ms;
    struct measure_summary first_token_ms;
    struct measure_summary tokens_per_second;
    int64_t since_s; /* UNIX time at which the oldest slot of the window began; 0 = it is empty */
};

/* What the window that ends at `now_us` says. Closes slots that have ended. */
void statistics_summarize(struct statistics *statistics, enum stats_window window, int64_t now_us,
                          struct window_summary *summary);

/* Calls back for each kind of error in the window, as it was last summarized. */
typedef void (*stats_kind_fn)(const char *kind, uint32_t count, void *user);
void statistics_kinds(struct statistics *statistics, enum stats_window window, stats_kind_fn kind_fn, void *user);

/* Bytes that it occupies. */
size_t statistics_memory(const struct statistics *statistics);

/* The score interval of Wilson for `up` of `checks` at 95 % (E. B. Wilson, "Probable Inference, the Law of Succession,
 * and Statistical Inference", JASA 22 (1927); NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.4.1, read
 * 2026-11-23). Percents; 0 and 100 when there were no checks. */
void wilson_interval(uint32_t up, uint32_t checks, double *low, double *high);

#endif
