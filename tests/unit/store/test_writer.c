#include "fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char count_sql[] = "SELECT count(*) FROM provider_health_checks";
/* Rows whose number is not one more than that of the row before. */
static const char disorder_sql[] = "SELECT count(*) FROM (SELECT consecutive_failures - lag(consecutive_failures) OVER "
                                   "(ORDER BY id) AS step FROM provider_health_checks) WHERE step <> 1";

static struct store_report report_of(struct store *store)
{
    struct store_report report;
    store_get_report(store, &report);
    return report;
}

static void checks_become_rows_with_all_their_texts(void **state)
{
    struct fixture *f = *state;
    char text[600];
    struct store *store = fixture_open(f);
    struct check_record record = check_of("groq", INT64_C(1795422134217175));
    record.status = HEALTH_DOWN;
    record.ok = false;
    record.http_status = 0;
    strcpy(record.reason, "timeout");
    memset(record.error_message, 'e', sizeof(record.error_message) - 1);
    store_append(store, &record);
    assert_true(report_reaches(store, has_written, 1));
    assert_true(report_of(store).last_commit_us > 0);
    assert_int_equal(store_close(store, 1000), 0);
    assert_string_equal(sql_text(f->path, "SELECT error_message FROM provider_health_checks", text, sizeof(text)),
                        record.error_message);
    assert_string_equal(sql_text(f->path,
                                 "SELECT provider_name || status || reason || ok || coalesce(http_status, 'none') || "
                                 "last_check_timestamp FROM provider_health_checks",
                                 text, sizeof(text)),
                        "groqdowntimeout0none2026-11-23T08:22:14.217175");
}

static void each_table_gets_its_rows_with_all_that_is_known(void **state)
{
    struct fixture *f = *state;
    char text[600];
    const int64_t checked_us = INT64_C(1795422134217175);
    struct store *store = fixture_open(f);
    struct check_record record = check_of("groq", checked_us);
    record.key = 3;
    record.rate_limit = "[{\"unit\":\"requests\"}]";
    record.status = HEALTH_DEGRADED;
    strcpy(record.kind, "rate");
    store_append(store, &record);
    record.table = RECORD_KEY_CHECK;
    record.counted = false;
    store_append(store, &record);
    record = deep_check_of("groq", checked_us);
    store_append(store, &record);
    record = (struct check_record){.table = RECORD_DEEP_CHECK, .counted = true, .first_token_ms = -1};
    record.tokens_per_second = -1;
    strcpy(record.provider, "bare");
    store_append(store, &record);
    assert_true(report_reaches(store, has_written, 4));
    assert_int_equal(store_close(store, 1000), 0);
    assert_string_equal(sql_text(f->path,
                                 "SELECT provider_name || '|' || key || '|' || status || '|' || ok || '|' || error_kind"
                                 " || '|' || rate_limit FROM provider_health_checks",
                                 text, sizeof(text)),
                        "groq|3|degraded|1|rate|[{\"unit\":\"requests\"}]");
    assert_string_equal(
        sql_text(f->path,
                 "SELECT provider_name || '|' || key || '|' || status || '|' || ifnull(ok, '-') || '|' ||"
                 " response_time_ms || '|' || rate_limit_percent || '|' || rate_limit || '|' || last_check_timestamp ||"
                 " '|' || error_message || '|' || consecutive_failures || '|' || reason || '|' || error_kind || '|' ||"
                 " http_status FROM provider_key_checks",
                 text, sizeof(text)),
        "groq|3|degraded|-|12.5|0.0|[{\"unit\":\"requests\"}]|2026-11-23T08:22:14.217175||0|ok|rate|200");
    assert_string_equal(
        sql_text(f->path,
                 "SELECT provider_name || '|' || key || '|' || rung || '|' || ok || '|' || ifnull(error_kind, '-') ||"
                 " '|' || error_message || '|' || model_asked || '|' || model || '|' || first_token_ms || '|' ||"
                 " tokens_per_second || '|' || tokens || '|' || response_time_ms || '|' || http_status || '|' ||"
                 " last_check_timestamp FROM provider_deep_checks WHERE id = 1",
                 text, sizeof(text)),
        "groq|2|timed|1|-||llama-3|llama-3-70b|250.5|41.25|75|900.0|200|2026-11-23T08:22:14.217175");
    assert_string_equal(sql_text(f->path,
                                 "SELECT ok || error_message || tokens || coalesce(key, rung, error_kind, model_asked,"
                                 " model, first_token_ms, tokens_per_second, http_status, '-') FROM"
                                 " provider_deep_checks WHERE id = 2",
                                 text, sizeof(text)),
                        "00-");
}

