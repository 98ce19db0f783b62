/* handlers: what each route does. Internal to serve/. */
#ifndef PROVIDERD_SERVE_HANDLERS_H
#define PROVIDERD_SERVE_HANDLERS_H

#include "serve/request.h"

extern const struct route handler_routes[];
extern const size_t handler_route_count;

/* Answers one request: limits, route, method, then its handler. */
void handle_request(struct request *request, size_t max_header_bytes);

/* history.c: all providers, or the one named by the route. */
void handle_history(struct request *request);
void handle_history_of_one(struct request *request);

/* facts.c: what errors mean, who serves which model, the last exchange that failed. */
void handle_error_kinds(struct request *request);
void handle_models(struct request *request);
void handle_last_failure(struct request *request);

/* The provider that the route names; NULL when there is none, and the request has been answered. */
const struct provider_view *named_provider(struct request *request);

/* history.c: a page has come back from a reader thread. On the HTTP thread. */
struct history_stream;
void history_on_page(struct history_stream *stream);

#endif
