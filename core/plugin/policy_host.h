/* policy_host: the policies of one generation as texts. Internal to plugin/. */
#ifndef PROVIDERD_PLUGIN_POLICY_HOST_H
#define PROVIDERD_PLUGIN_POLICY_HOST_H

#include "plugin/policy.h"

#include <stdatomic.h>

struct policy_source {
    char name[POLICY_NAME_MAX]; /* the file's, without .lua */
    char *chunk_name;           /* "@path": what Lua's messages begin with */
    char *text;
    size_t len;
};

struct policy_host {
    atomic_uint references;
    char default_name[POLICY_NAME_MAX];
    struct sandbox_limits limits;
    char **library_dirs; /* plugin paths' lib folders */
    size_t library_count;
    struct policy_source *sources; /* ascending by name */
    size_t count;
};

/* The policy `name`, or NULL. */
const struct policy_source *policy_source_find(const struct policy_host *host, const char *name);

/* A sandbox in which the source has run, its rank function referenced in the registry. NULL with the reason. */
struct sandbox *policy_open(const struct policy_host *host, const struct policy_source *source, int *rank_reference,
                            char *error, size_t error_size);

#endif
