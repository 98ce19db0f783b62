#include "alert/problem.h"

#include <stddef.h>
#include <string.h>

enum event_kind event_beginning(enum event_kind kind)
{
    switch (kind) {
    case EVENT_INCIDENT_CLOSED:
        return EVENT_INCIDENT_OPENED;
    case EVENT_LIMIT_CLEARED:
        return EVENT_LIMIT_NEAR;
    case EVENT_RISK_OVER:
        return EVENT_RISK_HIGH;
    case EVENT_STORE_BACK:
        return EVENT_STORE_FAILING;
    case EVENT_RELOADED:
        return EVENT_RELOAD_FAILED;
    default:
        return kind;
    }
}

enum event_role event_role(const struct event *event)
{
    switch (event->kind) {
    case EVENT_INCIDENT_OPENED:
    case EVENT_LIMIT_NEAR:
    case EVENT_RISK_HIGH:
    case EVENT_STORE_FAILING:
    case EVENT_RELOAD_FAILED:
        return EVENT_BEGINS;
    case EVENT_STATUS:
    case EVENT_KEY_STATUS:
        return strcmp(event->to, "healthy") == 0 ? EVENT_ENDS : EVENT_BEGINS;
    case EVENT_ANNOUNCED:
        return strcmp(event->to, "operational") == 0 || strcmp(event->to, "unknown") == 0 ? EVENT_ENDS : EVENT_BEGINS;
    default:
        return event_beginning(event->kind) != event->kind ? EVENT_ENDS : EVENT_TELLS;
    }
}

const char *event_severity(const struct event *event)
{
    if (event_role(event) != EVENT_BEGINS)
        return "info";
    bool critical = event->kind == EVENT_INCIDENT_OPENED || event->kind == EVENT_STORE_FAILING ||
                    (event->kind == EVENT_STATUS && strcmp(event->to, "down") == 0);
    return critical ? "critical" : "warning";
}

bool event_same_matter(const struct event *a, const struct event *b)
{
    return event_beginning(a->kind) == event_beginning(b->kind) && a->key == b->key &&
           strcmp(a->provider, b->provider) == 0;
}

static bool is_usual(enum event_kind kind)
{
    return kind == EVENT_INCIDENT_OPENED || kind == EVENT_STORE_FAILING || kind == EVENT_RELOAD_FAILED;
}

bool event_wanted(const struct event *event, char **kinds)
{
    enum event_kind beginning = event_beginning(event->kind);
    if (kinds == NULL || kinds[0] == NULL)
        return is_usual(beginning);
    for (; *kinds != NULL; ++kinds) {
        if (strcmp(*kinds, event_kind_name(event->kind)) == 0 || strcmp(*kinds, event_kind_name(beginning)) == 0)
            return true;
    }
    return false;
}
