#include "daemon/journal.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_LOOKED_AT = 1000 }; /* of those from before, for the last best provider */

static const uint64_t STORE_LOOK_US = 1000000;
static const int64_t HOUR_MS = INT64_C(3600) * 1000;

struct journal {
    struct loop *loop;
    struct store *store;
    struct journal_listener listener;
    int64_t last_id;
    bool best_found;
    char best[PROVIDER_NAME_MAX];
    struct timer store_timer;
    bool store_failing;
};

/* -- telling -- */

void journal_tell(struct journal *journal, const struct event_parts *parts)
{
    struct event_parts whole = *parts;
    if (whole.at_us == 0)
        whole.at_us = clock_wall_us();
    whole.id = whole.at_us / 1000 > journal->last_id ? whole.at_us / 1000 : journal->last_id + 1;
    struct event *event = event_new(&whole);
    if (event == NULL) {
        log_error("journal", "out of memory for an event (%s)", event_kind_name(parts->kind));
        return;
    }
    journal->last_id = event->id;
    store_append_event(journal->store, event);
    journal->listener.told(journal->listener.user, event);
    event_release(event);
}

int64_t journal_last_id(const struct journal *journal)
{
    return journal->last_id;
}

const char *journal_best(const struct journal *journal)
{
    return journal->best;
}

/* -- the store -- */

static void look_at_store(struct timer *timer, void *user)
{
    struct journal *journal = user;
    struct store_report report;
    store_get_report(journal->store, &report);
    bool failing = !report.writable && report.failing_since_us != 0;
    timer_start(journal->loop, timer, loop_now_us(journal->loop) + STORE_LOOK_US);
    if (failing == journal->store_failing)
        return;
    journal->store_failing = failing;
    struct event_parts parts = {.kind = failing ? EVENT_STORE_FAILING : EVENT_STORE_BACK, .message = report.error};
    journal_tell(journal, &parts);
}

/* -- the past -- */

static void note_event(struct event *event, void *user)
{
    struct journal *journal = user;
    if (event->id > journal->last_id)
        journal->last_id = event->id;
    if (event->kind == EVENT_BEST && !journal->best_found) {
        journal->best_found = true;
        snprintf(journal->best, sizeof(journal->best), "%s", event->to);
    }
    event_release(event);
}

static void read_past(struct journal *journal)
{
    char error[256] = "";
    struct event_range latest = {.before_id = INT64_MAX, .newest_first = true};
    struct store_restore *restore = store_restore_open(journal->store, HOUR_MS, HOUR_MS, error, sizeof(error));
    if (restore == NULL ||
        store_restore_events(restore, &latest, EVENTS_LOOKED_AT, note_event, journal, error, sizeof(error)) < 0)
        log_warning("journal", "the events of the past cannot be read: %s", error);
    store_restore_close(restore);
}

struct journal *journal_new(struct loop *loop, struct store *store, const struct journal_listener *listener)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (journal == NULL)
        return NULL;
    journal->loop = loop;
    journal->store = store;
    journal->listener = *listener;
    timer_init(&journal->store_timer, look_at_store, journal);
    timer_start(loop, &journal->store_timer, loop_now_us(loop) + STORE_LOOK_US);
    read_past(journal);
    return journal;
}

void journal_free(struct journal *journal)
{
    if (journal == NULL)
        return;
    timer_stop(journal->loop, &journal->store_timer);
    free(journal);
}
