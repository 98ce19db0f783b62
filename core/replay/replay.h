/* replay: policies run over the past: what each would have named, and how its callers would have fared.
 *
 * Time is walked in equal steps; in each a caller asks, and calls whom it is told, then the first alternative. How that
 * goes the provider's next check tells, which the policy does not know. A failed call costs what a caller waits before
 * it gives up, the timeout of the configuration. The regret of a step is what the call cost more than the best one
 * would have. Steps in which nobody knows how the named one was, or nobody could be called at all, are not counted.
 *
 * Beside the policies there are two without one: ORACLE knows the future, and names who is fastest; LAST_FASTEST names
 * whose last check was good and fastest, and knows nothing else.
 *
 * Thread: one at a time.
 */
#ifndef PROVIDERD_REPLAY_REPLAY_H
#define PROVIDERD_REPLAY_REPLAY_H

#include "plugin/policy.h"
#include "replay/world.h"

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_ORACLE "(oracle)"
#define REPLAY_LAST_FASTEST "(last fastest)"

/* A change of whom the answer names. "" = nobody. */
typedef void (*replay_switch_fn)(int64_t at_us, const char *from, const char *to, const char *reason, void *user);

struct replay_plan {
    struct world *world; /* new; used up */
    const struct trace *trace;
    struct policy_host *policies;
    int64_t step_us;
    double failure_ms;         /* what a failed call costs */
    replay_switch_fn switched; /* NULL = not wanted */
    void *user;
};

struct replay_result {
    char policy[POLICY_NAME_MAX];
    uint64_t calls;        /* steps that are counted */
    uint64_t unnamed;      /* of them, nobody was named though somebody could be called */
    uint64_t failed;       /* the named one failed */
    uint64_t failed_twice; /* and so did its first alternative, or there was none */
    uint64_t outages;      /* runs of failed calls to one provider */
    uint64_t switches;
    uint64_t policy_errors;
    double hours;                  /* of the steps */
    double latency_ms;             /* mean of the calls that went well */
    double regret_ms;              /* mean of all */
    char error[POLICY_REASON_MAX]; /* the last one of the policy */
};

/* Runs one policy, REPLAY_ORACLE or REPLAY_LAST_FASTEST. False with the reason when there is no such policy or memory
 * ran out. */
bool replay_run(const struct replay_plan *plan, const char *policy, struct replay_result *result, char *error,
                size_t error_size);

#endif
