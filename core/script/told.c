#include "script/told.h"

#include "script/response.h"
#include "script/script_internal.h"

#include <string.h>

struct telling {
    struct check check; /* never started: what the sample is read for */
    struct probe_answer answer;
    struct verdict *verdict;
};

/* Runs protected. */
static int read_answer(lua_State *L)
{
    struct telling *telling = lua_touserdata(L, 1);
    struct check *check = &telling->check;
    lua_settop(L, 0);
    push_library_function(L, check->script, SAMPLE_FROM);
    response_push(L, &telling->answer, check->provider->base_url);
    lua_rawgeti(L, LUA_REGISTRYINDEX, check->provider->table_reference);
    lua_call(L, 2, 1);
    read_sample(L, 1, check, telling->verdict);
    return 0;
}

bool told_read(struct script *script, size_t provider, struct kind_table *kinds, const struct told_answer *answer,
               struct verdict *verdict, char *error, size_t error_size)
{
    struct telling telling = {
        .check =
            {
                .script = script,
                .provider = &script->providers[provider],
                .order = {.kinds = kinds},
                .http_status = answer->status,
                .phases = PROBE_PHASES_NONE,
            },
        .answer = {.status = answer->status, .body_kept = true, .phases = PROBE_PHASES_NONE},
        .verdict = verdict,
    };
    *verdict = (struct verdict){.ok = false};
    buf_append(&telling.answer.headers, answer->headers, answer->headers_len);
    buf_append(&telling.answer.body, answer->body, answer->body_len);
    bool read = sandbox_protect(script->sandbox, read_answer, &telling, 0, error, error_size) == 0;
    buf_dispose(&telling.answer.headers); /* unless the response has taken them over */
    buf_dispose(&telling.answer.body);
    return read;
}
