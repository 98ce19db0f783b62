#include "serve/handlers.h"

#include "base/json.h"
#include "serve/best.h"
#include "serve/gate.h"
#include "serve/openapi.h"
#include "serve/query.h"
#include "serve/render.h"
#include "serve/waiting.h"

#include <stdio.h>
#include <string.h>

static const char JSON_TYPE[] = "application/json";

/* -- reading the snapshot -- */

/* `window`, a day when absent. False when it was refused, and answered. */
static bool window_of(struct request *request, enum stats_window *window)
{
    char name[QUERY_VALUE_MAX];
    *window = STATS_DAY;
    switch (query_get(request->query, request->query_len, "window", name)) {
    case QUERY_ABSENT:
        return true;
    case QUERY_MALFORMED:
        strcpy(name, "a malformed or overlong value");
        break;
    case QUERY_FOUND:
        if (stats_window_parse(name, window))
            return true;
        break;
    }
    reply_error(request, 400, "window: expected one of 1h, 24h, 7d, 30d; got '%s'", name);
    return false;
}

static int render_hour(struct request *request, struct buf *out)
{
    render_status(out, request->snapshot, STATS_HOUR);
    return 0;
}

static int render_day(struct request *request, struct buf *out)
{
    render_status(out, request->snapshot, STATS_DAY);
    return 0;
}

static int render_week(struct request *request, struct buf *out)
{
    render_status(out, request->snapshot, STATS_WEEK);
    return 0;
}

static int render_month(struct request *request, struct buf *out)
{
    render_status(out, request->snapshot, STATS_MONTH);
    return 0;
}

static void handle_status(struct request *request)
{
    static const struct {
        enum cached_answer answer;
        render_fn render;
    } by_window[STATS_WINDOWS] = {
        [STATS_HOUR] = {CACHED_STATUS_HOUR, render_hour},
        [STATS_DAY] = {CACHED_STATUS_DAY, render_day},
        [STATS_WEEK] = {CACHED_STATUS_WEEK, render_week},
        [STATS_MONTH] = {CACHED_STATUS_MONTH, render_month},
    };
    enum stats_window window;
    if (window_of(request, &window))
        reply_cached(request, by_window[window].answer, JSON_TYPE, by_window[window].render);
}

/* A version from before a restart may be any. */
static bool status_is_news(struct request *request, int64_t version)
{
    return request->snapshot->version != (uint64_t)version;
}

const struct provider_view *named_provider(struct request *request)
{
    const struct route_match *match = &request->match;
    const struct provider_view *view = snapshot_find(request->snapshot, match->parameter, match->parameter_len);
    if (view == NULL)
        reply_error(request, 404, "Provider '%s' not found", match->parameter);
    return view;
}

static void handle_status_of_one(struct request *request)
{
    struct buf body = BUF_EMPTY;
    char tag[PROVIDER_NAME_MAX + 8];
    enum stats_window window;
    const struct provider_view *view = named_provider(request);
    if (view == NULL || !window_of(request, &window))
        return;
    render_provider(&body, view, window, request->snapshot->published_us);
    snprintf(tag, sizeof(tag), "%s-%s", view->name, stats_window_name(window));
    reply_tagged(request, tag, JSON_TYPE, &body);
}

static int render_csv_body(struct request *request, struct buf *out)
{
    return render_csv(out, request->snapshot);
}

/* The states; the checks themselves when a stretch of time is asked for. */
static void handle_csv(struct request *request)
{
    static const char *const of_checks[] = {"hours", "from", "to", "provider"};
    h2o_req_t *req = request->req;
    char value[QUERY_VALUE_MAX];
    for (size_t i = 0; i < sizeof(of_checks) / sizeof(of_checks[0]); ++i) {
        if (query_get(request->query, request->query_len, of_checks[i], value) != QUERY_ABSENT) {
            handle_export(request);
            return;
        }
    }
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("content-disposition"), 0, NULL,
                          H2O_STRLIT("attachment; filename=provider_status.csv"));
    reply_cached(request, CACHED_CSV, "text/csv; charset=utf-8", render_csv_body);
}

