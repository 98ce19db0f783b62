#include "health/tally.h"

#include "base/varint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYOUT = 1, KIND_BYTES_MAX = HEALTH_KIND_MAX - 1 };

/* -- measures -- */

static bool measure_add(struct tally_measure *measure, double value)
{
    if (!(value >= 0) || isinf(value))
        return true;
    measure->min = measure->count == 0 ? value : fmin(measure->min, value);
    measure->max = measure->count == 0 ? value : fmax(measure->max, value);
    measure->sum += value;
    ++measure->count;
    return histogram_add(&measure->histogram, value, 1);
}

static void measure_merge_ends(struct tally_measure *into, uint64_t count, double sum, double min, double max)
{
    if (count == 0)
        return;
    into->min = into->count == 0 ? min : fmin(into->min, min);
    into->max = into->count == 0 ? max : fmax(into->max, max);
    into->sum += sum;
    into->count += count;
}

static bool measure_merge(struct tally_measure *into, const struct tally_measure *from)
{
    measure_merge_ends(into, from->count, from->sum, from->min, from->max);
    return histogram_merge(&into->histogram, &from->histogram);
}

static void measure_clear(struct tally_measure *measure)
{
    histogram_clear(&measure->histogram);
    *measure = (struct tally_measure){.histogram = measure->histogram};
}

double tally_quantile(const struct tally_measure *measure, double q)
{
    if (measure->count == 0)
        return 0;
    return fmin(fmax(histogram_quantile(&measure->histogram, q), measure->min), measure->max);
}

double tally_mean(const struct tally_measure *measure)
{
    return measure->count != 0 ? measure->sum / (double)measure->count : 0;
}

/* -- kinds -- */

