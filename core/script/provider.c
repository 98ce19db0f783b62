/* provider: reads and judges the table that a script returned for one provider. */
#include "base/duration.h"
#include "base/hash.h"
#include "script/script_internal.h"
#include "script/secret.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const int64_t INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = INT64_C(30) * 24 * 3600 * 1000;
static const int64_t TIMEOUT_MIN_MS = 10, TIMEOUT_MAX_MS = 600 * 1000;

enum { KEYS_MAX = 1000 }; /* of one provider */

char *origin_of_url(const char *url)
{
    size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0)
        return NULL;
    size_t host = strcspn(url + scheme, "/?#\\ \t\r\n");
    if (host == 0)
        return NULL;
    return strndup(url, scheme + host);
}

bool provider_may_receive_secrets(const struct script_provider *provider, const char *url)
{
    for (char **origin = provider->origins; *origin != NULL; ++origin) {
        size_t len = strlen(*origin);
        if (strncasecmp(*origin, url, len) == 0 && (url[len] == '\0' || url[len] == '/' || url[len] == '?'))
            return true;
    }
    return false;
}

void provider_dispose(struct script_provider *provider)
{
    for (char **origin = provider->origins; origin != NULL && *origin != NULL; ++origin)
        free(*origin);
    free(provider->origins);
    free(provider->keys);
    tuning_dispose(&provider->tuning);
    traits_release(provider->traits);
    free(provider->base_url);
    free(provider->missing);
    free(provider->user_agent);
}

static char *copy_text(lua_State *L, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        luaL_error(L, "out of memory");
    return copy;
}