static void handle_health(struct request *request)
{
    struct buf body = BUF_EMPTY;
    struct store_report store;
    store_get_report(request->server->store, &store);
    render_health(&body, request->snapshot, &store, request->thread->policy_host);
    reply_json(request, 200, &body);
}

/* -- for who gates on it -- */

static void handle_livez(struct request *request)
{
    struct buf body = BUF_EMPTY;
    buf_append_text(&body, "ok\n");
    reply_body(request, "text/plain; charset=utf-8", &body);
}

/* Ready once each provider was checked, or is known from before; how they are does not matter. */
static void handle_readyz(struct request *request)
{
    const struct snapshot *snapshot = request->snapshot;
    size_t known = 0;
    for (size_t i = 0; i < snapshot->count; ++i)
        known += snapshot->providers[i]->lead->last_check_us != 0;
    if (known == snapshot->count && known != 0) {
        handle_livez(request);
        return;
    }
    reply_error(request, 503, "not ready: %zu of %zu providers were checked%s", known, snapshot->count,
                snapshot->count == 0 ? "; none is configured" : "");
}

/* -- asking for checks -- */

static void handle_check_of_one(struct request *request)
{
    struct buf body = BUF_EMPTY;
    const struct provider_view *view = named_provider(request);
    if (view == NULL)
        return;
    request->server->hooks.check_now(request->server->hooks.user, view->name);
    struct json j = json_begin(&body);
    json_object(&j);
    json_key(&j, "checking");
    json_array(&j);
    json_text(&j, view->name);
    json_end(&j);
    json_end(&j);
    reply_json(request, 202, &body);
}

static void handle_check(struct request *request)
{
    struct buf body = BUF_EMPTY;
    request->server->hooks.check_now(request->server->hooks.user, NULL);
    struct json j = json_begin(&body);
    json_object(&j);
    json_key(&j, "checking");
    json_array(&j);
    for (size_t i = 0; i < request->snapshot->count; ++i)
        json_text(&j, request->snapshot->providers[i]->name);
    json_end(&j);
    json_end(&j);
    reply_json(request, 202, &body);
}

/* -- asking for a reload -- */

static void handle_reload(struct request *request)
{
    struct buf body = BUF_EMPTY;
    int64_t seen = event_ring_last_id(&request->thread->events);
    request->server->hooks.reload(request->server->hooks.user);
    struct json j = json_begin(&body);
    json_object(&j);
    json_key(&j, "reloading");
    json_bool(&j, true);
    json_key(&j, "since_id"); /* behind it comes the event that tells what came of it */
    json_int(&j, seen);
    json_end(&j);
    reply_json(request, 202, &body);
}

/* -- what there is -- */

static int render_openapi(struct request *request, struct buf *out)
{
    (void)request;
    buf_append(out, openapi_json, openapi_json_len);
    return buf_ok(out) ? 0 : -1;
}

static void handle_openapi(struct request *request)
{
    reply_cached(request, CACHED_OPENAPI, JSON_TYPE, render_openapi);
}

static void handle_index(struct request *request);

