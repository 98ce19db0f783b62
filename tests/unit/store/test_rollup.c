/* Rollups: every check once, in the sums of its hour; old hours into days; incidents beside them. */
#include "fixture.h"
#include "health/tally.h"
#include "store/rollup.h"

static const int64_t HOUR_US = INT64_C(3600) * 1000000;

/* -- looking -- */

/* Of the rows that the condition selects. */
static struct tally tally_of(const char *path, const char *where)
{
    char sql[512];
    struct tally tally = TALLY_EMPTY;
    sqlite3_stmt *statement = NULL;
    sqlite3 *handle = sql_open(path);
    snprintf(sql, sizeof(sql), "SELECT tally FROM provider_rollups WHERE %s", where);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW)
        assert_true(
            tally_merge_packed(&tally, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0)));
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return tally;
}

static long long mark_of(const char *path, const char *table)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT last_id FROM provider_rollup_marks WHERE table_name = '%s'", table);
    return sql_number(path, sql);
}

static void wait_for_mark(const char *path, const char *table, long long wanted)
{
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (mark_of(path, table) < wanted && clock_monotonic_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(mark_of(path, table), wanted);
}

/* Rolls up whatever there is. */
static void roll_up(struct fixture *f, long long checks)
{
    struct store *store = fixture_open(f);
    wait_for_mark(f->path, "provider_health_checks", checks);
    assert_int_equal(store_close(store, 1000), 0);
}

/* -- checks -- */

/* A past with every sort of check in it: two providers, three hours, failures, checks that do not count. */
static void append_past(struct store *store, int64_t from_us, int count)
{
    for (int i = 0; i < count; ++i) {
        struct check_record record = check_of(i % 2 == 0 ? "even" : "odd", from_us + i * (3 * HOUR_US / count));
        record.response_time_ms = 10 + i * 7 % 900;
        if (i % 11 == 0) {
            record.ok = false;
            record.status = HEALTH_DOWN;
            strcpy(record.kind, i % 22 == 0 ? "timeout" : "server_error");
        } else if (i % 13 == 0) {
            record.counted = record.ok = false;
            record.status = HEALTH_UNKNOWN;
            strcpy(record.kind, "local");
        }
        store_append(store, &record);
    }
}

/* What the rows say in sum, by SQL. */
static void assert_like_rows(const char *path, const char *name, int64_t start_s, int64_t span_s)
{
    char where[256], sql[768], from[CLOCK_ISO_MAX], to[CLOCK_ISO_MAX], rows[256], sums[256];
    bool all = strcmp(name, "*") == 0;
    clock_format_sql(start_s * 1000000, from);
    clock_format_sql((start_s + span_s) * 1000000, to);
    snprintf(where, sizeof(where), "%s AND last_check_timestamp >= '%s' AND last_check_timestamp < '%s'",
             all                         ? "1"
             : strcmp(name, "even") == 0 ? "provider_name = 'even'"
                                         : "provider_name = 'odd'",
             from, to);
    snprintf(sql, sizeof(sql),
             "SELECT count(ok) || ' ' || ifnull(sum(ok), 0) || ' ' || (count(*) - count(ok)) || ' ' ||"
             " ifnull(printf('%%.3f', min(CASE WHEN ok THEN response_time_ms END)), '-') || ' ' ||"
             " ifnull(printf('%%.3f', avg(CASE WHEN ok THEN response_time_ms END)), '-') || ' ' ||"
             " ifnull(printf('%%.3f', max(CASE WHEN ok THEN response_time_ms END)), '-')"
             " FROM provider_health_checks WHERE %s",
             where);
    sql_text(path, sql, rows, sizeof(rows));
    snprintf(
        sql, sizeof(sql),
        "SELECT sum(checks) || ' ' || sum(up) || ' ' || sum(uncounted - 0) || ' ' ||"
        " ifnull(printf('%%.3f', min(latency_min_ms)), '-') || ' ' ||"
        " ifnull(printf('%%.3f', latency_mean_ms), '-') || ' ' || ifnull(printf('%%.3f', max(latency_max_ms)), '-')"
        " FROM provider_rollups WHERE span = %lld AND provider_name = '%s' AND key = 0 AND model = '' AND"
        " start = %lld",
        (long long)span_s, name, (long long)start_s);
    assert_string_equal(sql_text(path, sql, sums, sizeof(sums)), rows);
}

static struct incident_record incident_of(const char *provider, unsigned key, int64_t started_us, int64_t ended_us,
                                          unsigned lost)
{
    struct incident_record record = {.key = key,
                                     .started_us = started_us,
                                     .ended_us = ended_us,
                                     .checks_lost = lost,
                                     .kind = "timeout",
                                     .first_error = "nobody answered"};
    snprintf(record.provider, sizeof(record.provider), "%s", provider);
    return record;
}

static int64_t hours_ago(int hours)
{
    int64_t now_us = clock_wall_us();
    return now_us - now_us % HOUR_US - hours * HOUR_US;
}

static void every_hour_says_what_its_rows_say(void **state)
{
    struct fixture *f = *state;
    int64_t from_us = hours_ago(5);
    struct store *store = fixture_open(f);
    append_past(store, from_us, 5000);
    assert_int_equal(store_close(store, 5000), 0);
    roll_up(f, 5000);
    for (int hour = 0; hour < 3; ++hour) {
        int64_t start_s = from_us / 1000000 + hour * 3600;
        assert_like_rows(f->path, "even", start_s, 3600);
        assert_like_rows(f->path, "odd", start_s, 3600);
        assert_like_rows(f->path, "*", start_s, 3600);
        assert_like_rows(f->path, "*", start_s + 1200, 600);
    }
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_rollups"), 3 * 3 + 18);
    struct tally even = tally_of(f->path, "provider_name = 'even'");
    long long timeouts =
        sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE error_kind = 'timeout'");
    assert_int_equal(even.kind_count, 1);
    assert_string_equal(even.kinds[0].name, "timeout");
    assert_int_equal(even.kinds[0].count, timeouts);
    tally_dispose(&even);
}

static void rows_that_come_later_are_added_and_none_counts_twice(void **state)
{
    struct fixture *f = *state;
    int64_t from_us = hours_ago(4);
    for (int round = 1; round <= 4; ++round) {
        struct store *store = fixture_open(f);
        append_past(store, from_us, 600);
        assert_int_equal(store_close(store, 5000), 0);
        roll_up(f, round * 600);
        roll_up(f, round * 600); /* once more, with nothing new */
        for (int hour = 0; hour < 3; ++hour)
            assert_like_rows(f->path, "odd", from_us / 1000000 + hour * 3600, 3600);
    }
}

static void keys_and_models_have_rows_of_their_own(void **state)
{
    struct fixture *f = *state;
    int64_t at_us = hours_ago(2);
    struct store *store = fixture_open(f);
    for (int i = 0; i < 10; ++i) {
        struct check_record key = check_of("p", at_us), deep = deep_check_of("p", at_us);
        key.table = RECORD_KEY_CHECK;
        key.key = 1 + (unsigned)i % 2;
        store_append(store, &key);
        if (i % 5 == 0) {
            deep.ok = false;
            deep.first_token_ms = deep.tokens_per_second = -1;
            strcpy(deep.kind, "model_gone");
        }
        store_append(store, &deep);
    }
    assert_int_equal(store_close(store, 5000), 0);
    store = fixture_open(f);
    wait_for_mark(f->path, "provider_deep_checks", 10);
    wait_for_mark(f->path, "provider_key_checks", 10);
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, "SELECT checks FROM provider_rollups WHERE key = 2 AND model = ''"), 5);
    struct tally model = tally_of(f->path, "key = 0 AND model = 'llama-3'"),
                 own = tally_of(f->path, "key = 0 AND model = ''");
    assert_true(model.checks == 10 && model.up == 8 && model.kinds[0].count == 2);
    assert_true(model.first_token_ms.count == 8 && model.first_token_ms.max == 250.5);
    assert_true(own.checks == 0 && own.tokens_per_second.count == 8 && own.tokens_per_second.min == 41.25);
    tally_dispose(&model);
    tally_dispose(&own);
}

