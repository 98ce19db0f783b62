#include "serve/access.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct access {
    atomic_uint references;
    size_t token_count;
    struct token_rule *tokens;
    char **hosts; /* ended by NULL */
};

static char **copy_texts(char *const *texts)
{
    size_t count = 0;
    while (texts[count] != NULL)
        ++count;
    char **copy = calloc(count + 1, sizeof(*copy));
    for (size_t i = 0; copy != NULL && i < count; ++i)
        copy[i] = strdup(texts[i]);
    return copy;
}

struct access *access_new(const struct config *config)
{
    struct access *access = calloc(1, sizeof(*access));
    if (access == NULL)
        return NULL;
    atomic_init(&access->references, 1);
    access->hosts = copy_texts(config->hosts);
    access->tokens = calloc(config->token_count + 1, sizeof(*access->tokens));
    if (access->hosts == NULL || access->tokens == NULL) {
        access_release(access);
        return NULL;
    }
    access->token_count = config->token_count;
    if (config->token_count != 0)
        memcpy(access->tokens, config->tokens, config->token_count * sizeof(*access->tokens));
    return access;
}

struct access *access_retain(struct access *access)
{
    atomic_fetch_add_explicit(&access->references, 1, memory_order_relaxed);
    return access;
}

void access_release(struct access *access)
{
    if (access == NULL || atomic_fetch_sub_explicit(&access->references, 1, memory_order_acq_rel) != 1)
        return;
    for (char **host = access->hosts; host != NULL && *host != NULL; ++host)
        free(*host);
    free(access->hosts);
    free(access->tokens);
    free(access);
}

bool access_is_guarded(const struct access *access)
{
    return access->token_count != 0;
}

/* -- hosts -- */

static bool is_address(const char *host, size_t len)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    bool bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';
    size_t begin = bracketed, text_len = len - 2 * (size_t)bracketed;
    if (text_len >= sizeof(text))
        return false;
    memcpy(text, host + begin, text_len);
    text[text_len] = '\0';
    return inet_pton(bracketed ? AF_INET6 : AF_INET, text, bytes) == 1;
}

/* "name:8000" and "[::1]:8000" without their ports. */
static size_t without_port(const char *host, size_t len)
{
    size_t at = len;
    while (at > 0 && host[at - 1] >= '0' && host[at - 1] <= '9')
        --at;
    return at > 0 && at < len && host[at - 1] == ':' ? at - 1 : len;
}

bool access_knows_host(const struct access *access, const char *host, size_t len)
{
    len = without_port(host, len);
    if (len == 0 || memchr(host, '.', len) == NULL || is_address(host, len))
        return true;
    for (char **own = access->hosts; *own != NULL; ++own) {
        if (strcmp(*own, "*") == 0 || (strlen(*own) == len && strncasecmp(*own, host, len) == 0))
            return true;
    }
    return false;
}

/* -- tokens -- */

void access_hash(const char *token, size_t len, unsigned char hash[TOKEN_HASH_BYTES])
{
    if (EVP_Digest(token, len, hash, NULL, EVP_sha256(), NULL) != 1)
        memset(hash, 0, TOKEN_HASH_BYTES);
}

/* All of them are compared, each as a whole. */
static const struct token_rule *find_token(const struct access *access, const char *token, size_t len)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    const struct token_rule *found = NULL;
    access_hash(token, len, hash);
    for (size_t i = 0; i < access->token_count; ++i) {
        if (CRYPTO_memcmp(access->tokens[i].hash, hash, sizeof(hash)) == 0)
            found = &access->tokens[i];
    }
    return found;
}

enum access_answer access_check(const struct access *access, const char *authorization, size_t len,
                                enum token_scope wanted)
{
    static const char scheme[] = "Bearer ";
    size_t begin = sizeof(scheme) - 1;
    if (access->token_count == 0)
        return ACCESS_GRANTED;
    if (authorization == NULL || len <= begin || strncasecmp(authorization, scheme, begin) != 0)
        return ACCESS_NO_TOKEN;
    const struct token_rule *token = find_token(access, authorization + begin, len - begin);
    if (token == NULL)
        return ACCESS_WRONG_TOKEN;
    return token->scope >= wanted ? ACCESS_GRANTED : ACCESS_TOO_LITTLE;
}
