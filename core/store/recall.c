#include "store/recall.h"

#include "base/clock.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <string.h>

static bool read_time(sqlite3_stmt *row, int column, int64_t *wall_us)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text != NULL && clock_parse_iso(text, strlen(text), wall_us) == 0;
}

static void copy_column(sqlite3_stmt *row, int column, char *out, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    snprintf(out, size, "%s", text != NULL ? text : "");
}

/* SQLITE_OK with NULL when the file has no such table yet. */
static int prepare(struct store_reader *reader, enum reader_statement which, const char *sql, enum schema_level least,
                   sqlite3_stmt **statement)
{
    int result = reader_refresh_level(reader);
    *statement = NULL;
    if (result != SQLITE_OK || reader->level < least)
        return result;
    result = reader_prepare(reader, &reader->statements[which], sql);
    *statement = reader->statements[which];
    return result;
}

static int finish(sqlite3_stmt *statement, int result)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int answer(struct store_reader *reader, int result, char *error, size_t error_size)
{
    if (result == SQLITE_OK)
        return 0;
    reader_explain(reader, result, error, error_size);
    return -1;
}

/* -- streaks -- */

/* Backwards along the index. `up` is NULL where nothing was learned; in a row of the original it follows from the
 * status, as in read_counted() of rollup.c. */
#define STREAK_SQL(up, table, series)                                                                                  \
    "SELECT last_check_timestamp, " up ", error_kind, error_message FROM " table " WHERE provider_name = ?1" series    \
    " AND last_check_timestamp < ?2 ORDER BY last_check_timestamp DESC, id DESC LIMIT ?3"

#define UP_OF_STATUS                                                                                                   \
    "CASE WHEN ok IS NOT NULL THEN ok WHEN status IS NULL OR status = 'unknown' THEN NULL ELSE status = 'healthy' OR"  \
    " (status = 'degraded' AND consecutive_failures = 0) END"

static const char *const streak_sql[RECORD_TABLES] = {
    [RECORD_CHECK] = STREAK_SQL(UP_OF_STATUS, "provider_health_checks", ""),
    [RECORD_KEY_CHECK] = STREAK_SQL("ok", "provider_key_checks", " AND key = ?4"),
    [RECORD_DEEP_CHECK] = STREAK_SQL("ok", "provider_deep_checks", " AND model_asked = ?4"),
};

/* False when the row ends the streak. */
static bool add_to_streak(sqlite3_stmt *row, struct recalled_streak *recalled)
{
    struct streak *streak = &recalled->streak;
    int64_t checked_us;
    if (sqlite3_column_type(row, 1) == SQLITE_NULL || !read_time(row, 0, &checked_us))
        return true;
    bool up = sqlite3_column_int(row, 1) != 0;
    if (streak->checks != 0 && streak->up != up) {
        recalled->bounded = true;
        return false;
    }
    *streak = (struct streak){.checks = streak->checks + 1, .up = up, .since_us = checked_us};
    if (!up) {
        copy_column(row, 2, recalled->kind, sizeof(recalled->kind));
        copy_column(row, 3, recalled->message, sizeof(recalled->message));
    }
    return true;
}

int store_recall_streak(struct store_reader *reader, const struct history_series *series, int64_t before_us,
                        struct recalled_streak *recalled, char *error, size_t error_size)
{
    sqlite3_stmt *statement;
    char before[CLOCK_ISO_MAX];
    *recalled = (struct recalled_streak){.bounded = false};
    int result =
        prepare(reader, READER_STREAK + series->table, streak_sql[series->table], SCHEMA_VERSION_2, &statement);
    if (statement == NULL || result != SQLITE_OK)
        return answer(reader, result, error, error_size);
    clock_format_sql(before_us, before);
    sqlite3_bind_text(statement, 1, series->provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, before, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 3, RECALL_STREAK_ROWS);
    if (series->table == RECORD_KEY_CHECK)
        sqlite3_bind_int64(statement, 4, series->key);
    else if (series->table == RECORD_DEEP_CHECK)
        sqlite3_bind_text(statement, 4, series->model, -1, SQLITE_STATIC);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW && add_to_streak(statement, recalled))
        continue;
    return answer(reader, finish(statement, result), error, error_size);
}

/* -- outages -- */

static const char outages_sql[] =
    "SELECT started, ended, kind, first_error, checks_lost FROM provider_incidents WHERE provider_name = ?1"
    " AND key = ?2 AND (ended IS NULL OR ended >= ?3) ORDER BY started";

int store_recall_outages(struct store_reader *reader, const char *provider, unsigned key, int64_t from_us,
                         recall_outage_fn found_fn, void *user, char *error, size_t error_size)
{
    sqlite3_stmt *statement;
    char from[CLOCK_ISO_MAX];
    int result = prepare(reader, READER_OUTAGES, outages_sql, SCHEMA_VERSION_3, &statement);
    if (statement == NULL || result != SQLITE_OK)
        return answer(reader, result, error, error_size);
    clock_format_sql(from_us, from);
    sqlite3_bind_text(statement, 1, provider, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, key);
    sqlite3_bind_text(statement, 3, from, -1, SQLITE_STATIC);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct outage outage = {.checks_lost = (uint32_t)sqlite3_column_int64(statement, 4)};
        copy_column(statement, 2, outage.kind, sizeof(outage.kind));
        copy_column(statement, 3, outage.first_error, sizeof(outage.first_error));
        read_time(statement, 1, &outage.ended_us);
        if (read_time(statement, 0, &outage.started_us))
            found_fn(&outage, user);
    }
    return answer(reader, finish(statement, result), error, error_size);
}

/* -- models -- */

static const char models_sql[] =
    "SELECT model_asked, max(last_check_timestamp) FROM provider_deep_checks WHERE provider_name = ?1"
    " AND last_check_timestamp < ?2 AND model_asked <> '' GROUP BY model_asked ORDER BY 2 DESC LIMIT ?3";

int store_recall_models(struct store_reader *reader, const char *provider, int64_t before_us, int limit,
                        recall_model_fn model_fn, void *user, char *error, size_t error_size)
{
    sqlite3_stmt *statement;
    char before[CLOCK_ISO_MAX];
    int result = prepare(reader, READER_MODELS, models_sql, SCHEMA_VERSION_2, &statement);
    if (statement == NULL || result != SQLITE_OK)
        return answer(reader, result, error, error_size);
    clock_format_sql(before_us, before);
    sqlite3_bind_text(statement, 1, provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, before, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 3, limit);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *model = (const char *)sqlite3_column_text(statement, 0);
        int64_t checked_us;
        if (model != NULL && strlen(model) < MODEL_ID_MAX && read_time(statement, 1, &checked_us))
            model_fn(model, checked_us, user);
    }
    return answer(reader, finish(statement, result), error, error_size);
}