static void rows_of_the_original_count_by_their_status(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, SEED_SQL
             "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, "
             "last_check_timestamp, consecutive_failures) VALUES ('old', 'healthy', 20, '2026-01-01 10:00:00', 0),"
             "('old', 'degraded', 2000, '2026-01-01T10:59:59.5', 0), ('old', 'degraded', 10, '2026-01-01 10:30:00', 1),"
             "('old', 'down', 10, '2026-01-01 10:30:00', 3), ('old', 'unknown', 0, '2026-01-01 10:30:00', 0),"
             "('old', 'healthy', 30, '2026-01-01T11:00:00', 0), ('old', 'healthy', 30, 'yesterday', 0),"
             "('old', 'healthy', 30, '2999-01-01T11:00:00', 0)");
    f->options.retention_ms = INT64_C(36500) * 86400 * 1000;
    roll_up(f, 8);
    struct tally ten = tally_of(f->path, "span = 3600 AND provider_name = 'old' AND start = 1767261600");
    assert_true(ten.checks == 4 && ten.up == 2 && ten.uncounted == 1);
    assert_true(ten.latency_ms.min == 20 && ten.latency_ms.max == 2000);
    tally_dispose(&ten);
    assert_int_equal(sql_number(f->path, "SELECT sum(checks + uncounted) FROM provider_rollups WHERE span = 3600 AND "
                                         "provider_name = 'old'"),
                     6);
}