/* The text of a field, NULL when absent; raises when it is no string. The value stays on the stack. */
static const char *text_field(lua_State *L, int table, const char *who, const char *field)
{
    int type = lua_getfield(L, table, field);
    if (type == LUA_TNIL)
        return NULL;
    if (type != LUA_TSTRING)
        luaL_error(L, "%s: %s is a %s, expected a string", who, field, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

static int64_t duration_field(lua_State *L, int table, const char *who, const char *field, int64_t least_ms,
                              int64_t most_ms)
{
    int64_t ms = 0;
    const char *text = text_field(L, table, who, field);
    if (text != NULL && (duration_parse_ms(text, strlen(text), &ms) != 0 || ms < least_ms || ms > most_ms)) {
        char least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
        duration_format_ms(least_ms, least);
        duration_format_ms(most_ms, most);
        luaL_error(L, "%s: %s is '%s', expected a duration from %s to %s, such as \"10s\"", who, field, text, least,
                   most);
    }
    lua_pop(L, 1);
    return ms;
}

static void read_name(lua_State *L, int table, struct script_provider *provider)
{
    const char *name = text_field(L, table, "a provider", "name");
    if (name == NULL)
        luaL_error(L, "the provider table has no name");
    size_t len = strlen(name);
    bool plain = len > 0 && len < sizeof(provider->name) && isalnum((unsigned char)name[0]);
    for (size_t i = 0; i < len && plain; ++i)
        plain = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) || strchr("_.-", name[i]) != NULL;
    if (!plain)
        luaL_error(L, "provider name '%s': expected 1 to %d of a-z, 0-9, _ . -, beginning with a letter or digit", name,
                   (int)sizeof(provider->name) - 1);
    memcpy(provider->name, name, len + 1);
    lua_pop(L, 1);

    const char *title = text_field(L, table, provider->name, "title");
    strncpy(provider->title, title != NULL ? title : provider->name, sizeof(provider->title) - 1);
    lua_pop(L, 1);
}

static void read_origins(lua_State *L, int table, struct script_provider *provider)
{
    int type = lua_getfield(L, table, "origins");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "%s: origins is a %s, expected an array of URLs", provider->name, luaL_typename(L, -1));
    size_t count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    provider->origins = calloc(count + 2, sizeof(char *));
    if (provider->origins == NULL)
        luaL_error(L, "out of memory");
    provider->origins[0] = origin_of_url(provider->base_url);
    if (provider->origins[0] == NULL)
        luaL_error(L, "%s: base_url is '%s', expected a URL such as https://api.example.com/v1", provider->name,
                   provider->base_url);
    for (size_t i = 0; i < count; ++i) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        const char *url = lua_tostring(L, -1);
        provider->origins[i + 1] = url != NULL ? origin_of_url(url) : NULL;
        if (provider->origins[i + 1] == NULL)
            luaL_error(L, "%s: origins[%d] is '%s', expected an http or https URL", provider->name, (int)i + 1,
                       url != NULL ? url : luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* GROQ_USER_AGENT, then the script's user_agent, then the configured one. */
static void read_user_agent(lua_State *L, int table, const struct script *script, struct script_provider *provider)
{
    char variable[SCRIPT_NAME_MAX + sizeof("_USER_AGENT")];
    size_t i;
    for (i = 0; provider->name[i] != '\0'; ++i) {
        unsigned char c = (unsigned char)provider->name[i];
        variable[i] = isalnum(c) ? (char)toupper(c) : '_';
    }
    memcpy(variable + i, "_USER_AGENT", sizeof("_USER_AGENT"));

    const char *user_agent = text_field(L, table, provider->name, "user_agent");
    const char *override = environment_get(script->environment, variable);
    if (override != NULL)
        user_agent = override;
    if (user_agent == NULL)
        user_agent = script->user_agent;
    if (strpbrk(user_agent, "\r\n") != NULL)
        luaL_error(L, "%s: the user agent holds a line break", provider->name);
    provider->user_agent = copy_text(L, user_agent);
    lua_pop(L, 1);
}

/* Never leaves the process. */
static uint64_t fingerprint_of(const struct secret *secret)
{
    return hash_bytes(HASH_BEGIN, secret->bytes, secret->len);
}

/* A key that is short would be half told by its end. */
static void hint_of(const struct secret *secret, char *out, size_t out_size)
{
    enum { SHOWN = 4, LENGTH_FOR_IT = 16 };
    out[0] = '\0';
    if (secret->len < LENGTH_FOR_IT)
        return;
    const char *last = secret->bytes + secret->len - SHOWN;
    for (int i = 0; i < SHOWN; ++i) {
        if (!isalnum((unsigned char)last[i]) && strchr("_-.", last[i]) == NULL)
            return;
    }
    snprintf(out, out_size, "…%.4s", last);
}

static bool has_key(const struct script_provider *provider, uint64_t fingerprint)
{
    for (size_t i = 0; i < provider->key_count; ++i) {
        if (provider->keys[i].fingerprint == fingerprint)
            return true;
    }
    return false;
}

/* Of a key that is named twice the first place counts: a target is known by its key. */
static void read_keys(lua_State *L, int table, struct script_provider *provider)
{
    int type = lua_getfield(L, table, "keys");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "%s: keys is a %s, expected what keys \"NAME_API_KEY\" gives", provider->name,
                   luaL_typename(L, -1));
    size_t count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    if (count > KEYS_MAX)
        luaL_error(L, "%s: %d keys, expected at most %d", provider->name, (int)count, KEYS_MAX);
    provider->keys = calloc(count + 1, sizeof(*provider->keys));
    if (provider->keys == NULL)
        luaL_error(L, "out of memory");
    for (size_t i = 0; i < count; ++i) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        const struct secret *secret = secret_at(L, -1);
        if (secret == NULL)
            luaL_error(L, "%s: keys[%d] is a %s, expected a secret", provider->name, (int)i + 1, luaL_typename(L, -1));
        uint64_t fingerprint = fingerprint_of(secret);
        if (has_key(provider, fingerprint)) {
            lua_pop(L, 1);
            continue;
        }
        struct script_key *key = &provider->keys[provider->key_count++];
        key->fingerprint = fingerprint;
        hint_of(secret, key->hint, sizeof(key->hint));
        key->reference = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_pop(L, 1);
}

static bool is_function(lua_State *L, int table, const char *who, const char *field, bool optional)
{
    int type = lua_getfield(L, table, field);
    if (type != LUA_TFUNCTION && !(optional && type == LUA_TNIL))
        luaL_error(L, "%s: %s is a %s, expected a function", who, field, luaL_typename(L, -1));
    lua_pop(L, 1);
    return type == LUA_TFUNCTION;
}

static int64_t count_field(lua_State *L, int table, const char *who, const char *field)
{
    int64_t count = 0;
    if (lua_getfield(L, table, field) != LUA_TNIL) {
        int is_integer;
        count = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || count < 1 || count > 1000)
            luaL_error(L, "%s: %s: expected a whole number from 1 to 1000", who, field);
    }
    lua_pop(L, 1);
    return count;
}

