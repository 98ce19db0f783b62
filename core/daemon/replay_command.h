/* replay_command: `providerd replay`: what policies would have named in the past, and how their callers would have
 * fared. See replay/replay.h.
 */
#ifndef PROVIDERD_DAEMON_REPLAY_COMMAND_H
#define PROVIDERD_DAEMON_REPLAY_COMMAND_H

#include "daemon/parts.h"

#include <stdbool.h>

enum { REPLAY_POLICIES_MAX = 32 };

struct replay_wishes {
    const char *policies[REPLAY_POLICIES_MAX + 1]; /* names, or paths of files; none = all that are loaded */
    size_t policy_count;
    const char *since; /* a duration; NULL = "7d" */
    const char *every; /* a duration; NULL = "1m" */
    const char *with;  /* another configuration, to be tried beside the one in force; NULL = none */
    bool json;
    bool trace; /* every switch is printed */
};

/* Exit status: 0 done, 1 the past cannot be read, or there is none, 2 it was asked for something that cannot be. */
int replay_command(const struct settings *settings, const struct replay_wishes *wishes);

#endif
