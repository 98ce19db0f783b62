#include "replay/replay.h"

#include "plugin/fallbacks.h"
#include "plugin/spread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NOBODY = -1 };

/* Whom an answer names, as indices of providers. */
struct choice {
    int64_t first;
    int64_t second; /* its first alternative */
    char reason[POLICY_REASON_MAX];
};

struct run {
    const struct replay_plan *plan;
    struct policy_state *state;
    struct policy_request request;
    char current[PROVIDER_NAME_MAX];
    uint32_t random;
    int64_t last; /* named in the step before */
    bool has_last;
    bool was_failing; /* in the step before, by the one that was named */
    double latency_sum, regret_sum;
    struct replay_result *result;
};

/* -- what a step costs -- */

static double cost_of(const struct run *run, int64_t provider, enum trace_outcome *outcome)
{
    double latency_ms = 0;
    *outcome = provider != NOBODY ? world_foresee(run->plan->world, (size_t)provider, &latency_ms) : TRACE_FAILED;
    return *outcome == TRACE_UP ? latency_ms : run->plan->failure_ms;
}

/* Who is fastest, by the future; NOBODY when nobody can be called. */
static int64_t best_by_future(const struct run *run, double *cost_ms)
{
    int64_t best = NOBODY;
    *cost_ms = run->plan->failure_ms;
    for (size_t i = 0; i < run->plan->trace->name_count; ++i) {
        double latency_ms = 0;
        if (world_foresee(run->plan->world, i, &latency_ms) == TRACE_UP && (best == NOBODY || latency_ms < *cost_ms)) {
            best = (int64_t)i;
            *cost_ms = latency_ms;
        }
    }
    return best;
}

/* -- whom it names -- */

static void choose_last_fastest(const struct snapshot *snapshot, struct choice *choice)
{
    for (size_t i = 0; i < snapshot->count; ++i) {
        const struct provider_view *view = snapshot->providers[i];
        bool good = view->lead->last_check_us != 0 && view->error_kind[0] == '\0';
        if (good && (choice->first == NOBODY ||
                     view->lead->response_time_ms < snapshot->providers[choice->first]->lead->response_time_ms))
            choice->first = (int64_t)i;
    }
    snprintf(choice->reason, sizeof(choice->reason), "its last check was fastest");
}

static int64_t provider_at(const struct snapshot *snapshot, const struct ranking *ranking, size_t row)
{
    const struct provider_view *view = ranking->rows[row].candidate->view;
    for (size_t i = 0; i < snapshot->count; ++i) {
        if (snapshot->providers[i] == view)
            return (int64_t)i;
    }
    return NOBODY;
}

static void choose_by_policy(struct run *run, const struct snapshot *snapshot, int64_t now_us, struct choice *choice)
{
    struct policy_result result;
    struct spread spread;
    size_t row = 0, second;
    policy_rank(run->state, &run->request, run->current, snapshot, now_us, &result);
    if (result.error[0] != '\0') {
        ++run->result->policy_errors;
        memcpy(run->result->error, result.error, sizeof(run->result->error));
    }
    memcpy(choice->reason, result.reason, sizeof(choice->reason));
    const struct ranking *ranking = result.ranking;
    run->current[0] = '\0';
    if (ranking->ranked == 0)
        return;
    spread_make(&spread, ranking);
    row = spread.heads[spread_pick(&spread, &run->random)].row;
    memcpy(run->current, ranking->rows[0].candidate->view->name, sizeof(run->current));
    choice->first = provider_at(snapshot, ranking, row);
    if (fallbacks_choose(ranking, row, result.alternatives < 1 ? 0 : 1, now_us, &second) == 1)
        choice->second = provider_at(snapshot, ranking, second);
}

/* -- the walk -- */

static const char *name_of(const struct run *run, int64_t provider)
{
    return provider != NOBODY ? run->plan->trace->names[provider] : "";
}

static void note_switch(struct run *run, const struct choice *choice, int64_t now_us)
{
    if (run->has_last && run->last != choice->first) {
        ++run->result->switches;
        if (run->plan->switched != NULL)
            run->plan->switched(now_us, name_of(run, run->last), name_of(run, choice->first), choice->reason,
                                run->plan->user);
    }
    run->has_last = true;
    run->last = choice->first;
}

static void count_call(struct run *run, const struct choice *choice, bool same, double best_ms)
{
    struct replay_result *result = run->result;
    enum trace_outcome outcome, second;
    double cost_ms = cost_of(run, choice->first, &outcome);
    if (outcome == TRACE_NOTHING)
        return;
    ++result->calls;
    run->regret_sum += fmax(0, cost_ms - best_ms);
    bool failing = outcome == TRACE_FAILED;
    if (!failing) {
        run->latency_sum += cost_ms;
    } else if (choice->first == NOBODY) {
        ++result->unnamed;
    } else {
        ++result->failed;
        result->outages += !(same && run->was_failing);
        cost_of(run, choice->second, &second);
        result->failed_twice += second != TRACE_UP;
    }
    run->was_failing = failing;
}

static bool take_step(struct run *run, int64_t now_us, const char *policy)
{
    struct choice choice = {.first = NOBODY, .second = NOBODY};
    const struct snapshot *snapshot = world_at(run->plan->world, now_us);
    double best_ms;
    if (snapshot == NULL)
        return false;
    int64_t best = best_by_future(run, &best_ms);
    if (best == NOBODY)
        return true; /* nobody can be called, or the trace is at its end */
    if (strcmp(policy, REPLAY_ORACLE) == 0)
        choice.first = best;
    else if (strcmp(policy, REPLAY_LAST_FASTEST) == 0)
        choose_last_fastest(snapshot, &choice);
    else
        choose_by_policy(run, snapshot, now_us, &choice);
    bool same = run->has_last && run->last == choice.first;
    note_switch(run, &choice, now_us);
    count_call(run, &choice, same, best_ms);
    return true;
}

bool replay_run(const struct replay_plan *plan, const char *policy, struct replay_result *result, char *error,
                size_t error_size)
{
    bool is_policy = strcmp(policy, REPLAY_ORACLE) != 0 && strcmp(policy, REPLAY_LAST_FASTEST) != 0;
    struct run run = {.plan = plan, .random = 20261124, .result = result};
    const struct trace *trace = plan->trace;
    bool whole = true;

    *result = (struct replay_result){.calls = 0};
    snprintf(result->policy, sizeof(result->policy), "%s", policy);
    if (is_policy && (!policy_exists(plan->policies, policy) || policy[0] == '\0')) {
        snprintf(error, error_size, "there is no policy '%s'", policy);
        return false;
    }
    snprintf(run.request.policy, sizeof(run.request.policy), "%s", is_policy ? policy : "");
    run.state = policy_state_new(plan->policies);
    if (run.state == NULL) {
        snprintf(error, error_size, "out of memory");
        return false;
    }
    for (int64_t now_us = trace->count != 0 ? trace->checks[0].at_us : 0;
         whole && trace->count != 0 && now_us <= trace->checks[trace->count - 1].at_us; now_us += plan->step_us)
        whole = take_step(&run, now_us, policy);
    policy_state_free(run.state);
    if (!whole) {
        snprintf(error, error_size, "out of memory");
        return false;
    }
    uint64_t good = result->calls - result->failed - result->unnamed;
    result->hours = (double)result->calls * (double)plan->step_us / 3.6e9;
    result->latency_ms = good != 0 ? run.latency_sum / (double)good : 0;
    result->regret_ms = result->calls != 0 ? run.regret_sum / (double)result->calls : 0;
    return true;
}
