#include "base/histogram.h"

#include "base/varint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINEAR = 64, /* buckets of one thousandth each */
    LINEAR_BITS = 6,
    SUB_BITS = 5, /* 32 buckets to a power of two */
    SUB_BUCKETS = 1 << SUB_BITS,
    TOP_BITS = 42, /* the first power of two beyond the range */
};

static const double SCALE = 1000;

/* -- the layout -- */

uint16_t histogram_bucket_of(double value)
{
    if (!(value > 0))
        return 0;
    if (value * SCALE >= 0x1p42)
        return HISTOGRAM_BUCKETS - 1;
    uint64_t scaled = (uint64_t)(value * SCALE + 0.5);
    if (scaled < LINEAR)
        return (uint16_t)scaled;
    unsigned top = 63 - (unsigned)__builtin_clzll(scaled);
    if (top >= TOP_BITS) /* rounded up to it */
        return HISTOGRAM_BUCKETS - 1;
    unsigned sub = (unsigned)(scaled >> (top - SUB_BITS)) - SUB_BUCKETS;
    return (uint16_t)(LINEAR + (top - LINEAR_BITS) * SUB_BUCKETS + sub);
}

double histogram_middle_of(uint16_t bucket)
{
    if (bucket < LINEAR)
        return bucket / SCALE;
    unsigned above = (unsigned)bucket - LINEAR, top = LINEAR_BITS + above / SUB_BUCKETS, sub = above % SUB_BUCKETS;
    double width = ldexp(1, (int)(top - SUB_BITS));
    /* Whole numbers from `first` to `first + width - 1`. */
    double first = (SUB_BUCKETS + sub) * width;
    return (first + (width - 1) / 2) / SCALE;
}

/* -- counting -- */

/* Where the bucket is, or would stand. */
static uint16_t position_of(const struct histogram *histogram, uint16_t number)
{
    uint16_t low = 0, high = histogram->used;
    while (low < high) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        if (histogram->buckets[middle].number < number)
            low = (uint16_t)(middle + 1);
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct histogram *histogram, unsigned more)
{
    unsigned needed = histogram->used + more;
    if (needed <= histogram->capacity)
        return true;
    unsigned capacity = histogram->capacity != 0 ? histogram->capacity * 2u : 4u;
    if (capacity < needed)
        capacity = needed;
    struct histogram_bucket *grown = realloc(histogram->buckets, capacity * sizeof(*grown));
    if (grown == NULL)
        return false;
    histogram->buckets = grown;
    histogram->capacity = (uint16_t)capacity;
    return true;
}

static void saturating_add(uint32_t *sum, uint64_t count)
{
    *sum = count > UINT32_MAX - *sum ? UINT32_MAX : *sum + (uint32_t)count;
}

static bool add_to_bucket(struct histogram *histogram, uint16_t number, uint32_t count)
{
    uint16_t at = position_of(histogram, number);
    if (at == histogram->used || histogram->buckets[at].number != number) {
        if (!make_room(histogram, 1))
            return false;
        memmove(&histogram->buckets[at + 1], &histogram->buckets[at],
                (size_t)(histogram->used - at) * sizeof(histogram->buckets[0]));
        histogram->buckets[at] = (struct histogram_bucket){.number = number};
        ++histogram->used;
    }
    saturating_add(&histogram->buckets[at].count, count);
    histogram->total += count;
    return true;
}

bool histogram_add(struct histogram *histogram, double value, uint32_t count)
{
    return count == 0 || add_to_bucket(histogram, histogram_bucket_of(value), count);
}

bool histogram_merge(struct histogram *into, const struct histogram *from)
{
    unsigned missing = 0;
    uint16_t a = 0, b = 0;
    while (b < from->used) { /* how many of its buckets are new */
        while (a < into->used && into->buckets[a].number < from->buckets[b].number)
            ++a;
        missing += a == into->used || into->buckets[a].number != from->buckets[b].number;
        ++b;
    }
    if (!make_room(into, missing))
        return false;
    /* From the end, so that nothing is overwritten before it was moved. */
    unsigned to = into->used + missing;
    a = into->used;
    b = from->used;
    into->used = (uint16_t)to;
    while (b > 0) {
        const struct histogram_bucket *theirs = &from->buckets[b - 1];
        if (a > 0 && into->buckets[a - 1].number > theirs->number) {
            into->buckets[--to] = into->buckets[--a];
            continue;
        }
        struct histogram_bucket sum = *theirs;
        if (a > 0 && into->buckets[a - 1].number == theirs->number)
            saturating_add(&sum.count, into->buckets[--a].count);
        into->buckets[--to] = sum;
        --b;
    }
    into->total += from->total;
    return true;
}

double histogram_quantile(const struct histogram *histogram, double q)
{
    if (histogram->used == 0)
        return 0;
    double rank = ceil(fmin(fmax(q, 0), 1) * (double)histogram->total);
    double seen = 0;
    for (uint16_t i = 0; i < histogram->used; ++i) {
        seen += histogram->buckets[i].count;
        if (seen >= rank)
            return histogram_middle_of(histogram->buckets[i].number);
    }
    return histogram_middle_of(histogram->buckets[histogram->used - 1].number); /* some count was saturated */
}

void histogram_clear(struct histogram *histogram)
{
    histogram->used = 0;
    histogram->total = 0;
}

void histogram_dispose(struct histogram *histogram)
{
    free(histogram->buckets);
    *histogram = HISTOGRAM_EMPTY;
}

/* -- packing -- */

void histogram_pack(const struct histogram *histogram, struct buf *out)
{
    uint16_t before = 0;
    for (uint16_t i = 0; i < histogram->used; ++i) {
        varint_append(out, (uint64_t)(histogram->buckets[i].number - before));
        varint_append(out, histogram->buckets[i].count);
        before = histogram->buckets[i].number;
    }
}

bool histogram_merge_packed(struct histogram *into, const void *bytes, size_t len)
{
    struct varint_reader reader = {bytes, (const unsigned char *)bytes + len};
    uint64_t number = 0, distance, count;
    while (reader.at < reader.end) {
        if (!varint_read(&reader, &distance) || !varint_read(&reader, &count) || distance >= HISTOGRAM_BUCKETS ||
            (number += distance) >= HISTOGRAM_BUCKETS || count == 0 || count > UINT32_MAX)
            return false;
        if (!add_to_bucket(into, (uint16_t)number, (uint32_t)count))
            return false;
    }
    return true;
}
