#include "serve/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 100000 };

static void add_name(const char *name, void *user)
{
    struct names *names = user;
    if (names->count == NAMES_MAX)
        return;
    if (names->count == names->capacity) {
        size_t capacity = names->capacity != 0 ? names->capacity * 2 : 32;
        char **grown = realloc(names->names, capacity * sizeof(*grown));
        if (grown == NULL) {
            names->failed = true;
            return;
        }
        names->names = grown;
        names->capacity = capacity;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        names->failed = true;
    else
        names->names[names->count++] = copy;
}

bool names_take(struct names *names, const struct span *span, const char *name)
{
    if (name != NULL)
        add_name(name, names);
    else
        for (size_t i = 0; i < span->name_count; ++i)
            add_name(span->names[i], names);
    names->read = names->count != 0;
    return !names->failed;
}

bool names_read(struct names *names, struct store_reader *reader, char *error, size_t error_size)
{
    if (names->read)
        return true;
    if (store_provider_names(reader, add_name, names, error, error_size) != 0)
        return false;
    if (names->failed)
        snprintf(error, error_size, "out of memory for the names of the providers");
    names->read = true;
    return !names->failed;
}

void names_dispose(struct names *names)
{
    for (size_t i = 0; i < names->count; ++i)
        free(names->names[i]);
    free(names->names);
}
