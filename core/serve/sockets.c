#include "serve/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef PROVIDERD_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

enum { LISTEN_QUEUE = 1024 };

struct address {
    char host[256];
    char port[8];
    bool tls;
};

static const char HTTP[] = "http://", HTTPS[] = "https://";

/* What comes behind "http://" or "https://"; without either it is HTTP. */
static const char *take_scheme(const char *text, bool *tls)
{
    *tls = strncmp(text, HTTPS, strlen(HTTPS)) == 0;
    return text + (*tls ? strlen(HTTPS) : strncmp(text, HTTP, strlen(HTTP)) == 0 ? strlen(HTTP) : 0);
}

static int parse_address(const char *setting, const char *whole, struct address *address, char *error,
                         size_t error_size)
{
    const char *text = take_scheme(whole, &address->tls);
    const char *colon = strrchr(text, ':');
    size_t host_len = colon != NULL ? (size_t)(colon - text) : 0;
    const char *host = text;
    char *end = NULL;
    long port = colon != NULL ? strtol(colon + 1, &end, 10) : -1;

    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        ++host;
        host_len -= 2;
    } else if (memchr(host, ':', host_len) != NULL) {
        host_len = 0; /* an IPv6 address needs its brackets */
    }
    if (host_len == 0 || host_len >= sizeof(address->host) || end == colon + 1 || *end != '\0' || port < 0 ||
        port > 65535) {
        snprintf(error, error_size, "%s: '%.200s': expected HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000", setting,
                 whole);
        return -1;
    }
    snprintf(address->host, sizeof(address->host), "%.*s", (int)host_len, host);
    snprintf(address->port, sizeof(address->port), "%ld", port);
    return 0;
}

static char *url_of(int fd, bool tls)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    char host[NI_MAXHOST], port[NI_MAXSERV], *url;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0 ||
        getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return NULL;
    bool bracketed = bound.ss_family == AF_INET6;
    int printed =
        asprintf(&url, "%s%s%s%s:%s", tls ? HTTPS : HTTP, bracketed ? "[" : "", host, bracketed ? "]" : "", port);
    return printed >= 0 ? url : NULL;
}

static int bind_one(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
    if (fd == -1)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, LISTEN_QUEUE) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* A socket for this address that the service manager has bound and hands over; -1 = there is none. A copy is taken: the
 * one that was handed over stays, for when this address is listened at again. */
static int take_inherited(const struct addrinfo *info)
{
#ifdef PROVIDERD_SYSTEMD
    int count = sd_listen_fds(0);
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
        if (sd_is_socket_sockaddr(fd, SOCK_STREAM, info->ai_addr, info->ai_addrlen, 1) <= 0)
            continue;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy != -1)
            fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK);
        return copy;
    }
#endif
    (void)info;
    return -1;
}

static int add_socket(struct sockets *sockets, int fd, bool tls)
{
    int *fds = realloc(sockets->fds, (sockets->count + 1) * sizeof(*fds));
    if (fds != NULL)
        sockets->fds = fds;
    char **urls = realloc(sockets->urls, (sockets->count + 1) * sizeof(*urls));
    if (urls != NULL)
        sockets->urls = urls;
    bool *kinds = realloc(sockets->tls, (sockets->count + 1) * sizeof(*kinds));
    if (kinds != NULL)
        sockets->tls = kinds;
    if (fds == NULL || urls == NULL || kinds == NULL || (urls[sockets->count] = url_of(fd, tls)) == NULL)
        return -1;
    kinds[sockets->count] = tls;
    fds[sockets->count++] = fd;
    return 0;
}

int sockets_listen(struct sockets *sockets, const char *setting, const char *text, char *error, size_t error_size)
{
    struct address address;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;

    if (parse_address(setting, text, &address, error, error_size) != 0)
        return -1;
    int failed = getaddrinfo(address.host, address.port, &hints, &found);
    if (failed != 0) {
        snprintf(error, error_size, "%s: '%s': %s", setting, text, gai_strerror(failed));
        return -1;
    }
    size_t before = sockets->count;
    int why = 0;
    for (const struct addrinfo *info = found; info != NULL; info = info->ai_next) {
        int fd = take_inherited(info);
        if (fd == -1)
            fd = bind_one(info);
        /* A name such as localhost may have an IPv6 address on a machine without IPv6: one of all is enough. */
        if (fd == -1 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
            why = errno;
            continue;
        }
        if (fd == -1 || add_socket(sockets, fd, address.tls) != 0) {
            why = errno;
            snprintf(error, error_size, "%s: '%s': %s%s", setting, text, strerror(why),
                     why == EADDRINUSE ? "; is providerd running already, or another program on this port?" : "");
            if (fd != -1)
                close(fd);
            freeaddrinfo(found);
            return -1;
        }
    }
    freeaddrinfo(found);
    if (sockets->count == before) {
        snprintf(error, error_size, "%s: '%s': %s", setting, text, strerror(why));
        return -1;
    }
    return 0;
}

void sockets_dispose(struct sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; ++i) {
        close(sockets->fds[i]);
        free(sockets->urls[i]);
    }
    free(sockets->fds);
    free(sockets->urls);
    free(sockets->tls);
    *sockets = (struct sockets){.fds = NULL};
}
