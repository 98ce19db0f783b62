/* new_command: `providerd new NAME [--kind KIND]`: writes a commented provider script to start from.
 *
 * The script is lib/templates/KIND.lua of the provider paths with "@NAME@" replaced by the name and "@VARIABLE@" by
 * what its variables begin with: "ACME_AI" of "acme-ai".
 */
#ifndef PROVIDERD_DAEMON_NEW_COMMAND_H
#define PROVIDERD_DAEMON_NEW_COMMAND_H

#include "daemon/parts.h"

/* Writes NAME.lua into the current folder; a file that is there is never overwritten. `kind` NULL = "openai".
 * Exit status: 0 or 2. */
int new_command(const struct settings *settings, const char *name, const char *kind);

#endif
