#include "fixture.h"

#include "store/restore.h"

#define INSERT_SQL "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, last_check_timestamp) "

struct buckets {
    int64_t start_us[64];
    unsigned ok[64];
    unsigned total[64];
    int count;
};

static void note_bucket(int64_t bucket_start_us, unsigned ok, unsigned total, void *user)
{
    struct buckets *buckets = user;
    buckets->start_us[buckets->count] = bucket_start_us;
    buckets->ok[buckets->count] = ok;
    buckets->total[buckets->count++] = total;
}

/* Reads all of one provider's past, as the daemon does. */
static void restore(struct fixture *f, struct store *store, const char *provider, int64_t window_ms, int64_t bucket_ms,
                    struct store_last_state *last, struct buckets *buckets)
{
    struct store_restore *session = store_restore_open(store, window_ms, bucket_ms, f->error, sizeof(f->error));
    if (session == NULL || store_restore_state(session, provider, 0, last, f->error, sizeof(f->error)) != 0 ||
        store_restore_counts(session, provider, note_bucket, buckets, f->error, sizeof(f->error)) != 0)
        fail_msg("%s", f->error);
    store_restore_close(session);
}

static void the_last_state_and_the_window_are_restored(void **state)
{
    struct fixture *f = *state;
    struct store_last_state last;
    struct buckets buckets = {.count = 0};
    const int64_t minute_us = 60 * INT64_C(1000000);
    int64_t base_us = clock_wall_us() / (5 * minute_us) * (5 * minute_us) - 20 * minute_us;
    struct store *store = fixture_open(f);
    for (int i = -120; i < 15; ++i) { /* two hours before the window's start, up to three whole buckets in it */
        struct check_record record = check_of("p", base_us + i * minute_us);
        record.ok = i % 5 != 0;
        record.status = i == 14 ? HEALTH_DOWN : HEALTH_HEALTHY;
        record.consecutive_failures = 4;
        record.rate_limit_percent = 45;
        strcpy(record.error_message, "no answer");
        store_append(store, &record);
    }
    assert_true(report_reaches(store, has_written, 135));
    restore(f, store, "p", (clock_wall_us() - base_us) / 1000 + 1000, 5 * 60 * 1000, &last, &buckets);
    assert_true(last.found && last.status == HEALTH_DOWN && last.response_time_ms == 12.5 &&
                last.uptime_percent == 99.5 && last.rate_limit_percent == 45 && last.consecutive_failures == 4 &&
                last.http_status == 200 && last.checked_us == base_us + 14 * minute_us);
    assert_string_equal(last.reason, "ok");
    assert_string_equal(last.error_message, "no answer");
    assert_int_equal(buckets.count, 3);
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(buckets.start_us[i], base_us + i * 5 * minute_us);
        assert_int_equal(buckets.total[i], 5);
        assert_int_equal(buckets.ok[i], 4);
    }
    restore(f, store, "unknown", 1000, 1000, &last, &buckets);
    assert_false(last.found);
    assert_int_equal(store_close(store, 1000), 0);
}

static void rows_of_the_original_count_by_status(void **state)
{
    struct fixture *f = *state;
    struct store_last_state last;
    struct buckets buckets = {.count = 0};
    sql_file(f->path, SEED_SQL);
    /* The last one lies in the future: it is the last state, but in no bucket. */
    sql_file(f->path,
             "INSERT INTO provider_health_checks (provider_name, status, consecutive_failures, last_check_timestamp) "
             "SELECT 'p', column1, column2, strftime(column3, 'now', '-2 seconds') FROM (VALUES "
             "('healthy', 0, '%Y-%m-%dT%H:%M:%f'), ('degraded', 0, '%Y-%m-%d %H:%M:%S'),"
             "('degraded', 1, '%Y-%m-%dT%H:%M:%S'), ('down', 3, '%Y-%m-%d %H:%M:%f'), ('odd', NULL, '2999-%m-%d'),"
             "('unknown', 0, '%Y-%m-%dT%H:%M:%S'))");
    sql_file(f->path, "UPDATE provider_health_checks SET last_check_timestamp = '2999-01-01T00:00:00' WHERE id = 5");
    struct store *store = fixture_open(f);
    restore(f, store, "p", 60 * 1000, 3600 * 1000, &last, &buckets);
    assert_true(last.found && last.status == HEALTH_UNKNOWN && last.consecutive_failures == 0);
    assert_in_range(buckets.count, 1, 2); /* two when the hour has just begun */
    assert_int_equal(buckets.total[0] + buckets.total[1], 4);
    assert_int_equal(buckets.ok[0] + buckets.ok[1], 2);
    assert_int_equal(store_close(store, 1000), 0);
}

