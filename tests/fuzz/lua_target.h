/* lua_target: a fuzz target whose code under test is Lua: one script of tests/fuzz/lua/ in the sandbox of a provider
 * script, kept from input to input. The script's global function takes each input as an HTTP answer and raises what
 * must never be; so does exceeding the budget of a provider script, or its memory.
 */
#ifndef PROVIDERD_FUZZ_LUA_TARGET_H
#define PROVIDERD_FUZZ_LUA_TARGET_H

#include "base/log.h"
#include "script/response.h"
#include "script/script_internal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input cut into what a target needs of it. */
struct lua_input {
    struct probe_answer answer;
    lua_Integer choice; /* the function's second argument */
};

/* The script, loaded with the defaults of the configuration for memory and instructions. */
static inline struct script *lua_target_load(const char *path)
{
    static const char *const no_variables[] = {NULL}, *const libraries[] = {"providers/lib"};
    char error[1024];
    struct script_host host = {
        .redactor = redactor_new(),
        .environment = environment_new(no_variables),
        .user_agent = "fuzz",
        .limits = {(size_t)16 * 1024 * 1024, 5000000},
        .library_dirs = libraries,
        .library_count = 1,
    };
    log_set_level(LOG_ERROR);
    struct script *script = script_load(&host, path, error, sizeof(error));
    if (script == NULL) {
        fprintf(stderr, "%s (run it in the root folder of the source)\n", error);
        abort();
    }
    return script;
}

static inline int lua_target_push(lua_State *L)
{
    struct lua_input *input = lua_touserdata(L, 1);
    lua_getglobal(L, "one_input");
    response_push(L, &input->answer, "https://api.example.com/v1/models");
    lua_pushinteger(L, input->choice);
    return 3;
}

/* Calls one_input(response, choice); the answer's buffers are taken over. */
static inline void lua_target_call(struct script *script, struct lua_input *input)
{
    char error[2048];
    if (sandbox_protect(script->sandbox, lua_target_push, input, 3, error, sizeof(error)) != 0 ||
        sandbox_call(script->sandbox, 2, 0, error, sizeof(error)) != 0) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
}

#endif
