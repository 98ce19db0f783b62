/* upkeep: what the writer does while no check waits to be written: rolls up, and deletes what is too old. In steps of
 * some milliseconds, with pauses between them, so that neither the next commit nor another program waits long.
 */
#include "store/store_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

enum {
    STEP_AIM_MS = 10,
    RETENTION_EVERY_MS = 60 * 1000,
    ROLLUP_AFTER_CHECKS = 100000, /* however short the hour is that they came in */
    AFTER_THE_HOUR_MS = 3000,     /* for what is late */
};

static const int64_t HOUR_MS = INT64_C(3600) * 1000;

void upkeep_begin(struct upkeep *upkeep)
{
    *upkeep = (struct upkeep){.roller = {.table = 0}, .delete_rows = UPKEEP_DELETE_ROWS_MIN};
}

void upkeep_end(struct upkeep *upkeep)
{
    rollup_forget(&upkeep->roller);
}

/* A round that is under way may have passed the new rows already: then another follows. */
static void roll_now(struct upkeep *upkeep)
{
    upkeep->roll_at_ms = 0;
    upkeep->again = upkeep->rolling;
}

void upkeep_note_checks(struct upkeep *upkeep, size_t checks)
{
    upkeep->unrolled += checks;
    if (upkeep->unrolled >= ROLLUP_AFTER_CHECKS)
        roll_now(upkeep);
}

void upkeep_hurry(struct upkeep *upkeep)
{
    roll_now(upkeep);
    upkeep->delete_at_ms = 0;
}

void upkeep_note_other_database(struct upkeep *upkeep)
{
    rollup_forget(&upkeep->roller);
    upkeep->roll_at_ms = 0;
}

uint64_t upkeep_due_ms(const struct upkeep *upkeep)
{
    /* What is being rolled up may be what is to go. */
    bool first = upkeep->rolling || upkeep->roll_at_ms < upkeep->delete_at_ms;
    return first ? upkeep->roll_at_ms : upkeep->delete_at_ms;
}

/* Says a fault once, not every minute. */
static void note_result(struct store *store, bool *failing, bool failed, const char *what, const char *reason)
{
    if (failed)
        damage_suspect(store, sqlite3_errcode(store->database.handle));
    if (failed && !*failing)
        log_warning("store", "%s: %s: %s", store->path, what, reason);
    *failing = failed;
}

static void roll(struct store *store, int64_t keep_ms)
{
    struct upkeep *upkeep = &store->upkeep;
    char reason[STORE_ERROR_MAX];
    int64_t now_us = clock_wall_us();
    enum rollup_result result = rollup_step(&upkeep->roller, &store->database, now_us, keep_ms, reason, sizeof(reason));
    uint64_t now_ms = clock_monotonic_ms();
    upkeep->rolling = result == ROLLUP_MORE || (result == ROLLUP_DONE && upkeep->again);
    note_result(store, &upkeep->roll_failing, result == ROLLUP_FAILED, "old checks cannot be rolled up", reason);
    switch (result) {
    case ROLLUP_MORE:
        upkeep->roll_at_ms = now_ms + STORE_UPKEEP_PAUSE_MS;
        break;
    case ROLLUP_DONE:
        upkeep->unrolled = 0;
        upkeep->roll_at_ms = now_ms;
        if (!upkeep->again)
            upkeep->roll_at_ms += (uint64_t)(HOUR_MS - now_us / 1000 % HOUR_MS) + AFTER_THE_HOUR_MS;
        upkeep->again = false;
        break;
    case ROLLUP_FAILED:
        upkeep->roll_at_ms = now_ms + RETENTION_EVERY_MS;
        break;
    }
}

/* As many rows at once as take about STEP_AIM_MS. */
static void pace_deleting(struct upkeep *upkeep, uint64_t took_us)
{
    if (took_us > 2 * STEP_AIM_MS * 1000 && upkeep->delete_rows > UPKEEP_DELETE_ROWS_MIN)
        upkeep->delete_rows /= 2;
    else if (took_us < STEP_AIM_MS * 1000 / 2 && upkeep->delete_rows < UPKEEP_DELETE_ROWS_MAX)
        upkeep->delete_rows *= 2;
}

static void delete_old(struct store *store, const struct retention_ages *ages)
{
    struct upkeep *upkeep = &store->upkeep;
    char reason[STORE_ERROR_MAX];
    int64_t now_us = clock_wall_us();
    uint64_t began_us = clock_monotonic_us();
    struct retention_order order = {.now_us = now_us,
                                    .checks_before_us = now_us - ages->checks_ms * 1000,
                                    .incidents_before_us = now_us - ages->rollups_ms * 1000,
                                    .events_before_us = now_us - ages->events_ms * 1000,
                                    .rows = upkeep->delete_rows};
    enum retention_result result = retention_step(&store->database, &order, reason, sizeof(reason));
    note_result(store, &upkeep->delete_failing, result == RETENTION_FAILED, "old checks cannot be deleted", reason);
    if (result == RETENTION_MORE)
        pace_deleting(upkeep, clock_monotonic_us() - began_us);
    upkeep->delete_at_ms =
        clock_monotonic_ms() + (uint64_t)(result == RETENTION_MORE ? STORE_UPKEEP_PAUSE_MS : RETENTION_EVERY_MS);
}

void upkeep_step(struct store *store, const struct retention_ages *ages)
{
    struct upkeep *upkeep = &store->upkeep;
    if (upkeep->roll_at_ms <= clock_monotonic_ms())
        roll(store, ages->rollups_ms);
    else
        delete_old(store, ages);
}
