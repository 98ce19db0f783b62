#include "store/rollup.h"

#include "base/clock.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    READ_ROWS = 2000,    /* in one step, at most */
    WRITE_AFTER = 50000, /* rows read: so that a row of a rollup is not written once for each of its checks */
    /* Bounds of what is learned: sums that are merged in one transaction (with fewer than there are series, a row of a
     * rollup is written several times for its hour), */
    WRITE_SUMS_FIRST = 1000,
    WRITE_SUMS_MIN = 250,
    WRITE_SUMS_MAX = SUMS_MAX / 2,
    /* and hours that become part of a day. */
    COMPACT_ROWS_FIRST = 200,
    COMPACT_ROWS_MIN = 100,
    COMPACT_ROWS_MAX = 2000,
};

/* A row dated further ahead was written while the clock was wrong. */
static const int64_t FUTURE_TOLERANCE_US = INT64_C(86400) * 1000000;

static const char *const rows_sql[] = {
    [RECORD_CHECK] = "SELECT id, provider_name, 0, '', last_check_timestamp, ok, status, consecutive_failures,"
                     " response_time_ms, error_kind, NULL, NULL FROM provider_health_checks"
                     " WHERE id > ?1 ORDER BY id LIMIT ?2",
    [RECORD_KEY_CHECK] = "SELECT id, provider_name, key, '', last_check_timestamp, ok, status, consecutive_failures,"
                         " response_time_ms, error_kind, NULL, NULL FROM provider_key_checks"
                         " WHERE id > ?1 ORDER BY id LIMIT ?2",
    [RECORD_DEEP_CHECK] = "SELECT id, provider_name, 0, model_asked, last_check_timestamp, ok, 'unknown', 0,"
                          " response_time_ms, error_kind, first_token_ms, tokens_per_second FROM provider_deep_checks"
                          " WHERE id > ?1 ORDER BY id LIMIT ?2",
};

static const char read_mark_sql[] = "SELECT last_id FROM provider_rollup_marks WHERE table_name = ?1";
static const char write_mark_sql[] = "INSERT OR REPLACE INTO provider_rollup_marks (table_name, last_id)"
                                     " VALUES (?1, ?2)";

static const char old_hours_sql[] = "SELECT provider_name, key, model, start, tally FROM provider_rollups"
                                    " WHERE span = 3600 AND start < ?1 ORDER BY start LIMIT ?2";
static const char delete_hour_sql[] = "DELETE FROM provider_rollups WHERE span = 3600 AND provider_name = ?1"
                                      " AND key = ?2 AND model = ?3 AND start = ?4";

int roller_prepare(sqlite3 *handle, struct roller_statements *statements)
{
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } wanted[] = {
        {&statements->read_mark, read_mark_sql},
        {&statements->write_mark, write_mark_sql},
        {&statements->rows[RECORD_CHECK], rows_sql[RECORD_CHECK]},
        {&statements->rows[RECORD_KEY_CHECK], rows_sql[RECORD_KEY_CHECK]},
        {&statements->rows[RECORD_DEEP_CHECK], rows_sql[RECORD_DEEP_CHECK]},
        {&statements->old_hours, old_hours_sql},
        {&statements->delete_hour, delete_hour_sql},
    };
    int result = rollup_prepare(handle, &statements->merge);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && result == SQLITE_OK; ++i)
        result = sqlite3_prepare_v3(handle, wanted[i].sql, -1, SQLITE_PREPARE_PERSISTENT, wanted[i].statement, NULL);
    return result;
}

void roller_finalize(struct roller_statements *statements)
{
    rollup_finalize(&statements->merge);
    sqlite3_finalize(statements->read_mark);
    sqlite3_finalize(statements->write_mark);
    for (size_t i = 0; i < sizeof(statements->rows) / sizeof(statements->rows[0]); ++i)
        sqlite3_finalize(statements->rows[i]);
    sqlite3_finalize(statements->old_hours);
    sqlite3_finalize(statements->delete_hour);
    *statements = (struct roller_statements){.merge = {NULL, NULL}};
}

