#include "store/alert_marks.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waiting_marks {
    struct waiting_marks *next;
    char alert[ALERT_NAME_MAX];
    size_t count;
    struct alert_mark marks[];
};

static struct waiting_marks **find(struct marks_list *list, const char *alert)
{
    struct waiting_marks **at = &list->first;
    while (*at != NULL && strcmp((*at)->alert, alert) != 0)
        at = &(*at)->next;
    return at;
}

static void put(struct marks_list *list, struct waiting_marks *waiting)
{
    struct waiting_marks **place = find(list, waiting->alert), *old = *place;
    waiting->next = old != NULL ? old->next : NULL;
    *place = waiting;
    list->count += old == NULL;
    free(old);
}

bool marks_list_add(struct marks_list *list, const char *alert, const struct alert_mark *marks, size_t count)
{
    struct waiting_marks *waiting = malloc(sizeof(*waiting) + count * sizeof(*marks));
    if (waiting == NULL)
        return false;
    snprintf(waiting->alert, sizeof(waiting->alert), "%s", alert);
    waiting->count = count;
    memcpy(waiting->marks, marks, count * sizeof(*marks));
    put(list, waiting);
    return true;
}

void marks_list_put_back(struct marks_list *into, struct marks_list *from)
{
    for (struct waiting_marks *at = from->first, *next; at != NULL; at = next) {
        next = at->next;
        if (*find(into, at->alert) == NULL)
            put(into, at);
        else
            free(at);
    }
    *from = (struct marks_list){NULL, 0};
}

void marks_list_dispose(struct marks_list *list)
{
    for (struct waiting_marks *at = list->first, *next; at != NULL; at = next) {
        next = at->next;
        free(at);
    }
    *list = (struct marks_list){NULL, 0};
}

/* -- writing -- */

static const char *const names[] = {
    [ALERT_MARK_PLACE] = "place", [ALERT_MARK_TOLD] = "told", [ALERT_MARK_DONE] = "done"};

int marks_prepare(sqlite3 *handle, struct marks_statements *statements)
{
    int result = sqlite3_prepare_v3(handle, "DELETE FROM provider_alert_marks WHERE alert = ?1", -1,
                                    SQLITE_PREPARE_PERSISTENT, &statements->forget, NULL);
    return result != SQLITE_OK ? result
                               : sqlite3_prepare_v3(handle,
                                                    "INSERT OR REPLACE INTO provider_alert_marks (alert, what,"
                                                    " event_id, told) VALUES (?1, ?2, ?3, ?4)",
                                                    -1, SQLITE_PREPARE_PERSISTENT, &statements->insert, NULL);
}

void marks_finalize(struct marks_statements *statements)
{
    sqlite3_finalize(statements->forget);
    sqlite3_finalize(statements->insert);
}

static int write_one(const char *alert, const struct alert_mark *mark, sqlite3_stmt *insert)
{
    char told[CLOCK_ISO_MAX];
    sqlite3_bind_text(insert, 1, alert, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 2, names[mark->what], -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 3, mark->event_id);
    if (mark->told_us != 0)
        sqlite3_bind_text(insert, 4, told, (int)clock_format_sql(mark->told_us, told), SQLITE_STATIC);
    sqlite3_step(insert);
    int result = sqlite3_reset(insert);
    sqlite3_clear_bindings(insert);
    return result;
}

int marks_write(const struct marks_list *list, const struct marks_statements *statements)
{
    int result = SQLITE_OK;
    for (const struct waiting_marks *at = list->first; at != NULL && result == SQLITE_OK; at = at->next) {
        sqlite3_bind_text(statements->forget, 1, at->alert, -1, SQLITE_STATIC);
        sqlite3_step(statements->forget);
        result = sqlite3_reset(statements->forget);
        sqlite3_clear_bindings(statements->forget);
        for (size_t i = 0; i < at->count && result == SQLITE_OK; ++i)
            result = write_one(at->alert, &at->marks[i], statements->insert);
    }
    return result;
}
