/* check_command: `providerd check [NAME...]` and `providerd check FILE`: probes once, prints, and tells by its exit
 * status; and `providerd -t`. */
#ifndef PROVIDERD_DAEMON_CHECK_COMMAND_H
#define PROVIDERD_DAEMON_CHECK_COMMAND_H

#include "daemon/parts.h"

#include <stdbool.h>

struct check_wishes {
    bool json;
    bool trace; /* every exchange is printed, without secrets; one provider after another then */
    bool whole; /* also the list of models and the status page */
    bool deep;  /* also a timed completion, which costs tokens */
};

/* `names`: of providers, ended by NULL, empty = all; or the path of one script, which is then loaded alone, asked for
 * everything but completions, and shown with every exchange. A word with a slash, or that ends in .lua, is a path. Each
 * key is checked.
 * Exit status: 0 every checked provider is healthy with each of its keys, 1 at least one is not, or something else that
 * was asked of it did not come, 2 could not check (a bad configuration or script, an unknown name, nothing to check).
 */
int check_command(const struct settings *settings, char *const *names, const struct check_wishes *wishes);

/* Loads configuration, scripts and policies and says whether they are sound. Exit status: 0 or 2. */
int test_command(const struct settings *settings);

#endif
