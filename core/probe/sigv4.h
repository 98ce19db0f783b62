/* sigv4: signs a request with an AWS key, Signature Version 4.
 *
 * libcurl can do it by itself (CURLOPT_AWS_SIGV4), but before 8.3 it signs the path and the query as they are written:
 * a model id such as "anthropic.claude-3-haiku-20240307-v1:0" in Bedrock's path, a parameter out of order or a '%' in
 * either is refused (curl's issues 9717, 11794, 16927), and later versions each changed a part of it. Debian 12 has
 * 7.88.1. So it is done here, the same with every libcurl.
 *
 * For services that expect the path encoded twice, which is all but S3. Headers that proxies change are not signed.
 * Source: "Create a signed AWS API request",
 * docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * Thread: any. No copy of the secret remains.
 */
#ifndef PROVIDERD_PROBE_SIGV4_H
#define PROVIDERD_PROBE_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIGV4_HEADERS_MAX = 64,
    SIGV4_PARAMETERS_MAX = 64,
};

struct sigv4_key {
    const char *id;
    size_t id_len;
    const char *secret;
    size_t secret_len;
};

struct sigv4_request {
    bool post;
    const char *url;            /* as libcurl gets it */
    const char *const *headers; /* "Name: value", all that are signed besides host and date */
    size_t header_count;
    const char *body;
    size_t body_len;
    const char *region, *service;
    int64_t now_s; /* wall clock */
};

/* The header lines to add; wipe them after use. */
struct sigv4_lines {
    char date[40];
    char authorization[2048];
};

/* -1 with the reason in `error`: no URL, too many headers or parameters, out of memory. */
int sigv4_sign(const struct sigv4_request *request, const struct sigv4_key *key, struct sigv4_lines *lines, char *error,
               size_t error_size);

#endif
