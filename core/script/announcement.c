#include "script/announcement.h"

#include "base/clock.h"
#include "script/script_internal.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The field of the table on top, past any metatable: nothing of the script runs, so nothing can raise. [-0, +1, m] */
static int raw_field(lua_State *L, const char *field)
{
    lua_pushstring(L, field);
    return lua_rawget(L, -2);
}

static void text_of(lua_State *L, const char *field, struct redactor *redactor, char *out, size_t out_size)
{
    if (raw_field(L, field) == LUA_TSTRING)
        redact_into(redactor, lua_tostring(L, -1), out, out_size);
    lua_pop(L, 1);
}

static int64_t time_of(lua_State *L, const char *field)
{
    raw_field(L, field);
    double seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    lua_pop(L, 1);
    return isfinite(seconds) && seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1e6) : 0;
}

static void read_state(lua_State *L, struct announcement *announcement)
{
    static const char *const states[] = {"operational", "degraded", "down", "maintenance"};
    raw_field(L, "state");
    const char *state = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    strcpy(announcement->state, "unknown");
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); ++i) {
        if (strcmp(state, states[i]) == 0)
            strcpy(announcement->state, states[i]);
    }
    lua_pop(L, 1);
}

static void read_incidents(lua_State *L, struct announcement *announcement, struct redactor *redactor)
{
    if (raw_field(L, "incidents") == LUA_TTABLE) {
        size_t count = lua_rawlen(L, -1);
        for (size_t i = 0; i < count && announcement->incident_count < INCIDENTS_MAX; ++i) {
            if (lua_rawgeti(L, -1, (lua_Integer)i + 1) == LUA_TTABLE) {
                struct incident *incident = &announcement->incidents[announcement->incident_count++];
                text_of(L, "name", redactor, incident->name, sizeof(incident->name));
                text_of(L, "impact", redactor, incident->impact, sizeof(incident->impact));
                incident->since_us = time_of(L, "since");
            }
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

struct announcement *announcement_unknown(const char *message)
{
    struct announcement *announcement = calloc(1, sizeof(*announcement));
    if (announcement == NULL)
        return NULL;
    atomic_init(&announcement->references, 1);
    announcement->read_us = clock_wall_us();
    strcpy(announcement->state, "unknown");
    snprintf(announcement->message, sizeof(announcement->message), "%s", message);
    return announcement;
}

struct announcement *announcement_read(lua_State *L, int index, struct redactor *redactor)
{
    luaL_checkstack(L, 8, "status page");
    lua_pushvalue(L, index);
    struct announcement *announcement = announcement_unknown("");
    if (announcement == NULL)
        luaL_error(L, "out of memory for a status page");
    /* Nothing below raises: fields are read raw of plain tables, texts are strings already. */
    read_state(L, announcement);
    text_of(L, "message", redactor, announcement->message, sizeof(announcement->message));
    announcement->updated_us = time_of(L, "updated_at");
    raw_field(L, "stale");
    announcement->stale = lua_toboolean(L, -1);
    lua_pop(L, 1);
    read_incidents(L, announcement, redactor);
    lua_pop(L, 1);
    return announcement;
}

struct announcement *announcement_retain(struct announcement *announcement)
{
    atomic_fetch_add_explicit(&announcement->references, 1, memory_order_relaxed);
    return announcement;
}

void announcement_release(struct announcement *announcement)
{
    if (announcement != NULL && atomic_fetch_sub_explicit(&announcement->references, 1, memory_order_acq_rel) == 1)
        free(announcement);
}
