/* What providers say of limits and errors, in headers and bodies, through lib/sample, lib/limits, lib/hints and
 * lib/errors: whatever it is, a sample comes out whose figures make sense.
 *
 * Input: a status, then header lines, an empty line, a body.
 */
#include "lua_target.h"

static size_t line_end(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);
    return end != NULL ? (size_t)(end - text) : len;
}

/* Headers as libcurl hands them over: without control characters. */
static void add_header(struct buf *headers, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || colon == line)
        return;
    for (size_t i = 0; i < len; ++i)
        buf_append_char(headers, (unsigned char)line[i] < 32 ? ' ' : line[i]);
    buf_append_text(headers, "\r\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct script *script;
    const char *text = (const char *)data;
    struct lua_input input = {.answer = {.body_kept = true}};
    size_t at = line_end(text, size);

    if (script == NULL)
        script = lua_target_load("tests/fuzz/lua/limits.lua");
    for (size_t i = 0; i < at && i < 3 && text[i] >= '0' && text[i] <= '9'; ++i)
        input.answer.status = input.answer.status * 10 + (text[i] - '0');
    while (at < size) {
        ++at; /* the end of the line before */
        size_t len = line_end(text + at, size - at);
        if (len == 0)
            break;
        add_header(&input.answer.headers, text + at, len);
        at += len;
    }
    if (at + 1 < size)
        buf_append(&input.answer.body, text + at + 1, size - at - 1);
    input.answer.body_bytes = input.answer.body.len;
    lua_target_call(script, &input);
    return 0;
}
