/* aliases: which models of different providers are one and the same.
 *
 * Two ids match when they are equal without regard to case, to the vendor's name before the last slash, to "models/"
 * before it and to ":free" and the like behind it; or when a configured alias (model_aliases) holds both.
 *
 * Thread: built on the loop thread; immutable from then on, and counted, since HTTP threads read it.
 */
#ifndef PROVIDERD_HEALTH_ALIASES_H
#define PROVIDERD_HEALTH_ALIASES_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

struct alias_list;

/* A copy of the configuration's; NULL when memory ran out. One reference. */
struct alias_list *alias_list_new(const struct config *config);
struct alias_list *alias_list_retain(struct alias_list *list);
void alias_list_release(struct alias_list *list); /* NULL is allowed */

enum { MODEL_NAME_MAX = 128 };

/* The name by which an id is known: the alias that holds it, else the id in lower case without vendor and variant.
 * `list` may be NULL. */
void model_name(const struct alias_list *list, const char *id, char out[MODEL_NAME_MAX]);

#endif