/* The longest of all texts, of every length up to one that is left out, over many chunks. */
static void rows_of_every_length_come_out_as_they_went_in(void **state)
{
    enum { STEP = 17, ROWS = RECORD_RATE_LIMIT_MAX / STEP + 5 };
    struct fixture *f = *state;
    char *limits = malloc(RECORD_RATE_LIMIT_MAX + 10 * STEP);
    f->options.commit_interval_ms = 3600 * 1000;
    struct store *store = fixture_open(f);
    for (unsigned i = 0; i < ROWS; ++i) {
        struct check_record record = deep_check_of("p", clock_wall_us() + i);
        record.table = i % 3;
        record.consecutive_failures = i;
        record.tokens = i;
        memset(record.provider, 'p', sizeof(record.provider) - 1);
        memset(record.error_message, 'e', sizeof(record.error_message) - 1);
        memset(record.model_asked, 'a', sizeof(record.model_asked) - 1);
        memset(record.model, 'm', sizeof(record.model) - 1);
        memset(limits, '[', i * STEP);
        limits[i * STEP] = '\0';
        record.rate_limit = limits;
        store_append(store, &record);
    }
    assert_int_equal(store_close(store, 10000), 0);
    free(limits);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE length(provider_name) = 63 "
                                         "AND length(error_message) = 511 AND ifnull(length(rate_limit), 0) = "
                                         "consecutive_failures * 17 * (consecutive_failures * 17 < 16384)"),
                     (ROWS + 2) / 3);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_key_checks WHERE ifnull(length(rate_limit), 0) "
                                         "= consecutive_failures * 17 * (consecutive_failures * 17 < 16384)"),
                     (ROWS + 1) / 3);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_deep_checks WHERE length(model) = 127 AND "
                                         "length(model_asked) = 127 AND rung = 'timed' AND first_token_ms = 250.5"),
                     ROWS / 3);
}

static void checks_of_one_interval_are_committed_together(void **state)
{
    struct fixture *f = *state;
    f->options.commit_interval_ms = 300;
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 100);
    assert_int_equal(report_of(store).written, 0);
    assert_int_equal(report_of(store).queued, 100);
    uint64_t began = clock_monotonic_ms();
    assert_true(report_reaches(store, has_written, 1));
    assert_int_equal(report_of(store).written, 100);
    assert_true(clock_monotonic_ms() - began >= 200);
    assert_int_equal(store_close(store, 1000), 0);
}

static void closing_writes_what_is_queued_at_once(void **state)
{
    struct fixture *f = *state;
    f->options.commit_interval_ms = 3600 * 1000;
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 30000);
    assert_int_equal(store_close(store, 10000), 0);
    assert_int_equal(sql_number(f->path, count_sql), 30000);
    assert_int_equal(sql_number(f->path, disorder_sql), 0);
}

static void a_short_interval_of_zero_commits_without_waiting(void **state)
{
    struct fixture *f = *state;
    f->options.commit_interval_ms = 0;
    struct store *store = fixture_open(f);
    for (unsigned i = 0; i < 20; ++i) {
        append_numbered(store, "p", i, 1);
        assert_true(report_reaches(store, has_written, i + 1));
    }
    assert_int_equal(store_close(store, 1000), 0);
}

static void a_half_full_queue_is_written_before_its_time(void **state)
{
    struct fixture *f = *state;
    f->options.commit_interval_ms = 3600 * 1000;
    f->options.queue_max = 1000;
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 501);
    assert_true(report_reaches(store, has_written, 501));
    assert_int_equal(store_close(store, 1000), 0);
}

