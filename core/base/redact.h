/* redact: takes secrets out of texts before anyone sees them.
 *
 * Two nets. The first knows the secrets: every value given to redactor_add() is replaced by "***" wherever it occurs,
 * also percent-encoded, and also as the fragments that providers echo ("****lkey", "sk-ab***yz": a run of key
 * characters with three or more asterisks in it). The second knows their looks: words, or parts of a path, that begin
 * like a key (sk-, gsk_, hf_, nvapi-, AIza, AQ., xai-, csk-, fw_, pplx-, g4f_, gfs_, ya29., ghp_, 1//, "Bearer ...")
 * and go on for at least 8 more key characters, and identities that providers put into error texts (org-…, org_…,
 * user-…, user_…) whose first 8 characters are letters and digits. Both only if they look random, so that
 * "hf_internal_testing" and "user_rate_limit" stay: with a digit, or letters that change case again and again.
 * Sources of the prefixes and of the echoes: the provider pages cited in providers/.
 *
 * Thread: any; adding takes a lock, so does redacting.
 */
#ifndef PROVIDERD_BASE_REDACT_H
#define PROVIDERD_BASE_REDACT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct redactor;

/* NULL when memory ran out. */
struct redactor *redactor_new(void);
void redactor_free(struct redactor *r);

/* Remember a secret (copied; wiped at free). Values shorter than 6 bytes are not taken: replacing them would eat
 * ordinary words. Adding a value twice is harmless. False when memory ran out. */
bool redactor_add(struct redactor *r, const char *secret, size_t len);

/* Append `text` without its secrets to `out`. `r` may be NULL: then only the second net works. */
void redact(struct redactor *r, const char *text, size_t len, struct buf *out);

#endif
