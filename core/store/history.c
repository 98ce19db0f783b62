/* Reading the history: pages of one provider, and the names of all. */
#include "store/store_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* The upper bound of a page that is to go on to the end: sorts behind every date. */
static const char no_upper_bound[] = ":";

/* Behind the columns of checks come those of deep probes. What an older file has no column for is NULL. A rate_limit
 * that is damaged is as good as none. */
#define HISTORY_SQL(columns, table, series)                                                                            \
    "SELECT id, last_check_timestamp, " columns " FROM " table " WHERE provider_name = ?1 AND " series                 \
    " (last_check_timestamp, id) > (?2, ?3) AND last_check_timestamp < ?4 ORDER BY last_check_timestamp, id"

#define CHECKS_SQL(columns)                                                                                            \
    HISTORY_SQL("status, response_time_ms, rate_limit_percent, " columns ", NULL, NULL, NULL, NULL, NULL",             \
                "provider_health_checks", "")

#define VERSION_2_COLUMNS                                                                                              \
    "ok, reason, error_kind, CASE WHEN json_valid(rate_limit) THEN"                                                    \
    " CASE json_type(rate_limit) WHEN 'array' THEN rate_limit END END"

static const char *const checks_sql[] = {
    [SCHEMA_SEED] = CHECKS_SQL("NULL, NULL, NULL, NULL"), [SCHEMA_VERSION_1] = CHECKS_SQL("ok, reason, NULL, NULL"),
    [SCHEMA_VERSION_2] = CHECKS_SQL(VERSION_2_COLUMNS),   [SCHEMA_VERSION_3] = CHECKS_SQL(VERSION_2_COLUMNS),
    [SCHEMA_VERSION_4] = CHECKS_SQL(VERSION_2_COLUMNS),   [SCHEMA_WHOLE] = CHECKS_SQL(VERSION_2_COLUMNS),
};

static const char key_checks_sql[] =
    HISTORY_SQL("status, response_time_ms, rate_limit_percent, " VERSION_2_COLUMNS ", NULL, NULL, NULL, NULL, NULL",
                "provider_key_checks", "key = ?5 AND");

static const char deep_checks_sql[] =
    HISTORY_SQL("'', response_time_ms, NULL, ok, NULL, error_kind, NULL, model, rung, first_token_ms,"
                " tokens_per_second, tokens",
                "provider_deep_checks", "model_asked = ?5 AND");

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

/* A statement for an older file is not kept longer than a page: the writer may extend the file at any time. NULL, with
 * SQLITE_OK, when the file has no such table yet. */
static int prepare_history(struct store_reader *reader, enum record_table table, sqlite3_stmt **statement)
{
    int result = reader_refresh_level(reader);
    *statement = NULL;
    if (result != SQLITE_OK || (table != RECORD_CHECK && reader->level < SCHEMA_VERSION_2))
        return result;
    const char *sql = table == RECORD_KEY_CHECK    ? key_checks_sql
                      : table == RECORD_DEEP_CHECK ? deep_checks_sql
                                                   : checks_sql[reader->level];
    enum reader_statement which = READER_HISTORY + table;
    result = reader_prepare(reader, &reader->statements[which], sql);
    *statement = reader->statements[which];
    return result;
}

/* A stretch of rows between two times: what a page hands on to the next one. */
struct page {
    const struct history_series *series;
    const struct history_range *range;
    struct history_cursor *cursor;
    int limit;
    int delivered;
    bool ended; /* the callback had enough */
    history_row_fn row_fn;
    void *user;
};

static double measure_or_none(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? -1 : sqlite3_column_double(row, column);
}

/* A row without a readable time, or with one too long for a cursor, cannot be shown on a time axis: it is passed over.
 */
