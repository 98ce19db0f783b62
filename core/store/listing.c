/* Whole tables, page by page: the checks for an export, the outages, the events. */
#include "store/store_internal.h"

#include "base/clock.h"

#include <string.h>

/* -- export -- */

#define EXPORT_SQL(columns) "SELECT " columns " FROM provider_health_checks WHERE id > ?1 ORDER BY id LIMIT ?2"

#define SEED_COLUMNS                                                                                                   \
    "id, provider_name, status, response_time_ms, uptime_percent, rate_limit_percent, last_check_timestamp,"           \
    " error_message, consecutive_failures, created_at, "

static const char *const export_sql[] = {
    [SCHEMA_SEED] = EXPORT_SQL(SEED_COLUMNS "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"),
    [SCHEMA_VERSION_1] =
        EXPORT_SQL(SEED_COLUMNS "ok, reason, http_status, dns_ms, connect_ms, tls_ms, first_byte_ms, NULL, NULL, NULL"),
    [SCHEMA_VERSION_2] = EXPORT_SQL(STORE_EXPORT_COLUMNS),
    [SCHEMA_VERSION_3] = EXPORT_SQL(STORE_EXPORT_COLUMNS),
    [SCHEMA_VERSION_4] = EXPORT_SQL(STORE_EXPORT_COLUMNS),
    [SCHEMA_WHOLE] = EXPORT_SQL(STORE_EXPORT_COLUMNS),
};

int store_export_page(struct store_reader *reader, int64_t *after_id, int limit, export_row_fn row_fn, void *user,
                      char *error, size_t error_size)
{
    int rows = 0, result = reader_refresh_level(reader);
    if (result == SQLITE_OK)
        result = reader_prepare(reader, &reader->statements[READER_EXPORT], export_sql[reader->level]);
    if (result == SQLITE_OK) {
        sqlite3_stmt *statement = reader->statements[READER_EXPORT];
        sqlite3_bind_int64(statement, 1, *after_id);
        sqlite3_bind_int(statement, 2, limit);
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
            *after_id = sqlite3_column_int64(statement, 0);
            row_fn(statement, user);
            ++rows;
        }
        sqlite3_reset(statement);
    }
    if (result == SQLITE_OK || result == SQLITE_DONE)
        return rows;
    reader_explain(reader, result, error, error_size);
    return -1;
}

/* -- outages -- */

static const char incidents_sql[] =
    "SELECT id, provider_name, key, started, ended, kind, first_error, checks_lost FROM provider_incidents"
    " WHERE (started, id) < (?1, ?2) ORDER BY started DESC, id DESC LIMIT ?3";

/* Sorts behind every date. */
static const char newest[] = ":";

static bool read_time(sqlite3_stmt *row, int column, int64_t *wall_us)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text != NULL && clock_parse_iso(text, strlen(text), wall_us) == 0;
}

/* False when the callback had enough. */
static bool deliver_incident(sqlite3_stmt *row, const struct history_range *range, incident_row_fn row_fn, void *user)
{
    struct incident_row incident = {
        .id = sqlite3_column_int64(row, 0),
        .provider = (const char *)sqlite3_column_text(row, 1),
        .key = (unsigned)sqlite3_column_int(row, 2),
        .kind = (const char *)sqlite3_column_text(row, 5),
        .error = (const char *)sqlite3_column_text(row, 6),
        .checks_lost = sqlite3_column_int64(row, 7),
    };
    if (incident.provider == NULL || !read_time(row, 3, &incident.started_us))
        return true;
    bool ended = read_time(row, 4, &incident.ended_us);
    if (incident.started_us >= range->to_us || (ended && incident.ended_us < range->from_us))
        return true;
    return row_fn(&incident, user);
}

int store_incidents_page(struct store_reader *reader, const struct history_range *range, struct history_cursor *cursor,
                         int limit, incident_row_fn row_fn, void *user, char *error, size_t error_size)
{
    int rows = 0, result = reader_refresh_level(reader);
    bool more = true;
    if (result == SQLITE_OK && reader->level < SCHEMA_VERSION_3) /* no such table yet */
        return 0;
    if (result == SQLITE_OK)
        result = reader_prepare(reader, &reader->statements[READER_INCIDENTS], incidents_sql);
    if (result == SQLITE_OK) {
        sqlite3_stmt *statement = reader->statements[READER_INCIDENTS];
        bool fresh = cursor->after_time[0] == '\0';
        sqlite3_bind_text(statement, 1, fresh ? newest : cursor->after_time, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(statement, 2, cursor->after_id);
        sqlite3_bind_int(statement, 3, limit);
        while (more && (result = sqlite3_step(statement)) == SQLITE_ROW) {
            const char *started = (const char *)sqlite3_column_text(statement, 3);
            ++rows;
            if (started == NULL || strlen(started) >= sizeof(cursor->after_time))
                continue;
            strcpy(cursor->after_time, started);
            cursor->after_id = sqlite3_column_int64(statement, 0);
            more = deliver_incident(statement, range, row_fn, user);
        }
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
    if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE)
        return rows;
    reader_explain(reader, result, error, error_size);
    return -1;
}

/* -- events -- */

#define EVENTS_SQL(order)                                                                                              \
    "SELECT id, time, kind, provider_name, key, from_value, to_value, message FROM provider_events"                    \
    " WHERE id > ?1 AND id < ?2 ORDER BY id " order " LIMIT ?3"

/* NULL when memory ran out, or it is none that this program knows. */
static struct event *read_event(sqlite3_stmt *row)
{
    struct event_parts parts = {
        .id = sqlite3_column_int64(row, 0),
        .key = (unsigned)sqlite3_column_int(row, 4),
        .provider = (const char *)sqlite3_column_text(row, 3),
        .from = (const char *)sqlite3_column_text(row, 5),
        .to = (const char *)sqlite3_column_text(row, 6),
        .message = (const char *)sqlite3_column_text(row, 7),
    };
    const char *kind = (const char *)sqlite3_column_text(row, 2);
    if (kind == NULL || !event_kind_parse(kind, &parts.kind) || !read_time(row, 1, &parts.at_us))
        return NULL;
    return event_new(&parts);
}

int store_events_page(struct store_reader *reader, const struct event_range *range, int limit, event_row_fn row_fn,
                      void *user, int64_t *last_id, char *error, size_t error_size)
{
    int rows = 0, result = reader_refresh_level(reader);
    unsigned which = range->newest_first ? READER_EVENTS_BACK : READER_EVENTS;
    if (result == SQLITE_OK && reader->level < SCHEMA_VERSION_4) /* no such table yet */
        return 0;
    if (result == SQLITE_OK)
        result = reader_prepare(reader, &reader->statements[which],
                                range->newest_first ? EVENTS_SQL("DESC") : EVENTS_SQL("ASC"));
    if (result == SQLITE_OK) {
        sqlite3_stmt *statement = reader->statements[which];
        sqlite3_bind_int64(statement, 1, range->after_id);
        sqlite3_bind_int64(statement, 2, range->before_id);
        sqlite3_bind_int(statement, 3, limit);
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
            struct event *event = read_event(statement);
            *last_id = sqlite3_column_int64(statement, 0);
            ++rows;
            if (event != NULL)
                row_fn(event, user);
        }
        sqlite3_reset(statement);
    }
    if (result == SQLITE_OK || result == SQLITE_DONE)
        return rows;
    reader_explain(reader, result, error, error_size);
    return -1;
}