static void what_another_program_rolled_up_is_left_to_it(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    append_past(store, hours_ago(4), 100);
    assert_int_equal(store_close(store, 5000), 0);
    sql_file(f->path, "DELETE FROM provider_rollups;"
                      "INSERT OR REPLACE INTO provider_rollup_marks VALUES ('provider_health_checks', 60)");
    roll_up(f, 100);
    assert_int_equal(sql_number(f->path,
                                "SELECT sum(checks + uncounted) FROM provider_rollups WHERE provider_name = '*' "
                                "AND span = 600"),
                     40);
}

static void a_damaged_sum_is_begun_anew(void **state)
{
    struct fixture *f = *state;
    int64_t from_us = hours_ago(4);
    struct store *store = fixture_open(f);
    append_past(store, from_us, 60);
    assert_int_equal(store_close(store, 5000), 0);
    roll_up(f, 60);
    sql_file(f->path, "UPDATE provider_rollups SET tally = x'ff00'");
    store = fixture_open(f);
    append_past(store, from_us, 60);
    assert_int_equal(store_close(store, 5000), 0);
    roll_up(f, 120);
    struct tally all = tally_of(f->path, "span = 3600 AND provider_name = '*'");
    assert_int_equal(all.checks + all.uncounted, 60);
    tally_dispose(&all);
}

static void hours_that_are_old_become_days_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    int64_t from_us = hours_ago(72);
    f->options.rollup_retention_ms = INT64_C(48) * 3600 * 1000;
    f->options.retention_ms = INT64_C(36500) * 86400 * 1000;
    struct store *store = fixture_open(f);
    for (int i = 0; i < 60; ++i) {
        struct check_record record = check_of("p", from_us + i * HOUR_US);
        record.response_time_ms = i + 1;
        store_append(store, &record);
    }
    assert_int_equal(store_close(store, 5000), 0);
    store = fixture_open(f);
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (sql_number(f->path, "SELECT sum(checks) FROM provider_rollups WHERE span = 86400 AND provider_name = 'p'") <
               24 &&
           clock_monotonic_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(store_close(store, 1000), 0);
    long long hours =
        sql_number(f->path, "SELECT sum(checks) FROM provider_rollups WHERE span = 3600 AND provider_name = 'p'");
    long long days =
        sql_number(f->path, "SELECT sum(checks) FROM provider_rollups WHERE span = 86400 AND provider_name = 'p'");
    assert_in_range(days, 24, 25); /* the hour may have changed meanwhile */
    assert_int_equal(hours + days, 60);
    struct tally all = tally_of(f->path, "provider_name = 'p'");
    assert_true(all.latency_ms.min == 1 && all.latency_ms.max == 60 && all.latency_ms.sum == 1830);
    tally_dispose(&all);
    assert_int_equal(
        sql_number(f->path, "SELECT count(*) FROM provider_rollups WHERE span = 86400 AND start % 86400 <> 0"), 0);
}

static void many_old_hours_become_days_in_several_steps(void **state)
{
    struct fixture *f = *state;
    char name[16];
    f->options.rollup_retention_ms = INT64_C(48) * 3600 * 1000;
    f->options.retention_ms = INT64_C(36500) * 86400 * 1000;
    struct store *store = fixture_open(f);
    for (int i = 0; i < 800; ++i) {
        snprintf(name, sizeof(name), "p%d", i % 20);
        struct check_record record = check_of(name, hours_ago(120) + i / 20 * HOUR_US);
        store_append(store, &record);
    }
    assert_int_equal(store_close(store, 5000), 0);
    store = fixture_open(f);
    wait_for_number(f->path, "SELECT sum(checks) FROM provider_rollups WHERE span = 86400", 2 * 800); /* '*' too */
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_rollups WHERE span = 3600"), 0);
    for (int i = 0; i < 20; ++i) {
        char sql[128];
        snprintf(sql, sizeof(sql), "SELECT sum(checks) FROM provider_rollups WHERE provider_name = 'p%d'", i);
        assert_int_equal(sql_number(f->path, sql), 40);
    }
}

