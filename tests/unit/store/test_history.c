#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#define INSERT_SQL "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, last_check_timestamp) "

/* Reads a provider page by page, one job a page, as an answer does. */
struct reading {
    struct store *store;
    const char *provider;
    int64_t from_us;
    struct history_cursor cursor;
    int limit;
    int got;
    int pages;
    int64_t ids[4096];
    double response_time_ms[4096];
    int64_t checked_us[4096];
    int count;
    char names[256];
    char error[256];
    sem_t done;
};

static bool note_row(const struct history_row *row, void *user)
{
    struct reading *reading = user;
    reading->ids[reading->count] = row->id;
    reading->response_time_ms[reading->count] = row->response_time_ms;
    reading->checked_us[reading->count++] = row->checked_us;
    assert_string_equal(row->provider, reading->provider);
    return true;
}

static void page_job(struct store_reader *reader, const char *error, void *user)
{
    struct reading *reading = user;
    reading->got = -1;
    if (reader == NULL)
        snprintf(reading->error, sizeof(reading->error), "%s", error);
    else
        reading->got = store_history_page(reader, &(struct history_series){.provider = reading->provider},
                                          &(struct history_range){reading->from_us, INT64_MAX}, &reading->cursor,
                                          reading->limit, note_row, reading, reading->error, sizeof(reading->error));
    sem_post(&reading->done);
}

static void read_all(struct reading *reading)
{
    do {
        run_and_wait(reading->store, page_job, reading, &reading->done);
        if (reading->got < 0)
            fail_msg("%s", reading->error);
        reading->pages += 1;
    } while (reading->got == reading->limit);
}

static struct reading *reading_new(struct store *store, const char *provider, int64_t from_us, int limit)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    reading->store = store;
    reading->provider = provider;
    reading->from_us = from_us;
    reading->limit = limit;
    sem_init(&reading->done, 0, 0);
    return reading;
}

static void reading_free(struct reading *reading)
{
    sem_destroy(&reading->done);
    free(reading);
}

static void note_name(const char *name, void *user)
{
    struct reading *reading = user;
    strcat(strcat(reading->names, name), " ");
}

static void names_job(struct store_reader *reader, const char *error, void *user)
{
    struct reading *reading = user;
    (void)error;
    reading->got =
        reader == NULL ? -1 : store_provider_names(reader, note_name, reading, reading->error, sizeof(reading->error));
    sem_post(&reading->done);
}

static int64_t time_us(const char *text)
{
    int64_t wall_us = 0;
    assert_int_equal(clock_parse_iso(text, strlen(text), &wall_us), 0);
    return wall_us;
}

static void pages_deliver_each_row_once_even_with_equal_times(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    int64_t base_us = clock_wall_us();
    for (int i = 0; i < 1000; ++i) {
        struct check_record record = check_of(i % 2 ? "p" : "q", base_us + (i / 100) * 1000);
        store_append(store, &record);
    }
    assert_true(report_reaches(store, has_written, 1000));
    for (int limit = 7; limit <= 500; limit += 493) {
        struct reading *reading = reading_new(store, "p", 0, limit);
        read_all(reading);
        assert_int_equal(reading->count, 500);
        assert_int_equal(reading->pages, 500 / limit + 1);
        for (int i = 1; i < reading->count; ++i)
            assert_true(reading->ids[i] > reading->ids[i - 1] && reading->checked_us[i] >= reading->checked_us[i - 1]);
        reading_free(reading);
    }
    struct reading *reading = reading_new(store, "p", base_us + 5000, 100);
    read_all(reading);
    assert_int_equal(reading->count, 250);
    reading_free(reading);
    assert_int_equal(store_close(store, 1000), 0);
}

static void rows_of_the_original_in_all_their_forms_are_read(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, SEED_SQL INSERT_SQL "VALUES ('p', 'healthy', NULL, '2998-11-23T08:00:00'),"
                                          "('p', 'healthy', 2, '2998-11-23 09:00:00'),"
                                          "('p', 'healthy', 3, '2998-11-23T09:00:00.5'),"
                                          "('p', 'healthy', 4, '2998-11-23 07:59:59.999'),"
                                          "('p', 'healthy', 5, '2998-11-23T07:59:59.999'),"
                                          "('p', 'healthy', 6, 'never'), ('p', 'healthy', 7, 12345),"
                                          "('p', 'healthy', 8, '2998-11-24 00:00:00')");
    struct store *store = fixture_open(f);
    for (int limit = 1; limit < 10; ++limit) {
        struct reading *reading = reading_new(store, "p", time_us("2998-11-23T08:00:00"), limit);
        read_all(reading);
        assert_int_equal(reading->count, 4);
        const int64_t expected[] = {2, 1, 3, 8};
        assert_memory_equal(reading->ids, expected, sizeof(expected));
        assert_true(reading->response_time_ms[1] == 0.0 && reading->response_time_ms[2] == 3.0);
        reading_free(reading);
    }
    assert_int_equal(store_close(store, 1000), 0);
}

