/* reading: from the Lua table that a configuration returned to struct config, by the schema. Internal to config/.
 *
 * Every fault is noted and the reading goes on, so that all of them are told at once.
 */
#ifndef PROVIDERD_CONFIG_READING_H
#define PROVIDERD_CONFIG_READING_H

#include "base/buf.h"
#include "config/config.h"
#include "config/schema.h"

#include <lauxlib.h>
#include <stddef.h>

/* A file being read. */
struct reading {
    struct config *config;
    lua_State *L; /* while it runs */
    struct buf faults;
};

/* Notes "file: scope.key: what is wrong"; scope and key may be empty. */
void fault(struct reading *r, const char *scope, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Reads every field of the table on top of the stack into `record`, a struct config or struct provider_settings; notes
 * what is unknown or wrong. [-0, +0, m] */
void read_table(struct reading *r, const char *scope, const struct setting *settings, size_t count, void *record);

/* Calls `read` for each field of the table on top of the stack, ascending by name, with its value on top. [-0, +0, m]
 */
void read_named(struct reading *r, const char *scope, void (*read)(struct reading *r, const char *name));

/* A copy; the value on top of the stack as Lua source. NULL, and a fault, when that cannot be had. */
char *copy_or_fault(struct reading *r, const char *text);
char *lua_source_or_fault(struct reading *r, const char *scope, const char *name);

/* alerts.c: the table on top of the stack. [-0, +0, m] */
void read_alerts(struct reading *r);
void read_plugins(struct reading *r);
void read_maintenances(struct reading *r);

/* tokens.c: likewise. */
void read_tokens(struct reading *r);

/* A list of strings, ended by NULL. NULL is allowed. */
void free_texts(char **texts);

#endif
