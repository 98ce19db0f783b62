#include "store/series.h"

#include "base/clock.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_ROWS = 20000 }; /* of all providers together, in one job */

struct step {
    int64_t start_s;
    struct tally tally;
};

struct store_series {
    struct history_series of;
    int64_t from_s; /* both multiples of step_s */
    int64_t to_s;
    int64_t step_s;
    bool everyone;
    bool rolled_read; /* and last_id is where the rows behind begin */
    int64_t last_id;
    struct step *steps; /* owned, ascending */
    size_t count;
    size_t capacity;
};

/* -- steps -- */

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

struct store_series *store_series_open(const struct history_series *of, const struct history_range *range,
                                       int64_t step_s)
{
    struct store_series *series = calloc(1, sizeof(*series));
    if (series == NULL)
        return NULL;
    series->of = *of;
    series->step_s = step_s;
    series->from_s = floor_to(range->from_us / 1000000, step_s);
    series->to_s = floor_to((range->to_us - 1) / 1000000, step_s) + step_s;
    series->everyone = strcmp(of->provider, SERIES_EVERYONE) == 0;
    return series;
}

void store_series_close(struct store_series *series)
{
    if (series == NULL)
        return;
    for (size_t i = 0; i < series->count; ++i)
        tally_dispose(&series->steps[i].tally);
    free(series->steps);
    free(series);
}

size_t store_series_count(const struct store_series *series)
{
    return series->count;
}

const struct tally *store_series_step(const struct store_series *series, size_t at, int64_t *start_s)
{
    *start_s = series->steps[at].start_s;
    return &series->steps[at].tally;
}

