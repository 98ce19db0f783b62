/* The tables: the seed's with our columns behind it, ours beside it; and what to do with a file that is something else.
 */
#include "store/store_internal.h"

#include <stdio.h>
#include <string.h>

/* Word for word the seed's: tools that read the original's database compare it. */
static const char create_checks_sql[] = "CREATE TABLE IF NOT EXISTS provider_health_checks (\n"
                                        "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                                        "    provider_name TEXT NOT NULL,\n"
                                        "    status TEXT NOT NULL,\n"
                                        "    response_time_ms REAL,\n"
                                        "    uptime_percent REAL,\n"
                                        "    rate_limit_percent REAL,\n"
                                        "    last_check_timestamp DATETIME NOT NULL,\n"
                                        "    error_message TEXT,\n"
                                        "    consecutive_failures INTEGER DEFAULT 0,\n"
                                        "    created_at DATETIME DEFAULT CURRENT_TIMESTAMP\n"
                                        ")";

static const char create_checks_index_sql[] = "CREATE INDEX IF NOT EXISTS idx_provider_timestamp \n"
                                              "ON provider_health_checks(provider_name, last_check_timestamp)";

static const char create_key_checks_sql[] = "CREATE TABLE IF NOT EXISTS provider_key_checks (\n"
                                            "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                                            "    provider_name TEXT NOT NULL,\n"
                                            "    key INTEGER NOT NULL,\n"
                                            "    status TEXT NOT NULL,\n"
                                            "    ok INTEGER,\n"
                                            "    response_time_ms REAL,\n"
                                            "    rate_limit_percent REAL,\n"
                                            "    rate_limit TEXT,\n"
                                            "    last_check_timestamp DATETIME NOT NULL,\n"
                                            "    error_message TEXT,\n"
                                            "    consecutive_failures INTEGER DEFAULT 0,\n"
                                            "    reason TEXT,\n"
                                            "    error_kind TEXT,\n"
                                            "    http_status INTEGER\n"
                                            ")";

static const char create_key_checks_index_sql[] = "CREATE INDEX IF NOT EXISTS idx_provider_key_timestamp\n"
                                                  "ON provider_key_checks(provider_name, key, last_check_timestamp)";

static const char create_deep_checks_sql[] = "CREATE TABLE IF NOT EXISTS provider_deep_checks (\n"
                                             "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                                             "    provider_name TEXT NOT NULL,\n"
                                             "    key INTEGER,\n"
                                             "    rung TEXT,\n"
                                             "    ok INTEGER,\n"
                                             "    error_kind TEXT,\n"
                                             "    error_message TEXT,\n"
                                             "    model_asked TEXT,\n"
                                             "    model TEXT,\n"
                                             "    first_token_ms REAL,\n"
                                             "    tokens_per_second REAL,\n"
                                             "    tokens INTEGER,\n"
                                             "    response_time_ms REAL,\n"
                                             "    http_status INTEGER,\n"
                                             "    last_check_timestamp DATETIME NOT NULL\n"
                                             ")";

static const char create_deep_checks_index_sql[] = "CREATE INDEX IF NOT EXISTS idx_provider_deep_timestamp\n"
                                                   "ON provider_deep_checks(provider_name, last_check_timestamp)";

/* Tallies of whole stretches of `span` seconds from `start` on (UNIX time): 3600 and 86400 of every provider, key and
 * model, 600 of all providers together, whose name is '*'. `key` 0 is the provider itself; `model` is '' but in the
 * rows of the deep probes of one model. The columns between are there to be read by people and by queries that need no
 * more; the tally (health/tally.h) has all of it. */
static const char create_rollups_sql[] = "CREATE TABLE IF NOT EXISTS provider_rollups (\n"
                                         "    span INTEGER NOT NULL,\n"
                                         "    provider_name TEXT NOT NULL,\n"
                                         "    key INTEGER NOT NULL,\n"
                                         "    model TEXT NOT NULL,\n"
                                         "    start INTEGER NOT NULL,\n"
                                         "    checks INTEGER NOT NULL,\n"
                                         "    up INTEGER NOT NULL,\n"
                                         "    uncounted INTEGER NOT NULL,\n"
                                         "    latency_min_ms REAL,\n"
                                         "    latency_mean_ms REAL,\n"
                                         "    latency_p95_ms REAL,\n"
                                         "    latency_max_ms REAL,\n"
                                         "    tally BLOB NOT NULL,\n"
                                         "    PRIMARY KEY (span, provider_name, key, model, start)\n"
                                         ") WITHOUT ROWID";