static void checks_wait_while_another_process_locks_and_are_written_in_order(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN EXCLUSIVE");
    append_numbered(store, "p", 0, 5000);
    assert_true(report_reaches(store, writable_is, false));
    struct store_report report = report_of(store);
    assert_true(report.failing_since_us > 0);
    assert_non_null(strstr(report.error, "locked"));
    append_numbered(store, "p", 5000, 5000);
    assert_int_equal(report_of(store).queued, 10000);
    sql_run(other, "ROLLBACK");
    sqlite3_close(other);
    assert_true(report_reaches(store, has_written, 10000));
    report = report_of(store);
    assert_true(report.writable && report.failing_since_us == 0 && report.error[0] == '\0' && report.dropped == 0);
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, count_sql), 10000);
    assert_int_equal(sql_number(f->path, disorder_sql), 0);
}

static void closing_a_locked_database_keeps_to_its_time_and_tells_what_is_lost(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN EXCLUSIVE");
    append_numbered(store, "p", 0, 10);
    uint64_t began = clock_monotonic_ms();
    assert_int_equal(store_close(store, 300), 10);
    assert_true(clock_monotonic_ms() - began < 2000);
    sqlite3_close(other);
}

static void a_database_locked_from_the_start_is_used_once_it_is_free(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, SEED_SQL);
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN EXCLUSIVE");
    struct store *store = fixture_open(f);
    assert_false(report_of(store).writable);
    append_numbered(store, "p", 0, 10);
    sql_run(other, "COMMIT");
    sqlite3_close(other);
    assert_true(report_reaches(store, has_written, 10));
    assert_int_equal(store_close(store, 1000), 0);
}

static void a_full_queue_rolls_up_the_oldest_and_counts(void **state)
{
    struct fixture *f = *state;
    f->options.queue_max = 1000;
    struct store *store = fixture_open(f);
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN EXCLUSIVE");
    append_numbered(store, "p", 0, 5000);
    struct store_report report = report_of(store);
    assert_int_equal(report.queued, 1000);
    assert_int_equal(report.rolled_up, 4000);
    assert_int_equal(report.dropped, 0);
    sql_run(other, "ROLLBACK");
    sqlite3_close(other);
    assert_true(report_reaches(store, has_written, 1000));
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, "SELECT min(consecutive_failures) FROM provider_health_checks"), 4000);
    assert_int_equal(sql_number(f->path, count_sql), 1000);
    /* What was rolled up for want of room, and what was rolled up because it had become rows. */
    assert_int_equal(sql_number(f->path, "SELECT sum(checks) FROM provider_rollups WHERE span = 3600 AND "
                                         "provider_name = 'p'") +
                         sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE id > ifnull((SELECT "
                                             "last_id FROM provider_rollup_marks WHERE table_name = "
                                             "'provider_health_checks'), 0)"),
                     5000);
}

static void a_full_disk_keeps_the_checks_until_there_is_room(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, small;
    struct stat status;
    signal(SIGXFSZ, SIG_IGN);
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 100);
    assert_true(report_reaches(store, has_written, 100));
    char wal[128];
    snprintf(wal, sizeof(wal), "%s-wal", f->path);
    assert_int_equal(stat(wal, &status), 0);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = (rlim_t)status.st_size + 1000;
    setrlimit(RLIMIT_FSIZE, &small);
    append_numbered(store, "p", 100, 4900);
    bool failed = report_reaches(store, writable_is, false);
    struct store_report report = report_of(store);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_true(failed);
    assert_int_equal(report.written + report.queued, 5000);
    assert_true(report.error[0] != '\0');
    assert_true(report_reaches(store, has_written, 5000));
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, count_sql), 5000);
    assert_int_equal(sql_number(f->path, disorder_sql), 0);
}

static void a_deleted_file_is_created_anew(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 100);
    assert_true(report_reaches(store, has_written, 100));
    assert_int_equal(unlink(f->path), 0);
    append_numbered(store, "p", 100, 100);
    assert_true(report_reaches(store, has_written, 200));
    assert_int_equal(sql_number(f->path, "SELECT min(consecutive_failures) FROM provider_health_checks"), 100);
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, count_sql), 100);
}

static void a_replaced_file_is_taken_over(void **state)
{
    struct fixture *f = *state;
    char other[128];
    snprintf(other, sizeof(other), "%s/other.db", f->directory);
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 10);
    assert_true(report_reaches(store, has_written, 10));
    sql_file(other, SEED_SQL "INSERT INTO provider_health_checks (provider_name, status, last_check_timestamp) VALUES "
                             "('old', 'healthy', '2099-01-01T00:00:00')");
    assert_int_equal(rename(other, f->path), 0);
    append_numbered(store, "p", 10, 10);
    assert_true(report_reaches(store, has_written, 20));
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, count_sql), 11);
}

