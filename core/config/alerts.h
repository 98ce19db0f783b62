/* alerts: who is to be told of what, as the configuration says; and when work on providers is announced.
 *
 * Thread: any; nothing changes once loaded.
 */
#ifndef PROVIDERD_CONFIG_ALERTS_H
#define PROVIDERD_CONFIG_ALERTS_H

#include "config/busy_hours.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alert_settings {
    char *name;
    char *use;               /* the file in alerts/ that sends; NULL = of the same name */
    char **providers;        /* whose events; NULL or empty = all, and those of no provider */
    char **kinds;            /* of events; NULL or empty = the usual ones */
    int64_t after_ms;        /* a problem must last so long before it is told */
    int64_t after_failures;  /* and so many checks in a row must have failed */
    bool quiet_resolved;     /* that it is over is not told */
    int64_t remind_ms;       /* again after so long while it lasts; 0 = not */
    int64_t group_ms;        /* events within that time go out together */
    struct busy_hours quiet; /* what happens then is told when they are over */
    int64_t give_up_ms;      /* what could not be delivered for so long is dropped */
    char *settings;          /* of the file, as Lua source; NULL = none */
};

/* Nobody is told of problems of these providers then; what is still wrong afterwards is told then. */
struct maintenance {
    char **providers;        /* NULL or empty = all */
    struct busy_hours hours; /* every week; none = always within: */
    int64_t from_us;         /* wall clock; 0 = since ever */
    int64_t to_us;           /* 0 = for ever */
};

/* A plugin that is not an alert. */
struct plugin_settings {
    char *name;     /* of the file */
    char *settings; /* as Lua source */
};

struct alert_config {
    struct alert_settings *alerts; /* ascending by name */
    size_t alert_count;
    struct maintenance *maintenances;
    size_t maintenance_count;
    struct plugin_settings *plugins; /* ascending by name */
    size_t plugin_count;
};

void alert_config_dispose(struct alert_config *config);

/* Whether work on a provider is announced for a moment; of no provider ("") only where it is for all. */
bool maintenance_holds(const struct alert_config *config, const char *provider, int64_t wall_us);

#endif
