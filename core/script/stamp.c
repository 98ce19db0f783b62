#include "script/stamp.h"

#include "base/clock.h"
#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const int64_t SETTLED_US = 100000; /* file systems keep times to 10 ms or better, but for FAT */

static int64_t in_us(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

uint64_t stamp_of_file(const char *path)
{
    struct stat status;
    int64_t settled_us = clock_wall_us() - SETTLED_US;
    if (stat(path, &status) != 0 || in_us(status.st_ctim) > settled_us || in_us(status.st_mtim) > settled_us)
        return 0;
    uint64_t stamp = hash_bytes(HASH_BEGIN, path, strlen(path));
    stamp = hash_bytes(stamp, &status.st_dev, sizeof(status.st_dev));
    stamp = hash_bytes(stamp, &status.st_ino, sizeof(status.st_ino));
    stamp = hash_bytes(stamp, &status.st_size, sizeof(status.st_size));
    stamp = hash_bytes(stamp, &status.st_mtim, sizeof(status.st_mtim));
    stamp = hash_bytes(stamp, &status.st_ctim, sizeof(status.st_ctim));
    return stamp != 0 ? stamp : 1;
}

static bool is_lua(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".lua") == 0;
}

/* Adds those of one folder, in whatever order they come. False when one has no stamp. */
static bool add_folder(const char *folder, uint64_t *sum)
{
    char path[PATH_MAX];
    struct dirent *entry;
    bool all = true;
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return errno == ENOENT;
    while (all && (entry = readdir(directory)) != NULL) {
        if (!is_lua(entry->d_name))
            continue;
        int len = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        uint64_t stamp = len > 0 && (size_t)len < sizeof(path) ? stamp_of_file(path) : 0;
        all = stamp != 0;
        *sum += stamp;
    }
    closedir(directory);
    return all;
}

uint64_t stamp_of_folders(const char *const *folders, size_t count)
{
    uint64_t sum = 1;
    for (size_t i = 0; i < count; ++i) {
        if (!add_folder(folders[i], &sum))
            return 0;
    }
    return sum != 0 ? sum : 1;
}
