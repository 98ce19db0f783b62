/* parts: what the daemon and `providerd check` both need before anything can be probed: the loop, the prober, the
 * configuration and its generation of scripts. */
#ifndef PROVIDERD_DAEMON_PARTS_H
#define PROVIDERD_DAEMON_PARTS_H

#include "alert/alerting.h"
#include "base/redact.h"
#include "event/loop.h"
#include "health/generation.h"
#include "probe/prober.h"

#include <stddef.h>

/* What the command line says. Borrowed strings, NULL when not given. */
struct settings {
    const char *config_path;
    const char *listen;
    const char *database;
};

enum { FAULTS_MAX = 8192 }; /* room for the faults of a configuration and of every script */

struct parts {
    struct loop *loop;
    struct prober *prober;
    struct redactor *redactor;
};

/* The file, with the command line's overrides on top. NULL with the faults in `error`. */
struct config *settings_load(const struct settings *settings, char *error, size_t error_size);

/* 0, or -1 with the reason in `error`. parts_close() is due in both cases. */
int parts_open(struct parts *parts, const struct config *config, char *error, size_t error_size);
void parts_close(struct parts *parts);

/* Builds a generation from `config` (taken over, also on failure) with a fresh look at environment and env file.
 * `before`: the one in service, of which scripts that have not changed are kept; NULL = none.
 * `only_script`: of this file alone; NULL = of the provider paths. */
struct generation *parts_generation(const struct parts *parts, struct config *config, const struct generation *before,
                                    const char *only_script, char *error, size_t error_size);

/* Loads the alerts and plugins that the configuration of a generation names, likewise. NULL with the faults in `error`.
 */
struct alert_host *parts_alerts(const struct parts *parts, struct generation *generation, char *error,
                                size_t error_size);

#endif
