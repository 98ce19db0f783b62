/* handlers: what each route does. Internal to serve/. */
#ifndef PROVIDERD_SERVE_HANDLERS_H
#define PROVIDERD_SERVE_HANDLERS_H

#include "serve/request.h"
#include "serve/span.h"

extern const struct route handler_routes[];
extern const size_t handler_route_count;

/* Answers one request: limits, route, method, then its handler. */
void handle_request(struct request *request, size_t max_header_bytes);

/* history.c: all providers, or the one named by the route. */
void handle_history(struct request *request);
void handle_history_of_one(struct request *request);

/* Whose checks: the parameters model and key. False when refused and answered. */
bool history_read_series(struct request *request, struct history_series *series, char model[MODEL_ID_MAX]);

/* downsample.c: the same in steps of time; history.c has read the span. `name` NULL = all. */
void handle_downsampled(struct request *request, const struct span *span, const char *name);

/* downsample.c: likewise, but of those whom the span names, and without latencies. */
void handle_uptime_bars(struct request *request, const struct span *span);

/* public_page.c: what anybody may see, where the owner wants that. */
void handle_public_page(struct request *request);
void handle_public_status(struct request *request);
void handle_public_uptime(struct request *request);

/* badge.c: pictures of one provider's state, latency and uptime. */
void handle_badge_status(struct request *request);
void handle_badge_latency(struct request *request);
void handle_badge_uptime_day(struct request *request);
void handle_badge_uptime_week(struct request *request);
void handle_badge_uptime_month(struct request *request);

/* metrics.c: all of it for Prometheus. */
void handle_metrics(struct request *request);

/* reports.c: what clients tell of their own calls. */
void handle_report(struct request *request);

/* cooldowns.c: who is not to be asked now. */
void handle_cooldowns(struct request *request);

/* incidents.c: the outages. export.c: the checks as CSV. */
void handle_incidents(struct request *request);
void handle_export(struct request *request);

/* events.c: what happened, as a list, a stream or a feed; and whether there is more of it behind an id. */
void handle_events(struct request *request);
bool events_are_news(struct request *request, int64_t since_id);

/* facts.c: how the alerts stand; have one send a test. */
void handle_alerts(struct request *request);
void handle_alert_test(struct request *request);

/* facts.c: what errors mean, who serves which model, the last exchange that failed. */
void handle_error_kinds(struct request *request);
void handle_models(struct request *request);
void handle_last_failure(struct request *request);

/* The provider that the route names; NULL when there is none, and the request has been answered. */
const struct provider_view *named_provider(struct request *request);

#endif
