/* sockets: listening sockets, from addresses as settings have them. Internal to serve/. */
#ifndef PROVIDERD_SERVE_SOCKETS_H
#define PROVIDERD_SERVE_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

struct sockets {
    int *fds;
    char **urls; /* "http://127.0.0.1:8000", "https://...", with the real port */
    bool *tls;   /* of each */
    size_t count;
};

/* Binds every address that "HOST:PORT" or "https://HOST:PORT" names, or takes one that the service manager has bound
 * already (sd_listen_fds(3)). 0, or -1 with the reason, which begins with the setting's name; what was
 * bound before stays. */
int sockets_listen(struct sockets *sockets, const char *setting, const char *text, char *error, size_t error_size);

void sockets_dispose(struct sockets *sockets); /* closes them */

#endif
