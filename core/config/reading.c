#include "config/reading.h"

#include "base/duration.h"
#include "base/nearest.h"
#include "config/lua_value.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 64 }; /* settings of one table */

void fault(struct reading *r, const char *scope, const char *key, const char *format, ...)
{
    bool has_scope = scope[0] != '\0', has_key = key[0] != '\0';
    va_list args;
    va_start(args, format);
    buf_printf(&r->faults, "%s%s: %s%s%s%s", r->faults.len != 0 ? "\n" : "", r->config->path, scope,
               has_scope && has_key ? "." : "", key, has_scope || has_key ? ": " : "");
    buf_vprintf(&r->faults, format, args);
    va_end(args);
}

/* -- one value -- */

char *copy_or_fault(struct reading *r, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        fault(r, "", "", "out of memory");
    return copy;
}

/* The string on top of the stack, if it is one that C can hold whole, and not empty; NULL otherwise. */
static const char *read_text(lua_State *L)
{
    size_t len;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    return text != NULL && len != 0 && strlen(text) == len ? text : NULL;
}

/* What stands on top of the stack, for a message. */
static const char *describe_value(lua_State *L, char *out, size_t out_size)
{
    switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
        snprintf(out, out_size, "the number %.14g", lua_tonumber(L, -1));
        break;
    case LUA_TSTRING:
        if (lua_rawlen(L, -1) != strlen(lua_tostring(L, -1)))
            snprintf(out, out_size, "a string with a NUL in it");
        else
            snprintf(out, out_size, "\"%.60s\"", lua_tostring(L, -1));
        break;
    case LUA_TBOOLEAN:
        snprintf(out, out_size, "%s", lua_toboolean(L, -1) ? "true" : "false");
        break;
    default:
        snprintf(out, out_size, "a %s", luaL_typename(L, -1));
    }
    return out;
}

static void refuse(struct reading *r, const char *scope, const struct setting *setting)
{
    char got[96], least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
    describe_value(r->L, got, sizeof(got));
    switch (setting->type) {
    case SETTING_DURATION:
        duration_format_ms(setting->least, least);
        duration_format_ms(setting->most, most);
        fault(r, scope, setting->key, "expected a duration from %s to %s, such as \"%s\"; got %s", least, most,
              setting->otherwise != NULL ? setting->otherwise : "10s", got);
        break;
    case SETTING_SIZE:
        fault(r, scope, setting->key, "expected a size from %" PRId64 " to %" PRId64 " bytes, such as \"%s\"; got %s",
              setting->least, setting->most, setting->otherwise, got);
        break;
    case SETTING_INTEGER:
        fault(r, scope, setting->key, "expected a whole number from %" PRId64 " to %" PRId64 "; got %s", setting->least,
              setting->most, got);
        break;
    case SETTING_BOOLEAN:
    case SETTING_FLAG:
        fault(r, scope, setting->key, "expected true or false; got %s", got);
        break;
    case SETTING_LIST:
        fault(r, scope, setting->key, "expected a list of strings; got %s", got);
        break;
    case SETTING_ALIASES:
        fault(r, scope, setting->key, "expected a table of name = { \"id of a model\", ... }; got %s", got);
        break;
    case SETTING_POLICIES:
        fault(r, scope, setting->key, "expected a table of policy = { settings }; got %s", got);
        break;
    case SETTING_ALERTS:
        fault(r, scope, setting->key, "expected a table of name = { settings }; got %s", got);
        break;
    case SETTING_PLUGINS:
        fault(r, scope, setting->key, "expected a table of plugin = { settings }; got %s", got);
        break;
    case SETTING_MAINTENANCE:
        fault(r, scope, setting->key, "expected a list of { providers = {...}, hours = \"sat 02:00-04:00\" }; got %s",
              got);
        break;
    case SETTING_TOKENS:
        fault(r, scope, setting->key, "expected a list of { name = ..., scope = ..., hash = ... }; got %s", got);
        break;
    case SETTING_REPORTS:
        fault(r, scope, setting->key, "expected a table of settings, such as { weight_percent = 20 }; got %s", got);
        break;
    case SETTING_PUBLIC_PAGE:
        fault(r, scope, setting->key, "expected false, or a table such as { providers = { \"groq\" } }; got %s", got);
        break;
    case SETTING_TLS:
        fault(r, scope, setting->key, "expected false, or { certificate = \"FILE\", key = \"FILE\" }; got %s", got);
        break;
    case SETTING_VALUE: /* says it itself */
        break;
    case SETTING_PRICES:
        fault(r, scope, setting->key, "expected a table of provider = US dollars for a million tokens; got %s", got);
        break;
    case SETTING_BUSY_HOURS:
    case SETTING_LATENCY:
    case SETTING_WEIGHTS:
    case SETTING_DEEP:
    case SETTING_LIMITS:
    case SETTING_KINDS: /* these say it themselves */
        break;
    case SETTING_FILE:
        fault(r, scope, setting->key, "expected the path of a file, or false; got %s", got);
        break;
    case SETTING_TEXTS:
    case SETTING_FOLDERS:
        fault(r, scope, setting->key, "expected a string or a list of strings, at least one; got %s", got);
        break;
    case SETTING_PROVIDERS:
        fault(r, scope, setting->key, "expected a table of name = settings; got %s", got);
        break;
    case SETTING_TEXT:
        fault(r, scope, setting->key, "expected a string that is not empty; got %s", got);
        break;
    }
}

