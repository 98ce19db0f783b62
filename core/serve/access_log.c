#include "serve/access_log.h"

#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const uint64_t COMPLAIN_EVERY_US = UINT64_C(60) * 1000000;

enum { PATH_SHOWN_MAX = 512 };

struct access_log {
    atomic_uint references;
    int fd;
    atomic_uint_fast64_t complained_us; /* monotonic; 0 = never */
    char path[];
};

struct access_log *access_log_open(const char *path, char *error, size_t error_size)
{
    int fd = strcmp(path, "-") == 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                                    : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd == -1) {
        snprintf(error, error_size, "access_log: %s: %s", path, strerror(errno));
        return NULL;
    }
    struct access_log *log = calloc(1, sizeof(*log) + strlen(path) + 1);
    if (log == NULL) {
        snprintf(error, error_size, "access_log: out of memory");
        close(fd);
        return NULL;
    }
    atomic_init(&log->references, 1);
    log->fd = fd;
    strcpy(log->path, path);
    return log;
}

struct access_log *access_log_retain(struct access_log *log)
{
    atomic_fetch_add_explicit(&log->references, 1, memory_order_relaxed);
    return log;
}

void access_log_release(struct access_log *log)
{
    if (log == NULL || atomic_fetch_sub_explicit(&log->references, 1, memory_order_acq_rel) != 1)
        return;
    close(log->fd);
    free(log);
}

/* -- lines -- */

static void append_escaped(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            buf_printf(out, "\\x%02x", c);
        else
            buf_append_char(out, (char)c);
    }
}

static void append_peer(struct buf *out, h2o_req_t *req)
{
    struct sockaddr_storage peer;
    char text[INET6_ADDRSTRLEN] = "-";
    socklen_t len = req->conn->callbacks->get_peername(req->conn, (struct sockaddr *)&peer);
    if (len != 0 && peer.ss_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&peer)->sin_addr, text, sizeof(text));
    else if (len != 0 && peer.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&peer)->sin6_addr, text, sizeof(text));
    buf_append_text(out, text);
}

static void append_time(struct buf *out)
{
    char text[40];
    struct tm utc;
    time_t now = (time_t)(clock_wall_us() / 1000000);
    strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S +0000", gmtime_r(&now, &utc));
    buf_append_text(out, text);
}

static double seconds_taken(const h2o_req_t *req)
{
    const struct timeval *begin = &req->timestamps.request_begin_at, *end = &req->timestamps.response_end_at;
    if (begin->tv_sec == 0 || end->tv_sec == 0)
        return 0;
    return (double)(end->tv_sec - begin->tv_sec) + (double)(end->tv_usec - begin->tv_usec) / 1e6;
}

void access_log_line(struct buf *out, h2o_req_t *req, const char *user)
{
    const h2o_iovec_t *target = &req->input.path;
    const char *question = target->len != 0 ? memchr(target->base, '?', target->len) : NULL;
    size_t path_len = question != NULL ? (size_t)(question - target->base) : target->len;
    append_peer(out, req);
    buf_append_text(out, " - ");
    append_escaped(out, user[0] != '\0' ? user : "-", user[0] != '\0' ? strlen(user) : 1);
    buf_append_text(out, " [");
    append_time(out);
    buf_append_text(out, "] \"");
    append_escaped(out, req->input.method.base, req->input.method.len);
    buf_append_char(out, ' ');
    append_escaped(out, target->base, path_len < PATH_SHOWN_MAX ? path_len : PATH_SHOWN_MAX);
    buf_printf(out, " HTTP/%d.%d\" %d %zu %.6f\n", req->version >> 8, req->version & 255, req->res.status,
               req->bytes_sent, seconds_taken(req));
}

/* -- writing -- */

static void complain(struct access_log *log, size_t bytes)
{
    int why = errno;
    uint64_t now_us = clock_monotonic_us(), before_us = atomic_load(&log->complained_us);
    if (before_us != 0 && now_us - before_us < COMPLAIN_EVERY_US)
        return;
    if (atomic_compare_exchange_strong(&log->complained_us, &before_us, now_us))
        log_warning("serve", "access_log: %s: %s; %zu bytes of it are lost", log->path, strerror(why), bytes);
}

void access_log_write(struct access_log *log, struct buf *lines)
{
    const char *text = buf_text(lines);
    size_t len = buf_ok(lines) ? lines->len : 0, done = 0;
    while (done < len) {
        ssize_t written = write(log->fd, text + done, len - done);
        if (written == -1 && errno == EINTR)
            continue;
        if (written <= 0) {
            complain(log, len - done);
            break;
        }
        done += (size_t)written;
    }
    buf_dispose(lines);
}
