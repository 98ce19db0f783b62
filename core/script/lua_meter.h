/* lua_meter: how much time a Lua file has taken, and how often it was at fault, for monitoring.
 *
 * Who runs the file counts; who serves reads, at any time: the meter of a script goes with the snapshots that are read
 * beside it.
 *
 * Thread: any, for all of it. Ownership: counted references.
 */
#ifndef PROVIDERD_SCRIPT_LUA_METER_H
#define PROVIDERD_SCRIPT_LUA_METER_H

#include <stddef.h>
#include <stdint.h>

struct lua_meter;

enum { LUA_METER_ERROR_MAX = 512 };

/* What it has come to. */
struct lua_figures {
    uint64_t runs; /* stretches of Lua: a probe is one up to its request, one behind it, one to judge */
    uint64_t time_us;
    uint64_t errors;
    int64_t last_error_us; /* wall clock; 0 = none */
    char last_error[LUA_METER_ERROR_MAX];
};

struct lua_meter *lua_meter_new(const char *path); /* copied; NULL when memory ran out */
struct lua_meter *lua_meter_retain(struct lua_meter *meter);
void lua_meter_release(struct lua_meter *meter); /* NULL is allowed */

void lua_meter_add_run(struct lua_meter *meter, uint64_t time_us); /* NULL is allowed */

/* `error` holds no secrets any more. */
void lua_meter_add_error(struct lua_meter *meter, const char *error);

const char *lua_meter_path(const struct lua_meter *meter);
void lua_meter_read(struct lua_meter *meter, struct lua_figures *figures);

/* The meters of all files of a generation. Counted references, immutable. */
struct lua_meters;

struct lua_meters *lua_meters_new(size_t room);                          /* empty; NULL when memory ran out */
void lua_meters_add(struct lua_meters *meters, struct lua_meter *meter); /* a reference; at most `room` */
struct lua_meters *lua_meters_retain(struct lua_meters *meters);
void lua_meters_release(struct lua_meters *meters);       /* NULL is allowed */
size_t lua_meters_count(const struct lua_meters *meters); /* NULL is allowed: 0 */
struct lua_meter *lua_meters_at(const struct lua_meters *meters, size_t i);

#endif
