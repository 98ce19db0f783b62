/* http: http.get, http.post and http.put, which suspend the check's coroutine until the answer is there. */
#include "base/clock.h"
#include "base/duration.h"
#include "probe/sigv4.h"
#include "script/json_value.h"
#include "script/response.h"
#include "script/script_internal.h"
#include "script/secret.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Collects a request while errors may still be raised: everything it holds is anchored on the Lua stack, so that a
 * raised error leaks nothing. */
struct collecting {
    struct probe_request request;
    bool has_secret;
    int headers; /* stack index of an array of header lines, each a string or a secret */
    lua_Integer header_count;
    int body;       /* stack index of the body; 0 = none */
    int shown_body; /* stack index of what may be shown of it; 0 = as it is, unless it is a secret */
    bool is_signed; /* with: */
    struct sigv4_key key;
    char region[64], service[64];
};

static void refuse_line_breaks(lua_State *L, const char *bytes, size_t len, const char *what)
{
    if (memchr(bytes, '\r', len) != NULL || memchr(bytes, '\n', len) != NULL || memchr(bytes, '\0', len) != NULL)
        luaL_error(L, "http: a %s holds a line break or a zero byte", what);
}

static void add_header(lua_State *L, struct collecting *collecting)
{
    /* stack: ..., name, value */
    size_t len;
    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_error(L, "http: a header's name is a %s, expected a string", luaL_typename(L, -2));
    const char *name = lua_tolstring(L, -2, &len);
    refuse_line_breaks(L, name, len, "header's name");
    const struct secret *secret = secret_at(L, -1);
    if (secret != NULL) {
        refuse_line_breaks(L, secret->bytes, secret->len, "secret in a header");
        collecting->has_secret = true;
    } else if (lua_isstring(L, -1)) {
        const char *value = lua_tolstring(L, -1, &len);
        refuse_line_breaks(L, value, len, "header's value");
    } else {
        luaL_error(L, "http: header '%s' is a %s, expected a string, a number or a secret", name, luaL_typename(L, -1));
    }
    if (secret != NULL) {
        const char *prefix = lua_pushfstring(L, "%s: ", name);
        secret_push_prefixed(L, prefix, strlen(prefix), secret);
        lua_remove(L, -2);
    } else {
        lua_pushfstring(L, "%s: %s", name, lua_tostring(L, -1));
    }
    lua_rawseti(L, collecting->headers, ++collecting->header_count);
}

static void add_header_text(lua_State *L, struct collecting *collecting, const char *line)
{
    lua_pushstring(L, line);
    lua_rawseti(L, collecting->headers, ++collecting->header_count);
}

static void collect_headers(lua_State *L, int options, struct collecting *collecting)
{
    int type = lua_getfield(L, options, "headers");
    if (type == LUA_TTABLE) {
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
            add_header(L, collecting);
    } else if (type != LUA_TNIL) {
        luaL_error(L, "http: headers is a %s, expected a table of name = value", luaL_typename(L, -1));
    }
    lua_pop(L, 1);
}

static void append_form_encoded(struct buf *out, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)bytes[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                     c == '.' || c == '_' || c == '*';
        if (plain)
            buf_append_char(out, (char)c);
        else if (c == ' ')
            buf_append_char(out, '+');
        else
            buf_printf(out, "%%%02X", c);
    }
}

static void append_form_value(lua_State *L, int index, struct buf *out)
{
    const struct secret *secret = secret_at(L, index);
    size_t len;
    const char *bytes = secret != NULL ? secret->bytes : lua_tolstring(L, index, &len);
    append_form_encoded(out, bytes, secret != NULL ? secret->len : len);
}

static void append_form(lua_State *L, int table, struct buf *out, struct buf *shown)
{
    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
        const char *separator = out->len != 0 ? "&" : "";
        buf_append_text(out, separator);
        buf_append_text(shown, separator);
        append_form_value(L, -2, out);
        append_form_value(L, -2, shown);
        buf_append_char(out, '=');
        buf_append_char(shown, '=');
        append_form_value(L, -1, out);
        if (secret_at(L, -1) != NULL)
            buf_append_text(shown, "***");
        else
            append_form_value(L, -1, shown);
    }
}