static void an_original_that_cannot_be_extended_yet_is_restored_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct store_last_state last;
    struct buckets buckets = {.count = 0};
    sql_file(f->path, "PRAGMA journal_mode=WAL;" SEED_SQL INSERT_SQL "VALUES ('p', 'down', 3, '2998-11-23T08:00:00')");
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN IMMEDIATE");
    struct store *store = fixture_open(f);
    restore(f, store, "p", 1000, 1000, &last, &buckets);
    assert_true(last.found && last.status == HEALTH_DOWN);
    assert_string_equal(last.reason, "");
    sqlite3_close(other);
    assert_true(report_reaches(store, writable_is, true));
    assert_int_equal(store_close(store, 1000), 0);
}

static void a_file_of_version_1_that_cannot_be_extended_yet_gives_what_it_has(void **state)
{
    struct fixture *f = *state;
    struct store_last_state last;
    struct store_deep_state deep;
    struct buckets buckets = {.count = 0};
    sql_file(f->path, "PRAGMA journal_mode=WAL;" VERSION_1_SQL);
    sql_file(f->path, "INSERT INTO provider_health_checks (provider_name, status, ok, reason, http_status,"
                      " last_check_timestamp) SELECT 'p', 'degraded', 1, 'rate_limited', 429,"
                      " strftime('%Y-%m-%dT%H:%M:%f', 'now', '-5 seconds')");
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN IMMEDIATE");
    struct store *store = fixture_open(f);
    restore(f, store, "p", 60 * 1000, 3600 * 1000, &last, &buckets);
    assert_true(last.found && last.status == HEALTH_DEGRADED && last.http_status == 429 && last.window_count == 0);
    assert_string_equal(last.reason, "rate_limited");
    assert_string_equal(last.error_kind, "");
    assert_true(buckets.count == 1 && buckets.ok[0] == 1 && buckets.total[0] == 1);
    struct store_restore *session = store_restore_open(store, 1000, 1000, f->error, sizeof(f->error));
    assert_int_equal(store_restore_state(session, "p", 1, &last, f->error, sizeof(f->error)), 0);
    assert_int_equal(store_restore_deep(session, "p", &deep, f->error, sizeof(f->error)), 0);
    assert_false(last.found || deep.found);
    store_restore_close(session);
    sqlite3_close(other);
    assert_true(report_reaches(store, writable_is, true));
    assert_int_equal(store_close(store, 1000), 0);
}

static void checks_that_taught_nothing_are_no_part_of_the_uptime(void **state)
{
    struct fixture *f = *state;
    struct store_last_state last;
    struct buckets buckets = {.count = 0};
    struct store *store = fixture_open(f);
    for (int i = 0; i < 6; ++i) {
        struct check_record record = check_of("p", clock_wall_us() - (6 - i) * 1000);
        record.counted = i % 2 == 0;
        record.ok = i != 0;
        if (!record.counted) {
            record.status = HEALTH_UNKNOWN;
            strcpy(record.reason, "local");
            strcpy(record.kind, "local");
        }
        store_append(store, &record);
    }
    assert_true(report_reaches(store, has_written, 6));
    restore(f, store, "p", 60 * 1000, 3600 * 1000, &last, &buckets);
    assert_int_equal(buckets.total[0] + buckets.total[1], 3);
    assert_int_equal(buckets.ok[0] + buckets.ok[1], 2);
    assert_true(last.status == HEALTH_UNKNOWN);
    assert_string_equal(last.reason, "local");
    assert_string_equal(last.error_kind, "local");
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE ok IS NULL"), 3);
    assert_int_equal(store_close(store, 1000), 0);
}

