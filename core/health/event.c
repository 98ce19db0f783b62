#include "health/event.h"

#include "base/buf.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[EVENT_KINDS] = {
    [EVENT_STATUS] = "status_change",
    [EVENT_KEY_STATUS] = "key_status_change",
    [EVENT_BEST] = "best_change",
    [EVENT_INCIDENT_OPENED] = "incident_opened",
    [EVENT_INCIDENT_CLOSED] = "incident_closed",
    [EVENT_LIMIT_NEAR] = "limit_near",
    [EVENT_LIMIT_CLEARED] = "limit_cleared",
    [EVENT_RISK_HIGH] = "risk_high",
    [EVENT_RISK_OVER] = "risk_over",
    [EVENT_MODEL_ADDED] = "model_added",
    [EVENT_MODEL_GONE] = "model_gone",
    [EVENT_MODEL_SWITCHED] = "model_switched",
    [EVENT_ANNOUNCED] = "announced",
    [EVENT_PROVIDER_ADDED] = "provider_added",
    [EVENT_PROVIDER_REMOVED] = "provider_removed",
    [EVENT_STARTED] = "started",
    [EVENT_RELOADED] = "reloaded",
    [EVENT_RELOAD_FAILED] = "reload_failed",
    [EVENT_STORE_FAILING] = "store_failing",
    [EVENT_STORE_BACK] = "store_back",
};

const char *event_kind_name(enum event_kind kind)
{
    return names[kind];
}

bool event_kind_parse(const char *name, enum event_kind *kind)
{
    for (int i = 0; i < EVENT_KINDS; ++i) {
        if (strcmp(name, names[i]) == 0) {
            *kind = (enum event_kind)i;
            return true;
        }
    }
    return false;
}

/* Copies `text` to `*at`, which moves behind it. */
static const char *put(char **at, const char *text)
{
    char *copy = *at;
    size_t size = text != NULL ? strlen(text) + 1 : 1;
    memcpy(copy, text != NULL ? text : "", size);
    *at += size;
    return copy;
}

static size_t size_of(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 1;
}

struct event *event_new(const struct event_parts *parts)
{
    size_t size = size_of(parts->provider) + size_of(parts->from) + size_of(parts->to) + size_of(parts->message);
    struct event *event = malloc(sizeof(*event) + size);
    if (event == NULL)
        return NULL;
    atomic_init(&event->references, 1);
    event->id = parts->id;
    event->at_us = parts->at_us != 0 ? parts->at_us : clock_wall_us();
    event->kind = parts->kind;
    event->key = parts->key;
    char *at = event->texts;
    event->provider = put(&at, parts->provider);
    event->from = put(&at, parts->from);
    event->to = put(&at, parts->to);
    event->message = put(&at, parts->message);
    return event;
}

struct event *event_retain(struct event *event)
{
    atomic_fetch_add_explicit(&event->references, 1, memory_order_relaxed);
    return event;
}

void event_release(struct event *event)
{
    if (event != NULL && atomic_fetch_sub_explicit(&event->references, 1, memory_order_acq_rel) == 1)
        free(event);
}

void event_describe(const struct event *event, struct buf *out)
{
    if (event->provider[0] != '\0' && event->kind != EVENT_BEST) {
        buf_append_text(out, event->provider);
        if (event->key != 0)
            buf_printf(out, " key %u", event->key);
        buf_append_text(out, ": ");
    }
    switch (event->kind) {
    case EVENT_STATUS:
    case EVENT_KEY_STATUS:
    case EVENT_MODEL_SWITCHED:
        buf_printf(out, "%s -> %s", event->from, event->to);
        break;
    case EVENT_BEST:
        buf_printf(out, "best: %s -> %s", event->from[0] != '\0' ? event->from : "nobody",
                   event->to[0] != '\0' ? event->to : "nobody");
        break;
    case EVENT_INCIDENT_OPENED:
        buf_append_text(out, "outage");
        break;
    case EVENT_INCIDENT_CLOSED:
        buf_append_text(out, "outage over");
        break;
    case EVENT_LIMIT_NEAR:
        buf_printf(out, "%s %% of a limit used up", event->to);
        break;
    case EVENT_LIMIT_CLEARED:
        buf_printf(out, "limits have room again (%s %% used)", event->to);
        break;
    case EVENT_RISK_HIGH:
        buf_printf(out, "at risk (%s)", event->to);
        break;
    case EVENT_RISK_OVER:
        buf_printf(out, "no longer at risk (%s)", event->to);
        break;
    case EVENT_MODEL_ADDED:
        buf_printf(out, "new model%s%s", event->to[0] != '\0' ? " " : "s", event->to);
        break;
    case EVENT_MODEL_GONE:
        buf_printf(out, "model%s%s gone", event->from[0] != '\0' ? " " : "s", event->from);
        break;
    case EVENT_ANNOUNCED:
        buf_printf(out, "its status page says %s", event->to);
        break;
    case EVENT_PROVIDER_ADDED:
        buf_append_text(out, "watched from now on");
        break;
    case EVENT_PROVIDER_REMOVED:
        buf_append_text(out, "no longer watched");
        break;
    case EVENT_STARTED:
        buf_append_text(out, "providerd started");
        break;
    case EVENT_RELOADED:
        buf_append_text(out, "reloaded");
        break;
    case EVENT_RELOAD_FAILED:
        buf_append_text(out, "reload refused");
        break;
    case EVENT_STORE_FAILING:
        buf_append_text(out, "the database cannot be written");
        break;
    case EVENT_STORE_BACK:
        buf_append_text(out, "the database can be written again");
        break;
    case EVENT_KINDS:
        break;
    }
    if (event->message[0] != '\0')
        buf_printf(out, ": %s", event->message);
}
