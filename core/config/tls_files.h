/* tls_files: where the certificate of this server is, for listeners with "https://".
 *
 * Thread: any; does not change once read.
 */
#ifndef PROVIDERD_CONFIG_TLS_FILES_H
#define PROVIDERD_CONFIG_TLS_FILES_H

#include <stdbool.h>

struct tls_files {
    bool on;
    char *certificate; /* PEM, with those between it and the root behind it */
    char *key;         /* PEM, its private key */
};

#endif
