/* environment: the variables that scripts see. The process's own, then those of an env file.
 *
 * Immutable once shared; counted references. Thread: building on one, reading on any.
 */
#ifndef PROVIDERD_SCRIPT_ENVIRONMENT_H
#define PROVIDERD_SCRIPT_ENVIRONMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct environment;

/* From "NAME=value" strings ended by NULL, such as environ. NULL when memory ran out. */
struct environment *environment_new(const char *const *variables);
struct environment *environment_retain(struct environment *environment);
void environment_release(struct environment *environment); /* wipes the values; NULL is allowed */

/* Adds a variable unless it is set already. False when memory ran out. Before sharing only. */
bool environment_add(struct environment *environment, const char *name, const char *value);

/* The value, or NULL when unset or empty. Borrowed. */
const char *environment_get(const struct environment *environment, const char *name);

/* Whether both have the same variables with the same values. */
bool environment_equal(const struct environment *a, const struct environment *b);

/* The i-th name in ascending order, NULL past the last. Borrowed. */
const char *environment_name(const struct environment *environment, size_t i);

/* Whether a variable's value is a credential, by the words of its name (split at _): KEY, KEYS, TOKEN, SECRET,
 * PASSWORD, CREDENTIAL(S), whatever the case; unless the last word says where to find something: URI, URL, FILE, PATH,
 * BASE, ENDPOINT, HOST, DATE, TYPE, ID. */
bool environment_is_credential(const char *name);

#endif
