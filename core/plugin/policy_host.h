/* policy_host: the policies of one generation as texts. Internal to plugin/. */
#ifndef PROVIDERD_PLUGIN_POLICY_HOST_H
#define PROVIDERD_PLUGIN_POLICY_HOST_H

#include "plugin/policy.h"

#include <stdatomic.h>

struct policy_source {
    char name[POLICY_NAME_MAX]; /* the file's, without .lua */
    char about[POLICY_ABOUT_MAX];
    char *chunk_name; /* "@path": what Lua's messages begin with */
    char *text;
    size_t len;
    struct lua_meter *meter; /* of all threads */
    char *settings;          /* the configuration's for it, as a Lua table's source; NULL = none */
};

struct policy_host {
    atomic_uint references;
    char default_name[POLICY_NAME_MAX];
    struct sandbox_limits limits;
    struct price_list *prices; /* a reference, or NULL */
    int64_t warm_up_us;
    char **library_dirs; /* plugin paths' lib folders */
    size_t library_count;
    struct policy_source *sources; /* ascending by name */
    size_t count;
};

/* What a policy consists of in its sandbox: references into the registry. */
struct policy_functions {
    int rank;
    int settings;
    char about[POLICY_ABOUT_MAX];
};

/* The policy `name`, or NULL. */
const struct policy_source *policy_source_find(const struct policy_host *host, const char *name);

/* A sandbox in which the source has run, with its settings. NULL with the reason. */
struct sandbox *policy_open(const struct policy_host *host, const struct policy_source *source,
                            struct policy_functions *functions, char *error, size_t error_size);

#endif
