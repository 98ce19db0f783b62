/* traits: what a provider's script says of it beside how to check it: whose machines it depends on, and what it can do.
 *
 *   upstream = "cerebras"                     or a list: what fails with it. The host of its base_url is one anyway.
 *   features = {"streaming", "tools"}         what every model of it can do; what single ones can do is in the list of
 *                                             models
 *
 * Thread: built on the loop thread; immutable from the first check on, and counted, since HTTP threads read it.
 */
#ifndef PROVIDERD_SCRIPT_TRAITS_H
#define PROVIDERD_SCRIPT_TRAITS_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    UPSTREAM_MAX = 64, /* bytes with NUL; a longer host is cut */
    UPSTREAMS_MAX = 8, /* the host among them */
    FEATURE_MAX = 32,  /* bytes with NUL; [a-z0-9_] */
    FEATURES_MAX = 16,
};

struct traits {
    atomic_uint references;
    size_t upstream_count;
    char upstreams[UPSTREAMS_MAX][UPSTREAM_MAX]; /* [0] is the host and port of its base_url, in lower case */
    size_t feature_count;
    char features[][FEATURE_MAX];
};

/* Reads the fields of the provider's table at `table`. [-0, +0, e] raises a text that begins with `who`. */
struct traits *traits_read(lua_State *L, int table, const char *who, const char *base_url);

/* The same with another base_url. Before anybody else holds a reference. */
void traits_set_base_url(struct traits *traits, const char *base_url);

struct traits *traits_retain(struct traits *traits);
void traits_release(struct traits *traits); /* NULL is allowed */

bool traits_have(const struct traits *traits, const char *feature); /* false for NULL */

/* Whether a text may name a feature. */
bool feature_is_sound(const char *name);

#endif
