#include "store/restore.h"

#include "base/clock.h"
#include "store/store_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MAX = 1000 * 1000 }; /* a year of half-minutes; guards the allocation */

static const int64_t DAY_US = INT64_C(86400) * 1000000;

struct bucket {
    unsigned ok;
    unsigned total;
};

/* Statements of tables that the file has not got stay NULL, and find nothing. */
struct store_restore {
    struct store_reader reader;
    int64_t from_us;
    int64_t bucket_us;
    struct bucket *buckets;
    int64_t bucket_count;
    sqlite3_stmt *last_check;
    sqlite3_stmt *last_key_check;
    sqlite3_stmt *window;
    sqlite3_stmt *limits;
    sqlite3_stmt *last_deep;
    sqlite3_stmt *last_timed;
    sqlite3_stmt *spent;
};

/* --- statements --- */

#define LAST_SQL(columns)                                                                                              \
    "SELECT status, response_time_ms, uptime_percent, rate_limit_percent, last_check_timestamp, consecutive_failures," \
    " error_message, " columns " FROM provider_health_checks WHERE provider_name = ?1"                                 \
    " ORDER BY last_check_timestamp DESC, id DESC LIMIT 1"

static const char *const last_check_sql[] = {
    [SCHEMA_SEED] = LAST_SQL("NULL, NULL, NULL, NULL"),
    [SCHEMA_VERSION_1] = LAST_SQL("reason, http_status, NULL, NULL"),
    [SCHEMA_VERSION_2] = LAST_SQL("reason, http_status, error_kind, rate_limit"),
    [SCHEMA_VERSION_3] = LAST_SQL("reason, http_status, error_kind, rate_limit"),
    [SCHEMA_VERSION_4] = LAST_SQL("reason, http_status, error_kind, rate_limit"),
    [SCHEMA_WHOLE] = LAST_SQL("reason, http_status, error_kind, rate_limit"),
};

static const char last_key_check_sql[] =
    "SELECT status, response_time_ms, NULL, rate_limit_percent, last_check_timestamp, consecutive_failures,"
    " error_message, reason, http_status, error_kind, rate_limit FROM provider_key_checks"
    " WHERE provider_name = ?1 AND key = ?2 ORDER BY last_check_timestamp DESC, id DESC LIMIT 1";

/* Two stretches of the index: times with "T", and those of the first day that have a space instead. */
#define WINDOW_SQL(ok)                                                                                                 \
    "SELECT last_check_timestamp, " ok ", status, consecutive_failures FROM provider_health_checks"                    \
    " WHERE provider_name = ?1 AND last_check_timestamp >= ?2 UNION ALL "                                              \
    "SELECT last_check_timestamp, " ok ", status, consecutive_failures FROM provider_health_checks"                    \
    " WHERE provider_name = ?1 AND last_check_timestamp >= ?3 AND last_check_timestamp < ?4"

/* By path from the whole text, not from each value: of a value that is no object that gives NULL, not an error. */
static const char limits_sql[] =
    "SELECT json_extract(?1, fullkey || '.unit'), json_extract(?1, fullkey || '.name'),"
    " json_extract(?1, fullkey || '.window_s'), json_extract(?1, fullkey || '.limit'),"
    " json_extract(?1, fullkey || '.remaining'), json_extract(?1, fullkey || '.reset_at')"
    " FROM json_each(?1) WHERE ifnull(json_extract(?1, fullkey || '.source'), '') <> 'counted'";

static const char last_deep_sql[] =
    "SELECT last_check_timestamp, ok, rung, error_kind, error_message, model_asked, model FROM provider_deep_checks"
    " WHERE provider_name = ?1 ORDER BY last_check_timestamp DESC, id DESC LIMIT 1";

static const char last_timed_sql[] =
    "SELECT last_check_timestamp, first_token_ms, tokens_per_second FROM provider_deep_checks"
    " WHERE provider_name = ?1 AND ok = 1 AND rung = 'timed' ORDER BY last_check_timestamp DESC, id DESC LIMIT 1";

/* A probe is at least one request; how many more it took is not kept. */
static const char spent_sql[] =
    "SELECT sum(tokens), count(*) FROM provider_deep_checks WHERE provider_name = ?1 AND last_check_timestamp >= ?2";

