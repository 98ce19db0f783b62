/* What can still be read of a database that was set aside goes into the new one, before that takes anything else, so
 * that each row keeps its id: retention and rollups rely on ids that ascend with time.
 *
 * Tables with an id are read from the end, the newest first; where a page cannot be read, the next rows below it are
 * sought. The others are read from both ends. What is no row of ours (garbage that happens to parse) is left out. The
 * damaged file itself is not changed; "sqlite3 FILE .recover" may get more out of it.
 */
#include "store/store_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    ROWS_OF_A_TRANSACTION = 10000,
    SKIPPED_IDS = 16, /* fewer than lie on a page */
    SQL_MAX = 2048,
};

/* Where to begin when neither the end of a table nor its counter can be read. */
#define HIGHEST_ID_ASSUMED (INT64_C(1) << 24)

struct salvage {
    struct store *store;
    sqlite3 *from;
    sqlite3 *to;
    sqlite3_stmt *insert;
    bool nameless; /* rows of the table at hand may be of no provider */
    unsigned uncommitted;
    uint64_t carried;
    uint64_t passed_over; /* places that could not be read */
};

/* --- one row --- */

/* `nameless`: a row may be of no provider. */
static bool row_is_ours(sqlite3_stmt *row, bool nameless)
{
    for (int i = 0; i < sqlite3_column_count(row); ++i) {
        const char *name = sqlite3_column_name(row, i), *text;
        int64_t time_us;
        if (strcmp(name, "provider_name") == 0) {
            int len = sqlite3_column_bytes(row, i);
            if (sqlite3_column_type(row, i) != SQLITE_TEXT || (len < 1 && !nameless) || len >= PROVIDER_NAME_MAX)
                return false;
        } else if (strcmp(name, "last_check_timestamp") == 0 || strcmp(name, "started") == 0 ||
                   strcmp(name, "time") == 0) {
            text = (const char *)sqlite3_column_text(row, i);
            if (text == NULL || clock_parse_iso(text, strlen(text), &time_us) != 0)
                return false;
        }
    }
    return true;
}

static int commit(struct salvage *salvage)
{
    salvage->uncommitted = 0;
    return sqlite3_get_autocommit(salvage->to) == 0 ? sqlite3_exec(salvage->to, "COMMIT", NULL, NULL, NULL) : SQLITE_OK;
}

/* An SQLite result of the new database; a row that it refuses is left out. */
static int carry(struct salvage *salvage, sqlite3_stmt *row)
{
    int result = SQLITE_OK;
    if (!row_is_ours(row, salvage->nameless))
        return SQLITE_OK;
    if (sqlite3_get_autocommit(salvage->to) != 0 &&
        (result = sqlite3_exec(salvage->to, "BEGIN IMMEDIATE", NULL, NULL, NULL)) != SQLITE_OK)
        return result;
    for (int i = 0; i < sqlite3_column_count(row); ++i)
        sqlite3_bind_value(salvage->insert, i + 1, sqlite3_column_value(row, i));
    sqlite3_step(salvage->insert);
    result = sqlite3_reset(salvage->insert);
    if ((result & 0xff) == SQLITE_CONSTRAINT)
        return SQLITE_OK;
    if (result != SQLITE_OK)
        return result;
    salvage->carried += (uint64_t)sqlite3_changes(salvage->to);
    salvage->uncommitted += 1;
    return salvage->uncommitted == ROWS_OF_A_TRANSACTION ? commit(salvage) : SQLITE_OK;
}

/* --- a table --- */

static bool stop_wanted(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    bool stopping = store->stopping;
    pthread_mutex_unlock(&store->mutex);
    return stopping;
}

/* Carries over what the statement gives. SQLITE_DONE at its end, SQLITE_ABORT when the store is to stop, otherwise the
 * damaged file's error; an error of the new one is in `write_result`. `last_id` follows the first column. */
static int carry_rows(struct salvage *salvage, sqlite3_stmt *rows, int64_t *last_id, int *write_result)
{
    int result;
    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        *last_id = sqlite3_column_int64(rows, 0);
        if ((*write_result = carry(salvage, rows)) != SQLITE_OK)
            break;
        if (salvage->uncommitted == 0 && stop_wanted(salvage->store))
            return SQLITE_ABORT;
    }
    int reset = sqlite3_reset(rows);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_DONE : reset;
}

