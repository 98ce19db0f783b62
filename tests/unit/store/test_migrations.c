/* Databases of the original and of each earlier version become one of today's: in place, with all their rows, once, and
 * whatever interrupts it. */
#include "fault_vfs.h"
#include "fixture.h"

#define VERSION_2_SQL                                                                                                  \
    VERSION_1_SQL "ALTER TABLE provider_health_checks ADD COLUMN error_kind TEXT;"                                     \
                  "ALTER TABLE provider_health_checks ADD COLUMN key INTEGER;"                                         \
                  "ALTER TABLE provider_health_checks ADD COLUMN rate_limit TEXT;"                                     \
                  "CREATE TABLE provider_key_checks (\n    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"                    \
                  "    provider_name TEXT NOT NULL,\n    key INTEGER NOT NULL,\n    status TEXT NOT NULL,\n"           \
                  "    ok INTEGER,\n    response_time_ms REAL,\n    rate_limit_percent REAL,\n    rate_limit TEXT,\n"  \
                  "    last_check_timestamp DATETIME NOT NULL,\n    error_message TEXT,\n"                             \
                  "    consecutive_failures INTEGER DEFAULT 0,\n    reason TEXT,\n    error_kind TEXT,\n"              \
                  "    http_status INTEGER\n);\n"                                                                      \
                  "CREATE INDEX idx_provider_key_timestamp\n"                                                          \
                  "ON provider_key_checks(provider_name, key, last_check_timestamp);"                                  \
                  "CREATE TABLE provider_deep_checks (\n    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"                   \
                  "    provider_name TEXT NOT NULL,\n    key INTEGER,\n    rung TEXT,\n    ok INTEGER,\n"              \
                  "    error_kind TEXT,\n    error_message TEXT,\n    model_asked TEXT,\n    model TEXT,\n"            \
                  "    first_token_ms REAL,\n    tokens_per_second REAL,\n    tokens INTEGER,\n"                       \
                  "    response_time_ms REAL,\n    http_status INTEGER,\n"                                             \
                  "    last_check_timestamp DATETIME NOT NULL\n);\n"                                                   \
                  "CREATE INDEX idx_provider_deep_timestamp\n"                                                         \
                  "ON provider_deep_checks(provider_name, last_check_timestamp);"                                      \
                  "PRAGMA user_version = 2;"

#define VERSION_3_SQL                                                                                                  \
    VERSION_2_SQL "CREATE TABLE provider_rollups (\n    span INTEGER NOT NULL,\n    provider_name TEXT NOT NULL,\n"    \
                  "    key INTEGER NOT NULL,\n    model TEXT NOT NULL,\n    start INTEGER NOT NULL,\n"                 \
                  "    checks INTEGER NOT NULL,\n    up INTEGER NOT NULL,\n    uncounted INTEGER NOT NULL,\n"          \
                  "    latency_min_ms REAL,\n    latency_mean_ms REAL,\n    latency_p95_ms REAL,\n"                    \
                  "    latency_max_ms REAL,\n    tally BLOB NOT NULL,\n"                                               \
                  "    PRIMARY KEY (span, provider_name, key, model, start)\n) WITHOUT ROWID;"                         \
                  "CREATE INDEX idx_provider_rollups_start ON provider_rollups(span, start);"                          \
                  "CREATE TABLE provider_rollup_marks (\n    table_name TEXT NOT NULL PRIMARY KEY,\n"                  \
                  "    last_id INTEGER NOT NULL\n) WITHOUT ROWID;"                                                     \
                  "CREATE TABLE provider_incidents (\n    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"                     \
                  "    provider_name TEXT NOT NULL,\n    key INTEGER NOT NULL,\n    started DATETIME NOT NULL,\n"      \
                  "    ended DATETIME,\n    kind TEXT,\n    first_error TEXT,\n    checks_lost INTEGER NOT NULL,\n"    \
                  "    UNIQUE (provider_name, key, started)\n);"                                                       \
                  "CREATE INDEX idx_provider_incidents_started ON provider_incidents(started);"                        \
                  "PRAGMA user_version = 3;"