static int prepare_all(struct store_restore *restore)
{
    enum schema_level level;
    int result = schema_read_level(restore->reader.handle, &level);
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
        enum schema_level needs;
    } wanted[] = {
        {&restore->last_check, last_check_sql[level], SCHEMA_SEED},
        {&restore->window, level == SCHEMA_SEED ? WINDOW_SQL("NULL") : WINDOW_SQL("ok"), SCHEMA_SEED},
        {&restore->last_key_check, last_key_check_sql, SCHEMA_VERSION_2},
        {&restore->limits, limits_sql, SCHEMA_VERSION_2},
        {&restore->last_deep, last_deep_sql, SCHEMA_VERSION_2},
        {&restore->last_timed, last_timed_sql, SCHEMA_VERSION_2},
        {&restore->spent, spent_sql, SCHEMA_VERSION_2},
    };
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && result == SQLITE_OK; ++i) {
        if (level >= wanted[i].needs)
            result = reader_prepare(&restore->reader, wanted[i].statement, wanted[i].sql);
    }
    return result;
}

static void finish(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

static int tell(struct store_restore *restore, int result, char *error, size_t error_size)
{
    if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE)
        return 0;
    database_explain(restore->reader.handle, result, error, error_size);
    return -1;
}

/* --- values --- */

static void copy_text(char *out, size_t out_size, sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    snprintf(out, out_size, "%s", text != NULL ? text : "");
}

/* 0 for what is no time. */
static int64_t column_time_us(sqlite3_stmt *statement, int column)
{
    int64_t wall_us;
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL && clock_parse_iso(text, strlen(text), &wall_us) == 0 ? wall_us : 0;
}

/* -1 for what is no number of its kind. */
static double column_measure(sqlite3_stmt *statement, int column)
{
    int type = sqlite3_column_type(statement, column);
    double value = sqlite3_column_double(statement, column);
    return (type == SQLITE_INTEGER || type == SQLITE_FLOAT) && value >= 0 && isfinite(value) ? value : -1;
}

/* --- limits --- */

static void read_window(sqlite3_stmt *statement, struct store_last_state *last)
{
    static const double LENGTH_MAX_S = 1e9; /* thirty years: longer is no length */
    struct limit_window *window = &last->windows[last->window_count];
    double window_s = column_measure(statement, 2);
    *window = (struct limit_window){
        .window_s = window_s > 0 && window_s <= LENGTH_MAX_S ? (int64_t)window_s : 0,
        .limit = column_measure(statement, 3),
        .remaining = column_measure(statement, 4),
        .reset_at_us = column_time_us(statement, 5),
    };
    copy_text(window->unit, sizeof(window->unit), statement, 0);
    copy_text(window->name, sizeof(window->name), statement, 1);
    last->window_count += window->unit[0] != '\0';
}

/* What is damaged is left out: limits are told anew by the next answer. */
static void read_limits(struct store_restore *restore, sqlite3_value *text, struct store_last_state *last)
{
    if (restore->limits == NULL || sqlite3_value_type(text) != SQLITE_TEXT)
        return;
    sqlite3_bind_value(restore->limits, 1, text);
    while (last->window_count < LIMIT_WINDOWS_MAX && sqlite3_step(restore->limits) == SQLITE_ROW)
        read_window(restore->limits, last);
    finish(restore->limits);
}

/* --- the last state --- */

static void read_last(struct store_restore *restore, sqlite3_stmt *statement, struct store_last_state *last)
{
    const char *status = (const char *)sqlite3_column_text(statement, 0);
    if (status == NULL || !health_status_parse(status, &last->status))
        last->status = HEALTH_UNKNOWN;
    last->response_time_ms = sqlite3_column_double(statement, 1);
    last->uptime_percent = sqlite3_column_double(statement, 2);
    last->rate_limit_percent = sqlite3_column_double(statement, 3);
    last->checked_us = column_time_us(statement, 4);
    int64_t failures = sqlite3_column_int64(statement, 5);
    last->consecutive_failures = failures > 0 && failures < INT32_MAX ? (unsigned)failures : 0;
    copy_text(last->error_message, sizeof(last->error_message), statement, 6);
    copy_text(last->reason, sizeof(last->reason), statement, 7);
    last->http_status = sqlite3_column_int(statement, 8);
    copy_text(last->error_kind, sizeof(last->error_kind), statement, 9);
    read_limits(restore, sqlite3_column_value(statement, 10), last);
    last->found = true;
}