static int64_t highest_id(struct salvage *salvage, const char *table)
{
    char sql[SQL_MAX];
    int64_t id = HIGHEST_ID_ASSUMED;
    sqlite3_stmt *find = NULL;
    snprintf(sql, sizeof(sql), "SELECT seq FROM sqlite_sequence WHERE name = '%s'", table);
    if (sqlite3_prepare_v2(salvage->from, sql, -1, &find, NULL) == SQLITE_OK && sqlite3_step(find) == SQLITE_ROW)
        id = sqlite3_column_int64(find, 0);
    sqlite3_finalize(find);
    return id;
}

static int carry_by_id(struct salvage *salvage, const char *table, const char *columns, int *write_result)
{
    char sql[SQL_MAX];
    sqlite3_stmt *rows = NULL;
    int64_t below = INT64_MAX;
    snprintf(sql, sizeof(sql), "SELECT %s FROM %s WHERE id < ?1 ORDER BY id DESC", columns, table);
    int result = sqlite3_prepare_v2(salvage->from, sql, -1, &rows, NULL);
    if (result != SQLITE_OK) {
        salvage->passed_over += 1;
        return result;
    }
    for (;;) {
        sqlite3_bind_int64(rows, 1, below);
        result = carry_rows(salvage, rows, &below, write_result);
        if (result == SQLITE_DONE || result == SQLITE_ABORT)
            break;
        salvage->passed_over += 1;
        below = below == INT64_MAX ? highest_id(salvage, table) + 1 : below - SKIPPED_IDS;
        if (below <= 1 || stop_wanted(salvage->store))
            break;
    }
    sqlite3_finalize(rows);
    return result == SQLITE_ABORT ? SQLITE_ABORT : SQLITE_OK;
}

/* SQLITE_OK when all of it could be read. */
static int carry_from_both_ends(struct salvage *salvage, const char *table, const char *columns, const char *key,
                                int *write_result)
{
    static const char *const orders[] = {"ASC", "DESC"};
    char sql[SQL_MAX], keys[128];
    int result = SQLITE_ERROR;
    for (unsigned i = 0; i < 2 && result != SQLITE_DONE && *write_result == SQLITE_OK; ++i) {
        sqlite3_stmt *rows = NULL;
        int64_t unused;
        snprintf(keys, sizeof(keys), key, orders[i], orders[i], orders[i], orders[i], orders[i]);
        snprintf(sql, sizeof(sql), "SELECT %s FROM %s ORDER BY %s", columns, table, keys);
        result = sqlite3_prepare_v2(salvage->from, sql, -1, &rows, NULL);
        if (result == SQLITE_OK)
            result = carry_rows(salvage, rows, &unused, write_result);
        sqlite3_finalize(rows);
        if (result != SQLITE_DONE)
            salvage->passed_over += 1;
        if (result == SQLITE_ABORT)
            return result;
    }
    return SQLITE_OK;
}

