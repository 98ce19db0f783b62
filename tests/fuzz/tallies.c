/* Tallies as the database may hold them: any bytes are taken or refused, never read beyond their end; what was taken
 * keeps its promises, and comes out of packing as it went in.
 */
#include "health/tally.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool held)
{
    if (!held)
        abort();
}

static void check_measure(const struct tally_measure *measure)
{
    double before = 0;
    for (uint16_t i = 1; i < measure->histogram.used; ++i)
        expect(measure->histogram.buckets[i - 1].number < measure->histogram.buckets[i].number);
    for (int i = 0; i <= 10; ++i) {
        double value = tally_quantile(measure, i / 10.0);
        expect(value >= before);
        expect(measure->count == 0 || (value >= measure->min && value <= measure->max));
        before = value;
    }
    expect(tally_mean(measure) >= 0);
}

static void check_tally(const struct tally *tally)
{
    expect(tally->up <= tally->checks);
    expect(tally->kind_count <= TALLY_KINDS_MAX);
    check_measure(&tally->latency_ms);
    check_measure(&tally->first_token_ms);
    check_measure(&tally->tokens_per_second);
}

static void check_packing(const struct tally *tally)
{
    struct tally again = TALLY_EMPTY;
    struct buf first = BUF_EMPTY, second = BUF_EMPTY;
    tally_pack(tally, &first);
    expect(tally_merge_packed(&again, first.bytes, first.len));
    tally_pack(&again, &second);
    expect(first.len == second.len && memcmp(first.bytes, second.bytes, first.len) == 0);
    tally_dispose(&again);
    buf_dispose(&first);
    buf_dispose(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally tally = TALLY_EMPTY;
    struct histogram histogram = HISTOGRAM_EMPTY;
    if (tally_merge_packed(&tally, data, size)) {
        check_tally(&tally);
        check_packing(&tally);
        expect(tally_merge_packed(&tally, data, size)); /* twice as much of the same */
        check_tally(&tally);
    }
    if (histogram_merge_packed(&histogram, data, size))
        expect(histogram_quantile(&histogram, 0.5) >= 0);
    histogram_dispose(&histogram);
    tally_dispose(&tally);
    return 0;
}
