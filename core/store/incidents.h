/* incidents: outages on their way to provider_incidents: few, so they wait in a list of their own beside the queue.
 *
 * Thread: the store's mutex guards a list; one that was taken belongs to who took it. Internal to store/.
 */
#ifndef PROVIDERD_STORE_INCIDENTS_H
#define PROVIDERD_STORE_INCIDENTS_H

#include "store/store.h"

#include <sqlite3.h>

enum { INCIDENTS_WAITING_MAX = 20000 }; /* each of some 700 bytes */

struct waiting_incident;

struct incident_list {
    struct waiting_incident *first;
    struct waiting_incident **end; /* NULL while empty */
    size_t count;
};

/* Takes a copy; a waiting one of the same provider, key and start is replaced. False when memory ran out or the list is
 * full. */
bool incident_list_add(struct incident_list *list, const struct incident_record *record);

/* Moves all of `from` behind those of `into` that are older: what waits in `into` by then is newer and stays as it is.
 */
void incident_list_put_back(struct incident_list *into, struct incident_list *from);
void incident_list_dispose(struct incident_list *list);

int incidents_prepare(sqlite3 *handle, sqlite3_stmt **upsert); /* an SQLite result */

/* Writes every one, within the transaction of the caller. Returns an SQLite result. */
int incidents_write(const struct incident_list *list, sqlite3_stmt *upsert);

#endif
