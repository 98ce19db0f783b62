#include "alert/alerting.h"

#include "alert/alert_host.h"
#include "alert/outbox.h"
#include "alert/plugin_calls.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS_MAX = OUTBOX_DONE_MAX + 2000 };

struct alert {
    struct alerting *alerting;
    struct script *script; /* a reference */
    struct outbox outbox;
    struct check *sending;
    size_t sending_count; /* items of the message that is being sent; 0 = it is a test */
    unsigned failures;    /* in a row */
    int64_t failing_since_us;
    int64_t retry_at_us; /* wall clock */
    int64_t sent_us;     /* the last success; 0 = none in this run */
    uint64_t messages;
    uint64_t given_up; /* items */
    char error[VERDICT_MESSAGE_MAX];
};

struct alerting {
    struct loop *loop;
    struct alerting_sinks sinks;
    struct alert_host *host;
    struct alert **alerts; /* owned; as many as the host's */
    struct plugin_calls *plugins;
    struct snapshot *snapshot; /* the latest; NULL before */
    struct buf shown;          /* what was shown last */
    struct timer timer;
    bool started;
};

/* -- sending -- */

static const char *name_of(const struct alert *alert)
{
    return alert->outbox.settings->name;
}

static void remember(struct alert *alert)
{
    struct alert_mark *marks;
    const struct alerting_sinks *sinks = &alert->alerting->sinks;
    if (!alert->outbox.changed || !alert->alerting->started)
        return;
    marks = calloc(MARKS_MAX, sizeof(*marks));
    if (marks == NULL)
        return;
    alert->outbox.changed = false;
    sinks->remember(sinks->user, name_of(alert), marks, outbox_memory(&alert->outbox, marks, MARKS_MAX));
    free(marks);
}

static int64_t pause_us(unsigned failures)
{
    int64_t pause_ms = ALERT_RETRY_MIN_MS;
    while (failures-- > 1 && pause_ms < ALERT_RETRY_MAX_MS)
        pause_ms *= 2;
    return (pause_ms < ALERT_RETRY_MAX_MS ? pause_ms : ALERT_RETRY_MAX_MS) * 1000;
}

static void note_failure(struct alert *alert, const struct verdict *verdict, int64_t now_us)
{
    int64_t give_up_us = alert->outbox.settings->give_up_ms * 1000;
    if (alert->failures++ == 0)
        alert->failing_since_us = now_us;
    snprintf(alert->error, sizeof(alert->error), "%s", verdict->message);
    bool too_long = now_us - alert->failing_since_us >= give_up_us;
    if (verdict->final || too_long) {
        log_error("alerts", "%s: %zu events are not told: %s%s", name_of(alert), alert->sending_count, verdict->message,
                  too_long ? "; tried long enough" : "");
        alert->given_up += alert->sending_count;
        outbox_settle(&alert->outbox, alert->sending_count, false, now_us);
        alert->failures = 0;
        return;
    }
    alert->retry_at_us = verdict->retry_at_us > now_us ? verdict->retry_at_us : now_us + pause_us(alert->failures);
    if (alert->retry_at_us > now_us + give_up_us)
        alert->retry_at_us = now_us + give_up_us;
    log_warning("alerts", "%s: cannot be sent, is tried again in %.0f s: %s", name_of(alert),
                (double)(alert->retry_at_us - now_us) / 1e6, verdict->message);
}

static void on_sent(const struct verdict *verdict, void *user)
{
    struct alert *alert = user;
    int64_t now_us = clock_wall_us();
    alert->sending = NULL;
    if (alert->sending_count == 0) { /* a test */
        log_info("alerts", "%s: the test %s%s", name_of(alert),
                 verdict->ok ? "was sent" : "failed: ", verdict->message);
        snprintf(alert->error, sizeof(alert->error), "%s", verdict->ok ? "" : verdict->message);
        return;
    }
    if (verdict->ok) {
        alert->failures = 0;
        alert->error[0] = '\0';
        alert->sent_us = now_us;
        ++alert->messages;
        outbox_settle(&alert->outbox, alert->sending_count, true, now_us);
        log_info("alerts", "%s: told of %zu events", name_of(alert), alert->sending_count);
    } else {
        note_failure(alert, verdict, now_us);
    }
    remember(alert);
}

