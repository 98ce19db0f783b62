/* json_scan: tells, byte by byte, whether a stream is one whole JSON value, without keeping it.
 *
 * A model list can be half a megabyte that no rule looks into; what matters is that it is JSON and not cut off. The
 * scan follows structure: brackets that match, strings that end, one value, nothing after it. Of numbers, literals and
 * separators (RFC 8259) it knows the characters, so that NaN, 'text' and comments are none, but not the grammar.
 * Brackets below level 64 are counted, not matched by kind.
 *
 * On the way it notices what tells an error inside a success: a member "error" of the top-level object whose value is a
 * text or object that is not empty, or "success": false. Names are compared as written, without undoing escapes.
 *
 * Thread: any, one at a time. Total: any bytes, any cuts.
 */
#ifndef PROVIDERD_PROBE_JSON_SCAN_H
#define PROVIDERD_PROBE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_scan {
    uint64_t is_object; /* bit per level */
    uint32_t depth;
    bool in_string;
    bool escaped;
    bool in_scalar; /* a number or literal at top level */
    bool complete;  /* the value has ended */
    bool broken;
    bool tells_error;
    bool at_name;     /* the next text at level 1 is a member's name, not a value */
    char name[8];     /* that name's beginning; long enough for "success" */
    uint8_t name_len; /* as far as it fits, and one more when it does not */
    uint8_t watched;  /* enum json_watched: the value that comes now may tell an error */
};

/* Zero a json_scan before the first feed. */
void json_scan_feed(struct json_scan *scan, const char *bytes, size_t len);

/* Whether what was fed is one whole value. */
bool json_scan_whole(const struct json_scan *scan);

/* Whether a member that tells an error was met. */
bool json_scan_tells_error(const struct json_scan *scan);

#endif
