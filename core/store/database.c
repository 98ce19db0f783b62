/* The writer's connection: opening it so that it can be written, and saying why when it cannot. */
#include "store/store_internal.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

void database_explain(sqlite3 *handle, int result, char *error, size_t error_size)
{
    int system_error = handle != NULL ? sqlite3_system_errno(handle) : 0;
    const char *detail = system_error != 0 ? strerror(system_error)
                         : handle != NULL  ? sqlite3_errmsg(handle)
                                           : sqlite3_errstr(result);
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        snprintf(error, error_size, "the database is locked by another process");
        break;
    case SQLITE_READONLY:
        snprintf(error, error_size, "the database file or its directory is read-only");
        break;
    case SQLITE_FULL:
        snprintf(error, error_size, "the disk is full");
        break;
    case SQLITE_IOERR:
        snprintf(error, error_size, "input/output error: %s", detail);
        break;
    case SQLITE_CANTOPEN:
        snprintf(error, error_size, "the database file or its journal cannot be opened: %s", detail);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        snprintf(error, error_size, "the database is damaged (%s)",
                 handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(result));
        break;
    default:
        snprintf(error, error_size, "SQLite error %d: %s", result,
                 handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(result));
    }
}

bool database_moved(const struct database *database)
{
    int moved = 0;
    return sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

enum database_result database_result_of(int result)
{
    return (result & 0xff) == SQLITE_CORRUPT || (result & 0xff) == SQLITE_NOTADB ? DATABASE_DAMAGED : DATABASE_AWAY;
}

/* Whether the file begins like SQLite's (https://www.sqlite.org/fileformat2.html#magic_header_string) or is empty.
 * Read through SQLite's own file: opening and closing the path ourselves would take away, by the rules of POSIX, every
 * lock that other connections of this process hold on it. */
bool database_begins_like_sqlite(sqlite3 *handle)
{
    static const char magic[16] = "SQLite format 3";
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    char start[sizeof(magic)] = {0};
    if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == NULL ||
        file->pMethods == NULL || file->pMethods->xFileSize(file, &size) != SQLITE_OK || size == 0)
        return true; /* empty, or unreadable for a reason that the next query will tell */
    int result = file->pMethods->xRead(file, start, sizeof(start), 0);
    if (result != SQLITE_OK && result != SQLITE_IOERR_SHORT_READ)
        return true;
    return memcmp(start, magic, sizeof(magic)) == 0;
}

static int note_journal_mode(void *user, int count, char **values, char **names)
{
    (void)names;
    bool *is_wal = user;
    *is_wal = count == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
    return 0;
}

/* WAL: readers and the writer do not wait for each other. FULL: each commit is on the disk when it is told as written;
 * with NORMAL a power cut takes back the commits since the last checkpoint, minutes of them
 * (https://www.sqlite.org/pragma.html#pragma_synchronous, read 2026-11-23; tests/unit/store/test_crash.c shows it). One
 * sync for a group commit of a second costs next to nothing; tests/bench/commit.c measures it.
 * The size limit gives the disk space of a burst back. */
static int set_journal(sqlite3 *handle, const char *path)
{
    bool is_wal = false;
    int result = sqlite3_exec(handle, "PRAGMA journal_mode = WAL", note_journal_mode, &is_wal, NULL);
    if (result == SQLITE_OK && !is_wal && sqlite3_db_readonly(handle, "main") == 0)
        log_warning("store", "%s: this file system does not support write-ahead logging; history reads may be slow",
                    path);
    if (result == SQLITE_OK)
        result =
            sqlite3_exec(handle, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216", NULL, NULL, NULL);
    return result;
}

static int prepare(sqlite3 *handle, sqlite3_stmt **statement, const char *sql)
{
    return sqlite3_prepare_v3(handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

static int prepare_statements(struct database *database)
{
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } single[] = {
        {&database->begin, "BEGIN IMMEDIATE"},
        {&database->commit, "COMMIT"},
        {&database->rollback, "ROLLBACK"},
    };
    char sql[128];
    int result = SQLITE_OK;
    for (unsigned i = 0; i < sizeof(single) / sizeof(single[0]) && result == SQLITE_OK; ++i)
        result = prepare(database->handle, single[i].statement, single[i].sql);
    for (unsigned i = 0; i < RECORD_TABLES && result == SQLITE_OK; ++i) {
        const char *name = schema_table_name(i);
        result = prepare(database->handle, &database->insert[i], record_insert_sql(i));
        snprintf(sql, sizeof(sql), "SELECT id, last_check_timestamp FROM %s ORDER BY id LIMIT ?1", name);
        if (result == SQLITE_OK)
            result = prepare(database->handle, &database->oldest[i], sql);
        snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE id <= ?1", name);
        if (result == SQLITE_OK)
            result = prepare(database->handle, &database->delete_up_to[i], sql);
    }
    if (result == SQLITE_OK)
        result = incidents_prepare(database->handle, &database->incident);
    if (result == SQLITE_OK)
        result = events_prepare(database->handle, &database->event);
    if (result == SQLITE_OK)
        result = marks_prepare(database->handle, &database->marks);
    if (result == SQLITE_OK)
        result = report_sums_prepare(database->handle, &database->report);
    if (result == SQLITE_OK)
        result = roller_prepare(database->handle, &database->roller);
    return result;
}

enum database_result database_open(struct database *database, const char *path, char *error, size_t error_size)
{
    struct schema_state state;
    enum database_result refused;
    int result = sqlite3_open_v2(path, &database->handle,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK)
        goto explain;
    sqlite3_extended_result_codes(database->handle, 1);
    sqlite3_busy_timeout(database->handle, STORE_BUSY_TIMEOUT_MS);
    if (!database_begins_like_sqlite(database->handle)) {
        snprintf(error, error_size, "the file is not a SQLite database; it was left as it is");
        refused = DATABASE_STRANGER;
        goto fail;
    }
    if ((result = schema_inspect(database->handle, &state)) != SQLITE_OK)
        goto explain;
    if (!schema_acceptable(&state, error, error_size)) {
        refused = DATABASE_REFUSED;
        goto fail;
    }
    /* Works for a database without tables only, so that existing files keep what they have. */
    if (!state.tables[RECORD_CHECK].exists &&
        (result = sqlite3_exec(database->handle, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL)) != SQLITE_OK)
        goto explain;
    if ((result = set_journal(database->handle, path)) != SQLITE_OK)
        goto explain;
    refused = schema_establish(database->handle, error, error_size);
    if (refused != DATABASE_OK)
        goto fail;
    if ((result = prepare_statements(database)) != SQLITE_OK)
        goto explain;
    return DATABASE_OK;
explain:
    refused = database_result_of(result);
    database_explain(database->handle, result, error, error_size);
fail:
    database_close(database);
    return refused;
}

void database_close(struct database *database)
{
    sqlite3_finalize(database->begin);
    sqlite3_finalize(database->commit);
    sqlite3_finalize(database->rollback);
    for (unsigned i = 0; i < RECORD_TABLES; ++i) {
        sqlite3_finalize(database->insert[i]);
        sqlite3_finalize(database->oldest[i]);
        sqlite3_finalize(database->delete_up_to[i]);
    }
    sqlite3_finalize(database->incident);
    sqlite3_finalize(database->event);
    marks_finalize(&database->marks);
    sqlite3_finalize(database->report);
    roller_finalize(&database->roller);
    sqlite3_close(database->handle);
    *database = (struct database){0};
}