static bool start_sending(struct alert *alert, const struct buf *message, size_t count)
{
    struct check_order order = {
        .purpose = CHECK_CALL,
        .key = CHECK_NO_KEY,
        .timeout_ms = ALERT_SEND_TIMEOUT_MS,
        .function = "send",
        .argument = buf_text(message),
    };
    alert->sending_count = count;
    alert->sending = buf_ok(message) ? check_start(alert->script, 0, &order, on_sent, alert) : NULL;
    if (alert->sending == NULL)
        log_error("alerts", "%s: out of memory for a message", name_of(alert));
    return alert->sending != NULL;
}

static void look(struct alert *alert, int64_t now_us)
{
    struct buf message = BUF_EMPTY;
    if (lacks(alert->script) != NULL)
        return;
    bool due = outbox_look(&alert->outbox, alert->alerting->snapshot, now_us);
    if (due && alert->sending == NULL && (alert->failures == 0 || now_us >= alert->retry_at_us)) {
        size_t count = outbox_write(&alert->outbox, name_of(alert), now_us, &message);
        start_sending(alert, &message, count);
        buf_dispose(&message);
    }
    remember(alert);
}

bool alerting_test(struct alerting *alerting, const char *name)
{
    struct alert_settings settings = {.name = (char *)(uintptr_t)name};
    struct alert_config none = {.alert_count = 0};
    for (size_t i = 0; i < alerting->host->alert_count; ++i) {
        struct alert *alert = alerting->alerts[i];
        if (strcmp(name_of(alert), name) != 0 || alert->sending != NULL || lacks(alert->script) != NULL)
            continue;
        struct event_parts parts = {.id = 1, .kind = EVENT_STARTED, .message = "this is a test of the alert"};
        struct event *event = event_new(&parts);
        struct buf message = BUF_EMPTY;
        char kind[] = "started";
        char *kinds[] = {kind, NULL};
        struct outbox outbox = {.settings = &settings, .config = &none};
        settings.kinds = kinds;
        if (event != NULL)
            outbox_take(&outbox, event, clock_wall_us());
        outbox_write(&outbox, name, clock_wall_us(), &message);
        outbox_dispose(&outbox);
        event_release(event);
        bool started = start_sending(alert, &message, 0);
        buf_dispose(&message);
        return started;
    }
    return false;
}

/* -- the timer -- */

static void show(struct alerting *alerting);

static void on_timer(struct timer *timer, void *user)
{
    struct alerting *alerting = user;
    char argument[64];
    int64_t now_us = clock_wall_us();
    timer_start(alerting->loop, timer, loop_now_us(alerting->loop) + PLUGIN_TICK_MS * 1000);
    for (size_t i = 0; i < alerting->host->alert_count; ++i)
        look(alerting->alerts[i], now_us);
    snprintf(argument, sizeof(argument), "{\"time\":%.3f}", (double)now_us / 1e6);
    for (size_t i = 0; i < alerting->host->plugin_count; ++i)
        plugin_calls_add(&alerting->plugins[i], ON_TICK, argument);
    show(alerting);
}

/* Nothing to do costs nothing. */
static void arm(struct alerting *alerting)
{
    bool any = alerting->host->alert_count != 0 || alerting->host->plugin_count != 0;
    if (!any)
        timer_stop(alerting->loop, &alerting->timer);
    else if (!timer_armed(&alerting->timer) && alerting->started)
        timer_start(alerting->loop, &alerting->timer, loop_now_us(alerting->loop) + PLUGIN_TICK_MS * 1000);
}

/* -- alerts and hosts -- */

static struct alert *alert_new(struct alerting *alerting, const struct alert_host *host, size_t i)
{
    struct alert *alert = calloc(1, sizeof(*alert));
    if (alert == NULL)
        return NULL;
    alert->alerting = alerting;
    alert->script = script_retain(host->alerts[i].script);
    alert->outbox.settings = host->alerts[i].settings;
    alert->outbox.config = &host->generation->config->alerting;
    return alert;
}