/* Settings that are tables: read by the same functions as the configuration's. */
static void read_composite(lua_State *L, int table, struct script_provider *provider)
{
    struct tuning *tuning = &provider->tuning;
    char fault[256];
    const char *field = "degraded_latency";
    bool sound = lua_getfield(L, table, field) == LUA_TNIL ||
                 latency_threshold_read(L, &tuning->degraded_latency, fault, sizeof(fault));
    if (sound)
        sound = lua_getfield(L, table, field = "score_weights") == LUA_TNIL ||
                score_weights_read(L, &tuning->weights, fault, sizeof(fault));
    if (sound)
        sound = lua_getfield(L, table, field = "deep") == LUA_TNIL ||
                deep_tuning_read(L, false, &tuning->deep, fault, sizeof(fault));
    if (sound)
        sound = lua_getfield(L, table, field = "limits") == LUA_TNIL ||
                declared_limits_read(L, tuning, fault, sizeof(fault));
    if (sound)
        sound = lua_getfield(L, table, field = "error_kinds") == LUA_TNIL ||
                kind_changes_read(L, -1, &tuning->kinds, fault, sizeof(fault));
    if (!sound)
        luaL_error(L, "%s: %s: %s", provider->name, field, fault);
    lua_settop(L, table);
}

static void read_tuning(lua_State *L, int table, struct script_provider *provider)
{
    struct tuning *tuning = &provider->tuning;
    const char *who = provider->name;
    tuning->interval_ms = duration_field(L, table, who, "interval", INTERVAL_MIN_MS, INTERVAL_MAX_MS);
    tuning->quick_interval_ms = duration_field(L, table, who, "quick_interval", INTERVAL_MIN_MS, INTERVAL_MAX_MS);
    tuning->down_interval_ms = duration_field(L, table, who, "down_interval", INTERVAL_MIN_MS, INTERVAL_MAX_MS);
    tuning->models_interval_ms = duration_field(L, table, who, "models_interval", INTERVAL_MIN_MS, INTERVAL_MAX_MS);
    tuning->timeout_ms = duration_field(L, table, who, "timeout", TIMEOUT_MIN_MS, TIMEOUT_MAX_MS);
    tuning->max_consecutive_failures = count_field(L, table, who, "max_consecutive_failures");
    tuning->successes_to_recover = count_field(L, table, who, "successes_to_recover");
    read_composite(L, table, provider);
}

void provider_read(lua_State *L, struct script *script, struct script_provider *provider)
{
    int table = lua_gettop(L);
    provider->tuning = TUNING_NONE;
    if (!lua_istable(L, table))
        luaL_error(L, "the script returned a %s, expected a provider table or an array of them",
                   luaL_typename(L, table));
    read_name(L, table, provider);

    const char *base_url = text_field(L, table, provider->name, "base_url");
    if (base_url == NULL)
        luaL_error(L, "%s: base_url is missing, expected a URL such as https://api.example.com/v1", provider->name);
    provider->base_url = copy_text(L, base_url);
    lua_pop(L, 1);
    read_origins(L, table, provider);
    read_user_agent(L, table, script, provider);

    const char *missing = text_field(L, table, provider->name, "missing");
    if (missing != NULL)
        provider->missing = copy_text(L, missing);
    lua_pop(L, 1);
    read_keys(L, table, provider);
    read_tuning(L, table, provider);
    provider->traits = traits_read(L, table, provider->name, provider->base_url);

    lua_getfield(L, table, "fallback");
    provider->fallback = lua_toboolean(L, -1);
    lua_pop(L, 1);
    is_function(L, table, provider->name, "probe", provider->missing != NULL);
    is_function(L, table, provider->name, "judge", true);
    provider->lists_models = is_function(L, table, provider->name, "list_models", true);
    provider->completes = is_function(L, table, provider->name, "complete", true);
    int type = lua_getfield(L, table, "status_page");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "%s: status_page is a %s, expected { url = ..., format = ... }", provider->name,
                   luaL_typename(L, -1));
    provider->has_status_page = type == LUA_TTABLE;
    lua_pop(L, 1);
    provider->table_reference = luaL_ref(L, LUA_REGISTRYINDEX);
}
