#include "alert/outbox.h"

#include "alert/problem.h"
#include "base/json.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- problems -- */

static void drop_problem(struct outbox *outbox, size_t i)
{
    event_release(outbox->problems[i].event);
    memmove(&outbox->problems[i], &outbox->problems[i + 1],
            (outbox->problem_count - i - 1) * sizeof(*outbox->problems));
    --outbox->problem_count;
}

static struct problem *find_problem(const struct outbox *outbox, const struct event *event)
{
    for (size_t i = 0; i < outbox->problem_count; ++i) {
        if (event_same_matter(outbox->problems[i].event, event))
            return &outbox->problems[i];
    }
    return NULL;
}

static struct problem *add_problem(struct outbox *outbox, struct event *event)
{
    struct problem *grown = outbox->problem_count < OUTBOX_PROBLEMS_MAX
                                ? realloc(outbox->problems, (outbox->problem_count + 1) * sizeof(*grown))
                                : NULL;
    if (grown == NULL) {
        log_error("alerts", "%s: no room for another problem", outbox->settings->name);
        return NULL;
    }
    outbox->problems = grown;
    struct problem *problem = &grown[outbox->problem_count++];
    *problem = (struct problem){.event = event_retain(event)};
    return problem;
}

/* -- items -- */

static void dispose_item(struct item *item)
{
    event_release(item->event);
    event_release(item->began);
}

static bool add_item(struct outbox *outbox, struct event *event, struct event *began, enum item_state state,
                     int64_t now_us)
{
    struct item *grown = outbox->item_count < OUTBOX_ITEMS_MAX
                             ? realloc(outbox->items, (outbox->item_count + 1) * sizeof(*grown))
                             : NULL;
    if (grown == NULL) {
        log_error("alerts", "%s: no room for another event; it is not told", outbox->settings->name);
        return false;
    }
    outbox->items = grown;
    grown[outbox->item_count++] = (struct item){
        .event = event_retain(event), .began = began != NULL ? event_retain(began) : NULL, .state = state};
    if (outbox->grouping_since_us == 0)
        outbox->grouping_since_us = now_us;
    return true;
}

/* -- what is done -- */

static size_t done_place(const struct outbox *outbox, int64_t id)
{
    size_t i = outbox->done_count;
    while (i > 0 && outbox->done[i - 1] >= id)
        --i;
    return i;
}

static bool is_done(const struct outbox *outbox, int64_t id)
{
    size_t i = done_place(outbox, id);
    return i < outbox->done_count && outbox->done[i] == id;
}

void outbox_recall_done(struct outbox *outbox, int64_t id)
{
    size_t i = done_place(outbox, id);
    if (id <= outbox->place || (i < outbox->done_count && outbox->done[i] == id))
        return;
    if (outbox->done == NULL)
        outbox->done = calloc(OUTBOX_DONE_MAX, sizeof(*outbox->done));
    if (outbox->done == NULL || outbox->done_count == OUTBOX_DONE_MAX)
        return; /* it may be told twice after a restart */
    memmove(&outbox->done[i + 1], &outbox->done[i], (outbox->done_count - i) * sizeof(*outbox->done));
    outbox->done[i] = id;
    ++outbox->done_count;
}

/* The first event that is still to be dealt with; INT64_MAX = there is none. */
static int64_t first_open_id(const struct outbox *outbox)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < outbox->problem_count; ++i) {
        const struct problem *problem = &outbox->problems[i];
        if (!problem->told && problem->event->id < first)
            first = problem->event->id;
    }
    for (size_t i = 0; i < outbox->item_count; ++i) {
        if (outbox->items[i].state != ITEM_REMINDER && outbox->items[i].event->id < first)
            first = outbox->items[i].event->id;
    }
    return first;
}

/* Moves the place on as far as everything is dealt with. */
static void move_place(struct outbox *outbox)
{
    int64_t first = first_open_id(outbox);
    int64_t place = first == INT64_MAX ? outbox->last_id : first - 1;
    if (place <= outbox->place)
        return;
    outbox->place = place;
    size_t passed = 0;
    while (passed < outbox->done_count && outbox->done[passed] <= place)
        ++passed;
    if (passed != 0)
        memmove(outbox->done, outbox->done + passed, (outbox->done_count - passed) * sizeof(*outbox->done));
    outbox->done_count -= passed;
}

