#include "keys.h"

#include "dialect.h"
#include "tokens.h"

#include <stdio.h>
#include <string.h>

static h2o_iovec_t header_value(const h2o_req_t *req, const char *name)
{
    ssize_t at = h2o_find_header_by_str(&req->headers, name, strlen(name), -1);
    return at != -1 ? req->headers.entries[at].value : h2o_iovec_init(NULL, 0);
}

/* Which header holds a key beside or instead of Authorization, and whether that is looked at too. */
static const struct key_header {
    enum family family;
    const char *name;
    bool or_bearer;
} key_headers[] = {
    {FAMILY_GEMINI, "x-goog-api-key", false}, {FAMILY_ANTHROPIC, "x-api-key", true},
    {FAMILY_AZURE, "api-key", true},          {FAMILY_VERTEX, "x-goog-api-key", true},
    {FAMILY_G4F, "g4f-api-key", true},        {FAMILY_G4F_HOSTED, "g4f-api-key", true},
};

h2o_iovec_t keys_sent(const struct call *call)
{
    static const char bearer[] = "Bearer ";
    for (size_t i = 0; i < sizeof(key_headers) / sizeof(key_headers[0]); i++) {
        if (key_headers[i].family != call->dialect->family)
            continue;
        h2o_iovec_t key = header_value(call->req, key_headers[i].name);
        if (key.base != NULL || !key_headers[i].or_bearer)
            return key;
    }
    h2o_iovec_t value = header_value(call->req, "authorization");
    if (call->dialect->family == FAMILY_BEDROCK && value.len > 4 && memcmp(value.base, "AWS4", 4) == 0)
        return value;
    if (value.base == NULL || value.len < sizeof(bearer) || memcmp(value.base, bearer, sizeof(bearer) - 1) != 0)
        return h2o_iovec_init(NULL, 0);
    return h2o_iovec_init(value.base + sizeof(bearer) - 1, value.len - (sizeof(bearer) - 1));
}

/* Are there `count` characters of the set, and then `after`? Moves beyond both. */
static bool take(const char **at, const char *set, size_t count, const char *after)
{
    size_t len = strspn(*at, set), after_len = strlen(after);
    if (len == 0 || (count != 0 && len != count) || strncmp(*at + len, after, after_len) != 0)
        return false;
    *at += len + after_len;
    return true;
}

/* "AWS4-HMAC-SHA256 Credential=ID/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date,
 * Signature=64 hex digits" (AWS General Reference, Signature Version 4). */
static bool signature_is_good(const struct call *call, h2o_iovec_t value)
{
    static const char region[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    char *text = h2o_strdup(&call->req->pool, value.base, value.len).base;
    h2o_iovec_t date = header_value(call->req, "x-amz-date");
    char start[128];
    int len = snprintf(start, sizeof(start), "AWS4-HMAC-SHA256 Credential=%s/", aws_access_key_id);
    if (strncmp(text, start, (size_t)len) != 0 || date.len != strlen("20261123T000000Z"))
        return false;
    const char *at = text + len, *day = at;
    if (!take(&at, "0123456789", 8, "/") || strncmp(day, date.base, 8) != 0 ||
        !take(&at, region, 0, "/bedrock/aws4_request,"))
        return false;
    at += strspn(at, " ");
    if (strncmp(at, "SignedHeaders=", 14) != 0)
        return false;
    const char *names = at += 14;
    at += strcspn(at, ",");
    const char *host = strstr(names, "host"), *dated = strstr(names, "x-amz-date");
    if (host == NULL || host > at || dated == NULL || dated > at || *at != ',')
        return false;
    at++;
    at += strspn(at, " ");
    if (strncmp(at, "Signature=", 10) != 0)
        return false;
    at += 10;
    return take(&at, "0123456789abcdef", 64, "") && *at == '\0';
}

static bool key_is_good(const struct call *call, h2o_iovec_t key)
{
    char expected[UPSTREAM_NAME_MAX + 32];
    enum family family = call->dialect->family;
    if (family == FAMILY_CODE_ASSIST)
        return tokens_are_good(call, key);
    if (family == FAMILY_VERTEX && tokens_are_good(call, key))
        return true;
    if (family == FAMILY_BEDROCK && key.len > 4 && memcmp(key.base, "AWS4", 4) == 0)
        return signature_is_good(call, key);
    int len = snprintf(expected, sizeof(expected), "sim-%s-key-0123456789", call->upstream->name);
    return h2o_memis(key.base, key.len, expected, (size_t)len);
}

/* Those that ask for none, but refuse a wrong one. */
static bool key_is_optional(enum family family)
{
    return family == FAMILY_G4F || family == FAMILY_G4F_HOSTED || family == FAMILY_OLLAMA || family == FAMILY_LMSTUDIO;
}

enum error_cause keys_check(const struct call *call)
{
    h2o_iovec_t key = keys_sent(call);
    if (key.base == NULL)
        return key_is_optional(call->dialect->family) ? CAUSE_ANY : CAUSE_KEY_MISSING;
    return key_is_good(call, key) ? CAUSE_ANY : CAUSE_KEY_WRONG;
}
