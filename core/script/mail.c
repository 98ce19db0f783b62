/* mail: mail.send, which hands a message in to an SMTP server and suspends the coroutine until that has answered. For
 * plugins only: where a mail goes is said by the operator.
 */
#include "script/script_internal.h"
#include "script/secret.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { RECIPIENTS_MAX = 100 };

/* A text of the options at 1, NULL when absent; it stays on the stack. A secret's bytes are copied there. */
static const char *text_option(lua_State *L, const char *name)
{
    int type = lua_getfield(L, 1, name);
    const struct secret *secret = secret_at(L, -1);
    if (type == LUA_TNIL)
        return NULL;
    if (secret != NULL)
        lua_pushlstring(L, secret->bytes, secret->len);
    else if (type != LUA_TSTRING)
        luaL_error(L, "mail.send: %s is a %s, expected a string", name, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

/* An address goes into a line of the protocol. */
static const char *address(lua_State *L, const char *text, const char *what)
{
    if (text == NULL || text[0] == '\0' || strchr(text, '@') == NULL || strpbrk(text, "\r\n<> ") != NULL)
        luaL_error(L, "mail.send: %s is '%s', expected an address such as ops@example.com", what,
                   text != NULL ? text : "nil");
    return text;
}

static void read_recipients(lua_State *L, const char *to[RECIPIENTS_MAX + 1])
{
    if (lua_getfield(L, 1, "to") != LUA_TTABLE)
        luaL_error(L, "mail.send: to is a %s, expected an array of addresses", luaL_typename(L, -1));
    int list = lua_gettop(L);
    size_t count = lua_rawlen(L, list);
    if (count < 1 || count > RECIPIENTS_MAX)
        luaL_error(L, "mail.send: to holds %d addresses, expected 1 to %d", (int)count, RECIPIENTS_MAX);
    luaL_checkstack(L, (int)count, "too many recipients");
    for (size_t i = 0; i < count; ++i) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        to[i] = address(L, lua_tostring(L, -1), "an address in to");
    }
    to[count] = NULL;
}

/* mail.send { url, from, to, message, user, password, plain }: the message whole, with its headers and CRLF. */
static int mail_send(lua_State *L)
{
    const char *to[RECIPIENTS_MAX + 1];
    struct check *check = http_running_check(L, "mail.send");
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (!check->provider->is_plugin)
        return luaL_error(L, "mail.send is for plugins");
    const char *url = text_option(L, "url");
    struct probe_mail mail = {.to = to};
    mail.from = address(L, text_option(L, "from"), "from");
    read_recipients(L, to);
    mail.user = text_option(L, "user");
    mail.password = text_option(L, "password");
    lua_getfield(L, 1, "plain");
    mail.plain = lua_toboolean(L, -1);
    const char *message = text_option(L, "message");
    if (url == NULL || message == NULL)
        return luaL_error(L, "mail.send: %s is missing", url == NULL ? "url" : "message");
    struct probe_request request = {
        .post = true,
        .url = url,
        .user_agent = check->provider->user_agent,
        .body = message,
        .body_len = strlen(message),
        .timeout_ms = http_time_left_ms(check),
        .keep = PROBE_KEEP_NEVER,
        .max_received = 64 * 1024,
        .mail = &mail,
    };
    http_start_probe(L, check, &request, url);
    return lua_yield(L, 0);
}

void mail_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"send", mail_send}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setglobal(L, "mail");
}
