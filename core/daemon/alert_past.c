#include "daemon/alert_past.h"

#include "base/log.h"
#include "store/restore.h"

#include <stdlib.h>

enum { MARKS_MAX = 10000, EVENTS_PER_PAGE = 500, EVENTS_MAX = 20000 }; /* the latest ones, after a long absence */

static const int64_t HOUR_MS = INT64_C(3600) * 1000;

struct recalling {
    struct alerting *alerting;
    struct store_restore *store;
    size_t alert;
    struct alert_mark *marks;
    size_t mark_count;
    struct event *found;
    int64_t last_id;
    char error[256];
};

static void take_mark(const struct alert_mark *mark, void *user)
{
    struct recalling *recalling = user;
    if (recalling->mark_count < MARKS_MAX)
        recalling->marks[recalling->mark_count++] = *mark;
}

static void take_found(struct event *event, void *user)
{
    struct recalling *recalling = user;
    event_release(recalling->found);
    recalling->found = event;
}

static void replay(struct event *event, void *user)
{
    struct recalling *recalling = user;
    recalling->last_id = event->id;
    alerting_replay(recalling->alerting, recalling->alert, event);
    event_release(event);
}

/* The place goes first: the other marks are seen from there. */
static int recall_marks(struct recalling *recalling)
{
    for (int pass = 0; pass < 2; ++pass) {
        for (size_t i = 0; i < recalling->mark_count; ++i) {
            const struct alert_mark *mark = &recalling->marks[i];
            struct event_range range = {.after_id = mark->event_id - 1, .before_id = mark->event_id + 1};
            if ((mark->what == ALERT_MARK_PLACE) != (pass == 0))
                continue;
            recalling->found = NULL;
            if (mark->what == ALERT_MARK_TOLD &&
                store_restore_events(recalling->store, &range, 1, take_found, recalling, recalling->error,
                                     sizeof(recalling->error)) < 0)
                return -1;
            alerting_recall(recalling->alerting, recalling->alert, mark, recalling->found);
            event_release(recalling->found);
        }
    }
    return 0;
}

static int replay_events(struct recalling *recalling)
{
    struct event_range range = {.after_id = alerting_place(recalling->alerting, recalling->alert),
                                .before_id = INT64_MAX};
    int rows = EVENTS_PER_PAGE;
    for (int read = 0; rows == EVENTS_PER_PAGE && read < EVENTS_MAX; read += rows) {
        recalling->last_id = range.after_id;
        rows = store_restore_events(recalling->store, &range, EVENTS_PER_PAGE, replay, recalling, recalling->error,
                                    sizeof(recalling->error));
        if (rows < 0)
            return -1;
        range.after_id = recalling->last_id;
    }
    return 0;
}

static int recall_alert(struct recalling *recalling)
{
    recalling->mark_count = 0;
    if (store_restore_alert_marks(recalling->store, alerting_name(recalling->alerting, recalling->alert), take_mark,
                                  recalling, recalling->error, sizeof(recalling->error)) != 0)
        return -1;
    if (recalling->mark_count == 0)
        return 0; /* it is new: the past is no news to it */
    return recall_marks(recalling) == 0 ? replay_events(recalling) : -1;
}

void alert_past_restore(struct alerting *alerting, struct store *store)
{
    struct recalling recalling = {.alerting = alerting};
    int result = 0;
    if (alerting_name(alerting, 0) == NULL)
        return;
    recalling.marks = calloc(MARKS_MAX, sizeof(*recalling.marks));
    recalling.store = recalling.marks != NULL
                          ? store_restore_open(store, HOUR_MS, HOUR_MS, recalling.error, sizeof(recalling.error))
                          : NULL;
    for (; recalling.store != NULL && result == 0 && alerting_name(alerting, recalling.alert) != NULL;
         ++recalling.alert)
        result = recall_alert(&recalling);
    if (recalling.store == NULL || result != 0)
        log_warning("alerts", "what was told before cannot be read: %s", recalling.error);
    store_restore_close(recalling.store);
    free(recalling.marks);
}
