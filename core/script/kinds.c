#include "script/kinds.h"

#include "base/duration.h"
#include "base/nearest.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const scope_names[] = {"key", "model", "provider", "us", NULL};
static const char *const effect_names[] = {"failure", "limited", "degraded", "none", NULL};
static const char *const ask_names[] = {"interval", "backoff", "reset", NULL};

static const int64_t ASK_MIN_MS = 100, ASK_MAX_MS = INT64_C(30) * 24 * 3600 * 1000;

const char *kind_scope_name(enum kind_scope scope)
{
    return scope_names[scope];
}

const char *kind_effect_name(enum kind_effect effect)
{
    return effect_names[effect];
}

void kind_ask_format(const struct error_kind *kind, char out[KIND_ASK_MAX])
{
    if (kind->ask == ASK_AFTER)
        duration_format_ms(kind->ask_ms, out);
    else
        snprintf(out, KIND_ASK_MAX, "%s", ask_names[kind->ask]);
}

/* -- reading -- */

static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; ++i) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}

/* "file" for messages: what the value on top is. */
static const char *shown(lua_State *L, char *out, size_t out_size)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        snprintf(out, out_size, "\"%.40s\"", lua_tostring(L, -1));
    else
        snprintf(out, out_size, "a %s", luaL_typename(L, -1));
    return out;
}

static bool read_ask(const char *text, struct error_kind *kind)
{
    int word = find_word(ask_names, text);
    if (word >= 0) {
        kind->ask = (enum kind_ask)word;
        return true;
    }
    kind->ask = ASK_AFTER;
    return duration_parse_ms(text, strlen(text), &kind->ask_ms) == 0 && kind->ask_ms >= ASK_MIN_MS &&
           kind->ask_ms <= ASK_MAX_MS;
}

/* The value on top of the stack for one field. False with the reason. */
static bool read_field(lua_State *L, const char *field, struct kind_change *change, char *error, size_t error_size)
{
    char got[64];
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL, *expected = "a text";
    bool understood = false;
    int word;

    if (strcmp(field, "scope") == 0) {
        expected = "\"key\", \"model\", \"provider\" or \"us\"";
        understood = change->scope = text != NULL && (word = find_word(scope_names, text)) >= 0;
        if (understood)
            change->kind.scope = (enum kind_scope)word;
    } else if (strcmp(field, "effect") == 0) {
        expected = "\"failure\", \"limited\", \"degraded\" or \"none\"";
        understood = change->effect = text != NULL && (word = find_word(effect_names, text)) >= 0;
        if (understood)
            change->kind.effect = (enum kind_effect)word;
    } else if (strcmp(field, "ask") == 0) {
        expected = "\"interval\", \"backoff\", \"reset\" or a duration from 100ms to 30d";
        understood = change->ask = text != NULL && read_ask(text, &change->kind);
    } else if (strcmp(field, "clears") == 0) {
        understood = change->clears = text != NULL && strlen(text) < sizeof(change->kind.clears);
        if (understood)
            strcpy(change->kind.clears, text);
    } else if (strcmp(field, "about") == 0) {
        understood = change->about = text != NULL && strlen(text) < sizeof(change->kind.about);
        if (understood)
            strcpy(change->kind.about, text);
    } else {
        snprintf(error, error_size, "%s: unknown field '%.40s', expected scope, effect, clears, ask or about",
                 change->kind.name, field);
        return false;
    }
    if (!understood)
        snprintf(error, error_size, "%s.%s: expected %s; got %s", change->kind.name, field, expected,
                 shown(L, got, sizeof(got)));
    return understood;
}

static bool is_kind_name(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; ++i) {
        if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '_')
            return false;
    }
    return len > 0 && len < KIND_NAME_MAX;
}

/* Key and table of one kind lie on top of the stack. */
static bool read_kind(lua_State *L, struct kind_changes *changes, char *error, size_t error_size)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    if (!is_kind_name(name) || !lua_istable(L, -1)) {
        snprintf(error, error_size, "expected name = { scope, effect, clears, ask, about }; got a %s for '%.40s'",
                 luaL_typename(L, -1), name);
        return false;
    }
    struct kind_change *grown = realloc(changes->list, (changes->count + 1) * sizeof(*grown));
    if (grown == NULL || changes->count >= KINDS_MAX) {
        changes->list = grown != NULL ? grown : changes->list;
        snprintf(error, error_size, "%s: more than %d kinds", name, KINDS_MAX);
        return false;
    }
    changes->list = grown;
    struct kind_change *change = &grown[changes->count++];
    memset(change, 0, sizeof(*change));
    strcpy(change->kind.name, name);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        const char *field = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (!read_field(L, field, change, error, error_size)) {
            lua_pop(L, 2);
            return false;
        }
    }
    return true;
}

