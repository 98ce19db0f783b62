/* gzip: bytes made smaller (RFC 1952), by zlib.
 *
 * Thread: any.
 */
#ifndef PROVIDERD_SERVE_GZIP_H
#define PROVIDERD_SERVE_GZIP_H

#include <stddef.h>

/* `level` 1 (quick) to 9 (small). The caller's to free(); NULL when memory ran out. */
char *gzip_bytes(const char *bytes, size_t len, int level, size_t *zipped_len);

#endif
