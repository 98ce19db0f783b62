/* Outages and streaks: what is told of them, what windows say, and that a restart in any place changes nothing. */
#include "health/outages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_US (INT64_C(60) * 1000000)

static const int64_t START_US = INT64_C(1795392000) * 1000000; /* 2026-11-23, midnight */

/* -- what was told, as the table in the database has it: by its begin -- */

enum { TOLD_MAX = 256 };

struct table {
    size_t count;
    size_t calls;
    struct outage rows[TOLD_MAX];
};

static void write_down(const struct outage *outage, void *user)
{
    struct table *table = user;
    size_t i = 0;
    ++table->calls;
    while (i < table->count && table->rows[i].started_us != outage->started_us)
        ++i;
    assert_in_range(i, 0, TOLD_MAX - 1);
    table->rows[i] = *outage;
    table->count += i == table->count;
}

static void take(struct outages *outages, int minute, bool up, bool down, struct table *table)
{
    char message[32];
    snprintf(message, sizeof(message), "minute %d", minute);
    struct outage_check check = {START_US + minute * MINUTE_US, up, down, up ? "" : "timeout", up ? "" : message};
    outages_take(outages, &check, write_down, table);
}

static struct outages with_no_past(struct table *table)
{
    struct outages outages = OUTAGES_EMPTY, none = OUTAGES_EMPTY;
    outages_absorb(&outages, &none, write_down, table);
    return outages;
}

static int64_t minute_of(int64_t wall_us)
{
    return (wall_us - START_US) / MINUTE_US;
}

/* -- tests -- */

static void an_outage_begins_with_the_first_failure_of_those_that_made_it_down(void **state)
{
    struct table table = {.count = 0};
    struct outages outages = with_no_past(&table);
    (void)state;
    take(&outages, 0, true, false, &table);
    take(&outages, 5, false, false, &table);
    take(&outages, 10, false, false, &table);
    assert_int_equal(table.calls, 0);
    take(&outages, 15, false, true, &table);
    assert_int_equal(table.calls, 1);
    assert_int_equal(minute_of(table.rows[0].started_us), 5);
    assert_int_equal(table.rows[0].ended_us, 0);
    assert_int_equal(table.rows[0].checks_lost, 3);
    assert_string_equal(table.rows[0].kind, "timeout");
    assert_string_equal(table.rows[0].first_error, "minute 5");
    take(&outages, 20, false, true, &table);
    take(&outages, 25, true, false, &table);
    assert_int_equal(table.count, 1);
    assert_int_equal(table.rows[0].checks_lost, 4);
    assert_int_equal(minute_of(table.rows[0].ended_us), 25);
    assert_true(outages.streak.up && outages.streak.checks == 1 && minute_of(outages.streak.since_us) == 25);
    outages_dispose(&outages);
}

static void failures_that_never_make_it_down_are_none(void **state)
{
    struct table table = {.count = 0};
    struct outages outages = with_no_past(&table);
    struct outage_summary summary;
    (void)state;
    for (int i = 0; i < 40; ++i)
        take(&outages, i, i % 3 == 0, false, &table);
    outages_summarize(&outages, START_US, START_US + 40 * MINUTE_US, &summary);
    assert_int_equal(table.calls + summary.count, 0);
    assert_int_equal(summary.mtbf_us + summary.mttr_us + summary.down_us, 0);
    outages_dispose(&outages);
}

static void windows_know_their_share_of_each(void **state)
{
    struct table table = {.count = 0};
    struct outages outages = with_no_past(&table);
    struct outage_summary summary;
    (void)state;
    const int spans[][2] = {{10, 30}, {100, 110}, {160, 200}};
    for (int minute = 0, i = 0; minute <= 170; minute += 10) {
        bool down = i < 3 && minute >= spans[i][0] && minute < spans[i][1];
        take(&outages, minute, !down, down, &table);
        i += i < 3 && minute >= spans[i][1];
    }
    outages_summarize(&outages, START_US, START_US + 180 * MINUTE_US, &summary);
    assert_int_equal(summary.count, 3);
    assert_int_equal(summary.down_us, (20 + 10 + 20) * MINUTE_US);
    assert_int_equal(summary.mttr_us, 15 * MINUTE_US);
    assert_int_equal(summary.mtbf_us, 130 * MINUTE_US / 3);
    outages_summarize(&outages, START_US + 20 * MINUTE_US, START_US + 180 * MINUTE_US, &summary);
    assert_int_equal(summary.count, 3); /* one of them began before */
    assert_int_equal(summary.down_us, (10 + 10 + 20) * MINUTE_US);
    assert_int_equal(summary.mtbf_us, 120 * MINUTE_US / 2);
    outages_summarize(&outages, START_US + 120 * MINUTE_US, START_US + 180 * MINUTE_US, &summary);
    assert_int_equal(summary.count, 1);
    assert_int_equal(summary.mttr_us, 0); /* none ended */
    outages_dispose(&outages);
}