bool kind_changes_read(lua_State *L, int index, struct kind_changes *changes, char *error, size_t error_size)
{
    index = lua_absindex(L, index);
    if (!lua_istable(L, index)) {
        snprintf(error, error_size, "expected a table of kind = { field = value }; got a %s", luaL_typename(L, index));
        return false;
    }
    luaL_checkstack(L, 8, "kinds");
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (!read_kind(L, changes, error, error_size)) {
            lua_settop(L, lua_gettop(L) - 2);
            return false;
        }
    }
    return true;
}

void kind_changes_dispose(struct kind_changes *changes)
{
    free(changes->list);
    *changes = (struct kind_changes){NULL, 0};
}

/* -- the table -- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct error_kind *)a)->name, ((const struct error_kind *)b)->name);
}

const struct error_kind *kind_find(const struct kind_table *table, const char *name)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(table->kinds[middle].name, name);
        if (order == 0)
            return &table->kinds[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct kind_table *kind_table_retain(struct kind_table *table)
{
    atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    return table;
}

void kind_table_release(struct kind_table *table)
{
    if (table != NULL && atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) == 1)
        free(table);
}

/* False, with the reason, when the change is a new kind and leaves something out, or there is no room for it. */
static bool apply(struct kind_table *table, const struct kind_change *change, char *error, size_t error_size)
{
    struct error_kind *kind = NULL;
    for (size_t i = 0; i < table->count && kind == NULL; ++i) {
        if (strcmp(table->kinds[i].name, change->kind.name) == 0)
            kind = &table->kinds[i];
    }
    if (kind == NULL) {
        const char *names[KINDS_MAX];
        for (size_t i = 0; i < table->count; ++i)
            names[i] = table->kinds[i].name;
        const char *near = nearest_word(change->kind.name, names, table->count);
        if (!change->scope || !change->effect || !change->ask || !change->about) {
            snprintf(error, error_size, "%s: no kind of this name%s%s%s; a new one needs scope, effect, ask and about",
                     change->kind.name, near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                     near != NULL ? "'?" : "");
            return false;
        }
        if (table->count == KINDS_MAX) {
            snprintf(error, error_size, "%s: more than %d kinds", change->kind.name, KINDS_MAX);
            return false;
        }
        table->kinds[table->count++] = change->kind;
        return true;
    }
    if (change->scope)
        kind->scope = change->kind.scope;
    if (change->effect)
        kind->effect = change->kind.effect;
    if (change->ask) {
        kind->ask = change->kind.ask;
        kind->ask_ms = change->kind.ask_ms;
    }
    if (change->clears)
        memcpy(kind->clears, change->kind.clears, sizeof(kind->clears));
    if (change->about)
        memcpy(kind->about, change->kind.about, sizeof(kind->about));
    return true;
}

struct kind_table *kind_table_change(struct kind_table *table, const struct kind_changes *changes, char *error,
                                     size_t error_size)
{
    if (changes->count == 0 && table != NULL)
        return kind_table_retain(table);
    struct kind_table *changed = calloc(1, sizeof(*changed));
    if (changed == NULL) {
        snprintf(error, error_size, "out of memory for the table of kinds");
        return NULL;
    }
    atomic_init(&changed->references, 1);
    if (table != NULL) {
        changed->count = table->count;
        memcpy(changed->kinds, table->kinds, table->count * sizeof(table->kinds[0]));
    }
    for (size_t i = 0; i < changes->count; ++i) {
        if (!apply(changed, &changes->list[i], error, error_size)) {
            free(changed);
            return NULL;
        }
    }
    qsort(changed->kinds, changed->count, sizeof(changed->kinds[0]), by_name);
    return changed;
}

struct loading {
    struct kind_changes changes;
    char error[256];
};

static int read_library(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "kinds");
    lua_call(L, 1, 1);
    if (!kind_changes_read(L, -1, &loading->changes, loading->error, sizeof(loading->error)))
        luaL_error(L, "lib/kinds.lua: %s", loading->error);
    return 0;
}

struct kind_table *kind_table_load(const char *const *library_dirs, size_t library_count, char *error,
                                   size_t error_size)
{
    static const struct sandbox_limits limits = {.memory_bytes = 1024 * 1024, .instructions = 1000000};
    /* What the daemon itself says, whatever the file leaves out. */
    static const char *const own[] = {"timeout",   "dns",          "connect", "tls", "bad_response",
                                      "cancelled", "script_error", "local",   NULL};
    struct loading loading = {.changes = {NULL, 0}};
    struct kind_table *table = NULL;
    struct sandbox *sandbox = sandbox_new("kinds", &limits, library_dirs, library_count, error, error_size);
    if (sandbox == NULL)
        return NULL;
    if (sandbox_protect(sandbox, read_library, &loading, 0, error, error_size) == 0)
        table = kind_table_change(NULL, &loading.changes, error, error_size);
    for (size_t i = 0; table != NULL && own[i] != NULL; ++i) {
        if (kind_find(table, own[i]) == NULL) {
            snprintf(error, error_size, "lib/kinds.lua: the kind '%s' is missing", own[i]);
            kind_table_release(table);
            table = NULL;
        }
    }
    kind_changes_dispose(&loading.changes);
    sandbox_free(sandbox);
    return table;
}
