#include "plugin/policy_host.h"

#include "base/buf.h"
#include "script/lua_meter.h"
#include "script/settings.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_MAX = 1024 * 1024 };

/* -- trying a policy -- */

struct opening {
    const struct policy_source *source;
    struct policy_functions *functions;
};

static void take_about(lua_State *L, struct policy_functions *functions)
{
    int type = lua_getfield(L, 1, "about");
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "the policy's about is a %s, expected a string", luaL_typename(L, -1));
    snprintf(functions->about, sizeof(functions->about), "%s", type == LUA_TSTRING ? lua_tostring(L, -1) : "");
    lua_pop(L, 1);
}

static void take_settings(lua_State *L, const struct opening *opening)
{
    int type = lua_getfield(L, 1, "settings");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "the policy's settings are a %s, expected a table", luaL_typename(L, -1));
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    settings_merge(L, lua_gettop(L), opening->source->settings);
    opening->functions->settings = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_settop(L, 1);
}

/* Called with what the chunk returned, and the opening. */
static int take_policy(lua_State *L)
{
    const struct opening *opening = lua_touserdata(L, 2);
    if (!lua_istable(L, 1))
        return luaL_error(L, "a policy returns a table with a function rank; got a %s", luaL_typename(L, 1));
    lua_settop(L, 1);
    if (lua_getfield(L, 1, "rank") != LUA_TFUNCTION)
        return luaL_error(L, "the policy's rank is a %s, expected a function", luaL_typename(L, -1));
    opening->functions->rank = luaL_ref(L, LUA_REGISTRYINDEX);
    take_about(L, opening->functions);
    take_settings(L, opening);
    return 0;
}

struct sandbox *policy_open(const struct policy_host *host, const struct policy_source *source,
                            struct policy_functions *functions, char *error, size_t error_size)
{
    struct opening opening = {source, functions};
    struct sandbox *sandbox = sandbox_new(source->name, &host->limits, (const char *const *)host->library_dirs,
                                          host->library_count, error, error_size);
    if (sandbox == NULL)
        return NULL;
    lua_State *L = sandbox_state(sandbox);
    if (sandbox_load_text(sandbox, source->chunk_name, source->text, source->len, error, error_size) != 0 ||
        sandbox_call(sandbox, 0, 1, error, error_size) != 0)
        goto fail;
    lua_pushcfunction(L, take_policy); /* these pushes allocate nothing */
    lua_insert(L, -2);
    lua_pushlightuserdata(L, &opening);
    if (sandbox_call(sandbox, 2, 0, error, error_size) != 0) {
        size_t len = strlen(error);
        snprintf(error + len, error_size - len, " (%s)", source->chunk_name + 1);
        goto fail;
    }
    return sandbox;

fail:
    sandbox_free(sandbox);
    return NULL;
}

/* -- reading the files -- */

static int is_policy(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 4 && len - 4 < POLICY_NAME_MAX &&
           strcmp(entry->d_name + len - 4, ".lua") == 0;
}

static int read_source(struct policy_source *source, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    source->text = malloc(SOURCE_MAX);
    if (source->text != NULL)
        source->len = fread(source->text, 1, SOURCE_MAX, file);
    int result = source->text != NULL && !ferror(file) && source->len < SOURCE_MAX ? 0 : -1;
    if (source->text != NULL && source->len == SOURCE_MAX)
        errno = EFBIG;
    fclose(file);
    if (result == 0) {
        char *fitted = realloc(source->text, source->len + 1);
        source->text = fitted != NULL ? fitted : source->text;
    }
    return result;
}

const struct policy_source *policy_source_find(const struct policy_host *host, const char *name)
{
    for (size_t i = 0; i < host->count; ++i) {
        if (strcmp(host->sources[i].name, name) == 0)
            return &host->sources[i];
    }
    return NULL;
}

static void add_fault(struct buf *faults, const char *path, const char *reason)
{
    buf_printf(faults, "%s%s%s%s", faults->len != 0 ? "\n" : "", path, path[0] != '\0' ? ": " : "", reason);
}