static void names_come_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    struct reading *reading = reading_new(store, "", 0, 1);
    run_and_wait(store, names_job, reading, &reading->done);
    assert_int_equal(reading->got, 0);
    assert_string_equal(reading->names, "");
    append_numbered(store, "together", 0, 500);
    append_numbered(store, "groq", 0, 500);
    append_numbered(store, "g4f", 0, 1);
    assert_true(report_reaches(store, has_written, 1001));
    run_and_wait(store, names_job, reading, &reading->done);
    assert_string_equal(reading->names, "g4f groq together ");
    reading_free(reading);
    assert_int_equal(store_close(store, 1000), 0);
}

static void pages_use_the_index_and_sort_nothing(void **state)
{
    struct fixture *f = *state;
    char plan[1024] = "";
    sql_file(f->path, SEED_SQL);
    sqlite3 *handle = sql_open(f->path);
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(handle,
                                        "EXPLAIN QUERY PLAN SELECT id, status FROM provider_health_checks WHERE "
                                        "provider_name = ?1 AND (last_check_timestamp, id) > (?2, ?3) AND "
                                        "last_check_timestamp < ?4 ORDER BY last_check_timestamp, id",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW)
        strcat(plan, (const char *)sqlite3_column_text(statement, 3));
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    assert_non_null(strstr(plan, "SEARCH provider_health_checks USING INDEX idx_provider_timestamp (provider_name=?"));
    assert_null(strstr(plan, "TEMP B-TREE"));
}

static void readers_read_while_the_writer_writes(void **state)
{
    struct fixture *f = *state;
    f->options.commit_interval_ms = 0;
    struct store *store = fixture_open(f);
    int seen = 0;
    for (unsigned i = 0; i < 50; ++i) {
        append_numbered(store, "p", i * 20, 20);
        struct reading *reading = reading_new(store, "p", 0, 100);
        read_all(reading);
        assert_true(reading->count >= seen);
        seen = reading->count;
        reading_free(reading);
    }
    assert_true(report_reaches(store, has_written, 1000));
    struct reading *reading = reading_new(store, "p", 0, 100);
    read_all(reading);
    assert_int_equal(reading->count, 1000);
    reading_free(reading);
    assert_int_equal(store_close(store, 1000), 0);
}

static void a_reader_follows_a_replaced_file(void **state)
{
    struct fixture *f = *state;
    char other[128];
    f->options.readers = 4;
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 10);
    assert_true(report_reaches(store, has_written, 10));
    for (int round = 0; round < 10; ++round) {
        struct reading *reading = reading_new(store, "p", 0, 100);
        read_all(reading);
        assert_int_equal(reading->count, round == 0 ? 10 : round + 1);
        reading_free(reading);
        snprintf(other, sizeof(other), "%s/other.db", f->directory);
        sql_file(other, SEED_SQL);
        for (int i = 0; i < round + 2; ++i)
            sql_file(other, INSERT_SQL "VALUES ('p', 'healthy', 1, '2999-01-01T00:00:00')");
        assert_int_equal(rename(other, f->path), 0);
    }
    unlink(f->path);
    struct reading *reading = reading_new(store, "p", 0, 100);
    read_all(reading);
    assert_int_equal(reading->count, 0);
    reading_free(reading);
    assert_int_equal(store_close(store, 1000), 0);
}

struct waiting_jobs {
    sem_t started;
    sem_t go_on;
    atomic_int ran;
    atomic_int told_of_the_end;
};

static void blocking_job(struct store_reader *reader, const char *error, void *user)
{
    struct waiting_jobs *jobs = user;
    (void)reader;
    (void)error;
    sem_post(&jobs->started);
    sem_wait(&jobs->go_on);
}

static void counting_job(struct store_reader *reader, const char *error, void *user)
{
    struct waiting_jobs *jobs = user;
    if (reader == NULL && strcmp(error, "shutting down") == 0)
        atomic_fetch_add(&jobs->told_of_the_end, 1);
    else
        atomic_fetch_add(&jobs->ran, 1);
}

static void *let_go_soon(void *user)
{
    struct waiting_jobs *jobs = user;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* lets store_close() begin; either order passes */
    sem_post(&jobs->go_on);
    return NULL;
}

static void jobs_that_wait_at_the_end_are_told(void **state)
{
    struct fixture *f = *state;
    struct waiting_jobs jobs = {.ran = 0};
    pthread_t other;
    f->options.readers = 1;
    sem_init(&jobs.started, 0, 0);
    sem_init(&jobs.go_on, 0, 0);
    struct store *store = fixture_open(f);
    assert_true(store_submit(store, blocking_job, &jobs));
    sem_wait(&jobs.started);
    for (int i = 0; i < 100; ++i)
        assert_true(store_submit(store, counting_job, &jobs));
    assert_int_equal(pthread_create(&other, NULL, let_go_soon, &jobs), 0);
    assert_int_equal(store_close(store, 1000), 0);
    pthread_join(other, NULL);
    assert_int_equal(jobs.ran + jobs.told_of_the_end, 100);
    assert_true(jobs.told_of_the_end > 0);
    sem_destroy(&jobs.started);
    sem_destroy(&jobs.go_on);
}