int64_t outbox_place(const struct outbox *outbox)
{
    return outbox->place;
}

/* -- taking in -- */

static bool concerns(const struct outbox *outbox, const struct event *event)
{
    char **names = outbox->settings->providers;
    if (!event_wanted(event, outbox->settings->kinds))
        return false;
    if (names == NULL || names[0] == NULL)
        return true;
    for (; *names != NULL; ++names) {
        if (strcmp(*names, event->provider) == 0)
            return true;
    }
    return false;
}

/* Whether a problem that is over by now, and was not told yet, lasted long enough to be: it may come from the log. */
static bool was_due(const struct outbox *outbox, const struct problem *problem, const struct event *end)
{
    const struct alert_settings *settings = outbox->settings;
    return end->at_us - problem->event->at_us >= settings->after_ms * 1000 && settings->after_failures == 0 &&
           !maintenance_holds(outbox->config, end->provider, end->at_us);
}

/* A problem is over. One that was not worth telling goes without a word; one that waits as an item goes out with its
 * end. */
static void end_problem(struct outbox *outbox, struct event *event, int64_t now_us)
{
    struct problem *problem = find_problem(outbox, event);
    if (problem == NULL)
        return;
    bool known = problem->told || problem->queued;
    if (!known && was_due(outbox, problem, event))
        known = add_item(outbox, problem->event, NULL, ITEM_OPEN, now_us);
    if (known && !outbox->settings->quiet_resolved && add_item(outbox, event, problem->event, ITEM_RESOLVED, now_us))
        outbox->items[outbox->item_count - 1].began_told = problem->told;
    drop_problem(outbox, (size_t)(problem - outbox->problems));
}

static void forget_provider(struct outbox *outbox, const char *provider)
{
    for (size_t i = outbox->problem_count; i-- > 0;) {
        if (strcmp(outbox->problems[i].event->provider, provider) == 0)
            drop_problem(outbox, i);
    }
}

void outbox_take(struct outbox *outbox, struct event *event, int64_t now_us)
{
    if (event->id <= outbox->last_id)
        return;
    outbox->last_id = event->id;
    outbox->changed = true;
    if (event->kind == EVENT_PROVIDER_REMOVED)
        forget_provider(outbox, event->provider);
    if (concerns(outbox, event) && !is_done(outbox, event->id)) {
        enum event_role role = event_role(event);
        bool is_known = role == EVENT_BEGINS && find_problem(outbox, event) != NULL;
        if (role == EVENT_ENDS)
            end_problem(outbox, event, now_us);
        else if (role == EVENT_BEGINS && !is_known)
            add_problem(outbox, event);
        else if (role == EVENT_TELLS && !maintenance_holds(outbox->config, event->provider, now_us))
            add_item(outbox, event, NULL, ITEM_NOTICE, now_us);
    }
    move_place(outbox);
}

/* -- what must be kept -- */

size_t outbox_memory(const struct outbox *outbox, struct alert_mark *marks, size_t max)
{
    size_t count = 0;
    if (max != 0)
        marks[count++] = (struct alert_mark){.what = ALERT_MARK_PLACE, .event_id = outbox->place};
    for (size_t i = 0; i < outbox->problem_count && count < max; ++i) {
        const struct problem *problem = &outbox->problems[i];
        if (problem->told)
            marks[count++] = (struct alert_mark){ALERT_MARK_TOLD, problem->event->id, problem->told_us};
    }
    for (size_t i = 0; i < outbox->item_count && count < max;
         ++i) { /* the end is not told yet: it will be looked for */
        const struct item *item = &outbox->items[i];
        if (item->began_told)
            marks[count++] = (struct alert_mark){ALERT_MARK_TOLD, item->began->id, item->began->at_us};
    }
    for (size_t i = 0; i < outbox->done_count && count < max; ++i)
        marks[count++] = (struct alert_mark){.what = ALERT_MARK_DONE, .event_id = outbox->done[i]};
    return count;
}