static void alert_free(struct alert *alert)
{
    if (alert == NULL)
        return;
    if (alert->sending != NULL)
        check_cancel(alert->sending);
    outbox_dispose(&alert->outbox);
    script_release(alert->script);
    free(alert);
}

/* What was being sent is sent again by the new script; nothing of it was settled. */
static void take_over(struct alert *alert, struct alert *old)
{
    struct outbox fresh = alert->outbox;
    if (old->sending != NULL)
        check_cancel(old->sending);
    old->sending = NULL;
    alert->outbox = old->outbox;
    alert->outbox.settings = fresh.settings;
    alert->outbox.config = fresh.config;
    old->outbox = (struct outbox){.settings = NULL};
    alert->sent_us = old->sent_us;
    alert->messages = old->messages;
    alert->given_up = old->given_up;
}

static struct alert *find_alert(const struct alerting *alerting, const char *name)
{
    for (size_t i = 0; alerting->alerts != NULL && i < alerting->host->alert_count; ++i) {
        if (strcmp(name_of(alerting->alerts[i]), name) == 0)
            return alerting->alerts[i];
    }
    return NULL;
}

static void free_all(struct alerting *alerting)
{
    for (size_t i = 0; alerting->alerts != NULL && i < alerting->host->alert_count; ++i)
        alert_free(alerting->alerts[i]);
    for (size_t i = 0; alerting->plugins != NULL && i < alerting->host->plugin_count; ++i)
        plugin_calls_end(&alerting->plugins[i]);
    free(alerting->alerts);
    free(alerting->plugins);
    alert_host_free(alerting->host);
}

/* False when memory ran out; then nothing has changed. */
static bool put_in_service(struct alerting *alerting, struct alert_host *host, int64_t last_id)
{
    struct alert **alerts = calloc(host->alert_count + 1, sizeof(struct alert *));
    struct plugin_calls *plugins = calloc(host->plugin_count + 1, sizeof(*plugins));
    bool whole = alerts != NULL && plugins != NULL;
    for (size_t i = 0; i < host->alert_count && whole; ++i)
        whole = (alerts[i] = alert_new(alerting, host, i)) != NULL;
    if (!whole) {
        for (size_t i = 0; alerts != NULL && i < host->alert_count; ++i)
            alert_free(alerts[i]);
        free(alerts);
        free(plugins);
        return false;
    }
    for (size_t i = 0; i < host->alert_count; ++i) {
        struct alert *old = find_alert(alerting, name_of(alerts[i]));
        if (old != NULL)
            take_over(alerts[i], old);
        else
            alerts[i]->outbox.last_id = alerts[i]->outbox.place = last_id;
    }
    for (size_t i = 0; i < host->plugin_count; ++i)
        plugin_calls_begin(&plugins[i], &host->plugins[i]);
    free_all(alerting);
    alerting->host = host;
    alerting->alerts = alerts;
    alerting->plugins = plugins;
    arm(alerting);
    if (alerting->started)
        show(alerting);
    return true;
}

struct alerting *alerting_new(struct loop *loop, struct alert_host *host, const struct alerting_sinks *sinks)
{
    struct alerting *alerting = calloc(1, sizeof(*alerting));
    if (alerting != NULL) {
        alerting->loop = loop;
        alerting->sinks = *sinks;
        timer_init(&alerting->timer, on_timer, alerting);
    }
    if (alerting != NULL && put_in_service(alerting, host, 0))
        return alerting;
    free(alerting);
    alert_host_free(host);
    return NULL;
}

void alerting_free(struct alerting *alerting)
{
    if (alerting == NULL)
        return;
    for (size_t i = 0; i < alerting->host->alert_count; ++i)
        remember(alerting->alerts[i]);
    timer_stop(alerting->loop, &alerting->timer);
    free_all(alerting);
    snapshot_release(alerting->snapshot);
    buf_dispose(&alerting->shown);
    free(alerting);
}

