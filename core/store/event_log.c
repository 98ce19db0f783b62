#include "store/event_log.h"

#include "base/clock.h"

#include <stdlib.h>

struct waiting_event {
    struct waiting_event *next;
    struct event *event; /* a reference */
};

static void drop_first(struct event_list *list)
{
    struct waiting_event *first = list->first;
    list->first = first->next;
    --list->count;
    event_release(first->event);
    free(first);
}

int event_list_add(struct event_list *list, struct event *event)
{
    struct waiting_event *waiting = malloc(sizeof(*waiting));
    if (waiting == NULL)
        return -1;
    *waiting = (struct waiting_event){.event = event_retain(event)};
    if (list->first == NULL)
        list->first = waiting;
    else
        list->last->next = waiting;
    list->last = waiting;
    if (++list->count <= EVENTS_WAITING_MAX)
        return 0;
    drop_first(list);
    return 1;
}

size_t event_list_put_back(struct event_list *into, struct event_list *from)
{
    size_t dropped = 0;
    if (from->first == NULL)
        return 0;
    if (into->first != NULL) {
        from->last->next = into->first;
        from->last = into->last;
    }
    from->count += into->count;
    *into = *from;
    *from = (struct event_list){NULL, NULL, 0};
    for (; into->count > EVENTS_WAITING_MAX; ++dropped)
        drop_first(into);
    return dropped;
}

void event_list_dispose(struct event_list *list)
{
    while (list->first != NULL)
        drop_first(list);
    *list = (struct event_list){NULL, NULL, 0};
}

/* -- writing -- */

int events_prepare(sqlite3 *handle, sqlite3_stmt **insert)
{
    return sqlite3_prepare_v3(handle,
                              "INSERT OR IGNORE INTO provider_events (id, time, kind, provider_name, key, from_value,"
                              " to_value, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                              -1, SQLITE_PREPARE_PERSISTENT, insert, NULL);
}

static int write_one(const struct event *event, sqlite3_stmt *insert)
{
    char time[CLOCK_ISO_MAX];
    int len = (int)clock_format_sql(event->at_us, time);
    sqlite3_bind_int64(insert, 1, event->id);
    sqlite3_bind_text(insert, 2, time, len, SQLITE_STATIC);
    sqlite3_bind_text(insert, 3, event_kind_name(event->kind), -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 4, event->provider, -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 5, event->key);
    sqlite3_bind_text(insert, 6, event->from, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 7, event->to, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 8, event->message, -1, SQLITE_STATIC);
    sqlite3_step(insert);
    int result = sqlite3_reset(insert);
    sqlite3_clear_bindings(insert);
    return result;
}

int events_write(const struct event_list *list, sqlite3_stmt *insert)
{
    int result = SQLITE_OK;
    for (const struct waiting_event *at = list->first; at != NULL && result == SQLITE_OK; at = at->next)
        result = write_one(at->event, insert);
    return result;
}