/* The place of a step: where it is, or where it belongs. Most come in order. */
static size_t place_of(const struct store_series *series, int64_t start_s)
{
    size_t low = 0, high = series->count;
    if (high > 0 && series->steps[high - 1].start_s < start_s)
        return high;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (series->steps[middle].start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct tally *tally_at(struct store_series *series, int64_t time_s)
{
    int64_t start_s = floor_to(time_s, series->step_s);
    size_t at = place_of(series, start_s);
    if (at < series->count && series->steps[at].start_s == start_s)
        return &series->steps[at].tally;
    if (series->count == series->capacity) {
        size_t capacity = series->capacity != 0 ? series->capacity * 2 : 64;
        struct step *grown = realloc(series->steps, capacity * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        series->steps = grown;
        series->capacity = capacity;
    }
    memmove(&series->steps[at + 1], &series->steps[at], (series->count - at) * sizeof(*series->steps));
    series->steps[at] = (struct step){.start_s = start_s, .tally = TALLY_EMPTY};
    series->count += 1;
    return &series->steps[at].tally;
}

/* -- what is rolled up -- */

static const char mark_sql[] = "SELECT last_id FROM provider_rollup_marks WHERE table_name = ?1";

static const char rollups_sql[] = "SELECT start, tally FROM provider_rollups WHERE span = ?1 AND provider_name = ?2"
                                  " AND key = ?3 AND model = ?4 AND start >= ?5 AND start < ?6 ORDER BY start";

static int read_mark(struct store_reader *reader, enum record_table table, int64_t *mark)
{
    int result = reader_prepare(reader, &reader->statements[READER_MARK], mark_sql);
    *mark = 0;
    if (result != SQLITE_OK)
        return result;
    sqlite3_stmt *statement = reader->statements[READER_MARK];
    sqlite3_bind_text(statement, 1, schema_table_name(table), -1, SQLITE_STATIC);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *mark = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int read_rollups(struct store_series *series, struct store_reader *reader, int64_t span_s)
{
    int result = reader_prepare(reader, &reader->statements[READER_ROLLUPS], rollups_sql);
    if (result != SQLITE_OK)
        return result;
    sqlite3_stmt *row = reader->statements[READER_ROLLUPS];
    sqlite3_bind_int64(row, 1, span_s);
    sqlite3_bind_text(row, 2, series->of.provider, -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 3, series->of.table == RECORD_KEY_CHECK ? series->of.key : 0);
    sqlite3_bind_text(row, 4, series->of.table == RECORD_DEEP_CHECK ? series->of.model : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 5, series->from_s);
    sqlite3_bind_int64(row, 6, series->to_s);
    while ((result = sqlite3_step(row)) == SQLITE_ROW) {
        struct tally *tally = tally_at(series, sqlite3_column_int64(row, 0));
        if (tally == NULL) {
            result = SQLITE_NOMEM;
            break;
        }
        tally_merge_packed(tally, sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1));
    }
    sqlite3_reset(row);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* The coarsest that the step is a multiple of; hours that have become days are in the days alone. */
static int read_rolled(struct store_series *series, struct store_reader *reader)
{
    int result = read_mark(reader, series->of.table, &series->last_id);
    if (result == SQLITE_OK && series->step_s % ROLLUP_DAY_S == 0)
        result = read_rollups(series, reader, ROLLUP_DAY_S);
    if (result == SQLITE_OK)
        result = read_rollups(series, reader, series->step_s % ROLLUP_HOUR_S == 0 ? ROLLUP_HOUR_S : ROLLUP_FINE_S);
    return result;
}

static bool uses_rollups(const struct store_series *series, const struct store_reader *reader)
{
    return reader->level >= SCHEMA_VERSION_3 &&
           series->step_s % (series->everyone ? ROLLUP_FINE_S : ROLLUP_HOUR_S) == 0;
}

/* -- rows -- */

/* The columns that summand_read() reads. By the index: ids are compared before a row is fetched. */
static const char *const tail_sql[] = {
    [RECORD_CHECK] = "SELECT id, '', 0, '', last_check_timestamp, ok, status, consecutive_failures, response_time_ms,"
                     " NULL, NULL, NULL FROM provider_health_checks"
                     " WHERE provider_name = ?1 AND last_check_timestamp >= ?2 AND last_check_timestamp < ?3"
                     " AND id > ?4",
    [RECORD_KEY_CHECK] = "SELECT id, '', 0, '', last_check_timestamp, ok, status, consecutive_failures,"
                         " response_time_ms, NULL, NULL, NULL FROM provider_key_checks WHERE provider_name = ?1"
                         " AND key = ?5 AND last_check_timestamp >= ?2 AND last_check_timestamp < ?3 AND id > ?4",
    [RECORD_DEEP_CHECK] = "SELECT id, '', 0, '', last_check_timestamp, ok, 'unknown', 0, response_time_ms,"
                          " NULL, first_token_ms, tokens_per_second FROM provider_deep_checks"
                          " WHERE provider_name = ?1 AND last_check_timestamp >= ?2 AND last_check_timestamp < ?3"
                          " AND id > ?4 AND model_asked = ?5",
};

static const char seed_tail_sql[] =
    "SELECT id, '', 0, '', last_check_timestamp, NULL, status, consecutive_failures, response_time_ms,"
    " NULL, NULL, NULL FROM provider_health_checks"
    " WHERE provider_name = ?1 AND last_check_timestamp >= ?2 AND last_check_timestamp < ?3 AND id > ?4";

#define TAIL_OF_ALL_SQL(ok)                                                                                            \
    "SELECT id, '', 0, '', last_check_timestamp, " ok ", status, consecutive_failures, response_time_ms,"              \
    " NULL, NULL, NULL FROM provider_health_checks WHERE id > ?1 ORDER BY id LIMIT ?2"

static int add_row(struct store_series *series, sqlite3_stmt *row, int64_t now_us)
{
    struct summand summand;
    if (!summand_read(row, series->of.table, now_us, &summand))
        return SQLITE_OK;
    int64_t time_s = summand.checked_us / 1000000;
    if (time_s < series->from_s || time_s >= series->to_s)
        return SQLITE_OK;
    struct tally *tally = tally_at(series, time_s);
    return tally != NULL && tally_add(tally, &summand.check) ? SQLITE_OK : SQLITE_NOMEM;
}

static int add_rows(struct store_series *series, sqlite3_stmt *row, int *rows)
{
    int64_t now_us = clock_wall_us();
    int step, result = SQLITE_OK;
    *rows = 0;
    while (result == SQLITE_OK && (step = sqlite3_step(row)) != SQLITE_DONE) {
        if (step != SQLITE_ROW) {
            result = step;
            break;
        }
        result = add_row(series, row, now_us);
        if (series->everyone)
            series->last_id = sqlite3_column_int64(row, 0);
        ++*rows;
    }
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
    return result;
}

/* A time with a space sorts before the same with a "T": so the first bound takes both, and the days are cut by hand. */
static int add_tail(struct store_series *series, struct store_reader *reader, const char *tail_from)
{
    enum record_table table = series->of.table;
    struct seek_times seek;
    char end[CLOCK_ISO_MAX];
    int rows;
    if (reader->level < SCHEMA_VERSION_2 && table != RECORD_CHECK) /* no such table yet */
        return SQLITE_OK;
    sqlite3_stmt **statement = &reader->statements[READER_TAIL + table];
    int result = reader_prepare(reader, statement, reader->level == SCHEMA_SEED ? seed_tail_sql : tail_sql[table]);
    if (result != SQLITE_OK)
        return result;
    seek_times_from(series->from_s * 1000000, &seek);
    clock_format_sql((series->to_s + ROLLUP_DAY_S) * 1000000, end);
    end[strlen("2026-11-23")] = '\0';
    const char *begin = strcmp(tail_from, seek.with_space) > 0 ? tail_from : seek.with_space;
    sqlite3_bind_text(*statement, 1, series->of.provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(*statement, 2, begin, -1, SQLITE_STATIC);
    sqlite3_bind_text(*statement, 3, end, -1, SQLITE_STATIC);
    sqlite3_bind_int64(*statement, 4, series->last_id);
    if (table == RECORD_KEY_CHECK)
        sqlite3_bind_int64(*statement, 5, series->of.key);
    else if (table == RECORD_DEEP_CHECK)
        sqlite3_bind_text(*statement, 5, series->of.model, -1, SQLITE_STATIC);
    return add_rows(series, *statement, &rows);
}

static int add_tail_of_all(struct store_series *series, struct store_reader *reader, bool *done)
{
    int rows = 0;
    int result = reader_prepare(reader, &reader->statements[READER_TAIL_OF_ALL],
                                reader->level == SCHEMA_SEED ? TAIL_OF_ALL_SQL("NULL") : TAIL_OF_ALL_SQL("ok"));
    if (result != SQLITE_OK)
        return result;
    sqlite3_stmt *statement = reader->statements[READER_TAIL_OF_ALL];
    sqlite3_bind_int64(statement, 1, series->last_id);
    sqlite3_bind_int(statement, 2, TAIL_ROWS);
    result = add_rows(series, statement, &rows);
    *done = rows < TAIL_ROWS;
    return result;
}

/* -- reading -- */

/* Within one transaction, so that the mark and the rollups belong together. */
static int read_piece(struct store_series *series, struct store_reader *reader, const char *tail_from, bool *done)
{
    int result = SQLITE_OK;
    if (!series->rolled_read && uses_rollups(series, reader))
        result = read_rolled(series, reader);
    if (result != SQLITE_OK)
        return result;
    series->rolled_read = *done = true;
    return series->everyone ? add_tail_of_all(series, reader, done) : add_tail(series, reader, tail_from);
}

int store_series_read(struct store_series *series, struct store_reader *reader, const char *tail_from, char *error,
                      size_t error_size)
{
    bool done = false;
    int result = reader_refresh_level(reader);
    if (result == SQLITE_OK)
        result = sqlite3_exec(reader->handle, "BEGIN", NULL, NULL, NULL);
    if (result == SQLITE_OK) {
        result = read_piece(series, reader, uses_rollups(series, reader) ? tail_from : "", &done);
        if (sqlite3_get_autocommit(reader->handle) == 0)
            sqlite3_exec(reader->handle, "COMMIT", NULL, NULL, NULL);
    }
    if (result == SQLITE_OK)
        return done;
    reader_explain(reader, result, error, error_size);
    return -1;
}

/* A space for the "T": the text is to be a lower bound of both. */
int store_series_tail_from(struct store_reader *reader, enum record_table table, char tail_from[32], char *error,
                           size_t error_size)
{
    sqlite3_stmt *statement = NULL;
    int64_t mark;
    char sql[160];
    tail_from[0] = '\0';
    int result = reader_refresh_level(reader);
    if (result == SQLITE_OK && reader->level < SCHEMA_VERSION_3)
        return 0;
    if (result == SQLITE_OK && (result = read_mark(reader, table, &mark)) == SQLITE_OK) {
        snprintf(sql, sizeof(sql), "SELECT replace(min(last_check_timestamp), 'T', ' ') FROM %s WHERE id > %lld",
                 schema_table_name(table), (long long)mark);
        result = sqlite3_prepare_v2(reader->handle, sql, -1, &statement, NULL);
    }
    if (result == SQLITE_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        if (text != NULL)
            snprintf(tail_from, 32, "%.31s", text);
        result = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    if (result == SQLITE_OK)
        return 0;
    reader_explain(reader, result, error, error_size);
    return -1;
}