static const char create_rollups_index_sql[] =
    "CREATE INDEX IF NOT EXISTS idx_provider_rollups_start ON provider_rollups(span, start)";

static const char create_rollup_marks_sql[] = "CREATE TABLE IF NOT EXISTS provider_rollup_marks (\n"
                                              "    table_name TEXT NOT NULL PRIMARY KEY,\n"
                                              "    last_id INTEGER NOT NULL\n"
                                              ") WITHOUT ROWID";

/* `ended` is NULL while it lasts; `checks_lost` counts the failed checks. */
static const char create_incidents_sql[] = "CREATE TABLE IF NOT EXISTS provider_incidents (\n"
                                           "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                                           "    provider_name TEXT NOT NULL,\n"
                                           "    key INTEGER NOT NULL,\n"
                                           "    started DATETIME NOT NULL,\n"
                                           "    ended DATETIME,\n"
                                           "    kind TEXT,\n"
                                           "    first_error TEXT,\n"
                                           "    checks_lost INTEGER NOT NULL,\n"
                                           "    UNIQUE (provider_name, key, started)\n"
                                           ")";

static const char create_incidents_index_sql[] =
    "CREATE INDEX IF NOT EXISTS idx_provider_incidents_started ON provider_incidents(started)";

/* `id`: see health/event.h. */
static const char create_events_sql[] = "CREATE TABLE IF NOT EXISTS provider_events (\n"
                                        "    id INTEGER PRIMARY KEY,\n"
                                        "    time DATETIME NOT NULL,\n"
                                        "    kind TEXT NOT NULL,\n"
                                        "    provider_name TEXT NOT NULL,\n"
                                        "    key INTEGER NOT NULL,\n"
                                        "    from_value TEXT NOT NULL,\n"
                                        "    to_value TEXT NOT NULL,\n"
                                        "    message TEXT NOT NULL\n"
                                        ")";

static const char create_alert_marks_sql[] = "CREATE TABLE IF NOT EXISTS provider_alert_marks (\n"
                                             "    alert TEXT NOT NULL,\n"
                                             "    what TEXT NOT NULL,\n"
                                             "    event_id INTEGER NOT NULL,\n"
                                             "    told DATETIME,\n"
                                             "    PRIMARY KEY (alert, what, event_id)\n"
                                             ") WITHOUT ROWID";

/* Calls that clients reported, of five minutes from `start` on (UNIX time). `key` 0 and `model` '' are not known;
 * `outcome` is 'ok', 'aborted' or an error kind. Every number adds up, but the maxima. */
static const char create_reports_sql[] = "CREATE TABLE IF NOT EXISTS provider_reports (\n"
                                         "    start INTEGER NOT NULL,\n"
                                         "    provider_name TEXT NOT NULL,\n"
                                         "    key INTEGER NOT NULL,\n"
                                         "    model TEXT NOT NULL,\n"
                                         "    outcome TEXT NOT NULL,\n"
                                         "    calls INTEGER NOT NULL,\n"
                                         "    latency_count INTEGER NOT NULL,\n"
                                         "    latency_sum_ms REAL NOT NULL,\n"
                                         "    latency_max_ms REAL NOT NULL,\n"
                                         "    first_token_count INTEGER NOT NULL,\n"
                                         "    first_token_sum_ms REAL NOT NULL,\n"
                                         "    first_token_max_ms REAL NOT NULL,\n"
                                         "    speed_count INTEGER NOT NULL,\n"
                                         "    speed_sum REAL NOT NULL,\n"
                                         "    tokens INTEGER NOT NULL,\n"
                                         "    PRIMARY KEY (start, provider_name, key, model, outcome)\n"
                                         ") WITHOUT ROWID";

