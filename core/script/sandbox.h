/* sandbox: a Lua 5.4 state that can do no harm: bounded memory, bounded instructions, no way out.
 *
 * Inside: the base library without load, loadfile, dofile and collectgarbage; string (without dump), table, math, utf8;
 * os.time, os.date, os.clock; setmetatable without __gc; `require`, which finds NAME.lua in the library folders and
 * nothing else. `print` writes to the log. Chunks are text; bytecode is refused. Calls are budgeted: past the limit of
 * instructions every further instruction raises, so that a script cannot pcall its way on.
 *
 * What the budget does not see: time spent inside one C function, such as string.find with a hostile pattern.
 *
 * Thread: a sandbox belongs to one thread at a time.
 */
#ifndef PROVIDERD_SCRIPT_SANDBOX_H
#define PROVIDERD_SCRIPT_SANDBOX_H

#include <lua.h>
#include <stddef.h>

struct sandbox;
struct lua_meter;

/* Stack slots to reserve in every state and coroutine before Lua code runs in it. Debian 12's Lua 5.4.4 carries a patch
 * (0005-cve-2022-33099) after which `..` loses the stack's top when its metamethod makes the stack move; secrets have
 * such a metamethod. A stack that is large from the start, and that the collector may not shrink below what
 * lua_checkstack reserved, does not move in scripts of any sensible depth. */
enum { SANDBOX_STACK_SLOTS = 400 };

struct sandbox_limits {
    size_t memory_bytes; /* of the whole state */
    long instructions;   /* VM instructions per sandbox_call or sandbox_resume */
};

/* `library_dirs` are searched in order by `require`; copied. `name` is put before log lines. NULL, with the reason in
 * `error`, when memory ran out. */
struct sandbox *sandbox_new(const char *name, const struct sandbox_limits *limits, const char *const *library_dirs,
                            size_t library_count, char *error, size_t error_size);
void sandbox_free(struct sandbox *sandbox);

/* The main state, for pushing arguments and adding globals. Raw API calls that allocate can raise a memory error: make
 * them inside a function that sandbox_call() runs (see sandbox_protect). */
lua_State *sandbox_state(struct sandbox *sandbox);

/* The sandbox that a state or coroutine belongs to. */
struct sandbox *sandbox_of(lua_State *L);

/* Compiles a file: [-0, +1] the chunk on success; 0, or -1 with "file:line: reason" in `error` and nothing pushed. */
int sandbox_load_file(struct sandbox *sandbox, const char *path, char *error, size_t error_size);

/* The same for a text in memory; `chunk_name` is what messages call it. */
int sandbox_load_text(struct sandbox *sandbox, const char *chunk_name, const char *text, size_t len, char *error,
                      size_t error_size);

/* Calls the function below `arguments` under the budget: [-(arguments + 1), +results]. -1 with "file:line: reason" in
 * `error`, results not pushed, when it raised. */
int sandbox_call(struct sandbox *sandbox, int arguments, int results, char *error, size_t error_size);

/* Runs `function` with `user` as its light userdata argument, protected from memory errors and under the budget; it may
 * leave `results` values on the stack. */
int sandbox_protect(struct sandbox *sandbox, lua_CFunction function, void *user, int results, char *error,
                    size_t error_size);

/* Starts or goes on with a coroutine of this sandbox under a fresh budget, like lua_resume. Returns LUA_OK, LUA_YIELD
 * or an error status with the message copied into `error` (the coroutine is then dead). */
int sandbox_resume(struct sandbox *sandbox, lua_State *coroutine, int arguments, int *results, char *error,
                   size_t error_size);

/* From now on its runs are counted there (lua_meter.h); a reference is taken. */
void sandbox_set_meter(struct sandbox *sandbox, struct lua_meter *meter);

/* Bytes in use now. */
size_t sandbox_memory(const struct sandbox *sandbox);

#endif
