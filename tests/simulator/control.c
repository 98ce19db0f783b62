#include "control.h"

#include "answers.h"
#include "asked.h"
#include "figures.h"
#include "pages.h"
#include "record.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

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

static void send_requests(struct simulator *simulator, h2o_req_t *req)
{
    struct buf text = BUF_EMPTY;
    const char *since = asked_parameter(req, "since");
    if (simulator->record == NULL) {
        send_error(req, 404, "requests are not recorded: the simulator was started with --no-record");
        return;
    }
    record_write(simulator->record, asked_parameter(req, "provider"), since != NULL ? strtoull(since, NULL, 10) : 0,
                 &text);
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

void control_forget(struct simulator *simulator)
{
    for (size_t i = 0; i < stage_count(simulator->stage); i++) {
        struct upstream *upstream = stage_at(simulator->stage, i);
        answers_clear(upstream);
        figures_clear(upstream);
        pages_clear(upstream);
    }
}

static void reset(struct simulator *simulator, h2o_req_t *req)
{
    stage_reset(simulator->stage);
    control_forget(simulator);
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

/* What is told to one provider: a PUT of JSON adds or replaces it, a DELETE forgets it. */
static const struct teaching {
    const char *path;
    bool (*set)(struct upstream *upstream, h2o_iovec_t json, char error[TEACHING_ERROR_MAX]);
    void (*clear)(struct upstream *upstream);
} teachings[] = {
    {"/_sim/answers/", answers_add, answers_clear},
    {"/_sim/streams/", figures_set, figures_clear},
    {"/_sim/pages/", pages_set, pages_clear},
};

static void teach(struct simulator *simulator, h2o_req_t *req, const struct teaching *teaching, h2o_iovec_t name)
{
    if (teaching->set == pages_set)
        name = pages_name(req, name);
    struct upstream *upstream = stage_upstream(simulator->stage, name.base, name.len);
    char error[TEACHING_ERROR_MAX];
    if (upstream == NULL) {
        send_error(req, 400, "the path needs a provider's name (letters, digits, \"_.-\") at its end");
    } else if (is(req->input.method, "DELETE")) {
        teaching->clear(upstream);
        send_done(req);
    } else if (!is(req->input.method, "PUT")) {
        send_error(req, 405, "use PUT or DELETE");
    } else if (!teaching->set(upstream, body_of(req), error)) {
        send_error(req, 400, error);
    } else {
        send_done(req);
    }
}

/* Does the path go on after this one? Then `rest` is what follows. */
static bool is_below(h2o_iovec_t path, const char *prefix, h2o_iovec_t *rest)
{
    size_t len = strlen(prefix);
    if (path.len <= len || memcmp(path.base, prefix, len) != 0)
        return false;
    *rest = h2o_iovec_init(path.base + len, path.len - len);
    return true;
}

static void behave(struct simulator *simulator, h2o_req_t *req, h2o_iovec_t name)
{
    if (is(req->input.method, "PUT"))
        set_behaviour(simulator, req, name);
    else if (is(req->input.method, "GET"))
        get_behaviour(simulator, req, name);
    else
        send_error(req, 405, "use PUT or GET");
}

bool control_handle(struct simulator *simulator, h2o_req_t *req)
{
    h2o_iovec_t path = req->path_normalized, method = req->input.method, name;
    if (path.len < 5 || memcmp(path.base, "/_sim", 5) != 0 || (path.len > 5 && path.base[5] != '/'))
        return false;
    if (req->conn->callbacks->get_socket(req->conn)->ssl != NULL) {
        send_error(req, 404, "the control routes are on the plain HTTP listener");
        return true;
    }
    for (size_t i = 0; i < sizeof(teachings) / sizeof(teachings[0]); i++)
        if (is_below(path, teachings[i].path, &name)) {
            teach(simulator, req, &teachings[i], name);
            return true;
        }
    if (is_below(path, "/_sim/behaviour/", &name)) {
        behave(simulator, req, name);
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