/* Reads the number on top of the stack by the setting's type. */
static bool read_number(lua_State *L, const struct setting *setting, int64_t *value)
{
    const char *text = read_text(L);
    int read = 0;

    if (setting->type == SETTING_DURATION)
        read = text != NULL && duration_parse_ms(text, strlen(text), value) == 0;
    else if (text != NULL && setting->type == SETTING_SIZE)
        read = size_parse(text, value) == 0;
    else if (lua_type(L, -1) == LUA_TNUMBER)
        *value = lua_tointegerx(L, -1, &read); /* 1e6 is a whole number as well */
    return read && *value >= setting->least && *value <= setting->most;
}

/* A relative folder starts at the folder of the configuration file. */
static char *resolve_folder(const struct config *config, const char *folder)
{
    const char *slash = strrchr(config->path, '/');
    char *path;
    if (folder[0] == '/' || slash == NULL)
        return strdup(folder);
    if (asprintf(&path, "%.*s/%s", (int)(slash - config->path), config->path, folder) < 0)
        return NULL;
    return path;
}

void free_texts(char **texts)
{
    for (char **text = texts; text != NULL && *text != NULL; ++text)
        free(*text);
    free(texts);
}

/* The string, or list of strings, on top of the stack as a list ended by NULL; NULL when it is none. */
static char **read_texts(struct reading *r, bool folders)
{
    lua_State *L = r->L;
    bool single = lua_type(L, -1) == LUA_TSTRING;
    size_t count = single ? 1 : lua_istable(L, -1) ? lua_rawlen(L, -1) : 0, fields = 0;
    if (count == 0)
        return NULL;
    if (!single) {
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
            ++fields;
        if (fields != count)
            return NULL; /* one has a name, or the list a hole */
    }
    char **texts = calloc(count + 1, sizeof(*texts));
    for (size_t i = 0; texts != NULL && i < count; ++i) {
        if (single)
            lua_pushvalue(L, -1);
        else
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
        const char *text = read_text(L);
        texts[i] = text == NULL ? NULL : folders ? resolve_folder(r->config, text) : strdup(text);
        bool taken = texts[i] != NULL;
        lua_pop(L, 1);
        if (!taken) {
            free_texts(texts);
            return NULL;
        }
    }
    return texts;
}

static void read_providers(struct reading *r);
static void read_aliases(struct reading *r);
static void read_policies(struct reading *r);

/* Whether the table on top of the stack holds nothing. */
static bool is_empty(lua_State *L)
{
    lua_pushnil(L);
    if (lua_next(L, -2) == 0)
        return true;
    lua_pop(L, 2);
    return false;
}