static void a_file_moved_away_takes_all_its_rows_along(void **state)
{
    struct fixture *f = *state;
    char moved[128], text[64];
    snprintf(moved, sizeof(moved), "%s/moved.db", f->directory);
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 50);
    assert_true(report_reaches(store, has_written, 50));
    assert_int_equal(rename(f->path, moved), 0);
    append_numbered(store, "p", 50, 30);
    assert_true(report_reaches(store, has_written, 80));
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(moved, count_sql), 50);
    assert_string_equal(sql_text(moved, "PRAGMA integrity_check", text, sizeof(text)), "ok");
    assert_int_equal(sql_number(f->path, count_sql), 30);
}

static void a_row_that_the_table_refuses_holds_up_no_other(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, SEED_SQL "CREATE TRIGGER picky BEFORE INSERT ON provider_health_checks WHEN "
                               "new.consecutive_failures = 3 BEGIN SELECT raise(ABORT, 'no'); END");
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 6);
    assert_true(report_reaches(store, has_written, 5));
    assert_int_equal(report_of(store).dropped, 1);
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, count_sql), 5);
}

/* The child tells through a pipe how many checks its store reported as written, until it is killed. */
static void write_until_killed(const struct fixture *f, int out)
{
    char error[256];
    struct store *store = store_open(&f->options, error, sizeof(error));
    uint64_t told = 0;
    for (unsigned i = 0; store != NULL; ++i) {
        struct check_record record = check_of("p", clock_wall_us());
        struct store_report report;
        record.consecutive_failures = i;
        store_append(store, &record);
        store_get_report(store, &report);
        if (report.written != told) {
            told = report.written;
            if (write(out, &told, sizeof(told)) != sizeof(told))
                break;
        }
    }
    _exit(1);
}

static void a_killed_writer_leaves_a_sound_database_with_all_that_was_reported(void **state)
{
    struct fixture *f = *state;
    char text[64];
    f->options.commit_interval_ms = 0;
    for (int round = 0; round < 3; ++round) {
        int ends[2];
        uint64_t told = 0, last = 0;
        long long before = round == 0 ? 0 : sql_number(f->path, count_sql);
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            write_until_killed(f, ends[1]);
        }
        close(ends[1]);
        while (last < 3000 && read(ends[0], &told, sizeof(told)) == sizeof(told))
            last = told;
        kill(child, SIGKILL);
        while (read(ends[0], &told, sizeof(told)) == sizeof(told))
            last = told;
        close(ends[0]);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_true(last >= 3000);
        assert_string_equal(sql_text(f->path, "PRAGMA integrity_check", text, sizeof(text)), "ok");
        assert_true(sql_number(f->path, count_sql) - before >= (long long)last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_killed_writer_leaves_a_sound_database_with_all_that_was_reported), /* forks: before any thread */
        STORE_TEST(checks_become_rows_with_all_their_texts),
        STORE_TEST(each_table_gets_its_rows_with_all_that_is_known),
        STORE_TEST(rows_of_every_length_come_out_as_they_went_in),
        STORE_TEST(checks_of_one_interval_are_committed_together),
        STORE_TEST(closing_writes_what_is_queued_at_once),
        STORE_TEST(a_short_interval_of_zero_commits_without_waiting),
        STORE_TEST(a_half_full_queue_is_written_before_its_time),
        STORE_TEST(checks_wait_while_another_process_locks_and_are_written_in_order),
        STORE_TEST(closing_a_locked_database_keeps_to_its_time_and_tells_what_is_lost),
        STORE_TEST(a_database_locked_from_the_start_is_used_once_it_is_free),
        STORE_TEST(a_full_queue_rolls_up_the_oldest_and_counts),
        STORE_TEST(a_full_disk_keeps_the_checks_until_there_is_room),
        STORE_TEST(a_deleted_file_is_created_anew),
        STORE_TEST(a_replaced_file_is_taken_over),
        STORE_TEST(a_file_moved_away_takes_all_its_rows_along),
        STORE_TEST(a_row_that_the_table_refuses_holds_up_no_other),
    };
    return cmocka_run_group_tests_name("store writer", tests, NULL, NULL);
}
