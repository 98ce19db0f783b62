/* ask_command: `providerd status`, `best`, `history NAME` and `reload`: asks the daemon that runs by the same
 * configuration, and prints its answer for people, or as it came.
 *
 * The daemon is looked for at the first address of `listen`, or at PROVIDERD_URL; PROVIDERD_TOKEN is sent where it asks
 * for a token, PROVIDERD_CACERT names a PEM file with whom its certificate is to be checked by.
 *
 * Thread: the only one.
 */
#ifndef PROVIDERD_DAEMON_ASK_COMMAND_H
#define PROVIDERD_DAEMON_ASK_COMMAND_H

#include "daemon/parts.h"

#include <stdbool.h>

struct ask_wishes {
    bool json;  /* print the answer as it came */
    bool watch; /* of status: again at each change, until interrupted */
};

/* Exit statuses: 0 it answered (of best: and named somebody; of reload: and took the new configuration), 1 it did not,
 * refused, or nobody is up, 2 the configuration is wrong. */
int status_command(const struct settings *settings, const struct ask_wishes *wishes);
int best_command(const struct settings *settings, const struct ask_wishes *wishes);
int history_command(const struct settings *settings, const char *name, const struct ask_wishes *wishes);
int reload_command(const struct settings *settings, const struct ask_wishes *wishes);

#endif
