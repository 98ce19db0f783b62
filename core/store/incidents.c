#include "store/incidents.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct waiting_incident {
    struct waiting_incident *next;
    struct incident_record record;
};

static bool same_incident(const struct incident_record *a, const struct incident_record *b)
{
    return a->started_us == b->started_us && a->key == b->key && strcmp(a->provider, b->provider) == 0;
}

static struct waiting_incident *find(const struct incident_list *list, const struct incident_record *record)
{
    for (struct waiting_incident *at = list->first; at != NULL; at = at->next) {
        if (same_incident(&at->record, record))
            return at;
    }
    return NULL;
}

static void append(struct incident_list *list, struct waiting_incident *incident)
{
    incident->next = NULL;
    if (list->first == NULL)
        list->end = &list->first;
    *list->end = incident;
    list->end = &incident->next;
    ++list->count;
}

bool incident_list_add(struct incident_list *list, const struct incident_record *record)
{
    struct waiting_incident *incident = find(list, record);
    if (incident != NULL) {
        incident->record = *record;
        return true;
    }
    if (list->count >= INCIDENTS_WAITING_MAX || (incident = malloc(sizeof(*incident))) == NULL)
        return false;
    incident->record = *record;
    append(list, incident);
    return true;
}

void incident_list_put_back(struct incident_list *into, struct incident_list *from)
{
    struct incident_list newer = *into;
    *into = *from;
    if (into->first == NULL)
        into->end = NULL;
    *from = (struct incident_list){NULL, NULL, 0};
    for (struct waiting_incident *at = newer.first, *next; at != NULL; at = next) {
        struct waiting_incident *older = find(into, &at->record);
        next = at->next;
        if (older == NULL) {
            append(into, at);
        } else {
            older->record = at->record;
            free(at);
        }
    }
}

void incident_list_dispose(struct incident_list *list)
{
    for (struct waiting_incident *at = list->first, *next; at != NULL; at = next) {
        next = at->next;
        free(at);
    }
    *list = (struct incident_list){NULL, NULL, 0};
}

/* -- writing -- */

int incidents_prepare(sqlite3 *handle, sqlite3_stmt **upsert)
{
    return sqlite3_prepare_v3(handle,
                              "INSERT INTO provider_incidents (provider_name, key, started, ended, kind, first_error,"
                              " checks_lost) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                              " ON CONFLICT (provider_name, key, started) DO UPDATE SET"
                              " ended = excluded.ended, checks_lost = excluded.checks_lost",
                              -1, SQLITE_PREPARE_PERSISTENT, upsert, NULL);
}

static int write_one(const struct incident_record *record, sqlite3_stmt *upsert)
{
    char started[CLOCK_ISO_MAX], ended[CLOCK_ISO_MAX];
    clock_format_sql(record->started_us, started);
    sqlite3_bind_text(upsert, 1, record->provider, -1, SQLITE_STATIC);
    sqlite3_bind_int64(upsert, 2, record->key);
    sqlite3_bind_text(upsert, 3, started, -1, SQLITE_STATIC);
    if (record->ended_us != 0) {
        clock_format_sql(record->ended_us, ended);
        sqlite3_bind_text(upsert, 4, ended, -1, SQLITE_STATIC);
    } else {
        sqlite3_bind_null(upsert, 4);
    }
    sqlite3_bind_text(upsert, 5, record->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(upsert, 6, record->first_error, -1, SQLITE_STATIC);
    sqlite3_bind_int64(upsert, 7, record->checks_lost);
    sqlite3_step(upsert);
    int result = sqlite3_reset(upsert);
    sqlite3_clear_bindings(upsert);
    return result;
}

int incidents_write(const struct incident_list *list, sqlite3_stmt *upsert)
{
    int result = SQLITE_OK;
    for (const struct waiting_incident *at = list->first; at != NULL && result == SQLITE_OK; at = at->next)
        result = write_one(&at->record, upsert);
    return result;
}
