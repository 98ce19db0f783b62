#include "config/tokens.h"

#include "config/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const scopes[] = {[TOKEN_READ] = "read", [TOKEN_REPORT] = "report", [TOKEN_ADMIN] = "admin"};
static const char PREFIX[] = "sha256:";

const char *token_scope_name(enum token_scope scope)
{
    return scopes[scope];
}

bool token_scope_parse(const char *name, enum token_scope *scope)
{
    for (enum token_scope found = TOKEN_READ; found <= TOKEN_ADMIN; ++found) {
        if (strcmp(scopes[found], name) == 0) {
            *scope = found;
            return true;
        }
    }
    return false;
}

static int digit_of(char c)
{
    const char *digits = "0123456789abcdef", *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

bool token_hash_parse(const char *text, unsigned char hash[TOKEN_HASH_BYTES])
{
    size_t prefix = sizeof(PREFIX) - 1;
    if (strncmp(text, PREFIX, prefix) != 0 || strlen(text + prefix) != (size_t)TOKEN_HASH_BYTES * 2)
        return false;
    for (size_t i = 0; i < TOKEN_HASH_BYTES; ++i) {
        int high = digit_of(text[prefix + 2 * i]), low = digit_of(text[prefix + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

void token_hash_format(const unsigned char hash[TOKEN_HASH_BYTES], char out[TOKEN_HASH_TEXT_MAX])
{
    strcpy(out, PREFIX);
    for (size_t i = 0; i < TOKEN_HASH_BYTES; ++i)
        sprintf(out + sizeof(PREFIX) - 1 + 2 * i, "%02x", hash[i]);
}

/* -- reading -- */

/* A text field of the table on top; "" when it is none. Valid until the table goes. */
static const char *text_field(lua_State *L, const char *field)
{
    const char *text = lua_getfield(L, -1, field) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    lua_pop(L, 1);
    return text;
}

/* How often it may ask; absent = as often as it likes. */
static bool read_rate(struct reading *r, const char *scope_name, struct token_rule *token)
{
    int is_whole = 0;
    int type = lua_getfield(r->L, -1, "per_minute");
    lua_Integer value = lua_tointegerx(r->L, -1, &is_whole);
    bool sound = type == LUA_TNIL || (type == LUA_TNUMBER && is_whole && value >= 1 && value <= TOKEN_PER_MINUTE_MAX);
    lua_pop(r->L, 1);
    token->per_minute = sound && type == LUA_TNUMBER ? (unsigned)value : 0;
    if (!sound)
        fault(r, scope_name, "per_minute", "expected a whole number of requests from 1 to %d", TOKEN_PER_MINUTE_MAX);
    return sound;
}

static void read_token(struct reading *r, size_t i)
{
    char scope_name[32];
    struct config *config = r->config;
    struct token_rule token;
    snprintf(scope_name, sizeof(scope_name), "tokens[%zu]", i);
    if (!lua_istable(r->L, -1)) {
        fault(r, scope_name, "", "expected { name = \"router\", scope = \"report\", hash = \"sha256:...\" }; got a %s",
              luaL_typename(r->L, -1));
        return;
    }
    const char *name = text_field(r->L, "name");
    if (name[0] == '\0' || strlen(name) >= sizeof(token.name)) {
        fault(r, scope_name, "name", "expected a text of 1 to %zu bytes: whose token it is", sizeof(token.name) - 1);
        return;
    }
    strcpy(token.name, name);
    if (!token_scope_parse(text_field(r->L, "scope"), &token.scope)) {
        fault(r, scope_name, "scope", "expected \"read\", \"report\" or \"admin\"");
        return;
    }
    if (!token_hash_parse(text_field(r->L, "hash"), token.hash)) {
        fault(r, scope_name, "hash", "expected \"sha256:\" and 64 digits, as `providerd token` prints them");
        return;
    }
    if (!read_rate(r, scope_name, &token))
        return;
    struct token_rule *grown = realloc(config->tokens, (config->token_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        fault(r, scope_name, "", "out of memory");
        return;
    }
    config->tokens = grown;
    grown[config->token_count++] = token;
}

void read_tokens(struct reading *r)
{
    size_t count = lua_rawlen(r->L, -1), fields = 0;
    for (lua_pushnil(r->L); lua_next(r->L, -2) != 0; lua_pop(r->L, 1))
        ++fields;
    if (fields != count || count > TOKENS_MAX) {
        fault(r, "tokens", "", "expected a list of at most %d tokens", TOKENS_MAX);
        return;
    }
    for (size_t i = 1; i <= count; ++i) {
        lua_rawgeti(r->L, -1, (lua_Integer)i);
        read_token(r, i);
        lua_pop(r->L, 1);
    }
}
