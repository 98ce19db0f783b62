#include "daemon/token_command.h"

#include "serve/access.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { RANDOM_BYTES = 32 };

static bool make_token(char out[TOKEN_TEXT_MAX])
{
    unsigned char bytes[RANDOM_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return false;
    strcpy(out, "pd_");
    for (size_t i = 0; i < sizeof(bytes); ++i)
        sprintf(out + 3 + 2 * i, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof(bytes));
    return true;
}

int token_command(const char *name, const char *scope)
{
    char token[TOKEN_TEXT_MAX], hash_text[TOKEN_HASH_TEXT_MAX];
    unsigned char hash[TOKEN_HASH_BYTES];
    enum token_scope found;
    if (!token_scope_parse(scope, &found)) {
        fprintf(stderr, "providerd: token: '%s' is no scope; expected read, report or admin\n", scope);
        return 2;
    }
    if (strlen(name) >= TOKEN_NAME_MAX || strpbrk(name, "\"\\\r\n") != NULL) {
        fprintf(stderr, "providerd: token: expected a name of at most %d bytes without quotes\n", TOKEN_NAME_MAX - 1);
        return 2;
    }
    if (!make_token(token)) {
        fprintf(stderr, "providerd: token: no randomness: %s\n", strerror(errno));
        return 2;
    }
    access_hash(token, strlen(token), hash);
    token_hash_format(hash, hash_text);
    printf("The token, which is shown only now; clients send \"Authorization: Bearer ...\":\n\n  %s\n\n"
           "For `tokens` of the configuration:\n\n  { name = \"%s\", scope = \"%s\", hash = \"%s\" },\n",
           token, name, scope, hash_text);
    explicit_bzero(token, sizeof(token));
    return 0;
}
