/* Reading the history: pages of one provider, and the names of all. */
#include "store/store_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* The upper bound of a page that is to go on to the end: sorts behind every date. */
static const char no_upper_bound[] = ":";

/* What an older file has no column for is NULL. A rate_limit that is damaged is as good as none. */
#define HISTORY_SQL(columns)                                                                                           \
    "SELECT id, status, response_time_ms, last_check_timestamp, rate_limit_percent, " columns                          \
    " FROM provider_health_checks"                                                                                     \
    " WHERE provider_name = ?1 AND (last_check_timestamp, id) > (?2, ?3) AND last_check_timestamp < ?4"                \
    " ORDER BY last_check_timestamp, id"

#define VERSION_2_COLUMNS                                                                                              \
    "ok, reason, error_kind, CASE WHEN json_valid(rate_limit) THEN"                                                    \
    " CASE json_type(rate_limit) WHEN 'array' THEN rate_limit END END"

static const char *const history_sql[] = {
    [SCHEMA_SEED] = HISTORY_SQL("NULL, NULL, NULL, NULL"),
    [SCHEMA_VERSION_1] = HISTORY_SQL("ok, reason, NULL, NULL"),
    [SCHEMA_VERSION_2] = HISTORY_SQL(VERSION_2_COLUMNS),
    [SCHEMA_WHOLE] = HISTORY_SQL(VERSION_2_COLUMNS),
};

/* SQLite jumps to the first entry of the index behind the name: as many seeks as names, however many rows. */
static const char next_name_sql[] =
    "SELECT provider_name FROM provider_health_checks WHERE provider_name > ?1 ORDER BY provider_name LIMIT 1";

void seek_times_from(int64_t from_us, struct seek_times *seek)
{
    char text[CLOCK_ISO_MAX];
    size_t len = clock_format_sql(from_us > 0 ? from_us : 0, text);
    while (len > 0 && text[len - 1] == '0' && strchr(text, '.') != NULL)
        text[--len] = '\0';
    if (len > 0 && text[len - 1] == '.')
        text[--len] = '\0';
    snprintf(seek->with_t, sizeof(seek->with_t), "%s", text);
    snprintf(seek->with_space, sizeof(seek->with_space), "%.10s %s", text, len > 11 ? text + 11 : "");
    snprintf(seek->day_t, sizeof(seek->day_t), "%.10sT", text);
}

/* A statement for an older file is not kept longer than a page: the writer may extend the file at any time. */
static int prepare_history(struct store_reader *reader)
{
    if (reader->level != SCHEMA_WHOLE) {
        sqlite3_finalize(reader->history);
        reader->history = NULL;
        int result = schema_read_level(reader->handle, &reader->level);
        if (result != SQLITE_OK)
            return result;
    }
    return reader_prepare(reader, &reader->history, history_sql[reader->level]);
}

/* A stretch of rows between two times: what a page hands on to the next one. */
struct page {
    const char *provider;
    int64_t from_us;
    struct history_cursor *cursor;
    int limit;
    int delivered;
    bool ended; /* the callback had enough */
    history_row_fn row_fn;
    void *user;
};

/* A row without a readable time, or with one too long for a cursor, cannot be shown on a time axis: it is passed over.
 */
static void deliver_row(sqlite3_stmt *statement, struct page *page)
{
    struct history_row row = {.id = sqlite3_column_int64(statement, 0), .provider = page->provider};
    const char *checked = (const char *)sqlite3_column_text(statement, 3);
    if (checked == NULL || strlen(checked) >= sizeof(page->cursor->after_time) ||
        clock_parse_iso(checked, strlen(checked), &row.checked_us) != 0 || row.checked_us < page->from_us)
        return;
    row.status = (const char *)sqlite3_column_text(statement, 1);
    if (row.status == NULL)
        row.status = health_status_name(HEALTH_UNKNOWN);
    row.response_time_ms = sqlite3_column_double(statement, 2); /* NULL reads as 0.0 */
    row.rate_limit_percent = sqlite3_column_double(statement, 4);
    row.ok = sqlite3_column_type(statement, 5) == SQLITE_NULL ? -1 : sqlite3_column_int(statement, 5) != 0;
    row.reason = (const char *)sqlite3_column_text(statement, 6);
    row.error_kind = (const char *)sqlite3_column_text(statement, 7);
    row.rate_limit = (const char *)sqlite3_column_text(statement, 8);
    strcpy(page->cursor->after_time, checked);
    page->cursor->after_id = row.id;
    page->delivered += 1;
    page->ended = !page->row_fn(&row, page->user);
}

