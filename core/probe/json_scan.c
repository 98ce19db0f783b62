#include "probe/json_scan.h"

static void open_bracket(struct json_scan *scan, bool is_object)
{
    if (scan->depth < 64) {
        uint64_t bit = UINT64_C(1) << scan->depth;
        scan->is_object = is_object ? scan->is_object | bit : scan->is_object & ~bit;
    }
    if (++scan->depth == UINT32_MAX)
        scan->broken = true;
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
        } else if (scan->escaped) {
            scan->escaped = false;
        } else if (c == '\\') {
            scan->escaped = true;
        } else if (c == '"') {
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