/* What the configuration says to the policy `name`; NULL when nothing. */
static const char *settings_for(const struct policy_setup *setup, const char *name)
{
    for (size_t i = 0; i < setup->settings_count; ++i) {
        if (strcmp(setup->settings[i].name, name) == 0)
            return setup->settings[i].text;
    }
    return NULL;
}

static void try_source(struct policy_host *host, struct policy_source *source, struct buf *faults)
{
    char reason[POLICY_REASON_MAX];
    struct policy_functions functions;
    struct sandbox *sandbox = policy_open(host, source, &functions, reason, sizeof(reason));
    if (sandbox == NULL)
        add_fault(faults, "", reason);
    else
        memcpy(source->about, functions.about, sizeof(source->about));
    sandbox_free(sandbox);
}

/* A file of a folder; `as` is how it is known, `settings` what the configuration says to it. */
static void add_source(struct policy_host *host, const char *folder, const char *file, const char *as,
                       const char *settings, struct buf *faults)
{
    char *path;
    struct policy_source *grown = realloc(host->sources, (host->count + 1) * sizeof(*grown));
    if (grown == NULL || asprintf(&path, "@%s/%s", folder, file) < 0) {
        host->sources = grown != NULL ? grown : host->sources;
        add_fault(faults, file, "out of memory");
        return;
    }
    host->sources = grown;
    struct policy_source *source = &grown[host->count];
    *source = (struct policy_source){.chunk_name = path};
    snprintf(source->name, sizeof(source->name), "%s", as);
    const struct policy_source *same = policy_source_find(host, source->name);
    ++host->count;
    if (same != NULL)
        add_fault(faults, path + 1, "a policy of this name exists already");
    else if (read_source(source, path + 1) != 0)
        add_fault(faults, path + 1, strerror(errno));
    else if ((source->meter = lua_meter_new(path + 1)) == NULL ||
             (settings != NULL && (source->settings = strdup(settings)) == NULL))
        add_fault(faults, path + 1, "out of memory");
    else
        try_source(host, source, faults);
}

/* "sticky.lua" -> "sticky" */
static void policy_name_of(const char *file, char name[POLICY_NAME_MAX])
{
    snprintf(name, POLICY_NAME_MAX, "%.*s", (int)(strlen(file) - 4), file);
}

static void add_folder(struct policy_host *host, const struct policy_setup *setup, const char *plugin_path,
                       struct buf *faults)
{
    char *folder;
    struct dirent **entries;
    if (asprintf(&folder, "%s/policies", plugin_path) < 0) {
        add_fault(faults, plugin_path, "out of memory");
        return;
    }
    int count = scandir(folder, &entries, is_policy, alphasort);
    if (count == -1 && errno != ENOENT) /* a plugin path without policies is sound */
        add_fault(faults, folder, strerror(errno));
    for (int i = 0; i < count; ++i) {
        char name[POLICY_NAME_MAX];
        policy_name_of(entries[i]->d_name, name);
        add_source(host, folder, entries[i]->d_name, name, settings_for(setup, name), faults);
        free(entries[i]);
    }
    if (count != -1)
        free(entries);
    free(folder);
}

static void add_file(struct policy_host *host, const struct policy_setup *setup, const char *path, struct buf *faults)
{
    char name[POLICY_NAME_MAX];
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    size_t len = strlen(file);
    if (len <= 4 || len >= POLICY_NAME_MAX || strcmp(file + len - 4, ".lua") != 0) {
        add_fault(faults, path, "expected a file whose name ends in .lua");
        return;
    }
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (folder == NULL) {
        add_fault(faults, path, "out of memory");
        return;
    }
    policy_name_of(file, name);
    add_source(host, folder, file, file, settings_for(setup, name), faults);
    free(folder);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct policy_source *)a)->name, ((const struct policy_source *)b)->name);
}

static void list_names(const struct policy_host *host, struct buf *out)
{
    for (size_t i = 0; i < host->count; ++i)
        buf_printf(out, "%s %s", i != 0 ? "," : "", host->sources[i].name);
}

