#include "fixture.h"

#include <sys/stat.h>

static size_t read_all(const char *path, char *out, size_t out_size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, out_size, file);
    fclose(file);
    return len;
}

static void write_all(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

static const char columns_sql[] = "SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || ' ' || "
                                  "coalesce(dflt_value, '-') || ' ' || pk, ', ') FROM (SELECT * FROM "
                                  "pragma_table_info('provider_health_checks') ORDER BY cid)";
static const char index_sql[] = "SELECT group_concat(name) FROM pragma_index_info('idx_provider_timestamp')";

static void a_new_database_has_the_seeds_columns_and_index_and_ours_behind(void **state)
{
    struct fixture *f = *state;
    char seed_path[128], seed[1024], ours[2048], index[128];
    snprintf(seed_path, sizeof(seed_path), "%s/seed.db", f->directory);
    sql_file(seed_path, SEED_SQL);
    assert_int_equal(store_close(fixture_open(f), 1000), 0);
    sql_text(seed_path, columns_sql, seed, sizeof(seed));
    sql_text(f->path, columns_sql, ours, sizeof(ours));
    assert_true(strlen(seed) > 100);
    assert_memory_equal(ours, seed, strlen(seed));
    assert_string_equal(ours + strlen(seed),
                        ", ok INTEGER 0 - 0, reason TEXT 0 - 0, http_status INTEGER 0 - 0, dns_ms REAL 0 - 0, "
                        "connect_ms REAL 0 - 0, tls_ms REAL 0 - 0, first_byte_ms REAL 0 - 0, error_kind TEXT 0 - 0, "
                        "key INTEGER 0 - 0, rate_limit TEXT 0 - 0");
    assert_string_equal(sql_text(f->path, index_sql, index, sizeof(index)), "provider_name,last_check_timestamp");
    sql_text(seed_path, "SELECT sql FROM sqlite_master WHERE name='idx_provider_timestamp'", seed, sizeof(seed));
    sql_text(f->path, "SELECT sql FROM sqlite_master WHERE name='idx_provider_timestamp'", ours, sizeof(ours));
    assert_string_equal(ours, seed);
    sql_text(seed_path, "SELECT sql FROM sqlite_master WHERE name='provider_health_checks'", seed, sizeof(seed));
    sql_text(f->path, "SELECT sql FROM sqlite_master WHERE name='provider_health_checks'", ours, sizeof(ours));
    *strrchr(seed, '\n') = '\0'; /* ours goes on behind created_at */
    assert_memory_equal(ours, seed, strlen(seed));
    assert_int_equal(sql_number(f->path, "PRAGMA user_version"), 5);
    assert_string_equal(sql_text(f->path, "PRAGMA journal_mode", index, sizeof(index)), "wal");
}

static void an_original_database_is_carried_on(void **state)
{
    struct fixture *f = *state;
    char text[256];
    sql_file(f->path,
             SEED_SQL "INSERT INTO provider_health_checks (provider_name, status, last_check_timestamp) VALUES "
                      "('old', 'healthy', '2099-01-01T00:00:00.5'), ('old', 'down', '2099-01-01T00:00:01')");
    struct store *store = fixture_open(f);
    append_numbered(store, "new", 7, 1);
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE provider_name='old'"), 2);
    assert_string_equal(sql_text(f->path,
                                 "SELECT id || status || response_time_ms || ok || reason || http_status || "
                                 "coalesce(dns_ms, 'none') || connect_ms || consecutive_failures || error_message FROM "
                                 "provider_health_checks WHERE provider_name='new'",
                                 text, sizeof(text)),
                        "3healthy12.51ok200none1.57");
    assert_true(sql_number(f->path, "SELECT length(created_at) FROM provider_health_checks WHERE id=3") == 19);
    assert_true(sql_number(f->path, "SELECT length(last_check_timestamp) FROM provider_health_checks WHERE id=3") ==
                26);
    assert_int_equal(sql_number(f->path, "PRAGMA auto_vacuum"), 0);
    assert_int_equal(store_close(fixture_open(f), 1000), 0); /* and once more, with nothing left to extend */
}

static void a_half_extended_database_gets_the_missing_columns_only(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, SEED_SQL "ALTER TABLE provider_health_checks ADD COLUMN reason TEXT");
    assert_int_equal(store_close(fixture_open(f), 1000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM pragma_table_info('provider_health_checks')"), 20);
}

static const char *names_of(const char *path, const char *pragma, char *out, size_t out_size)
{
    char sql[200];
    snprintf(sql, sizeof(sql), "SELECT group_concat(name) FROM %s", pragma);
    return sql_text(path, sql, out, out_size);
}

static void has_our_tables(const char *path)
{
    char text[512];
    assert_string_equal(names_of(path, "pragma_table_info('provider_key_checks')", text, sizeof(text)),
                        "id,provider_name,key,status,ok,response_time_ms,rate_limit_percent,rate_limit,"
                        "last_check_timestamp,error_message,consecutive_failures,reason,error_kind,http_status");
    assert_string_equal(names_of(path, "pragma_index_info('idx_provider_key_timestamp')", text, sizeof(text)),
                        "provider_name,key,last_check_timestamp");
    assert_string_equal(names_of(path, "pragma_table_info('provider_deep_checks')", text, sizeof(text)),
                        "id,provider_name,key,rung,ok,error_kind,error_message,model_asked,model,first_token_ms,"
                        "tokens_per_second,tokens,response_time_ms,http_status,last_check_timestamp");
    assert_string_equal(names_of(path, "pragma_index_info('idx_provider_deep_timestamp')", text, sizeof(text)),
                        "provider_name,last_check_timestamp");
    assert_string_equal(names_of(path, "pragma_table_info('provider_rollups')", text, sizeof(text)),
                        "span,provider_name,key,model,start,checks,up,uncounted,latency_min_ms,latency_mean_ms,"
                        "latency_p95_ms,latency_max_ms,tally");
    assert_string_equal(names_of(path, "pragma_table_info('provider_rollup_marks')", text, sizeof(text)),
                        "table_name,last_id");
    assert_string_equal(names_of(path, "pragma_table_info('provider_incidents')", text, sizeof(text)),
                        "id,provider_name,key,started,ended,kind,first_error,checks_lost");
    assert_string_equal(names_of(path, "pragma_table_info('provider_events')", text, sizeof(text)),
                        "id,time,kind,provider_name,key,from_value,to_value,message");
    assert_string_equal(names_of(path, "pragma_table_info('provider_alert_marks')", text, sizeof(text)),
                        "alert,what,event_id,told");
    assert_int_equal(sql_number(path, "PRAGMA user_version"), 5);
}

static void a_new_database_and_one_of_the_original_have_our_tables_beside_the_seeds(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(store_close(fixture_open(f), 1000), 0);
    has_our_tables(f->path);
    unlink(f->path);
    sql_file(f->path, SEED_SQL);
    assert_int_equal(store_close(fixture_open(f), 1000), 0);
    has_our_tables(f->path);
}

static void a_database_of_version_1_is_extended_in_place(void **state)
{
    struct fixture *f = *state;
    char text[256];
    sql_file(f->path, VERSION_1_SQL
             "INSERT INTO provider_health_checks (provider_name, status, last_check_timestamp, ok, reason, http_status)"
             " VALUES ('old', 'degraded', '2099-01-01T00:00:00.5', 1, 'rate_limited', 429)");
    struct store *store = fixture_open(f);
    append_numbered(store, "new", 7, 1);
    assert_int_equal(store_close(store, 5000), 0);
    has_our_tables(f->path);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM pragma_table_info('provider_health_checks')"), 20);
    assert_string_equal(sql_text(f->path,
                                 "SELECT group_concat(id || provider_name || ok || reason || http_status || "
                                 "coalesce(error_kind, '-') || coalesce(key, '-') || coalesce(rate_limit, '-'), ' ') "
                                 "FROM provider_health_checks",
                                 text, sizeof(text)),
                        "1old1rate_limited429--- 2new1ok200---");
}

static void refused(struct fixture *f, const char *expected)
{
    char before[70000], after[70000];
    size_t before_len = read_all(f->path, before, sizeof(before));
    assert_null(store_open(&f->options, f->error, sizeof(f->error)));
    if (strstr(f->error, expected) == NULL)
        fail_msg("'%s' is not in '%s'", expected, f->error);
    assert_non_null(strstr(f->error, f->path));
    assert_int_equal(read_all(f->path, after, sizeof(after)), before_len);
    assert_memory_equal(after, before, before_len);
}

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    write_all(f->path, "hello");
    refused(f, "not a SQLite database");
    char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    write_all(f->path, text);
    refused(f, "not a SQLite database");
}

static void a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, SEED_SQL "PRAGMA user_version = 6");
    refused(f, "user_version) is 6");
}

