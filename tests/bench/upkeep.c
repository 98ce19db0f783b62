/* upkeep: how long a check waits for its commit, and a reader for its answer, while the writer keeps the store tidy.
 *
 *     upkeep DIRECTORY [PROVIDERS [DAYS]]
 *
 * Fills a database in DIRECTORY with DAYS (7) of checks of PROVIDERS (1000), one each five minutes, then opens the
 * store on it and measures in three stretches: while all of it is rolled up, while there is nothing to do, and while
 * the retention is cut to a seventh, rows are deleted and space is given back. All the while a check is appended each
 * 5 ms, whatever became of the last (an open loop: a stall counts for every check that it holds up), to be committed at
 * once, and a reader asks for the last 24 hours of one provider after another.
 */
#include "base/clock.h"
#include "store/reader.h"

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    CHECK_EVERY_S = 300,
    APPEND_EVERY_US = 5000,
    LOOK_EVERY_US = 200,
    READ_PAUSE_US = 5000,
    IDLE_S = 15,
    STRETCH_MAX_S = 900,
    PAGE_ROWS = 500,
};

static const int64_t DAY_MS = INT64_C(86400) * 1000;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "upkeep: %s: %s\n", what, why);
    exit(1);
}

static void pause_us(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* -- samples -- */

struct samples {
    double *ms; /* owned */
    size_t count;
    size_t capacity;
};

static void samples_add(struct samples *samples, double ms)
{
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity != 0 ? samples->capacity * 2 : 4096;
        samples->ms = realloc(samples->ms, samples->capacity * sizeof(*samples->ms));
        if (samples->ms == NULL)
            die("samples", "out of memory");
    }
    samples->ms[samples->count++] = ms;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at_rank(const struct samples *samples, double share)
{
    return samples->ms[(size_t)((double)(samples->count - 1) * share)];
}

static void samples_print(struct samples *samples, const char *what)
{
    if (samples->count == 0)
        return;
    qsort(samples->ms, samples->count, sizeof(*samples->ms), by_value);
    printf("    %-8s %7zu   p50 %7.2f   p99 %7.2f   p99.9 %7.2f   max %7.2f ms\n", what, samples->count,
           at_rank(samples, 0.5), at_rank(samples, 0.99), at_rank(samples, 0.999), at_rank(samples, 1));
    samples->count = 0;
}

/* -- the database -- */

struct bench {
    char path[512];
    int providers;
    int days;
    struct store *store;
    sqlite3 *look; /* a connection of our own */
    struct samples commits;
    struct samples reads;
    uint64_t *appended_us; /* owned, a ring */
    uint64_t appended;
    uint64_t committed;
    atomic_bool stop; /* for the reader */
};

enum { RING = 1 << 20 };

static int64_t number(struct bench *bench, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(bench->look, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void open_store(struct bench *bench)
{
    char error[512];
    struct store_options options = {.path = bench->path,
                                    .retention_ms = (bench->days + 1) * DAY_MS,
                                    .commit_interval_ms = 0,
                                    .queue_max = 100000,
                                    .readers = 2};
    bench->store = store_open(&options, error, sizeof(error));
    if (bench->store == NULL)
        die("store", error);
}

static void insert_rows(struct bench *bench, int64_t from_us)
{
    static const char insert[] =
        "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
        " rate_limit_percent, last_check_timestamp, error_message, ok, reason, http_status, error_kind)"
        " VALUES (?1, ?2, ?3, 99.5, 0.0, ?4, '', ?5, ?6, ?7, ?8)";
    sqlite3_stmt *statement = NULL;
    char name[32], time[CLOCK_ISO_MAX];
    int rounds = bench->days * 86400 / CHECK_EVERY_S;
    if (sqlite3_prepare_v2(bench->look, insert, -1, &statement, NULL) != SQLITE_OK)
        die("insert", sqlite3_errmsg(bench->look));
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < bench->providers; ++i) {
            bool failed = (round * 31 + i * 17) % 97 == 0;
            int64_t at_us = from_us + round * INT64_C(1000000) * CHECK_EVERY_S +
                            (int64_t)i * CHECK_EVERY_S * 1000000 / bench->providers;
            snprintf(name, sizeof(name), "provider_%04d", i);
            clock_format_sql(at_us, time);
            sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
            sqlite3_bind_text(statement, 2, failed ? "degraded" : "healthy", -1, SQLITE_STATIC);
            sqlite3_bind_double(statement, 3, 50 + (round * 7919 + i * 104729) % 4001 / 10.0);
            sqlite3_bind_text(statement, 4, time, -1, SQLITE_STATIC);
            sqlite3_bind_int(statement, 5, !failed);
            sqlite3_bind_text(statement, 6, failed ? "server_error" : "ok", -1, SQLITE_STATIC);
            sqlite3_bind_int(statement, 7, failed ? 503 : 200);
            sqlite3_bind_text(statement, 8, failed ? "server_error" : "", -1, SQLITE_STATIC);
            sqlite3_step(statement);
            if (sqlite3_reset(statement) != SQLITE_OK)
                die("insert", sqlite3_errmsg(bench->look));
        }
    }
    sqlite3_finalize(statement);
}

/* The store makes the tables, plain SQL the rows: they are as those of an older version, not rolled up. */
static void fill(struct bench *bench)
{
    uint64_t began_us = clock_monotonic_us();
    open_store(bench);
    store_close(bench->store, 5000);
    if (sqlite3_open(bench->path, &bench->look) != SQLITE_OK)
        die(bench->path, sqlite3_errmsg(bench->look));
    sqlite3_busy_timeout(bench->look, 5000);
    sqlite3_exec(bench->look, "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN", NULL, NULL, NULL);
    insert_rows(bench, clock_wall_us() - bench->days * DAY_MS * 1000);
    if (sqlite3_exec(bench->look, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA cache_size = -2000", NULL, NULL,
                     NULL) != SQLITE_OK)
        die("fill", sqlite3_errmsg(bench->look));
    printf("%lld rows of %d providers in %.1f s\n",
           (long long)number(bench, "SELECT count(*) FROM provider_health_checks"), bench->providers,
           (double)(clock_monotonic_us() - began_us) / 1e6);
}

/* -- the reader -- */

struct question {
    char provider[32];
    int64_t from_us;
    int rows;
    sem_t done;
};

static bool on_row(const struct history_row *row, void *user)
{
    (void)row;
    (void)user;
    return true;
}

static void answer(struct store_reader *reader, const char *reason, void *user)
{
    struct question *question = user;
    struct history_cursor cursor = {"", 0};
    char error[256];
    if (reader == NULL)
        die("reader", reason);
    question->rows = store_history_page(reader, &(struct history_series){.provider = question->provider},
                                        &(struct history_range){question->from_us, INT64_MAX}, &cursor, PAGE_ROWS,
                                        on_row, NULL, error, sizeof(error));
    if (question->rows < 0)
        die("history", error);
    sem_post(&question->done);
}

static void *read_on(void *user)
{
    struct bench *bench = user;
    struct question question;
    sem_init(&question.done, 0, 0);
    for (int i = 0; !atomic_load(&bench->stop); ++i) {
        uint64_t began_us = clock_monotonic_us();
        snprintf(question.provider, sizeof(question.provider), "provider_%04d", i * 37 % bench->providers);
        question.from_us = clock_wall_us() - DAY_MS * 1000;
        if (!store_submit(bench->store, answer, &question))
            die("reader", "the pool took no job");
        while (sem_wait(&question.done) != 0)
            continue;
        samples_add(&bench->reads, (double)(clock_monotonic_us() - began_us) / 1000);
        pause_us(READ_PAUSE_US);
    }
    sem_destroy(&question.done);
    return NULL;
}

/* -- measuring -- */

static void append_one(struct bench *bench)
{
    struct check_record record = {.status = HEALTH_HEALTHY,
                                  .response_time_ms = 120,
                                  .uptime_percent = 100,
                                  .checked_us = clock_wall_us(),
                                  .ok = true,
                                  .counted = true,
                                  .http_status = 200,
                                  .reason = "ok"};
    snprintf(record.provider, sizeof(record.provider), "provider_%04d", (int)(bench->appended % 1000));
    bench->appended_us[bench->appended++ % RING] = clock_monotonic_us();
    store_append(bench->store, &record);
}

static void note_commits(struct bench *bench)
{
    struct store_report report;
    store_get_report(bench->store, &report);
    uint64_t now_us = clock_monotonic_us();
    if (!report.writable)
        die("store", report.error);
    for (; bench->committed < report.written; ++bench->committed)
        samples_add(&bench->commits, (double)(now_us - bench->appended_us[bench->committed % RING]) / 1000);
}

typedef bool (*stretch_over_fn)(struct bench *bench, double seconds);

static void measure(struct bench *bench, const char *what, stretch_over_fn over)
{
    pthread_t reader;
    struct stat status;
    uint64_t began_us = clock_monotonic_us(), append_at_us = began_us, look_at_us = began_us;
    double seconds = 0;
    atomic_store(&bench->stop, false);
    pthread_create(&reader, NULL, read_on, bench);
    for (bool ended = false; !ended && seconds < STRETCH_MAX_S;) {
        uint64_t now_us = clock_monotonic_us();
        seconds = (double)(now_us - began_us) / 1e6;
        for (; append_at_us <= now_us; append_at_us += APPEND_EVERY_US)
            append_one(bench);
        note_commits(bench);
        if (now_us >= look_at_us) {
            ended = over(bench, seconds);
            look_at_us = now_us + 200000;
        }
        pause_us(LOOK_EVERY_US);
    }
    atomic_store(&bench->stop, true);
    pthread_join(reader, NULL);
    while (bench->committed < bench->appended) {
        note_commits(bench);
        pause_us(LOOK_EVERY_US);
    }
    stat(bench->path, &status);
    printf("%s: %.1f s; the file has %.1f MB\n", what, seconds, (double)status.st_size / 1e6);
    samples_print(&bench->commits, "commit");
    samples_print(&bench->reads, "reader");
    fflush(stdout);
}

static bool all_rolled_up(struct bench *bench, double seconds)
{
    (void)seconds;
    return number(bench, "SELECT last_id FROM provider_rollup_marks WHERE table_name = 'provider_health_checks'") >=
           (int64_t)bench->providers * bench->days * (86400 / CHECK_EVERY_S);
}

static bool idle_long_enough(struct bench *bench, double seconds)
{
    (void)bench;
    return seconds >= IDLE_S;
}

/* The oldest row is young, and little of the file is free (see retention.c). */
static bool all_given_back(struct bench *bench, double seconds)
{
    char sql[256], young[CLOCK_ISO_MAX];
    (void)seconds;
    clock_format_sql(clock_wall_us() - bench->days * DAY_MS / 7 * 1000 - INT64_C(120) * 1000000, young);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM (SELECT last_check_timestamp AS t FROM provider_health_checks ORDER BY id LIMIT 1)"
             " WHERE t >= '%s'",
             young);
    int64_t free_pages = number(bench, "PRAGMA freelist_count");
    return number(bench, sql) == 1 && (free_pages < 1024 || free_pages <= number(bench, "PRAGMA page_count") / 4);
}

