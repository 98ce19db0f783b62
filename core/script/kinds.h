/* kinds: what can go wrong with a check, each with its consequence: whom it concerns, what it does to the state, when
 * to ask again. The table is Lua (providers/lib/kinds.lua, whose head explains the words); the configuration and
 * scripts change fields of it.
 *
 * Thread: built on the loop thread; immutable from then on, and counted, since HTTP threads show it.
 */
#ifndef PROVIDERD_SCRIPT_KINDS_H
#define PROVIDERD_SCRIPT_KINDS_H

#include "script/sandbox.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind_scope { SCOPE_KEY, SCOPE_MODEL, SCOPE_PROVIDER, SCOPE_US };
enum kind_effect { EFFECT_FAILURE, EFFECT_LIMITED, EFFECT_DEGRADED, EFFECT_NONE };
enum kind_ask { ASK_INTERVAL, ASK_BACKOFF, ASK_RESET, ASK_AFTER };

enum { KIND_NAME_MAX = 32, KIND_CLEARS_MAX = 64, KIND_ABOUT_MAX = 160, KINDS_MAX = 64 };

struct error_kind {
    char name[KIND_NAME_MAX];
    enum kind_scope scope;
    enum kind_effect effect;
    enum kind_ask ask;
    int64_t ask_ms; /* of ASK_AFTER */
    char clears[KIND_CLEARS_MAX];
    char about[KIND_ABOUT_MAX];
};

struct kind_table {
    atomic_uint references;
    size_t count;
    struct error_kind kinds[KINDS_MAX]; /* ascending by name */
};

/* What a table of changes says of one kind; what it leaves out stays. */
struct kind_change {
    struct error_kind kind;
    bool scope, effect, ask, clears, about; /* which are said */
};

struct kind_changes {
    struct kind_change *list; /* owned */
    size_t count;
};

/* The words as they are written. */
const char *kind_scope_name(enum kind_scope scope);
const char *kind_effect_name(enum kind_effect effect);

/* "interval", "backoff", "reset" or a duration. */
enum { KIND_ASK_MAX = 32 };
void kind_ask_format(const struct error_kind *kind, char out[KIND_ASK_MAX]);

/* Runs kinds.lua of the library folders. One reference; NULL with the reason in `error`. */
struct kind_table *kind_table_load(const char *const *library_dirs, size_t library_count, char *error,
                                   size_t error_size);

/* A table with the changes made, one reference; the same one, retained, when there are none. NULL with the reason when
 * a new kind lacks a field or memory ran out. */
struct kind_table *kind_table_change(struct kind_table *table, const struct kind_changes *changes, char *error,
                                     size_t error_size);
struct kind_table *kind_table_retain(struct kind_table *table);
void kind_table_release(struct kind_table *table); /* NULL is allowed */

/* NULL when there is no such kind. */
const struct error_kind *kind_find(const struct kind_table *table, const char *name);

/* Reads {rate = {ask = "10s"}, ...} at `index` into `changes` (empty before). False with the reason in `error`, the
 * changes read so far still owned by the caller. Raises nothing but memory errors. */
bool kind_changes_read(lua_State *L, int index, struct kind_changes *changes, char *error, size_t error_size);
void kind_changes_dispose(struct kind_changes *changes);

#endif