static void a_table_of_that_name_with_other_columns_is_refused(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, "CREATE TABLE provider_health_checks (id INTEGER PRIMARY KEY, provider_name TEXT)");
    refused(f, "provider_health_checks has no column status");
}

static void a_table_of_ours_with_other_columns_is_refused(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, SEED_SQL "CREATE TABLE provider_deep_checks (id INTEGER PRIMARY KEY, provider_name TEXT)");
    refused(f, "provider_deep_checks has no column key");
}

static void a_directory_or_a_path_without_one_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[160];
    f->options.path = f->directory;
    assert_null(store_open(&f->options, f->error, sizeof(f->error)));
    assert_non_null(strstr(f->error, "directory"));
    snprintf(path, sizeof(path), "%s/missing/provider_status.db", f->directory);
    f->options.path = path;
    assert_null(store_open(&f->options, f->error, sizeof(f->error)));
    assert_non_null(strstr(f->error, "missing cannot be used: No such file"));
}

static void an_empty_file_becomes_a_database(void **state)
{
    struct fixture *f = *state;
    write_all(f->path, "");
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 3);
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks"), 3);
}

static void a_read_only_file_opens_and_says_so(void **state)
{
    struct fixture *f = *state;
    if (geteuid() == 0)
        skip(); /* root may write anything */
    sql_file(f->path, SEED_SQL);
    chmod(f->path, 0444);
    struct store *store = fixture_open(f);
    struct store_report report;
    append_numbered(store, "p", 0, 1);
    store_get_report(store, &report);
    assert_false(report.writable);
    assert_non_null(strstr(report.error, "read-only"));
    chmod(f->path, 0644);
    assert_true(report_reaches(store, has_written, 1));
    assert_int_equal(store_close(store, 1000), 0);
}