void alerting_apply(struct alerting *alerting, struct alert_host *host, int64_t last_id)
{
    if (!put_in_service(alerting, host, last_id)) {
        log_error("alerts", "out of memory for the alerts; the former ones stay");
        alert_host_free(host);
        return;
    }
    for (size_t i = 0; i < host->plugin_count; ++i)
        plugin_calls_add(&alerting->plugins[i], ON_RELOAD, "{}");
}

/* -- at start -- */

const char *alerting_name(const struct alerting *alerting, size_t i)
{
    return i < alerting->host->alert_count ? name_of(alerting->alerts[i]) : NULL;
}

void alerting_recall(struct alerting *alerting, size_t i, const struct alert_mark *mark, struct event *event)
{
    struct outbox *outbox = &alerting->alerts[i]->outbox;
    switch (mark->what) {
    case ALERT_MARK_PLACE:
        outbox->place = outbox->last_id = mark->event_id;
        break;
    case ALERT_MARK_TOLD:
        if (event != NULL)
            outbox_recall_told(outbox, event, mark->told_us);
        break;
    case ALERT_MARK_DONE:
        outbox_recall_done(outbox, mark->event_id);
        break;
    }
}

int64_t alerting_place(const struct alerting *alerting, size_t i)
{
    return outbox_place(&alerting->alerts[i]->outbox);
}

void alerting_replay(struct alerting *alerting, size_t i, struct event *event)
{
    outbox_take(&alerting->alerts[i]->outbox, event, clock_wall_us());
}

void alerting_start(struct alerting *alerting, int64_t last_id)
{
    for (size_t i = 0; i < alerting->host->alert_count; ++i) {
        struct outbox *outbox = &alerting->alerts[i]->outbox;
        if (outbox->place == 0)
            outbox->place = last_id;
        if (outbox->last_id < last_id)
            outbox->last_id = last_id;
        outbox->changed = true;
    }
    alerting->started = true;
    arm(alerting);
    show(alerting);
}

/* -- what happens -- */

static void write_event(const struct event *event, struct buf *out)
{
    struct buf text = BUF_EMPTY;
    struct json j = json_begin(out);
    event_describe(event, &text);
    json_object(&j);
    json_key(&j, "id");
    json_int(&j, event->id);
    json_member_text(&j, "kind", event_kind_name(event->kind));
    json_member_text_or_null(&j, "provider", event->provider);
    json_key(&j, "key");
    if (event->key != 0)
        json_uint(&j, event->key);
    else
        json_null(&j);
    json_member_text_or_null(&j, "from", event->from);
    json_member_text_or_null(&j, "to", event->to);
    json_member_text(&j, "message", event->message);
    json_member_text(&j, "text", buf_text(&text));
    json_key(&j, "time");
    json_double(&j, (double)event->at_us / 1e6);
    json_end(&j);
    buf_dispose(&text);
}

void alerting_take_event(struct alerting *alerting, struct event *event)
{
    struct buf argument = BUF_EMPTY;
    int64_t now_us = clock_wall_us();
    for (size_t i = 0; i < alerting->host->alert_count; ++i)
        outbox_take(&alerting->alerts[i]->outbox, event, now_us);
    if (alerting->host->plugin_count == 0)
        return;
    write_event(event, &argument);
    for (size_t i = 0; i < alerting->host->plugin_count && buf_ok(&argument); ++i) {
        plugin_calls_add(&alerting->plugins[i], ON_EVENT, buf_text(&argument));
        if (event->kind == EVENT_STATUS)
            plugin_calls_add(&alerting->plugins[i], ON_STATUS_CHANGE, buf_text(&argument));
    }
    buf_dispose(&argument);
}

static bool anybody_wants_checks(const struct alerting *alerting)
{
    for (size_t i = 0; i < alerting->host->plugin_count; ++i) {
        if (alerting->plugins[i].has[ON_CHECK])
            return true;
    }
    return false;
}

