/* prices: what calls cost, as the configuration says.
 *
 *   prices = { groq = 0.60, ["openai/gpt-4o-mini"] = { input = 0.15, output = 0.60 } }
 *
 * US dollars for a million tokens; what is compared is a million in and a million out together. "provider/model" holds
 * for one model, as the provider writes its id; "provider" for whatever else is asked of it.
 *
 * Thread: built on the loop thread; immutable from then on, and counted, since HTTP threads read it.
 */
#ifndef PROVIDERD_CONFIG_PRICES_H
#define PROVIDERD_CONFIG_PRICES_H

#include "script/models.h"

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct price_list;

enum { PRICE_FAULT_MAX = 256 };

/* Reads the table on top of the stack. One reference; NULL with what is wrong in `fault`. [-0, +0, m] */
struct price_list *price_list_read(lua_State *L, char fault[PRICE_FAULT_MAX]);
struct price_list *price_list_retain(struct price_list *list);
void price_list_release(struct price_list *list); /* NULL is allowed */

/* The price of a call: the configured one of the model, else the one in the provider's own list, else the configured
 * one of the provider; -1 = not known. `list` and `model` may be NULL. */
double price_of_call(const struct price_list *list, const char *provider, const struct model *model);

#endif
