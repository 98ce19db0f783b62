#include "control.h"

#include "record.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

static const char behaviour_path[] = "/_sim/behaviour/";

static void send_error(h2o_req_t *req, int status, const char *message)
{
    struct buf text = BUF_EMPTY;
    struct json j = json_begin(&text);
    json_object(&j);
    json_key(&j, "error");
    json_text(&j, message);
    json_end(&j);
    h2o_iovec_t copy = h2o_strdup(&req->pool, buf_text(&text), text.len);
    buf_dispose(&text);
    server_send_text(req, status, "application/json", copy.base, copy.len);
}

static void send_done(h2o_req_t *req)
{
    server_send_text(req, 200, "application/json", H2O_STRLIT("{\"ok\":true}"));
}

static void send_json(h2o_req_t *req, struct buf *text)
{
    if (!buf_ok(text)) {
        buf_dispose(text);
        send_error(req, 500, "out of memory");
        return;
    }
    h2o_iovec_t copy = h2o_strdup(&req->pool, buf_text(text), text->len);
    buf_dispose(text);
    server_send_text(req, 200, "application/json", copy.base, copy.len);
}

static h2o_iovec_t body_of(const h2o_req_t *req)
{
    return req->entity.base != NULL ? req->entity : h2o_iovec_init("", 0);
}

static void set_behaviour(struct simulator *simulator, h2o_req_t *req, h2o_iovec_t name)
{
    struct behaviour behaviour;
    char error[BEHAVIOUR_ERROR_MAX];
    h2o_iovec_t body = body_of(req);
    if (!behaviour_parse(body.base, body.len, &behaviour, error))
        send_error(req, 400, error);
    else if (!stage_set(simulator->stage, name.base, name.len, &behaviour))
        send_error(req, 400, "the path needs a provider's name (letters, digits, \"_.-\") or \"*\" after /behaviour/");
    else
        send_done(req);
}

static void get_behaviour(struct simulator *simulator, h2o_req_t *req, h2o_iovec_t name)
{
    const struct upstream *upstream = stage_find(simulator->stage, name.base, name.len);
    if (upstream == NULL) {
        send_error(req, 404, "no provider of this name has been met");
        return;
    }
    char *text = h2o_mem_alloc_pool(&req->pool, BEHAVIOUR_TEXT_MAX);
    behaviour_format(&upstream->behaviour, text);
    server_send_text(req, 200, "text/plain", text, strlen(text));
}

static void set_scenario(struct simulator *simulator, h2o_req_t *req)
{
    char error[SCENARIO_ERROR_MAX];
    h2o_iovec_t body = body_of(req);
    if (!stage_script(simulator->stage, "scenario", body.base, body.len, clock_monotonic_ms(), error)) {
        send_error(req, 400, error);
        return;
    }
    server_play_script(simulator);
    send_done(req);
}

/* The value of `name` in the query as a C string in the request's pool; NULL when it is not there. */
static const char *parameter(h2o_req_t *req, const char *name)
{
    size_t name_len = strlen(name);
    const char *at = req->query_at != SIZE_MAX ? req->path.base + req->query_at + 1 : NULL;
    const char *end = req->path.base + req->path.len;
    while (at != NULL && at < end) {
        const char *field_end = memchr(at, '&', (size_t)(end - at));
        size_t len = (size_t)((field_end != NULL ? field_end : end) - at);
        if (len > name_len && memcmp(at, name, name_len) == 0 && at[name_len] == '=')
            return h2o_strdup(&req->pool, at + name_len + 1, len - name_len - 1).base;
        at = field_end != NULL ? field_end + 1 : NULL;
    }
    return NULL;
}

static void send_requests(struct simulator *simulator, h2o_req_t *req)
{
    struct buf text = BUF_EMPTY;
    const char *since = parameter(req, "since");
    if (simulator->record == NULL) {
        send_error(req, 404, "requests are not recorded: the simulator was started with --no-record");
        return;
    }
    record_write(simulator->record, parameter(req, "provider"), since != NULL ? strtoull(since, NULL, 10) : 0, &text);
    send_json(req, &text);
}

static void send_stats(struct simulator *simulator, h2o_req_t *req)
{
    struct buf text = BUF_EMPTY;
    struct json j = json_begin(&text);
    json_object(&j);
    json_key(&j, "providers");
    json_object(&j);
    for (size_t i = 0; i < stage_count(simulator->stage); i++) {
        const struct upstream *upstream = stage_at(simulator->stage, i);
        json_key(&j, upstream->name);
        json_object(&j);
        json_key(&j, "requests");
        json_uint(&j, upstream->requests);
        json_key(&j, "connections");
        json_uint(&j, upstream->connections);
        json_key(&j, "in_flight");
        json_uint(&j, upstream->in_flight);
        json_key(&j, "max_in_flight");
        json_uint(&j, upstream->max_in_flight);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    send_json(req, &text);
}

static void reset(struct simulator *simulator, h2o_req_t *req)
{
    stage_reset(simulator->stage);
    if (simulator->record != NULL)
        record_clear(simulator->record);
    for (struct connection *c = simulator->connections; c != NULL; c = c->next)
        memset(c->seen, 0, sizeof(c->seen));
    server_play_script(simulator);
    send_done(req);
}

static bool is(h2o_iovec_t text, const char *expected)
{
    return h2o_memis(text.base, text.len, expected, strlen(expected));
}

bool control_handle(struct simulator *simulator, h2o_req_t *req)
{
    h2o_iovec_t path = req->path_normalized, method = req->input.method;
    size_t prefix = sizeof(behaviour_path) - 1;
    if (path.len < 5 || memcmp(path.base, "/_sim", 5) != 0 || (path.len > 5 && path.base[5] != '/'))
        return false;
    if (req->conn->callbacks->get_socket(req->conn)->ssl != NULL) {
        send_error(req, 404, "the control routes are on the plain HTTP listener");
        return true;
    }
    if (path.len > prefix && memcmp(path.base, behaviour_path, prefix) == 0) {
        h2o_iovec_t name = h2o_iovec_init(path.base + prefix, path.len - prefix);
        if (is(method, "PUT"))
            set_behaviour(simulator, req, name);
        else if (is(method, "GET"))
            get_behaviour(simulator, req, name);
        else
            send_error(req, 405, "use PUT or GET");
    } else if (is(path, "/_sim/scenario") && is(method, "POST")) {
        set_scenario(simulator, req);
    } else if (is(path, "/_sim/requests") && is(method, "GET")) {
        send_requests(simulator, req);
    } else if (is(path, "/_sim/stats") && is(method, "GET")) {
        send_stats(simulator, req);
    } else if (is(path, "/_sim/reset") && is(method, "POST")) {
        reset(simulator, req);
    } else {
        send_error(req, 404, "no such control route; see tests/simulator/README.md");
    }
    return true;
}