void alerting_take_check(struct alerting *alerting, const struct check_outcome *outcome)
{
    struct buf argument = BUF_EMPTY;
    const struct key_view *key = outcome->key;
    if (!anybody_wants_checks(alerting))
        return;
    struct json j = json_begin(&argument);
    json_object(&j);
    json_member_text(&j, "provider", outcome->view->name);
    json_member_text(&j, "status", health_status_name(outcome->view->status));
    json_key(&j, "ok");
    json_bool(&j, outcome->ok);
    json_key(&j, "counted");
    json_bool(&j, outcome->counted);
    json_member_measure(&j, "latency_ms", key->response_time_ms);
    json_member_measure(&j, "rate_limit_percent", key->rate_limit_percent);
    json_key(&j, "http_status");
    json_int(&j, key->http_status);
    json_member_text_or_null(&j, "reason", key->reason);
    json_member_text_or_null(&j, "error_kind", key->error_kind);
    json_member_text(&j, "message", key->error_message);
    json_key(&j, "time");
    json_double(&j, (double)key->last_check_us / 1e6);
    json_end(&j);
    for (size_t i = 0; i < alerting->host->plugin_count && buf_ok(&argument); ++i)
        plugin_calls_add(&alerting->plugins[i], ON_CHECK, buf_text(&argument));
    buf_dispose(&argument);
}

void alerting_take_snapshot(struct alerting *alerting, struct snapshot *snapshot)
{
    snapshot_release(alerting->snapshot);
    alerting->snapshot = snapshot_retain(snapshot);
}

/* -- showing -- */

static void write_alert(struct json *j, const struct alert *alert)
{
    const struct outbox *outbox = &alert->outbox;
    size_t open = 0;
    for (size_t i = 0; i < outbox->problem_count; ++i)
        open += outbox->problems[i].told;
    json_object(j);
    json_member_text(j, "name", outbox->settings->name);
    json_member_text(j, "use", outbox->settings->use != NULL ? outbox->settings->use : outbox->settings->name);
    json_key(j, "missing");
    json_text(j, lacks(alert->script));
    json_key(j, "problems");
    json_uint(j, outbox->problem_count);
    json_key(j, "problems_told");
    json_uint(j, open);
    json_key(j, "waiting");
    json_uint(j, outbox->item_count);
    json_key(j, "messages");
    json_uint(j, alert->messages);
    json_key(j, "given_up");
    json_uint(j, alert->given_up);
    json_key(j, "last_sent");
    if (alert->sent_us != 0)
        json_time(j, alert->sent_us);
    else
        json_null(j);
    json_member_text_or_null(j, "error", alert->error);
    json_key(j, "retry_at");
    if (alert->failures != 0)
        json_time(j, alert->retry_at_us);
    else
        json_null(j);
    json_end(j);
}

static void write_all(const struct alerting *alerting, struct buf *out)
{
    struct json j = json_begin(out);
    json_object(&j);
    json_key(&j, "alerts");
    json_array(&j);
    for (size_t i = 0; i < alerting->host->alert_count; ++i)
        write_alert(&j, alerting->alerts[i]);
    json_end(&j);
    json_key(&j, "plugins");
    json_array(&j);
    for (size_t i = 0; i < alerting->host->plugin_count; ++i) {
        const struct plugin_calls *plugin = &alerting->plugins[i];
        json_object(&j);
        json_member_text(&j, "name", plugin->name);
        json_key(&j, "missing");
        json_text(&j, lacks(plugin->script));
        json_key(&j, "waiting");
        json_uint(&j, plugin->count);
        json_key(&j, "dropped");
        json_uint(&j, plugin->dropped);
        json_key(&j, "failures");
        json_uint(&j, plugin->failures);
        json_member_text_or_null(&j, "error", plugin->error);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
}

static void show(struct alerting *alerting)
{
    struct buf text = BUF_EMPTY;
    write_all(alerting, &text);
    if (buf_ok(&text) && strcmp(buf_text(&text), buf_text(&alerting->shown)) != 0) {
        alerting->sinks.show(alerting->sinks.user, buf_text(&text), text.len);
        struct buf old = alerting->shown;
        alerting->shown = text;
        text = old;
    }
    buf_dispose(&text);
}
