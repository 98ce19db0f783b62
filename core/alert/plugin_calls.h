/* plugin_calls: what a plugin is told, one call after the other. Internal to alert/. */
#ifndef PROVIDERD_ALERT_PLUGIN_CALLS_H
#define PROVIDERD_ALERT_PLUGIN_CALLS_H

#include "alert/alert_host.h"

struct plugin_call;

struct plugin_calls {
    const char *name;
    struct script *script; /* a reference */
    const bool *has;       /* by enum plugin_function; the host's */
    struct plugin_call *first;
    struct plugin_call *last; /* undefined while there is none */
    size_t count;
    struct check *running;
    uint64_t dropped;
    uint64_t failures;
    char error[VERDICT_MESSAGE_MAX]; /* of the last call that failed; "" = none did */
};

void plugin_calls_begin(struct plugin_calls *calls, const struct loaded_plugin *plugin);
void plugin_calls_end(struct plugin_calls *calls); /* cancels the call that runs */

/* Queues a call, if the plugin has the function; `argument` is JSON, copied. A tick is left out while one waits. */
void plugin_calls_add(struct plugin_calls *calls, enum plugin_function function, const char *argument);

#endif
