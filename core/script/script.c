#include "script/script.h"

#include "script/json_value.h"
#include "script/response.h"
#include "script/script_internal.h"
#include "script/secret.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROVIDERS_MAX = 100000 }; /* of one script */

static const char script_key; /* its address is the registry key */

struct script *script_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &script_key);
    struct script *script = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return script;
}

void redact_into(struct redactor *redactor, const char *text, char *out, size_t out_size)
{
    struct buf clean = BUF_EMPTY;
    redact(redactor, text, strlen(text), &clean);
    /* Without memory for the clean text there is none at all, rather than one with a secret in it. */
    const char *shown = buf_ok(&clean) ? buf_text(&clean) : "(out of memory)";
    size_t len = strlen(shown);
    if (len >= out_size) {
        len = out_size - 1;
        while (len > 0 && ((unsigned char)shown[len] & 0xC0) == 0x80)
            --len;
    }
    memcpy(out, shown, len);
    out[len] = '\0';
    buf_dispose(&clean);
}

static int open_script_api(lua_State *L)
{
    struct script *script = lua_touserdata(L, 1);
    lua_pushlightuserdata(L, script);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &script_key);
    json_value_open(L);
    secret_open(L, script->redactor);
    response_open(L);
    http_open(L);
    mail_open(L);
    jwt_open(L);
    host_api_open(L);
    return 0;
}

static bool has_any_field(lua_State *L, int table)
{
    lua_pushnil(L);
    bool any = lua_next(L, table) != 0;
    lua_settop(L, table);
    return any;
}

/* Called with what the chunk returned, and the script: a table with a name is a provider, any other an array of them,
 * which may be empty. */
static int take_providers(lua_State *L)
{
    struct script *script = lua_touserdata(L, 2);
    lua_settop(L, 1);
    bool single = !lua_istable(L, 1) || lua_getfield(L, 1, "name") != LUA_TNIL;
    lua_settop(L, 1);
    size_t count = single ? 1 : lua_rawlen(L, 1);
    if (count == 0 && has_any_field(L, 1))
        count = single = 1; /* a provider without a name: provider_read says so */
    if (count > PROVIDERS_MAX)
        return luaL_error(L, "the script returned %d providers, expected at most %d", (int)count, PROVIDERS_MAX);
    script->providers = calloc(count + 1, sizeof(*script->providers));
    if (script->providers == NULL)
        return luaL_error(L, "out of memory for %d providers", (int)count);
    for (size_t i = 0; i < count; ++i) {
        if (single)
            lua_pushvalue(L, 1);
        else
            lua_rawgeti(L, 1, (lua_Integer)i + 1);
        script->provider_count = i + 1; /* before it is read, so that a half-read one is disposed of */
        provider_read(L, script, &script->providers[i]);
    }
    return 0;
}

static int run_file(struct script *script, lua_CFunction take, char *error, size_t error_size)
{
    struct sandbox *sandbox = script->sandbox;
    lua_State *L = sandbox_state(sandbox);

    if (sandbox_load_file(sandbox, script->path, error, error_size) != 0 ||
        sandbox_call(sandbox, 0, 1, error, error_size) != 0)
        return -1;
    /* None of these pushes allocates, so none can raise. */
    lua_pushcfunction(L, take);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, script);
    return sandbox_call(sandbox, 2, 0, error, error_size);
}

/* Faults of what a script returned stand on no line of it: then at least the file is named. */
static void tell_fault(const struct script_host *host, const char *path, const char *reason, char *error,
                       size_t error_size)
{
    char told[VERDICT_MESSAGE_MAX + 256];
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    bool named = strstr(reason, file) != NULL;
    snprintf(told, sizeof(told), "%.255s%s%s", named ? "" : file, named ? "" : ": ", reason);
    redact_into(host->redactor, told, error, error_size);
}

struct script *script_open(const struct script_host *host, const char *path, lua_CFunction take, const void *user,
                           char *error, size_t error_size)
{
    char reason[VERDICT_MESSAGE_MAX] = "out of memory";
    struct script *script = calloc(1, sizeof(*script));
    if (script == NULL)
        goto fail;
    script->references = 1;
    script->loading = user;
    script->loop = host->loop;
    script->prober = host->prober;
    script->redactor = host->redactor;
    script->environment = environment_retain(host->environment);
    script->max_answer_bytes = host->max_answer_bytes;
    for (int i = 0; i < LIBRARY_FUNCTIONS; ++i)
        script->library[i] = LUA_NOREF;
    script->path = strdup(path);
    script->user_agent = strdup(host->user_agent);
    script->meter = lua_meter_new(path);
    if (script->path == NULL || script->user_agent == NULL || script->meter == NULL)
        goto fail;
    script->sandbox = sandbox_new(path, &host->limits, host->library_dirs, host->library_count, reason, sizeof(reason));
    if (script->sandbox == NULL ||
        sandbox_protect(script->sandbox, open_script_api, script, 0, reason, sizeof(reason)) != 0 ||
        run_file(script, take, reason, sizeof(reason)) != 0)
        goto fail;
    script->loading = NULL;
    sandbox_set_meter(script->sandbox, script->meter);
    return script;

fail:
    tell_fault(host, path, reason, error, error_size);
    script_release(script);
    return NULL;
}

struct script *script_load(const struct script_host *host, const char *path, char *error, size_t error_size)
{
    return script_open(host, path, take_providers, NULL, error, error_size);
}

struct script *script_retain(struct script *script)
{
    ++script->references;
    return script;
}

void script_release(struct script *script)
{
    if (script == NULL || --script->references != 0)
        return;
    for (size_t i = 0; i < script->provider_count; ++i)
        provider_dispose(&script->providers[i]);
    free(script->providers);
    sandbox_free(script->sandbox);
    lua_meter_release(script->meter);
    environment_release(script->environment);
    free(script->user_agent);
    free(script->path);
    free(script);
}

struct lua_meter *script_meter(const struct script *script)
{
    return script->meter;
}

const char *script_path(const struct script *script)
{
    return script->path;
}

bool script_is_pure(const struct script *script)
{
    return !script->impure;
}

size_t script_provider_count(const struct script *script)
{
    return script->provider_count;
}

const struct script_provider *script_provider(const struct script *script, size_t i)
{
    return &script->providers[i];
}

struct base_url_change {
    const struct script_provider *provider;
    const char *url;
};

static int change_base_url(lua_State *L)
{
    const struct base_url_change *change = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, change->provider->table_reference);
    lua_pushstring(L, change->url);
    lua_setfield(L, -2, "base_url");
    return 0;
}

int script_set_base_url(struct script *script, size_t i, const char *url, char *error, size_t error_size)
{
    struct script_provider *provider = &script->providers[i];
    char *origin = origin_of_url(url), *copy = strdup(url);
    script->impure = true;

    if (origin == NULL || copy == NULL) {
        snprintf(error, error_size, "%s: base_url is '%s', expected a URL such as https://api.example.com/v1",
                 provider->name, url);
        goto fail;
    }
    struct base_url_change change = {provider, url};
    if (sandbox_protect(script->sandbox, change_base_url, &change, 0, error, error_size) != 0)
        goto fail;
    free(provider->base_url);
    free(provider->origins[0]);
    traits_set_base_url(provider->traits, url);
    provider->base_url = copy;
    provider->origins[0] = origin;
    return 0;

fail:
    free(origin);
    free(copy);
    return -1;
}