static void each_key_is_restored_by_its_number(void **state)
{
    struct fixture *f = *state;
    struct store_last_state last;
    int64_t now_us = clock_wall_us();
    struct store *store = fixture_open(f);
    for (unsigned i = 0; i < 10; ++i) {
        struct check_record record = check_of("p", now_us - 100000 + i * 1000);
        record.table = RECORD_KEY_CHECK;
        record.key = i % 2 + 1;
        record.consecutive_failures = i;
        record.status = i % 2 == 0 ? HEALTH_DOWN : HEALTH_HEALTHY;
        strcpy(record.kind, i % 2 == 0 ? "key_invalid" : "");
        store_append(store, &record);
    }
    assert_true(report_reaches(store, has_written, 10));
    struct store_restore *session = store_restore_open(store, 1000, 1000, f->error, sizeof(f->error));
    for (unsigned key = 1; key <= 2; ++key) {
        assert_int_equal(store_restore_state(session, "p", key, &last, f->error, sizeof(f->error)), 0);
        assert_true(last.found && last.consecutive_failures == 7 + key &&
                    last.checked_us == now_us - 93000 + key * 1000);
        assert_true(last.status == (key == 1 ? HEALTH_DOWN : HEALTH_HEALTHY));
        assert_string_equal(last.error_kind, key == 1 ? "key_invalid" : "");
    }
    assert_int_equal(store_restore_state(session, "p", 3, &last, f->error, sizeof(f->error)), 0);
    assert_false(last.found);
    assert_int_equal(store_restore_state(session, "p", 0, &last, f->error, sizeof(f->error)), 0);
    assert_false(last.found);
    store_restore_close(session);
    assert_int_equal(store_close(store, 1000), 0);
}

static void restore_limits(struct fixture *f, struct store *store, const char *limits, struct store_last_state *last)
{
    char sql[8192];
    snprintf(sql, sizeof(sql), "UPDATE provider_health_checks SET rate_limit = %s", limits);
    sql_file(f->path, sql);
    struct store_restore *session = store_restore_open(store, 1000, 1000, f->error, sizeof(f->error));
    assert_int_equal(store_restore_state(session, "p", 0, last, f->error, sizeof(f->error)), 0);
    assert_true(last->found && last->status == HEALTH_HEALTHY);
    store_restore_close(session);
}

static void limits_that_answers_told_are_restored(void **state)
{
    struct fixture *f = *state;
    struct store_last_state last;
    int64_t reset_us;
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 1);
    assert_true(report_reaches(store, has_written, 1));
    assert_int_equal(clock_parse_iso("2026-11-23T08:22:14.217Z", 24, &reset_us), 0);
    restore_limits(f, store,
                   "'[{\"unit\":\"requests\",\"window_s\":60,\"limit\":50,\"remaining\":49.5,\"reset_at\":"
                   "\"2026-11-23T08:22:14.217Z\",\"used_percent\":2.0,\"exhausted_at\":null,\"source\":\"told\"},"
                   "{\"unit\":\"requests\",\"window_s\":60,\"limit\":9,\"remaining\":9,\"source\":\"counted\"},"
                   "{\"unit\":\"tokens\",\"window_s\":null,\"limit\":null,\"remaining\":null,\"reset_at\":null,"
                   "\"source\":\"told\",\"name\":\"free tier\"}]'",
                   &last);
    assert_int_equal(last.window_count, 2);
    const struct limit_window *first = &last.windows[0], *second = &last.windows[1];
    assert_string_equal(first->unit, "requests");
    assert_string_equal(first->name, "");
    assert_true(first->window_s == 60 && first->limit == 50 && first->remaining == 49.5 &&
                first->reset_at_us == reset_us);
    assert_string_equal(second->unit, "tokens");
    assert_string_equal(second->name, "free tier");
    assert_true(second->window_s == 0 && second->limit == -1 && second->remaining == -1 && second->reset_at_us == 0);
    assert_int_equal(store_close(store, 1000), 0);
}

