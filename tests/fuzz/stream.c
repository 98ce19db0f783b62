/* Streamed answers in every dialect, in whatever bytes and pieces they come, through lib/stream.
 *
 * Input: a byte for the dialect, one for the length of the pieces, then the body.
 */
#include "lua_target.h"

enum { PIECES_MAX = 4096 }; /* as many as the prober keeps */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct script *script;
    struct lua_input input = {.answer = {.status = 200, .body_kept = true}};

    if (script == NULL)
        script = lua_target_load("tests/fuzz/lua/stream.lua");
    if (size < 2)
        return 0;
    input.choice = data[0];
    size_t body = size - 2, piece = (size_t)data[1] + 1;
    buf_append(&input.answer.body, data + 2, body);
    input.answer.body_bytes = body;
    struct probe_arrival *arrivals = calloc(PIECES_MAX, sizeof(*arrivals));
    if (arrivals == NULL)
        abort();
    for (size_t end = 0; end < body && input.answer.arrival_count < PIECES_MAX;) {
        end = end + piece < body ? end + piece : body;
        size_t n = ++input.answer.arrival_count;
        arrivals[n - 1] = (struct probe_arrival){.bytes = end, .us = n * 1000};
    }
    input.answer.arrivals = arrivals;
    lua_target_call(script, &input);
    return 0;
}
