/* A database that turns out to be damaged: making sure, and setting it aside.
 *
 * SQLITE_CORRUPT may come of a passing fault as well, a read that gave nonsense once. So nothing is done before a fresh
 * connection, with nothing in its cache, has found the damage too ("PRAGMA quick_check",
 * https://www.sqlite.org/pragma.html#pragma_quick_check, read 2026-11-23). Then the file gets another name, with its
 * write-ahead log, which belongs to it; nothing is ever overwritten or deleted.
 */
#include "store/store_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    SOUND_FOR_MS = 60 * 1000, /* after a look that found nothing: the next one may take seconds */
    NAMES_MAX = 1000,
    SEARCHED_BYTES = 256 * 1024, /* where the schema lies, most likely */
    USER_VERSION_AT = 60,        /* in the file's header: https://www.sqlite.org/fileformat2.html#the_database_header */
};

static bool tells_of_damage(int result)
{
    return (result & 0xff) == SQLITE_CORRUPT || (result & 0xff) == SQLITE_NOTADB;
}

void damage_suspect(struct store *store, int result)
{
    if (!tells_of_damage(result))
        return;
    pthread_mutex_lock(&store->mutex);
    if (!store->suspect && clock_monotonic_ms() >= store->sound_until_ms) {
        store->suspect = true;
        store->reopen_wanted = true;
        pthread_cond_signal(&store->wake);
    }
    pthread_mutex_unlock(&store->mutex);
}

/* --- making sure --- */

