/* alerting: who is told of what happens, and by which way. Alerts are Lua files in alerts/ of the plugin folders, set
 * up in the configuration (config/alerts.h); plugins are Lua files in plugins/ of these folders that do what they like
 * with what happens.
 *
 * Each alert has an outbox (outbox.h). When its message is due, the file's function `send` is called with it, as a
 * coroutine with http and mail; while it fails it is called again, after pauses that double from ALERT_RETRY_MIN_MS to
 * ALERT_RETRY_MAX_MS or as the service asks for, until it succeeds, says that it never will, or `give_up` has passed.
 * What an alert must remember goes to the store; after a restart it goes on from there by the event log.
 *
 * A plugin has functions of the names on_event, on_status_change, on_check, on_tick and on_reload, any of them; they
 * are called one after the other, PLUGIN_CALLS_MAX waiting at most: what comes then is dropped, and counted in the log.
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_ALERT_ALERTING_H
#define PROVIDERD_ALERT_ALERTING_H

#include "health/alert_mark.h"
#include "health/event.h"
#include "health/tracker.h"
#include "script/script.h"

struct alerting;
struct alert_host; /* the files of one configuration, loaded */

enum {
    ALERT_RETRY_MIN_MS = 5 * 1000,
    ALERT_RETRY_MAX_MS = 10 * 60 * 1000,
    ALERT_SEND_TIMEOUT_MS = 30 * 1000,
    PLUGIN_CALLS_MAX = 1000,
    PLUGIN_TICK_MS = 1000,
};

/* Loads the files that the configuration of a generation names; the generation is retained. NULL with every fault in
 * `error`, a line each. What is only not configured (a variable that is not set) is logged. */
struct alert_host *alert_host_load(struct generation *generation, const struct script_host *scripts, char *error,
                                   size_t error_size);
void alert_host_free(struct alert_host *host); /* NULL is allowed */

/* Where it keeps what must outlast a restart, and from where it comes. */
struct alerting_sinks {
    void *user;
    void (*remember)(void *user, const char *alert, const struct alert_mark *marks, size_t count);
    /* How they stand, when that has changed, at most once a second: {"alerts": [...], "plugins": [...]}. */
    void (*show)(void *user, const char *json, size_t len);
};

/* Takes the host over. NULL when memory ran out. */
struct alerting *alerting_new(struct loop *loop, struct alert_host *host, const struct alerting_sinks *sinks);
void alerting_free(struct alerting *alerting); /* cancels what is being sent; NULL is allowed */

/* The i-th alert's name, NULL past the last. */
const char *alerting_name(const struct alerting *alerting, size_t i);

/* At start, for the i-th alert: its marks, those of problems with their events; then every event behind its place, in
 * order; then alerting_start(). Without marks it begins at `last_id`. */
void alerting_recall(struct alerting *alerting, size_t i, const struct alert_mark *mark, struct event *event);
int64_t alerting_place(const struct alerting *alerting, size_t i);
void alerting_replay(struct alerting *alerting, size_t i, struct event *event);
void alerting_start(struct alerting *alerting, int64_t last_id);

/* Another configuration's: alerts of the same name go on where they were. Takes the host over. */
void alerting_apply(struct alerting *alerting, struct alert_host *host, int64_t last_id);

/* What happens. */
void alerting_take_event(struct alerting *alerting, struct event *event);
void alerting_take_check(struct alerting *alerting, const struct check_outcome *outcome);
void alerting_take_snapshot(struct alerting *alerting, struct snapshot *snapshot);

/* Has an alert send a message that says it is a test. False when there is no such alert, or it cannot send. */
bool alerting_test(struct alerting *alerting, const char *name);

#endif