int store_restore_state(struct store_restore *restore, const char *provider, unsigned key,
                        struct store_last_state *last, char *error, size_t error_size)
{
    sqlite3_stmt *statement = key == 0 ? restore->last_check : restore->last_key_check;
    *last = (struct store_last_state){0};
    if (statement == NULL)
        return 0;
    sqlite3_bind_text(statement, 1, provider, -1, SQLITE_STATIC);
    if (key != 0)
        sqlite3_bind_int64(statement, 2, key);
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        read_last(restore, statement, last);
    finish(statement);
    return tell(restore, result, error, error_size);
}

/* --- the trailing window --- */

/* Whether a row counts, and as what. Rows of the original say nothing of `ok`. */
static bool row_counts(sqlite3_stmt *statement, bool *ok)
{
    const char *status = (const char *)sqlite3_column_text(statement, 2);
    if (sqlite3_column_type(statement, 1) != SQLITE_NULL) {
        *ok = sqlite3_column_int(statement, 1) != 0;
        return true;
    }
    if (status == NULL || strcmp(status, "unknown") == 0)
        return false;
    *ok = strcmp(status, "healthy") == 0 || (strcmp(status, "degraded") == 0 && sqlite3_column_int(statement, 3) == 0);
    return true;
}

/* Adds up in memory, not in the order of the rows: times with a space and with "T" do not sort together. */
static int count_window(struct store_restore *restore, const char *provider)
{
    sqlite3_stmt *statement = restore->window;
    struct seek_times seek;
    int64_t first = restore->from_us / restore->bucket_us;
    int result;
    seek_times_from(restore->from_us, &seek);
    memset(restore->buckets, 0, (size_t)restore->bucket_count * sizeof(*restore->buckets));
    sqlite3_bind_text(statement, 1, provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, seek.with_t, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, seek.with_space, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, seek.day_t, -1, SQLITE_STATIC);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        bool ok;
        int64_t checked_us = column_time_us(statement, 0);
        int64_t at = checked_us / restore->bucket_us - first;
        if (checked_us == 0 || checked_us < restore->from_us || at >= restore->bucket_count ||
            !row_counts(statement, &ok))
            continue;
        restore->buckets[at].total += 1;
        restore->buckets[at].ok += ok;
    }
    finish(statement);
    return result;
}

int store_restore_counts(struct store_restore *restore, const char *provider, bucket_count_fn count_fn, void *user,
                         char *error, size_t error_size)
{
    if (tell(restore, count_window(restore, provider), error, error_size) != 0)
        return -1;
    for (int64_t i = 0; i < restore->bucket_count; ++i) {
        const struct bucket *bucket = &restore->buckets[i];
        if (bucket->total > 0)
            count_fn((restore->from_us / restore->bucket_us + i) * restore->bucket_us, bucket->ok, bucket->total, user);
    }
    return 0;
}

/* --- deep checks --- */

static void read_deep(sqlite3_stmt *statement, struct store_deep_state *deep)
{
    deep->found = true;
    deep->checked_us = column_time_us(statement, 0);
    deep->ok = sqlite3_column_int(statement, 1) != 0;
    copy_text(deep->rung, sizeof(deep->rung), statement, 2);
    copy_text(deep->error_kind, sizeof(deep->error_kind), statement, 3);
    copy_text(deep->error_message, sizeof(deep->error_message), statement, 4);
    copy_text(deep->model_asked, sizeof(deep->model_asked), statement, 5);
    copy_text(deep->model, sizeof(deep->model), statement, 6);
}

static void read_timed(sqlite3_stmt *statement, struct store_deep_state *deep)
{
    deep->timed_us = column_time_us(statement, 0);
    deep->first_token_ms = column_measure(statement, 1);
    deep->tokens_per_second = column_measure(statement, 2);
}

static void read_spent(sqlite3_stmt *statement, struct store_deep_state *deep)
{
    deep->tokens_today = sqlite3_column_int64(statement, 0);
    deep->probes_today = sqlite3_column_int64(statement, 1);
}

static int read_one(sqlite3_stmt *statement, const char *provider,
                    void (*read)(sqlite3_stmt *statement, struct store_deep_state *deep), struct store_deep_state *deep)
{
    sqlite3_bind_text(statement, 1, provider, -1, SQLITE_STATIC);
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        read(statement, deep);
    finish(statement);
    return result;
}

