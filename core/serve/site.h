/* site: files of plugin folders that are served as they are: plugins/NAME/ with an index.html is served under /NAME/,
 * and plugins/dashboard/ at / as well, to those who ask for HTML. Of several plugin folders the first that has a file
 * counts.
 *
 * All files are read when a generation is loaded and held in memory, so that a request touches no disk: at most
 * SITE_FILES_MAX of SITE_FILE_MAX bytes, in folders three deep. Hidden files and those of unknown types are left out.
 *
 * Thread: loading on any; reading, retaining and releasing on any. Ownership: counted references, immutable.
 */
#ifndef PROVIDERD_SERVE_SITE_H
#define PROVIDERD_SERVE_SITE_H

#include <stddef.h>

enum { SITE_FILES_MAX = 256, SITE_FILE_MAX = 2 * 1024 * 1024 };

struct site;

struct site_file {
    char *path; /* "/dashboard/app.js" */
    const char *content_type;
    char etag[24]; /* with its quotes */
    char *bytes;
    size_t len;
    char *zipped; /* gzip; NULL = it would not become smaller */
    size_t zipped_len;
};

/* `plugin_paths` ends with NULL; folders that are not there have no files. `before` (may be NULL) is given again, with
 * one more reference, when nothing has changed since. NULL with the reason in `error`: a file cannot be read, is too
 * large, or there are too many. */
struct site *site_load(const char *const *plugin_paths, struct site *before, char *error, size_t error_size);
struct site *site_retain(struct site *site);
void site_release(struct site *site); /* NULL is allowed */

/* The file of a path, "/NAME/" being that of /NAME/index.html; NULL when there is none. `site` may be NULL. */
const struct site_file *site_find(const struct site *site, const char *path, size_t len);

#endif
