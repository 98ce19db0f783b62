/* outbox: what one alert has to tell, and what it has told: problems that last, and items for the next message.
 *
 * An outbox is a place in the event log, like a listener: what lies behind it is still to be dealt with.
 * `outbox_memory` is what must be kept of it so that a restart neither loses an item nor tells one twice: all events up
 * to `place` are dealt with; of those behind it, the ones in `done` are; the problems in `told` were told and last. The
 * rest comes from the log again.
 *
 * Rules: a problem becomes an item when it has lasted as long, and failed as often, as the settings say, and no work on
 * its provider is announced; if it ends before, nothing is told of either. The end of a problem that was told becomes
 * an item at once, and so does an event that is neither. A problem that lasts is told again after `remind_ms`. Items
 * wait `group_ms` for others, and for the end of quiet hours.
 *
 * Thread: the loop's. Time is a parameter. Errors: memory that runs out costs items; it is logged.
 */
#ifndef PROVIDERD_ALERT_OUTBOX_H
#define PROVIDERD_ALERT_OUTBOX_H

#include "base/buf.h"
#include "config/alerts.h"
#include "health/alert_mark.h"
#include "health/event.h"
#include "health/snapshot.h"

enum { OUTBOX_PROBLEMS_MAX = 10000, OUTBOX_ITEMS_MAX = 10000, OUTBOX_SHOWN_MAX = 50, OUTBOX_DONE_MAX = 1000 };

enum item_state { ITEM_OPEN, ITEM_RESOLVED, ITEM_REMINDER, ITEM_NOTICE };

struct problem {
    struct event *event; /* that began it; a reference */
    bool told;           /* delivered; until then, when `queued`, it is an item */
    bool queued;
    int64_t told_us; /* the last time */
};

struct item {
    struct event *event; /* a reference */
    struct event *began; /* of a resolved one: what began it; else NULL. A reference */
    bool began_told;     /* in an earlier message */
    enum item_state state;
};

struct outbox {
    const struct alert_settings *settings; /* of the configuration in force */
    const struct alert_config *config;     /* likewise: the maintenances */
    int64_t place;
    struct problem *problems; /* owned; in the order of their begin */
    size_t problem_count;
    struct item *items; /* owned */
    size_t item_count;
    int64_t grouping_since_us; /* when the first of them came; 0 = there are none */
    int64_t *done;             /* owned, ascending; behind the place */
    size_t done_count;
    int64_t last_id; /* of the events that it has seen */
    bool changed;    /* what outbox_memory tells is another since it was last asked */
};

void outbox_dispose(struct outbox *outbox);

/* An event has come, or comes from the log again. */
void outbox_take(struct outbox *outbox, struct event *event, int64_t now_us);

/* Fills in what must be kept, at most `max`; how many. */
size_t outbox_memory(const struct outbox *outbox, struct alert_mark *marks, size_t max);

/* A problem that was told before this run. */
void outbox_recall_told(struct outbox *outbox, struct event *event, int64_t told_us);
void outbox_recall_done(struct outbox *outbox, int64_t id);

/* Turns what is due into items. `snapshot` may be NULL. Whether a message is to go out now. */
bool outbox_look(struct outbox *outbox, const struct snapshot *snapshot, int64_t now_us);

/* The message, as JSON (plugins/README.md, "Writing an alert"). Returns how many items are in it, those beyond
 * OUTBOX_SHOWN_MAX being only counted. */
size_t outbox_write(const struct outbox *outbox, const char *alert, int64_t now_us, struct buf *out);

/* The first `count` items are delivered, or given up. */
void outbox_settle(struct outbox *outbox, size_t count, bool delivered, int64_t now_us);

/* Up to where everything is dealt with. */
int64_t outbox_place(const struct outbox *outbox);

#endif
