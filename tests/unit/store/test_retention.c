#include "fixture.h"

static const char count_sql[] = "SELECT count(*) FROM provider_health_checks";

static bool old_rows_gone(const char *path)
{
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (sql_number(path, "SELECT count(*) FROM provider_health_checks WHERE provider_name = 'old'") > 0) {
        if (clock_monotonic_ms() > until)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return true;
}

static void append_aged(struct store *store, const char *provider, unsigned count, int64_t age_ms)
{
    for (unsigned i = 0; i < count; ++i) {
        struct check_record record = check_of(provider, clock_wall_us() - age_ms * 1000);
        store_append(store, &record);
    }
}

static void old_checks_go_in_batches_and_newer_ones_stay(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    append_aged(store, "old", 1700, 2 * 3600 * 1000);
    append_aged(store, "new", 300, 10);
    assert_true(report_reaches(store, has_written, 2000));
    assert_int_equal(sql_number(f->path, count_sql), 2000);
    store_configure(store, &(struct store_options){.retention_ms = 3600 * 1000, .commit_interval_ms = 10});
    assert_true(old_rows_gone(f->path));
    assert_int_equal(sql_number(f->path, count_sql), 300);
    assert_int_equal(store_close(store, 1000), 0);
}

static void old_checks_of_keys_and_deep_ones_go_too(void **state)
{
    struct fixture *f = *state;
    static const char rest_sql[] = "SELECT (SELECT count(*) FROM provider_key_checks) * 1000 + "
                                   "(SELECT count(*) FROM provider_deep_checks)";
    int64_t now_us = clock_wall_us(), old_us = now_us - INT64_C(7200) * 1000000;
    struct store *store = fixture_open(f);
    for (unsigned i = 0; i < 1203; ++i) {
        struct check_record key = check_of("p", i < 1200 ? old_us : now_us);
        struct check_record deep = deep_check_of("p", i < 1200 ? old_us : now_us);
        key.table = RECORD_KEY_CHECK;
        key.key = 1;
        store_append(store, &key);
        if (i % 2 == 0)
            store_append(store, &deep);
    }
    append_aged(store, "new", 2, 10);
    assert_true(report_reaches(store, has_written, 1203 + 602 + 2));
    assert_int_equal(sql_number(f->path, rest_sql), 1203602);
    store_configure(store, &(struct store_options){.retention_ms = 3600 * 1000, .commit_interval_ms = 10});
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (sql_number(f->path, rest_sql) > 3002 && clock_monotonic_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(sql_number(f->path, rest_sql), 3002);
    assert_int_equal(sql_number(f->path, count_sql), 2);
    assert_int_equal(store_close(store, 1000), 0);
}

static void checks_are_written_while_old_ones_go(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    append_aged(store, "old", 5000, 2 * 3600 * 1000);
    assert_true(report_reaches(store, has_written, 5000));
    store_configure(store, &(struct store_options){.retention_ms = 3600 * 1000});
    uint64_t began = clock_monotonic_ms();
    for (unsigned i = 0; i < 20; ++i) {
        append_aged(store, "new", 1, 0);
        assert_true(report_reaches(store, has_written, 5001 + i));
    }
    assert_true(clock_monotonic_ms() - began < 5000);
    assert_true(old_rows_gone(f->path));
    assert_int_equal(sql_number(f->path, count_sql), 20);
    assert_int_equal(store_close(store, 1000), 0);
}

static void rows_without_a_readable_time_go_with_the_expired_around_them_only(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path,
             SEED_SQL "INSERT INTO provider_health_checks (provider_name, status, last_check_timestamp) VALUES "
                      "('old', 'healthy', 'yesterday'), ('old', 'healthy', '2020-01-01 00:00:00'),"
                      "('old', 'healthy', '2999-01-01T00:00:00'), ('old', 'healthy', '2020-01-01T00:00:00'),"
                      "('kept', 'healthy', 'tomorrow')");
    struct store *store = fixture_open(f);
    assert_true(old_rows_gone(f->path));
    assert_int_equal(sql_number(f->path, count_sql), 1);
    assert_int_equal(store_close(store, 1000), 0);
}

static void a_file_that_is_mostly_free_shrinks(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    for (unsigned i = 0; i < 12000; ++i) {
        struct check_record record = check_of("old", clock_wall_us() - INT64_C(7200) * 1000000);
        memset(record.error_message, 'e', sizeof(record.error_message) - 1);
        store_append(store, &record);
    }
    assert_true(report_reaches(store, has_written, 12000));
    long long pages = sql_number(f->path, "PRAGMA page_count");
    store_configure(store, &(struct store_options){.retention_ms = 3600 * 1000, .commit_interval_ms = 10});
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (sql_number(f->path, "PRAGMA page_count") > pages - 256 && clock_monotonic_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_true(sql_number(f->path, "PRAGMA page_count") <= pages - 256);
    assert_int_equal(store_close(store, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(old_checks_go_in_batches_and_newer_ones_stay),
        STORE_TEST(old_checks_of_keys_and_deep_ones_go_too),
        STORE_TEST(checks_are_written_while_old_ones_go),
        STORE_TEST(rows_without_a_readable_time_go_with_the_expired_around_them_only),
        STORE_TEST(a_file_that_is_mostly_free_shrinks),
    };
    return cmocka_run_group_tests_name("store retention", tests, NULL, NULL);
}
