/* env_file: variables from a file, for daemons whose environment nobody can change any more: add a key, send SIGHUP.
 *
 * Lines NAME=VALUE, optionally after "export"; blank lines and lines that begin with # are skipped. A value may stand
 * in single quotes (taken as it is) or double quotes (\" \\ \n \t are undone); unquoted, it ends at " #" and is
 * trimmed. Nothing is expanded. Of a name that comes twice, the first counts.
 */
#ifndef PROVIDERD_CONFIG_ENV_FILE_H
#define PROVIDERD_CONFIG_ENV_FILE_H

#include "script/environment.h"

#include <stddef.h>

/* Adds the file's variables; those already set win. 0, or -1 with "file:line: what was expected" in `error`. Messages
 * name variables, never values. */
int env_file_read(const char *path, struct environment *environment, char *error, size_t error_size);

#endif
