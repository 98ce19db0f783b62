#include "script/traits.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool feature_is_sound(const char *name)
{
    size_t len = strlen(name);
    bool sound = len > 0 && len < FEATURE_MAX;
    for (size_t i = 0; i < len && sound; ++i)
        sound = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) || name[i] == '_';
    return sound;
}

static bool upstream_is_sound(const char *name)
{
    size_t len = strlen(name);
    bool sound = len > 0 && len < UPSTREAM_MAX;
    for (size_t i = 0; i < len && sound; ++i)
        sound = isprint((unsigned char)name[i]);
    return sound;
}

/* Pushes the field, and says of how many texts it consists: one, or a list. */
static size_t push_texts(lua_State *L, int table, const char *who, const char *field, size_t most)
{
    int type = lua_getfield(L, table, field);
    size_t count = type == LUA_TSTRING ? 1 : type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    if (type != LUA_TNIL && type != LUA_TSTRING && type != LUA_TTABLE)
        luaL_error(L, "%s: %s is a %s, expected a list of strings", who, field, luaL_typename(L, -1));
    if (count > most)
        luaL_error(L, "%s: %s has %d entries, expected at most %d", who, field, (int)count, (int)most);
    return count;
}

/* The i-th text of what push_texts() pushed; valid while that is on the stack. */
static const char *text_at(lua_State *L, size_t i)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        return lua_tostring(L, -1);
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1); /* the list holds it */
    return text;
}

static void check_texts(lua_State *L, size_t count, const char *who, const char *field, bool (*is_sound)(const char *),
                        const char *expected)
{
    for (size_t i = 0; i < count; ++i) {
        const char *text = text_at(L, i);
        if (text == NULL || !is_sound(text))
            luaL_error(L, "%s: %s[%d] is '%s', expected %s", who, field, (int)i + 1, text != NULL ? text : "no string",
                       expected);
    }
}

/* Everything is validated before anything is allocated, so that a raised error leaks nothing. */
struct traits *traits_read(lua_State *L, int table, const char *who, const char *base_url)
{
    table = lua_absindex(L, table);
    luaL_checkstack(L, 4, "traits");
    size_t features = push_texts(L, table, who, "features", FEATURES_MAX);
    check_texts(L, features, who, "features", feature_is_sound, "1 to 31 of a-z, 0-9 and _, such as \"streaming\"");
    size_t upstreams = push_texts(L, table, who, "upstream", UPSTREAMS_MAX - 1);
    check_texts(L, upstreams, who, "upstream", upstream_is_sound, "1 to 63 printable ASCII characters");

    struct traits *traits = calloc(1, sizeof(*traits) + features * sizeof(traits->features[0]));
    if (traits == NULL)
        luaL_error(L, "out of memory");
    atomic_init(&traits->references, 1);
    traits_set_base_url(traits, base_url);
    for (size_t i = 0; i < upstreams; ++i)
        snprintf(traits->upstreams[traits->upstream_count++], UPSTREAM_MAX, "%s", text_at(L, i));
    lua_pop(L, 1);
    for (size_t i = 0; i < features; ++i)
        snprintf(traits->features[traits->feature_count++], FEATURE_MAX, "%s", text_at(L, i));
    lua_pop(L, 1);
    return traits;
}

/* "https://user@Host:8443/v1" -> "host:8443" */
void traits_set_base_url(struct traits *traits, const char *base_url)
{
    const char *host = strstr(base_url, "://");
    host = host != NULL ? host + 3 : base_url;
    size_t len = strcspn(host, "/?#");
    for (size_t i = 0; i < len; ++i) {
        if (host[i] == '@') {
            host += i + 1;
            len -= i + 1;
            i = 0;
        }
    }
    size_t at = 0;
    for (; at < len && at + 1 < UPSTREAM_MAX; ++at)
        traits->upstreams[0][at] = (char)tolower((unsigned char)host[at]);
    traits->upstreams[0][at] = '\0';
    if (traits->upstream_count == 0)
        traits->upstream_count = 1;
}

struct traits *traits_retain(struct traits *traits)
{
    atomic_fetch_add_explicit(&traits->references, 1, memory_order_relaxed);
    return traits;
}

void traits_release(struct traits *traits)
{
    if (traits != NULL && atomic_fetch_sub_explicit(&traits->references, 1, memory_order_acq_rel) == 1)
        free(traits);
}

bool traits_have(const struct traits *traits, const char *feature)
{
    for (size_t i = 0; traits != NULL && i < traits->feature_count; ++i) {
        if (strcmp(traits->features[i], feature) == 0)
            return true;
    }
    return false;
}
