#include "serve/routes.h"

#include <string.h>
#include <strings.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int percent_decode(const char *text, size_t len, bool form, char *out, size_t out_size)
{
    size_t written = 0;
    for (size_t i = 0; i < len; ++i) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_value(text[i + 1]) : -1, low = i + 2 < len ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (form && c == '+') {
            c = ' ';
        }
        if (written + 1 >= out_size)
            return -1;
        out[written++] = c;
    }
    out[written] = '\0';
    return (int)written;
}

/* How many bytes of a target come before its path. */
static size_t origin_len(const char *target, size_t len)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); ++i) {
        size_t at = strlen(schemes[i]);
        if (len <= at || strncasecmp(target, schemes[i], at) != 0)
            continue;
        while (at < len && target[at] != '/' && target[at] != '?')
            ++at;
        return at;
    }
    return 0;
}

void target_split(const char *target, size_t len, struct request_target *parts)
{
    const char *end = target + len, *path = target + origin_len(target, len);
    const char *question = path < end ? memchr(path, '?', (size_t)(end - path)) : NULL;

    *parts = (struct request_target){.path = path, .path_len = (size_t)((question != NULL ? question : end) - path)};
    if (parts->path_len == 0 && path != target) { /* "http://host" */
        parts->path = "/";
        parts->path_len = 1;
    }
    if (question != NULL) {
        parts->query = question + 1;
        parts->query_len = (size_t)(end - parts->query);
    }
}

static bool take_parameter(const char *pattern, const char *path, size_t len, struct route_match *match,
                           bool *malformed)
{
    const char *brace = strchr(pattern, '{');
    size_t fixed = brace != NULL ? (size_t)(brace - pattern) : strlen(pattern);
    if (brace == NULL)
        return len == fixed && memcmp(path, pattern, fixed) == 0;
    const char *rest = strchr(brace, '}') + 1;
    size_t rest_len = strlen(rest);
    if (len <= fixed + rest_len || memcmp(path, pattern, fixed) != 0 ||
        memcmp(path + len - rest_len, rest, rest_len) != 0)
        return false;
    const char *segment = path + fixed;
    size_t segment_len = len - fixed - rest_len;
    if (memchr(segment, '/', segment_len) != NULL)
        return false;
    int decoded = percent_decode(segment, segment_len, false, match->parameter, sizeof(match->parameter));
    *malformed = decoded < 0;
    match->parameter_len = decoded < 0 ? 0 : (size_t)decoded;
    return true;
}

bool route_find(const struct route *routes, size_t count, const char *path, size_t len, struct route_match *match)
{
    bool malformed = false;
    match->route = NULL;
    match->parameter[0] = '\0';
    match->parameter_len = 0;
    if (len > 1 && path[len - 1] == '/')
        --len;
    for (size_t i = 0; i < count && match->route == NULL; ++i) {
        if (take_parameter(routes[i].path, path, len, match, &malformed))
            match->route = &routes[i];
    }
    return !malformed;
}
