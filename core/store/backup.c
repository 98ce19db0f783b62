#include "store/backup.h"

#include "store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BACKUP_BUSY_TIMEOUT_MS = 5000,
    STOP_CHECKED_EVERY = 10000, /* SQLite's virtual machine instructions: some hundred times a second */
};

struct copying {
    const char *source;
    const char *target;
    char temporary[PATH_MAX]; /* "" while there is none */
    int file;                 /* it, -1 = not open */
    mode_t mode;              /* which the copy gets: that of the source */
    sqlite3 *handle;
};

/* --- source and target --- */

static bool look_at_paths(struct copying *copying, char *error, size_t error_size)
{
    struct stat source, target;
    if (stat(copying->source, &source) != 0) {
        snprintf(error, error_size, "%s: there is no database: %s", copying->source, strerror(errno));
        return false;
    }
    if (!S_ISREG(source.st_mode)) {
        snprintf(error, error_size, "%s: not a file, so no database", copying->source);
        return false;
    }
    if (lstat(copying->target, &target) == 0) {
        snprintf(error, error_size, "%s: there is a file of this name already; it was left as it is", copying->target);
        return false;
    }
    copying->mode = source.st_mode & 0666;
    return true;
}

/* Only reads: neither its schema nor its write-ahead log is touched. */
static enum backup_status open_source(struct copying *copying, char *error, size_t error_size)
{
    struct schema_state state;
    char reason[STORE_ERROR_MAX];
    int result = sqlite3_open_v2(copying->source, &copying->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK) {
        sqlite3_extended_result_codes(copying->handle, 1);
        sqlite3_busy_timeout(copying->handle, BACKUP_BUSY_TIMEOUT_MS);
        result = schema_inspect(copying->handle, &state);
    }
    if ((result & 0xff) == SQLITE_NOTADB) {
        snprintf(error, error_size, "%s: not a SQLite database", copying->source);
        return BACKUP_REFUSED;
    }
    if (result != SQLITE_OK) {
        database_explain(copying->handle, result, reason, sizeof(reason));
        snprintf(error, error_size, "%s: %s", copying->source, reason);
        return BACKUP_FAILED;
    }
    if (!schema_acceptable(&state, reason, sizeof(reason))) {
        snprintf(error, error_size, "%s: %s", copying->source, reason);
        return BACKUP_REFUSED;
    }
    if (!state.tables[RECORD_CHECK].exists) {
        snprintf(error, error_size, "%s: it has no table %s: it is not a provider status database", copying->source,
                 schema_table_name(RECORD_CHECK));
        return BACKUP_REFUSED;
    }
    return BACKUP_DONE;
}

/* An empty file, which VACUUM INTO takes as it takes none. */
static bool make_temporary(struct copying *copying, char *error, size_t error_size)
{
    const char *slash = strrchr(copying->target, '/');
    int directory_len = slash != NULL ? (int)(slash + 1 - copying->target) : 0;
    int len = snprintf(copying->temporary, sizeof(copying->temporary), "%.*s.%s.XXXXXX", directory_len, copying->target,
                       copying->target + directory_len);
    if (len >= (int)sizeof(copying->temporary))
        errno = ENAMETOOLONG;
    else
        copying->file = mkostemp(copying->temporary, O_CLOEXEC);
    if (copying->file >= 0)
        return true;
    snprintf(error, error_size, "%s: cannot be written: %s", copying->target, strerror(errno));
    copying->temporary[0] = '\0';
    return false;
}

/* --- copying --- */

static int asked_to_stop(void *user)
{
    bool (**stop)(void) = user;
    return (*stop)() ? 1 : 0;
}

static bool vacuum_into(struct copying *copying, bool (*stop)(void), char *error, size_t error_size)
{
    sqlite3_stmt *vacuum = NULL;
    char reason[STORE_ERROR_MAX];
    sqlite3_progress_handler(copying->handle, STOP_CHECKED_EVERY, asked_to_stop, &stop);
    int result = sqlite3_prepare_v2(copying->handle, "VACUUM INTO ?1", -1, &vacuum, NULL);
    if (result == SQLITE_OK) {
        sqlite3_bind_text(vacuum, 1, copying->temporary, -1, SQLITE_STATIC);
        result = sqlite3_step(vacuum);
    }
    sqlite3_progress_handler(copying->handle, 0, NULL, NULL);
    if (result != SQLITE_DONE) {
        if ((result & 0xff) == SQLITE_FULL)
            snprintf(reason, sizeof(reason), "no space is left for the copy");
        else if ((result & 0xff) == SQLITE_INTERRUPT)
            snprintf(reason, sizeof(reason), "stopped");
        else
            database_explain(copying->handle, result, reason, sizeof(reason));
        snprintf(error, error_size, "%s to %s: %s", copying->source, copying->target, reason);
    }
    sqlite3_finalize(vacuum);
    return result == SQLITE_DONE;
}

/* Counted in the copy, which nobody writes to: in the source there may be more by now. */
static bool count_checks(const struct copying *copying, int64_t *checks)
{
    sqlite3 *copy = NULL;
    sqlite3_stmt *count = NULL;
    bool counted =
        sqlite3_open_v2(copying->temporary, &copy, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(copy, "SELECT count(*) FROM provider_health_checks", -1, &count, NULL) == SQLITE_OK &&
        sqlite3_step(count) == SQLITE_ROW;
    if (counted)
        *checks = sqlite3_column_int64(count, 0);
    sqlite3_finalize(count);
    sqlite3_close(copy);
    return counted;
}

/* Synced, and only then known by its name; then the name, too. */
static bool put_in_place(struct copying *copying, struct backup_result *result, char *error, size_t error_size)
{
    struct stat status;
    if (!count_checks(copying, &result->checks)) {
        snprintf(error, error_size, "%s: the copy cannot be read back; it was removed", copying->target);
        return false;
    }
    if (fchmod(copying->file, copying->mode) != 0 || fsync(copying->file) != 0 || fstat(copying->file, &status) != 0) {
        snprintf(error, error_size, "%s: cannot be written: %s", copying->target, strerror(errno));
        return false;
    }
    if (!file_rename_new(copying->temporary, copying->target)) {
        snprintf(error, error_size, "%s: %s", copying->target,
                 errno == EEXIST ? "there is a file of this name by now; it was left as it is" : strerror(errno));
        return false;
    }
    copying->temporary[0] = '\0';
    result->bytes = status.st_size;
    file_sync_directory(copying->target);
    return true;
}

enum backup_status store_backup(const char *source, const char *target, bool (*stop)(void),
                                struct backup_result *result, char *error, size_t error_size)
{
    struct copying copying = {.source = source, .target = target, .file = -1};
    enum backup_status status = BACKUP_REFUSED;
    if (!look_at_paths(&copying, error, error_size))
        return BACKUP_REFUSED;
    status = open_source(&copying, error, error_size);
    if (status != BACKUP_DONE)
        goto done;
    status = make_temporary(&copying, error, error_size) && vacuum_into(&copying, stop, error, error_size) &&
                     put_in_place(&copying, result, error, error_size)
                 ? BACKUP_DONE
                 : BACKUP_FAILED;
done:
    sqlite3_close(copying.handle);
    if (copying.file >= 0)
        close(copying.file);
    if (copying.temporary[0] != '\0')
        unlink(copying.temporary);
    return status;
}
