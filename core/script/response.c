#include "script/response.h"

#include "script/json_value.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define RESPONSE_TYPE "response"
#define HEADERS_TYPE "response headers"

enum { HEADER_NAME_MAX = 256 };

enum { /* user values of a response */
       VALUE_URL = 1,
       VALUE_JSON,
       VALUE_HEADERS,
       VALUE_COUNT = VALUE_HEADERS,
};

const struct response *response_at(lua_State *L, int index)
{
    return luaL_testudata(L, index, RESPONSE_TYPE);
}

struct response *response_push(lua_State *L, struct probe_answer *answer, const char *url)
{
    struct response *response = lua_newuserdatauv(L, sizeof(*response), VALUE_COUNT);
    memset(response, 0, sizeof(*response));
    luaL_setmetatable(L, RESPONSE_TYPE);
    lua_pushstring(L, url);
    lua_setiuservalue(L, -2, VALUE_URL);

    response->error = answer->error;
    memcpy(response->message, answer->message, sizeof(response->message));
    response->status = answer->status;
    response->body_kept = answer->body_kept;
    response->phases = answer->phases;
    response->headers = answer->headers;
    response->body = answer->body;
    answer->headers = BUF_EMPTY;
    answer->body = BUF_EMPTY;
    response->arrivals = answer->arrivals;
    response->arrival_count = answer->arrival_count;
    answer->arrivals = NULL;
    answer->arrival_count = 0;
    return response;
}

static void push_phase(lua_State *L, const char *name, float ms)
{
    if (ms < 0)
        return;
    lua_pushnumber(L, (lua_Number)ms);
    lua_setfield(L, -2, name);
}

void response_push_phases(lua_State *L, const struct probe_phases *phases)
{
    lua_createtable(L, 0, 5);
    push_phase(L, "dns_ms", phases->dns_ms);
    push_phase(L, "connect_ms", phases->connect_ms);
    push_phase(L, "tls_ms", phases->tls_ms);
    push_phase(L, "first_byte_ms", phases->first_byte_ms);
    push_phase(L, "total_ms", phases->total_ms);
}

static void push_optional_text(lua_State *L, const char *text)
{
    if (text != NULL && text[0] != '\0')
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
}

/* Decodes the body once; later looks take the remembered value. */
static void push_json(lua_State *L, const struct response *response)
{
    if (!response->body_kept || response->body.len == 0) {
        lua_pushnil(L);
        return;
    }
    if (lua_getiuservalue(L, 1, VALUE_JSON) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    if (!json_value_decode(L, buf_text(&response->body), response->body.len)) {
        lua_pop(L, 2);
        lua_pushnil(L);
        return;
    }
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, VALUE_JSON);
}

/* An array of { bytes = ..., ms = ... }; nil when the answer was not asked for as a stream, or nothing came. */
static void push_arrivals(lua_State *L, const struct response *response)
{
    if (response->arrivals == NULL) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, (int)response->arrival_count, 0);
    for (size_t i = 0; i < response->arrival_count; ++i) {
        lua_createtable(L, 0, 2);
        lua_pushinteger(L, (lua_Integer)response->arrivals[i].bytes);
        lua_setfield(L, -2, "bytes");
        lua_pushnumber(L, (lua_Number)response->arrivals[i].us / 1000);
        lua_setfield(L, -2, "ms");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* Adds "name: value" of a line to the table on top: the name in lower case, a value that comes again behind ", ". */
static void add_header(lua_State *L, const char *line, const char *end)
{
    char lower[HEADER_NAME_MAX];
    const char *colon = memchr(line, ':', (size_t)(end - line));
    size_t len = colon != NULL ? (size_t)(colon - line) : 0;
    if (len == 0 || len > sizeof(lower)) /* the status line; or nothing that anybody would ask for */
        return;
    for (size_t i = 0; i < len; ++i)
        lower[i] = (char)(line[i] >= 'A' && line[i] <= 'Z' ? line[i] - 'A' + 'a' : line[i]);
    const char *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        ++value;
    while (end > value && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
        --end;
    lua_pushlstring(L, lower, len);
    lua_pushvalue(L, -1);
    bool again = lua_rawget(L, -3) != LUA_TNIL; /* table, name, value before */
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, (size_t)(end - value));
    if (again) {
        lua_concat(L, 3);
    } else {
        lua_replace(L, -3);
        lua_pop(L, 1);
    }
    lua_rawset(L, -3);
}

/* A table, made at the first question, since most of what is asked of it is not there: a miss costs next to nothing. */
static void push_headers(lua_State *L, const struct response *response)
{
    const char *line = buf_text(&response->headers), *end = line + response->headers.len;
    if (lua_getiuservalue(L, 1, VALUE_HEADERS) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 16);
    while (line < end) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL)
            line_end = end;
        add_header(L, line, line_end);
        line = line_end != end ? line_end + 1 : end;
    }
    luaL_setmetatable(L, HEADERS_TYPE);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, VALUE_HEADERS);
}

