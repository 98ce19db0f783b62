/* announcement: what a provider's public status page says: context beside what we measured, never the verdict.
 *
 * Thread: built on the loop thread; immutable from then on, and counted, since HTTP threads show it.
 */
#ifndef PROVIDERD_SCRIPT_ANNOUNCEMENT_H
#define PROVIDERD_SCRIPT_ANNOUNCEMENT_H

#include "base/redact.h"

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INCIDENTS_MAX = 8, INCIDENT_NAME_MAX = 200, INCIDENT_IMPACT_MAX = 32, ANNOUNCED_MESSAGE_MAX = 200 };

struct incident {
    char name[INCIDENT_NAME_MAX];
    char impact[INCIDENT_IMPACT_MAX];
    int64_t since_us; /* wall clock; 0 = not told */
};

struct announcement {
    atomic_uint references;
    char state[16];                      /* "operational", "degraded", "down", "maintenance" or "unknown" */
    char message[ANNOUNCED_MESSAGE_MAX]; /* the page's own words, or why it could not be read */
    int64_t updated_us;                  /* as the page says; 0 = not told */
    int64_t read_us;                     /* when we read it */
    bool stale;                          /* the page has not moved for long: no news */
    size_t incident_count;
    struct incident incidents[INCIDENTS_MAX];
};

/* Takes the table at `index` that lib/status_page.lua returned; its texts pass the redactor. [-0, +0, e] */
struct announcement *announcement_read(lua_State *L, int index, struct redactor *redactor);

/* One that says only that the page could not be read. NULL when memory ran out. */
struct announcement *announcement_unknown(const char *message);
struct announcement *announcement_retain(struct announcement *announcement);
void announcement_release(struct announcement *announcement); /* NULL is allowed */

#endif
