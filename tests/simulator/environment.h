/* environment: the variables by which a daemon finds the simulated providers. Thread: any. */
#ifndef SIMULATOR_ENVIRONMENT_H
#define SIMULATOR_ENVIRONMENT_H

#include "base/buf.h"

#include <stdbool.h>

/* Writes NAME=VALUE lines to `file` for a simulator at `origin` ("http://127.0.0.1:1"). `selection`: names with commas
 * between, "*" for all; NULL for those of the seed list. With vertex among them FILE.vertex.json holds its
 * credentials. False when a name is unknown or a file cannot be written, and a message for a human. */
bool environment_write(const char *file, const char *origin, const char *selection, char error[256]);

#endif