/* Replaces the table on top by its application/x-www-form-urlencoded text (WHATWG URL standard), a secret when one is
 * in it, and pushes that text with "***" for the values of secrets. */
static void encode_form(lua_State *L)
{
    int table = lua_gettop(L);
    bool has_secret = false;
    struct buf out = BUF_EMPTY, shown = BUF_EMPTY;

    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) { /* first look, while nothing is held */
        bool is_secret = secret_at(L, -1) != NULL;
        has_secret |= is_secret;
        if (lua_type(L, -2) != LUA_TSTRING || (!is_secret && lua_type(L, -1) != LUA_TSTRING))
            luaL_error(L, "http: form holds a %s, expected name = string or secret", luaL_typename(L, -1));
    }
    append_form(L, table, &out, &shown);
    bool whole = buf_ok(&out) && buf_ok(&shown);
    if (whole && has_secret)
        secret_push(L, buf_text(&out), out.len, "");
    else if (whole)
        lua_pushlstring(L, buf_text(&out), out.len);
    if (whole)
        lua_pushlstring(L, buf_text(&shown), shown.len);
    if (out.bytes != NULL)
        explicit_bzero(out.bytes, out.len);
    buf_dispose(&out);
    buf_dispose(&shown);
    if (!whole)
        luaL_error(L, "http: out of memory for a form");
    lua_insert(L, table);
    lua_replace(L, table + 1);
}

static void collect_body(lua_State *L, int options, struct collecting *collecting)
{
    if (lua_getfield(L, options, "json") != LUA_TNIL) {
        json_value_encode(L, -1);
        lua_replace(L, -2);
        add_header_text(L, collecting, "Content-Type: application/json");
    } else if (lua_pop(L, 1), lua_getfield(L, options, "form") != LUA_TNIL) {
        luaL_checktype(L, -1, LUA_TTABLE);
        encode_form(L);
        collecting->shown_body = lua_gettop(L) - 1;
        add_header_text(L, collecting, "Content-Type: application/x-www-form-urlencoded");
    } else if (lua_pop(L, 1), lua_getfield(L, options, "body") != LUA_TNIL) {
        if (secret_at(L, -1) == NULL)
            luaL_checkstring(L, -1);
    } else {
        lua_pop(L, 1);
        return;
    }
    collecting->body = lua_gettop(L);
    collecting->has_secret |= secret_at(L, -1) != NULL;
}

/* -- options -- */

/* The text or secret on top of the stack, which must stay there as long as the bytes are used. */
static const char *text_or_secret(lua_State *L, const char *what, size_t *len)
{
    const struct secret *secret = secret_at(L, -1);
    if (secret != NULL) {
        *len = secret->len;
        return secret->bytes;
    }
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "http: aws_sigv4.%s is a %s, expected a string or a secret", what, luaL_typename(L, -1));
    return lua_tolstring(L, -1, len);
}

