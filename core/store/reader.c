/* The reader pool: threads, their connections, and the gate (see store_internal.h). */
#include "store/store_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    READER_BUSY_TIMEOUT_MS = 250, /* with WAL only a recovery makes a reader wait */
    RESTORE_GATE_TIMEOUT_MS = 2000,
    READER_NICENESS = 19, /* by 5, /status waited up to 4 ms for them; see tests/bench */
};

static struct timespec monotonic_after_ms(uint64_t ms)
{
    uint64_t at_ms = clock_monotonic_ms() + ms;
    return (struct timespec){.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000};
}

/* --- connections --- */

void reader_explain(struct store_reader *reader, int result, char *error, size_t error_size)
{
    database_explain(reader->handle, result, error, error_size);
    reader->broken = (result & 0xff) != SQLITE_BUSY;
    damage_suspect(reader->store, result);
}

int reader_prepare(struct store_reader *reader, sqlite3_stmt **statement, const char *sql)
{
    return *statement != NULL ? SQLITE_OK
                              : sqlite3_prepare_v3(reader->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

static void finalize_statements(struct store_reader *reader)
{
    for (size_t i = 0; i < READER_STATEMENTS; ++i) {
        sqlite3_finalize(reader->statements[i]);
        reader->statements[i] = NULL;
    }
}

int reader_refresh_level(struct store_reader *reader)
{
    if (reader->level == SCHEMA_WHOLE)
        return SQLITE_OK;
    finalize_statements(reader);
    return schema_read_level(reader->handle, &reader->level);
}

static void reader_dispose(struct store_reader *reader)
{
    finalize_statements(reader);
    sqlite3_close(reader->handle);
    reader->handle = NULL;
    reader->level = SCHEMA_SEED;
    reader->broken = false;
}

void reader_close(struct store_reader *reader)
{
    struct reader_pool *pool = &reader->store->pool;
    if (reader->handle == NULL)
        return;
    reader_dispose(reader);
    pthread_mutex_lock(&pool->mutex);
    pool->connections -= 1;
    pthread_cond_broadcast(&pool->moved);
    pthread_mutex_unlock(&pool->mutex);
}

/* `connections` was counted up before, while the gate was seen open. */
static int reader_connect(struct store_reader *reader, char *error, size_t error_size)
{
    struct reader_pool *pool = &reader->store->pool;
    int result =
        sqlite3_open_v2(reader->store->path, &reader->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK) {
        sqlite3_extended_result_codes(reader->handle, 1);
        sqlite3_busy_timeout(reader->handle, READER_BUSY_TIMEOUT_MS);
        /* Reads are short and mostly of other rows each time: 512 KiB of cache for each thread are enough. */
        result = sqlite3_exec(reader->handle, "PRAGMA cache_size = -512", NULL, NULL, NULL);
    }
    if (result == SQLITE_OK)
        return 0;
    database_explain(reader->handle, result, error, error_size);
    reader_dispose(reader);
    pthread_mutex_lock(&pool->mutex);
    pool->connections -= 1;
    pthread_cond_broadcast(&pool->moved);
    pthread_mutex_unlock(&pool->mutex);
    return -1;
}

int reader_open(struct store_reader *reader, char *error, size_t error_size)
{
    struct reader_pool *pool = &reader->store->pool;
    struct timespec until = monotonic_after_ms(RESTORE_GATE_TIMEOUT_MS);
    pthread_mutex_lock(&pool->mutex);
    while (pool->gate_closed && pthread_cond_timedwait(&pool->moved, &pool->mutex, &until) == 0)
        continue;
    bool open = !pool->gate_closed;
    if (open)
        pool->connections += 1;
    pthread_mutex_unlock(&pool->mutex);
    if (!open) {
        snprintf(error, error_size, "the database file is being opened anew");
        return -1;
    }
    return reader_connect(reader, error, error_size);
}

/* Whether the path no longer names the file that the writer, or this reader, has open. */
static bool file_was_replaced(const struct store_reader *reader)
{
    struct store *store = reader->store;
    int moved = 0;
    if (reader->handle != NULL &&
        sqlite3_file_control(reader->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0)
        return true;
    pthread_mutex_lock(&store->mutex);
    struct file_identity writers = store->file;
    pthread_mutex_unlock(&store->mutex);
    struct file_identity now = file_identity_of(store->path);
    return writers.inode != 0 && (writers.inode != now.inode || writers.device != now.device);
}

/* --- the gate --- */

bool pool_close_gate(struct store *store, uint64_t timeout_ms)
{
    struct reader_pool *pool = &store->pool;
    struct timespec until = monotonic_after_ms(timeout_ms);
    pthread_mutex_lock(&pool->mutex);
    pool->gate_closed = true;
    pthread_cond_broadcast(&pool->wake);
    while (pool->connections > 0 && pthread_cond_timedwait(&pool->moved, &pool->mutex, &until) == 0)
        continue;
    bool all_closed = pool->connections == 0;
    pthread_mutex_unlock(&pool->mutex);
    return all_closed;
}

void pool_open_gate(struct store *store)
{
    struct reader_pool *pool = &store->pool;
    pthread_mutex_lock(&pool->mutex);
    pool->gate_closed = false;
    pthread_cond_broadcast(&pool->wake);
    pthread_cond_broadcast(&pool->moved);
    pthread_mutex_unlock(&pool->mutex);
}

/* --- jobs --- */

bool store_submit(struct store *store, store_job_fn job, void *user)
{
    struct reader_pool *pool = &store->pool;
    struct read_job *queued = malloc(sizeof(*queued));
    if (queued == NULL)
        return false;
    *queued = (struct read_job){.run = job, .user = user};
    pthread_mutex_lock(&pool->mutex);
    bool taken = !pool->stopping;
    if (taken) {
        if (pool->last != NULL)
            pool->last->next = queued;
        else
            pool->first = queued;
        pool->last = queued;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->mutex);
    if (!taken)
        free(queued);
    return taken;
}

static struct read_job *pop_job(struct reader_pool *pool)
{
    struct read_job *job = pool->first;
    pool->first = job->next;
    if (pool->first == NULL)
        pool->last = NULL;
    return job;
}

static void push_job_front(struct reader_pool *pool, struct read_job *job)
{
    job->next = pool->first;
    pool->first = job;
    if (pool->last == NULL)
        pool->last = job;
}

/* The job waits until the writer has opened the new file, which opens the gate again. */
static void postpone_for_new_file(struct store_reader *reader, struct read_job *job)
{
    struct store *store = reader->store;
    struct reader_pool *pool = &store->pool;
    reader_close(reader);
    pthread_mutex_lock(&pool->mutex);
    push_job_front(pool, job);
    pool->gate_closed = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    pthread_mutex_lock(&store->mutex);
    store->reopen_wanted = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
}

static void run_job(struct store_reader *reader, struct read_job *job)
{
    char error[STORE_ERROR_MAX] = "";
    if (file_was_replaced(reader)) {
        postpone_for_new_file(reader, job);
        return;
    }
    if (reader->handle == NULL) {
        struct reader_pool *pool = &reader->store->pool;
        pthread_mutex_lock(&pool->mutex);
        bool open = !pool->gate_closed;
        if (open)
            pool->connections += 1;
        else
            push_job_front(pool, job);
        pthread_mutex_unlock(&pool->mutex);
        if (!open)
            return;
        reader_connect(reader, error, sizeof(error));
    }
    job->run(reader->handle != NULL ? reader : NULL, error, job->user);
    if (reader->broken)
        reader_close(reader);
    free(job);
}

static void *reader_run(void *user)
{
    struct store_reader reader = {.store = user};
    struct reader_pool *pool = &reader.store->pool;
    pthread_setname_np(pthread_self(), "store-reader");
    /* Linux counts niceness by thread (setpriority(2)): answers from memory do not wait for long exports. */
    setpriority(PRIO_PROCESS, (id_t)gettid(), READER_NICENESS);
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stopping) {
        if (pool->gate_closed && reader.handle != NULL) {
            pthread_mutex_unlock(&pool->mutex);
            reader_close(&reader);
            pthread_mutex_lock(&pool->mutex);
        } else if (!pool->gate_closed && pool->first != NULL) {
            struct read_job *job = pop_job(pool);
            pthread_mutex_unlock(&pool->mutex);
            run_job(&reader, job);
            pthread_mutex_lock(&pool->mutex);
        } else {
            pthread_cond_wait(&pool->wake, &pool->mutex);
        }
    }
    while (pool->first != NULL) { /* their owners want to free what they hold */
        struct read_job *job = pop_job(pool);
        pthread_mutex_unlock(&pool->mutex);
        job->run(NULL, "shutting down", job->user);
        free(job);
        pthread_mutex_lock(&pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    reader_close(&reader);
    return NULL;
}

/* --- life --- */

bool pool_start(struct store *store, unsigned readers)
{
    struct reader_pool *pool = &store->pool;
    if (readers < 1)
        readers = 1;
    if (readers > STORE_READERS_MAX)
        readers = STORE_READERS_MAX;
    while (pool->thread_count < readers &&
           pthread_create(&pool->threads[pool->thread_count], NULL, reader_run, store) == 0)
        pool->thread_count += 1;
    return pool->thread_count > 0;
}

void pool_stop(struct store *store)
{
    struct reader_pool *pool = &store->pool;
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; ++i)
        pthread_join(pool->threads[i], NULL);
}