static void the_oldest_are_forgotten(void **state)
{
    struct table *table = calloc(1, sizeof(*table));
    struct outages outages = with_no_past(table);
    struct outage_summary summary;
    (void)state;
    for (int i = 0; i < OUTAGES_KEPT + 50; ++i) {
        table->count = 0;
        take(&outages, 2 * i, false, true, table);
        take(&outages, 2 * i + 1, true, false, table);
    }
    outages_summarize(&outages, START_US, START_US + 4000 * MINUTE_US, &summary);
    assert_int_equal(summary.count, OUTAGES_KEPT);
    outages_dispose(&outages);
    free(table);
}

static void a_clock_that_was_set_back_makes_no_negative_length(void **state)
{
    struct table table = {.count = 0};
    struct outages outages = with_no_past(&table);
    struct outage_summary summary;
    (void)state;
    take(&outages, 60, false, true, &table);
    take(&outages, 10, true, false, &table);
    assert_int_equal(table.rows[0].ended_us, table.rows[0].started_us);
    outages_summarize(&outages, START_US, START_US + 70 * MINUTE_US, &summary);
    assert_true(summary.count == 1 && summary.down_us == 0);
    outages_dispose(&outages);
}

static void an_end_that_was_never_told_is_that_of_the_next_begin(void **state)
{
    struct table table = {.count = 0};
    struct outages past = OUTAGES_EMPTY, outages = OUTAGES_EMPTY;
    struct outage_summary summary;
    (void)state;
    outages_add_past(&past, &(struct outage){.started_us = START_US});
    outages_add_past(&past,
                     &(struct outage){.started_us = START_US + 10 * MINUTE_US, .ended_us = START_US + 20 * MINUTE_US});
    outages_absorb(&outages, &past, write_down, &table);
    outages_summarize(&outages, START_US, START_US + 60 * MINUTE_US, &summary);
    assert_int_equal(summary.count, 2);
    assert_int_equal(summary.down_us, 20 * MINUTE_US);
    outages_dispose(&outages);
    outages_dispose(&past);
}

/* The state that says "down" may be lost by a restart, when its row is not on the disk yet. */
static void a_lasting_outage_goes_on_though_the_target_is_not_down_yet(void **state)
{
    struct table table = {.count = 0};
    struct outage before = {.started_us = START_US, .checks_lost = 5, .first_error = "before"};
    (void)state;
    for (int good = 0; good <= 1; ++good) { /* a good check before the past is known, or not */
        struct outages past = OUTAGES_EMPTY, outages = OUTAGES_EMPTY;
        struct streak streak = {4, false, START_US + MINUTE_US};
        table.count = 0;
        outages_add_past(&past, &before);
        outages_set_streak(&past, &streak, &(struct outage_check){.kind = "dns", .message = "later"});
        take(&outages, 10, false, false, &table);
        if (good)
            take(&outages, 11, true, false, &table);
        outages_absorb(&outages, &past, write_down, &table);
        assert_int_equal(table.count, 1);
        assert_int_equal(table.rows[0].started_us, START_US);
        assert_int_equal(table.rows[0].checks_lost, 6);
        assert_string_equal(table.rows[0].first_error, "before");
        assert_int_equal(outages.lasting, !good);
        assert_int_equal(table.rows[0].ended_us, good ? START_US + 11 * MINUTE_US : 0);
        outages_dispose(&outages);
        outages_dispose(&past);
    }
}

/* -- a restart -- */

static uint64_t seed;

static uint32_t random_below(uint32_t limit) /* xorshift64* */
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)((seed * UINT64_C(2685821657736338717)) >> 33) % limit;
}

enum { CHECKS = 60, FAILURES_TO_DOWN = 3 };

