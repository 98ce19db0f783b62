/* histogram: how many values fell where, in buckets whose width grows with the value.
 *
 * The layout is HdrHistogram's (log-linear: http://hdrhistogram.org, "HdrHistogram: A High Dynamic Range Histogram",
 * and lib HdrHistogram_c, hdr_histogram.c, read 2026-11-23): a value counts in whole thousandths; below 64 of them each
 * has a bucket of its own, above that every power of two is cut into 32 equal buckets. A quantile is the middle of its
 * bucket, so it is off by at most 1/64 of the true one (1.6 %), or by half a thousandth where values are small. Only
 * buckets that hold something are stored, in order: histograms of the same layout add up bucket by bucket, which is
 * what makes hours of them into days.
 *
 * Values: 0 to 4.3e9 (milliseconds: 50 days), anything outside is put to the nearer end.
 * Thread: one at a time. Errors: out of memory is reported and leaves the histogram as it was.
 */
#ifndef PROVIDERD_BASE_HISTOGRAM_H
#define PROVIDERD_BASE_HISTOGRAM_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 64 + 36 * 32 };

struct histogram_bucket {
    uint16_t number;
    uint32_t count; /* never 0; saturates */
};

struct histogram {
    struct histogram_bucket *buckets; /* owned, ascending; NULL while empty */
    uint16_t used;
    uint16_t capacity;
    uint64_t total;
};

#define HISTOGRAM_EMPTY ((struct histogram){NULL, 0, 0, 0})

/* False when memory ran out. Values that are no number count as 0. */
bool histogram_add(struct histogram *histogram, double value, uint32_t count);
bool histogram_merge(struct histogram *into, const struct histogram *from);

/* The nearest-rank quantile, `q` from 0 to 1; 0 when empty. */
double histogram_quantile(const struct histogram *histogram, double q);

/* Keeps the memory, forgets the counts; or gives the memory back. */
void histogram_clear(struct histogram *histogram);
void histogram_dispose(struct histogram *histogram);

/* Appends a compact text of bytes (LEB128 pairs: distance to the bucket before, count), about two bytes a bucket. */
void histogram_pack(const struct histogram *histogram, struct buf *out);

/* Adds what histogram_pack() wrote. False when the bytes are nothing of the kind, or memory ran out; `into` may then
 * hold a part of them. */
bool histogram_merge_packed(struct histogram *into, const void *bytes, size_t len);

/* The bucket of a value, and the value in its middle: for tests, and for who draws them. */
uint16_t histogram_bucket_of(double value);
double histogram_middle_of(uint16_t bucket);

#endif