static void require_named(const struct policy_host *host, const struct policy_setup *setup, struct buf *faults)
{
    if (policy_source_find(host, host->default_name) == NULL) {
        buf_printf(faults, "%spolicy: expected one of", faults->len != 0 ? "\n" : "");
        list_names(host, faults);
        buf_printf(faults, "; got '%s'", host->default_name);
    }
    for (size_t i = 0; i < setup->settings_count; ++i) {
        if (policy_source_find(host, setup->settings[i].name) != NULL)
            continue;
        buf_printf(faults, "%spolicies.%.60s: there is no such policy; expected one of", faults->len != 0 ? "\n" : "",
                   setup->settings[i].name);
        list_names(host, faults);
    }
}

static bool note_libraries(struct policy_host *host, const char *const *plugin_paths)
{
    size_t count = 0;
    while (plugin_paths[count] != NULL)
        ++count;
    host->library_dirs = calloc(count + 1, sizeof(*host->library_dirs));
    if (host->library_dirs == NULL)
        return false;
    for (; host->library_count < count; ++host->library_count) {
        if (asprintf(&host->library_dirs[host->library_count], "%s/lib", plugin_paths[host->library_count]) < 0)
            return false;
    }
    return true;
}

struct policy_setup policy_setup_of(const struct config *config)
{
    return (struct policy_setup){
        .plugin_paths = (const char *const *)config->plugin_paths,
        .default_name = config->policy,
        .limits = {(size_t)config->script_memory_bytes, (long)config->script_instructions},
        .settings = config->policies,
        .settings_count = config->policy_count,
        .prices = config->prices,
        .warm_up_us = config->warm_up_ms * 1000,
    };
}

struct policy_host *policy_host_new(const struct policy_setup *setup, char *error, size_t error_size)
{
    struct buf faults = BUF_EMPTY;
    struct policy_host *host = calloc(1, sizeof(*host));
    if (host == NULL || !note_libraries(host, setup->plugin_paths)) {
        snprintf(error, error_size, "out of memory for the policies");
        if (host != NULL) {
            atomic_init(&host->references, 1);
            policy_host_release(host);
        }
        return NULL;
    }
    atomic_init(&host->references, 1);
    host->limits = setup->limits;
    host->prices = setup->prices != NULL ? price_list_retain(setup->prices) : NULL;
    host->warm_up_us = setup->warm_up_us;
    snprintf(host->default_name, sizeof(host->default_name), "%s", setup->default_name);
    for (const char *const *path = setup->plugin_paths; *path != NULL; ++path)
        add_folder(host, setup, *path, &faults);
    for (const char *const *path = setup->files; path != NULL && *path != NULL; ++path)
        add_file(host, setup, *path, &faults);
    if (host->count != 0)
        qsort(host->sources, host->count, sizeof(*host->sources), by_name);
    require_named(host, setup, &faults);
    bool sound = faults.len == 0 && buf_ok(&faults);
    if (!sound) {
        snprintf(error, error_size, "%s", buf_text(&faults));
        policy_host_release(host);
    }
    buf_dispose(&faults);
    return sound ? host : NULL;
}

struct policy_host *policy_host_retain(struct policy_host *host)
{
    atomic_fetch_add_explicit(&host->references, 1, memory_order_relaxed);
    return host;
}

void policy_host_release(struct policy_host *host)
{
    if (host == NULL || atomic_fetch_sub_explicit(&host->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < host->count; ++i) {
        free(host->sources[i].chunk_name);
        free(host->sources[i].text);
        free(host->sources[i].settings);
        lua_meter_release(host->sources[i].meter);
    }
    price_list_release(host->prices);
    free(host->sources);
    for (size_t i = 0; i < host->library_count; ++i)
        free(host->library_dirs[i]);
    free(host->library_dirs);
    free(host);
}

struct lua_meter *policy_meter(const struct policy_host *host, size_t i)
{
    return i < host->count ? host->sources[i].meter : NULL;
}

const char *policy_default_name(const struct policy_host *host)
{
    return host->default_name;
}

const char *policy_name(const struct policy_host *host, size_t i)
{
    return i < host->count ? host->sources[i].name : NULL;
}

const char *policy_about(const struct policy_host *host, size_t i)
{
    return host->sources[i].about;
}

bool policy_exists(const struct policy_host *host, const char *name)
{
    return policy_source_find(host, name[0] != '\0' ? name : host->default_name) != NULL;
}
