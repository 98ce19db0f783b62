#include "alert/plugin_calls.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plugin_call {
    struct plugin_call *next;
    enum plugin_function function;
    char argument[];
};

static void run_next(struct plugin_calls *calls);

static void on_done(const struct verdict *verdict, void *user)
{
    struct plugin_calls *calls = user;
    calls->running = NULL;
    if (!verdict->ok) {
        ++calls->failures;
        if (strcmp(calls->error, verdict->message) != 0) /* once, not for each event */
            log_error("plugins", "%s: %s", calls->name, verdict->message);
        snprintf(calls->error, sizeof(calls->error), "%s", verdict->message);
    }
    run_next(calls);
}

static struct plugin_call *pop(struct plugin_calls *calls)
{
    struct plugin_call *call = calls->first;
    calls->first = call->next;
    --calls->count;
    return call;
}

static void run_next(struct plugin_calls *calls)
{
    if (calls->running != NULL || calls->first == NULL)
        return;
    struct plugin_call *call = pop(calls);
    struct check_order order = {
        .purpose = CHECK_CALL,
        .key = CHECK_NO_KEY,
        .timeout_ms = ALERT_SEND_TIMEOUT_MS,
        .function = plugin_function_name(call->function),
        .argument = call->argument,
    };
    calls->running = check_start(calls->script, 0, &order, on_done, calls);
    if (calls->running == NULL)
        log_error("plugins", "%s: out of memory for a call", calls->name);
    free(call);
}

static bool tick_waits(const struct plugin_calls *calls)
{
    for (const struct plugin_call *call = calls->first; call != NULL; call = call->next) {
        if (call->function == ON_TICK)
            return true;
    }
    return false;
}

void plugin_calls_add(struct plugin_calls *calls, enum plugin_function function, const char *argument)
{
    if (!calls->has[function] || (function == ON_TICK && tick_waits(calls)))
        return;
    size_t size = strlen(argument) + 1;
    struct plugin_call *call = calls->count < PLUGIN_CALLS_MAX ? malloc(sizeof(*call) + size) : NULL;
    if (call == NULL) {
        if (calls->dropped++ == 0)
            log_error("plugins", "%s: too slow: %d calls wait already, further ones are dropped", calls->name,
                      PLUGIN_CALLS_MAX);
        return;
    }
    *call = (struct plugin_call){.function = function};
    memcpy(call->argument, argument, size);
    if (calls->first == NULL)
        calls->first = call;
    else
        calls->last->next = call;
    calls->last = call;
    ++calls->count;
    run_next(calls);
}

void plugin_calls_begin(struct plugin_calls *calls, const struct loaded_plugin *plugin)
{
    *calls = (struct plugin_calls){.name = plugin->name, .script = script_retain(plugin->script), .has = plugin->has};
    if (lacks(plugin->script) != NULL) {
        static const bool none[PLUGIN_FUNCTIONS];
        calls->has = none;
    }
}

void plugin_calls_end(struct plugin_calls *calls)
{
    if (calls->running != NULL)
        check_cancel(calls->running);
    calls->running = NULL;
    while (calls->first != NULL)
        free(pop(calls));
    script_release(calls->script);
}
