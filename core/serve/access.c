#include "serve/access.h"

#include "base/clock.h"
#include "serve/access_log.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const int64_t MINUTE_US = INT64_C(60) * 1000000;

struct guarded_token {
    struct token_rule rule;
    atomic_int_fast64_t empty_us; /* monotonic: when all of its requests are there again */
};

struct access {
    atomic_uint references;
    size_t token_count;
    struct guarded_token *tokens;
    char **hosts; /* lists end with NULL */
    char **origins;
    struct public_page page;
    struct access_log *log; /* NULL = none */
};

static char **copy_texts(char *const *texts)
{
    size_t count = 0;
    while (texts != NULL && texts[count] != NULL)
        ++count;
    char **copy = calloc(count + 1, sizeof(*copy));
    for (size_t i = 0; copy != NULL && i < count; ++i)
        copy[i] = strdup(texts[i]);
    return copy;
}

static void free_texts(char **texts)
{
    for (char **text = texts; text != NULL && *text != NULL; ++text)
        free(*text);
    free(texts);
}

static bool copy_page(struct access *access, const struct public_page *page)
{
    access->page = *page;
    access->page.title = strdup(page->title != NULL ? page->title : "");
    access->page.note = page->note != NULL ? strdup(page->note) : NULL;
    access->page.providers = copy_texts(page->providers);
    return access->page.title != NULL && access->page.providers != NULL;
}

static bool copy_tokens(struct access *access, const struct config *config)
{
    access->tokens = calloc(config->token_count + 1, sizeof(*access->tokens));
    if (access->tokens == NULL)
        return false;
    access->token_count = config->token_count;
    for (size_t i = 0; i < config->token_count; ++i)
        access->tokens[i].rule = config->tokens[i];
    return true;
}

struct access *access_new(const struct config *config, char *error, size_t error_size)
{
    struct access *access = calloc(1, sizeof(*access));
    if (access == NULL) {
        snprintf(error, error_size, "out of memory for the tokens");
        return NULL;
    }
    atomic_init(&access->references, 1);
    access->hosts = copy_texts(config->hosts);
    access->origins = copy_texts(config->cors);
    if (!copy_page(access, &config->public_page) || access->hosts == NULL || access->origins == NULL ||
        !copy_tokens(access, config)) {
        snprintf(error, error_size, "out of memory for the tokens");
        access_release(access);
        return NULL;
    }
    if (config->access_log != NULL && (access->log = access_log_open(config->access_log, error, error_size)) == NULL) {
        access_release(access);
        return NULL;
    }
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
    free_texts(access->hosts);
    free_texts(access->origins);
    free_texts(access->page.providers);
    free(access->page.title);
    free(access->page.note);
    free(access->tokens);
    access_log_release(access->log);
    free(access);
}

bool access_is_guarded(const struct access *access)
{
    return access->token_count != 0;
}

/* -- lists -- */

/* Case aside; "*" is everybody. */
static bool is_in(char *const *texts, const char *text, size_t len)
{
    for (; *texts != NULL; ++texts) {
        if (strcmp(*texts, "*") == 0 || (strlen(*texts) == len && strncasecmp(*texts, text, len) == 0))
            return true;
    }
    return false;
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
    return is_in(access->hosts, host, len);
}

/* -- tokens -- */

void access_hash(const char *token, size_t len, unsigned char hash[TOKEN_HASH_BYTES])
{
    if (EVP_Digest(token, len, hash, NULL, EVP_sha256(), NULL) != 1)
        memset(hash, 0, TOKEN_HASH_BYTES);
}

/* All of them are compared, each as a whole. */
static struct guarded_token *find_token(struct access *access, const char *token, size_t len)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    struct guarded_token *found = NULL;
    access_hash(token, len, hash);
    for (size_t i = 0; i < access->token_count; ++i) {
        if (CRYPTO_memcmp(access->tokens[i].rule.hash, hash, sizeof(hash)) == 0)
            found = &access->tokens[i];
    }
    return found;
}

/* Takes one of the token's requests: 0, or how long until there is one. */
static int64_t take_request(struct guarded_token *token)
{
    if (token->rule.per_minute == 0)
        return 0;
    int64_t now_us = (int64_t)clock_monotonic_us(), each_us = MINUTE_US / token->rule.per_minute;
    int64_t before_us = atomic_load_explicit(&token->empty_us, memory_order_relaxed), after_us;
    do {
        after_us = (before_us > now_us ? before_us : now_us) + (each_us > 0 ? each_us : 1);
        if (after_us - now_us > MINUTE_US)
            return after_us - now_us - MINUTE_US;
    } while (!atomic_compare_exchange_weak_explicit(&token->empty_us, &before_us, after_us, memory_order_relaxed,
                                                    memory_order_relaxed));
    return 0;
}

struct access_decision access_check(struct access *access, const char *authorization, size_t len,
                                    enum token_scope wanted)
{
    static const char scheme[] = "Bearer ";
    size_t begin = sizeof(scheme) - 1;
    struct access_decision decision = {.answer = ACCESS_GRANTED, .token = ""};
    if (access->token_count == 0)
        return decision;
    decision.answer = ACCESS_NO_TOKEN;
    if (authorization == NULL || len <= begin || strncasecmp(authorization, scheme, begin) != 0)
        return decision;
    struct guarded_token *token = find_token(access, authorization + begin, len - begin);
    decision.answer = ACCESS_WRONG_TOKEN;
    if (token == NULL)
        return decision;
    decision.token = token->rule.name;
    decision.retry_after_us = take_request(token);
    decision.answer = decision.retry_after_us != 0  ? ACCESS_TOO_OFTEN
                      : token->rule.scope >= wanted ? ACCESS_GRANTED
                                                    : ACCESS_TOO_LITTLE;
    return decision;
}

/* -- what is for others -- */

bool access_allows_origin(const struct access *access, const char *origin, size_t len)
{
    return is_in(access->origins, origin, len);
}

const struct public_page *access_public_page(const struct access *access)
{
    return access->page.on ? &access->page : NULL;
}

bool access_publishes(const struct access *access, const char *provider)
{
    return access->page.on && is_in(access->page.providers, provider, strlen(provider));
}

struct access_log *access_log_of(const struct access *access)
{
    return access->log;
}