#define VERSION_4_SQL                                                                                                  \
    VERSION_3_SQL "CREATE TABLE provider_events (\n    id INTEGER PRIMARY KEY,\n    time DATETIME NOT NULL,\n"         \
                  "    kind TEXT NOT NULL,\n    provider_name TEXT NOT NULL,\n    key INTEGER NOT NULL,\n"             \
                  "    from_value TEXT NOT NULL,\n    to_value TEXT NOT NULL,\n    message TEXT NOT NULL\n);"          \
                  "CREATE TABLE provider_alert_marks (\n    alert TEXT NOT NULL,\n    what TEXT NOT NULL,\n"           \
                  "    event_id INTEGER NOT NULL,\n    told DATETIME,\n"                                               \
                  "    PRIMARY KEY (alert, what, event_id)\n) WITHOUT ROWID;"                                          \
                  "PRAGMA user_version = 4;"

#define SEED_ROWS                                                                                                      \
    "INSERT INTO provider_health_checks (id, provider_name, status, response_time_ms, uptime_percent,"                 \
    " rate_limit_percent, last_check_timestamp, error_message, consecutive_failures, created_at) VALUES"               \
    " (3, 'groq', 'healthy', 20.26987075805664, 100.0, 0.0, '2099-11-23T08:06:39.594528', '', 0, '2099-11-23 08:06')," \
    " (4, 'groq', 'degraded', NULL, 50.0, 0.0, '2099-11-23 08:11:39', 'HTTP 500: \"no\"', 1, NULL),"                   \
    " (9, 'g4f', 'down', 0.0, 0.0, 0.0, '2099-11-23T08:11:39', 'caf\xc3\xa9', 3, '2099-11-23 08:11');"

#define VERSION_1_ROWS                                                                                                 \
    SEED_ROWS "UPDATE provider_health_checks SET ok = id % 2, reason = 'slow', http_status = 200, dns_ms = 1.5,"       \
              " tls_ms = NULL WHERE id > 3;"

#define VERSION_2_ROWS                                                                                                 \
    VERSION_1_ROWS                                                                                                     \
    "UPDATE provider_health_checks SET error_kind = 'timeout', key = 2, rate_limit = '[]' WHERE id > 4;"               \
    "INSERT INTO provider_key_checks (provider_name, key, status, ok, last_check_timestamp) VALUES"                    \
    " ('groq', 1, 'healthy', 1, '2099-11-23T08:06:39.5'), ('groq', 2, 'down', 0, '2099-11-23T08:06');"                 \
    "INSERT INTO provider_deep_checks (provider_name, rung, tokens, last_check_timestamp) VALUES"                      \
    " ('groq', 'timed', 75, '2099-11-23T08:06:39.5');"

static const struct version {
    int number;
    const char *sql;
    const char *columns; /* of provider_health_checks, quoted one by one */
    int rows;            /* of all tables */
} versions[] = {
    {0, SEED_SQL SEED_ROWS,
     "quote(id)||quote(provider_name)||quote(status)||quote(response_time_ms)||quote(uptime_percent)||"
     "quote(rate_limit_percent)||quote(last_check_timestamp)||quote(error_message)||quote(consecutive_failures)||"
     "quote(created_at)",
     3},
    {1, VERSION_1_SQL VERSION_1_ROWS,
     "quote(id)||quote(provider_name)||quote(status)||quote(response_time_ms)||quote(last_check_timestamp)||"
     "quote(error_message)||quote(created_at)||quote(ok)||quote(reason)||quote(http_status)||quote(dns_ms)||"
     "quote(connect_ms)||quote(tls_ms)||quote(first_byte_ms)",
     3},
    {2, VERSION_2_SQL VERSION_2_ROWS,
     "quote(id)||quote(provider_name)||quote(status)||quote(response_time_ms)||quote(last_check_timestamp)||"
     "quote(error_message)||quote(created_at)||quote(ok)||quote(reason)||quote(http_status)||quote(dns_ms)||"
     "quote(error_kind)||quote(key)||quote(rate_limit)",
     6},
    {3, VERSION_3_SQL VERSION_2_ROWS,
     "quote(id)||quote(provider_name)||quote(status)||quote(response_time_ms)||quote(last_check_timestamp)||"
     "quote(error_message)||quote(created_at)||quote(ok)||quote(reason)||quote(http_status)||quote(dns_ms)||"
     "quote(error_kind)||quote(key)||quote(rate_limit)",
     6},
    {4, VERSION_4_SQL VERSION_2_ROWS,
     "quote(id)||quote(provider_name)||quote(status)||quote(response_time_ms)||quote(last_check_timestamp)||"
     "quote(error_message)||quote(created_at)||quote(ok)||quote(reason)||quote(http_status)||quote(dns_ms)||"
     "quote(error_kind)||quote(key)||quote(rate_limit)",
     6},
};
enum { VERSIONS = sizeof(versions) / sizeof(versions[0]), TODAY = 5 };

