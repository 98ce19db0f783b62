#include "serve/gate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char USER[] = "token"; /* the variable of a request that says whose token it has */

/* -- the page that asks -- */

static const h2o_iovec_t *find_header(const h2o_req_t *req, const char *name)
{
    ssize_t at = h2o_find_header_by_str(&req->headers, name, strlen(name), -1);
    return at != -1 ? &req->headers.entries[at].value : NULL;
}

/* "https://example.org" is the origin of our own pages when we are asked as example.org. */
static bool is_own_origin(const h2o_req_t *req, const h2o_iovec_t *origin)
{
    const char *slashes = origin->len > 3 ? memmem(origin->base, origin->len, "://", 3) : NULL;
    if (slashes == NULL)
        return false;
    const char *host = slashes + 3;
    size_t len = origin->len - (size_t)(host - origin->base);
    return len == req->input.authority.len && strncasecmp(host, req->input.authority.base, len) == 0;
}

static void answer_preflight(struct request *request)
{
    struct buf none = BUF_EMPTY;
    reply_add_header(request, "access-control-allow-methods", "GET, HEAD, POST");
    reply_add_header(request, "access-control-allow-headers",
                     "authorization, content-type, if-none-match, last-event-id");
    reply_add_header(request, "access-control-max-age", "600");
    reply_json(request, 204, &none);
}

/* False when it has been answered. */
static bool origin_passes(struct request *request, const struct access *access)
{
    const h2o_req_t *req = request->req;
    const h2o_iovec_t *origin = find_header(req, "origin");
    char value[256];
    if (origin == NULL)
        return true;
    bool allowed = access_allows_origin(access, origin->base, origin->len);
    if (allowed && origin->len < sizeof(value)) {
        snprintf(value, sizeof(value), "%.*s", (int)origin->len, origin->base);
        reply_add_header(request, "access-control-allow-origin", value);
        reply_add_header(request, "access-control-expose-headers", "etag, link, retry-after");
        reply_add_header(request, "vary", "origin");
        if (request_is_method(request, "OPTIONS") && find_header(req, "access-control-request-method") != NULL) {
            answer_preflight(request);
            return false;
        }
    }
    if (allowed || is_own_origin(req, origin) || !request_is_method(request, "POST"))
        return true;
    reply_error(request, 403, "pages of '%.*s' may not ask for this; `cors` in the configuration lists who may",
                (int)(origin->len < 100 ? origin->len : 100), origin->base);
    return false;
}

/* -- the token -- */

static void note_user(h2o_req_t *req, const char *user)
{
    h2o_vector_reserve(&req->pool, &req->env, req->env.size + 2);
    req->env.entries[req->env.size++] = h2o_iovec_init(USER, sizeof(USER) - 1);
    req->env.entries[req->env.size++] = h2o_strdup(&req->pool, user, SIZE_MAX);
}

const char *gate_user(const h2o_req_t *req)
{
    for (size_t i = 0; i + 1 < req->env.size; i += 2) {
        if (req->env.entries[i].base == USER)
            return req->env.entries[i + 1].base;
    }
    return "";
}

static void refuse(struct request *request, const struct access_decision *decision, enum token_scope wanted)
{
    char seconds[24];
    switch (decision->answer) {
    case ACCESS_GRANTED:
        break;
    case ACCESS_TOO_LITTLE:
        reply_error(request, 403, "this token is not enough: '%s' is wanted", token_scope_name(wanted));
        break;
    case ACCESS_TOO_OFTEN:
        snprintf(seconds, sizeof(seconds), "%lld", (long long)(decision->retry_after_us + 999999) / 1000000);
        reply_add_header(request, "retry-after", seconds);
        reply_error(request, 429, "this token has had its requests of a minute; there is another in %s s", seconds);
        break;
    case ACCESS_NO_TOKEN:
        reply_add_header(request, "www-authenticate", "Bearer realm=\"providerd\"");
        reply_error(request, 401, "expected \"Authorization: Bearer TOKEN\" with a token of this daemon");
        break;
    case ACCESS_WRONG_TOKEN:
        reply_add_header(request, "www-authenticate", "Bearer realm=\"providerd\", error=\"invalid_token\"");
        reply_error(request, 401, "this token is none of this daemon's");
        break;
    }
}

static bool token_passes(struct request *request, const struct route *route, struct access *access)
{
    if (route == NULL || route->open || (route->published && access_publishes(access, request->match.parameter)))
        return true;
    enum token_scope wanted = route->scope != 0                    ? (enum token_scope)route->scope
                              : (route->methods & ROUTE_POST) != 0 ? TOKEN_ADMIN
                                                                   : TOKEN_READ;
    const h2o_iovec_t *sent = find_header(request->req, "authorization");
    struct access_decision decision =
        access_check(access, sent != NULL ? sent->base : NULL, sent != NULL ? sent->len : 0, wanted);
    if (decision.token[0] != '\0')
        note_user(request->req, decision.token);
    refuse(request, &decision, wanted);
    return decision.answer == ACCESS_GRANTED;
}

bool gate_passes(struct request *request, const struct route *route)
{
    const h2o_req_t *req = request->req;
    struct access *access = request->thread->access;
    if (access == NULL)
        return true;
    if (!access_knows_host(access, req->input.authority.base, req->input.authority.len)) {
        reply_error(request, 421, "'%.*s' is none of this daemon's names; `hosts` in the configuration lists them",
                    (int)(req->input.authority.len < 100 ? req->input.authority.len : 100), req->input.authority.base);
        return false;
    }
    return origin_passes(request, access) && token_passes(request, route, access);
}
