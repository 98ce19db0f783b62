/* scrub: takes out of texts whose account it was, before an exchange is shown to anyone.
 *
 * base/redact.h takes known secrets out; this takes out what is no secret but points at a person or a company, and
 * credentials that an answer brings, of which nobody knows yet:
 *
 *   org-…, org_…, user-…, user_…, proj_…, proj-…, acct_…, cus_…, wrkspc_… with 6 or more letters and digits that look
 *     random (a digit, a capital, or 16 of them), so that "org_restricted" stays;
 *   UUIDs; e-mail addresses; the user part of a URL;
 *   the number or id after projects/, 32 hexadecimal digits after accounts/, the number after "project", as in
 *     "project 123456789012", "project=123456789012" or "project_number:123456789012";
 *   8 or more characters without a space after access_token, refresh_token, id_token, token, client_secret, secret,
 *     api_key, password and their like, in JSON or a form (RFC 6749, 5.1: the answer of a token endpoint);
 *   the account in an ARN, and of iam and sts what comes after it, which names a person or a role.
 *
 * Each becomes "***". Sources: the errors quoted in the provider scripts; AWS, "Amazon Resource Names"; Google Cloud,
 * "Creating and managing projects" (ids are 6 to 30 letters, digits and hyphens).
 *
 * Thread: any. Time: linear in the text.
 */
#ifndef PROVIDERD_BASE_SCRUB_H
#define PROVIDERD_BASE_SCRUB_H

#include "base/buf.h"

#include <stddef.h>

/* Appends the text without its account ids to `out`. */
void scrub(const char *text, size_t len, struct buf *out);

enum scrub_header {
    SCRUB_HEADER_TEXT,       /* its value is a text like any other */
    SCRUB_HEADER_HIDE,       /* its value is a credential, or identifies an account: show "***" */
    SCRUB_HEADER_REQUEST_ID, /* its value identifies a request, which helps the provider's support: not scrubbed */
};

/* What a header's name says about its value. */
enum scrub_header scrub_header(const char *name, size_t len);

#endif
