#include "tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_S = 86400 };

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool set_serial(X509 *certificate)
{
    uint64_t serial;
    return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

/* An unsigned certificate for `key`. Times are seconds from now. */
static X509 *draft(EVP_PKEY *key, const char *name, long from_s, long until_s)
{
    X509 *certificate = X509_new();
    if (certificate == NULL)
        return NULL;
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, 2) == 1 && set_serial(certificate) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), from_s) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), until_s) != NULL && X509_set_pubkey(certificate, key) == 1)
        return certificate;
    X509_free(certificate);
    return NULL;
}

struct authority *authority_new(void)
{
    struct authority *authority = calloc(1, sizeof(*authority));
    if (authority == NULL)
        return NULL;
    authority->key = EVP_EC_gen("P-256");
    if (authority->key == NULL)
        goto fail;
    X509 *certificate = authority->certificate = draft(authority->key, "providerd simulator CA", -DAY_S * 400L, DAY_S);
    if (certificate == NULL || X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
        !add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE") ||
        !add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(certificate, certificate, NID_subject_key_identifier, "hash") ||
        X509_sign(certificate, authority->key, EVP_sha256()) == 0)
        goto fail;
    return authority;
fail:
    authority_free(authority);
    return NULL;
}

void authority_free(struct authority *authority)
{
    if (authority == NULL)
        return;
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    free(authority);
}

bool authority_write(const struct authority *authority, const char *file)
{
    FILE *out = fopen(file, "w");
    if (out == NULL)
        return false;
    bool good = PEM_write_X509(out, authority->certificate) == 1;
    return fclose(out) == 0 && good;
}

SSL_CTX *authority_server(const struct authority *authority, enum tls_kind kind)
{
    SSL_CTX *tls = NULL;
    X509 *certificate = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        return NULL;
    certificate =
        draft(key, "localhost", kind == TLS_EXPIRED ? -DAY_S * 30L : -3600, kind == TLS_EXPIRED ? -DAY_S : DAY_S);
    if (certificate == NULL)
        goto fail;
    X509 *issuer = kind == TLS_SELF_SIGNED ? certificate : authority->certificate;
    if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
        !add_extension(certificate, issuer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") ||
        !add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") ||
        X509_sign(certificate, kind == TLS_SELF_SIGNED ? key : authority->key, EVP_sha256()) == 0)
        goto fail;
    tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_use_certificate(tls, certificate) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1) {
        SSL_CTX_free(tls);
        tls = NULL;
    }
fail:
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}
