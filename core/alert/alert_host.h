/* alert_host: the Lua files of alerts and plugins that one configuration names, loaded. Internal to alert/. */
#ifndef PROVIDERD_ALERT_ALERT_HOST_H
#define PROVIDERD_ALERT_ALERT_HOST_H

#include "alert/alerting.h"
#include "script/plugin_script.h"

struct loaded_alert {
    const struct alert_settings *settings; /* the generation's */
    struct script *script;
};

enum plugin_function { ON_EVENT, ON_STATUS_CHANGE, ON_CHECK, ON_TICK, ON_RELOAD, PLUGIN_FUNCTIONS };

struct loaded_plugin {
    const char *name; /* the generation's */
    struct script *script;
    bool has[PLUGIN_FUNCTIONS];
};

struct alert_host {
    struct generation *generation; /* a reference */
    struct loaded_alert *alerts;
    size_t alert_count;
    struct loaded_plugin *plugins;
    size_t plugin_count;
};

const char *plugin_function_name(enum plugin_function function);

/* Why a script cannot work; NULL when it can. */
static inline const char *lacks(const struct script *script)
{
    return script_provider(script, 0)->missing;
}

#endif
