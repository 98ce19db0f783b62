/* The histogram: its layout, quantiles against an exact computation, adding up, and packing. */
#include "base/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double QUANTILES[] = {0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
enum { SAMPLES = 1000000, QUANTILE_COUNT = sizeof(QUANTILES) / sizeof(QUANTILES[0]) };

static double random_unit(uint64_t *state) /* xorshift64* */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)(*state * UINT64_C(2685821657736338717) >> 11) / 0x1p53;
}

/* Milliseconds as latencies are spread: log-normal around 300 ms, with a tail, and one in fifty far out. */
static double latency(uint64_t *state)
{
    double u = random_unit(state), v = random_unit(state);
    double normal = sqrt(-2 * log(u + 1e-12)) * cos(6.283185307179586 * v);
    double ms = 300 * exp(0.8 * normal);
    return random_unit(state) < 0.02 ? ms * 40 : ms;
}

static double even(uint64_t *state)
{
    return random_unit(state) * 10000;
}

static double tiny(uint64_t *state)
{
    return random_unit(state) * 5;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void quantiles_of_a_million_samples_are_within_two_percent_of_exact_ones(void **state)
{
    static const struct {
        const char *name;
        double (*draw)(uint64_t *state);
    } shapes[] = {{"latencies", latency}, {"even", even}, {"tiny", tiny}};
    double *samples = malloc(SAMPLES * sizeof(*samples));
    (void)state;
    assert_non_null(samples);
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); ++s) {
        struct histogram histogram = HISTOGRAM_EMPTY;
        uint64_t random = 88172645463325252u + s;
        double worst = 0;
        for (size_t i = 0; i < SAMPLES; ++i) {
            samples[i] = shapes[s].draw(&random);
            assert_true(histogram_add(&histogram, samples[i], 1));
        }
        qsort(samples, SAMPLES, sizeof(*samples), by_value);
        for (size_t i = 0; i < QUANTILE_COUNT; ++i) {
            size_t rank = (size_t)ceil(QUANTILES[i] * SAMPLES);
            double exact = samples[rank > 0 ? rank - 1 : 0];
            double off = fabs(histogram_quantile(&histogram, QUANTILES[i]) - exact);
            if (exact > 0.1)
                worst = fmax(worst, off / exact);
            else
                assert_true(off <= 0.0006);
        }
        printf("%s: at most %.2f %% off, in %u buckets\n", shapes[s].name, worst * 100, histogram.used);
        assert_true(worst <= 0.016);
        assert_true(histogram.total == SAMPLES);
        histogram_dispose(&histogram);
    }
    free(samples);
}

static void every_bucket_holds_its_own_middle_and_they_ascend(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < HISTOGRAM_BUCKETS; ++i) {
        assert_int_equal(histogram_bucket_of(histogram_middle_of(i)), i);
        if (i > 0)
            assert_true(histogram_middle_of(i) > histogram_middle_of((uint16_t)(i - 1)));
    }
}

static void values_out_of_range_go_to_the_nearer_end(void **state)
{
    static const struct {
        double value;
        uint16_t bucket;
    } cases[] = {{-1, 0},
                 {0, 0},
                 {NAN, 0},
                 {1e300, HISTOGRAM_BUCKETS - 1},
                 {INFINITY, HISTOGRAM_BUCKETS - 1},
                 {0x1p42 / 1000, HISTOGRAM_BUCKETS - 1},
                 {0x1p42 / 1000 - 1e-4, HISTOGRAM_BUCKETS - 1}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        assert_int_equal(histogram_bucket_of(cases[i].value), cases[i].bucket);
}

static void an_empty_one_has_no_quantiles(void **state)
{
    struct histogram empty = HISTOGRAM_EMPTY;
    (void)state;
    assert_true(histogram_quantile(&empty, 0.5) == 0);
    assert_true(histogram_add(&empty, 5, 0));
    assert_int_equal(empty.used, 0);
    histogram_dispose(&empty);
}

static void fill(struct histogram *histogram, uint64_t seed, int count, double (*draw)(uint64_t *))
{
    for (int i = 0; i < count; ++i)
        assert_true(histogram_add(histogram, draw(&seed), 1));
}

static void assert_same(const struct histogram *a, const struct histogram *b)
{
    assert_int_equal(a->used, b->used);
    assert_true(a->total == b->total);
    for (uint16_t i = 0; i < a->used; ++i) {
        assert_int_equal(a->buckets[i].number, b->buckets[i].number);
        assert_int_equal(a->buckets[i].count, b->buckets[i].count);
    }
}

static void parts_add_up_to_the_whole(void **state)
{
    struct histogram whole = HISTOGRAM_EMPTY, one = HISTOGRAM_EMPTY, other = HISTOGRAM_EMPTY, none = HISTOGRAM_EMPTY;
    (void)state;
    fill(&one, 1, 500, latency);
    fill(&other, 2, 300, even);
    fill(&whole, 1, 500, latency);
    fill(&whole, 2, 300, even);
    assert_true(histogram_merge(&one, &none));
    assert_true(histogram_merge(&none, &other));
    assert_true(histogram_merge(&one, &none));
    assert_same(&one, &whole);
    histogram_dispose(&one);
    histogram_dispose(&other);
    histogram_dispose(&none);
    histogram_dispose(&whole);
}

static void packing_keeps_everything(void **state)
{
    struct histogram before = HISTOGRAM_EMPTY, after = HISTOGRAM_EMPTY;
    struct buf packed = BUF_EMPTY;
    (void)state;
    fill(&before, 3, 2000, latency);
    assert_true(histogram_add(&before, 1e9, UINT32_MAX));
    histogram_pack(&before, &packed);
    assert_true(buf_ok(&packed));
    assert_true(histogram_merge_packed(&after, packed.bytes, packed.len));
    assert_same(&before, &after);
    for (size_t len = 0; len < packed.len; ++len) { /* cut anywhere: no crash, and never more than there was */
        struct histogram part = HISTOGRAM_EMPTY;
        histogram_merge_packed(&part, packed.bytes, len);
        assert_true(part.used <= before.used);
        histogram_dispose(&part);
    }
    buf_dispose(&packed);
    histogram_dispose(&before);
    histogram_dispose(&after);
}

static void bytes_that_are_no_histogram_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {{"\x05", 1},         /* no count */
                 {"\x05\x00", 2},     /* a bucket that holds nothing */
                 {"\xff\x7f\x01", 3}, /* beyond the last bucket */
                 {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01", 11},
                 {"\x01\xff\xff\xff\xff\x7f", 6}, /* a count of more than 32 bits */
                 {"\x80", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct histogram histogram = HISTOGRAM_EMPTY;
        assert_false(histogram_merge_packed(&histogram, cases[i].bytes, cases[i].len));
        histogram_dispose(&histogram);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_a_million_samples_are_within_two_percent_of_exact_ones),
        cmocka_unit_test(every_bucket_holds_its_own_middle_and_they_ascend),
        cmocka_unit_test(values_out_of_range_go_to_the_nearer_end),
        cmocka_unit_test(an_empty_one_has_no_quantiles),
        cmocka_unit_test(parts_add_up_to_the_whole),
        cmocka_unit_test(packing_keeps_everything),
        cmocka_unit_test(bytes_that_are_no_histogram_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
