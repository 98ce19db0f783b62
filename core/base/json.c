#include "base/json.h"

#include "base/utf8.h"

#include "base/clock.h"
#include "base/number.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 31 };

struct json json_begin(struct buf *out)
{
    return (struct json){.out = out};
}

/* Puts the comma that is due before an item. */
static void separate(struct json *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    uint32_t bit = UINT32_C(1) << j->depth;
    if ((j->has_items & bit) != 0)
        buf_append_char(j->out, ',');
    j->has_items |= bit;
}

static void open_level(struct json *j, bool is_object)
{
    separate(j);
    buf_append_char(j->out, is_object ? '{' : '[');
    assert(j->depth < DEPTH_MAX);
    uint32_t bit = UINT32_C(1) << ++j->depth;
    j->has_items &= ~bit;
    j->is_object = is_object ? j->is_object | bit : j->is_object & ~bit;
}

void json_object(struct json *j)
{
    open_level(j, true);
}

void json_array(struct json *j)
{
    open_level(j, false);
}

void json_end(struct json *j)
{
    assert(j->depth > 0 && !j->after_key);
    buf_append_char(j->out, (j->is_object >> j->depth & 1) != 0 ? '}' : ']');
    --j->depth;
}

static void append_escaped(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        buf_append_text(out, "\\\"");
        break;
    case '\\':
        buf_append_text(out, "\\\\");
        break;
    case '\n':
        buf_append_text(out, "\\n");
        break;
    case '\r':
        buf_append_text(out, "\\r");
        break;
    case '\t':
        buf_append_text(out, "\\t");
        break;
    default:
        buf_printf(out, "\\u%04x", c);
    }
}

static void append_string(struct buf *out, const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t plain = 0; /* bytes before `i` that are not written yet */

    buf_append_char(out, '"');
    for (size_t i = 0; i < len;) {
        size_t sequence = at[i] >= 0x80 ? utf8_sequence(at + i, len - i) : 1;
        if (sequence != 0 && at[i] >= 0x20 && at[i] != '"' && at[i] != '\\' && at[i] != 0x7F) {
            plain += sequence;
            i += sequence;
            continue;
        }
        buf_append(out, at + i - plain, plain);
        plain = 0;
        if (sequence == 0)
            buf_append_text(out, "\xEF\xBF\xBD"); /* U+FFFD */
        else
            append_escaped(out, at[i]);
        ++i;
    }
    buf_append(out, at + len - plain, plain);
    buf_append_char(out, '"');
}

void json_key(struct json *j, const char *key)
{
    assert((j->is_object >> j->depth & 1) != 0 && !j->after_key);
    separate(j);
    append_string(j->out, key, strlen(key));
    buf_append_char(j->out, ':');
    j->after_key = true;
}

void json_bytes(struct json *j, const char *bytes, size_t len)
{
    separate(j);
    append_string(j->out, bytes, len);
}

void json_text(struct json *j, const char *text)
{
    if (text == NULL)
        json_null(j);
    else
        json_bytes(j, text, strlen(text));
}

void json_int(struct json *j, int64_t value)
{
    separate(j);
    buf_printf(j->out, "%" PRId64, value);
}

void json_uint(struct json *j, uint64_t value)
{
    separate(j);
    buf_printf(j->out, "%" PRIu64, value);
}

void json_double(struct json *j, double value)
{
    char text[NUMBER_TEXT_MAX];
    if (!isfinite(value)) {
        json_null(j);
        return;
    }
    separate(j);
    buf_append(j->out, text, number_format_double(value, text));
}

void json_bool(struct json *j, bool value)
{
    separate(j);
    buf_append_text(j->out, value ? "true" : "false");
}

void json_null(struct json *j)
{
    separate(j);
    buf_append_text(j->out, "null");
}

void json_time(struct json *j, int64_t wall_us)
{
    char text[CLOCK_ISO_MAX];
    size_t len = clock_format_rfc3339(wall_us, text);
    json_bytes(j, text, len);
}

void json_raw(struct json *j, const char *json_text, size_t len)
{
    separate(j);
    buf_append(j->out, json_text, len);
}

void json_member_text(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_text(j, text);
}

void json_member_text_or_null(struct json *j, const char *key, const char *text)
{
    json_member_text(j, key, text[0] != '\0' ? text : NULL);
}

void json_member_measure(struct json *j, const char *key, double value)
{
    json_key(j, key);
    if (value < 0)
        json_null(j);
    else
        json_double(j, round(value * 1000) / 1000);
}
