#include "tokens.h"

#include "bodies.h"
#include "dialect.h"
#include "value.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char issued_prefix[] = "sim-gemini_cli-issued-"; /* then NUMBER-MS, the moment that it ends at */
static const char short_lived[] = "-expires-"; /* after the refresh token, with seconds: another account */

enum { TOKEN_LIFE_S = 3599 };

bool tokens_are_good(const struct call *call, h2o_iovec_t token)
{
    char text[64];
    if (h2o_memis(token.base, token.len, gemini_cli_access_token, strlen(gemini_cli_access_token)))
        return true;
    if (token.len >= sizeof(text) || token.len < sizeof(issued_prefix) ||
        memcmp(token.base, issued_prefix, sizeof(issued_prefix) - 1) != 0)
        return false;
    memcpy(text, token.base, token.len);
    text[token.len] = '\0';
    char *rest;
    unsigned long number = strtoul(text + sizeof(issued_prefix) - 1, &rest, 10);
    return number >= 1 && number <= call->simulator->tokens_issued && *rest == '-' &&
           strtoull(rest + 1, NULL, 10) > clock_monotonic_ms();
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* application/x-www-form-urlencoded. */
static h2o_iovec_t unescape(h2o_mem_pool_t *pool, const char *at, size_t len)
{
    h2o_iovec_t out = h2o_iovec_init(h2o_mem_alloc_pool(pool, len + 1), 0);
    for (size_t i = 0; i < len; i++) {
        bool escaped = at[i] == '%' && len - i > 2 && hex_digit(at[i + 1]) >= 0 && hex_digit(at[i + 2]) >= 0;
        char c = escaped ? (char)(hex_digit(at[i + 1]) * 16 + hex_digit(at[i + 2])) : at[i] == '+' ? ' ' : at[i];
        out.base[out.len++] = c;
        i += escaped ? 2 : 0;
    }
    return out;
}

/* The value of a field of this form, percent-decoded; .base NULL when it is not there. */
static h2o_iovec_t form_value(h2o_req_t *req, const char *name)
{
    size_t name_len = strlen(name);
    const char *at = req->entity.base, *end = at + req->entity.len;
    while (at != NULL && at < end) {
        const char *field_end = memchr(at, '&', (size_t)(end - at));
        size_t len = (size_t)((field_end != NULL ? field_end : end) - at);
        if (len > name_len && memcmp(at, name, name_len) == 0 && at[name_len] == '=')
            return unescape(&req->pool, at + name_len + 1, len - name_len - 1);
        at = field_end != NULL ? field_end + 1 : NULL;
    }
    return h2o_iovec_init(NULL, 0);
}

static bool form_has(h2o_req_t *req, const char *name, const char *value)
{
    h2o_iovec_t found = form_value(req, name);
    return h2o_memis(found.base, found.len, value, strlen(value));
}

/* How long access tokens for this refresh token last, in seconds; -1 when it is not one of ours. */
static long life_of_account(h2o_iovec_t token)
{
    size_t plain = strlen(gemini_cli_refresh_token), mark = sizeof(short_lived) - 1;
    if (token.len < plain || memcmp(token.base, gemini_cli_refresh_token, plain) != 0)
        return -1;
    token = h2o_iovec_init(token.base + plain, token.len - plain);
    if (token.len == 0)
        return TOKEN_LIFE_S;
    if (token.len <= mark || token.len > mark + 6 || memcmp(token.base, short_lived, mark) != 0)
        return -1;
    size_t seconds = h2o_strtosize(token.base + mark, token.len - mark);
    return seconds == SIZE_MAX ? -1 : (long)seconds;
}

static struct answer refuse(int status, const char *text)
{
    struct answer answer = bodies_json(text);
    answer.status = status;
    return answer;
}

static struct answer issue(const struct call *call, long life_s)
{
    enum { TEXT_MAX = 320 };
    char *text = h2o_mem_alloc_pool(&call->req->pool, TEXT_MAX);
    snprintf(text, TEXT_MAX,
             "{\"access_token\":\"%s%u-%llu\",\"expires_in\":%ld,"
             "\"scope\":\"https://www.googleapis.com/auth/cloud-platform\",\"token_type\":\"Bearer\"}",
             issued_prefix, ++call->simulator->tokens_issued,
             (unsigned long long)clock_monotonic_ms() + (unsigned long long)life_s * 1000, life_s);
    return bodies_json(text);
}

/* One part of a JSON Web Token, as JSON; NULL when it is none. Ends at a dot, and moves beyond it. */
static const struct value *read_part(h2o_mem_pool_t *pool, h2o_iovec_t *token)
{
    char error[VALUE_ERROR_MAX];
    const char *dot = token->len != 0 ? memchr(token->base, '.', token->len) : NULL;
    if (dot == NULL)
        return NULL;
    h2o_iovec_t part = h2o_decode_base64url(pool, token->base, (size_t)(dot - token->base));
    *token = h2o_iovec_init(dot + 1, token->len - (size_t)(dot + 1 - token->base));
    return part.base != NULL ? value_read(pool, part, error) : NULL;
}

/* Header, claims and signature; the claims are those that Google wants of a service account, and hold for now. */
static bool assertion_is_good(const struct call *call, h2o_iovec_t token)
{
    h2o_mem_pool_t *pool = &call->req->pool;
    const struct value *header = read_part(pool, &token), *claims = read_part(pool, &token);
    h2o_iovec_t algorithm = value_text(value_member(header, "alg"));
    double now_s = (double)clock_wall_ms() / 1000;
    double issued = value_number(value_member(claims, "iat"), 0), ends = value_number(value_member(claims, "exp"), 0);
    return h2o_memis(algorithm.base, algorithm.len, H2O_STRLIT("RS256")) &&
           value_text(value_member(claims, "iss")).len != 0 && value_text(value_member(claims, "aud")).len != 0 &&
           value_text(value_member(claims, "scope")).len != 0 && issued <= now_s + 300 && ends > now_s &&
           ends - issued <= 3600 && h2o_decode_base64url(pool, token.base, token.len).len >= 128;
}

struct answer tokens_endpoint(const struct call *call)
{
    h2o_req_t *req = call->req;
    if (form_has(req, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")) {
        if (assertion_is_good(call, form_value(req, "assertion")))
            return issue(call, TOKEN_LIFE_S);
        return refuse(400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}");
    }
    long life_s = life_of_account(form_value(req, "refresh_token"));
    if (!form_has(req, "grant_type", "refresh_token"))
        return refuse(400, "{\"error\":\"unsupported_grant_type\",\"error_description\":\"Invalid grant_type\"}");
    if (!form_has(req, "client_id", oauth_client_id) || !form_has(req, "client_secret", oauth_client_secret))
        return refuse(401, "{\"error\":\"invalid_client\",\"error_description\":\"The OAuth client was not found.\"}");
    if (life_s < 0)
        return refuse(400,
                      "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}");
    return issue(call, life_s);
}
