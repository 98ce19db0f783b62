/* The seed's table, our columns behind it, and what to do with a file that is something else. */
#include "store/store_internal.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TABLE "provider_health_checks"

/* Word for word the seed's: tools that read the original's database compare it. */
static const char create_table_sql[] = "CREATE TABLE IF NOT EXISTS provider_health_checks (\n"
                                       "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                                       "    provider_name TEXT NOT NULL,\n"
                                       "    status TEXT NOT NULL,\n"
                                       "    response_time_ms REAL,\n"
                                       "    uptime_percent REAL,\n"
                                       "    rate_limit_percent REAL,\n"
                                       "    last_check_timestamp DATETIME NOT NULL,\n"
                                       "    error_message TEXT,\n"
                                       "    consecutive_failures INTEGER DEFAULT 0,\n"
                                       "    created_at DATETIME DEFAULT CURRENT_TIMESTAMP\n"
                                       ")";

static const char create_index_sql[] = "CREATE INDEX IF NOT EXISTS idx_provider_timestamp \n"
                                       "ON provider_health_checks(provider_name, last_check_timestamp)";

static const char *const seed_columns[] = {
    "id",
    "provider_name",
    "status",
    "response_time_ms",
    "uptime_percent",
    "rate_limit_percent",
    "last_check_timestamp",
    "error_message",
    "consecutive_failures",
    "created_at",
};
enum { SEED_COLUMNS = sizeof(seed_columns) / sizeof(seed_columns[0]) };

static const struct {
    const char *name;
    const char *type;
} our_columns[] = {
    {"ok", "INTEGER"},      {"reason", "TEXT"}, {"http_status", "INTEGER"}, {"dns_ms", "REAL"},
    {"connect_ms", "REAL"}, {"tls_ms", "REAL"}, {"first_byte_ms", "REAL"},
};
enum { OUR_COLUMNS = sizeof(our_columns) / sizeof(our_columns[0]) };

static const char insert_sql[] =
    "INSERT INTO " TABLE " (provider_name, status, response_time_ms, uptime_percent, rate_limit_percent,"
    " last_check_timestamp, error_message, consecutive_failures, ok, reason, http_status, dns_ms, connect_ms, tls_ms,"
    " first_byte_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

/* What a database holds of ours. */
struct schema_state {
    int64_t version;
    bool has_table;
    bool id_is_key;
    uint32_t seed_present; /* bit per seed column */
    uint32_t ours_present; /* bit per column of ours */
};

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
        snprintf(error, error_size, "the database is damaged (%s); move it away to begin a new one",
                 handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(result));
        break;
    default:
        snprintf(error, error_size, "SQLite error %d: %s", result,
                 handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(result));
    }
}

struct file_identity file_identity_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return (struct file_identity){0};
    return (struct file_identity){.device = status.st_dev, .inode = status.st_ino};
}

