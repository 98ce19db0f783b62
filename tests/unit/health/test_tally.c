/* Tallies: counting checks, adding up, packing. */
#include "health/tally.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add(struct tally *tally, bool counted, bool up, double latency_ms, const char *kind)
{
    struct tally_check check = {.counted = counted,
                                .up = up,
                                .latency_ms = latency_ms,
                                .first_token_ms = -1,
                                .tokens_per_second = -1,
                                .kind = kind};
    assert_true(tally_add(tally, &check));
}

static void fill(struct tally *tally, int from, int to)
{
    for (int i = from; i < to; ++i) {
        if (i % 10 == 0)
            add(tally, true, false, 10000, i % 20 == 0 ? "timeout" : "server_error");
        else
            add(tally, i % 7 != 0, true, i, NULL);
    }
    struct tally_check timed = {
        .counted = true, .up = true, .latency_ms = -1, .first_token_ms = from + 1, .tokens_per_second = to};
    assert_true(tally_add(tally, &timed));
}

static void assert_same(const struct tally *a, const struct tally *b)
{
    assert_int_equal(a->checks, b->checks);
    assert_int_equal(a->up, b->up);
    assert_int_equal(a->uncounted, b->uncounted);
    assert_int_equal(a->kind_count, b->kind_count);
    for (size_t i = 0; i < a->kind_count; ++i) {
        assert_string_equal(a->kinds[i].name, b->kinds[i].name);
        assert_int_equal(a->kinds[i].count, b->kinds[i].count);
    }
    const struct tally_measure *pairs[][2] = {{&a->latency_ms, &b->latency_ms},
                                              {&a->first_token_ms, &b->first_token_ms},
                                              {&a->tokens_per_second, &b->tokens_per_second}};
    for (size_t i = 0; i < 3; ++i) {
        const struct tally_measure *x = pairs[i][0], *y = pairs[i][1];
        assert_true(x->count == y->count && x->min == y->min && x->max == y->max);
        assert_true(fabs(x->sum - y->sum) <= 1e-9 * x->sum);
        for (double q = 0; q <= 1; q += 0.125)
            assert_true(tally_quantile(x, q) == tally_quantile(y, q));
    }
}

static void failures_count_by_kind_and_not_in_the_latency(void **state)
{
    struct tally tally = TALLY_EMPTY;
    (void)state;
    assert_true(tally_is_empty(&tally));
    add(&tally, true, true, 20, NULL);
    add(&tally, true, true, 40, "rate"); /* up, and it had a reason */
    add(&tally, true, false, 10000, "timeout");
    add(&tally, false, false, 5, "local");
    assert_false(tally_is_empty(&tally));
    assert_int_equal(tally.checks, 3);
    assert_int_equal(tally.up, 2);
    assert_int_equal(tally.uncounted, 1);
    assert_int_equal(tally.kind_count, 2);
    assert_string_equal(tally.kinds[0].name, "rate");
    assert_true(tally.latency_ms.count == 2 && tally.latency_ms.min == 20 && tally.latency_ms.max == 40);
    assert_true(tally_mean(&tally.latency_ms) == 30);
    assert_true(tally_quantile(&tally.latency_ms, 1) == 40); /* never beyond what was measured */
    assert_true(tally_quantile(&tally.first_token_ms, 0.5) == 0);
    assert_true(tally_add_timing(&tally, 250, -1));
    assert_true(tally.checks == 3 && tally.first_token_ms.count == 1 && tally.tokens_per_second.count == 0);
    tally_dispose(&tally);
}

static void parts_add_up_to_the_whole_also_when_packed(void **state)
{
    struct tally whole = TALLY_EMPTY, sum = TALLY_EMPTY, part = TALLY_EMPTY, unpacked = TALLY_EMPTY;
    struct buf packed = BUF_EMPTY;
    (void)state;
    for (int i = 0; i < 5; ++i) {
        fill(&whole, i * 100, (i + 1) * 100);
        tally_clear(&part);
        fill(&part, i * 100, (i + 1) * 100);
        assert_true(tally_merge(&sum, &part));
        buf_clear(&packed);
        tally_pack(&part, &packed);
        assert_true(buf_ok(&packed));
        assert_true(tally_merge_packed(&unpacked, packed.bytes, packed.len));
    }
    assert_same(&whole, &sum);
    assert_same(&whole, &unpacked);
    printf("a stretch of 100 checks: %zu bytes\n", packed.len);
    buf_dispose(&packed);
    tally_dispose(&whole);
    tally_dispose(&sum);
    tally_dispose(&part);
    tally_dispose(&unpacked);
}

static void kinds_are_bounded(void **state)
{
    struct tally tally = TALLY_EMPTY;
    char name[64];
    (void)state;
    for (int i = 0; i < 100; ++i) {
        snprintf(name, sizeof(name), "kind_%02d_of_a_name_that_is_longer_than_any", i);
        add(&tally, true, false, -1, name);
    }
    assert_int_equal(tally.kind_count, TALLY_KINDS_MAX);
    assert_int_equal(tally.checks, 100);
    assert_int_equal(strlen(tally.kinds[0].name), HEALTH_KIND_MAX - 1);
    tally_dispose(&tally);
}

static void damaged_bytes_are_refused(void **state)
{
    struct tally tally = TALLY_EMPTY;
    struct buf packed = BUF_EMPTY;
    (void)state;
    fill(&tally, 0, 50);
    tally_pack(&tally, &packed);
    for (size_t len = 0; len < packed.len; ++len) {
        struct tally into = TALLY_EMPTY;
        assert_false(tally_merge_packed(&into, packed.bytes, len));
        tally_dispose(&into);
    }
    buf_append_char(&packed, 'x'); /* something behind the end */
    struct tally into = TALLY_EMPTY;
    assert_false(tally_merge_packed(&into, packed.bytes, packed.len));
    tally_dispose(&into);
    packed.bytes[0] = 2; /* a layout of the future */
    assert_false(tally_merge_packed(&into, packed.bytes, packed.len - 1));
    tally_dispose(&into);
    buf_dispose(&packed);
    tally_dispose(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_count_by_kind_and_not_in_the_latency),
        cmocka_unit_test(parts_add_up_to_the_whole_also_when_packed),
        cmocka_unit_test(kinds_are_bounded),
        cmocka_unit_test(damaged_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