/* Rows behind (after_time, after_id) and before `below`. Returns an SQLite result. */
static int deliver_stretch(sqlite3_stmt *statement, struct page *page, const char *after_time, int64_t after_id,
                           const char *below)
{
    int result = SQLITE_ROW;
    sqlite3_bind_text(statement, 1, page->provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, after_time, -1, SQLITE_TRANSIENT); /* the cursor moves while we step */
    sqlite3_bind_int64(statement, 3, after_id);
    sqlite3_bind_text(statement, 4, below, -1, SQLITE_STATIC);
    while (page->delivered < page->limit && !page->ended && (result = sqlite3_step(statement)) == SQLITE_ROW)
        deliver_row(statement, page);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

int store_history_page(struct store_reader *reader, const char *provider, int64_t from_us,
                       struct history_cursor *cursor, int limit, history_row_fn row_fn, void *user, char *error,
                       size_t error_size)
{
    struct page page = {
        .provider = provider, .from_us = from_us, .cursor = cursor, .limit = limit, .row_fn = row_fn, .user = user};
    struct seek_times seek;
    int result = prepare_history(reader);
    seek_times_from(from_us, &seek);
    /* A space sorts before "T": on the day of `from_us` the rows with a space lie apart, before all others of it. */
    if (result == SQLITE_OK && strcmp(cursor->after_time, seek.day_t) < 0) {
        bool fresh = cursor->after_time[0] == '\0';
        result = deliver_stretch(reader->history, &page, fresh ? seek.with_space : cursor->after_time,
                                 fresh ? INT64_MIN : cursor->after_id, seek.day_t);
    }
    if (result == SQLITE_OK && page.delivered < limit && !page.ended) {
        bool fresh = strcmp(cursor->after_time, seek.with_t) < 0;
        result = deliver_stretch(reader->history, &page, fresh ? seek.with_t : cursor->after_time,
                                 fresh ? INT64_MIN : cursor->after_id, no_upper_bound);
    }
    if (result != SQLITE_OK) {
        reader_explain(reader, result, error, error_size);
        return -1;
    }
    return page.delivered;
}

int store_provider_names(struct store_reader *reader, provider_name_fn name_fn, void *user, char *error,
                         size_t error_size)
{
    int result = reader_prepare(reader, &reader->next_name, next_name_sql);
    if (result != SQLITE_OK)
        goto fail;
    sqlite3_bind_text(reader->next_name, 1, "", 0, SQLITE_STATIC);
    while ((result = sqlite3_step(reader->next_name)) == SQLITE_ROW) {
        /* The name found is where the next seek starts: keep it as a value, since a reset takes its text away. */
        sqlite3_value *name = sqlite3_value_dup(sqlite3_column_value(reader->next_name, 0));
        sqlite3_reset(reader->next_name);
        const char *text = name != NULL ? (const char *)sqlite3_value_text(name) : NULL;
        if (text != NULL) {
            name_fn(text, user);
            sqlite3_bind_value(reader->next_name, 1, name);
        }
        sqlite3_value_free(name);
        if (text == NULL) {
            result = SQLITE_NOMEM;
            break;
        }
    }
    sqlite3_reset(reader->next_name);
    sqlite3_clear_bindings(reader->next_name);
    if (result == SQLITE_DONE)
        return 0;
fail:
    reader_explain(reader, result, error, error_size);
    return -1;
}