static bool count_kind(struct tally *tally, const char *name, size_t len, uint32_t count)
{
    if (len > KIND_BYTES_MAX)
        len = KIND_BYTES_MAX;
    for (size_t i = 0; i < tally->kind_count; ++i) {
        struct tally_kind *kind = &tally->kinds[i];
        if (strncmp(kind->name, name, len) == 0 && kind->name[len] == '\0') {
            kind->count = count > UINT32_MAX - kind->count ? UINT32_MAX : kind->count + count;
            return true;
        }
    }
    if (tally->kind_count == TALLY_KINDS_MAX)
        return true;
    struct tally_kind *grown = realloc(tally->kinds, (tally->kind_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return false;
    tally->kinds = grown;
    struct tally_kind *kind = &grown[tally->kind_count++];
    *kind = (struct tally_kind){.count = count};
    memcpy(kind->name, name, len);
    return true;
}

/* -- tallies -- */

bool tally_add_timing(struct tally *tally, double first_token_ms, double tokens_per_second)
{
    bool ok = measure_add(&tally->first_token_ms, first_token_ms);
    return measure_add(&tally->tokens_per_second, tokens_per_second) && ok;
}

bool tally_add(struct tally *tally, const struct tally_check *check)
{
    if (!check->counted) {
        ++tally->uncounted;
        return true;
    }
    ++tally->checks;
    tally->up += check->up;
    bool ok = true;
    if (check->up)
        ok = measure_add(&tally->latency_ms, check->latency_ms) && ok;
    ok = tally_add_timing(tally, check->first_token_ms, check->tokens_per_second) && ok;
    if (check->kind != NULL && check->kind[0] != '\0')
        ok = count_kind(tally, check->kind, strlen(check->kind), 1) && ok;
    return ok;
}

bool tally_merge(struct tally *into, const struct tally *from)
{
    into->checks += from->checks;
    into->up += from->up;
    into->uncounted += from->uncounted;
    bool ok = measure_merge(&into->latency_ms, &from->latency_ms);
    ok = measure_merge(&into->first_token_ms, &from->first_token_ms) && ok;
    ok = measure_merge(&into->tokens_per_second, &from->tokens_per_second) && ok;
    for (size_t i = 0; i < from->kind_count; ++i)
        ok = count_kind(into, from->kinds[i].name, strlen(from->kinds[i].name), from->kinds[i].count) && ok;
    return ok;
}

void tally_clear(struct tally *tally)
{
    measure_clear(&tally->latency_ms);
    measure_clear(&tally->first_token_ms);
    measure_clear(&tally->tokens_per_second);
    tally->checks = tally->up = tally->uncounted = 0;
    tally->kind_count = 0;
}

void tally_dispose(struct tally *tally)
{
    histogram_dispose(&tally->latency_ms.histogram);
    histogram_dispose(&tally->first_token_ms.histogram);
    histogram_dispose(&tally->tokens_per_second.histogram);
    free(tally->kinds);
    *tally = TALLY_EMPTY;
}

bool tally_is_empty(const struct tally *tally)
{
    return tally->checks == 0 && tally->uncounted == 0;
}

/* -- packing -- */

/* Counts, then each measure with the number of its buckets, then each kind. Reals are IEEE 754's eight bytes, the
 * lowest first. */
static void pack_real(struct buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    for (unsigned i = 0; i < sizeof(bits); ++i)
        buf_append_char(out, (char)(bits >> (8 * i) & 0xff));
}

static bool read_real(struct varint_reader *reader, double *value)
{
    uint64_t bits = 0;
    if (reader->end - reader->at < (ptrdiff_t)sizeof(bits))
        return false;
    for (unsigned i = 0; i < sizeof(bits); ++i)
        bits |= (uint64_t)*reader->at++ << (8 * i);
    memcpy(value, &bits, sizeof(bits));
    return *value >= 0 && !isinf(*value);
}

static void pack_measure(struct buf *out, const struct tally_measure *measure)
{
    varint_append(out, measure->count);
    if (measure->count == 0)
        return;
    pack_real(out, measure->sum);
    pack_real(out, measure->min);
    pack_real(out, measure->max);
    varint_append(out, measure->histogram.used);
    histogram_pack(&measure->histogram, out);
}

void tally_pack(const struct tally *tally, struct buf *out)
{
    varint_append(out, LAYOUT);
    varint_append(out, tally->checks);
    varint_append(out, tally->up);
    varint_append(out, tally->uncounted);
    pack_measure(out, &tally->latency_ms);
    pack_measure(out, &tally->first_token_ms);
    pack_measure(out, &tally->tokens_per_second);
    varint_append(out, tally->kind_count);
    for (size_t i = 0; i < tally->kind_count; ++i) {
        size_t len = strlen(tally->kinds[i].name);
        varint_append(out, len);
        buf_append(out, tally->kinds[i].name, len);
        varint_append(out, tally->kinds[i].count);
    }
}

/* The bytes of `pairs` pairs of numbers; what they say is the histogram's to judge. */
static bool skip_pairs(struct varint_reader *reader, uint64_t pairs)
{
    uint64_t number;
    for (uint64_t i = 0; i < pairs; ++i) {
        if (!varint_read(reader, &number) || !varint_read(reader, &number))
            return false;
    }
    return true;
}

static bool read_measure(struct varint_reader *reader, struct tally_measure *into)
{
    uint64_t count, pairs;
    double sum, min, max;
    if (!varint_read(reader, &count))
        return false;
    if (count == 0)
        return true;
    if (!read_real(reader, &sum) || !read_real(reader, &min) || !read_real(reader, &max) || min > max ||
        !varint_read(reader, &pairs) || pairs > HISTOGRAM_BUCKETS)
        return false;
    const unsigned char *begin = reader->at;
    if (!skip_pairs(reader, pairs) || !histogram_merge_packed(&into->histogram, begin, (size_t)(reader->at - begin)))
        return false;
    measure_merge_ends(into, count, sum, min, max);
    return true;
}

static bool read_kinds(struct varint_reader *reader, struct tally *into)
{
    uint64_t kinds, len, count;
    if (!varint_read(reader, &kinds) || kinds > TALLY_KINDS_MAX)
        return false;
    for (uint64_t i = 0; i < kinds; ++i) {
        if (!varint_read(reader, &len) || len > KIND_BYTES_MAX || len == 0 ||
            len > (uint64_t)(reader->end - reader->at))
            return false;
        const char *name = (const char *)reader->at;
        reader->at += len;
        if (memchr(name, '\0', len) != NULL || !varint_read(reader, &count) || count > UINT32_MAX ||
            !count_kind(into, name, len, (uint32_t)count))
            return false;
    }
    return true;
}

bool tally_merge_packed(struct tally *into, const void *bytes, size_t len)
{
    struct varint_reader reader = {bytes, (const unsigned char *)bytes + len};
    uint64_t layout, checks, up, uncounted;
    if (!varint_read(&reader, &layout) || layout != LAYOUT || !varint_read(&reader, &checks) ||
        !varint_read(&reader, &up) || !varint_read(&reader, &uncounted) || checks > UINT32_MAX || up > checks ||
        uncounted > UINT32_MAX)
        return false;
    into->checks += (uint32_t)checks;
    into->up += (uint32_t)up;
    into->uncounted += (uint32_t)uncounted;
    return read_measure(&reader, &into->latency_ms) && read_measure(&reader, &into->first_token_ms) &&
           read_measure(&reader, &into->tokens_per_second) && read_kinds(&reader, into) && reader.at == reader.end;
}