/* -- marks -- */

int rollup_read_mark(struct database *database, enum record_table table, int64_t *last_id)
{
    sqlite3_stmt *statement = database->roller.read_mark;
    *last_id = 0;
    sqlite3_bind_text(statement, 1, schema_table_name(table), -1, SQLITE_STATIC);
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *last_id = sqlite3_column_int64(statement, 0);
    int reset = sqlite3_reset(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : reset;
}

static int write_mark(struct database *database, enum record_table table, int64_t last_id)
{
    sqlite3_bind_text(database->roller.write_mark, 1, schema_table_name(table), -1, SQLITE_STATIC);
    sqlite3_bind_int64(database->roller.write_mark, 2, last_id);
    sqlite3_step(database->roller.write_mark);
    return sqlite3_reset(database->roller.write_mark);
}

/* -- reading rows -- */

static double measure_or_none(sqlite3_stmt *row, int column)
{
    int type = sqlite3_column_type(row, column);
    return type == SQLITE_FLOAT || type == SQLITE_INTEGER ? sqlite3_column_double(row, column) : -1;
}

/* A row of the original says nothing of `ok`: there it follows from the status (see store_restore_counts()). */
static void read_counted(sqlite3_stmt *row, struct tally_check *check)
{
    const char *status = (const char *)sqlite3_column_text(row, 6);
    if (sqlite3_column_type(row, 5) != SQLITE_NULL) {
        check->counted = true;
        check->up = sqlite3_column_int(row, 5) != 0;
        return;
    }
    check->counted = status != NULL && strcmp(status, "unknown") != 0;
    check->up = check->counted && (strcmp(status, "healthy") == 0 ||
                                   (strcmp(status, "degraded") == 0 && sqlite3_column_int(row, 7) == 0));
}

bool summand_read(sqlite3_stmt *row, enum record_table table, int64_t now_us, struct summand *summand)
{
    const char *time = (const char *)sqlite3_column_text(row, 4);
    *summand = (struct summand){
        .table = table,
        .provider = (const char *)sqlite3_column_text(row, 1),
        .provider_len = (size_t)sqlite3_column_bytes(row, 1),
        .key = (unsigned)sqlite3_column_int(row, 2),
        .model = (const char *)sqlite3_column_text(row, 3),
        .model_len = (size_t)sqlite3_column_bytes(row, 3),
        .check = {.latency_ms = measure_or_none(row, 8),
                  .first_token_ms = measure_or_none(row, 10),
                  .tokens_per_second = measure_or_none(row, 11),
                  .kind = (const char *)sqlite3_column_text(row, 9)},
    };
    read_counted(row, &summand->check);
    return summand->provider != NULL && time != NULL &&
           clock_parse_iso(time, strlen(time), &summand->checked_us) == 0 && summand->checked_us >= 0 &&
           summand->checked_us <= now_us + FUTURE_TOLERANCE_US;
}

/* Stops when all is read, when enough is together to be written, or when the time of a step is used up. Returns an
 * SQLite result. */
static int read_rows(struct roller *roller, struct database *database, int64_t now_us)
{
    sqlite3_stmt *statement = database->roller.rows[roller->table];
    uint64_t until_us = clock_monotonic_us() + ROLLUP_READ_AIM_MS * 1000;
    int result, rows = 0;
    sqlite3_bind_int64(statement, 1, roller->last_id);
    sqlite3_bind_int(statement, 2, READ_ROWS);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct summand summand;
        if (summand_read(statement, roller->table, now_us, &summand) && !sums_add(&roller->sums, &summand)) {
            result = SQLITE_NOMEM;
            break;
        }
        roller->last_id = sqlite3_column_int64(statement, 0);
        ++rows;
        if (roller->sums.count >= roller->write_sums || clock_monotonic_us() >= until_us)
            break;
    }
    sqlite3_reset(statement);
    roller->rows += (size_t)rows;
    roller->at_end = result == SQLITE_DONE && rows < READ_ROWS;
    roller->full = roller->at_end || roller->rows >= WRITE_AFTER || roller->sums.count >= roller->write_sums;
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

/* What took a step too long is to be less the next time; what was quick, more. The commit is left out of `took_us`: how
 * long the disk takes to sync says nothing of the amount. */
static size_t paced(size_t amount, uint64_t took_us, size_t least, size_t most)
{
    const uint64_t aim_us = ROLLUP_WRITE_AIM_MS * 1000;
    if (took_us > aim_us * 2)
        amount /= 2;
    else if (took_us > aim_us)
        amount -= amount / 4;
    else if (took_us < aim_us / 2)
        amount += amount / 4;
    return amount < least ? least : amount > most ? most : amount;
}

/* -- writing sums -- */

int rollup_write_sums(struct database *database, const struct sums *sums)
{
    return sums_write(sums, &database->roller.merge);
}

static int run(sqlite3_stmt *statement)
{
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

static int write_sums(struct roller *roller, struct database *database)
{
    int64_t mark;
    int result = run(database->begin);
    uint64_t began_us = clock_monotonic_us();
    size_t count = roller->sums.count;
    if (result != SQLITE_OK)
        return result;
    if ((result = rollup_read_mark(database, roller->table, &mark)) == SQLITE_OK && mark != roller->mark)
        result = SQLITE_ABORT; /* somebody else rolled these rows up: begin from there */
    if (result == SQLITE_OK)
        result = rollup_write_sums(database, &roller->sums);
    if (result == SQLITE_OK)
        result = write_mark(database, roller->table, roller->last_id);
    uint64_t took_us = clock_monotonic_us() - began_us;
    if (result == SQLITE_OK)
        result = run(database->commit);
    if (result == SQLITE_OK && count >= roller->write_sums)
        roller->write_sums = paced(count, took_us, WRITE_SUMS_MIN, WRITE_SUMS_MAX);
    return result;
}

/* -- old hours -- */

struct hour {
    char provider[PROVIDER_NAME_MAX];
    char model[MODEL_ID_MAX];
    unsigned key;
    int64_t start_s;
    struct tally tally;
};

static void read_hour(sqlite3_stmt *row, struct hour *hour)
{
    const char *provider = (const char *)sqlite3_column_text(row, 0);
    const char *model = (const char *)sqlite3_column_text(row, 2);
    snprintf(hour->provider, sizeof(hour->provider), "%s", provider != NULL ? provider : "");
    snprintf(hour->model, sizeof(hour->model), "%s", model != NULL ? model : "");
    hour->key = (unsigned)sqlite3_column_int(row, 1);
    hour->start_s = sqlite3_column_int64(row, 3);
    tally_clear(&hour->tally);
    if (!tally_merge_packed(&hour->tally, sqlite3_column_blob(row, 4), (size_t)sqlite3_column_bytes(row, 4)))
        tally_clear(&hour->tally);
}

/* The names as they are in the row: cut ones would never be found again. */
static int delete_hour(sqlite3_stmt *statement, sqlite3_stmt *row)
{
    for (int i = 0; i < 4; ++i)
        sqlite3_bind_value(statement, i + 1, sqlite3_column_value(row, i));
    int result = run(statement);
    sqlite3_clear_bindings(statement);
    return result;
}

static int compact_rows(struct database *database, int64_t before_s, int rows_max, int *rows)
{
    struct hour hour = {.tally = TALLY_EMPTY};
    int step, result = SQLITE_OK;
    sqlite3_bind_int64(database->roller.old_hours, 1, before_s);
    sqlite3_bind_int(database->roller.old_hours, 2, rows_max);
    *rows = 0;
    while (result == SQLITE_OK && (step = sqlite3_step(database->roller.old_hours)) != SQLITE_DONE) {
        if (step != SQLITE_ROW) {
            result = step;
            break;
        }
        read_hour(database->roller.old_hours, &hour);
        struct rollup_key day = {ROLLUP_DAY_S, hour.provider, hour.key, hour.model,
                                 hour.start_s - hour.start_s % ROLLUP_DAY_S};
        result = rollup_merge(&database->roller.merge, &day, &hour.tally);
        if (result == SQLITE_OK)
            result = delete_hour(database->roller.delete_hour, database->roller.old_hours);
        ++*rows;
    }
    sqlite3_reset(database->roller.old_hours);
    tally_dispose(&hour.tally);
    return result;
}

/* Only takes the lock for writing when there is something to do. */
static int compact(struct roller *roller, struct database *database, int64_t before_s, bool *more)
{
    int rows = 0, rows_max = roller->compact_rows;
    sqlite3_bind_int64(database->roller.old_hours, 1, before_s);
    sqlite3_bind_int(database->roller.old_hours, 2, 1);
    int found = sqlite3_step(database->roller.old_hours), result = sqlite3_reset(database->roller.old_hours);
    *more = false;
    if (found != SQLITE_ROW)
        return result;
    if ((result = run(database->begin)) != SQLITE_OK)
        return result;
    uint64_t began_us = clock_monotonic_us();
    result = compact_rows(database, before_s, rows_max, &rows);
    uint64_t took_us = clock_monotonic_us() - began_us;
    if (result == SQLITE_OK)
        result = run(database->commit);
    if (rows == rows_max)
        roller->compact_rows = (int)paced((size_t)rows_max, took_us, COMPACT_ROWS_MIN, COMPACT_ROWS_MAX);
    *more = rows == rows_max;
    return result;
}

/* -- steps -- */

void rollup_forget(struct roller *roller)
{
    sums_clear(&roller->sums);
    *roller = (struct roller){.write_sums = roller->write_sums, .compact_rows = roller->compact_rows};
}

/* What was read is in the rollups: on from there, or with the next table. */
static void go_on(struct roller *roller)
{
    sums_clear(&roller->sums);
    roller->mark = roller->last_id;
    roller->rows = 0;
    roller->full = false;
    if (roller->at_end) {
        roller->table += 1;
        roller->reading = false;
    }
}

/* Reads on, or writes what is together. */
static int roll_table(struct roller *roller, struct database *database, int64_t now_us)
{
    int result = SQLITE_OK;
    if (!roller->reading) {
        if ((result = rollup_read_mark(database, roller->table, &roller->mark)) != SQLITE_OK)
            return result;
        roller->last_id = roller->mark;
        roller->rows = 0;
        roller->reading = true;
    }
    if (!roller->full)
        result = read_rows(roller, database, now_us);
    else if ((result = write_sums(roller, database)) == SQLITE_OK)
        go_on(roller);
    if (result == SQLITE_OK && roller->full && roller->last_id == roller->mark)
        go_on(roller); /* nothing new */
    return result;
}

enum rollup_result rollup_step(struct roller *roller, struct database *database, int64_t now_us, int64_t keep_ms,
                               char *error, size_t error_size)
{
    bool more = true;
    int result;
    if (roller->write_sums == 0) {
        roller->write_sums = WRITE_SUMS_FIRST;
        roller->compact_rows = COMPACT_ROWS_FIRST;
    }
    if (roller->table < RECORD_TABLES) {
        result = roll_table(roller, database, now_us);
    } else {
        result = compact(roller, database, (now_us / 1000 - keep_ms) / 1000, &more);
        if (result == SQLITE_OK && !more)
            rollup_forget(roller); /* the next round begins with the first table */
    }
    if (result == SQLITE_OK)
        return more ? ROLLUP_MORE : ROLLUP_DONE;
    database_explain(database->handle, result, error, error_size);
    if (sqlite3_get_autocommit(database->handle) == 0)
        run(database->rollback);
    rollup_forget(roller);
    return ROLLUP_FAILED;
}
