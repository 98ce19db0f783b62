/* What the files of script/ share. Not for other layers. */
#ifndef PROVIDERD_SCRIPT_INTERNAL_H
#define PROVIDERD_SCRIPT_INTERNAL_H

#include "script/exchange.h"
#include "script/lua_meter.h"
#include "script/script.h"

#include <lua.h>

/* What the daemon calls of providers/lib. */
enum library_function { SAMPLE_FROM, JUDGE, DEEP_RUN, STATUS_PAGE_FETCH, LIBRARY_FUNCTIONS };

struct script {
    unsigned references;
    char *path;
    struct sandbox *sandbox;
    struct lua_meter *meter;
    struct loop *loop;
    struct prober *prober;
    struct redactor *redactor;
    struct environment *environment;
    char *user_agent;
    size_t max_answer_bytes;
    struct script_provider *providers;
    size_t provider_count;
    int library[LIBRARY_FUNCTIONS]; /* registry references; LUA_NOREF until first needed */
    const void *loading;            /* what `take` of script_open is given; NULL once it is loaded */
    bool impure;                    /* it read files while it was loaded, or a base URL was replaced */
    struct check *running;          /* whose coroutine is being resumed; NULL outside probe() */
};

struct check {
    struct script *script;
    const struct script_provider *provider;
    struct check_order order; /* what it points to is held */
    char last_status[16];
    char *argument; /* of a call */
    char model[MODEL_ID_MAX];
    check_done_fn done;
    void *user;
    struct timer timer; /* starts the coroutine on a turn of its own */
    uint64_t deadline_us;
    lua_State *coroutine;
    int coroutine_reference;
    struct probe *probe; /* the request that the coroutine waits for */
    char *url;           /* of that request */
    unsigned requests;
    struct probe_phases phases; /* of the last request */
    int http_status;
    struct exchange exchange; /* the last request, for post-mortems */
};

/* Runs the file; `take` is called protected with what it returned and the script (light userdata), and raises what is
 * wrong with it. NULL with the reason in `error`. */
struct script *script_open(const struct script_host *host, const char *path, lua_CFunction take, const void *user,
                           char *error, size_t error_size);

/* Goes on with the coroutine, `arguments` values lying on its stack; ends the check when it has ended. */
void check_resume(struct check *check, int arguments);

/* Ends the check as a failure of its script. */
void check_fail(struct check *check, const char *message);

/* Pushes a function of providers/lib; the provider is not known to it. [-0, +1, e] */
void push_library_function(lua_State *L, struct script *script, enum library_function function);

/* What check.c calls, protected, with what the coroutine returned at index 1 of the main state: fills the verdict.
 * Raise what is wrong. verdict.c, findings.c */
void judge_sample(lua_State *L, struct check *check, struct verdict *verdict);
void read_sample(lua_State *L, int sample, struct check *check, struct verdict *verdict);
void read_deep_finding(lua_State *L, struct check *check, struct verdict *verdict);
void read_models(lua_State *L, struct check *check, struct verdict *verdict);
void read_call(lua_State *L, struct check *check, struct verdict *verdict);

/* A finite number of the table, `otherwise` when absent. Raises when it is something else. */
double sample_number(lua_State *L, int table, const char *field, double otherwise);

/* The last request's time, to the microsecond that it was measured in. */
double check_measured_ms(const struct check *check);

/* The script that a Lua state belongs to. */
struct script *script_of(lua_State *L);

/* Adds `http`. [-0, +0, m] */
void http_open(lua_State *L);

/* What http.c and mail.c share: a request of the coroutine that runs in this state. Starts the probe, whose answer
 * resumes the coroutine. Raises when it cannot be started. */
struct check *http_running_check(lua_State *L, const char *function);
int64_t http_time_left_ms(const struct check *check);
void http_start_probe(lua_State *L, struct check *check, const struct probe_request *request, const char *shown_url);

/* Adds mail.send. [-0, +0, m] */
void mail_open(lua_State *L);

/* Adds jwt. [-0, +0, m] */
void jwt_open(lua_State *L);

/* Adds env, env_names, keys, credentials, log, now, duration, parse_time. [-0, +0, m] */
void host_api_open(lua_State *L);

/* Reads the provider table on top of the stack into `provider`, raising a text that names what is wrong. The table is
 * popped and referenced. [-1, +0, e] */
void provider_read(lua_State *L, struct script *script, struct script_provider *provider);
void provider_dispose(struct script_provider *provider);

/* Whether `url` lies under one of the origins: the same scheme, host and port, then '/', '?' or nothing. */
bool provider_may_receive_secrets(const struct script_provider *provider, const char *url);

/* "scheme://host:port" at the beginning of an http or https URL, copied; NULL when it is none or memory ran out. */
char *origin_of_url(const char *url);

/* Appends `text` without secrets to a fixed buffer, cut at a UTF-8 boundary. */
void redact_into(struct redactor *redactor, const char *text, char *out, size_t out_size);

#endif
