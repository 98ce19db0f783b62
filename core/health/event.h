/* event: something that happened which is worth telling: a line of the event log, which feeds listeners, feeds and
 * alerts.
 *
 * Each has an id. Ids ascend, in the order in which things happened; they are the milliseconds of the wall clock at the
 * time, or one more than the id before where that is greater: so they go on ascending over restarts, over what was lost
 * in a crash, and when the clock is set back. They are not without gaps.
 *
 * Thread: made on the loop's; immutable then. Ownership: counted references.
 */
#ifndef PROVIDERD_HEALTH_EVENT_H
#define PROVIDERD_HEALTH_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum event_kind {
    EVENT_STATUS,          /* of a provider; from and to are states */
    EVENT_KEY_STATUS,      /* of one of several keys */
    EVENT_BEST,            /* from and to are providers, "" = nobody */
    EVENT_INCIDENT_OPENED, /* to is the kind of the first failure */
    EVENT_INCIDENT_CLOSED, /* from is the kind */
    EVENT_LIMIT_NEAR,      /* to is the percentage used up */
    EVENT_LIMIT_CLEARED,   /* likewise */
    EVENT_RISK_HIGH,       /* to is the risk, 0-1 */
    EVENT_RISK_OVER,       /* likewise */
    EVENT_MODEL_ADDED,     /* to is the model; "" = several, the message says how many */
    EVENT_MODEL_GONE,      /* from is the model; likewise */
    EVENT_MODEL_SWITCHED,  /* another model answers than before; from and to are models */
    EVENT_ANNOUNCED,       /* on its status page; from and to are states of announcement.h */
    EVENT_PROVIDER_ADDED,
    EVENT_PROVIDER_REMOVED,
    EVENT_STARTED, /* the daemon; this and the next have no provider */
    EVENT_RELOADED,
    EVENT_RELOAD_FAILED,
    EVENT_STORE_FAILING, /* the database cannot be written */
    EVENT_STORE_BACK,
    EVENT_KINDS,
};

struct event {
    atomic_uint references;
    int64_t id;    /* 0 = it has none yet */
    int64_t at_us; /* wall clock */
    enum event_kind kind;
    unsigned key;         /* number of one of several keys; 0 = the provider itself */
    const char *provider; /* its name; "" = it is the daemon's. This and the rest are the event's */
    const char *from;     /* "" = none */
    const char *to;       /* likewise */
    const char *message;  /* for humans, without secrets */
    char texts[];
};

/* "status_change": as it is told outside. */
const char *event_kind_name(enum event_kind kind);

/* False when `name` is none. */
bool event_kind_parse(const char *name, enum event_kind *kind);

/* What a new event is made of. Borrowed; NULL is "". */
struct event_parts {
    int64_t id;
    int64_t at_us; /* 0 = now */
    enum event_kind kind;
    unsigned key;
    const char *provider;
    const char *from;
    const char *to;
    const char *message;
};

/* NULL when memory ran out. */
struct event *event_new(const struct event_parts *parts);
struct event *event_retain(struct event *event);
void event_release(struct event *event); /* NULL is allowed */

/* What it says in one line: "groq: healthy -> down: connection refused". Appended to `out`. */
struct buf;
void event_describe(const struct event *event, struct buf *out);

#endif
