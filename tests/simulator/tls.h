/* tls: certificates made at start, in memory, each with its server context. Keys are P-256; nothing is written but the
 * CA's certificate, for the client to trust. Thread: any, before the loop runs. */
#ifndef SIMULATOR_TLS_H
#define SIMULATOR_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct authority;

/* A new CA, valid for a day. NULL when OpenSSL fails. */
struct authority *authority_new(void);
void authority_free(struct authority *authority);

/* Writes the CA's certificate as PEM. False with errno. */
bool authority_write(const struct authority *authority, const char *file);

enum tls_kind { TLS_GOOD, TLS_EXPIRED, TLS_SELF_SIGNED };

/* A server context for localhost, 127.0.0.1 and ::1; the caller's. NULL when OpenSSL fails. */
SSL_CTX *authority_server(const struct authority *authority, enum tls_kind kind);

#endif
