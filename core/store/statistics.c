/* What the rows of a provider say in sum. */
#include "store/store_internal.h"

#include <math.h>
#include <stdlib.h>

/* Newest first, by the index. Rows of the original say nothing of `ok`, so all times here have a "T". */
static const char latencies_sql[] =
    "SELECT response_time_ms FROM provider_health_checks WHERE provider_name = ?1 AND last_check_timestamp >= ?2"
    " AND ok = 1 AND response_time_ms IS NOT NULL ORDER BY last_check_timestamp DESC LIMIT ?3";

struct latencies {
    double *ms; /* owned */
    size_t count;
    size_t capacity;
};

static bool add_latency(struct latencies *latencies, double ms)
{
    if (latencies->count == latencies->capacity) {
        size_t capacity = latencies->capacity != 0 ? latencies->capacity * 2 : 1024;
        double *grown = realloc(latencies->ms, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        latencies->ms = grown;
        latencies->capacity = capacity;
    }
    latencies->ms[latencies->count++] = ms;
    return true;
}

static int read_latencies(struct store_reader *reader, const char *provider, int64_t from_us,
                          struct latencies *latencies)
{
    struct seek_times seek;
    int result = reader_prepare(reader, &reader->statements[READER_LATENCIES], latencies_sql);
    if (result != SQLITE_OK)
        return result;
    seek_times_from(from_us, &seek);
    sqlite3_bind_text(reader->statements[READER_LATENCIES], 1, provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(reader->statements[READER_LATENCIES], 2, seek.with_t, -1, SQLITE_STATIC);
    sqlite3_bind_int(reader->statements[READER_LATENCIES], 3, STORE_LATENCIES_MAX);
    while ((result = sqlite3_step(reader->statements[READER_LATENCIES])) == SQLITE_ROW) {
        if (!add_latency(latencies, sqlite3_column_double(reader->statements[READER_LATENCIES], 0))) {
            result = SQLITE_NOMEM;
            break;
        }
    }
    sqlite3_reset(reader->statements[READER_LATENCIES]);
    sqlite3_clear_bindings(reader->statements[READER_LATENCIES]);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The nearest-rank method: the least value that so many percent of all values do not exceed. */
static double nearest_rank(const double *ascending_ms, size_t count, double percent)
{
    double rank = ceil(percent / 100 * (double)count);
    if (!(rank >= 1)) /* or not a number */
        rank = 1;
    if (rank > (double)count)
        rank = (double)count;
    return ascending_ms[(size_t)rank - 1];
}

int store_latency_percentile(struct store_reader *reader, const char *provider, double percent, int64_t from_us,
                             double *ms, int64_t *count, char *error, size_t error_size)
{
    struct latencies latencies = {0};
    enum schema_level level;
    *ms = 0;
    *count = 0;
    int result = schema_read_level(reader->handle, &level);
    if (result == SQLITE_OK && level != SCHEMA_SEED)
        result = read_latencies(reader, provider, from_us, &latencies);
    if (result != SQLITE_OK)
        reader_explain(reader, result, error, error_size);
    if (result == SQLITE_OK && latencies.count > 0) {
        qsort(latencies.ms, latencies.count, sizeof(*latencies.ms), ascending);
        *ms = nearest_rank(latencies.ms, latencies.count, percent);
        *count = (int64_t)latencies.count;
    }
    free(latencies.ms);
    return result == SQLITE_OK ? 0 : -1;
}

/* -- hours -- */

/* Two columns before the tally, which is not read: so a quarter of a year costs little. */
static const char hours_sql[] = "SELECT start, checks, up FROM provider_rollups WHERE span = ?1 AND provider_name = ?2"
                                " AND key = 0 AND model = '' AND start >= ?3 AND start < ?4 ORDER BY start";

static int read_hours(struct store_reader *reader, const char *provider, int64_t from_s, int64_t to_s,
                      rolled_hour_fn hour_fn, void *user, int *count)
{
    int result = reader_refresh_level(reader);
    if (result != SQLITE_OK || reader->level < SCHEMA_VERSION_3) /* nothing was ever rolled up */
        return result;
    result = reader_prepare(reader, &reader->statements[READER_HOURS], hours_sql);
    if (result != SQLITE_OK)
        return result;
    sqlite3_stmt *row = reader->statements[READER_HOURS];
    sqlite3_bind_int64(row, 1, ROLLUP_HOUR_S);
    sqlite3_bind_text(row, 2, provider, -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 3, from_s);
    sqlite3_bind_int64(row, 4, to_s);
    while ((result = sqlite3_step(row)) == SQLITE_ROW) {
        hour_fn(sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2), user);
        ++*count;
    }
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

int store_rolled_hours(struct store_reader *reader, const char *provider, int64_t from_s, int64_t to_s,
                       rolled_hour_fn hour_fn, void *user, char *error, size_t error_size)
{
    int count = 0, result = read_hours(reader, provider, from_s, to_s, hour_fn, user, &count);
    if (result == SQLITE_OK)
        return count;
    reader_explain(reader, result, error, error_size);
    return -1;
}
