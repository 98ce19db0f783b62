#include "serve/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The first of OpenSSL's errors, which is the cause of the others. */
static void tell(const char *setting, const char *path, char *error, size_t error_size)
{
    unsigned long code = ERR_get_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    snprintf(error, error_size, "tls.%s: %s: %s", setting, path, reason != NULL ? reason : "unknown TLS error");
    ERR_clear_error();
}

static int no_passphrase(char *buffer, int size, int writing, void *user)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)user;
    return -1; /* there is nobody to ask */
}

SSL_CTX *tls_context_new(const struct tls_files *files, char *error, size_t error_size)
{
    const struct {
        const char *setting, *path;
    } all[] = {{"certificate", files->certificate}, {"key", files->key}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); ++i) {
        if (access(all[i].path, R_OK) != 0) {
            snprintf(error, error_size, "tls.%s: %s: %s", all[i].setting, all[i].path, strerror(errno));
            return NULL;
        }
    }
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        tell("certificate", files->certificate, error, error_size);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
        tell("certificate", files->certificate, error, error_size);
    else if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(context) != 1)
        tell("key", files->key, error, error_size);
    else
        return context;
    SSL_CTX_free(context);
    return NULL;
}
