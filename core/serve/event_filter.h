/* event_filter: which events a client wants: ?kind=status_change,best_change&provider=groq,mistral. Internal to serve/.
 */
#ifndef PROVIDERD_SERVE_EVENT_FILTER_H
#define PROVIDERD_SERVE_EVENT_FILTER_H

#include "health/event.h"
#include "serve/request.h"

#include <stdbool.h>
#include <stdint.h>

enum { EVENT_FILTER_NAMES_MAX = 1024, EVENT_FILTER_ERROR_MAX = 512 };

struct event_filter {
    uint32_t kinds;                     /* a bit for each kind that is wanted */
    char names[EVENT_FILTER_NAMES_MAX]; /* of providers, each ended by NUL, behind the last an empty one; none = all */
};

/* False with a text for the client: what, what was expected, what came. */
bool event_filter_parse(const struct request *request, struct event_filter *filter, char *error, size_t error_size);

/* The same; false when the request was refused and answered. */
bool event_filter_read(struct request *request, struct event_filter *filter);

/* Events of no provider pass only where none is named. */
bool event_filter_passes(const struct event_filter *filter, const struct event *event);

#endif
