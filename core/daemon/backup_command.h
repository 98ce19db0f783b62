/* backup_command: `providerd backup FILE`: a whole copy of the database, also while the daemon runs. See
 * store/backup.h.
 */
#ifndef PROVIDERD_DAEMON_BACKUP_COMMAND_H
#define PROVIDERD_DAEMON_BACKUP_COMMAND_H

#include "daemon/parts.h"

/* Copies the database of the configuration, or of the command line, to `target`, which must not exist. SIGINT and
 * SIGTERM end it and leave nothing behind.
 * Exit status: 0 copied, 1 it could not be copied now, 2 it was asked for something that cannot be. */
int backup_command(const struct settings *settings, const char *target);

#endif