static void damaged_limits_are_left_out(void **state)
{
    static const struct {
        const char *limits;
        size_t windows;
    } cases[] = {
        {"NULL", 0},
        {"''", 0},
        {"'[{\"unit\":\"requests\",'", 0},
        {"'[1, \"text\", null, [], [{\"unit\":\"x\"}], {}, {\"unit\":5,\"limit\":1}]'", 1}, /* 5 reads as text */
        {"'{\"unit\":\"requests\"}'", 0},
        {"'\"requests\"'", 0},
        {"12345", 0},
        {"x'5b7b00ff7d5d'", 0},
        {"'[{\"unit\":\"r\",\"window_s\":-1,\"limit\":\"ten\",\"remaining\":{},\"reset_at\":\"soon\"}]'", 1},
        {"'[{\"unit\":\"r\",\"window_s\":1e300,\"limit\":1e999,\"remaining\":-5,\"reset_at\":5}]'", 1},
    };
    struct fixture *f = *state;
    struct store_last_state last;
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 1);
    assert_true(report_reaches(store, has_written, 1));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        restore_limits(f, store, cases[i].limits, &last);
        if (last.window_count != cases[i].windows)
            fail_msg("%zu windows of %s", last.window_count, cases[i].limits);
        for (size_t j = 0; j < last.window_count; ++j)
            assert_true(last.windows[j].window_s == 0 && last.windows[j].remaining == -1 &&
                        last.windows[j].reset_at_us == 0);
    }
    restore_limits(f, store,
                   "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT "
                   "json_group_array(json_object('unit', 'a unit with a name that is far too long ' || i)) FROM n)",
                   &last);
    assert_int_equal(last.window_count, LIMIT_WINDOWS_MAX);
    assert_string_equal(last.windows[15].unit, "a unit with a name that");
    assert_int_equal(store_close(store, 1000), 0);
}

static void the_deep_past_is_restored(void **state)
{
    struct fixture *f = *state;
    struct store_deep_state deep;
    const int64_t day_us = INT64_C(86400) * 1000000;
    int64_t now_us = clock_wall_us(), midnight_us = now_us / day_us * day_us;
    struct store *store = fixture_open(f);
    struct check_record record = deep_check_of("p", midnight_us - 2000000);
    store_append(store, &record); /* the last good timed one; its tokens were yesterday's */
    record = deep_check_of("p", midnight_us);
    strcpy(record.rung, "tiny");
    record.first_token_ms = record.tokens_per_second = -1;
    record.tokens = 5;
    store_append(store, &record);
    record = deep_check_of("p", now_us);
    record.ok = false;
    record.tokens = 8;
    record.model[0] = '\0';
    strcpy(record.kind, "credit");
    strcpy(record.error_message, "no money");
    store_append(store, &record);
    record = deep_check_of("q", now_us);
    store_append(store, &record);
    assert_true(report_reaches(store, has_written, 4));
    struct store_restore *session = store_restore_open(store, 1000, 1000, f->error, sizeof(f->error));
    assert_int_equal(store_restore_deep(session, "p", &deep, f->error, sizeof(f->error)), 0);
    assert_true(deep.found && !deep.ok && deep.checked_us == now_us && deep.timed_us == midnight_us - 2000000);
    assert_true(deep.first_token_ms == 250.5 && deep.tokens_per_second == 41.25);
    assert_int_equal(deep.tokens_today, 13);
    assert_int_equal(deep.probes_today, 2);
    assert_string_equal(deep.rung, "timed");
    assert_string_equal(deep.error_kind, "credit");
    assert_string_equal(deep.error_message, "no money");
    assert_string_equal(deep.model_asked, "llama-3");
    assert_string_equal(deep.model, "");
    assert_int_equal(store_restore_deep(session, "q", &deep, f->error, sizeof(f->error)), 0);
    assert_true(deep.ok && deep.tokens_today == 75 && deep.timed_us == now_us);
    assert_string_equal(deep.model, "llama-3-70b");
    assert_int_equal(store_restore_deep(session, "unknown", &deep, f->error, sizeof(f->error)), 0);
    assert_true(!deep.found && deep.first_token_ms == -1 && deep.tokens_today == 0);
    store_restore_close(session);
    assert_int_equal(store_close(store, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_last_state_and_the_window_are_restored),
        STORE_TEST(rows_of_the_original_count_by_status),
        STORE_TEST(an_original_that_cannot_be_extended_yet_is_restored_all_the_same),
        STORE_TEST(a_file_of_version_1_that_cannot_be_extended_yet_gives_what_it_has),
        STORE_TEST(checks_that_taught_nothing_are_no_part_of_the_uptime),
        STORE_TEST(each_key_is_restored_by_its_number),
        STORE_TEST(limits_that_answers_told_are_restored),
        STORE_TEST(damaged_limits_are_left_out),
        STORE_TEST(the_deep_past_is_restored),
    };
    return cmocka_run_group_tests_name("store restore", tests, NULL, NULL);
}