/* Leaves what the key points to on the stack. */
static void collect_signing(lua_State *L, int options, struct collecting *collecting)
{
    if (lua_getfield(L, options, "aws_sigv4") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    int table = lua_gettop(L), read = 0;
    if (!lua_istable(L, table))
        luaL_error(L, "http: aws_sigv4 is a %s, expected { provider = ..., id = ..., secret = ..., token = ... }",
                   luaL_typename(L, table));
    lua_getfield(L, table, "provider");
    const char *provider = lua_tostring(L, -1);
    if (provider == NULL ||
        sscanf(provider, "aws:amz:%63[a-z0-9-]:%63[a-z0-9-]%n", collecting->region, collecting->service, &read) != 2 ||
        provider[read] != '\0')
        luaL_error(L, "http: aws_sigv4.provider is '%s', expected \"aws:amz:REGION:SERVICE\"",
                   provider != NULL ? provider : luaL_typename(L, -1));
    lua_getfield(L, table, "token");
    if (!lua_isnil(L, -1)) {
        if (secret_at(L, -1) == NULL)
            luaL_error(L, "http: aws_sigv4.token is a %s, expected a secret", luaL_typename(L, -1));
        lua_pushliteral(L, "X-Amz-Security-Token");
        lua_insert(L, -2);
        add_header(L, collecting);
    }
    lua_getfield(L, table, "id");
    collecting->key.id = text_or_secret(L, "id", &collecting->key.id_len);
    refuse_line_breaks(L, collecting->key.id, collecting->key.id_len, "aws_sigv4.id");
    lua_getfield(L, table, "secret");
    if (secret_at(L, -1) == NULL)
        luaL_error(L, "http: aws_sigv4.secret is a %s, expected a secret", luaL_typename(L, -1));
    collecting->key.secret = text_or_secret(L, "secret", &collecting->key.secret_len);
    collecting->is_signed = collecting->has_secret = true;
}

static int64_t timeout_option_ms(lua_State *L, int options, int64_t most_ms)
{
    int64_t ms = most_ms;
    int type = lua_getfield(L, options, "timeout");
    if (type == LUA_TNUMBER) {
        lua_Number seconds = lua_tonumber(L, -1);
        luaL_argcheck(L, seconds > 0 && seconds < 1e6, options, "timeout must be positive");
        ms = (int64_t)(seconds * 1000);
    } else if (type == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        if (duration_parse_ms(text, len, &ms) != 0 || ms <= 0)
            luaL_error(L, "http: timeout is '%s', expected a duration such as \"5s\"", text);
    } else if (type != LUA_TNIL) {
        luaL_error(L, "http: timeout is a %s, expected seconds or a duration such as \"5s\"", luaL_typename(L, -1));
    }
    lua_pop(L, 1);
    return ms < most_ms ? ms : most_ms;
}

static void collect_options(lua_State *L, int options, struct collecting *collecting, const struct script *script,
                            int64_t most_ms)
{
    static const char *const keeps[] = {"errors", "always", "never", NULL};
    struct probe_request *request = &collecting->request;

    request->timeout_ms = timeout_option_ms(L, options, most_ms);
    request->max_received = script->max_answer_bytes;
    collect_headers(L, options, collecting);

    lua_getfield(L, options, "keep");
    if (lua_isnil(L, -1)) {
        request->keep = PROBE_KEEP_ERRORS;
    } else {
        const char *keep = lua_tostring(L, -1);
        int i = 0;
        while (keeps[i] != NULL && (keep == NULL || strcmp(keep, keeps[i]) != 0))
            ++i;
        if (keeps[i] == NULL)
            luaL_error(L, "http: keep must be \"errors\", \"always\" or \"never\"");
        request->keep = (enum probe_keep)i;
    }
    lua_pop(L, 1);

    lua_getfield(L, options, "stream");
    request->stream = lua_toboolean(L, -1);
    lua_pop(L, 1);

    if (lua_getfield(L, options, "expect") != LUA_TNIL) {
        const char *expect = lua_tostring(L, -1);
        if (expect == NULL || strcmp(expect, "json") != 0)
            luaL_error(L, "http: expect must be \"json\"");
        request->expect_json = true;
    }
    lua_pop(L, 1);

    if (lua_getfield(L, options, "max_body") != LUA_TNIL) {
        lua_Integer most = lua_tointeger(L, -1);
        if (most <= 0)
            luaL_error(L, "http: max_body must be a positive number of bytes");
        request->max_received = (size_t)most;
    }
    lua_pop(L, 1);
    collect_body(L, options, collecting);
    collect_signing(L, options, collecting);
}

/* -- sending -- */

/* One userdata holds the pointers and the opened lines, and room for those of a signature; the prober copies them, then
 * it is wiped. */
static const char **header_lines(lua_State *L, struct collecting *collecting)
{
    size_t bytes = 0, count = (size_t)collecting->header_count;
    for (lua_Integer i = 1; i <= collecting->header_count; ++i) {
        lua_rawgeti(L, collecting->headers, i);
        const struct secret *secret = secret_at(L, -1);
        bytes += (secret != NULL ? secret->len : lua_rawlen(L, -1)) + 1;
        lua_pop(L, 1);
    }
    const char **lines = lua_newuserdatauv(L, (count + 2) * sizeof(char *) + bytes + 1, 0);
    char *end = (char *)(lines + count + 2);
    for (size_t i = 0; i < count; ++i) {
        lua_rawgeti(L, collecting->headers, (lua_Integer)i + 1);
        const struct secret *secret = secret_at(L, -1);
        size_t len;
        const char *text = secret != NULL ? secret->bytes : lua_tolstring(L, -1, &len);
        if (secret != NULL)
            len = secret->len;
        lines[i] = end;
        memcpy(end, text, len);
        end[len] = '\0';
        end += len + 1;
        lua_pop(L, 1);
    }
    return lines;
}

static void wipe_lines(const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        explicit_bzero((char *)(uintptr_t)lines[i], strlen(lines[i]));
}

/* Notes the request for who wants to see it later, without its secrets. */
static void show_request(lua_State *L, const struct collecting *collecting, struct exchange *exchange,
                         const char *shown_url)
{
    const struct probe_request *request = &collecting->request;
    char user_agent[512];

    exchange_begin(exchange, request->post, shown_url);
    int len = snprintf(user_agent, sizeof(user_agent), "User-Agent: %s", request->user_agent);
    if (len > 0 && (size_t)len < sizeof(user_agent))
        exchange_header(exchange, user_agent, (size_t)len, false);
    for (size_t i = 0; i < request->header_count; ++i) {
        bool added = i >= (size_t)collecting->header_count; /* a signature's */
        lua_rawgeti(L, collecting->headers, (lua_Integer)i + 1);
        bool hidden = secret_at(L, -1) != NULL || (added && strncmp(request->headers[i], "Authorization:", 14) == 0);
        exchange_header(exchange, request->headers[i], strlen(request->headers[i]), hidden);
        lua_pop(L, 1);
    }
    if (collecting->shown_body != 0) {
        size_t shown;
        const char *text = lua_tolstring(L, collecting->shown_body, &shown);
        exchange_body(exchange, text, shown);
    } else if (collecting->body != 0 && secret_at(L, collecting->body) != NULL) {
        exchange_body(exchange, "***", 3);
    } else {
        exchange_body(exchange, request->body, request->body_len);
    }
}

/* Adds a signature to the lines, in the room that header_lines left. */
static bool sign(struct collecting *collecting, const char **lines, struct sigv4_lines *added, char *error,
                 size_t error_size)
{
    struct probe_request *request = &collecting->request;
    struct sigv4_request to_sign = {
        .post = request->post,
        .url = request->url,
        .headers = lines,
        .header_count = request->header_count,
        .body = request->body,
        .body_len = request->body_len,
        .region = collecting->region,
        .service = collecting->service,
        .now_s = clock_wall_us() / 1000000,
    };
    if (sigv4_sign(&to_sign, &collecting->key, added, error, error_size) != 0)
        return false;
    lines[request->header_count++] = added->date;
    lines[request->header_count++] = added->authorization;
    return true;
}

int64_t http_time_left_ms(const struct check *check)
{
    uint64_t now_us = clock_monotonic_us();
    return check->deadline_us > now_us ? (int64_t)((check->deadline_us - now_us + 999) / 1000) : 1;
}

static int push_response(lua_State *L)
{
    struct probe_answer *answer = ((void **)lua_touserdata(L, 1))[0];
    const struct check *check = ((void **)lua_touserdata(L, 1))[1];
    response_push(L, answer, check->url);
    return 1;
}

static void on_answer(struct probe_answer *answer, void *user)
{
    struct check *check = user;
    struct sandbox *sandbox = check->script->sandbox;
    void *arguments[] = {answer, check};
    char error[VERDICT_MESSAGE_MAX];

    check->probe = NULL;
    check->deadline_us += answer->waited_us;
    check->phases = answer->phases;
    check->http_status = answer->status;
    exchange_end(&check->exchange, answer);
    if (check->order.trace != NULL)
        exchange_print(check->order.trace, &check->exchange, check->script->redactor);
    if (sandbox_protect(sandbox, push_response, arguments, 1, error, sizeof(error)) != 0) {
        check_fail(check, error);
        return;
    }
    lua_State *L = sandbox_state(sandbox);
    if (!lua_checkstack(check->coroutine, 1)) {
        lua_pop(L, 1);
        check_fail(check, "not enough memory");
        return;
    }
    lua_xmove(L, check->coroutine, 1);
    check_resume(check, 1);
}

void http_start_probe(lua_State *L, struct check *check, const struct probe_request *request, const char *shown_url)
{
    char error[256] = "out of memory for a request";
    free(check->url);
    check->url = strdup(shown_url);
    if (check->url != NULL)
        check->probe = prober_start(check->script->prober, request, on_answer, check, error, sizeof(error));
    if (check->probe == NULL)
        luaL_error(L, "%s", error);
}

struct check *http_running_check(lua_State *L, const char *function)
{
    struct check *check = script_of(L)->running;
    if (check == NULL || check->coroutine != L)
        luaL_error(L, "%s works only inside probe() and other functions that the daemon calls", function);
    if (++check->requests > SCRIPT_REQUESTS_MAX)
        luaL_error(L, "more than %d requests in one check", SCRIPT_REQUESTS_MAX);
    return check;
}

/* Signs and sends what was collected, and wipes it. Raises when that cannot be done. */
static void start_request(lua_State *L, struct check *check, struct collecting *collecting, const char **lines,
                          const char *shown_url)
{
    struct probe_request *request = &collecting->request;
    struct sigv4_lines signature = {"", ""};
    char error[256] = "out of memory for a request";

    free(check->url);
    check->url = strdup(shown_url);
    if (check->url != NULL && (!collecting->is_signed || sign(collecting, lines, &signature, error, sizeof(error)))) {
        show_request(L, collecting, &check->exchange, shown_url);
        check->probe = prober_start(check->script->prober, request, on_answer, check, error, sizeof(error));
    }
    wipe_lines(lines, request->header_count);
    if (check->probe == NULL)
        luaL_error(L, "http: %s", error);
}

/* The URL at index 1. That of a plugin may be a secret: the address that a chat service gave out for its messages. The
 * string is put in its place. */
static const char *take_url(lua_State *L, const struct script *script, bool *is_secret)
{
    const struct secret *secret = secret_at(L, 1);
    *is_secret = secret != NULL;
    if (secret == NULL)
        return luaL_checkstring(L, 1);
    if (script->provider_count == 0 || !script->providers[0].is_plugin)
        luaL_error(L, "http: the URL holds a secret, which would land in logs on its way; send it in a header");
    lua_pushlstring(L, secret->bytes, secret->len);
    lua_replace(L, 1);
    return lua_tostring(L, 1);
}

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT };

