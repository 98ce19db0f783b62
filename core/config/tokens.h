/* tokens: who may ask what: bearer tokens (RFC 6750), of which the configuration holds hashes only.
 *
 * A token is "pd_" and 64 hexadecimal digits: 256 random bits, made by `providerd token`. A plain SHA-256 keeps such a
 * token as well as a slow hash would: there is nothing to guess.
 *
 * Thread: any; plain values.
 */
#ifndef PROVIDERD_CONFIG_TOKENS_H
#define PROVIDERD_CONFIG_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

/* Each may do what those before it may. */
enum token_scope { TOKEN_READ = 1, TOKEN_REPORT, TOKEN_ADMIN };

enum { TOKENS_MAX = 256, TOKEN_NAME_MAX = 64, TOKEN_HASH_BYTES = 32, TOKEN_TEXT_MAX = 72, TOKEN_HASH_TEXT_MAX = 72 };
enum { TOKEN_PER_MINUTE_MAX = 60000000 };

struct token_rule {
    char name[TOKEN_NAME_MAX]; /* for people */
    enum token_scope scope;
    unsigned char hash[TOKEN_HASH_BYTES];
    unsigned per_minute; /* requests that it may make; 0 = any number */
};

/* "read", "report", "admin". */
const char *token_scope_name(enum token_scope scope);

/* False when `name` is none. */
bool token_scope_parse(const char *name, enum token_scope *scope);

/* Reads "sha256:" and 64 hexadecimal digits; writes them. */
bool token_hash_parse(const char *text, unsigned char hash[TOKEN_HASH_BYTES]);
void token_hash_format(const unsigned char hash[TOKEN_HASH_BYTES], char out[TOKEN_HASH_TEXT_MAX]);

#endif
