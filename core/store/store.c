/* The store's life: opening, taking checks in, reporting, closing. */
#include "store/store_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_MS (INT64_C(86400) * 1000)

static const int64_t ROLLUP_RETENTION_MS = 400 * DAY_MS, EVENTS_RETENTION_MS = 90 * DAY_MS;

/* The path made absolute through its directory, so that a later chdir() does not matter and no name can mean something
 * special to SQLite (":memory:", "file:..."). NULL with the reason when it cannot name a database. */
static char *resolve_path(const char *path, char *error, size_t error_size)
{
    struct stat status;
    char *resolved = NULL;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char *directory = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    char *absolute = directory != NULL ? realpath(directory, NULL) : NULL;
    if (absolute == NULL) {
        snprintf(error, error_size, "database %s: the directory %s cannot be used: %s", path,
                 directory != NULL ? directory : "", strerror(errno));
        goto done;
    }
    if (stat(absolute, &status) == 0 && !S_ISDIR(status.st_mode)) {
        snprintf(error, error_size, "database %s: %s is not a directory", path, absolute);
        goto done;
    }
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        (stat(path, &status) == 0 && S_ISDIR(status.st_mode))) {
        snprintf(error, error_size, "database %s: this is a directory, the path of a file was expected", path);
        goto done;
    }
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        snprintf(error, error_size, "database %s: not a regular file", path);
        goto done;
    }
    if (asprintf(&resolved, "%s/%s", strcmp(absolute, "/") == 0 ? "" : absolute, name) < 0) {
        snprintf(error, error_size, "database %s: out of memory", path);
        resolved = NULL;
    }
done:
    free(directory);
    free(absolute);
    return resolved;
}

static struct retention_ages ages_of(const struct store_options *options)
{
    return (struct retention_ages){
        .checks_ms = options->retention_ms,
        .rollups_ms = options->rollup_retention_ms > 0 ? options->rollup_retention_ms : ROLLUP_RETENTION_MS,
        .events_ms = options->events_retention_ms > 0 ? options->events_retention_ms : EVENTS_RETENTION_MS,
    };
}

static struct store *store_new(const struct store_options *options, char *error, size_t error_size)
{
    pthread_condattr_t monotonic;
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        snprintf(error, error_size, "database %s: out of memory", options->path);
        return NULL;
    }
    store->path = resolve_path(options->path, error, error_size);
    if (store->path == NULL) {
        free(store);
        return NULL;
    }
    store->queue_max = options->queue_max > 0 ? options->queue_max : 1;
    store->ages = ages_of(options);
    upkeep_begin(&store->upkeep);
    store->commit_interval_ms = options->commit_interval_ms;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->wake, &monotonic);
    pthread_mutex_init(&store->pool.mutex, NULL);
    pthread_cond_init(&store->pool.wake, &monotonic);
    pthread_cond_init(&store->pool.moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return store;
}

static void store_free(struct store *store)
{
    database_close(&store->database);
    check_queue_dispose(&store->queue);
    incident_list_dispose(&store->incidents);
    event_list_dispose(&store->events);
    marks_list_dispose(&store->marks);
    report_sums_dispose(&store->reports);
    sums_clear(&store->overflow);
    upkeep_end(&store->upkeep);
    check_queue_dispose(&store->doubtful.checks);
    incident_list_dispose(&store->doubtful.incidents);
    event_list_dispose(&store->doubtful.events);
    marks_list_dispose(&store->doubtful.marks);
    report_sums_dispose(&store->doubtful.reports);
    sums_clear(&store->doubtful.overflow);
    pthread_cond_destroy(&store->pool.moved);
    pthread_cond_destroy(&store->pool.wake);
    pthread_mutex_destroy(&store->pool.mutex);
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store);
}

