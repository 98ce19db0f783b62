/* secret: a credential that Lua can carry but not read.
 *
 * tostring() gives "***"; `..` with strings, numbers and secrets gives another secret; == compares values; .label and
 * .last4 may be shown. Only the prober opens one, and only towards an origin that the provider declared (request.h).
 * Every secret is told to the redactor when it is made, and wiped when Lua collects it.
 */
#ifndef PROVIDERD_SCRIPT_SECRET_H
#define PROVIDERD_SCRIPT_SECRET_H

#include "base/redact.h"

#include <lua.h>
#include <stddef.h>

enum { SECRET_LABEL_MAX = 96 };

struct secret {
    size_t len;
    char label[SECRET_LABEL_MAX]; /* where it came from: "GROQ_API_KEY_2"; "" = made of others */
    char bytes[];                 /* not NUL-terminated */
};

/* Adds the metatable and the global function secret(text). `redactor` must outlive the state. [-0, +0, m] */
void secret_open(lua_State *L, struct redactor *redactor);

/* Pushes a new secret. [-0, +1, m] */
struct secret *secret_push(lua_State *L, const char *bytes, size_t len, const char *label);

/* Pushes the secret `prefix` .. `secret`. [-0, +1, m] */
void secret_push_prefixed(lua_State *L, const char *prefix, size_t prefix_len, const struct secret *secret);

/* The secret at `index`, NULL when the value is none. */
const struct secret *secret_at(lua_State *L, int index);

#endif
