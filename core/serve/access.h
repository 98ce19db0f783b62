/* access: whether a request may be answered: is it addressed to us, and does it bring a token that allows it?
 *
 * Without tokens in the configuration everybody may do everything, since only this machine can ask then (unless the
 * configuration says `insecure`). With tokens each request needs one, but for the files of pages and for /livez.
 *
 * A request whose Host is a domain name that nobody told us of is refused, so that no web page can have a browser ask
 * us by a name of its own that suddenly points here (DNS rebinding: D. Dean, E. Felten, D. Wallach, "Java Security:
 * From HotJava to Netscape and Beyond", 1996). Addresses, names without a dot and those in `hosts` are ours.
 *
 * Thread: making on the loop's; reading on any. Ownership: counted references, immutable but for who asked how often.
 */
#ifndef PROVIDERD_SERVE_ACCESS_H
#define PROVIDERD_SERVE_ACCESS_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access;

/* NULL with the reason: memory ran out, or the access log cannot be opened. */
struct access *access_new(const struct config *config, char *error, size_t error_size);
struct access *access_retain(struct access *access);
void access_release(struct access *access); /* NULL is allowed */

/* Whether tokens are asked for. */
bool access_is_guarded(const struct access *access);

/* Whether the value of a Host header, with or without a port, is one of ours; "" is. */
bool access_knows_host(const struct access *access, const char *host, size_t len);

enum access_answer { ACCESS_GRANTED, ACCESS_NO_TOKEN, ACCESS_WRONG_TOKEN, ACCESS_TOO_LITTLE, ACCESS_TOO_OFTEN };

struct access_decision {
    enum access_answer answer;
    const char *token;      /* whose it is; "" = nobody's. The access's */
    int64_t retry_after_us; /* of ACCESS_TOO_OFTEN */
};

/* `authorization`: the value of that header; NULL = there is none. Takes the same time whichever token is wrong.
 *
 * A token with per_minute has that many requests at once, and gets them back evenly over the minute: the generic cell
 * rate algorithm (ITU-T I.371, annex A), over all HTTP threads together. A reload begins anew. */
struct access_decision access_check(struct access *access, const char *authorization, size_t len,
                                    enum token_scope wanted);

/* Whether pages of this origin, the value of an Origin header, may ask. */
bool access_allows_origin(const struct access *access, const char *origin, size_t len);

/* What is for anybody; NULL = nothing. And whether it shows this provider. */
const struct public_page *access_public_page(const struct access *access);
bool access_publishes(const struct access *access, const char *provider);

/* Where requests are noted; NULL = nowhere. The access's reference. */
struct access_log;
struct access_log *access_log_of(const struct access *access);

/* SHA-256 of a token, as the configuration holds it. */
void access_hash(const char *token, size_t len, unsigned char hash[TOKEN_HASH_BYTES]);

#endif