static void more_series_than_one_transaction_takes_count_once_each(void **state)
{
    struct fixture *f = *state;
    char name[16];
    int64_t at_us = hours_ago(3);
    struct store *store = fixture_open(f);
    for (int i = 0; i < 3000; ++i) {
        snprintf(name, sizeof(name), "p%d", i % 1500);
        struct check_record record = check_of(name, at_us + i);
        store_append(store, &record);
    }
    assert_int_equal(store_close(store, 5000), 0);
    roll_up(f, 3000);
    assert_int_equal(
        sql_number(f->path, "SELECT count(*) FROM provider_rollups WHERE provider_name <> '*' AND checks = 2"), 1500);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_rollups WHERE provider_name <> '*'"), 1500);
    assert_int_equal(
        sql_number(f->path, "SELECT checks FROM provider_rollups WHERE provider_name = '*' AND span = 3600"), 3000);
}

/* The mark cannot be moved, so the sums are not written either, and the rows stay however old they are. An old incident
 * goes in the same step as they would, so that its end shows when that was. */
static void a_rollup_that_fails_leaves_nothing_behind_and_is_made_up_for(void **state)
{
    struct fixture *f = *state;
    int64_t old_us = hours_ago(72);
    f->options.rollup_retention_ms = INT64_C(48) * 3600 * 1000;
    f->options.retention_ms = INT64_C(24) * 3600 * 1000;
    assert_int_equal(store_close(fixture_open(f), 5000), 0);
    sql_file(f->path, "CREATE TRIGGER refuse BEFORE INSERT ON provider_rollup_marks"
                      " BEGIN SELECT RAISE(ABORT, 'not now'); END;");
    struct store *store = fixture_open(f);
    struct incident_record incident = incident_of("p", 0, old_us, old_us + 1, 3);
    append_past(store, hours_ago(30), 1000);
    store_append_incident(store, &incident);
    assert_int_equal(store_close(store, 5000), 0);
    store = fixture_open(f);
    wait_for_number(f->path, "SELECT 1 - count(*) FROM provider_incidents", 1);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks"), 1000);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_rollups"), 0);
    sql_file(f->path, "DROP TRIGGER refuse");
    store_configure(store, &(struct store_options){.retention_ms = f->options.retention_ms,
                                                   .rollup_retention_ms = INT64_C(400) * 86400 * 1000,
                                                   .commit_interval_ms = 10});
    wait_for_number(f->path, "SELECT 1000 - count(*) FROM provider_health_checks", 1000);
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, "SELECT sum(checks + uncounted) FROM provider_rollups"
                                         " WHERE provider_name = '*' AND span = 3600"),
                     1000);
}

static void checks_that_are_not_rolled_up_yet_are_not_deleted(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    append_past(store, hours_ago(30), 1000);
    assert_int_equal(store_close(store, 5000), 0);
    f->options.retention_ms = INT64_C(24) * 3600 * 1000;
    store = fixture_open(f);
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (sql_number(f->path, "SELECT count(*) FROM provider_health_checks") > 0 && clock_monotonic_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks"), 0);
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path,
                                "SELECT sum(checks + uncounted) FROM provider_rollups WHERE provider_name = '*' "
                                "AND span = 3600"),
                     1000);
}

static void what_the_queue_has_no_room_for_is_in_the_sums(void **state)
{
    struct fixture *f = *state;
    int64_t from_us = hours_ago(4);
    f->options.queue_max = 500;
    struct store *store = fixture_open(f);
    struct store_report report;
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN EXCLUSIVE");
    append_past(store, from_us, 3000);
    for (int i = 0; i < 600; ++i) {
        struct check_record deep = deep_check_of("even", from_us + i);
        store_append(store, &deep);
    }
    store_get_report(store, &report);
    assert_true(report.queued == 500 && report.rolled_up == 3100 && report.dropped == 0);
    sql_run(other, "ROLLBACK");
    sqlite3_close(other);
    assert_true(report_reaches(store, has_written, 500));
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(sql_number(f->path,
                                "SELECT sum(checks + uncounted) FROM provider_rollups WHERE provider_name = '*' "
                                "AND span = 3600"),
                     3000);
    store = fixture_open(f);
    wait_for_mark(f->path, "provider_deep_checks", 500);
    assert_int_equal(store_close(store, 1000), 0);
    struct tally model = tally_of(f->path, "model = 'llama-3'");
    assert_true(model.checks == 600 && model.tokens_per_second.count == 600);
    tally_dispose(&model);
}

