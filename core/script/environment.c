#include "script/environment.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct variable {
    char *name;
    char *value;
};

struct environment {
    atomic_uint references;
    struct variable *variables; /* ascending by name */
    size_t count;
    size_t capacity;
};

static size_t position_of(const struct environment *environment, const char *name, bool *found)
{
    size_t low = 0, high = environment->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(environment->variables[middle].name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

bool environment_equal(const struct environment *a, const struct environment *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; ++i) {
        if (strcmp(a->variables[i].name, b->variables[i].name) != 0 ||
            strcmp(a->variables[i].value, b->variables[i].value) != 0)
            return false;
    }
    return true;
}

bool environment_add(struct environment *environment, const char *name, const char *value)
{
    bool found;
    size_t position = position_of(environment, name, &found);
    if (found)
        return true;
    if (environment->count == environment->capacity) {
        size_t capacity = environment->capacity != 0 ? environment->capacity * 2 : 64;
        struct variable *grown = realloc(environment->variables, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        environment->variables = grown;
        environment->capacity = capacity;
    }
    struct variable added = {strdup(name), strdup(value)};
    if (added.name == NULL || added.value == NULL) {
        free(added.name);
        free(added.value);
        return false;
    }
    memmove(&environment->variables[position + 1], &environment->variables[position],
            (environment->count - position) * sizeof(added));
    environment->variables[position] = added;
    ++environment->count;
    return true;
}

struct environment *environment_new(const char *const *variables)
{
    struct environment *environment = calloc(1, sizeof(*environment));
    if (environment == NULL)
        return NULL;
    atomic_init(&environment->references, 1);
    for (; variables != NULL && *variables != NULL; ++variables) {
        const char *equals = strchr(*variables, '=');
        if (equals == NULL || equals == *variables)
            continue;
        char *name = strndup(*variables, (size_t)(equals - *variables));
        bool added = name != NULL && environment_add(environment, name, equals + 1);
        free(name);
        if (!added) {
            environment_release(environment);
            return NULL;
        }
    }
    return environment;
}

struct environment *environment_retain(struct environment *environment)
{
    atomic_fetch_add_explicit(&environment->references, 1, memory_order_relaxed);
    return environment;
}

void environment_release(struct environment *environment)
{
    if (environment == NULL || atomic_fetch_sub_explicit(&environment->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < environment->count; ++i) {
        free(environment->variables[i].name);
        explicit_bzero(environment->variables[i].value, strlen(environment->variables[i].value));
        free(environment->variables[i].value);
    }
    free(environment->variables);
    free(environment);
}

const char *environment_get(const struct environment *environment, const char *name)
{
    bool found;
    size_t position = position_of(environment, name, &found);
    if (!found || environment->variables[position].value[0] == '\0')
        return NULL;
    return environment->variables[position].value;
}

const char *environment_name(const struct environment *environment, size_t i)
{
    return i < environment->count ? environment->variables[i].name : NULL;
}

static bool is_one_of(const char *word, size_t len, const char *const *words)
{
    for (; *words != NULL; ++words) {
        if (strlen(*words) == len && strncasecmp(*words, word, len) == 0)
            return true;
    }
    return false;
}

bool environment_is_credential(const char *name)
{
    static const char *const secret_words[] = {"KEY",      "KEYS",       "TOKEN",       "SECRET",
                                               "PASSWORD", "CREDENTIAL", "CREDENTIALS", NULL};
    static const char *const place_words[] = {"URI",  "URL",  "FILE", "PATH", "BASE", "ENDPOINT",
                                              "HOST", "DATE", "TYPE", "ID",   NULL};
    bool secret = false, place = false;

    /* The path of a file, whatever its name says
     * (https://cloud.google.com/docs/authentication/application-default-credentials). */
    if (strcmp(name, "GOOGLE_APPLICATION_CREDENTIALS") == 0)
        return false;
    while (*name != '\0') {
        size_t len = strcspn(name, "_");
        secret |= is_one_of(name, len, secret_words);
        place = is_one_of(name, len, place_words);
        name += len;
        name += *name == '_';
    }
    return secret && !place;
}