bool database_moved(const struct database *database)
{
    int moved = 0;
    return sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

/* Whether the file begins like SQLite's (https://www.sqlite.org/fileformat2.html#magic_header_string) or is empty.
 * Read through SQLite's own file: opening and closing the path ourselves would take away, by the rules of POSIX, every
 * lock that other connections of this process hold on it. */
static bool begins_like_sqlite(sqlite3 *handle)
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

static int read_int64(sqlite3 *handle, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    int finalized = sqlite3_finalize(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : finalized;
}

static void note_column(struct schema_state *state, const char *name, bool is_key)
{
    for (unsigned i = 0; i < SEED_COLUMNS; ++i) {
        if (sqlite3_stricmp(name, seed_columns[i]) == 0) {
            state->seed_present |= 1u << i;
            if (i == 0)
                state->id_is_key = is_key;
        }
    }
    for (unsigned i = 0; i < OUR_COLUMNS; ++i) {
        if (sqlite3_stricmp(name, our_columns[i].name) == 0)
            state->ours_present |= 1u << i;
    }
}

/* Only reads. Returns an SQLite result. */
static int schema_inspect(sqlite3 *handle, struct schema_state *state)
{
    int64_t tables = 0;
    sqlite3_stmt *columns = NULL;
    *state = (struct schema_state){0};
    int result = read_int64(handle, "PRAGMA user_version", &state->version);
    if (result == SQLITE_OK)
        result =
            read_int64(handle, "SELECT count(*) FROM sqlite_master WHERE name = '" TABLE "' COLLATE NOCASE", &tables);
    if (result != SQLITE_OK || tables == 0)
        return result;
    state->has_table = true;
    result =
        sqlite3_prepare_v2(handle, "SELECT name, pk, type FROM pragma_table_info('" TABLE "')", -1, &columns, NULL);
    if (result != SQLITE_OK)
        return result;
    while ((result = sqlite3_step(columns)) == SQLITE_ROW) {
        const char *type = (const char *)sqlite3_column_text(columns, 2);
        note_column(state, (const char *)sqlite3_column_text(columns, 0),
                    sqlite3_column_int(columns, 1) == 1 && type != NULL && sqlite3_stricmp(type, "INTEGER") == 0);
    }
    sqlite3_finalize(columns);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* False, with the reason, for a schema that is not ours to write to. */
static bool schema_acceptable(const struct schema_state *state, char *error, size_t error_size)
{
    if (state->version > STORE_SCHEMA_VERSION) {
        snprintf(error, error_size,
                 "its schema version (PRAGMA user_version) is %lld, this program knows %d: it was written by a newer "
                 "providerd, or belongs to another program",
                 (long long)state->version, STORE_SCHEMA_VERSION);
        return false;
    }
    if (!state->has_table)
        return true;
    for (unsigned i = 0; i < SEED_COLUMNS; ++i) {
        if ((state->seed_present & 1u << i) == 0) {
            snprintf(error, error_size, "its table " TABLE " has no column %s: it is not a provider status database",
                     seed_columns[i]);
            return false;
        }
    }
    if (!state->id_is_key) {
        snprintf(error, error_size,
                 "the column id of its table " TABLE
                 " is not INTEGER PRIMARY KEY: it is not a provider status database");
        return false;
    }
    return true;
}

/* Inside a transaction. Returns an SQLite result. */
static int schema_extend(sqlite3 *handle, const struct schema_state *state)
{
    char sql[128];
    int result = sqlite3_exec(handle, create_table_sql, NULL, NULL, NULL);
    for (unsigned i = 0; i < OUR_COLUMNS && result == SQLITE_OK; ++i) {
        if ((state->ours_present & 1u << i) != 0)
            continue;
        snprintf(sql, sizeof(sql), "ALTER TABLE " TABLE " ADD COLUMN %s %s", our_columns[i].name, our_columns[i].type);
        result = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    }
    if (result == SQLITE_OK)
        result = sqlite3_exec(handle, create_index_sql, NULL, NULL, NULL);
    if (result == SQLITE_OK && state->version != STORE_SCHEMA_VERSION) {
        snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", STORE_SCHEMA_VERSION);
        result = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    }
    return result;
}

/* The lock of an immediate transaction also shows whether the database can be written at all. */
static enum database_result schema_establish(sqlite3 *handle, char *error, size_t error_size)
{
    struct schema_state state;
    int result = sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (result != SQLITE_OK)
        goto fail;
    if ((result = schema_inspect(handle, &state)) != SQLITE_OK)
        goto fail;
    if (!schema_acceptable(&state, error, error_size)) {
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
        return DATABASE_REFUSED;
    }
    if ((result = schema_extend(handle, &state)) != SQLITE_OK)
        goto fail;
    if ((result = sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK)
        goto fail;
    return DATABASE_OK;
fail:
    database_explain(handle, result, error, error_size);
    if (sqlite3_get_autocommit(handle) == 0)
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return DATABASE_AWAY;
}

static int note_journal_mode(void *user, int count, char **values, char **names)
{
    (void)names;
    bool *is_wal = user;
    *is_wal = count == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
    return 0;
}

/* WAL: readers and the writer do not wait for each other. NORMAL: a kill -9 loses nothing that was committed; a power
 * cut may lose the last commits but leaves the file sound (https://www.sqlite.org/wal.html).
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
            sqlite3_exec(handle, "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216", NULL, NULL, NULL);
    return result;
}

static int prepare_statements(struct database *database)
{
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } wanted[] = {
        {&database->begin, "BEGIN IMMEDIATE"},
        {&database->insert, insert_sql},
        {&database->commit, "COMMIT"},
        {&database->rollback, "ROLLBACK"},
        {&database->oldest, "SELECT id, last_check_timestamp FROM " TABLE " ORDER BY id LIMIT ?1"},
        {&database->delete_up_to, "DELETE FROM " TABLE " WHERE id <= ?1"},
    };
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); ++i) {
        int result = sqlite3_prepare_v3(database->handle, wanted[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                        wanted[i].statement, NULL);
        if (result != SQLITE_OK)
            return result;
    }
    return SQLITE_OK;
}

enum database_result database_open(struct database *database, const char *path, char *error, size_t error_size)
{
    struct schema_state state;
    enum database_result refused = DATABASE_AWAY;
    int result = sqlite3_open_v2(path, &database->handle,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK)
        goto explain;
    sqlite3_extended_result_codes(database->handle, 1);
    sqlite3_busy_timeout(database->handle, STORE_BUSY_TIMEOUT_MS);
    if (!begins_like_sqlite(database->handle)) {
        snprintf(error, error_size, "the file is not a SQLite database; it was left as it is");
        refused = DATABASE_REFUSED;
        goto fail;
    }
    if ((result = schema_inspect(database->handle, &state)) != SQLITE_OK)
        goto explain;
    if (!schema_acceptable(&state, error, error_size)) {
        refused = DATABASE_REFUSED;
        goto fail;
    }
    /* Works for a database without tables only, so that existing files keep what they have. */
    if (!state.has_table &&
        (result = sqlite3_exec(database->handle, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL)) != SQLITE_OK)
        goto explain;
    if ((result = set_journal(database->handle, path)) != SQLITE_OK)
        goto explain;
    refused = schema_establish(database->handle, error, error_size);
    if (refused != DATABASE_OK)
        goto fail;
    refused = DATABASE_AWAY;
    if ((result = prepare_statements(database)) != SQLITE_OK)
        goto explain;
    return DATABASE_OK;
explain:
    database_explain(database->handle, result, error, error_size);
fail:
    database_close(database);
    return refused;
}

void database_close(struct database *database)
{
    sqlite3_finalize(database->begin);
    sqlite3_finalize(database->insert);
    sqlite3_finalize(database->commit);
    sqlite3_finalize(database->rollback);
    sqlite3_finalize(database->oldest);
    sqlite3_finalize(database->delete_up_to);
    sqlite3_close(database->handle);
    *database = (struct database){0};
}
