/* names: the providers whose past an answer walks through. Internal to serve/. */
#ifndef PROVIDERD_SERVE_NAMES_H
#define PROVIDERD_SERVE_NAMES_H

#include "serve/span.h"

struct names {
    char **names; /* owned, ascending */
    size_t count;
    size_t capacity;
    bool read; /* those of the database are in it */
    bool failed;
};

/* Those that the request names: the one in its path (or NULL), or its filter. False when memory ran out. */
bool names_take(struct names *names, const struct span *span, const char *name);

/* All that the database knows, unless some were named. On a reader thread. False with a text in `error`. */
bool names_read(struct names *names, struct store_reader *reader, char *error, size_t error_size);

void names_dispose(struct names *names);

#endif