void outbox_recall_told(struct outbox *outbox, struct event *event, int64_t told_us)
{
    struct problem *problem = add_problem(outbox, event);
    if (problem == NULL)
        return;
    problem->told = true;
    problem->told_us = told_us;
}

/* -- looking -- */

static unsigned failures_of(const struct snapshot *snapshot, const struct event *event)
{
    const struct provider_view *view =
        snapshot != NULL ? snapshot_find(snapshot, event->provider, strlen(event->provider)) : NULL;
    if (view == NULL)
        return 0;
    for (size_t i = 0; i < view->key_count && event->key != 0; ++i) {
        if (view->keys[i]->number == event->key)
            return view->keys[i]->consecutive_failures;
    }
    return view->lead->consecutive_failures;
}

static bool counts_failures(const struct event *event)
{
    return event->kind == EVENT_INCIDENT_OPENED || event->kind == EVENT_STATUS || event->kind == EVENT_KEY_STATUS;
}

static bool is_due(const struct outbox *outbox, const struct problem *problem, const struct snapshot *snapshot,
                   int64_t now_us)
{
    const struct alert_settings *settings = outbox->settings;
    const struct event *event = problem->event;
    if (now_us - event->at_us < settings->after_ms * 1000 || maintenance_holds(outbox->config, event->provider, now_us))
        return false;
    return settings->after_failures == 0 || !counts_failures(event) ||
           failures_of(snapshot, event) >= (uint64_t)settings->after_failures;
}

static bool reminder_due(const struct outbox *outbox, const struct problem *problem, int64_t now_us)
{
    return problem->told && !problem->queued && outbox->settings->remind_ms != 0 &&
           now_us - problem->told_us >= outbox->settings->remind_ms * 1000 &&
           !maintenance_holds(outbox->config, problem->event->provider, now_us);
}

bool outbox_look(struct outbox *outbox, const struct snapshot *snapshot, int64_t now_us)
{
    const struct alert_settings *settings = outbox->settings;
    for (size_t i = 0; i < outbox->problem_count; ++i) {
        struct problem *problem = &outbox->problems[i];
        bool reminds = reminder_due(outbox, problem, now_us);
        if ((!problem->told && !problem->queued && is_due(outbox, problem, snapshot, now_us)) || reminds)
            problem->queued = add_item(outbox, problem->event, NULL, reminds ? ITEM_REMINDER : ITEM_OPEN, now_us);
    }
    int64_t waited_us = now_us - outbox->grouping_since_us;
    return outbox->item_count != 0 && (waited_us >= settings->group_ms * 1000 || waited_us < 0) &&
           !(settings->quiet.count != 0 && busy_hours_hold(&settings->quiet, now_us / 1000000));
}

void outbox_settle(struct outbox *outbox, size_t count, bool delivered, int64_t now_us)
{
    for (size_t i = 0; i < count; ++i) {
        struct item *item = &outbox->items[i];
        struct problem *problem = find_problem(outbox, item->event);
        if (problem != NULL && problem->event == item->event) {
            problem->queued = false;
            problem->told = problem->told || delivered;
            problem->told_us = now_us;
        }
        outbox_recall_done(outbox, item->event->id);
        dispose_item(item);
    }
    memmove(outbox->items, outbox->items + count, (outbox->item_count - count) * sizeof(*outbox->items));
    outbox->item_count -= count;
    outbox->grouping_since_us = outbox->item_count != 0 ? now_us : 0;
    /* What was given up is not to be told again either. */
    for (size_t i = outbox->problem_count; i-- > 0 && !delivered;) {
        if (!outbox->problems[i].told && is_done(outbox, outbox->problems[i].event->id))
            drop_problem(outbox, i);
    }
    outbox->changed = true;
    move_place(outbox);
}

/* -- the message -- */

static const char *const state_names[] = {
    [ITEM_OPEN] = "open", [ITEM_RESOLVED] = "resolved", [ITEM_REMINDER] = "reminder", [ITEM_NOTICE] = "notice"};

static const char *severity_of(const struct item *item)
{
    return item->state == ITEM_RESOLVED ? "ok" : event_severity(item->event);
}