static int response_field(lua_State *L)
{
    const struct response *response = luaL_checkudata(L, 1, RESPONSE_TYPE);
    const char *name = luaL_checkstring(L, 2);

    if (strcmp(name, "status") == 0)
        lua_pushinteger(L, response->status);
    else if (strcmp(name, "ok") == 0)
        lua_pushboolean(L, response->error == PROBE_OK && response->status >= 200 && response->status < 300);
    else if (strcmp(name, "headers") == 0)
        push_headers(L, response);
    else if (strcmp(name, "body") == 0 && response->body_kept)
        lua_pushlstring(L, buf_text(&response->body), response->body.len);
    else if (strcmp(name, "json") == 0)
        push_json(L, response);
    else if (strcmp(name, "error") == 0)
        push_optional_text(L, probe_error_name(response->error));
    else if (strcmp(name, "message") == 0)
        push_optional_text(L, response->message);
    else if (strcmp(name, "latency_ms") == 0)
        lua_pushnumber(L, (lua_Number)response->phases.total_ms);
    else if (strcmp(name, "phases") == 0)
        response_push_phases(L, &response->phases);
    else if (strcmp(name, "arrivals") == 0)
        push_arrivals(L, response);
    else if (strcmp(name, "url") == 0)
        lua_getiuservalue(L, 1, VALUE_URL);
    else
        lua_pushnil(L);
    return 1;
}

static int response_collect(lua_State *L)
{
    struct response *response = luaL_checkudata(L, 1, RESPONSE_TYPE);
    buf_dispose(&response->headers);
    buf_dispose(&response->body);
    free(response->arrivals);
    response->arrivals = NULL;
    return 0;
}

/* A name that is not in the table as it was written. */
static int headers_field(lua_State *L)
{
    char lower[HEADER_NAME_MAX];
    size_t len;
    const char *name = luaL_checklstring(L, 2, &len);
    bool differs = false;
    for (size_t i = 0; i < len && len <= sizeof(lower); ++i) {
        bool upper = name[i] >= 'A' && name[i] <= 'Z';
        lower[i] = (char)(upper ? name[i] - 'A' + 'a' : name[i]);
        differs |= upper;
    }
    if (!differs)
        return 0;
    lua_pushlstring(L, lower, len);
    lua_rawget(L, 1);
    return 1;
}

void response_open(lua_State *L)
{
    static const luaL_Reg response_methods[] = {{"__index", response_field}, {"__gc", response_collect}, {NULL, NULL}};
    static const luaL_Reg headers_methods[] = {{"__index", headers_field}, {NULL, NULL}};

    luaL_newmetatable(L, RESPONSE_TYPE);
    luaL_setfuncs(L, response_methods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    luaL_newmetatable(L, HEADERS_TYPE);
    luaL_setfuncs(L, headers_methods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}
