/* What the store does with files as such: which one a path names, and new names for them that replace nothing. */
#include "store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_identity file_identity_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return (struct file_identity){0};
    return (struct file_identity){.device = status.st_dev, .inode = status.st_ino};
}

bool file_rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    /* A file system without that: a second name is refused as well when it is taken. */
    if (link(from, to) != 0)
        return false;
    return unlink(from) == 0;
}

void file_sync_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(directory, sizeof(directory), "%.*s", slash != NULL ? (int)(slash + 1 - path) : 1,
             slash != NULL ? path : ".");
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return;
    fsync(file);
    close(file);
}