const struct route handler_routes[] = {
    {"/", ROUTE_GET, handle_index, .open = true, .about = "this list"},
    {"/openapi.json", ROUTE_GET, handle_openapi, .open = true, .about = "all of this interface, as OpenAPI 3.1"},
    {"/api/providers/status", ROUTE_GET, handle_status, .about = "every provider's state; ?window=24h, wait, version",
     .waits_by = "version", .is_news = status_is_news},
    {"/api/providers/status/{name}", ROUTE_GET, handle_status_of_one, .about = "one provider's state; ?window=24h"},
    {"/api/providers/status/{name}/last_failure", ROUTE_GET, handle_last_failure,
     .about = "one provider's last failed exchange"},
    {"/api/providers/best", ROUTE_GET, handle_best,
     .about =
         "which provider to call now; ?policy=, model, require, exclude, max_latency_ms, n, key, any, wait, version",
     .waits_by = "version", .is_news = best_is_news},
    {"/api/providers/events", ROUTE_GET, handle_events,
     .about =
         "what happened, as JSON, stream or feed; ?since_id=, kind, provider, limit, format=json|sse|atom|rss, wait",
     .waits_by = "since_id", .is_news = events_are_news},
    {"/api/policies", ROUTE_GET, handle_policies, .about = "the policies that /best knows"},
    {"/api/providers/history", ROUTE_GET, handle_history,
     .about = "the checks of all providers; ?hours=24, from, to, provider, model, key, step or points, merge, limit, "
              "format"},
    {"/api/providers/history/{name}", ROUTE_GET, handle_history_of_one,
     .about = "the checks of one provider; likewise"},
    {"/api/providers/incidents", ROUTE_GET, handle_incidents,
     .about = "the outages, newest first; ?from=, to, hours, provider, limit, format"},
    {"/api/providers/cooldowns", ROUTE_GET, handle_cooldowns,
     .about = "keys, providers and models that are not to be asked now, why, and until when"},
    {"/api/providers/export/csv", ROUTE_GET, handle_csv,
     .about = "every provider's state as CSV; with ?hours=, from, to or provider the checks themselves"},
    {"/api/providers/health", ROUTE_GET, handle_health, .about = "how the daemon itself is"},
    {"/badge/{name}/status.svg", ROUTE_GET, handle_badge_status, .published = true, .about = "a picture of its state"},
    {"/badge/{name}/latency.svg", ROUTE_GET, handle_badge_latency, .published = true,
     .about = "a picture of its latency"},
    {"/badge/{name}/uptime/24h.svg", ROUTE_GET, handle_badge_uptime_day, .published = true,
     .about = "a picture of its uptime"},
    {"/badge/{name}/uptime/7d.svg", ROUTE_GET, handle_badge_uptime_week, .published = true,
     .about = "likewise, of a week"},
    {"/badge/{name}/uptime/30d.svg", ROUTE_GET, handle_badge_uptime_month, .published = true,
     .about = "likewise, of a month"},
    {"/status", ROUTE_GET, handle_public_page, .open = true, .about = "the public page, where there is one"},
    {"/status/now.json", ROUTE_GET, handle_public_status, .open = true, .about = "what it shows"},
    {"/status/days.json", ROUTE_GET, handle_public_uptime, .open = true,
     .about = "the uptime of 30 days, for its bars"},
    {"/livez", ROUTE_GET, handle_livez, .open = true, .about = "200: it lives"},
    {"/readyz", ROUTE_GET, handle_readyz, .open = true,
     .about = "200 when it knows enough to answer who is best, else 503"},
    {"/metrics", ROUTE_GET, handle_metrics, .about = "for Prometheus, as its text or as OpenMetrics"},
    {"/api/models", ROUTE_GET, handle_models, .about = "who serves which model; ?model="},
    {"/api/error-kinds", ROUTE_GET, handle_error_kinds, .about = "what each kind of error means, and its consequences"},
    {"/api/alerts", ROUTE_GET, handle_alerts, .about = "the alerts and plugins: what waits, what failed"},
    {"/api/alerts/{name}/test", ROUTE_POST, handle_alert_test, .about = "have an alert send a test"},
    {"/api/providers/report", ROUTE_POST, handle_report, .scope = TOKEN_REPORT,
     .about = "tell what became of calls of your own"},
    {"/api/providers/check", ROUTE_POST, handle_check, .about = "check all providers now"},
    {"/api/providers/check/{name}", ROUTE_POST, handle_check_of_one, .about = "check one provider now"},
    {"/api/reload", ROUTE_POST, handle_reload,
     .about = "load configuration and scripts anew; events behind since_id tell what came of it"},
};
const size_t handler_route_count = sizeof(handler_routes) / sizeof(handler_routes[0]);

static const struct site_file *page_of(struct request *request, const char *path, size_t len)
{
    return site_find(request->thread->site, path, len);
}