static int http_request(lua_State *L, enum http_method method)
{
    static const char *const names[] = {[HTTP_GET] = "http.get", [HTTP_POST] = "http.post", [HTTP_PUT] = "http.put"};
    struct script *script = script_of(L);
    struct collecting collecting = {.request = {.post = method != HTTP_GET, .put = method == HTTP_PUT}};
    bool secret_url;

    const char *url = take_url(L, script, &secret_url);
    struct check *check = http_running_check(L, names[method]);
    if (lua_isnoneornil(L, 2)) {
        lua_settop(L, 1);
        lua_newtable(L);
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    refuse_line_breaks(L, url, strlen(url), "URL");
    lua_newtable(L);
    collecting.headers = 3;
    collect_options(L, 2, &collecting, script, http_time_left_ms(check));
    if (collecting.has_secret && !secret_url && !provider_may_receive_secrets(check->provider, url))
        return luaL_error(L, "a secret may not go to %s: '%s' declares only %s as origin (base_url, origins)", url,
                          check->provider->name,
                          check->provider->origins[0] != NULL ? check->provider->origins[0] : "nothing");

    struct probe_request *request = &collecting.request;
    const char **lines = header_lines(L, &collecting);
    request->url = url;
    request->user_agent = check->provider->user_agent;
    request->headers = lines;
    request->header_count = (size_t)collecting.header_count;
    if (collecting.body != 0) {
        const struct secret *secret = secret_at(L, collecting.body);
        request->body = secret != NULL ? secret->bytes : lua_tolstring(L, collecting.body, &request->body_len);
        if (secret != NULL)
            request->body_len = secret->len;
    }
    start_request(L, check, &collecting, lines, secret_url ? "***" : url);
    return lua_yield(L, 0);
}

static int http_get(lua_State *L)
{
    return http_request(L, HTTP_GET);
}

static int http_post(lua_State *L)
{
    return http_request(L, HTTP_POST);
}

static int http_put(lua_State *L)
{
    return http_request(L, HTTP_PUT);
}

void http_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"get", http_get}, {"post", http_post}, {"put", http_put}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setglobal(L, "http");
}