int main(int argc, char **argv)
{
    struct bench bench = {.providers = argc > 2 ? atoi(argv[2]) : 1000, .days = argc > 3 ? atoi(argv[3]) : 7};
    if (argc < 2 || bench.providers < 1 || bench.days < 2) {
        fputs("usage: upkeep DIRECTORY [PROVIDERS [DAYS]]\n", stderr);
        return 2;
    }
    snprintf(bench.path, sizeof(bench.path), "%s/upkeep.db", argv[1]);
    bench.appended_us = calloc(RING, sizeof(*bench.appended_us));
    if (access(bench.path, F_OK) == 0 || bench.appended_us == NULL)
        die(bench.path, "is there already");
    fill(&bench);
    open_store(&bench);
    measure(&bench, "rolling all of it up", all_rolled_up);
    measure(&bench, "nothing to do", idle_long_enough);
    store_configure(bench.store, &(struct store_options){.retention_ms = bench.days * DAY_MS / 7});
    measure(&bench, "deleting six sevenths and giving space back", all_given_back);
    printf("rows left: %lld; sums: %lld\n", (long long)number(&bench, "SELECT count(*) FROM provider_health_checks"),
           (long long)number(&bench, "SELECT count(*) FROM provider_rollups"));
    sqlite3_close(bench.look);
    store_close(bench.store, 5000);
    free(bench.appended_us);
    free(bench.commits.ms);
    free(bench.reads.ms);
    return 0;
}
