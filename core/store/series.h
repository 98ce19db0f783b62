/* series: a series of checks in equal steps of time, each step a tally.
 *
 * What is rolled up is read from provider_rollups where the step is a multiple of what they are kept in (an hour; ten
 * minutes for all providers together), and rows that are not rolled up yet are added to it: their ids lie above the
 * mark. For shorter steps the checks themselves are read; there are none of before the retention. Steps begin at
 * multiples of their length since 1970-01-01T00:00:00Z and are whole: a range is widened to them. Empty ones are left
 * out.
 *
 * Thread: the pieces run in jobs of a reader (reader.h), one at a time. Errors: -1 with the reason in `error`.
 */
#ifndef PROVIDERD_STORE_SERIES_H
#define PROVIDERD_STORE_SERIES_H

#include "health/tally.h"
#include "store/reader.h"

#define SERIES_EVERYONE "*" /* as the provider's name: all providers together */

enum {
    SERIES_EVERYONE_STEP_S = 600, /* the step of all providers together must be a multiple of it */
    SERIES_STEPS_MAX = 10000,     /* in a range, so that memory is bounded */
};

struct store_series; /* one being read: the steps so far */

/* `range` must not span more than SERIES_STEPS_MAX steps. `series` and its texts must outlive it. NULL: no memory. */
struct store_series *store_series_open(const struct history_series *series, const struct history_range *range,
                                       int64_t step_s);
void store_series_close(struct store_series *series); /* NULL is allowed */

/* Reads on: all of a provider at once, of all providers together a piece. `tail_from`: see below, "" = the range's
 * begin. 1 when it is read to its end, 0 when there is more. */
int store_series_read(struct store_series *series, struct store_reader *reader, const char *tail_from, char *error,
                      size_t error_size);

/* The steps that hold something, ascending, when all is read. */
size_t store_series_count(const struct store_series *series);
const struct tally *store_series_step(const struct store_series *series, size_t at, int64_t *start_s);

/* The least time among the rows of a table that are not rolled up: who reads many series asks once, and need not look
 * for their newest rows further back. */
int store_series_tail_from(struct store_reader *reader, enum record_table table, char tail_from[32], char *error,
                           size_t error_size);

#endif