/* A target's row of checks; it is down after three failures. */
struct row {
    bool up[CHECKS];
    bool down[CHECKS];
};

static void make_row(struct row *row)
{
    unsigned failures = 0;
    for (int i = 0; i < CHECKS; ++i) {
        row->up[i] = i == 0 ? random_below(2) == 0 : random_below(4) == 0 ? !row->up[i - 1] : row->up[i - 1];
        failures = row->up[i] ? 0 : failures + 1;
        row->down[i] = failures >= FAILURES_TO_DOWN;
    }
}

/* What the database says at a restart: the table, and the rows' last streak. */
static void read_past(const struct table *table, const struct row *row, int count, struct outages *past)
{
    struct streak streak = {.checks = 0};
    char message[32] = "";
    *past = OUTAGES_EMPTY;
    for (size_t i = 0; i < table->count; ++i)
        outages_add_past(past, &table->rows[i]);
    for (int i = count - 1; i >= 0 && row->up[i] == row->up[count - 1]; --i) {
        streak = (struct streak){streak.checks + 1, row->up[i], START_US + i * MINUTE_US};
        snprintf(message, sizeof(message), "minute %d", i);
    }
    struct outage_check first = {.checked_us = streak.since_us, .kind = "timeout", .message = message};
    outages_set_streak(past, &streak, &first);
}

static void compare(const struct outages *a, const struct outages *b, const struct table *x, const struct table *y)
{
    struct outage_summary of_a, of_b;
    assert_int_equal(a->streak.checks, b->streak.checks);
    assert_int_equal(a->streak.up, b->streak.up);
    assert_int_equal(a->streak.since_us, b->streak.since_us);
    assert_int_equal(a->lasting, b->lasting);
    assert_int_equal(x->count, y->count);
    for (size_t i = 0; i < x->count; ++i) {
        assert_int_equal(x->rows[i].started_us, y->rows[i].started_us);
        assert_int_equal(x->rows[i].ended_us, y->rows[i].ended_us);
        assert_int_equal(x->rows[i].checks_lost, y->rows[i].checks_lost);
        assert_string_equal(x->rows[i].first_error, y->rows[i].first_error);
    }
    outages_summarize(a, START_US, START_US + CHECKS * MINUTE_US, &of_a);
    outages_summarize(b, START_US, START_US + CHECKS * MINUTE_US, &of_b);
    assert_memory_equal(&of_a, &of_b, sizeof(of_a));
}

static void a_restart_anywhere_changes_nothing(void **state)
{
    struct table *whole = calloc(1, sizeof(*whole)), *parted = calloc(1, sizeof(*parted));
    (void)state;
    for (unsigned run = 1; run <= 5000; ++run) {
        struct row row;
        seed = run * UINT64_C(7919);
        make_row(&row);
        int restart = (int)random_below(CHECKS), known = restart + (int)random_below(12);
        if (known > CHECKS)
            known = CHECKS;
        *whole = *parted = (struct table){.count = 0};
        struct outages one = with_no_past(whole), two = with_no_past(parted), past;
        for (int i = 0; i < CHECKS; ++i)
            take(&one, i, row.up[i], row.down[i], whole);
        for (int i = 0; i < restart; ++i)
            take(&two, i, row.up[i], row.down[i], parted);
        outages_dispose(&two);
        read_past(parted, &row, restart, &past);
        for (int i = restart; i < known; ++i) /* the past is not read yet */
            take(&two, i, row.up[i], row.down[i], parted);
        outages_absorb(&two, &past, write_down, parted);
        for (int i = known; i < CHECKS; ++i)
            take(&two, i, row.up[i], row.down[i], parted);
        compare(&one, &two, whole, parted);
        outages_dispose(&one);
        outages_dispose(&two);
        outages_dispose(&past);
    }
    free(whole);
    free(parted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_begins_with_the_first_failure_of_those_that_made_it_down),
        cmocka_unit_test(failures_that_never_make_it_down_are_none),
        cmocka_unit_test(windows_know_their_share_of_each),
        cmocka_unit_test(the_oldest_are_forgotten),
        cmocka_unit_test(a_clock_that_was_set_back_makes_no_negative_length),
        cmocka_unit_test(an_end_that_was_never_told_is_that_of_the_next_begin),
        cmocka_unit_test(a_lasting_outage_goes_on_though_the_target_is_not_down_yet),
        cmocka_unit_test(a_restart_anywhere_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
