/* jwt: signed assertions for token servers that ask for them instead of a client's secret.
 *
 * jwt(claims, { key = secret, kid = "..." }) gives a JSON Web Token as a secret: the claims signed with RS256 by the
 * RSA key, a PEM text such as the "private_key" of a Google service account's file. Source: RFC 7519 (the token), RFC
 * 7515 (its signature), RFC 7518, 3.3 (RS256).
 */
#include "base/buf.h"
#include "script/json_value.h"
#include "script/script_internal.h"
#include "script/secret.h"

#include <lauxlib.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

enum { SIGNATURE_MAX = 1024 }; /* bytes: RSA of 8192 bits */

/* Base64 with '-' and '_', without '=' (RFC 4648, 5). */
static void append_base64url(struct buf *out, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 48) {
        unsigned char block[65];
        int chunk = len - i < 48 ? (int)(len - i) : 48, written = EVP_EncodeBlock(block, bytes + i, chunk);
        for (int k = 0; k < written && block[k] != '='; ++k)
            buf_append_char(out, block[k] == '+' ? '-' : block[k] == '/' ? '_' : (char)block[k]);
    }
}

static EVP_PKEY *read_key(const struct secret *pem)
{
    BIO *memory = BIO_new_mem_buf(pem->bytes, pem->len < INT_MAX ? (int)pem->len : INT_MAX);
    EVP_PKEY *key = memory != NULL ? PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL) : NULL;
    BIO_free(memory);
    return key != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_RSA ? key : (EVP_PKEY_free(key), NULL);
}

/* Appends ".signature" to what is to be signed. */
static bool append_signature(struct buf *token, EVP_PKEY *key)
{
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed = context != NULL && EVP_PKEY_size(key) <= SIGNATURE_MAX &&
                     EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                     EVP_DigestSign(context, signature, &len, (const unsigned char *)token->bytes, token->len) == 1;
    EVP_MD_CTX_free(context);
    if (!is_signed)
        return false;
    buf_append_char(token, '.');
    append_base64url(token, signature, len);
    return true;
}

/* The header, with the key's id when the options name one. [-0, +1, e] */
static void push_header(lua_State *L, int options)
{
    lua_createtable(L, 0, 3);
    lua_pushliteral(L, "RS256");
    lua_setfield(L, -2, "alg");
    lua_pushliteral(L, "JWT");
    lua_setfield(L, -2, "typ");
    int type = lua_getfield(L, options, "kid");
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "jwt: kid is a %s, expected a string", luaL_typename(L, -1));
    lua_setfield(L, -2, "kid");
    json_value_encode(L, -1);
}

static int script_jwt(lua_State *L)
{
    size_t header_len, claims_len;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_getfield(L, 2, "key");
    const struct secret *pem = secret_at(L, 3);
    if (pem == NULL)
        return luaL_error(L, "jwt: key is a %s, expected a secret that holds a PEM key", luaL_typename(L, 3));
    push_header(L, 2);
    json_value_encode(L, 1);
    const char *header = lua_tolstring(L, -2, &header_len), *claims = lua_tolstring(L, -1, &claims_len);

    if (header == NULL || claims == NULL)
        return luaL_error(L, "jwt: the claims hold a secret");

    /* From here to the release of both nothing raises. */
    EVP_PKEY *key = read_key(pem);
    struct buf token = BUF_EMPTY;
    bool is_signed = false;
    if (key != NULL) {
        append_base64url(&token, (const unsigned char *)header, header_len);
        buf_append_char(&token, '.');
        append_base64url(&token, (const unsigned char *)claims, claims_len);
        is_signed = buf_ok(&token) && append_signature(&token, key) && buf_ok(&token);
    }
    bool readable = key != NULL;
    EVP_PKEY_free(key);
    if (!is_signed) {
        buf_dispose(&token);
        return luaL_error(L, readable ? "jwt: the claims cannot be signed"
                                      : "jwt: the key is no RSA private key in PEM form");
    }
    secret_push(L, buf_text(&token), token.len, "");
    explicit_bzero(token.bytes, token.len);
    buf_dispose(&token);
    return 1;
}

void jwt_open(lua_State *L)
{
    lua_register(L, "jwt", script_jwt);
}