/* `added_as`: the type with which a table gets the column that has not got it yet; NULL: every such table has it. */
struct column {
    const char *name;
    const char *added_as;
};

static const struct column checks_columns[] = {
    {"id", NULL},
    {"provider_name", NULL},
    {"status", NULL},
    {"response_time_ms", NULL},
    {"uptime_percent", NULL},
    {"rate_limit_percent", NULL},
    {"last_check_timestamp", NULL},
    {"error_message", NULL},
    {"consecutive_failures", NULL},
    {"created_at", NULL},
    /* version 1 */
    {"ok", "INTEGER"},
    {"reason", "TEXT"},
    {"http_status", "INTEGER"},
    {"dns_ms", "REAL"},
    {"connect_ms", "REAL"},
    {"tls_ms", "REAL"},
    {"first_byte_ms", "REAL"},
    /* version 2 */
    {"error_kind", "TEXT"},
    {"key", "INTEGER"},
    {"rate_limit", "TEXT"},
};

static const struct column key_checks_columns[] = {
    {"id", NULL},
    {"provider_name", NULL},
    {"key", NULL},
    {"status", NULL},
    {"ok", NULL},
    {"response_time_ms", NULL},
    {"rate_limit_percent", NULL},
    {"rate_limit", NULL},
    {"last_check_timestamp", NULL},
    {"error_message", NULL},
    {"consecutive_failures", NULL},
    {"reason", NULL},
    {"error_kind", NULL},
    {"http_status", NULL},
};

static const struct column deep_checks_columns[] = {
    {"id", NULL},
    {"provider_name", NULL},
    {"key", NULL},
    {"rung", NULL},
    {"ok", NULL},
    {"error_kind", NULL},
    {"error_message", NULL},
    {"model_asked", NULL},
    {"model", NULL},
    {"first_token_ms", NULL},
    {"tokens_per_second", NULL},
    {"tokens", NULL},
    {"response_time_ms", NULL},
    {"http_status", NULL},
    {"last_check_timestamp", NULL},
};

static const struct column rollups_columns[] = {
    {"span", NULL},
    {"provider_name", NULL},
    {"key", NULL},
    {"model", NULL},
    {"start", NULL},
    {"checks", NULL},
    {"up", NULL},
    {"uncounted", NULL},
    {"latency_min_ms", NULL},
    {"latency_mean_ms", NULL},
    {"latency_p95_ms", NULL},
    {"latency_max_ms", NULL},
    {"tally", NULL},
};

static const struct column rollup_marks_columns[] = {
    {"table_name", NULL},
    {"last_id", NULL},
};

static const struct column incidents_columns[] = {
    {"id", NULL},    {"provider_name", NULL}, {"key", NULL},         {"started", NULL},
    {"ended", NULL}, {"kind", NULL},          {"first_error", NULL}, {"checks_lost", NULL},
};

static const struct column events_columns[] = {
    {"id", NULL},  {"time", NULL},       {"kind", NULL},     {"provider_name", NULL},
    {"key", NULL}, {"from_value", NULL}, {"to_value", NULL}, {"message", NULL},
};

static const struct column alert_marks_columns[] = {
    {"alert", NULL},
    {"what", NULL},
    {"event_id", NULL},
    {"told", NULL},
};

static const struct column reports_columns[] = {
    {"start", NULL},
    {"provider_name", NULL},
    {"key", NULL},
    {"model", NULL},
    {"outcome", NULL},
    {"calls", NULL},
    {"latency_count", NULL},
    {"latency_sum_ms", NULL},
    {"latency_max_ms", NULL},
    {"first_token_count", NULL},
    {"first_token_sum_ms", NULL},
    {"first_token_max_ms", NULL},
    {"speed_count", NULL},
    {"speed_sum", NULL},
    {"tokens", NULL},
};

#define COLUMNS(columns) columns, sizeof(columns) / sizeof((columns)[0])

