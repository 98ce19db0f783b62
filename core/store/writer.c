/* The writer thread: group commit, and patience while the database is away. */
#include "store/store_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GATE_TIMEOUT_MS = 1000, LONGEST_SLEEP_MS = 60 * 1000 };

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int run_statement(sqlite3_stmt *statement)
{
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

/* --- the connection --- */

/* `as_it_is`: without tidying up in a file that may be damaged. */
static void forget_database(struct store *store, bool as_it_is)
{
    if (as_it_is && store->database.handle != NULL)
        sqlite3_db_config(store->database.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    database_close(&store->database);
    pthread_mutex_lock(&store->mutex);
    store->file = (struct file_identity){0};
    pthread_mutex_unlock(&store->mutex);
}

static struct file_identity wal_identity(const struct store *store)
{
    char wal[PATH_MAX];
    snprintf(wal, sizeof(wal), "%s-wal", store->path);
    return file_identity_of(wal);
}

static enum database_result open_database(struct store *store, char *error, size_t error_size)
{
    enum database_result result = database_open(&store->database, store->path, error, error_size);
    if (result == DATABASE_OK) {
        struct file_identity file = file_identity_of(store->path);
        store->wal = wal_identity(store);
        store->was_open = true;
        pthread_mutex_lock(&store->mutex);
        store->file = file;
        pthread_mutex_unlock(&store->mutex);
        upkeep_note_other_database(&store->upkeep);
    } else if (result == DATABASE_DAMAGED) {
        pthread_mutex_lock(&store->mutex);
        store->suspect = true;
        pthread_mutex_unlock(&store->mutex);
    }
    return result;
}

/* With all connections closed. What lies at the path now, or a new database if it is none (any more). */
static bool open_anew(struct store *store, bool suspect, char *error, size_t error_size)
{
    if (suspect && !damage_deal_with(store, error, error_size))
        return false;
    enum database_result result = open_database(store, error, error_size);
    if (result == DATABASE_STRANGER && store->was_open) /* something came in the place of our database */
        result = damage_set_aside(store, "not a SQLite database any more", error, error_size)
                     ? open_database(store, error, error_size)
                     : DATABASE_AWAY;
    return result == DATABASE_OK;
}

/* Our file was moved away from its path, its WAL was not: SQLite would replay that over whatever lies at the path now
 * (https://www.sqlite.org/howtocorrupt.html, 1.4). So the WAL is merged into the file that it belongs to, wherever
 * that is, and taken away, if it is still ours. */
static void leave_moved_file(struct store *store)
{
    char wal[PATH_MAX];
    struct file_identity now = wal_identity(store);
    log_warning("store", "%s was deleted or replaced: opening it anew", store->path);
    sqlite3_wal_checkpoint_v2(store->database.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    forget_database(store, false);
    snprintf(wal, sizeof(wal), "%s-wal", store->path);
    if (now.inode != 0 && now.inode == store->wal.inode && now.device == store->wal.device)
        unlink(wal);
}

/* An open connection to the file that the path names now. Before a file is opened, all read connections are closed:
 * they may be on another file (see store_internal.h). */
static bool ensure_database(struct store *store, char *error, size_t error_size)
{
    pthread_mutex_lock(&store->mutex);
    bool suspect = store->suspect, reopen = store->reopen_wanted || store->damaged || suspect;
    store->reopen_wanted = false;
    pthread_mutex_unlock(&store->mutex);
    bool moved = store->database.handle != NULL && database_moved(&store->database);
    if (!reopen && !moved && store->database.handle != NULL)
        return salvage_run(store, error, error_size);
    bool opened = false;
    if (moved && suspect) { /* that file is gone */
        pthread_mutex_lock(&store->mutex);
        store->suspect = suspect = false;
        pthread_mutex_unlock(&store->mutex);
    }
    if (pool_close_gate(store, GATE_TIMEOUT_MS)) {
        if (moved)
            leave_moved_file(store);
        else
            forget_database(store, suspect);
        store->damaged = false;
        opened = open_anew(store, suspect, error, error_size);
    } else {
        snprintf(error, error_size, "readers still hold the file that is to be opened anew");
        store->damaged = true;
    }
    pool_open_gate(store);
    return opened && salvage_run(store, error, error_size);
}

/* --- failing and recovering --- */

void writer_note_failure(struct store *store, const char *reason)
{
    pthread_mutex_lock(&store->mutex);
    struct store_report *report = &store->report;
    bool first = report->failing_since_us == 0;
    if (first) {
        report->failing_since_us = clock_wall_us();
        store->retry_pause_ms = STORE_RETRY_MIN_MS;
        store->dropped_before = report->dropped;
        store->rolled_up_before = report->rolled_up;
    } else {
        store->retry_pause_ms = earlier(store->retry_pause_ms * 2, STORE_RETRY_MAX_MS);
    }
    report->writable = false;
    snprintf(report->error, sizeof(report->error), "%s", reason);
    uint64_t pause_ms = store->stopping ? STORE_RETRY_MIN_MS : store->retry_pause_ms;
    pthread_mutex_unlock(&store->mutex);
    store->retry_at_ms = clock_monotonic_ms() + pause_ms;
    if (first)
        log_warning("store",
                    "%s cannot be written: %s; up to %zu checks wait in memory until it can, older ones are rolled up",
                    store->path, reason, store->queue_max);
}

/* `waiting` checks were in memory when the commit began, `written` of them it took, `rejected` no table would. */
static void note_success(struct store *store, size_t waiting, size_t written, size_t rejected)
{
    char since[CLOCK_ISO_MAX];
    pthread_mutex_lock(&store->mutex);
    struct store_report *report = &store->report;
    int64_t failing_since_us = report->failing_since_us;
    uint64_t dropped = report->dropped - store->dropped_before;
    uint64_t rolled_up = report->rolled_up - store->rolled_up_before;
    report->writable = true;
    report->failing_since_us = 0;
    report->error[0] = '\0';
    report->written += written;
    report->dropped += rejected;
    if (written > 0)
        report->last_commit_us = clock_wall_us();
    store->in_flight = 0;
    pthread_mutex_unlock(&store->mutex);
    if (failing_since_us != 0) {
        clock_format_rfc3339(failing_since_us, since);
        log_info("store", "%s can be written again: %zu checks waited since %s, %llu were rolled up, %llu dropped",
                 store->path, waiting, since, (unsigned long long)rolled_up, (unsigned long long)dropped);
    }
    if (rejected > 0)
        log_warning("store", "%s: the database refused %zu checks by a constraint of its own", store->path, rejected);
}

/* Checks that no longer fit there were the oldest. */
void batch_put_back(struct store *store, struct batch *batch)
{
    pthread_mutex_lock(&store->mutex);
    check_queue_put_back(&store->queue, &batch->checks);
    incident_list_put_back(&store->incidents, &batch->incidents);
    store->events_lost += event_list_put_back(&store->events, &batch->events);
    marks_list_put_back(&store->marks, &batch->marks);
    report_sums_move(&store->reports, &batch->reports);
    if (!sums_move(&store->overflow, &batch->overflow))
        store->report.dropped += batch->overflow.checks;
    store->in_flight = 0;
    while (store->queue.count > store->queue_max)
        overflow_oldest(store);
    pthread_mutex_unlock(&store->mutex);
    sums_clear(&batch->overflow);
}

static size_t take_batch(struct store *store, struct batch *batch)
{
    pthread_mutex_lock(&store->mutex);
    size_t waiting = store->queue.count;
    check_queue_take(&store->queue, &batch->checks, STORE_COMMIT_CHUNKS_MAX);
    batch->incidents = store->incidents;
    if (batch->incidents.count == 0)
        batch->incidents = (struct incident_list){NULL, NULL, 0};
    store->incidents = (struct incident_list){NULL, NULL, 0};
    batch->events = store->events;
    store->events = (struct event_list){NULL, NULL, 0};
    batch->marks = store->marks;
    store->marks = (struct marks_list){NULL, 0};
    batch->reports = store->reports;
    store->reports = (struct report_sums){NULL, 0};
    batch->overflow = store->overflow;
    store->overflow = (struct sums){0};
    store->in_flight = batch->checks.count;
    /* What comes from now on waits its own time; what was left behind has waited. */
    if (store->queue.count == 0)
        store->oldest_queued_ms = 0;
    pthread_mutex_unlock(&store->mutex);
    return waiting;
}

void batch_finish(struct store *store, struct batch *batch)
{
    upkeep_note_checks(&store->upkeep, batch->checks.count);
    pthread_mutex_lock(&store->mutex);
    check_queue_recycle(&store->queue, &batch->checks);
    pthread_mutex_unlock(&store->mutex);
    incident_list_dispose(&batch->incidents);
    event_list_dispose(&batch->events);
    marks_list_dispose(&batch->marks);
    report_sums_dispose(&batch->reports);
    sums_clear(&batch->overflow);
}

static int insert_batch(struct database *database, const struct batch *batch, size_t *rejected, struct batch_end *end)
{
    struct check_walk walk = {batch->checks.head, 0};
    const struct packed_check *check, *last = NULL;
    while ((check = check_walk_next(&walk)) != NULL) {
        int result = record_insert(database, check);
        if ((result & 0xff) == SQLITE_CONSTRAINT)
            *rejected += 1; /* trying again would hold up all others for ever */
        else if (result != SQLITE_OK)
            return result;
        else
            last = check;
    }
    if (last != NULL)
        batch_end_note(end, database->handle, last);
    int result = incidents_write(&batch->incidents, database->incident);
    if (result == SQLITE_OK)
        result = events_write(&batch->events, database->event);
    if (result == SQLITE_OK)
        result = marks_write(&batch->marks, &database->marks);
    if (result == SQLITE_OK)
        result = report_sums_write(&batch->reports, database->report);
    return result == SQLITE_OK ? rollup_write_sums(database, &batch->overflow) : result;
}

/* Neither written nor not: see doubt.c. */
static void keep_doubtful(struct store *store, struct batch *batch, const struct batch_end *end, size_t rejected)
{
    pthread_mutex_lock(&store->mutex);
    store->doubtful = *batch;
    store->in_flight = 0;
    pthread_mutex_unlock(&store->mutex);
    *batch = (struct batch){.overflow = {0}};
    store->doubtful_end = *end;
    store->doubtful_rejected = rejected;
}

/* One transaction; with nothing queued it only finds out whether writing is possible. */
static void commit_batch(struct store *store)
{
    struct batch batch = {.overflow = {0}};
    struct batch_end end = {0};
    struct database *database = &store->database;
    char reason[STORE_ERROR_MAX];
    size_t rejected = 0;
    int result = SQLITE_OK;

    if (!ensure_database(store, reason, sizeof(reason))) {
        writer_note_failure(store, reason);
        return;
    }
    /* The lock comes first: while it cannot be had, the checks stay where the oldest can be dropped. */
    if ((result = doubt_prepare(store)) != SQLITE_OK || (result = run_statement(database->begin)) != SQLITE_OK ||
        (result = doubt_settle(store)) != SQLITE_OK)
        goto fail;
    size_t waiting = take_batch(store, &batch);
    if ((result = insert_batch(database, &batch, &rejected, &end)) != SQLITE_OK)
        goto fail;
    if ((result = run_statement(database->commit)) != SQLITE_OK) {
        if (batch.checks.count > 0 && (result & 0xff) != SQLITE_BUSY)
            keep_doubtful(store, &batch, &end, rejected);
        goto fail;
    }
    if (database_moved(database)) { /* it went into a file that is no longer there */
        batch_put_back(store, &batch);
        store->retry_at_ms = 0;
        return;
    }
    note_success(store, waiting, batch.checks.count - rejected, rejected);
    batch_finish(store, &batch);
    return;
fail:
    database_explain(database->handle, result, reason, sizeof(reason));
    if (sqlite3_get_autocommit(database->handle) == 0)
        run_statement(database->rollback);
    batch_put_back(store, &batch);
    damage_suspect(store, result);
    store->damaged = (result & 0xff) != SQLITE_BUSY; /* or read-only, or full: nothing cached may outlast the cure */
    writer_note_failure(store, reason);
}

bool writer_open_first(struct store *store, char *error, size_t error_size)
{
    enum database_result result = open_database(store, error, error_size);
    if (result == DATABASE_REFUSED || result == DATABASE_STRANGER)
        return false;
    if (result == DATABASE_OK)
        store->report.writable = true;
    else
        writer_note_failure(store, error);
    return true;
}

/* --- the loop --- */

/* When the next commit is due: UINT64_MAX = not before something is queued. With the mutex held. */
static uint64_t commit_due_ms(const struct store *store)
{
    if (store->reopen_wanted)
        return 0;
    if (!store->report.writable)
        return store->retry_at_ms;
    if (waiting_records(store) == 0)
        return UINT64_MAX;
    if (store->stopping || store->queue.count > store->queue_max / 2)
        return 0;
    return store->oldest_queued_ms + (uint64_t)(store->commit_interval_ms > 0 ? store->commit_interval_ms : 0);
}

/* With the mutex held. Returns early when woken. */
static void sleep_until(struct store *store, uint64_t until_ms)
{
    until_ms = earlier(until_ms, clock_monotonic_ms() + LONGEST_SLEEP_MS);
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_cond_timedwait(&store->wake, &store->mutex, &until);
}

static bool finished(const struct store *store, uint64_t now_ms)
{
    size_t waiting = waiting_records(store) + store->doubtful.checks.count;
    return store->stopping && (waiting == 0 || now_ms >= store->stop_deadline_ms);
}

void *writer_run(void *user)
{
    struct store *store = user;
    bool stop_seen = false;
    pthread_setname_np(pthread_self(), "store-writer");
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        if (finished(store, now_ms))
            break;
        if (store->stopping && !stop_seen) {
            stop_seen = true;
            store->retry_at_ms = now_ms; /* no backoff is worth the checks that would be lost */
        }
        uint64_t due_ms = commit_due_ms(store);
        bool can_tidy = store->database.handle != NULL && store->report.writable && !store->stopping;
        if (store->retention_wanted) {
            store->retention_wanted = false;
            upkeep_hurry(&store->upkeep);
        }
        if (now_ms >= due_ms) {
            pthread_mutex_unlock(&store->mutex);
            commit_batch(store);
            pthread_mutex_lock(&store->mutex);
        } else if (can_tidy && now_ms >= upkeep_due_ms(&store->upkeep)) {
            struct retention_ages ages = store->ages;
            pthread_mutex_unlock(&store->mutex);
            upkeep_step(store, &ages);
            pthread_mutex_lock(&store->mutex);
        } else {
            uint64_t wake_ms = can_tidy ? earlier(due_ms, upkeep_due_ms(&store->upkeep)) : due_ms;
            if (store->stopping)
                wake_ms = earlier(wake_ms, store->stop_deadline_ms);
            store->writer_idle = due_ms == UINT64_MAX;
            sleep_until(store, wake_ms);
            store->writer_idle = false;
        }
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}
