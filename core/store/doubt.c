/* A commit that failed at its very end may have reached the disk all the same.
 *
 * When the sync of a commit fails, its frames lie whole in the write-ahead log. This connection takes them back, but
 * when it cannot tidy up either (the disk still fails), whoever opens the file next finds and replays them. To write
 * the batch again would then write each check twice; to forget it, lose them if the frames are not found. So the batch
 * is kept apart, and the next open connection looks for its last row.
 *
 * That the row is found does not yet make it safe: after a failed sync the system may have dropped what it was to write
 * (https://wiki.postgresql.org/wiki/Fsync_Errors, read 2026-11-23). So all of the log is first written and synced into
 * the database.
 */
#include "store/store_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

void batch_end_note(struct batch_end *end, sqlite3 *handle, const struct packed_check *check)
{
    struct packed_parts parts;
    packed_check_read(check, &parts);
    end->table = check->table;
    end->id = sqlite3_last_insert_rowid(handle);
    end->checked_us = check->checked_us;
    snprintf(end->provider, sizeof(end->provider), "%.*s", parts.provider.len, parts.provider.bytes);
}

int batch_end_find(const struct batch_end *end, sqlite3 *handle, bool *found)
{
    char sql[160], time[CLOCK_ISO_MAX];
    sqlite3_stmt *find = NULL;
    *found = false;
    if (end->id == 0) /* none of its rows was taken */
        return SQLITE_OK;
    snprintf(sql, sizeof(sql), "SELECT 1 FROM %s WHERE id = ?1 AND provider_name = ?2 AND last_check_timestamp = ?3",
             schema_table_name(end->table));
    int result = sqlite3_prepare_v2(handle, sql, -1, &find, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_bind_int64(find, 1, end->id);
    sqlite3_bind_text(find, 2, end->provider, -1, SQLITE_STATIC);
    sqlite3_bind_text(find, 3, time, (int)clock_format_sql(end->checked_us, time), SQLITE_STATIC);
    *found = sqlite3_step(find) == SQLITE_ROW;
    return sqlite3_finalize(find);
}

int doubt_prepare(struct store *store)
{
    if (store->doubtful.checks.count == 0)
        return SQLITE_OK;
    return sqlite3_wal_checkpoint_v2(store->database.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

int doubt_settle(struct store *store)
{
    bool found;
    if (store->doubtful.checks.count == 0)
        return SQLITE_OK;
    int result = batch_end_find(&store->doubtful_end, store->database.handle, &found);
    if (result != SQLITE_OK)
        return result;
    if (!found) {
        batch_put_back(store, &store->doubtful);
        return SQLITE_OK;
    }
    pthread_mutex_lock(&store->mutex);
    store->report.written += store->doubtful.checks.count - store->doubtful_rejected;
    store->report.dropped += store->doubtful_rejected;
    store->report.last_commit_us = clock_wall_us();
    pthread_mutex_unlock(&store->mutex);
    batch_finish(store, &store->doubtful);
    return SQLITE_OK;
}