static const struct table {
    const char *name;
    const char *create_sql;
    const char *index_sql; /* NULL = none */
    const struct column *columns;
    unsigned column_count;
    bool no_id; /* the first column is not its INTEGER PRIMARY KEY */
} tables[STORE_TABLES] = {
    [RECORD_CHECK] = {"provider_health_checks", create_checks_sql, create_checks_index_sql, COLUMNS(checks_columns),
                      .no_id = false},
    [RECORD_KEY_CHECK] = {"provider_key_checks", create_key_checks_sql, create_key_checks_index_sql,
                          COLUMNS(key_checks_columns), .no_id = false},
    [RECORD_DEEP_CHECK] = {"provider_deep_checks", create_deep_checks_sql, create_deep_checks_index_sql,
                           COLUMNS(deep_checks_columns), .no_id = false},
    [TABLE_ROLLUPS] = {"provider_rollups", create_rollups_sql, create_rollups_index_sql, COLUMNS(rollups_columns),
                       .no_id = true},
    [TABLE_ROLLUP_MARKS] = {"provider_rollup_marks", create_rollup_marks_sql, NULL, COLUMNS(rollup_marks_columns),
                            .no_id = true},
    [TABLE_INCIDENTS] = {"provider_incidents", create_incidents_sql, create_incidents_index_sql,
                         COLUMNS(incidents_columns), .no_id = false},
    [TABLE_EVENTS] = {"provider_events", create_events_sql, NULL, COLUMNS(events_columns), .no_id = false},
    [TABLE_ALERT_MARKS] = {"provider_alert_marks", create_alert_marks_sql, NULL, COLUMNS(alert_marks_columns),
                           .no_id = true},
    [TABLE_REPORTS] = {"provider_reports", create_reports_sql, NULL, COLUMNS(reports_columns), .no_id = true},
};

const char *schema_table_name(enum record_table table)
{
    return tables[table].name;
}

const char *schema_any_table_name(unsigned table)
{
    return tables[table].name;
}

unsigned schema_column_list(unsigned table, uint32_t columns, char *out, size_t out_size)
{
    unsigned count = 0;
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < tables[table].column_count && len < out_size; ++i) {
        if ((columns & 1u << i) == 0)
            continue;
        len +=
            (size_t)snprintf(out + len, out_size - len, "%s%s", count > 0 ? ", " : "", tables[table].columns[i].name);
        count += 1;
    }
    return count;
}

/* --- looking --- */

