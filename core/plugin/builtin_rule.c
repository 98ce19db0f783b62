#include "plugin/builtin_rule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALTERNATIVES_MAX = 2 }; /* as recorded from the original */

static int by_latency(const void *a, const void *b)
{
    const struct provider_view *x = ((const struct ranked *)a)->candidate->view;
    const struct provider_view *y = ((const struct ranked *)b)->candidate->view;
    if (x->lead->response_time_ms != y->lead->response_time_ms)
        return x->lead->response_time_ms < y->lead->response_time_ms ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Appends all of one status. Returns how many. */
static size_t take_status(const struct candidate_set *set, enum health_status status, struct ranking *ranking)
{
    struct ranked *rows = ranking->rows + ranking->ranked;
    size_t count = 0;
    for (size_t i = 0; i < set->count; ++i) {
        const struct candidate *candidate = &set->candidates[i];
        if (candidate->left_out || candidate->view->status != status)
            continue;
        rows[count] = (struct ranked){.candidate = candidate, .score = NAN};
        snprintf(rows[count++].why, sizeof(rows->why), "%s, %.1f ms", health_status_name(status),
                 candidate->view->lead->response_time_ms);
        ranking->named[i] = true;
    }
    if (count != 0)
        qsort(rows, count, sizeof(*rows), by_latency);
    ranking->ranked = ranking->count = ranking->ranked + count;
    return count;
}

void builtin_rule_rank(const struct candidate_set *set, struct ranking *ranking, struct policy_result *result)
{
    size_t healthy = take_status(set, HEALTH_HEALTHY, ranking), degraded = take_status(set, HEALTH_DEGRADED, ranking);
    const struct provider_view *first = healthy + degraded != 0 ? ranking->rows[0].candidate->view : NULL;
    result->alternatives = 0;
    if (healthy != 0) {
        result->alternatives = healthy - 1 < ALTERNATIVES_MAX ? healthy - 1 : ALTERNATIVES_MAX;
        snprintf(result->reason, sizeof(result->reason), "lowest latency (%.1fms) + healthy status",
                 first->lead->response_time_ms);
    } else if (degraded != 0) {
        snprintf(result->reason, sizeof(result->reason), "No healthy providers available, using least degraded: %s",
                 first->name);
    } else {
        snprintf(result->reason, sizeof(result->reason), "All providers are down");
    }
}