/* Signals are the loop thread's: ours start with all of them blocked. */
static bool start_threads(struct store *store, unsigned readers)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pool_start(store, readers);
    if (started && pthread_create(&store->writer, NULL, writer_run, store) != 0) {
        pool_stop(store);
        started = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct store *store_open(const struct store_options *options, char *error, size_t error_size)
{
    char reason[STORE_ERROR_MAX];
    struct store *store = store_new(options, error, error_size);
    if (store == NULL)
        return NULL;
    if (!writer_open_first(store, reason, sizeof(reason))) {
        snprintf(error, error_size, "database %s: %s", options->path, reason);
        store_free(store);
        return NULL;
    }
    if (!start_threads(store, options->readers)) {
        snprintf(error, error_size, "database %s: its threads could not be started", options->path);
        store_free(store);
        return NULL;
    }
    return store;
}

void store_append(struct store *store, const struct check_record *record)
{
    bool wake;
    pthread_mutex_lock(&store->mutex);
    if (store->queue.count >= store->queue_max)
        overflow_oldest(store);
    if (store->queue.count == 0)
        store->oldest_queued_ms = clock_monotonic_ms();
    if (!check_queue_push(&store->queue, record))
        store->report.dropped += 1;
    /* A queue that is half full is written before its time, or a short burst would overflow a sound store. */
    wake = store->writer_idle || (store->report.writable && store->queue.count == store->queue_max / 2 + 1);
    store->writer_idle = false;
    pthread_mutex_unlock(&store->mutex);
    if (wake)
        pthread_cond_signal(&store->wake);
}

void store_append_incident(struct store *store, const struct incident_record *record)
{
    pthread_mutex_lock(&store->mutex);
    if (waiting_records(store) == 0)
        store->oldest_queued_ms = clock_monotonic_ms();
    bool taken = incident_list_add(&store->incidents, record), wake = store->writer_idle;
    store->writer_idle = false;
    pthread_mutex_unlock(&store->mutex);
    if (!taken)
        log_error("store", "%s: no memory for an incident of %s", store->path, record->provider);
    if (wake)
        pthread_cond_signal(&store->wake);
}

void store_append_event(struct store *store, struct event *event)
{
    pthread_mutex_lock(&store->mutex);
    if (waiting_records(store) == 0)
        store->oldest_queued_ms = clock_monotonic_ms();
    int lost = event_list_add(&store->events, event);
    bool wake = store->writer_idle, first = lost != 0 && store->events_lost == 0;
    store->events_lost += lost != 0;
    store->writer_idle = false;
    pthread_mutex_unlock(&store->mutex);
    if (first)
        log_error("store", "%s: more events wait than there is room for; the oldest are lost", store->path);
    if (wake)
        pthread_cond_signal(&store->wake);
}

void store_append_report(struct store *store, const struct reported_call *call)
{
    pthread_mutex_lock(&store->mutex);
    if (waiting_records(store) == 0)
        store->oldest_queued_ms = clock_monotonic_ms();
    bool taken = report_sums_add(&store->reports, call), wake = store->writer_idle;
    store->writer_idle = false;
    pthread_mutex_unlock(&store->mutex);
    if (!taken)
        log_error("store", "%s: no memory for what a client reported of %s", store->path, call->provider);
    if (wake)
        pthread_cond_signal(&store->wake);
}

/* They go with the next commit: the report that they come from is one, and has not been written yet, or was just now.
 */
void store_count_reported(struct store *store, const char *provider, unsigned up, unsigned down, const char *kind,
                          int64_t now_us)
{
    struct summand summand = {
        .table = RECORD_CHECK,
        .provider = provider,
        .provider_len = strlen(provider),
        .model = "",
        .checked_us = now_us,
        .check = {.counted = true, .latency_ms = -1, .first_token_ms = -1, .tokens_per_second = -1},
    };
    bool taken = true;
    pthread_mutex_lock(&store->mutex);
    for (unsigned i = 0; i < up + down; ++i) {
        summand.check.up = i < up;
        summand.check.kind = summand.check.up ? "" : kind;
        taken = sums_add(&store->overflow, &summand) && taken;
    }
    pthread_mutex_unlock(&store->mutex);
    if (!taken)
        log_error("store", "%s: no memory for what clients reported of %s", store->path, provider);
}

void store_set_alert_marks(struct store *store, const char *alert, const struct alert_mark *marks, size_t count)
{
    pthread_mutex_lock(&store->mutex);
    if (waiting_records(store) == 0)
        store->oldest_queued_ms = clock_monotonic_ms();
    bool taken = marks_list_add(&store->marks, alert, marks, count), wake = store->writer_idle;
    store->writer_idle = false;
    pthread_mutex_unlock(&store->mutex);
    if (!taken)
        log_error("store", "%s: no memory for what the alert %s must remember", store->path, alert);
    if (wake)
        pthread_cond_signal(&store->wake);
}

void store_configure(struct store *store, const struct store_options *options)
{
    pthread_mutex_lock(&store->mutex);
    store->ages = ages_of(options);
    store->commit_interval_ms = options->commit_interval_ms;
    store->retention_wanted = true;
    store->writer_idle = false;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
}

void store_get_report(struct store *store, struct store_report *report)
{
    pthread_mutex_lock(&store->mutex);
    *report = store->report;
    report->queued = store->queue.count + store->in_flight + store->doubtful.checks.count;
    pthread_mutex_unlock(&store->mutex);
}

size_t store_close(struct store *store, int64_t timeout_ms)
{
    pthread_mutex_lock(&store->mutex);
    store->stopping = true;
    store->stop_deadline_ms = clock_monotonic_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
    pool_stop(store);
    pthread_join(store->writer, NULL);
    size_t unwritten = store->queue.count + store->doubtful.checks.count;
    store_free(store); /* the writer's connection goes last: SQLite then merges the WAL into the database */
    return unwritten;
}
