/* tally: what a stretch of checks adds up to: counts, failures by kind, and three histograms. Tallies of stretches add
 * up to the tally of the whole: they are the slots of windows in memory (statistics.h) and the rollups in the database.
 *
 * A check that taught nothing (unknown, or `local`) is only counted as such. Latency is that of every check that was
 * up, slow ones included: how long a failure took says something of the timeout, not of the provider.
 *
 * Thread: one at a time. Errors: false when memory ran out; the counts are right then, a histogram or a kind may lack
 * the last value.
 */
#ifndef PROVIDERD_HEALTH_TALLY_H
#define PROVIDERD_HEALTH_TALLY_H

#include "base/histogram.h"
#include "health/snapshot.h"

/* One kind of measurement. */
struct tally_measure {
    uint64_t count;
    double sum;
    double min; /* this and max: 0 while count is 0 */
    double max;
    struct histogram histogram;
};

struct tally_kind {
    char name[HEALTH_KIND_MAX];
    uint32_t count;
};

enum { TALLY_KINDS_MAX = 64 }; /* kinds beyond it are counted as failures, but not by kind */

struct tally {
    uint32_t checks;    /* that counted: up or not */
    uint32_t up;        /* of them */
    uint32_t uncounted; /* unknown, or local */
    struct tally_measure latency_ms;
    struct tally_measure first_token_ms;
    struct tally_measure tokens_per_second;
    struct tally_kind *kinds; /* owned, in the order of their first appearance */
    size_t kind_count;
};

/* One check to count in; a part of it may be unknown. */
struct tally_check {
    bool counted;
    bool up;                  /* if counted */
    double latency_ms;        /* -1 = none */
    double first_token_ms;    /* -1 = none; this and the next by timed deep probes */
    double tokens_per_second; /* -1 = none */
    const char *kind;         /* of the error, also of one that was up ("rate"); "" or NULL = none */
};

#define TALLY_EMPTY ((struct tally){0})

bool tally_add(struct tally *tally, const struct tally_check *check);
/* Counts a timed completion's measures in, but no check: it is told of beside the checks. -1 = none. */
bool tally_add_timing(struct tally *tally, double first_token_ms, double tokens_per_second);

bool tally_merge(struct tally *into, const struct tally *from);
void tally_clear(struct tally *tally); /* keeps memory of histograms */
void tally_dispose(struct tally *tally);

/* Whether anything was counted in. */
bool tally_is_empty(const struct tally *tally);

/* 0 when nothing was measured; within min and max. */
double tally_quantile(const struct tally_measure *measure, double q);
double tally_mean(const struct tally_measure *measure);

/* Appends the whole tally as bytes: for rollups and closed slots. The first byte tells the version of the layout. */
void tally_pack(const struct tally *tally, struct buf *out);

/* Adds what tally_pack() wrote. False when the bytes are nothing of the kind, or memory ran out; `into` may then hold a
 * part of them. */
bool tally_merge_packed(struct tally *into, const void *bytes, size_t len);

#endif