static void describe_item(const struct item *item, struct buf *out)
{
    if (item->state == ITEM_REMINDER)
        buf_append_text(out, "still: ");
    event_describe(item->event, out);
}

/* What services group by: the same for a problem, its reminders and its end. */
static void write_matter(struct json *j, const struct item *item)
{
    char matter[160];
    const struct event *event = item->began != NULL ? item->began : item->event;
    snprintf(matter, sizeof(matter), "providerd/%s/%s/%u/%lld", event_kind_name(event_beginning(event->kind)),
             event->provider, event->key, (long long)event->id);
    json_member_text(j, "matter", matter);
}

static void write_item(struct json *j, const struct item *item)
{
    struct buf text = BUF_EMPTY;
    const struct event *event = item->event;
    describe_item(item, &text);
    json_object(j);
    json_key(j, "id");
    json_int(j, event->id);
    json_member_text(j, "kind", event_kind_name(event->kind));
    json_member_text(j, "state", state_names[item->state]);
    json_member_text(j, "severity", severity_of(item));
    json_member_text_or_null(j, "provider", event->provider);
    json_key(j, "key");
    if (event->key != 0)
        json_uint(j, event->key);
    else
        json_null(j);
    json_member_text_or_null(j, "from", event->from);
    json_member_text_or_null(j, "to", event->to);
    json_member_text(j, "message", event->message);
    json_member_text(j, "text", buf_text(&text));
    write_matter(j, item);
    json_key(j, "time");
    json_double(j, (double)event->at_us / 1e6);
    json_key(j, "since");
    json_double(j, (double)(item->began != NULL ? item->began->at_us : event->at_us) / 1e6);
    json_end(j);
    buf_dispose(&text);
}

static int weight_of(const char *severity)
{
    static const char *const order[] = {"info", "ok", "warning", "critical"};
    int weight = 0;
    while (strcmp(order[weight], severity) != 0)
        ++weight;
    return weight;
}

static void write_title(struct json *j, const struct outbox *outbox)
{
    struct buf title = BUF_EMPTY;
    if (outbox->item_count == 1)
        describe_item(&outbox->items[0], &title);
    else
        buf_printf(&title, "%zu events", outbox->item_count);
    json_member_text(j, "title", buf_text(&title));
    buf_dispose(&title);
}

static void write_text(struct json *j, const struct outbox *outbox, size_t shown)
{
    struct buf text = BUF_EMPTY;
    for (size_t i = 0; i < shown; ++i) {
        buf_append_text(&text, i != 0 ? "\n" : "");
        describe_item(&outbox->items[i], &text);
    }
    if (shown < outbox->item_count)
        buf_printf(&text, "\nand %zu more", outbox->item_count - shown);
    json_member_text(j, "text", buf_text(&text));
    buf_dispose(&text);
}

size_t outbox_write(const struct outbox *outbox, const char *alert, int64_t now_us, struct buf *out)
{
    struct json j = json_begin(out);
    size_t shown = outbox->item_count < OUTBOX_SHOWN_MAX ? outbox->item_count : OUTBOX_SHOWN_MAX;
    const char *severity = "info";
    for (size_t i = 0; i < outbox->item_count; ++i) {
        const char *one = severity_of(&outbox->items[i]);
        severity = weight_of(one) > weight_of(severity) ? one : severity;
    }
    json_object(&j);
    json_member_text(&j, "alert", alert);
    json_key(&j, "time");
    json_double(&j, (double)now_us / 1e6);
    json_member_text(&j, "severity", severity);
    write_title(&j, outbox);
    write_text(&j, outbox, shown);
    json_key(&j, "count");
    json_uint(&j, outbox->item_count);
    json_key(&j, "items");
    json_array(&j);
    for (size_t i = 0; i < shown; ++i)
        write_item(&j, &outbox->items[i]);
    json_end(&j);
    json_end(&j);
    return outbox->item_count;
}

void outbox_dispose(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->problem_count; ++i)
        event_release(outbox->problems[i].event);
    for (size_t i = 0; i < outbox->item_count; ++i)
        dispose_item(&outbox->items[i]);
    free(outbox->problems);
    free(outbox->items);
    free(outbox->done);
    *outbox = (struct outbox){.settings = NULL};
}
