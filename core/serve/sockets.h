/* sockets: listening sockets, from addresses as settings have them. Internal to serve/. */
#ifndef PROVIDERD_SERVE_SOCKETS_H
#define PROVIDERD_SERVE_SOCKETS_H

#include <stddef.h>

struct sockets {
    int *fds;
    char **urls; /* "http://127.0.0.1:8000", with the real port */
    size_t count;
};

/* Binds every address that "HOST:PORT" names. 0, or -1 with the reason, which begins with the setting's name; what was
 * bound before stays. */
int sockets_listen(struct sockets *sockets, const char *setting, const char *text, char *error, size_t error_size);

void sockets_dispose(struct sockets *sockets); /* closes them */

#endif
