/* script: one provider script, loaded into a sandbox of its own, and the providers that it returned.
 *
 * Thread: the loop's. Ownership: counted references; a check in flight holds one, so that a script outlives the
 * generation that loaded it until its last check has ended.
 */
#ifndef PROVIDERD_SCRIPT_SCRIPT_H
#define PROVIDERD_SCRIPT_SCRIPT_H

#include "base/redact.h"
#include "probe/prober.h"
#include "script/environment.h"
#include "script/sandbox.h"
#include "script/traits.h"
#include "script/tuning.h"
#include "script/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct script;
struct check;
struct lua_meter;

/* What scripts are given to work with. Everything must outlive the scripts; the environment is retained. */
struct script_host {
    struct loop *loop;
    struct prober *prober;
    struct redactor *redactor;
    struct environment *environment;
    const char *user_agent;  /* copied */
    size_t max_answer_bytes; /* default for a request's max_body */
    struct sandbox_limits limits;
    const char *const *library_dirs; /* copied */
    size_t library_count;
};

enum {
    SCRIPT_NAME_MAX = 64,
    SCRIPT_TITLE_MAX = 96,
    SCRIPT_REQUESTS_MAX = 32, /* of one check: an endless chain of requests ends here */
};

/* One of a provider's keys. */
struct script_key {
    uint64_t fingerprint; /* equal for equal keys, within this process: tells keys of two generations apart */
    char hint[16];        /* "…last4", the most that is ever shown; "" when the key is too short for that */
    int reference;        /* the secret, in the registry */
};

/* A provider as its script declares it. Strings live as long as the script. */
struct script_provider {
    char name[SCRIPT_NAME_MAX];
    char title[SCRIPT_TITLE_MAX];
    char *base_url;
    char *missing;    /* why it cannot be probed: "set GROQ_API_KEY"; NULL when it can */
    char *user_agent; /* in effect */
    char **origins;   /* "https://api.groq.com", ended by NULL: where its secrets may go */
    struct tuning tuning;
    struct traits *traits;   /* a reference */
    struct script_key *keys; /* owned */
    size_t key_count;        /* 0 = it is asked without a key */
    bool fallback;           /* gives way to another script's provider of the same name */
    bool lists_models;       /* it can be asked for its models */
    bool completes;          /* it can be asked for a completion */
    bool has_status_page;
    int table_reference; /* the Lua table, in the registry */
    bool is_plugin;      /* it is none, but a plugin under its name (plugin_script.h) */
    int settings_reference;
};

/* Runs the file and takes its providers. NULL when it cannot be used: `error` is "file:line: reason", redacted. */
struct script *script_load(const struct script_host *host, const char *path, char *error, size_t error_size);
struct script *script_retain(struct script *script);
void script_release(struct script *script); /* NULL is allowed */

const char *script_path(const struct script *script);

/* What its calls take, and their errors (lua_meter.h); the script's reference. */
struct lua_meter *script_meter(const struct script *script);

/* Whether it is what its file and its environment say, and nothing else: it read no other file while it was loaded, and
 * no base URL of it was replaced. */
bool script_is_pure(const struct script *script);
size_t script_provider_count(const struct script *script);
const struct script_provider *script_provider(const struct script *script, size_t i);

/* Replaces the base URL of a provider (a setting of the configuration): its secrets go there from now on. Before the
 * first check. -1 with the reason in `error` when it is not an http or https URL. */
int script_set_base_url(struct script *script, size_t i, const char *url, char *error, size_t error_size);

enum check_purpose {
    CHECK_PROBE,       /* is it well? probe() and judge() */
    CHECK_MODELS,      /* what does it serve? list_models() */
    CHECK_DEEP,        /* does it really answer? lib/deep.lua */
    CHECK_STATUS_PAGE, /* what does it say about itself? lib/status_page.lua */
    CHECK_CALL,        /* a function of a plugin; see plugin_script.h */
};

#define CHECK_NO_KEY SIZE_MAX

struct check_order {
    enum check_purpose purpose;
    size_t key; /* index into the provider's keys, or CHECK_NO_KEY */
    int64_t timeout_ms;
    struct kind_table *kinds;  /* retained by the check; NULL of CHECK_CALL */
    struct judge_state state;  /* of CHECK_PROBE */
    const char *rung;          /* of CHECK_DEEP: "tiny" or "timed", the most to be done; a constant */
    const char *model;         /* of CHECK_DEEP: to be asked first; NULL = the script chooses. Copied */
    struct model_list *models; /* of CHECK_DEEP: as last read; NULL = none. Retained */
    int64_t tokens_left;       /* of CHECK_DEEP: what may be spent now */
    const char *function;      /* of CHECK_CALL: its name; a constant */
    const char *argument;      /* of CHECK_CALL: what it is told, as JSON. Copied */
    FILE *trace;               /* each exchange is written there, without secrets; NULL = not */
};

typedef void (*check_done_fn)(const struct verdict *verdict, void *user);

/* Starts a check of the i-th provider. `done` is called exactly once, and never from within this call, unless the check
 * is cancelled. NULL when memory ran out. */
struct check *check_start(struct script *script, size_t i, const struct check_order *order, check_done_fn done,
                          void *user);
void check_cancel(struct check *check);

#endif
