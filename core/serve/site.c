#include "serve/site.h"

#include "base/hash.h"
#include "script/stamp.h"
#include "serve/gzip.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 3, ZIP_LEVEL = 9 };

struct site {
    atomic_uint references;
    uint64_t stamp; /* of all files that were looked at (script/stamp.h) */
    size_t count;
    struct site_file *files; /* ascending by path */
};

struct loading {
    struct site *site;
    uint64_t stamp;
    char *error;
    size_t error_size;
};

static const struct {
    const char *extension;
    const char *content_type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".txt", "text/plain; charset=utf-8"},
    {".woff2", "font/woff2"},
};

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); ++i) {
        if (strcmp(dot, types[i].extension) == 0)
            return types[i].content_type;
    }
    return NULL;
}

/* -- one file -- */

static void dispose_file(struct site_file *file)
{
    free(file->path);
    free(file->bytes);
    free(file->zipped);
}

static void name_content(struct site_file *file)
{
    snprintf(file->etag, sizeof(file->etag), "\"%016" PRIx64 "\"", hash_bytes(HASH_BEGIN, file->bytes, file->len));
}

/* Kept where it is smaller. */
static void zip(struct site_file *file)
{
    file->zipped = gzip_bytes(file->bytes, file->len, ZIP_LEVEL, &file->zipped_len);
    if (file->zipped == NULL || file->zipped_len <= file->len)
        return;
    free(file->zipped);
    file->zipped = NULL;
}

static bool read_bytes(const char *disk_path, struct site_file *file)
{
    FILE *in = fopen(disk_path, "re");
    if (in == NULL)
        return false;
    file->bytes = malloc(SITE_FILE_MAX + 1);
    if (file->bytes != NULL)
        file->len = fread(file->bytes, 1, SITE_FILE_MAX + 1, in);
    bool whole = file->bytes != NULL && ferror(in) == 0;
    if (whole && file->len > SITE_FILE_MAX) {
        errno = EFBIG;
        whole = false;
    }
    fclose(in);
    return whole;
}

static bool has(const struct site *site, const char *path)
{
    for (size_t i = 0; i < site->count; ++i) {
        if (strcmp(site->files[i].path, path) == 0)
            return true;
    }
    return false;
}

static bool take_file(struct loading *loading, const char *disk_path, const char *path)
{
    struct site *site = loading->site;
    struct site_file file = {.content_type = type_of(path)};
    if (has(site, path))
        return true;
    struct site_file *grown = realloc(site->files, (site->count + 1) * sizeof(*grown));
    if (grown != NULL)
        site->files = grown;
    if (grown == NULL || site->count == SITE_FILES_MAX || !read_bytes(disk_path, &file) ||
        (file.path = strdup(path)) == NULL) {
        snprintf(loading->error, loading->error_size, "%s: cannot be served: %s", disk_path,
                 site->count == SITE_FILES_MAX ? "there are too many files" : strerror(errno));
        dispose_file(&file);
        return false;
    }
    name_content(&file);
    zip(&file);
    site->files[site->count++] = file;
    return true;
}

/* -- folders -- */

typedef bool (*file_fn)(struct loading *loading, const char *disk_path, const char *path);

/* Calls back for every file that may be served; false as soon as a call does. */
static bool walk(struct loading *loading, const char *disk_path, const char *path, int depth, file_fn found)
{
    char inner_disk[PATH_MAX], inner[PATH_MAX];
    struct dirent *entry;
    struct stat status;
    bool sound = true;
    DIR *folder = opendir(disk_path);
    if (folder == NULL)
        return true;
    while (sound && (entry = readdir(folder)) != NULL) {
        int disk_len = snprintf(inner_disk, sizeof(inner_disk), "%s/%s", disk_path, entry->d_name);
        int len = snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        bool fits = disk_len < (int)sizeof(inner_disk) && len < (int)sizeof(inner);
        if (entry->d_name[0] == '.' || !fits || stat(inner_disk, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX)
            sound = walk(loading, inner_disk, inner, depth + 1, found);
        else if (S_ISREG(status.st_mode) && type_of(inner) != NULL)
            sound = found(loading, inner_disk, inner);
    }
    closedir(folder);
    return sound;
}

static bool add_stamp(struct loading *loading, const char *disk_path, const char *path)
{
    (void)path;
    uint64_t stamp = stamp_of_file(disk_path);
    loading->stamp += stamp;
    return stamp != 0;
}

static bool walk_all(struct loading *loading, const char *const *plugin_paths, file_fn found)
{
    for (; *plugin_paths != NULL; ++plugin_paths) {
        if (!walk(loading, *plugin_paths, "", 0, found))
            return false;
    }
    return true;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct site_file *)a)->path, ((const struct site_file *)b)->path);
}

/* Whether the folder that a path begins with has an index.html: else it is no site, but policies, alerts, libraries. */
static bool is_of_a_site(const struct site *site, const char *path)
{
    char index[PATH_MAX];
    const char *slash = strchr(path + 1, '/');
    if (slash == NULL)
        return false;
    snprintf(index, sizeof(index), "%.*s/index.html", (int)(slash - path), path);
    return has(site, index);
}

static void drop_the_rest(struct site *site)
{
    for (size_t i = site->count; i-- > 0;) {
        if (is_of_a_site(site, site->files[i].path))
            continue;
        dispose_file(&site->files[i]);
        site->files[i] = site->files[--site->count];
    }
}

struct site *site_load(const char *const *plugin_paths, struct site *before, char *error, size_t error_size)
{
    struct loading loading = {.error = error, .error_size = error_size, .stamp = 1};
    if (!walk_all(&loading, plugin_paths, add_stamp))
        loading.stamp = 0; /* something was changed just now */
    if (before != NULL && loading.stamp != 0 && loading.stamp == before->stamp)
        return site_retain(before);
    loading.site = calloc(1, sizeof(struct site));
    if (loading.site == NULL) {
        snprintf(error, error_size, "out of memory for what is served of plugins");
        return NULL;
    }
    atomic_init(&loading.site->references, 1);
    loading.site->stamp = loading.stamp;
    if (!walk_all(&loading, plugin_paths, take_file)) {
        site_release(loading.site);
        return NULL;
    }
    drop_the_rest(loading.site);
    if (loading.site->count != 0)
        qsort(loading.site->files, loading.site->count, sizeof(struct site_file), by_path);
    return loading.site;
}

struct site *site_retain(struct site *site)
{
    atomic_fetch_add_explicit(&site->references, 1, memory_order_relaxed);
    return site;
}

void site_release(struct site *site)
{
    if (site == NULL || atomic_fetch_sub_explicit(&site->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < site->count; ++i)
        dispose_file(&site->files[i]);
    free(site->files);
    free(site);
}

const struct site_file *site_find(const struct site *site, const char *path, size_t len)
{
    static const char index[] = "index.html";
    char wanted[PATH_MAX];
    bool is_folder = len != 0 && path[len - 1] == '/';
    if (site == NULL || site->count == 0 || len + sizeof(index) > sizeof(wanted) || memchr(path, '\0', len) != NULL)
        return NULL;
    snprintf(wanted, sizeof(wanted), "%.*s%s", (int)len, path, is_folder ? index : "");
    struct site_file key = {.path = wanted};
    return bsearch(&key, site->files, site->count, sizeof(key), by_path);
}