/* -- incidents -- */

static void an_incident_is_one_row_that_is_brought_up_to_date(void **state)
{
    struct fixture *f = *state;
    char text[256];
    int64_t started_us = INT64_C(1767261600) * 1000000;
    struct store *store = fixture_open(f);
    for (unsigned lost = 3; lost < 6; ++lost) {
        struct incident_record record = incident_of("p", 0, started_us, lost == 5 ? started_us + HOUR_US : 0, lost);
        store_append_incident(store, &record);
        record = incident_of("p", 2, started_us, 0, lost);
        store_append_incident(store, &record);
        if (lost == 4) { /* what was written meanwhile is the same row */
            assert_int_equal(store_close(store, 5000), 0);
            store = fixture_open(f);
        }
    }
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_incidents"), 2);
    assert_string_equal(
        sql_text(f->path,
                 "SELECT provider_name || key || started || ended || kind || first_error || checks_lost "
                 "FROM provider_incidents WHERE key = 0",
                 text, sizeof(text)),
        "p02026-01-01T10:00:00.0000002026-01-01T11:00:00.000000timeoutnobody answered5");
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_incidents WHERE key = 2 AND ended IS NULL"), 1);
}

static void incidents_wait_while_the_database_is_away(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN EXCLUSIVE");
    int64_t now_us = clock_wall_us();
    for (unsigned i = 0; i < 50; ++i) {
        struct incident_record record = incident_of("p", i, now_us, 0, 3);
        store_append_incident(store, &record);
    }
    struct check_record check = check_of("p", now_us); /* its failing commit shows that both were tried */
    store_append(store, &check);
    assert_true(report_reaches(store, writable_is, 0));
    struct incident_record ended = incident_of("p", 7, now_us, now_us + 1000000, 9);
    store_append_incident(store, &ended);
    sql_run(other, "ROLLBACK");
    sqlite3_close(other);
    assert_true(report_reaches(store, has_written, 1));
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_incidents"), 50);
    assert_int_equal(sql_number(f->path, "SELECT checks_lost FROM provider_incidents WHERE ended IS NOT NULL"), 9);
}

static void old_incidents_that_ended_go(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = clock_wall_us(), old_us = now_us - 72 * HOUR_US;
    f->options.rollup_retention_ms = INT64_C(48) * 3600 * 1000;
    struct store *store = fixture_open(f);
    struct incident_record records[] = {incident_of("gone", 0, old_us, old_us + 1, 3),
                                        incident_of("lasts", 0, old_us, 0, 3),
                                        incident_of("new", 0, now_us, now_us + 1, 3)};
    for (size_t i = 0; i < 3; ++i)
        store_append_incident(store, &records[i]);
    assert_int_equal(store_close(store, 5000), 0);
    store = fixture_open(f);
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (sql_number(f->path, "SELECT count(*) FROM provider_incidents") > 2 && clock_monotonic_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_incidents WHERE provider_name <> 'gone'"), 2);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_incidents"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_hour_says_what_its_rows_say),
        STORE_TEST(rows_that_come_later_are_added_and_none_counts_twice),
        STORE_TEST(keys_and_models_have_rows_of_their_own),
        STORE_TEST(rows_of_the_original_count_by_their_status),
        STORE_TEST(what_another_program_rolled_up_is_left_to_it),
        STORE_TEST(a_damaged_sum_is_begun_anew),
        STORE_TEST(hours_that_are_old_become_days_and_nothing_is_lost),
        STORE_TEST(many_old_hours_become_days_in_several_steps),
        STORE_TEST(more_series_than_one_transaction_takes_count_once_each),
        STORE_TEST(a_rollup_that_fails_leaves_nothing_behind_and_is_made_up_for),
        STORE_TEST(checks_that_are_not_rolled_up_yet_are_not_deleted),
        STORE_TEST(what_the_queue_has_no_room_for_is_in_the_sums),
        STORE_TEST(an_incident_is_one_row_that_is_brought_up_to_date),
        STORE_TEST(incidents_wait_while_the_database_is_away),
        STORE_TEST(old_incidents_that_ended_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
