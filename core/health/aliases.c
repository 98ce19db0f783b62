#include "health/aliases.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct alias {
    char name[MODEL_NAME_MAX];
    char **ids; /* patterns in lower case, ended by NULL; owned */
};

struct alias_list {
    atomic_uint references;
    size_t count;
    struct alias aliases[];
};

static void lower_into(const char *text, char out[MODEL_NAME_MAX])
{
    size_t len = 0;
    for (; text[len] != '\0' && len + 1 < MODEL_NAME_MAX; ++len)
        out[len] = (char)tolower((unsigned char)text[len]);
    out[len] = '\0';
}

static bool copy_ids(struct alias *alias, char *const *ids)
{
    size_t count = 0;
    while (ids[count] != NULL)
        ++count;
    alias->ids = calloc(count + 1, sizeof(*alias->ids));
    for (size_t i = 0; alias->ids != NULL && i < count; ++i) {
        char lower[MODEL_NAME_MAX];
        lower_into(ids[i], lower);
        alias->ids[i] = strdup(lower);
        if (alias->ids[i] == NULL)
            return false;
    }
    return alias->ids != NULL;
}

struct alias_list *alias_list_new(const struct config *config)
{
    struct alias_list *list = calloc(1, sizeof(*list) + config->alias_count * sizeof(list->aliases[0]));
    if (list == NULL)
        return NULL;
    atomic_init(&list->references, 1);
    for (size_t i = 0; i < config->alias_count; ++i) {
        struct alias *alias = &list->aliases[list->count++];
        lower_into(config->aliases[i].name, alias->name);
        if (!copy_ids(alias, config->aliases[i].ids)) {
            alias_list_release(list);
            return NULL;
        }
    }
    return list;
}

struct alias_list *alias_list_retain(struct alias_list *list)
{
    atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
    return list;
}

void alias_list_release(struct alias_list *list)
{
    if (list == NULL || atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < list->count; ++i) {
        for (char **id = list->aliases[i].ids; id != NULL && *id != NULL; ++id)
            free(*id);
        free(list->aliases[i].ids);
    }
    free(list);
}

/* "meta-llama/Llama-3.3-70B:free" -> "llama-3.3-70b", in place. */
static void strip(char name[MODEL_NAME_MAX])
{
    char *slash = strrchr(name, '/');
    if (slash != NULL && slash[1] != '\0')
        memmove(name, slash + 1, strlen(slash + 1) + 1);
    char *colon = strchr(name, ':');
    static const char *const variants[] = {":free",     ":latest",  ":nitro",   ":floor",
                                           ":extended", ":fastest", ":cheapest"};
    for (size_t i = 0; colon != NULL && i < sizeof(variants) / sizeof(variants[0]); ++i) {
        if (strcmp(colon, variants[i]) == 0)
            *colon = '\0';
    }
}

static bool holds(const struct alias *alias, const char *id, const char *stripped)
{
    if (strcmp(alias->name, id) == 0 || strcmp(alias->name, stripped) == 0)
        return true;
    for (char *const *pattern = alias->ids; *pattern != NULL; ++pattern) {
        if (fnmatch(*pattern, id, FNM_NOESCAPE) == 0 || fnmatch(*pattern, stripped, FNM_NOESCAPE) == 0)
            return true;
    }
    return false;
}

void model_name(const struct alias_list *list, const char *id, char out[MODEL_NAME_MAX])
{
    char lower[MODEL_NAME_MAX];
    lower_into(id, lower);
    memcpy(out, lower, MODEL_NAME_MAX);
    strip(out);
    for (size_t i = 0; list != NULL && i < list->count; ++i) {
        if (holds(&list->aliases[i], lower, out)) {
            memcpy(out, list->aliases[i].name, MODEL_NAME_MAX);
            return;
        }
    }
}