/* --- what is in a file --- */

/* Its tables, columns and indexes, in words; the same for all files of one version. */
static const char *shape_of(const char *path, char *out, size_t out_size)
{
    return sql_text(path,
                    "SELECT group_concat(line, char(10)) FROM (SELECT m.type || ' ' || m.name || ' ' || m.tbl_name ||"
                    " ': ' || ifnull((SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || pk) FROM"
                    " pragma_table_info(m.name)), '') || ifnull((SELECT group_concat(name) FROM"
                    " pragma_index_info(m.name)), '') AS line FROM sqlite_master m WHERE name NOT LIKE 'sqlite_stat%'"
                    " ORDER BY m.type, m.name)",
                    out, out_size);
}

static const char *rows_of(const char *path, const struct version *version, char *out, size_t out_size)
{
    char sql[1024];
    snprintf(sql, sizeof(sql),
             "SELECT group_concat(line, char(10)) FROM (SELECT %s AS line FROM provider_health_checks WHERE id <= 9"
             " ORDER BY id)",
             version->columns);
    return sql_text(path, sql, out, out_size);
}

static long long row_count(const char *path, int version)
{
    return sql_number(path, version >= 2
                                ? "SELECT (SELECT count(*) FROM provider_health_checks) + (SELECT count(*) FROM"
                                  " provider_key_checks) + (SELECT count(*) FROM provider_deep_checks)"
                                : "SELECT count(*) FROM provider_health_checks");
}

static void make(const struct fixture *f, const struct version *version)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    char path[128];
    for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); ++i) {
        snprintf(path, sizeof(path), "%s%s", f->path, tails[i]);
        unlink(path);
    }
    sql_file(f->path, version->sql);
}

/* A start of today's program; it migrates, and appends `checks`. */
static void start(struct fixture *f, unsigned checks)
{
    struct store *store = fixture_open(f);
    append_numbered(store, "new", 0, checks);
    assert_int_equal(store_close(store, 10000), 0);
}

static void is_of_today(const struct fixture *f, const struct version *version, const char *rows, const char *shape)
{
    char text[8192];
    assert_string_equal(sql_text(f->path, "PRAGMA integrity_check", text, sizeof(text)), "ok");
    assert_int_equal(sql_number(f->path, "PRAGMA user_version"), TODAY);
    assert_string_equal(rows_of(f->path, version, text, sizeof(text)), rows);
    assert_string_equal(shape_of(f->path, text, sizeof(text)), shape);
}

static void shape_of_new_one(struct fixture *f, char *out, size_t out_size)
{
    char path[sizeof(f->path)];
    strcpy(path, f->path);
    snprintf(f->path, sizeof(f->path), "%s/new.db", f->directory);
    start(f, 0);
    shape_of(f->path, out, out_size);
    strcpy(f->path, path);
    assert_true(strlen(out) > 500);
}

/* --- tests --- */

static void each_version_becomes_todays_with_all_its_rows(void **state)
{
    struct fixture *f = *state;
    char rows[8192], shape[8192];
    shape_of_new_one(f, shape, sizeof(shape));
    for (unsigned i = 0; i < VERSIONS; ++i) {
        make(f, &versions[i]);
        rows_of(f->path, &versions[i], rows, sizeof(rows));
        assert_true(strlen(rows) > 200);
        start(f, 2);
        is_of_today(f, &versions[i], rows, shape);
        assert_int_equal(row_count(f->path, TODAY), versions[i].rows + 2);
        assert_int_equal(sql_number(f->path, "SELECT min(id) FROM provider_health_checks WHERE provider_name = 'new'"),
                         10);
    }
}

static void a_second_start_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char before[8192], after[8192];
    static const char schema_sql[] = "SELECT group_concat(rootpage || sql) FROM sqlite_master";
    for (unsigned i = 0; i < VERSIONS; ++i) {
        make(f, &versions[i]);
        start(f, 0);
        sql_text(f->path, schema_sql, before, sizeof(before));
        long long version = sql_number(f->path, "PRAGMA schema_version");
        start(f, 0);
        assert_string_equal(sql_text(f->path, schema_sql, after, sizeof(after)), before);
        assert_int_equal(sql_number(f->path, "PRAGMA schema_version"), version);
        assert_int_equal(row_count(f->path, TODAY), versions[i].rows);
    }
}

