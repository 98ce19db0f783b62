/* plugin_script: a script that is told what happens: an alert, or a plugin that does what it likes with it.
 *
 * The file returns a table: functions, which are called as coroutines with two arguments, what happened and the
 * settings; `settings`, a table of what can be set, with defaults, which those given are laid over; `origins`, URLs (or
 * a function of the settings that returns them) to which its secrets may go; `ready`, a function of the settings that
 * returns false and what is missing ("set SLACK_WEBHOOK_URL") when it cannot work.
 *
 * To a script a plugin is a provider of its own kind, the only one of its file (struct script_provider, is_plugin):
 * checks with the purpose CHECK_CALL call its functions. One that returns false failed: the second value is a text, or
 * a table { message = ..., retry_after = seconds, final = true } (final: to try again is of no use).
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_SCRIPT_PLUGIN_SCRIPT_H
#define PROVIDERD_SCRIPT_PLUGIN_SCRIPT_H

#include "script/script.h"

struct plugin_source {
    const char *path;
    const char *name;             /* its name in messages */
    const char *settings;         /* a table as Lua source; NULL = none are given */
    const char *const *functions; /* that it must have, ended by NULL */
};

/* NULL with the reason in `error`. What it lacks to work is script_provider(script, 0)->missing. */
struct script *plugin_script_load(const struct script_host *host, const struct plugin_source *source, char *error,
                                  size_t error_size);

/* Whether it has a function of this name. */
bool plugin_script_has(const struct script *script, const char *function);

#endif
