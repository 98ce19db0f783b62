#include "fault_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR_BYTES = 512 };

/* A write since the last sync, or, without bytes, a truncation to `offset`. */
struct pending {
    struct pending *next;
    sqlite3_int64 offset;
    int len;
    unsigned char bytes[];
};

/* What the disk surely holds of a file, and what came after. */
struct disk_file {
    struct disk_file *next;
    char *path;
    unsigned char *synced;
    size_t synced_len;
    struct pending *first;
    struct pending *last;
    bool deleted; /* but the directory was not synced since */
};

static struct fault_vfs {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    pthread_mutex_t mutex;
    struct fault_plan plan;
    unsigned count;
    bool struck;
    enum fault_operation struck_at;
    bool dead; /* killed, or without power */
    struct disk_file *files;
} fault = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;     /* lies behind */
    struct disk_file *disk; /* NULL for files of no importance */
    bool syncs_directory;   /* with its first sync, as SQLite's own does for new journals */
};

static const struct {
    const char *name;
    int result;
} operations[FAULT_OPERATIONS] = {
    [FAULT_OPEN] = {"open", SQLITE_CANTOPEN},
    [FAULT_READ] = {"read", SQLITE_IOERR_READ},
    [FAULT_WRITE] = {"write", SQLITE_IOERR_WRITE},
    [FAULT_SYNC] = {"sync", SQLITE_IOERR_FSYNC},
    [FAULT_TRUNCATE] = {"truncate", SQLITE_IOERR_TRUNCATE},
    [FAULT_DELETE] = {"delete", SQLITE_IOERR_DELETE},
    [FAULT_SHM_MAP] = {"shm_map", SQLITE_IOERR_SHMMAP},
    [FAULT_LOCK] = {"lock", SQLITE_IOERR_LOCK},
};

const char *fault_operation_name(enum fault_operation operation)
{
    return operations[operation].name;
}

/* SQLITE_OK, or what the operation has to fail with. With the lock held. */
static int verdict(enum fault_operation operation)
{
    bool counts = (fault.plan.operations & 1u << operation) != 0;
    if (fault.dead)
        return operations[operation].result;
    if (!counts)
        return SQLITE_OK;
    fault.count += 1;
    bool strikes = fault.plan.at != 0 && fault.count == fault.plan.at;
    if (strikes) {
        fault.struck = true;
        fault.struck_at = operation;
        fault.dead = fault.plan.effect != FAULT_FAILS;
    }
    if (!strikes && !(fault.struck && fault.plan.lasting))
        return SQLITE_OK;
    return fault.plan.result != 0 && fault.plan.effect == FAULT_FAILS ? fault.plan.result
                                                                      : operations[operation].result;
}

static int verdict_locked(enum fault_operation operation)
{
    pthread_mutex_lock(&fault.mutex);
    int result = verdict(operation);
    pthread_mutex_unlock(&fault.mutex);
    return result;
}

/* --- what the disk holds --- */

static void *take_memory(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL)
        abort();
    return memory;
}

static void forget_pending(struct disk_file *disk)
{
    while (disk->first != NULL) {
        struct pending *pending = disk->first;
        disk->first = pending->next;
        free(pending);
    }
    disk->last = NULL;
}

static void note_pending(struct disk_file *disk, sqlite3_int64 offset, const void *bytes, int len)
{
    struct pending *pending = take_memory(sizeof(*pending) + (size_t)len);
    pending->offset = offset;
    pending->len = len;
    if (len > 0)
        memcpy(pending->bytes, bytes, (size_t)len);
    if (disk->last != NULL)
        disk->last->next = pending;
    else
        disk->first = pending;
    disk->last = pending;
}

static void note_whole(struct disk_file *disk, sqlite3_file *real)
{
    sqlite3_int64 size = 0;
    forget_pending(disk);
    free(disk->synced);
    real->pMethods->xFileSize(real, &size);
    disk->synced = take_memory((size_t)size + 1);
    disk->synced_len = (size_t)size;
    if (size > 0)
        real->pMethods->xRead(real, disk->synced, (int)size, 0);
}

static struct disk_file *disk_file_of(const char *path)
{
    struct disk_file *disk = fault.files;
    while (disk != NULL && strcmp(disk->path, path) != 0)
        disk = disk->next;
    return disk;
}

/* Of a file that was not known before, what it holds counts as synced. */
static struct disk_file *disk_file_opened(const char *path, sqlite3_file *real)
{
    struct disk_file *disk = disk_file_of(path);
    if (disk == NULL) {
        disk = take_memory(sizeof(*disk));
        disk->path = strdup(path);
        disk->next = fault.files;
        fault.files = disk;
        note_whole(disk, real);
    } else if (disk->deleted) {
        disk->deleted = false;
        forget_pending(disk);
        disk->synced_len = 0;
    }
    return disk;
}

