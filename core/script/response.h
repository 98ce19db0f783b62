/* response: an HTTP answer as a script sees it.
 *
 * Fields: status, ok, headers[name], body, json, error, message, latency_ms, phases, url, and arrivals of a stream.
 * Body, JSON and arrivals are made into Lua values when a script looks at them.
 */
#ifndef PROVIDERD_SCRIPT_RESPONSE_H
#define PROVIDERD_SCRIPT_RESPONSE_H

#include "probe/prober.h"

#include <lua.h>

struct response {
    enum probe_error error;
    char message[256];
    int status;
    struct buf headers; /* as in probe_answer; owned */
    struct buf body;    /* owned */
    bool body_kept;
    struct probe_arrival *arrivals; /* owned; NULL = none */
    size_t arrival_count;
    struct probe_phases phases;
};

/* Adds the metatables. [-0, +0, m] */
void response_open(lua_State *L);

/* Pushes a response that takes over the answer's buffers. [-0, +1, m] */
struct response *response_push(lua_State *L, struct probe_answer *answer, const char *url);

/* The response at `index`, NULL when the value is none. */
const struct response *response_at(lua_State *L, int index);

/* Pushes {dns_ms = ..., ...}; phases that did not happen are absent. [-0, +1, m] */
void response_push_phases(lua_State *L, const struct probe_phases *phases);

#endif