/* Settings that scripts have as well: read by script/tuning.h. */
static void read_tuning(struct reading *r, const char *scope, const struct setting *setting, void *place)
{
    char reason[256] = "";
    bool sound = false;
    if (setting->type == SETTING_LATENCY)
        sound = latency_threshold_read(r->L, place, reason, sizeof(reason));
    else if (setting->type == SETTING_WEIGHTS)
        sound = score_weights_read(r->L, place, reason, sizeof(reason));
    else if (setting->type == SETTING_DEEP)
        sound = deep_tuning_read(r->L, true, place, reason, sizeof(reason));
    else if (setting->type == SETTING_LIMITS)
        sound = declared_limits_read(r->L, place, reason, sizeof(reason));
    else
        sound = kind_changes_read(r->L, -1, place, reason, sizeof(reason));
    if (!sound)
        fault(r, scope, setting->key, "%s", reason);
}

/* false = none. */
static void read_busy_hours(struct reading *r, const char *scope, const struct setting *setting,
                            struct busy_hours *hours)
{
    char reason[128] = "expected days and hours such as \"mon-fri 08:00-20:00\", or false";
    const char *text = lua_isboolean(r->L, -1) && !lua_toboolean(r->L, -1) ? "" : read_text(r->L);
    struct busy_hours read;
    if (text != NULL && busy_hours_parse(text, &read, reason, sizeof(reason)) == 0)
        *hours = read;
    else
        fault(r, scope, setting->key, "%s", reason);
}

static void read_prices(struct reading *r, const char *scope, const struct setting *setting)
{
    char reason[PRICE_FAULT_MAX];
    struct price_list *prices = price_list_read(r->L, reason);
    if (prices == NULL) {
        fault(r, scope, setting->key, "%s", reason);
        return;
    }
    price_list_release(r->config->prices);
    r->config->prices = prices;
}

static bool is_false(lua_State *L)
{
    return lua_isboolean(L, -1) && !lua_toboolean(L, -1);
}

static size_t count_texts(char *const *texts)
{
    size_t count = 0;
    while (texts != NULL && texts[count] != NULL)
        ++count;
    return count;
}

static void read_public_page(struct reading *r, const struct setting *setting, struct public_page *page)
{
    if (is_false(r->L))
        return;
    if (!lua_istable(r->L, -1)) {
        refuse(r, "", setting);
        return;
    }
    page->on = true;
    read_table(r, setting->key, public_page_setting_list, public_page_setting_count, page);
    size_t count = count_texts(page->providers);
    if (count == 0 || count > PUBLIC_PROVIDERS_MAX)
        fault(r, setting->key, "providers", "expected 1 to %d names of providers to be shown; { \"*\" } shows all",
              PUBLIC_PROVIDERS_MAX);
}

static void read_tls(struct reading *r, const struct setting *setting, struct tls_files *files)
{
    if (is_false(r->L))
        return;
    if (!lua_istable(r->L, -1)) {
        refuse(r, "", setting);
        return;
    }
    files->on = true;
    read_table(r, setting->key, tls_setting_list, tls_setting_count, files);
    if (files->certificate == NULL || files->key == NULL)
        fault(r, setting->key, files->certificate == NULL ? "certificate" : "key", "expected the name of a PEM file");
}