int store_restore_deep(struct store_restore *restore, const char *provider, struct store_deep_state *deep, char *error,
                       size_t error_size)
{
    char midnight[CLOCK_ISO_MAX];
    *deep = (struct store_deep_state){.first_token_ms = -1, .tokens_per_second = -1};
    if (restore->last_deep == NULL)
        return 0;
    if (tell(restore, read_one(restore->last_deep, provider, read_deep, deep), error, error_size) != 0)
        return -1;
    if (!deep->found)
        return 0;
    if (tell(restore, read_one(restore->last_timed, provider, read_timed, deep), error, error_size) != 0)
        return -1;
    clock_format_sql(clock_wall_us() / DAY_US * DAY_US, midnight);
    sqlite3_bind_text(restore->spent, 2, midnight, -1, SQLITE_STATIC);
    return tell(restore, read_one(restore->spent, provider, read_spent, deep), error, error_size);
}

/* --- life --- */

struct store_restore *store_restore_open(struct store *store, int64_t window_ms, int64_t bucket_ms, char *error,
                                         size_t error_size)
{
    int64_t now_us = clock_wall_us();
    struct store_restore *restore = calloc(1, sizeof(*restore));
    if (restore == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    restore->reader.store = store;
    restore->from_us = window_ms > 0 && window_ms < now_us / 1000 ? now_us - window_ms * 1000 : 0;
    restore->bucket_us = bucket_ms > 0 ? bucket_ms * 1000 : 1000;
    restore->bucket_count = now_us / restore->bucket_us - restore->from_us / restore->bucket_us + 1;
    if (restore->bucket_count <= BUCKETS_MAX)
        restore->buckets = calloc((size_t)restore->bucket_count, sizeof(*restore->buckets));
    if (restore->buckets == NULL) {
        snprintf(error, error_size, "no memory for %lld buckets of the trailing window",
                 (long long)restore->bucket_count);
        goto fail;
    }
    if (reader_open(&restore->reader, error, error_size) != 0 ||
        tell(restore, prepare_all(restore), error, error_size) != 0)
        goto fail;
    return restore;
fail:
    store_restore_close(restore);
    return NULL;
}

void store_restore_close(struct store_restore *restore)
{
    if (restore == NULL)
        return;
    sqlite3_finalize(restore->last_check);
    sqlite3_finalize(restore->last_key_check);
    sqlite3_finalize(restore->window);
    sqlite3_finalize(restore->limits);
    sqlite3_finalize(restore->last_deep);
    sqlite3_finalize(restore->last_timed);
    sqlite3_finalize(restore->spent);
    reader_close(&restore->reader);
    free(restore->buckets);
    free(restore);
}

/* --- events --- */

int store_restore_events(struct store_restore *restore, const struct event_range *range, int limit, event_row_fn row_fn,
                         void *user, char *error, size_t error_size)
{
    int64_t last_id = 0;
    return store_events_page(&restore->reader, range, limit, row_fn, user, &last_id, error, error_size);
}

static bool read_mark(sqlite3_stmt *row, struct alert_mark *mark)
{
    static const char *const names[] = {
        [ALERT_MARK_PLACE] = "place", [ALERT_MARK_TOLD] = "told", [ALERT_MARK_DONE] = "done"};
    const char *what = (const char *)sqlite3_column_text(row, 0);
    for (int i = 0; i < 3 && what != NULL; ++i) {
        if (strcmp(what, names[i]) == 0) {
            *mark = (struct alert_mark){(enum alert_mark_kind)i, sqlite3_column_int64(row, 1), column_time_us(row, 2)};
            return true;
        }
    }
    return false;
}

int store_restore_alert_marks(struct store_restore *restore, const char *alert, alert_mark_fn mark_fn, void *user,
                              char *error, size_t error_size)
{
    sqlite3_stmt *rows = NULL;
    struct alert_mark mark;
    int result = reader_refresh_level(&restore->reader);
    if (result == SQLITE_OK && restore->reader.level < SCHEMA_VERSION_4)
        return 0;
    if (result == SQLITE_OK)
        result = reader_prepare(&restore->reader, &rows,
                                "SELECT what, event_id, told FROM provider_alert_marks WHERE alert = ?1");
    if (result == SQLITE_OK) {
        sqlite3_bind_text(rows, 1, alert, -1, SQLITE_STATIC);
        while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
            if (read_mark(rows, &mark))
                mark_fn(&mark, user);
        }
    }
    sqlite3_finalize(rows);
    return tell(restore, result, error, error_size);
}