static void deletions_are_certain(void)
{
    for (struct disk_file *disk = fault.files; disk != NULL; disk = disk->next) {
        if (disk->deleted) {
            forget_pending(disk);
            disk->synced_len = 0;
        }
    }
}

static unsigned throw_dice(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return (unsigned)(*dice >> 20) % 10;
}

/* The content of a file while it is put together. */
struct content {
    unsigned char *bytes;
    size_t len;
};

static void content_grow(struct content *content, size_t len)
{
    if (len <= content->len)
        return;
    content->bytes = realloc(content->bytes, len);
    if (content->bytes == NULL)
        abort();
    memset(content->bytes + content->len, 0, len - content->len);
    content->len = len;
}

static void apply(struct content *content, const struct pending *pending, uint64_t *dice)
{
    size_t offset = (size_t)pending->offset, len = (size_t)pending->len;
    unsigned fate = *dice == 0 ? 9 : throw_dice(dice);
    if (pending->len == 0) {
        if (fate < 5 && offset < content->len)
            content->len = offset;
        return;
    }
    if (fate >= 7) /* lost */
        return;
    if (fate == 5) /* torn */
        len = len / 2 / SECTOR_BYTES * SECTOR_BYTES;
    if (len == 0)
        return;
    content_grow(content, offset + len);
    if (fate == 6)
        memset(content->bytes + offset, 0xa5, len);
    else
        memcpy(content->bytes + offset, pending->bytes, len);
}

static void lose_power_of(const struct disk_file *disk, uint64_t *dice)
{
    struct content content = {0};
    if (disk->deleted && (*dice == 0 || disk->synced_len == 0 || throw_dice(dice) < 5))
        return;
    content_grow(&content, disk->synced_len);
    if (disk->synced_len > 0)
        memcpy(content.bytes, disk->synced, disk->synced_len);
    for (const struct pending *pending = disk->first; pending != NULL; pending = pending->next)
        apply(&content, pending, dice);
    FILE *file = fopen(disk->path, "wb");
    if (file == NULL || (content.len > 0 && fwrite(content.bytes, 1, content.len, file) != content.len) ||
        fclose(file) != 0)
        abort();
    free(content.bytes);
}

void fault_vfs_lose_power(unsigned dice)
{
    uint64_t state = dice * UINT64_C(0x9e3779b97f4a7c15);
    for (const struct disk_file *disk = fault.files; disk != NULL; disk = disk->next)
        lose_power_of(disk, &state);
}

/* --- files --- */

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)(void *)file)->real;
}

static int fault_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int fault_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    int result = verdict_locked(FAULT_READ);
    return result != SQLITE_OK ? result : real_of(file)->pMethods->xRead(real_of(file), bytes, len, offset);
}

/* One that fails has written a part of it, as on a full disk. */
static int fault_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    struct fault_file *ours = (struct fault_file *)(void *)file;
    pthread_mutex_lock(&fault.mutex);
    int result = verdict(FAULT_WRITE);
    if (fault.dead)
        len = 0;
    else if (result != SQLITE_OK)
        len /= 2;
    int written = len == 0 ? SQLITE_OK : ours->real->pMethods->xWrite(ours->real, bytes, len, offset);
    if (ours->disk != NULL && len > 0 && written == SQLITE_OK)
        note_pending(ours->disk, offset, bytes, len);
    pthread_mutex_unlock(&fault.mutex);
    return result != SQLITE_OK ? result : written;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct fault_file *ours = (struct fault_file *)(void *)file;
    pthread_mutex_lock(&fault.mutex);
    int result = verdict(FAULT_TRUNCATE);
    if (result == SQLITE_OK)
        result = ours->real->pMethods->xTruncate(ours->real, size);
    if (result == SQLITE_OK && ours->disk != NULL)
        note_pending(ours->disk, size, NULL, 0);
    pthread_mutex_unlock(&fault.mutex);
    return result;
}

/* The real disk is not asked: only what this file system says counts, and the tests are quick. */
static int fault_sync(sqlite3_file *file, int flags)
{
    struct fault_file *ours = (struct fault_file *)(void *)file;
    (void)flags;
    pthread_mutex_lock(&fault.mutex);
    int result = verdict(FAULT_SYNC);
    if (result == SQLITE_OK && ours->disk != NULL) {
        note_whole(ours->disk, ours->real);
        if (ours->syncs_directory)
            deletions_are_certain();
        ours->syncs_directory = false;
    }
    pthread_mutex_unlock(&fault.mutex);
    return result;
}

