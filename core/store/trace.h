/* trace: the checks of the past in the order of time, read from a database file that may be in use: what a replay runs
 * over. Only those of providers, not those of single keys; and only from the rows, since hours tell no order.
 *
 * Memory: 24 bytes a check. Thread: any; it uses a connection of its own, and only reads.
 */
#ifndef PROVIDERD_STORE_TRACE_H
#define PROVIDERD_STORE_TRACE_H

#include "health/snapshot.h"

#include <stddef.h>
#include <stdint.h>

enum trace_outcome { TRACE_NOTHING, TRACE_FAILED, TRACE_UP }; /* nothing was learned: unknown, or local */

struct trace_check {
    int64_t at_us; /* wall clock */
    float latency_ms;
    float used_percent; /* of the tightest rate limit */
    uint32_t provider;  /* index into names */
    uint8_t outcome;    /* enum trace_outcome */
    uint8_t kind;       /* index into kinds; 0 = none */
};

enum { TRACE_KINDS_MAX = 250 };

struct trace {
    char (*names)[PROVIDER_NAME_MAX]; /* ascending */
    size_t name_count;
    char kinds[TRACE_KINDS_MAX][HEALTH_KIND_MAX]; /* [0] is "" */
    size_t kind_count;
    struct trace_check *checks; /* ascending by time */
    size_t count;
};

/* The checks from `from_us` on. NULL with the reason in `error`, which names the file. */
struct trace *trace_load(const char *path, int64_t from_us, char *error, size_t error_size);
void trace_free(struct trace *trace); /* NULL is allowed */

#endif
