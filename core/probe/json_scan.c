#include "probe/json_scan.h"

#include <string.h>

enum json_watched {
    WATCH_NOTHING,
    WATCH_ERROR,        /* after "error": */
    WATCH_ERROR_OBJECT, /* after "error": { */
    WATCH_SUCCESS,      /* after "success": */
};

/* -- what tells an error -- */

static void read_name(struct json_scan *scan, char c)
{
    if (scan->name_len < sizeof(scan->name))
        scan->name[scan->name_len] = c;
    if (scan->name_len <= sizeof(scan->name))
        ++scan->name_len;
}

static bool name_is(const struct json_scan *scan, const char *name)
{
    return scan->name_len == strlen(name) && memcmp(scan->name, name, scan->name_len) == 0;
}

/* A character outside of texts that is no space. */
static void watch(struct json_scan *scan, char c)
{
    if (scan->depth == 1 && c == ',')
        scan->at_name = (scan->is_object & 1) != 0;
    if (scan->depth == 1 && c == ':' && scan->at_name) {
        scan->at_name = false;
        scan->watched = name_is(scan, "error") ? WATCH_ERROR : name_is(scan, "success") ? WATCH_SUCCESS : WATCH_NOTHING;
        return;
    }
    if (scan->watched == WATCH_ERROR_OBJECT)
        scan->tells_error |= c != '}';
    else if (scan->watched == WATCH_SUCCESS)
        scan->tells_error |= c == 'f'; /* false */
    if (scan->watched == WATCH_ERROR && c == '{')
        scan->watched = WATCH_ERROR_OBJECT;
    else if (scan->watched != WATCH_ERROR || c != '"')
        scan->watched = WATCH_NOTHING;
    if (scan->depth == 1 && c == '"' && scan->at_name)
        scan->name_len = 0;
}

/* A character inside a text, or the quote that ends it. */
static void watch_text(struct json_scan *scan, char c, bool ends)
{
    if (scan->watched == WATCH_ERROR) {
        scan->tells_error |= !ends;
        scan->watched = WATCH_NOTHING;
    }
    if (scan->at_name && scan->depth == 1 && !ends)
        read_name(scan, c);
}

/* -- structure -- */

static void open_bracket(struct json_scan *scan, bool is_object)
{
    if (scan->depth < 64) {
        uint64_t bit = UINT64_C(1) << scan->depth;
        scan->is_object = is_object ? scan->is_object | bit : scan->is_object & ~bit;
    }
    if (++scan->depth == UINT32_MAX)
        scan->broken = true;
    if (scan->depth == 1)
        scan->at_name = is_object;
}

static void close_bracket(struct json_scan *scan, bool is_object)
{
    if (scan->depth == 0) {
        scan->broken = true;
        return;
    }
    --scan->depth;
    if (scan->depth < 64 && ((scan->is_object >> scan->depth) & 1) != is_object)
        scan->broken = true;
    if (scan->depth == 0)
        scan->complete = true;
}

/* Whether a character may stand outside of texts, brackets aside: in a number, in true, false or null, or between. */
static bool is_of_json(char c)
{
    return c != '\0' && strchr("0123456789,:-+.Eaeflnrstu", c) != NULL;
}

static void feed_structure(struct json_scan *scan, char c)
{
    bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';

    if (scan->in_scalar && (space || scan->depth != 0)) {
        scan->in_scalar = false;
        scan->complete = true;
    }
    if (space)
        return;
    if (scan->complete) {
        scan->broken = true;
        return;
    }
    watch(scan, c);
    switch (c) {
    case '{':
    case '[':
        scan->broken |= scan->in_scalar;
        open_bracket(scan, c == '{');
        break;
    case '}':
    case ']':
        close_bracket(scan, c == '}');
        break;
    case '"':
        scan->broken |= scan->in_scalar;
        scan->in_string = true;
        break;
    default:
        scan->broken |= !is_of_json(c);
        if (scan->depth == 0) {
            bool starts_scalar = c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n';
            scan->broken |= !scan->in_scalar && !starts_scalar;
            scan->in_scalar = true;
        }
    }
}

void json_scan_feed(struct json_scan *scan, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len && !scan->broken; ++i) {
        char c = bytes[i];
        if (!scan->in_string) {
            feed_structure(scan, c);
            continue;
        }
        bool ends = c == '"' && !scan->escaped;
        if (scan->depth == 1)
            watch_text(scan, c, ends);
        scan->escaped = c == '\\' && !scan->escaped;
        if (ends) {
            scan->in_string = false;
            if (scan->depth == 0)
                scan->complete = true;
        }
    }
}

bool json_scan_whole(const struct json_scan *scan)
{
    return !scan->broken && !scan->in_string && scan->depth == 0 && (scan->complete || scan->in_scalar);
}

bool json_scan_tells_error(const struct json_scan *scan)
{
    return scan->tells_error;
}
