/* fixture: a store in a directory of its own, and ways to look at what it wrote. For the tests of store/ only. */
#ifndef PROVIDERD_TESTS_STORE_FIXTURE_H
#define PROVIDERD_TESTS_STORE_FIXTURE_H

#include "base/clock.h"
#include "store/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MAX_MS = 20000 };

#define SEED_SQL                                                                                                       \
    "CREATE TABLE provider_health_checks (\n    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"                               \
    "    provider_name TEXT NOT NULL,\n    status TEXT NOT NULL,\n    response_time_ms REAL,\n"                        \
    "    uptime_percent REAL,\n    rate_limit_percent REAL,\n    last_check_timestamp DATETIME NOT NULL,\n"            \
    "    error_message TEXT,\n    consecutive_failures INTEGER DEFAULT 0,\n"                                           \
    "    created_at DATETIME DEFAULT CURRENT_TIMESTAMP\n);\n"                                                          \
    "CREATE INDEX idx_provider_timestamp \nON provider_health_checks(provider_name, last_check_timestamp);"

/* What version 1 added to the seed's. */
#define VERSION_1_SQL                                                                                                  \
    SEED_SQL "ALTER TABLE provider_health_checks ADD COLUMN ok INTEGER;"                                               \
             "ALTER TABLE provider_health_checks ADD COLUMN reason TEXT;"                                              \
             "ALTER TABLE provider_health_checks ADD COLUMN http_status INTEGER;"                                      \
             "ALTER TABLE provider_health_checks ADD COLUMN dns_ms REAL;"                                              \
             "ALTER TABLE provider_health_checks ADD COLUMN connect_ms REAL;"                                          \
             "ALTER TABLE provider_health_checks ADD COLUMN tls_ms REAL;"                                              \
             "ALTER TABLE provider_health_checks ADD COLUMN first_byte_ms REAL;"                                       \
             "PRAGMA user_version = 1;"

struct fixture {
    char directory[64];
    char path[96];
    char error[512];
    struct store_options options;
};

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->directory, "/tmp/providerd-store-XXXXXX");
    if (mkdtemp(f->directory) == NULL)
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/provider_status.db", f->directory);
    f->options = (struct store_options){.path = f->path,
                                        .retention_ms = INT64_C(7) * 24 * 3600 * 1000,
                                        .commit_interval_ms = 10,
                                        .queue_max = 100000,
                                        .readers = 2};
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    char name[512];
    struct dirent *entry;
    DIR *directory = opendir(f->directory);
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        snprintf(name, sizeof(name), "%s/%s", f->directory, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(name) != 0)
            rmdir(name);
    }
    if (directory != NULL)
        closedir(directory);
    rmdir(f->directory);
    free(f);
    return 0;
}

static inline struct store *fixture_open(struct fixture *f)
{
    struct store *store = store_open(&f->options, f->error, sizeof(f->error));
    if (store == NULL)
        print_error("%s\n", f->error);
    assert_non_null(store);
    return store;
}

static inline struct check_record check_of(const char *provider, int64_t checked_us)
{
    struct check_record record = {.status = HEALTH_HEALTHY,
                                  .response_time_ms = 12.5,
                                  .uptime_percent = 99.5,
                                  .checked_us = checked_us,
                                  .ok = true,
                                  .counted = true,
                                  .http_status = 200,
                                  .phases = {.dns_ms = -1, .connect_ms = 1.5f, .tls_ms = 2.5f, .first_byte_ms = 8},
                                  .reason = "ok"};
    snprintf(record.provider, sizeof(record.provider), "%s", provider);
    return record;
}

static inline struct check_record deep_check_of(const char *provider, int64_t checked_us)
{
    struct check_record record = {.table = RECORD_DEEP_CHECK,
                                  .key = 2,
                                  .response_time_ms = 900,
                                  .checked_us = checked_us,
                                  .ok = true,
                                  .counted = true,
                                  .http_status = 200,
                                  .rung = "timed",
                                  .model_asked = "llama-3",
                                  .model = "llama-3-70b",
                                  .first_token_ms = 250.5,
                                  .tokens_per_second = 41.25,
                                  .tokens = 75};
    snprintf(record.provider, sizeof(record.provider), "%s", provider);
    return record;
}

/* `count` checks a millisecond apart; their order is in consecutive_failures. */
static inline void append_numbered(struct store *store, const char *provider, unsigned first, unsigned count)
{
    struct check_record record = check_of(provider, clock_wall_us());
    for (unsigned i = 0; i < count; ++i, record.checked_us += 1000) {
        record.consecutive_failures = first + i;
        store_append(store, &record);
    }
}

static inline bool report_reaches(struct store *store, bool (*reached)(const struct store_report *, uint64_t),
                                  uint64_t wanted)
{
    struct store_report report;
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    do {
        store_get_report(store, &report);
        if (reached(&report, wanted))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    } while (clock_monotonic_ms() < until);
    print_error("written %llu queued %llu dropped %llu writable %d error '%s'\n", (unsigned long long)report.written,
                (unsigned long long)report.queued, (unsigned long long)report.dropped, report.writable, report.error);
    return false;
}

static inline bool has_written(const struct store_report *report, uint64_t wanted)
{
    return report->written >= wanted;
}

static inline bool writable_is(const struct store_report *report, uint64_t wanted)
{
    return report->writable == (wanted != 0);
}

static inline sqlite3 *sql_open(const char *path)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    return handle;
}

static inline void sql_run(sqlite3 *handle, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static inline void sql_file(const char *path, const char *sql)
{
    sqlite3 *handle = sql_open(path);
    sql_run(handle, sql);
    sqlite3_close(handle);
}

/* The first column of the first row, as text. */
static inline const char *sql_text(const char *path, const char *sql, char *out, size_t out_size)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *handle = sql_open(path);
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    out[0] = '\0';
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != NULL)
        snprintf(out, out_size, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return out;
}

static inline long long sql_number(const char *path, const char *sql)
{
    char text[64];
    return atoll(sql_text(path, sql, text, sizeof(text)));
}

/* Runs `job` on the pool and waits until it has posted `done`. */
static inline void wait_for_number(const char *path, const char *sql, long long wanted)
{
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (sql_number(path, sql) != wanted && clock_monotonic_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(sql_number(path, sql), wanted);
}

static inline void run_and_wait(struct store *store, store_job_fn job, void *user, sem_t *done)
{
    assert_true(store_submit(store, job, user));
    while (sem_wait(done) != 0)
        continue;
}

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
