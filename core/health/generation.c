#include "health/generation.h"

#include "base/log.h"
#include "script/stamp.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- which files -- */

static int is_script(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0;
}

struct path_list {
    char **paths; /* ended by NULL */
    size_t count;
};

static bool add_path(struct path_list *list, const char *folder, const char *name)
{
    char **grown = realloc(list->paths, (list->count + 2) * sizeof(*grown));
    if (grown == NULL)
        return false;
    list->paths = grown;
    if (asprintf(&grown[list->count], "%s/%s", folder, name) < 0) {
        grown[list->count] = NULL;
        return false;
    }
    grown[++list->count] = NULL;
    return true;
}

static void free_paths(struct path_list *list)
{
    for (size_t i = 0; i < list->count; ++i)
        free(list->paths[i]);
    free(list->paths);
}

static int list_scripts(const char *folder, struct path_list *scripts, char *error, size_t error_size)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_script, alphasort);
    bool listed = true;
    if (count == -1) {
        snprintf(error, error_size, "provider_paths: %s: %s", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < count; ++i) {
        listed = listed && add_path(scripts, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (!listed)
        snprintf(error, error_size, "out of memory for the list of scripts");
    return listed ? 0 : -1;
}

/* -- what they declare -- */

static void dispose_watched(struct watched *watched)
{
    tuning_dispose(&watched->tuning);
    kind_table_release(watched->kinds);
}

static bool add_absence(struct generation *generation, const char *name, const char *message, bool broken)
{
    struct provider_absence *grown = realloc(generation->absences, (generation->absence_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return false;
    generation->absences = grown;
    struct provider_absence *absence = &grown[generation->absence_count++];
    memset(absence, 0, sizeof(*absence));
    snprintf(absence->name, sizeof(absence->name), "%s", name);
    snprintf(absence->message, sizeof(absence->message), "%s", message);
    absence->broken = broken;
    generation->broken_count += broken;
    return true;
}

/* Settings: the configuration's for this provider over the script's over the configuration's for all. A share of its
 * own latencies cannot be had where a fixed threshold was wished for, so that is laid over as a whole. */
static bool settle(struct generation *generation, const struct provider_settings *own,
                   const struct script_provider *provider, struct watched *watched, char *error, size_t error_size)
{
    const struct config *config = generation->config;
    watched->tuning = TUNING_NONE;
    if (!tuning_merge(&watched->tuning, &config->tuning) || !tuning_merge(&watched->tuning, &provider->tuning) ||
        (own != NULL && !tuning_merge(&watched->tuning, &own->tuning))) {
        snprintf(error, error_size, "out of memory for the settings");
        return false;
    }
    struct kind_table *by_script = kind_table_change(generation->kinds, &provider->tuning.kinds, error, error_size);
    if (by_script == NULL)
        return false;
    static const struct kind_changes none;
    watched->kinds = kind_table_change(by_script, own != NULL ? &own->tuning.kinds : &none, error, error_size);
    kind_table_release(by_script);
    watched->status_page = provider->has_status_page && config->status_pages && (own == NULL || !own->no_status_page);
    watched->own_kinds = watched->kinds != generation->kinds;
    watched->read_models = provider->lists_models && config->read_models;
    return watched->kinds != NULL;
}

static bool add_watched(struct generation *generation, struct script *script, size_t index)
{
    const struct script_provider *provider = script_provider(script, index);
    const struct provider_settings *own = config_provider(generation->config, provider->name);
    char reason[HEALTH_MESSAGE_MAX], fault[HEALTH_MESSAGE_MAX - 80];

    if (own != NULL && own->disabled)
        return add_absence(generation, provider->name, "switched off by the configuration", false);
    if (provider->missing != NULL)
        return add_absence(generation, provider->name, provider->missing, false);
    if (own != NULL && own->base_url != NULL &&
        script_set_base_url(script, index, own->base_url, reason, sizeof(reason)) != 0)
        return add_absence(generation, provider->name, reason, true);

    struct watched *grown = realloc(generation->watched, (generation->watched_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return false;
    generation->watched = grown;
    struct watched *watched = &grown[generation->watched_count];
    *watched = (struct watched){.name = provider->name, .script = script, .index = index};
    if (!settle(generation, own, provider, watched, fault, sizeof(fault))) {
        dispose_watched(watched);
        snprintf(reason, sizeof(reason), "%.64s: error_kinds: %s", provider->name, fault);
        return add_absence(generation, provider->name, reason, true);
    }
    ++generation->watched_count;
    return true;
}

/* -- what has not changed -- */

static bool same_texts(char **a, char **b)
{
    for (; *a != NULL && *b != NULL; ++a, ++b) {
        if (strcmp(*a, *b) != 0)
            return false;
    }
    return *a == *b;
}

/* Whether scripts would be loaded as they were: but for their files everything that they depend on is the same. */
static bool loads_alike(const struct generation *generation, const struct generation *before)
{
    const struct config *a = generation->config, *b = before->config;
    return generation->library_stamp != 0 && generation->library_stamp == before->library_stamp &&
           environment_equal(generation->environment, before->environment) &&
           same_texts(a->provider_paths, b->provider_paths) && strcmp(a->user_agent, b->user_agent) == 0 &&
           a->max_answer_bytes == b->max_answer_bytes && a->script_memory_bytes == b->script_memory_bytes &&
           a->script_instructions == b->script_instructions;
}

static bool replaces_base_url(const struct config *config, const struct script *script)
{
    for (size_t i = 0; i < script_provider_count(script); ++i) {
        const struct provider_settings *own = config_provider(config, script_provider(script, i)->name);
        if (own != NULL && own->base_url != NULL)
            return true;
    }
    return false;
}

/* The script of this file in the generation before, with a reference of its own, if it is the same; else NULL. */
static struct script *keep_script(const struct generation *generation, const struct generation *before,
                                  const char *path, uint64_t stamp)
{
    for (size_t i = 0; stamp != 0 && before != NULL && i < before->script_count; ++i) {
        struct script *script = before->scripts[i];
        if (before->stamps[i] == stamp && strcmp(script_path(script), path) == 0)
            return script_is_pure(script) && !replaces_base_url(generation->config, script) ? script_retain(script)
                                                                                            : NULL;
    }
    return NULL;
}

static bool add_script(struct generation *generation, struct script *script, uint64_t stamp)
{
    size_t count = generation->script_count + 1;
    struct script **scripts = realloc(generation->scripts, count * sizeof(*scripts));
    if (scripts != NULL)
        generation->scripts = scripts;
    uint64_t *stamps = realloc(generation->stamps, count * sizeof(*stamps));
    if (stamps != NULL)
        generation->stamps = stamps;
    if (scripts == NULL || stamps == NULL)
        return false;
    scripts[generation->script_count] = script;
    stamps[generation->script_count++] = stamp;
    return true;
}

/* `before`: NULL = nothing can be kept of it. */
static bool take_script(struct generation *generation, const struct script_host *host, const struct generation *before,
                        const char *path)
{
    char reason[HEALTH_MESSAGE_MAX];
    uint64_t stamp = stamp_of_file(path); /* before it is read */
    struct script *script = keep_script(generation, before, path, stamp);
    generation->kept_count += script != NULL;
    if (script == NULL)
        script = script_load(host, path, reason, sizeof(reason));
    if (script == NULL) {
        const char *slash = strrchr(path, '/');
        return add_absence(generation, slash != NULL ? slash + 1 : path, reason, true);
    }
    if (!add_script(generation, script, stamp)) {
        script_release(script);
        return false;
    }
    for (size_t i = 0; i < script_provider_count(script); ++i) {
        if (!add_watched(generation, script, i))
            return false;
    }
    return true;
}

static bool is_fallback(const struct watched *watched)
{
    return script_provider(watched->script, watched->index)->fallback;
}

/* By name; of one name, fallbacks last. */
static int by_name(const void *a, const void *b)
{
    const struct watched *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (int)is_fallback(x) - (int)is_fallback(y);
}

/* After a refusal: what was looked at and not kept is gone already; the rest moves up behind what was kept. */
static void drop_from(struct generation *generation, size_t kept, size_t i)
{
    size_t rest = generation->watched_count - i;
    memmove(&generation->watched[kept], &generation->watched[i], rest * sizeof(*generation->watched));
    generation->watched_count = kept + rest;
}

/* Lets fallbacks give way to the provider of the same name before them; any other double is refused. */
static int settle_doubles(struct generation *generation, char *error, size_t error_size)
{
    size_t kept = 0;
    for (size_t i = 0; i < generation->watched_count; ++i) {
        struct watched *watched = &generation->watched[i], *last = kept != 0 ? &generation->watched[kept - 1] : NULL;
        if (last == NULL || strcmp(last->name, watched->name) != 0) {
            generation->watched[kept++] = *watched;
        } else if (!is_fallback(watched) || is_fallback(last)) {
            snprintf(error, error_size, "provider '%s' is declared twice: by %s and by %s", watched->name,
                     script_path(last->script), script_path(watched->script));
            drop_from(generation, kept, i);
            return -1;
        } else {
            dispose_watched(watched);
        }
    }
    generation->watched_count = kept;
    return 0;
}

/* A script alone: its own folder's lib goes before those of the provider paths. */
static bool add_only_script(const char *path, struct path_list *scripts, struct path_list *libraries)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup(".");
    bool added = folder != NULL && add_path(scripts, folder, slash != NULL ? slash + 1 : path) &&
                 add_path(libraries, folder, "lib");
    free(folder);
    return added;
}

static void warn_of_strangers(const struct generation *generation)
{
    const struct config *config = generation->config;
    for (size_t i = 0; i < config->provider_count; ++i) {
        const char *name = config->providers[i].name;
        bool known = false;
        for (size_t j = 0; j < generation->watched_count && !known; ++j)
            known = strcmp(generation->watched[j].name, name) == 0;
        for (size_t j = 0; j < generation->absence_count && !known; ++j)
            known = strcmp(generation->absences[j].name, name) == 0;
        if (!known)
            log_warning("config", "%s: providers.%s: no script declares a provider of this name", config->path, name);
    }
}

/* The table of kinds with the configuration's changes, and the aliases of models. */
static int load_kinds(struct generation *generation, const struct path_list *libraries, char *error, size_t error_size)
{
    char fault[512];
    const struct config *config = generation->config;
    struct kind_table *base =
        kind_table_load((const char *const *)libraries->paths, libraries->count, error, error_size);
    if (base == NULL)
        return -1;
    generation->kinds = kind_table_change(base, &config->tuning.kinds, fault, sizeof(fault));
    kind_table_release(base);
    if (generation->kinds == NULL) {
        snprintf(error, error_size, "%s: error_kinds.%s", config->path != NULL ? config->path : "configuration", fault);
        return -1;
    }
    generation->aliases = alias_list_new(config);
    if (generation->aliases == NULL)
        snprintf(error, error_size, "out of memory for the aliases of models");
    return generation->aliases != NULL ? 0 : -1;
}

static int load_scripts(struct generation *generation, const struct generation_parts *parts,
                        const struct path_list *scripts, const struct path_list *libraries, char *error,
                        size_t error_size)
{
    const struct config *config = generation->config;
    struct script_host host = {
        .loop = parts->loop,
        .prober = parts->prober,
        .redactor = parts->redactor,
        .environment = parts->environment,
        .user_agent = config->user_agent,
        .max_answer_bytes = (size_t)config->max_answer_bytes,
        .limits = {(size_t)config->script_memory_bytes, (long)config->script_instructions},
        .library_dirs = (const char *const *)libraries->paths,
        .library_count = libraries->count,
    };
    generation->environment = environment_retain(parts->environment);
    generation->library_stamp = stamp_of_folders(host.library_dirs, host.library_count);
    bool alike = parts->before != NULL && loads_alike(generation, parts->before);
    for (size_t i = 0; i < scripts->count; ++i) {
        if (!take_script(generation, &host, alike ? parts->before : NULL, scripts->paths[i])) {
            snprintf(error, error_size, "out of memory for the providers");
            return -1;
        }
    }
    if (generation->watched_count != 0)
        qsort(generation->watched, generation->watched_count, sizeof(*generation->watched), by_name);
    return settle_doubles(generation, error, error_size);
}

static bool gather_meters(struct generation *generation)
{
    generation->meters = lua_meters_new(generation->script_count);
    for (size_t i = 0; generation->meters != NULL && i < generation->script_count; ++i)
        lua_meters_add(generation->meters, script_meter(generation->scripts[i]));
    return generation->meters != NULL;
}

struct generation *generation_load(struct config *config, const struct generation_parts *parts, char *error,
                                   size_t error_size)
{
    struct path_list scripts = {NULL, 0}, libraries = {NULL, 0};
    struct generation *generation = calloc(1, sizeof(*generation));
    bool loaded = false;

    if (generation == NULL) {
        snprintf(error, error_size, "out of memory for a generation");
        config_free(config);
        return NULL;
    }
    generation->references = 1;
    generation->config = config;
    if (parts->only_script != NULL && !add_only_script(parts->only_script, &scripts, &libraries)) {
        snprintf(error, error_size, "out of memory for the script");
        goto done;
    }
    for (char **folder = config->provider_paths; *folder != NULL; ++folder) {
        if (parts->only_script == NULL && list_scripts(*folder, &scripts, error, error_size) != 0)
            goto done;
        if (!add_path(&libraries, *folder, "lib")) {
            snprintf(error, error_size, "out of memory for the provider paths");
            goto done;
        }
    }
    if (load_kinds(generation, &libraries, error, error_size) != 0 ||
        load_scripts(generation, parts, &scripts, &libraries, error, error_size) != 0)
        goto done;
    if (!gather_meters(generation)) {
        snprintf(error, error_size, "out of memory for the scripts' meters");
        goto done;
    }
    if (parts->only_script == NULL)
        warn_of_strangers(generation);
    loaded = true;

done:
    free_paths(&scripts);
    free_paths(&libraries);
    if (!loaded) {
        generation_release(generation);
        generation = NULL;
    }
    return generation;
}

struct generation *generation_retain(struct generation *generation)
{
    ++generation->references;
    return generation;
}

void generation_release(struct generation *generation)
{
    if (generation == NULL || --generation->references != 0)
        return;
    for (size_t i = 0; i < generation->watched_count; ++i)
        dispose_watched(&generation->watched[i]);
    for (size_t i = 0; i < generation->script_count; ++i)
        script_release(generation->scripts[i]);
    lua_meters_release(generation->meters);
    free(generation->scripts);
    free(generation->stamps);
    environment_release(generation->environment);
    free(generation->watched);
    kind_table_release(generation->kinds);
    alias_list_release(generation->aliases);
    free(generation->absences);
    config_free(generation->config);
    free(generation);
}

void generation_describe_faults(const struct generation *generation, struct buf *out)
{
    for (size_t i = 0; i < generation->absence_count; ++i) {
        const struct provider_absence *absence = &generation->absences[i];
        if (absence->broken)
            buf_printf(out, "%s%s", out->len != 0 ? "\n" : "", absence->message);
    }
}
