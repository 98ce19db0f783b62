/* Deletes checks that are too old, a little at a time and without a scan: ids ascend with time, so the oldest rows of a
 * table are the first by id, and the first row that is young enough ends the search. */
#include "store/store_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum {
    FREE_PAGES_WORTH_RETURNING = 1024,
    FREE_SHARE_WORTH_RETURNING = 4, /* a quarter of the file */
};

/* A row dated further ahead than this was written while the clock was wrong. It must not hold up the rows behind it. */
#define FUTURE_TOLERANCE_US (24 * 3600 * INT64_C(1000000))

/* The id up to which rows can go, among the first few; 0 = none. Rows whose time cannot be read, or lies in the
 * future, go along when an expired row follows them. Returns an SQLite result. */
static int find_expired(sqlite3_stmt *oldest, const struct retention_order *order, int64_t *last_id, int *rows)
{
    int result;
    *last_id = 0;
    *rows = 0;
    sqlite3_bind_int(oldest, 1, order->rows);
    while ((result = sqlite3_step(oldest)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(oldest, 1);
        int64_t checked_us;
        bool dated = text != NULL && clock_parse_iso(text, strlen(text), &checked_us) == 0 &&
                     checked_us <= order->now_us + FUTURE_TOLERANCE_US;
        if (dated && checked_us >= order->checks_before_us) {
            result = SQLITE_DONE;
            break;
        }
        *rows += 1;
        if (dated)
            *last_id = sqlite3_column_int64(oldest, 0);
    }
    sqlite3_reset(oldest);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int delete_up_to(sqlite3_stmt *statement, int64_t last_id)
{
    sqlite3_bind_int64(statement, 1, last_id);
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

/* What is not rolled up yet stays. */
static int delete_checks(struct database *database, enum record_table table, const struct retention_order *order,
                         bool *more)
{
    int64_t last_id, mark;
    int rows;
    int result = find_expired(database->oldest[table], order, &last_id, &rows);
    if (result == SQLITE_OK)
        result = rollup_read_mark(database, table, &mark);
    *more = false;
    if (result != SQLITE_OK || last_id == 0 || mark == 0)
        return result;
    *more = last_id <= mark && rows == order->rows;
    return delete_up_to(database->delete_up_to[table], last_id < mark ? last_id : mark);
}

/* The fine rollups of all providers together, the incidents, the events and the sums of reports: few enough to go at
 * once. Ids of events are milliseconds. */
static int delete_others(sqlite3 *handle, const struct retention_order *order)
{
    char sql[512], before[CLOCK_ISO_MAX];
    clock_format_sql(order->incidents_before_us > 0 ? order->incidents_before_us : 0, before);
    snprintf(sql, sizeof(sql),
             "DELETE FROM provider_rollups WHERE span = %d AND start < %lld;"
             "DELETE FROM provider_incidents WHERE started < '%s' AND ended IS NOT NULL;"
             "DELETE FROM provider_events WHERE id < %lld;"
             "DELETE FROM provider_reports WHERE start < %lld",
             ROLLUP_FINE_S, (long long)(order->checks_before_us / 1000000 - ROLLUP_FINE_S), before,
             (long long)(order->events_before_us / 1000), (long long)(order->checks_before_us / 1000000));
    return sqlite3_exec(handle, sql, NULL, NULL, NULL);
}

static int64_t pragma_int64(sqlite3 *handle, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = 0;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* In the steady state new checks fill the pages of deleted ones. Only when much of the file is free, as after a
 * shorter retention, some pages go back to the file system; only in files that were created for it. */
static bool return_pages(sqlite3 *handle)
{
    int64_t free_pages = pragma_int64(handle, "PRAGMA freelist_count");
    if (free_pages < FREE_PAGES_WORTH_RETURNING ||
        free_pages < pragma_int64(handle, "PRAGMA page_count") / FREE_SHARE_WORTH_RETURNING ||
        pragma_int64(handle, "PRAGMA auto_vacuum") != 2)
        return false;
    return sqlite3_exec(handle, "PRAGMA incremental_vacuum(64)", NULL, NULL, NULL) == SQLITE_OK;
}

enum retention_result retention_step(struct database *database, const struct retention_order *order, char *error,
                                     size_t error_size)
{
    int result = SQLITE_OK;
    bool more = false;
    for (unsigned i = 0; i < RECORD_TABLES && result == SQLITE_OK && !more; ++i)
        result = delete_checks(database, i, order, &more);
    if (result == SQLITE_OK && !more)
        result = delete_others(database->handle, order);
    if (result != SQLITE_OK) {
        database_explain(database->handle, result, error, error_size);
        return RETENTION_FAILED;
    }
    return more || return_pages(database->handle) ? RETENTION_MORE : RETENTION_DONE;
}
