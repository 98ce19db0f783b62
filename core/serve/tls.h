/* tls: the certificate that this server shows, from PEM files.
 *
 * TLS 1.2 and 1.3, by OpenSSL's own choice of ciphers; HTTP/1.1 only (see configure_h2o in server.c).
 * Thread: the loop's. Ownership: OpenSSL's counted references; connections hold one of their own.
 */
#ifndef PROVIDERD_SERVE_TLS_H
#define PROVIDERD_SERVE_TLS_H

#include "config/tls_files.h"

#include <openssl/ssl.h>
#include <stddef.h>

/* NULL with the reason, which names the file: it cannot be read, is no PEM, the key does not belong to the certificate.
 */
SSL_CTX *tls_context_new(const struct tls_files *files, char *error, size_t error_size);

#endif