static bool show_row(const struct history_row *row, void *user)
{
    struct reading *reading = user;
    size_t len = strlen(reading->names);
    snprintf(reading->names + len, sizeof(reading->names) - len, "%d %s %s %.1f %s\n", row->ok,
             row->reason != NULL ? row->reason : "-", row->error_kind != NULL ? row->error_kind : "-",
             row->rate_limit_percent, row->rate_limit != NULL ? row->rate_limit : "-");
    return true;
}

static void show_job(struct store_reader *reader, const char *error, void *user)
{
    struct reading *reading = user;
    (void)error;
    reading->names[0] = '\0';
    reading->cursor = (struct history_cursor){0};
    reading->got = reader == NULL ? -1
                                  : store_history_page(reader, &(struct history_series){.provider = reading->provider},
                                                       &(struct history_range){0, INT64_MAX}, &reading->cursor, 100,
                                                       show_row, reading, reading->error, sizeof(reading->error));
    sem_post(&reading->done);
}

static void rows_tell_why_and_what_is_left(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    struct check_record record = check_of("p", clock_wall_us() - 10000000);
    record.rate_limit = "[{\"unit\":\"requests\"}]";
    record.rate_limit_percent = 12.5;
    store_append(store, &record);
    record = check_of("p", clock_wall_us() - 5000000);
    record.counted = false;
    strcpy(record.reason, "local");
    strcpy(record.kind, "local");
    store_append(store, &record);
    assert_true(report_reaches(store, has_written, 2));
    /* Damaged, of another type, and no text at all: as good as none. */
    sql_file(f->path,
             "INSERT INTO provider_health_checks (provider_name, status, last_check_timestamp, ok, reason, error_kind,"
             " rate_limit) VALUES ('p', 'down', '2998-01-01T00:00:00', 0, 'timeout', 'timeout', '[{\"unit\":'),"
             "('p', 'down', '2998-01-01T00:00:01', 0, 'timeout', 'timeout', '{}'),"
             "('p', 'down', '2998-01-01T00:00:02', NULL, NULL, NULL, x'5b00ff')");
    struct reading *reading = reading_new(store, "p", 0, 100);
    run_and_wait(store, show_job, reading, &reading->done);
    assert_int_equal(reading->got, 5);
    assert_string_equal(reading->names, "1 ok - 12.5 [{\"unit\":\"requests\"}]\n"
                                        "-1 local local 0.0 -\n"
                                        "0 timeout timeout 0.0 -\n"
                                        "0 timeout timeout 0.0 -\n"
                                        "-1 - - 0.0 -\n");
    reading_free(reading);
    assert_int_equal(store_close(store, 1000), 0);
}

/* The same connection reads on when the writer has got at the file. */
static void rows_of_files_not_yet_extended_are_read_and_later_whole(void **state)
{
    static const char *const files[] = {SEED_SQL, VERSION_1_SQL};
    static const char *const expected[] = {"-1 - - 0.0 -\n", "-1 slow - 0.0 -\n"};
    struct fixture *f = *state;
    f->options.readers = 1;
    for (int i = 0; i < 2; ++i) {
        unlink(f->path);
        sql_file(f->path, "PRAGMA journal_mode=WAL");
        sql_file(f->path, files[i]);
        sql_file(f->path, INSERT_SQL "VALUES ('p', 'down', 3, '2998-11-23T08:00:00')");
        if (i == 1)
            sql_file(f->path, "UPDATE provider_health_checks SET reason = 'slow'");
        sqlite3 *other = sql_open(f->path);
        sql_run(other, "BEGIN IMMEDIATE");
        struct store *store = fixture_open(f);
        struct reading *reading = reading_new(store, "p", 0, 100);
        run_and_wait(store, show_job, reading, &reading->done);
        assert_string_equal(reading->names, expected[i]);
        sqlite3_close(other);
        assert_true(report_reaches(store, writable_is, true));
        sql_file(f->path, "UPDATE provider_health_checks SET error_kind = 'dns', rate_limit = '[]'");
        run_and_wait(store, show_job, reading, &reading->done);
        assert_non_null(strstr(reading->names, " dns 0.0 []\n"));
        reading_free(reading);
        assert_int_equal(store_close(store, 1000), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(pages_deliver_each_row_once_even_with_equal_times),
        STORE_TEST(rows_of_the_original_in_all_their_forms_are_read),
        STORE_TEST(names_come_once_and_in_order),
        STORE_TEST(pages_use_the_index_and_sort_nothing),
        STORE_TEST(readers_read_while_the_writer_writes),
        STORE_TEST(a_reader_follows_a_replaced_file),
        STORE_TEST(jobs_that_wait_at_the_end_are_told),
        STORE_TEST(rows_tell_why_and_what_is_left),
        STORE_TEST(rows_of_files_not_yet_extended_are_read_and_later_whole),
    };
    return cmocka_run_group_tests_name("store history", tests, NULL, NULL);
}