static int read_int64(sqlite3 *handle, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    int finalized = sqlite3_finalize(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : finalized;
}

static void note_column(const struct table *table, struct table_state *state, const char *name, bool is_key)
{
    for (unsigned i = 0; i < table->column_count; ++i) {
        if (sqlite3_stricmp(name, table->columns[i].name) == 0) {
            state->columns |= 1u << i;
            if (i == 0)
                state->id_is_key = is_key;
        }
    }
}

static int inspect_table(sqlite3 *handle, const struct table *table, struct table_state *state)
{
    sqlite3_stmt *columns = NULL;
    int result = sqlite3_prepare_v2(handle, "SELECT name, pk, type FROM pragma_table_info(?1)", -1, &columns, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_bind_text(columns, 1, table->name, -1, SQLITE_STATIC);
    while ((result = sqlite3_step(columns)) == SQLITE_ROW) {
        const char *type = (const char *)sqlite3_column_text(columns, 2);
        state->exists = true;
        note_column(table, state, (const char *)sqlite3_column_text(columns, 0),
                    sqlite3_column_int(columns, 1) == 1 && type != NULL && sqlite3_stricmp(type, "INTEGER") == 0);
    }
    sqlite3_finalize(columns);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

int schema_inspect(sqlite3 *handle, struct schema_state *state)
{
    *state = (struct schema_state){0};
    int result = read_int64(handle, "PRAGMA user_version", &state->version);
    for (unsigned i = 0; i < STORE_TABLES && result == SQLITE_OK; ++i)
        result = inspect_table(handle, &tables[i], &state->tables[i]);
    return result;
}

static bool table_acceptable(const struct table *table, const struct table_state *state, char *error, size_t error_size)
{
    for (unsigned i = 0; i < table->column_count; ++i) {
        if (table->columns[i].added_as == NULL && (state->columns & 1u << i) == 0) {
            snprintf(error, error_size, "its table %s has no column %s: it is not a provider status database",
                     table->name, table->columns[i].name);
            return false;
        }
    }
    if (!table->no_id && !state->id_is_key) {
        snprintf(error, error_size,
                 "the column id of its table %s is not INTEGER PRIMARY KEY: it is not a provider status database",
                 table->name);
        return false;
    }
    return true;
}

bool schema_acceptable(const struct schema_state *state, char *error, size_t error_size)
{
    if (state->version > STORE_SCHEMA_VERSION) {
        snprintf(error, error_size,
                 "its schema version (PRAGMA user_version) is %lld, this program knows %d: it was written by a newer "
                 "providerd, or belongs to another program",
                 (long long)state->version, STORE_SCHEMA_VERSION);
        return false;
    }
    for (unsigned i = 0; i < STORE_TABLES; ++i) {
        if (state->tables[i].exists && !table_acceptable(&tables[i], &state->tables[i], error, error_size))
            return false;
    }
    return true;
}

static int can_prepare(sqlite3 *handle, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    sqlite3_finalize(statement);
    return result;
}

int schema_read_level(sqlite3 *handle, enum schema_level *level)
{
    static const struct {
        enum schema_level level;
        const char *sql;
    } signs[] = {
        {SCHEMA_WHOLE, "SELECT calls FROM provider_reports LIMIT 0"},
        {SCHEMA_VERSION_4, "SELECT kind FROM provider_events LIMIT 0"},
        {SCHEMA_VERSION_3, "SELECT tally FROM provider_rollups LIMIT 0"},
        {SCHEMA_VERSION_2, "SELECT error_kind, key, rate_limit FROM provider_health_checks LIMIT 0"},
        {SCHEMA_VERSION_1, "SELECT ok, reason, http_status FROM provider_health_checks LIMIT 0"},
    };
    *level = SCHEMA_SEED;
    for (unsigned i = 0; i < sizeof(signs) / sizeof(signs[0]); ++i) {
        int result = can_prepare(handle, signs[i].sql);
        if (result == SQLITE_OK)
            *level = signs[i].level;
        if (result != SQLITE_ERROR) /* "no such column" */
            return result;
    }
    return SQLITE_OK;
}

/* --- changing --- */

static int extend_table(sqlite3 *handle, const struct table *table, const struct table_state *state)
{
    char sql[128];
    int result = sqlite3_exec(handle, table->create_sql, NULL, NULL, NULL);
    for (unsigned i = 0; i < table->column_count && result == SQLITE_OK; ++i) {
        const struct column *column = &table->columns[i];
        if ((state->columns & 1u << i) != 0 || column->added_as == NULL)
            continue;
        snprintf(sql, sizeof(sql), "ALTER TABLE %s ADD COLUMN %s %s", table->name, column->name, column->added_as);
        result = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    }
    if (result == SQLITE_OK && table->index_sql != NULL)
        result = sqlite3_exec(handle, table->index_sql, NULL, NULL, NULL);
    return result;
}

static int extend_all(sqlite3 *handle, const struct schema_state *state)
{
    char sql[64];
    int result = SQLITE_OK;
    for (unsigned i = 0; i < STORE_TABLES && result == SQLITE_OK; ++i)
        result = extend_table(handle, &tables[i], &state->tables[i]);
    if (result == SQLITE_OK && state->version != STORE_SCHEMA_VERSION) {
        snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", STORE_SCHEMA_VERSION);
        result = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    }
    return result;
}

enum database_result schema_establish(sqlite3 *handle, char *error, size_t error_size)
{
    struct schema_state state;
    int result = sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (result != SQLITE_OK)
        goto fail;
    if ((result = schema_inspect(handle, &state)) != SQLITE_OK)
        goto fail;
    if (!schema_acceptable(&state, error, error_size)) {
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
        return DATABASE_REFUSED;
    }
    if ((result = extend_all(handle, &state)) != SQLITE_OK)
        goto fail;
    if ((result = sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK)
        goto fail;
    return DATABASE_OK;
fail:
    database_explain(handle, result, error, error_size);
    if (sqlite3_get_autocommit(handle) == 0)
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return database_result_of(result);
}
