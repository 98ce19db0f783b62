/* json: writes JSON (RFC 8259) into a buf, putting the commas itself.
 *
 *     struct json j = json_begin(&buf);
 *     json_object(&j); json_key(&j, "status"); json_text(&j, "healthy"); json_end(&j);
 *
 * Strings: invalid UTF-8 becomes U+FFFD, control characters, quote and backslash are escaped; so any bytes that a
 * provider sent can be written. Numbers: shortest form that reads back as the same double (%.17g at worst); NaN and
 * infinities become null. Nesting: at most 31 levels, checked by assert.
 * Thread: that of the buf. Errors: those of the buf.
 */
#ifndef PROVIDERD_BASE_JSON_H
#define PROVIDERD_BASE_JSON_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct json {
    struct buf *out;
    uint32_t has_items; /* bit per level: a comma is due before the next item */
    uint32_t is_object; /* bit per level: closes with } rather than ] */
    unsigned depth;
    bool after_key;
};

struct json json_begin(struct buf *out);

void json_object(struct json *j);
void json_array(struct json *j);
void json_end(struct json *j); /* closes the innermost object or array */

void json_key(struct json *j, const char *key);
void json_text(struct json *j, const char *text); /* NULL becomes null */
void json_bytes(struct json *j, const char *bytes, size_t len);
void json_int(struct json *j, int64_t value);
void json_uint(struct json *j, uint64_t value);
void json_double(struct json *j, double value); /* integral values keep ".0", as Python writes a float: 100.0 */
void json_bool(struct json *j, bool value);
void json_null(struct json *j);
void json_time(struct json *j, int64_t wall_us);                  /* RFC 3339 UTC text */
void json_raw(struct json *j, const char *json_text, size_t len); /* one ready value */

/* A key and its value. */
void json_member_text(struct json *j, const char *key, const char *text);
void json_member_text_or_null(struct json *j, const char *key, const char *text); /* "" becomes null */
/* Milliseconds or rates as measured: three digits behind the point; below 0 (not measured) null. */
void json_member_measure(struct json *j, const char *key, double value);

#endif