/* A connection that never writes to the file, not even what is in its log. */
static int open_untouched(const char *path, sqlite3 **handle)
{
    int result = sqlite3_open_v2(path, handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_extended_result_codes(*handle, 1);
    sqlite3_busy_timeout(*handle, STORE_BUSY_TIMEOUT_MS);
    sqlite3_db_config(*handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return sqlite3_exec(*handle, "PRAGMA query_only = 1", NULL, NULL, NULL);
}

static int quick_check(sqlite3 *handle, char *finding, size_t finding_size)
{
    sqlite3_stmt *check = NULL;
    int result = sqlite3_prepare_v2(handle, "PRAGMA quick_check(1)", -1, &check, NULL);
    finding[0] = '\0';
    if (result == SQLITE_OK && (result = sqlite3_step(check)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(check, 0);
        if (text != NULL && strcmp(text, "ok") != 0)
            snprintf(finding, finding_size, "%s", text);
        result = SQLITE_OK;
    }
    sqlite3_finalize(check);
    for (char *line = strchr(finding, '\n'); line != NULL; line = strchr(line, '\n'))
        *line = ' ';
    return result;
}

/* Whether a damaged file, which was not open in this run, is a database of ours: its path may be a slip in the
 * configuration. The names of our tables stand in the schema, as text. */
static bool looks_like_ours(sqlite3 *handle)
{
    sqlite3_file *file = NULL;
    unsigned char *start = calloc(1, SEARCHED_BYTES);
    bool ours = false;
    if (start != NULL && sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
        file != NULL && file->pMethods != NULL) {
        int result = file->pMethods->xRead(file, start, SEARCHED_BYTES, 0);
        const char *name = schema_table_name(RECORD_CHECK);
        ours = (result == SQLITE_OK || result == SQLITE_IOERR_SHORT_READ) &&
               (memmem(start, SEARCHED_BYTES, name, strlen(name)) != NULL ||
                (start[USER_VERSION_AT] == 0 && start[USER_VERSION_AT + 1] == 0 && start[USER_VERSION_AT + 2] == 0 &&
                 start[USER_VERSION_AT + 3] > 0 && start[USER_VERSION_AT + 3] <= STORE_SCHEMA_VERSION));
    }
    free(start);
    return ours;
}

enum finding { GONE, SOUND, DAMAGED, DAMAGED_STRANGER, UNCERTAIN };

static enum finding examine(const struct store *store, char *reason, size_t reason_size)
{
    struct schema_state state;
    sqlite3 *handle = NULL;
    enum finding finding = UNCERTAIN;
    char text[STORE_ERROR_MAX] = "";
    int result = open_untouched(store->path, &handle);
    if (result == SQLITE_OK && !database_begins_like_sqlite(handle))
        result = SQLITE_NOTADB;
    if (result == SQLITE_OK)
        result = schema_inspect(handle, &state);
    if (result == SQLITE_OK)
        result = quick_check(handle, text, sizeof(text));
    if (result == SQLITE_OK && text[0] == '\0') {
        finding = SOUND;
    } else if (tells_of_damage(result) || result == SQLITE_OK) {
        finding = store->was_open || looks_like_ours(handle) ? DAMAGED : DAMAGED_STRANGER;
        snprintf(reason, reason_size, "%s", text[0] != '\0' ? text : sqlite3_errstr(result));
    } else {
        database_explain(handle, result, reason, reason_size);
    }
    sqlite3_close(handle);
    return finding;
}

/* --- setting aside --- */

static bool name_is_free(const char *path)
{
    static const char *const tails[] = {"", "-wal", "-journal", "-shm"};
    char name[PATH_MAX];
    struct stat status;
    for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); ++i) {
        snprintf(name, sizeof(name), "%s%s", path, tails[i]);
        if (lstat(name, &status) == 0)
            return false;
    }
    return true;
}

/* "provider_status.db.damaged-20261123T211500Z", and if need be "-2" behind it. */
static bool find_name(const char *path, int64_t now_us, char *name, size_t name_size)
{
    char stamp[32];
    struct tm utc;
    time_t now = (time_t)(now_us / 1000000);
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
    snprintf(name, name_size, "%s.damaged-%s", path, stamp);
    for (int i = 2; !name_is_free(name) && i < NAMES_MAX; ++i)
        snprintf(name, name_size, "%s.damaged-%s-%d", path, stamp, i);
    return name_is_free(name);
}

/* True when it is not there. */
static bool rename_tail(const char *from, const char *to, const char *tail)
{
    char old_name[PATH_MAX], new_name[PATH_MAX];
    snprintf(old_name, sizeof(old_name), "%s%s", from, tail);
    snprintf(new_name, sizeof(new_name), "%s%s", to, tail);
    return file_rename_new(old_name, new_name) || errno == ENOENT;
}

/* The log goes first: beside a new database SQLite would take it for a left-over, and delete it. The index of the log,
 * "-shm", holds nothing of its own, and is no longer right. */
static bool move_aside(const char *path, const char *name, char *error, size_t error_size)
{
    char shm[PATH_MAX];
    if (!rename_tail(path, name, "-wal") || !rename_tail(path, name, "-journal") || !rename_tail(path, name, "")) {
        snprintf(error, error_size, "the database is damaged, and cannot be set aside: %s", strerror(errno));
        rename_tail(name, path, "-wal");
        rename_tail(name, path, "-journal");
        return false;
    }
    snprintf(shm, sizeof(shm), "%s-shm", path);
    unlink(shm);
    file_sync_directory(path);
    return true;
}

bool damage_set_aside(struct store *store, const char *reason, char *error, size_t error_size)
{
    struct set_aside aside = {.time_us = clock_wall_us()};
    char name[PATH_MAX];
    if (!find_name(store->path, aside.time_us, name, sizeof(name))) {
        snprintf(error, error_size, "the database is damaged, and there is no free name to set it aside under");
        return false;
    }
    if (!move_aside(store->path, name, error, error_size))
        return false;
    snprintf(aside.path, sizeof(aside.path), "%.511s", name);
    snprintf(aside.reason, sizeof(aside.reason), "%s", reason);
    snprintf(store->salvage_path, sizeof(store->salvage_path), "%s", name);
    log_error("store", "%s is damaged (%s): it was set aside as %s, and a new one is begun", store->path, reason, name);
    writer_note_failure(store, "it was damaged, and is begun anew with what can be read of it");
    pthread_mutex_lock(&store->mutex);
    store->report.set_aside = aside;
    pthread_mutex_unlock(&store->mutex);
    return true;
}

bool damage_deal_with(struct store *store, char *error, size_t error_size)
{
    char reason[STORE_ERROR_MAX];
    bool gone = file_identity_of(store->path).inode == 0;
    switch (gone ? GONE : examine(store, reason, sizeof(reason))) {
    case DAMAGED:
        if (!damage_set_aside(store, reason, error, error_size))
            return false;
        break;
    case DAMAGED_STRANGER:
        snprintf(error, error_size, "the database is damaged (%s); move it away to begin a new one", reason);
        return false;
    case UNCERTAIN:
        snprintf(error, error_size, "%s", reason);
        return false;
    case GONE:
        break;
    case SOUND:
        log_warning("store", "%s seemed to be damaged, but a closer look found it sound", store->path);
        break;
    }
    pthread_mutex_lock(&store->mutex);
    store->suspect = false;
    store->sound_until_ms = clock_monotonic_ms() + SOUND_FOR_MS;
    pthread_mutex_unlock(&store->mutex);
    return true;
}