static void deliver_row(sqlite3_stmt *statement, struct page *page)
{
    struct history_row row = {.id = sqlite3_column_int64(statement, 0), .provider = page->series->provider};
    const char *checked = (const char *)sqlite3_column_text(statement, 1);
    if (checked == NULL || strlen(checked) >= sizeof(page->cursor->after_time) ||
        clock_parse_iso(checked, strlen(checked), &row.checked_us) != 0 || row.checked_us < page->range->from_us ||
        row.checked_us >= page->range->to_us)
        return;
    row.status = (const char *)sqlite3_column_text(statement, 2);
    if (row.status == NULL)
        row.status = health_status_name(HEALTH_UNKNOWN);
    row.response_time_ms = sqlite3_column_double(statement, 3); /* NULL reads as 0.0 */
    row.rate_limit_percent = sqlite3_column_double(statement, 4);
    row.ok = sqlite3_column_type(statement, 5) == SQLITE_NULL ? -1 : sqlite3_column_int(statement, 5) != 0;
    row.reason = (const char *)sqlite3_column_text(statement, 6);
    row.error_kind = (const char *)sqlite3_column_text(statement, 7);
    row.rate_limit = (const char *)sqlite3_column_text(statement, 8);
    row.model = (const char *)sqlite3_column_text(statement, 9);
    row.rung = (const char *)sqlite3_column_text(statement, 10);
    row.first_token_ms = measure_or_none(statement, 11);
    row.tokens_per_second = measure_or_none(statement, 12);
    row.tokens = sqlite3_column_int64(statement, 13);
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
    sqlite3_bind_text(statement, 1, page->series->provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, after_time, -1, SQLITE_TRANSIENT); /* the cursor moves while we step */
    sqlite3_bind_int64(statement, 3, after_id);
    sqlite3_bind_text(statement, 4, below, -1, SQLITE_STATIC);
    if (page->series->table == RECORD_KEY_CHECK)
        sqlite3_bind_int64(statement, 5, page->series->key);
    else if (page->series->table == RECORD_DEEP_CHECK)
        sqlite3_bind_text(statement, 5, page->series->model, -1, SQLITE_STATIC);
    while (page->delivered < page->limit && !page->ended && (result = sqlite3_step(statement)) == SQLITE_ROW)
        deliver_row(statement, page);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

/* The date after that of the end: no row before the end lies behind it, whichever way its time is written. */
static void end_of(const struct history_range *range, char end[CLOCK_ISO_MAX])
{
    static const int64_t FAR_AHEAD_US = INT64_C(253370764800) * 1000000; /* the year 9999 */
    if (range->to_us >= FAR_AHEAD_US) {
        strcpy(end, no_upper_bound);
    } else {
        clock_format_sql((range->to_us > 0 ? range->to_us : 0) + INT64_C(86400) * 1000000, end);
        end[strlen("2026-11-23")] = '\0';
    }
}

static int deliver_page(sqlite3_stmt *statement, struct page *page)
{
    struct history_cursor *cursor = page->cursor;
    struct seek_times seek;
    char end[CLOCK_ISO_MAX];
    int result = SQLITE_OK;
    seek_times_from(page->range->from_us, &seek);
    end_of(page->range, end);
    /* A space sorts before "T": on the day of `from_us` the rows with a space lie apart, before all others of it. */
    if (strcmp(cursor->after_time, seek.day_t) < 0) {
        bool fresh = cursor->after_time[0] == '\0';
        result = deliver_stretch(statement, page, fresh ? seek.with_space : cursor->after_time,
                                 fresh ? INT64_MIN : cursor->after_id, seek.day_t);
    }
    if (result == SQLITE_OK && page->delivered < page->limit && !page->ended) {
        bool fresh = strcmp(cursor->after_time, seek.with_t) < 0;
        result = deliver_stretch(statement, page, fresh ? seek.with_t : cursor->after_time,
                                 fresh ? INT64_MIN : cursor->after_id, end);
    }
    return result;
}

int store_history_page(struct store_reader *reader, const struct history_series *series,
                       const struct history_range *range, struct history_cursor *cursor, int limit,
                       history_row_fn row_fn, void *user, char *error, size_t error_size)
{
    struct page page = {
        .series = series, .range = range, .cursor = cursor, .limit = limit, .row_fn = row_fn, .user = user};
    sqlite3_stmt *statement;
    int result = prepare_history(reader, series->table, &statement);
    if (result == SQLITE_OK && statement != NULL)
        result = deliver_page(statement, &page);
    if (result != SQLITE_OK) {
        reader_explain(reader, result, error, error_size);
        return -1;
    }
    return page.delivered;
}

int store_provider_names(struct store_reader *reader, provider_name_fn name_fn, void *user, char *error,
                         size_t error_size)
{
    int result = reader_prepare(reader, &reader->statements[READER_NEXT_NAME], next_name_sql);
    if (result != SQLITE_OK)
        goto fail;
    sqlite3_bind_text(reader->statements[READER_NEXT_NAME], 1, "", 0, SQLITE_STATIC);
    while ((result = sqlite3_step(reader->statements[READER_NEXT_NAME])) == SQLITE_ROW) {
        /* The name found is where the next seek starts: keep it as a value, since a reset takes its text away. */
        sqlite3_value *name = sqlite3_value_dup(sqlite3_column_value(reader->statements[READER_NEXT_NAME], 0));
        sqlite3_reset(reader->statements[READER_NEXT_NAME]);
        const char *text = name != NULL ? (const char *)sqlite3_value_text(name) : NULL;
        if (text != NULL) {
            name_fn(text, user);
            sqlite3_bind_value(reader->statements[READER_NEXT_NAME], 1, name);
        }
        sqlite3_value_free(name);
        if (text == NULL) {
            result = SQLITE_NOMEM;
            break;
        }
    }
    sqlite3_reset(reader->statements[READER_NEXT_NAME]);
    sqlite3_clear_bindings(reader->statements[READER_NEXT_NAME]);
    if (result == SQLITE_DONE)
        return 0;
fail:
    reader_explain(reader, result, error, error_size);
    return -1;
}