/* Reads the value on top of the stack into its place in `record`, or notes a fault. */
static void read_setting(struct reading *r, const char *scope, const struct setting *setting, void *record)
{
    lua_State *L = r->L;
    char *place = (char *)record + setting->offset;

    switch (setting->type) {
    case SETTING_DURATION:
    case SETTING_SIZE:
    case SETTING_INTEGER: {
        int64_t value;
        if (read_number(L, setting, &value))
            memcpy(place, &value, sizeof(value));
        else
            refuse(r, scope, setting);
        break;
    }
    case SETTING_BOOLEAN:
        if (lua_isboolean(L, -1))
            *(bool *)(void *)place = !lua_toboolean(L, -1);
        else
            refuse(r, scope, setting);
        break;
    case SETTING_FLAG:
        if (lua_isboolean(L, -1))
            *(bool *)(void *)place = lua_toboolean(L, -1);
        else
            refuse(r, scope, setting);
        break;
    case SETTING_BUSY_HOURS:
        read_busy_hours(r, scope, setting, (void *)place);
        break;
    case SETTING_LATENCY:
    case SETTING_WEIGHTS:
    case SETTING_DEEP:
    case SETTING_LIMITS:
    case SETTING_KINDS:
        read_tuning(r, scope, setting, place);
        break;
    case SETTING_ALIASES:
        if (lua_istable(L, -1))
            read_aliases(r);
        else
            refuse(r, scope, setting);
        break;
    case SETTING_POLICIES:
        if (lua_istable(L, -1))
            read_policies(r);
        else
            refuse(r, scope, setting);
        break;
    case SETTING_ALERTS:
    case SETTING_PLUGINS:
    case SETTING_MAINTENANCE:
        if (!lua_istable(L, -1))
            refuse(r, scope, setting);
        else if (setting->type == SETTING_ALERTS)
            read_alerts(r);
        else if (setting->type == SETTING_PLUGINS)
            read_plugins(r);
        else
            read_maintenances(r);
        break;
    case SETTING_TOKENS:
        if (lua_istable(L, -1))
            read_tokens(r);
        else
            refuse(r, scope, setting);
        break;
    case SETTING_REPORTS:
        if (lua_istable(L, -1))
            read_table(r, setting->key, report_setting_list, report_setting_count, place);
        else
            refuse(r, scope, setting);
        break;
    case SETTING_PUBLIC_PAGE:
        read_public_page(r, setting, (void *)place);
        break;
    case SETTING_TLS:
        read_tls(r, setting, (void *)place);
        break;
    case SETTING_VALUE:
        free(*(char **)(void *)place);
        *(char **)(void *)place = lua_source_or_fault(r, scope, setting->key);
        break;
    case SETTING_PRICES:
        if (lua_istable(L, -1))
            read_prices(r, scope, setting);
        else
            refuse(r, scope, setting);
        break;
    case SETTING_TEXT:
    case SETTING_FILE:
        if (read_text(L) != NULL) {
            free(*(char **)(void *)place);
            *(char **)(void *)place = copy_or_fault(r, lua_tostring(L, -1));
        } else if (setting->type == SETTING_FILE && is_false(L)) {
            free(*(char **)(void *)place);
            *(char **)(void *)place = NULL;
        } else {
            refuse(r, scope, setting);
        }
        break;
    case SETTING_TEXTS:
    case SETTING_LIST:
    case SETTING_FOLDERS: {
        bool empty = setting->type == SETTING_LIST && lua_istable(L, -1) && is_empty(L);
        char **texts = empty ? calloc(1, sizeof(*texts)) : read_texts(r, setting->type == SETTING_FOLDERS);
        if (texts == NULL) {
            refuse(r, scope, setting);
            break;
        }
        free_texts(*(char ***)(void *)place);
        *(char ***)(void *)place = texts;
        break;
    }
    case SETTING_PROVIDERS:
        if (lua_istable(L, -1))
            read_providers(r);
        else
            refuse(r, scope, setting);
        break;
    }
}

/* -- tables of settings -- */

static const struct setting *find_setting(const struct setting *settings, size_t count, const char *key)
{
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(settings[i].key, key) == 0)
            return &settings[i];
    }
    return NULL;
}

