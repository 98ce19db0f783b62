/* window: checks of the trailing 24 hours, counted in buckets of 5 minutes.
 *
 * Bounded memory (1.2 KB a provider) whatever the interval; the far edge moves in steps of one bucket, so up to 5
 * minutes more than 24 hours may be counted. Keyed by monotonic time: a jump of the wall clock moves nothing. Thread:
 * the loop's.
 */
#ifndef PROVIDERD_HEALTH_WINDOW_H
#define PROVIDERD_HEALTH_WINDOW_H

#include <stdint.h>

enum {
    WINDOW_BUCKET_S = 300,
    WINDOW_BUCKETS = 24 * 3600 / WINDOW_BUCKET_S + 1, /* the one that is filling, and 24 hours before it */
};

struct window {
    uint64_t newest;             /* number of the bucket that is filling */
    uint16_t ok[WINDOW_BUCKETS]; /* by bucket number modulo; saturating */
    uint16_t total[WINDOW_BUCKETS];
    uint32_t ok_sum;
    uint32_t total_sum;
};

/* The window's clock: monotonic time plus two days, so that the past of a machine that booted just now has a place. */
uint64_t window_now_us(void);

/* Counts checks made at a moment of that clock; one older than the window is not counted. Zero a window before use. */
void window_add(struct window *window, uint64_t at_us, unsigned ok, unsigned total);

/* 100 * successful / all in the window that ends at `now_us`; 0 when it is empty. */
double window_uptime_percent(struct window *window, uint64_t now_us);

#endif