static void handle_index(struct request *request)
{
    static const char dashboard[] = "/dashboard/";
    const struct site_file *page = page_of(request, dashboard, sizeof(dashboard) - 1);
    /* Browsers ask for HTML before all else; programs get the list of routes. */
    if (page != NULL && client_names_type(request->req, "text/html")) {
        reply_file(request, page);
        return;
    }
    struct buf body = BUF_EMPTY;
    struct json j = json_begin(&body);
    json_object(&j);
    json_key(&j, "providerd");
    json_text(&j, PROVIDERD_VERSION);
    json_key(&j, "routes");
    json_array(&j);
    for (size_t i = 0; i < handler_route_count; ++i) {
        json_object(&j);
        json_key(&j, "method");
        json_text(&j, (handler_routes[i].methods & ROUTE_GET) != 0 ? "GET" : "POST");
        json_key(&j, "path");
        json_text(&j, handler_routes[i].path);
        json_key(&j, "about");
        json_text(&j, handler_routes[i].about);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    reply_json(request, 200, &body);
}

/* -- every request -- */

/* h2o keeps Host as the authority and no trace of Content-Length, Transfer-Encoding and Expect: those do not count. */
static size_t header_bytes(const h2o_req_t *req)
{
    size_t bytes = req->input.method.len + req->input.path.len + sizeof("  HTTP/1.1\r\n") - 1 +
                   req->input.authority.len + sizeof("host: \r\n") - 1;
    for (size_t i = 0; i < req->headers.size; ++i)
        bytes += req->headers.entries[i].name->len + req->headers.entries[i].value.len + sizeof(": \r\n") - 1;
    return bytes;
}

static void refuse_method(struct request *request, unsigned methods)
{
    const char *allow = (methods & ROUTE_GET) != 0 ? "GET, HEAD, OPTIONS" : "POST, OPTIONS";
    h2o_req_t *req = request->req;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_ALLOW, NULL, allow, strlen(allow));
    if (request_is_method(request, "OPTIONS")) {
        struct buf none = BUF_EMPTY;
        reply_json(request, 204, &none);
    } else {
        reply_error(request, 405, "%.*s is not allowed here; expected one of %s",
                    (int)(req->input.method.len < 32 ? req->input.method.len : 32), req->input.method.base, allow);
    }
}

void handle_request(struct request *request, size_t max_header_bytes)
{
    h2o_req_t *req = request->req;
    struct request_target target;

    request->head = request_is_method(request, "HEAD");
    if (header_bytes(req) > max_header_bytes) {
        req->http1_is_persistent = 0;
        reply_error(request, 431, "request line and headers are larger than the %zu bytes allowed", max_header_bytes);
        return;
    }
    target_split(req->input.path.base, req->input.path.len, &target);
    request->query = target.query;
    request->query_len = target.query_len;
    if (!route_find(handler_routes, handler_route_count, target.path, target.path_len, &request->match)) {
        reply_error(request, 400, "malformed path: a broken percent escape, or a segment over %d bytes",
                    ROUTE_PARAMETER_MAX - 1);
        return;
    }
    const struct route *route = request->match.route;
    if (!gate_passes(request, route))
        return;
    bool reads = request_is_method(request, "GET") || request->head;
    const struct site_file *page = route == NULL && reads ? page_of(request, target.path, target.path_len) : NULL;
    if (page != NULL) {
        reply_file(request, page);
        return;
    }
    if (route == NULL) {
        reply_error(request, 404, "Not Found; GET / lists the routes");
        return;
    }
    unsigned method = reads ? ROUTE_GET : request_is_method(request, "POST") ? ROUTE_POST : 0;
    if ((route->methods & method) == 0) {
        refuse_method(request, route->methods);
        return;
    }
    if (request->snapshot == NULL) {
        reply_error(request, 503, "the daemon is starting");
        return;
    }
    if (route->waits_by == NULL || waiting_begin(request))
        route->handle(request);
}