static void a_file_damaged_inside_opens_and_says_so(void **state)
{
    struct fixture *f = *state;
    char damage[4096 - 100];
    sql_file(f->path, SEED_SQL);
    memset(damage, 0x5a, sizeof(damage));
    FILE *file = fopen(f->path, "r+b");
    fseek(file, 100, SEEK_SET);
    assert_int_equal(fwrite(damage, 1, sizeof(damage), file), sizeof(damage));
    fclose(file);
    struct store *store = fixture_open(f);
    struct store_report report;
    append_numbered(store, "p", 0, 5);
    store_get_report(store, &report);
    assert_false(report.writable);
    assert_non_null(strstr(report.error, "damaged"));
    unlink(f->path); /* what the message advises, nearly */
    assert_true(report_reaches(store, has_written, 5));
    assert_int_equal(store_close(store, 1000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_new_database_has_the_seeds_columns_and_index_and_ours_behind),
        STORE_TEST(an_original_database_is_carried_on),
        STORE_TEST(a_new_database_and_one_of_the_original_have_our_tables_beside_the_seeds),
        STORE_TEST(a_database_of_version_1_is_extended_in_place),
        STORE_TEST(a_half_extended_database_gets_the_missing_columns_only),
        STORE_TEST(a_file_that_is_no_database_is_refused_and_left_alone),
        STORE_TEST(a_newer_schema_is_refused),
        STORE_TEST(a_table_of_that_name_with_other_columns_is_refused),
        STORE_TEST(a_table_of_ours_with_other_columns_is_refused),
        STORE_TEST(a_directory_or_a_path_without_one_is_refused),
        STORE_TEST(an_empty_file_becomes_a_database),
        STORE_TEST(a_read_only_file_opens_and_says_so),
        STORE_TEST(a_file_damaged_inside_opens_and_says_so),
    };
    return cmocka_run_group_tests_name("store schema", tests, NULL, NULL);
}
