/* Looking into an answer; declared in prober.h. */
#include "probe/prober.h"

#include <string.h>
#include <strings.h>

const char *probe_answer_head(const struct probe_answer *answer, size_t *len)
{
    const struct buf *from = answer->body_kept ? &answer->body : &answer->head;
    *len = from->len < PROBE_HEAD_MAX ? from->len : PROBE_HEAD_MAX;
    return buf_text(from);
}

bool probe_header(const struct buf *headers, const char *name, size_t name_len, struct buf *out)
{
    bool found = false;
    const char *line = buf_text(headers), *end = line + headers->len;

    while (line < end) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL)
            line_end = end;
        if ((size_t)(line_end - line) > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1, *value_end = line_end;
            while (value < value_end && (*value == ' ' || *value == '\t'))
                ++value;
            while (value_end > value && (value_end[-1] == '\r' || value_end[-1] == ' ' || value_end[-1] == '\t'))
                --value_end;
            if (found)
                buf_append_text(out, ", ");
            buf_append(out, value, (size_t)(value_end - value));
            found = true;
        }
        line = line_end + 1;
    }
    return found;
}