static int fault_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int fault_lock(sqlite3_file *file, int level)
{
    int result = verdict_locked(FAULT_LOCK);
    return result != SQLITE_OK ? result : real_of(file)->pMethods->xLock(real_of(file), level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int fault_check_reserved_lock(sqlite3_file *file, int *reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}

static int fault_file_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int fault_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int fault_device_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int fault_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **memory)
{
    int result = verdict_locked(FAULT_SHM_MAP);
    *memory = NULL;
    return result != SQLITE_OK ? result : real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, memory);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int fault_shm_unmap(sqlite3_file *file, int delete)
{
    pthread_mutex_lock(&fault.mutex);
    bool dead = fault.dead;
    pthread_mutex_unlock(&fault.mutex);
    return real_of(file)->pMethods->xShmUnmap(real_of(file), dead ? 0 : delete);
}

/* Version 2: with shared memory, without mapped files. */
static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_file_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_reserved_lock,
    .xFileControl = fault_file_control,
    .xSectorSize = fault_sector_size,
    .xDeviceCharacteristics = fault_device_characteristics,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

/* --- the file system --- */

static int fault_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    struct fault_file *ours = (struct fault_file *)(void *)file;
    (void)vfs;
    *ours = (struct fault_file){.real = (sqlite3_file *)(void *)(ours + 1)};
    memset(ours->real, 0, (size_t)fault.real->szOsFile);
    pthread_mutex_lock(&fault.mutex);
    int result = verdict(FAULT_OPEN);
    if (result == SQLITE_OK)
        result = fault.real->xOpen(fault.real, name, ours->real, flags, out_flags);
    if (result == SQLITE_OK) {
        bool journal = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
        ours->base.pMethods = &fault_methods;
        if (name != NULL && (journal || (flags & SQLITE_OPEN_MAIN_DB) != 0))
            ours->disk = disk_file_opened(name, ours->real);
        ours->syncs_directory = journal && (flags & SQLITE_OPEN_CREATE) != 0;
    }
    pthread_mutex_unlock(&fault.mutex);
    return result;
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    pthread_mutex_lock(&fault.mutex);
    int result = verdict(FAULT_DELETE);
    if (result == SQLITE_OK)
        result = fault.real->xDelete(fault.real, name, sync_directory);
    if (result == SQLITE_OK) {
        struct disk_file *disk = disk_file_of(name);
        if (disk != NULL)
            disk->deleted = true;
        if (sync_directory)
            deletions_are_certain();
    }
    pthread_mutex_unlock(&fault.mutex);
    return result;
}

static int fault_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    (void)vfs;
    return fault.real->xAccess(fault.real, name, flags, result);
}

static int fault_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    return fault.real->xFullPathname(fault.real, name, size, out);
}

static int fault_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return fault.real->xRandomness(fault.real, size, out);
}

static int fault_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return fault.real->xSleep(fault.real, microseconds);
}

static int fault_current_time(sqlite3_vfs *vfs, double *now)
{
    (void)vfs;
    return fault.real->xCurrentTime(fault.real, now);
}

static int fault_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *now)
{
    (void)vfs;
    return fault.real->xCurrentTimeInt64(fault.real, now);
}

static int fault_get_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return fault.real->xGetLastError(fault.real, size, out);
}

void fault_vfs_install(void)
{
    fault.real = sqlite3_vfs_find(NULL);
    fault.vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile,
        .mxPathname = fault.real->mxPathname,
        .zName = "fault",
        .xOpen = fault_open,
        .xDelete = fault_delete,
        .xAccess = fault_access,
        .xFullPathname = fault_full_pathname,
        .xRandomness = fault_randomness,
        .xSleep = fault_sleep,
        .xCurrentTime = fault_current_time,
        .xCurrentTimeInt64 = fault_current_time_int64,
        .xGetLastError = fault_get_last_error,
    };
    fault_vfs_plan(&(struct fault_plan){0});
    sqlite3_vfs_register(&fault.vfs, 1);
}

void fault_vfs_remove(void)
{
    sqlite3_vfs_unregister(&fault.vfs);
    sqlite3_vfs_register(fault.real, 1);
    while (fault.files != NULL) {
        struct disk_file *disk = fault.files;
        fault.files = disk->next;
        forget_pending(disk);
        free(disk->synced);
        free(disk->path);
        free(disk);
    }
}

void fault_vfs_plan(const struct fault_plan *plan)
{
    pthread_mutex_lock(&fault.mutex);
    fault.plan = *plan;
    fault.count = 0;
    fault.struck = false;
    fault.dead = false;
    pthread_mutex_unlock(&fault.mutex);
}

unsigned fault_vfs_count(void)
{
    pthread_mutex_lock(&fault.mutex);
    unsigned count = fault.count;
    pthread_mutex_unlock(&fault.mutex);
    return count;
}

bool fault_vfs_struck(enum fault_operation *operation)
{
    pthread_mutex_lock(&fault.mutex);
    bool struck = fault.struck;
    if (operation != NULL)
        *operation = fault.struck_at;
    pthread_mutex_unlock(&fault.mutex);
    return struck;
}

void fault_vfs_heal(void)
{
    pthread_mutex_lock(&fault.mutex);
    fault.plan = (struct fault_plan){0};
    pthread_mutex_unlock(&fault.mutex);
}
