/* check_command: `providerd check [NAME...]`: probes once, prints, and tells by its exit status; and `providerd -t`. */
#ifndef PROVIDERD_DAEMON_CHECK_COMMAND_H
#define PROVIDERD_DAEMON_CHECK_COMMAND_H

#include "daemon/parts.h"

#include <stdbool.h>

/* Exit status: 0 every checked provider is healthy, 1 at least one is not, 2 could not check (a bad configuration, an
 * unknown name, nothing to check). `names` ends with NULL; empty = all. */
int check_command(const struct settings *settings, char *const *names, bool as_json);

/* Loads configuration, scripts and policies and says whether they are sound. Exit status: 0 or 2. */
int test_command(const struct settings *settings);

#endif