/* Whether the crash came to pass. What is there after it is the one version or the other, never one between. */
static bool interrupted_at(struct fixture *f, const struct version *version, const struct fault_plan *plan,
                           const char *shape)
{
    char rows[8192], text[8192];
    make(f, version);
    rows_of(f->path, version, rows, sizeof(rows));
    fault_vfs_install();
    fault_vfs_plan(plan);
    struct store *store = fixture_open(f);
    store_close(store, 0);
    bool struck = fault_vfs_struck(NULL);
    if (plan->effect == FAULT_CUTS_POWER && struck)
        fault_vfs_lose_power(plan->at);
    fault_vfs_remove();
    long long number = sql_number(f->path, "PRAGMA user_version");
    assert_true(number == version->number || number == TODAY);
    assert_string_equal(rows_of(f->path, version, text, sizeof(text)), rows);
    assert_string_equal(sql_text(f->path, "PRAGMA integrity_check", text, sizeof(text)), "ok");
    start(f, 1);
    is_of_today(f, version, rows, shape);
    assert_int_equal(row_count(f->path, TODAY), version->rows + 1);
    return struck;
}

static void interrupted_at_each_operation(struct fixture *f, enum fault_effect effect)
{
    char shape[8192];
    shape_of_new_one(f, shape, sizeof(shape));
    for (unsigned i = 0; i < VERSIONS; ++i) {
        /* Every other operation, and the others for the other effect. */
        struct fault_plan plan = {.operations = FAULT_CHANGES, .at = effect == FAULT_KILLS ? 1 : 2, .effect = effect};
        for (; interrupted_at(f, &versions[i], &plan, shape); plan.at += 2)
            continue;
        assert_true(plan.at > 10);
    }
}

static void a_kill_at_any_operation_leaves_the_one_version_or_the_other(void **state)
{
    interrupted_at_each_operation(*state, FAULT_KILLS);
}

static void a_power_cut_at_any_operation_leaves_the_one_version_or_the_other(void **state)
{
    interrupted_at_each_operation(*state, FAULT_CUTS_POWER);
}

static void an_operation_that_fails_is_made_up_for(void **state)
{
    struct fixture *f = *state;
    char rows[8192], shape[8192];
    shape_of_new_one(f, shape, sizeof(shape));
    for (unsigned i = 0; i < VERSIONS; ++i) {
        bool struck = true;
        for (unsigned at = 1 + i; struck; at += 3) {
            make(f, &versions[i]);
            rows_of(f->path, &versions[i], rows, sizeof(rows));
            fault_vfs_install();
            fault_vfs_plan(&(struct fault_plan){.operations = FAULT_CHANGES | 1u << FAULT_OPEN, .at = at});
            start(f, 1);
            struck = fault_vfs_struck(NULL);
            fault_vfs_remove();
            is_of_today(f, &versions[i], rows, shape);
            assert_int_equal(row_count(f->path, TODAY), versions[i].rows + 1);
        }
    }
}

static void versions_to_come_are_refused(void **state)
{
    struct fixture *f = *state;
    static const int numbers[] = {TODAY + 1, 99, 2147483647};
    char sql[64];
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); ++i) {
        make(f, &versions[VERSIONS - 1]);
        snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", numbers[i]);
        sql_file(f->path, sql);
        assert_null(store_open(&f->options, f->error, sizeof(f->error)));
        snprintf(sql, sizeof(sql), "is %d, this program knows %d", numbers[i], TODAY);
        assert_non_null(strstr(f->error, sql));
        assert_int_equal(sql_number(f->path, "PRAGMA user_version"), numbers[i]);
        assert_int_equal(row_count(f->path, 2), versions[VERSIONS - 1].rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(each_version_becomes_todays_with_all_its_rows),
        STORE_TEST(a_second_start_changes_nothing),
        STORE_TEST(a_kill_at_any_operation_leaves_the_one_version_or_the_other),
        STORE_TEST(a_power_cut_at_any_operation_leaves_the_one_version_or_the_other),
        STORE_TEST(an_operation_that_fails_is_made_up_for),
        STORE_TEST(versions_to_come_are_refused),
    };
    return cmocka_run_group_tests_name("store migrations", tests, NULL, NULL);
}
