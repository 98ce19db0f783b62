/* What a restart reads back: the last check of a provider and the counts of its trailing window. */
#include "store/store_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MAX = 1000 * 1000 }; /* a year of half-minutes; guards the allocation */

struct bucket {
    unsigned ok;
    unsigned total;
};

/* A file that could not be extended yet (read-only, locked) is as the original left it: NULL stands for our columns. */
static bool has_our_columns(sqlite3 *handle)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(handle, "SELECT ok, reason, http_status FROM provider_health_checks LIMIT 0", -1,
                                    &statement, NULL);
    sqlite3_finalize(statement);
    return result == SQLITE_OK;
}

static void copy_text(char *out, size_t out_size, const unsigned char *text)
{
    snprintf(out, out_size, "%s", text != NULL ? (const char *)text : "");
}

static void read_last_row(sqlite3_stmt *statement, struct store_last_state *last)
{
    const char *status = (const char *)sqlite3_column_text(statement, 0);
    const char *checked = (const char *)sqlite3_column_text(statement, 4);
    if (status == NULL || !health_status_parse(status, &last->status))
        last->status = HEALTH_UNKNOWN;
    last->response_time_ms = sqlite3_column_double(statement, 1);
    last->uptime_percent = sqlite3_column_double(statement, 2);
    last->rate_limit_percent = sqlite3_column_double(statement, 3);
    if (checked == NULL || clock_parse_iso(checked, strlen(checked), &last->checked_us) != 0)
        last->checked_us = 0;
    int64_t failures = sqlite3_column_int64(statement, 5);
    last->consecutive_failures = failures > 0 && failures < INT32_MAX ? (unsigned)failures : 0;
    copy_text(last->error_message, sizeof(last->error_message), sqlite3_column_text(statement, 6));
    copy_text(last->reason, sizeof(last->reason), sqlite3_column_text(statement, 7));
    last->http_status = sqlite3_column_int(statement, 8);
    last->found = true;
}

static int find_last(sqlite3 *handle, const char *provider, bool ours, struct store_last_state *last)
{
    char sql[512];
    sqlite3_stmt *statement = NULL;
    snprintf(sql, sizeof(sql),
             "SELECT status, response_time_ms, uptime_percent, rate_limit_percent, last_check_timestamp,"
             " consecutive_failures, error_message, %s FROM provider_health_checks WHERE provider_name = ?1"
             " ORDER BY last_check_timestamp DESC, id DESC LIMIT 1",
             ours ? "reason, http_status" : "NULL, NULL");
    int result = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_bind_text(statement, 1, provider, -1, SQLITE_STATIC);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        read_last_row(statement, last);
    sqlite3_finalize(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

/* Rows of the original say nothing of `ok`. */
static bool row_was_ok(sqlite3_stmt *statement)
{
    if (sqlite3_column_type(statement, 1) != SQLITE_NULL)
        return sqlite3_column_int(statement, 1) != 0;
    const char *status = (const char *)sqlite3_column_text(statement, 2);
    return status != NULL && (strcmp(status, "healthy") == 0 ||
                              (strcmp(status, "degraded") == 0 && sqlite3_column_int(statement, 3) == 0));
}

/* Adds up in memory, not in the order of the rows: times with a space and with "T" do not sort together. */
static int count_window(sqlite3 *handle, const char *provider, bool ours, int64_t from_us, int64_t bucket_us,
                        struct bucket *buckets, int64_t bucket_count)
{
    char sql[640];
    sqlite3_stmt *statement = NULL;
    struct seek_times seek;
    int64_t first = from_us / bucket_us;
    const char *ok = ours ? "ok" : "NULL";
    seek_times_from(from_us, &seek);
    /* Two stretches of the index: times with "T", and those of the first day that have a space instead. */
    snprintf(sql, sizeof(sql),
             "SELECT last_check_timestamp, %s, status, consecutive_failures FROM provider_health_checks"
             " WHERE provider_name = ?1 AND last_check_timestamp >= ?2 UNION ALL "
             "SELECT last_check_timestamp, %s, status, consecutive_failures FROM provider_health_checks"
             " WHERE provider_name = ?1 AND last_check_timestamp >= ?3 AND last_check_timestamp < ?4",
             ok, ok);
    int result = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_bind_text(statement, 1, provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, seek.with_t, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, seek.with_space, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, seek.day_t, -1, SQLITE_STATIC);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        int64_t checked_us;
        const char *checked = (const char *)sqlite3_column_text(statement, 0);
        if (checked == NULL || clock_parse_iso(checked, strlen(checked), &checked_us) != 0 || checked_us < from_us ||
            checked_us / bucket_us - first >= bucket_count)
            continue;
        struct bucket *bucket = &buckets[checked_us / bucket_us - first];
        bucket->total += 1;
        bucket->ok += row_was_ok(statement);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

int store_restore(struct store *store, const char *provider, int64_t window_ms, int64_t bucket_ms,
                  struct store_last_state *last, bucket_count_fn count_fn, void *user, char *error, size_t error_size)
{
    struct store_reader reader = {.store = store};
    int64_t now_us = clock_wall_us();
    int64_t from_us = window_ms > 0 && window_ms < now_us / 1000 ? now_us - window_ms * 1000 : 0;
    int64_t bucket_us = bucket_ms > 0 ? bucket_ms * 1000 : 1000;
    int64_t bucket_count = now_us / bucket_us - from_us / bucket_us + 1;
    struct bucket *buckets = NULL;

    *last = (struct store_last_state){0};
    if (bucket_count > BUCKETS_MAX || (buckets = calloc((size_t)bucket_count, sizeof(*buckets))) == NULL) {
        snprintf(error, error_size, "no memory for %lld buckets of the trailing window", (long long)bucket_count);
        return -1;
    }
    if (reader_open(&reader, error, error_size) != 0) {
        free(buckets);
        return -1;
    }
    bool ours = has_our_columns(reader.handle);
    int result = find_last(reader.handle, provider, ours, last);
    if (result == SQLITE_OK && last->found)
        result = count_window(reader.handle, provider, ours, from_us, bucket_us, buckets, bucket_count);
    if (result != SQLITE_OK)
        database_explain(reader.handle, result, error, error_size);
    reader_close(&reader);
    for (int64_t i = 0; i < bucket_count && result == SQLITE_OK; ++i) {
        if (buckets[i].total > 0)
            count_fn((from_us / bucket_us + i) * bucket_us, buckets[i].ok, buckets[i].total, user);
    }
    free(buckets);
    return result == SQLITE_OK ? 0 : -1;
}
