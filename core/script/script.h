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
#include "script/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script;
struct check;

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

/* A provider as its script declares it. Strings live as long as the script. */
struct script_provider {
    char name[SCRIPT_NAME_MAX];
    char title[SCRIPT_TITLE_MAX];
    char *base_url;
    char *missing;                     /* why it cannot be probed: "set GROQ_API_KEY"; NULL when it can */
    char *user_agent;                  /* in effect */
    char **origins;                    /* "https://api.groq.com", ended by NULL: where its secrets may go */
    int64_t interval_ms;               /* 0 = not said */
    int64_t timeout_ms;                /* 0 = not said */
    int64_t degraded_latency_ms;       /* 0 = not said */
    unsigned max_consecutive_failures; /* 0 = not said */
    bool fallback;                     /* gives way to another script\'s provider of the same name */
    int table_reference;               /* the Lua table, in the registry */
};

/* Runs the file and takes its providers. NULL when it cannot be used: `error` is "file:line: reason", redacted. */
struct script *script_load(const struct script_host *host, const char *path, char *error, size_t error_size);
struct script *script_retain(struct script *script);
void script_release(struct script *script); /* NULL is allowed */

const char *script_path(const struct script *script);
size_t script_provider_count(const struct script *script);
const struct script_provider *script_provider(const struct script *script, size_t i);

/* Replaces the base URL of a provider (a setting of the configuration): its secrets go there from now on. Before the
 * first check. -1 with the reason in `error` when it is not an http or https URL. */
int script_set_base_url(struct script *script, size_t i, const char *url, char *error, size_t error_size);

typedef void (*check_done_fn)(const struct verdict *verdict, void *user);

/* Starts a check of the i-th provider, at most `timeout_ms` long. `done` is called exactly once, and never from within
 * this call, unless the check is cancelled. NULL when memory ran out. Only one check of a provider at a time. */
struct check *check_start(struct script *script, size_t i, int64_t timeout_ms, const struct judge_state *state,
                          check_done_fn done, void *user);
void check_cancel(struct check *check);

#endif
