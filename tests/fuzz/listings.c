/* Lists of models and status pages, through lib/models and lib/status_page: what comes out has the promised shapes.
 *
 * Input: a byte for the format, then the body.
 */
#include "lua_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct script *script;
    struct lua_input input = {.answer = {.status = 200, .body_kept = true}};

    if (script == NULL)
        script = lua_target_load("tests/fuzz/lua/listings.lua");
    if (size < 1)
        return 0;
    input.choice = data[0];
    buf_append(&input.answer.body, data + 1, size - 1);
    input.answer.body_bytes = size - 1;
    lua_target_call(script, &input);
    return 0;
}
