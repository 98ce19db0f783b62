/* mailing: what a probe that hands in a mail needs beside one that asks over HTTP (libcurl's SMTP). Internal to probe/.
 *
 * A password goes over TLS only, unless the mail says that it may be plain (CURLOPT_USE_SSL(3)).
 */
#ifndef PROVIDERD_PROBE_MAILING_H
#define PROVIDERD_PROBE_MAILING_H

#include "probe/prober.h"

#include <curl/curl.h>

struct mailing;

struct mailing *mailing_new(const struct probe_mail *mail); /* copies; NULL when memory ran out */
void mailing_free(struct mailing *mailing);                 /* wipes the password; NULL is allowed */

/* Has the handle send `message`, which must outlive the transfer. */
void mailing_attach(struct mailing *mailing, CURL *easy, const char *message, size_t len);

#endif
