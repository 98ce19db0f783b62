/* access_log: a line for each request that was answered. Internal to serve/.
 *
 *   127.0.0.1 - router [24/Nov/2026:13:10:05 +0000] "GET /api/providers/best HTTP/1.1" 200 345 0.000213
 *
 * That is the Common Log Format (https://httpd.apache.org/docs/2.4/logs.html#common, read 2026-11-24), with the name of
 * the token as the user, and the seconds that it took behind it. There is no query, no header and no body in it, so no
 * secret that a client puts there; bytes that are not printable, quotes and backslashes are written as \xHH.
 *
 * Thread: a log any; what is gathered belongs to one HTTP thread, which writes it within ACCESS_LOG_DELAY_MS.
 * Ownership: counted references.
 */
#ifndef PROVIDERD_SERVE_ACCESS_LOG_H
#define PROVIDERD_SERVE_ACCESS_LOG_H

#include "base/buf.h"

#include <h2o.h>

struct access_log;

enum { ACCESS_LOG_GATHER_BYTES = 32 * 1024, ACCESS_LOG_DELAY_MS = 100 };

/* Appends to the file, which is made, readable by its owner and group; "-" is standard error. NULL with the reason. */
struct access_log *access_log_open(const char *path, char *error, size_t error_size);
struct access_log *access_log_retain(struct access_log *log);
void access_log_release(struct access_log *log); /* NULL is allowed */

/* Appends a request's line. `user`: of whose token it is; "" = nobody's. */
void access_log_line(struct buf *out, h2o_req_t *req, const char *user);

/* Writes what was gathered, and empties it. What cannot be written is dropped; the log says so, once a minute. */
void access_log_write(struct access_log *log, struct buf *lines);

#endif