/* Returns an SQLite result of the new database, or SQLITE_ABORT. */
static int carry_table(struct salvage *salvage, unsigned table, const struct table_state *state)
{
    char columns[SQL_MAX / 2], sql[SQL_MAX];
    int write_result = SQLITE_OK, result;
    const char *name = schema_any_table_name(table);
    unsigned count = schema_column_list(table, state->columns, columns, sizeof(columns));
    if (!state->exists || count == 0)
        return SQLITE_OK;
    int len = snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO %s (%s) VALUES (?", name, columns);
    for (unsigned i = 1; i < count; ++i)
        len += snprintf(sql + len, sizeof(sql) - (size_t)len, ", ?");
    snprintf(sql + len, sizeof(sql) - (size_t)len, ")");
    result = sqlite3_prepare_v2(salvage->to, sql, -1, &salvage->insert, NULL);
    if (result != SQLITE_OK)
        return result;
    salvage->nameless = table == TABLE_EVENTS;
    if (table == TABLE_ROLLUPS)
        result = carry_from_both_ends(salvage, name, columns, "span %s, provider_name %s, key %s, model %s, start %s",
                                      &write_result);
    else if (table == TABLE_EVENTS) /* ids lie too far apart to be sought */
        result = carry_from_both_ends(salvage, name, columns, "id %s", &write_result);
    else if (table == TABLE_REPORTS)
        result = carry_from_both_ends(salvage, name, columns,
                                      "start %s, provider_name %s, key %s, model %s, outcome %s", &write_result);
    else if (table == TABLE_ALERT_MARKS)
        result = carry_from_both_ends(salvage, name, columns, "alert %s, what %s, event_id %s", &write_result);
    else if (table == TABLE_ROLLUP_MARKS)
        result = carry_from_both_ends(salvage, name, columns, "table_name %s", &write_result);
    else
        result = carry_by_id(salvage, name, columns, &write_result);
    sqlite3_finalize(salvage->insert);
    salvage->insert = NULL;
    if (write_result == SQLITE_OK)
        write_result = commit(salvage);
    return write_result != SQLITE_OK ? write_result : result == SQLITE_ABORT ? SQLITE_ABORT : SQLITE_OK;
}

/* --- all of it --- */

/* Rows that are in rollups must not be rolled up again. Where their mark was lost, all of them count as rolled up. */
static int mend_marks(sqlite3 *to)
{
    char sql[512];
    int result = SQLITE_OK;
    for (unsigned i = 0; i < RECORD_TABLES && result == SQLITE_OK; ++i) {
        const char *name = schema_table_name(i);
        snprintf(sql, sizeof(sql),
                 "INSERT OR IGNORE INTO provider_rollup_marks (table_name, last_id) SELECT '%s', max(id) FROM %s"
                 " WHERE EXISTS (SELECT 1 FROM provider_rollups) HAVING max(id) IS NOT NULL",
                 name, name);
        result = sqlite3_exec(to, sql, NULL, NULL, NULL);
    }
    return result;
}

static void forget(struct salvage *salvage)
{
    char shm[PATH_MAX + 8];
    sqlite3_close(salvage->from);
    snprintf(shm, sizeof(shm), "%s-shm", salvage->store->salvage_path);
    unlink(shm);
}

static int carry_all(struct salvage *salvage)
{
    static const unsigned order[] = {TABLE_ROLLUP_MARKS, TABLE_ROLLUPS,     TABLE_INCIDENTS,
                                     TABLE_EVENTS,       TABLE_ALERT_MARKS, TABLE_REPORTS,
                                     RECORD_CHECK,       RECORD_KEY_CHECK,  RECORD_DEEP_CHECK};
    struct schema_state state;
    int result = schema_inspect(salvage->from, &state);
    if (result != SQLITE_OK) {
        salvage->passed_over += 1;
        return SQLITE_OK;
    }
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]) && result == SQLITE_OK; ++i)
        result = carry_table(salvage, order[i], &state.tables[order[i]]);
    return result == SQLITE_OK ? mend_marks(salvage->to) : result;
}

static void tell(struct salvage *salvage, bool stopped)
{
    struct store *store = salvage->store;
    pthread_mutex_lock(&store->mutex);
    store->report.set_aside.carried_over += salvage->carried;
    pthread_mutex_unlock(&store->mutex);
    log_info("store", "%s: %llu rows of %s were carried over%s", store->path, (unsigned long long)salvage->carried,
             store->salvage_path,
             stopped                    ? "; then it had to stop"
             : salvage->passed_over > 0 ? "; some of it could not be read"
                                        : "");
}

bool salvage_run(struct store *store, char *error, size_t error_size)
{
    struct salvage salvage = {.store = store, .to = store->database.handle};
    if (store->salvage_path[0] == '\0')
        return true;
    int result = SQLITE_OK;
    if (sqlite3_open_v2(store->salvage_path, &salvage.from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
        SQLITE_OK) {
        sqlite3_db_config(salvage.from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_db_config(salvage.from, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        /* A page whose cells do not fit is told at once; an entry of the schema that is nonsense hides no other. */
        sqlite3_exec(salvage.from, "PRAGMA query_only = 1; PRAGMA cell_size_check = 1; PRAGMA writable_schema = 1",
                     NULL, NULL, NULL);
        result = carry_all(&salvage);
    }
    forget(&salvage);
    if (result != SQLITE_OK && result != SQLITE_ABORT) {
        database_explain(salvage.to, result, error, error_size);
        if (sqlite3_get_autocommit(salvage.to) == 0)
            sqlite3_exec(salvage.to, "ROLLBACK", NULL, NULL, NULL);
        return false;
    }
    tell(&salvage, result == SQLITE_ABORT);
    store->salvage_path[0] = '\0';
    return true;
}