static void unknown_key(struct reading *r, const char *scope, const char *key, const struct setting *settings,
                        size_t count)
{
    const char *keys[KEYS_MAX];
    for (size_t i = 0; i < count; ++i)
        keys[i] = settings[i].key;
    const char *near = nearest_word(key, keys, count);
    if (near != NULL)
        fault(r, scope, "", "unknown key '%.60s'; did you mean '%s'?", key, near);
    else
        fault(r, scope, "", "unknown key '%.60s'; the manual of every key is etc/providerd.lua", key);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the table on top of the stack, ascending: Lua's own order changes from run to run, and with it that of
 * the faults. [-0, +1] what holds the array. */
static const char **push_names(struct reading *r, const char *scope, size_t *count)
{
    lua_State *L = r->L;
    size_t fields = 0, named = 0;
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        ++fields;
    const char **names = lua_newuserdatauv(L, (fields + 1) * sizeof(*names), 0);
    for (lua_pushnil(L); lua_next(L, -3) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            names[named++] = lua_tostring(L, -2); /* the table holds it */
    }
    if (named != fields)
        fault(r, scope, "", "expected name = value; got a value without a name");
    qsort(names, named, sizeof(*names), compare_names);
    *count = named;
    return names;
}

void read_table(struct reading *r, const char *scope, const struct setting *settings, size_t count, void *record)
{
    lua_State *L = r->L;
    size_t name_count;
    const char **names = push_names(r, scope, &name_count);
    for (size_t i = 0; i < name_count; ++i) {
        const struct setting *setting = find_setting(settings, count, names[i]);
        if (setting == NULL) {
            unknown_key(r, scope, names[i], settings, count);
            continue;
        }
        lua_pushstring(L, names[i]);
        lua_rawget(L, -3);
        read_setting(r, scope, setting, record);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Reads the settings of one provider, on top of the stack. */
static void read_provider(struct reading *r, const char *name)
{
    char scope[128];
    if (!lua_istable(r->L, -1)) {
        fault(r, "providers", "", "expected name = { settings }; got a %s for '%.64s'", luaL_typename(r->L, -1), name);
        return;
    }
    snprintf(scope, sizeof(scope), "providers.%.64s", name);
    struct config *config = r->config;
    struct provider_settings *grown =
        realloc(config->providers, (config->provider_count + 1) * sizeof(*config->providers));
    char *copy = grown != NULL ? copy_or_fault(r, name) : NULL;
    if (grown != NULL)
        config->providers = grown;
    if (copy == NULL) {
        fault(r, scope, "", "out of memory");
        return;
    }
    struct provider_settings *settings = &grown[config->provider_count++];
    *settings = (struct provider_settings){.name = copy, .tuning = TUNING_NONE};
    read_table(r, scope, provider_setting_list, provider_setting_count, settings);
}

static void read_providers(struct reading *r)
{
    read_named(r, "providers", read_provider);
}

static void read_aliases(struct reading *r)
{
    lua_State *L = r->L;
    struct config *config = r->config;
    size_t count;
    const char **names = push_names(r, "model_aliases", &count);
    for (size_t i = 0; i < count; ++i) {
        lua_pushstring(L, names[i]);
        lua_rawget(L, -3);
        char **ids = read_texts(r, false);
        struct model_alias *grown = realloc(config->aliases, (config->alias_count + 1) * sizeof(*grown));
        if (grown != NULL)
            config->aliases = grown;
        if (ids == NULL || grown == NULL) {
            fault(r, "model_aliases", names[i],
                  "expected a list of ids, such as { \"llama-3.3-70b-versatile\" }; got a %s", luaL_typename(L, -1));
            free_texts(ids);
        } else {
            grown[config->alias_count++] = (struct model_alias){copy_or_fault(r, names[i]), ids};
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

char *lua_source_or_fault(struct reading *r, const char *scope, const char *name)
{
    char reason[128] = "out of memory";
    struct buf text = BUF_EMPTY;
    char *source = NULL;
    if (!lua_istable(r->L, -1))
        fault(r, scope, name, "expected a table of settings; got a %s", luaL_typename(r->L, -1));
    else if (!lua_value_write(r->L, &text, reason, sizeof(reason)) || !buf_ok(&text))
        fault(r, scope, name, "%s", reason);
    else
        source = copy_or_fault(r, buf_text(&text));
    buf_dispose(&text);
    return source;
}

void read_named(struct reading *r, const char *scope, void (*read)(struct reading *r, const char *name))
{
    lua_State *L = r->L;
    size_t count;
    const char **names = push_names(r, scope, &count);
    for (size_t i = 0; i < count; ++i) {
        lua_pushstring(L, names[i]);
        lua_rawget(L, -3);
        read(r, names[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Only the policy itself knows what its settings mean. */
static void read_policy(struct reading *r, const char *name)
{
    struct config *config = r->config;
    struct policy_settings *grown = realloc(config->policies, (config->policy_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        fault(r, "policies", name, "out of memory");
        return;
    }
    config->policies = grown;
    char *source = lua_source_or_fault(r, "policies", name);
    if (source != NULL)
        grown[config->policy_count++] = (struct policy_settings){copy_or_fault(r, name), source};
}

static void read_policies(struct reading *r)
{
    read_named(r, "policies", read_policy);
}
