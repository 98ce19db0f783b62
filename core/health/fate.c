#include "health/fate.h"

#include "health/stats_view.h"

#include <stdio.h>
#include <string.h>

static const int64_t LOOK_BACK_US = INT64_C(30) * 86400 * 1000000;

enum { LEAST_MEETINGS = 2 };

static const char *common_upstream(const struct traits *a, const struct traits *b)
{
    for (size_t i = 0; a != NULL && b != NULL && i < a->upstream_count; ++i) {
        for (size_t k = 0; k < b->upstream_count; ++k) {
            if (strcmp(a->upstreams[i], b->upstreams[k]) == 0)
                return a->upstreams[i];
        }
    }
    return NULL;
}

static int64_t end_of(const struct outage_span *span, int64_t now_us)
{
    return span->ended_us != 0 ? span->ended_us : now_us;
}

static bool meets_any(const struct outage_span *span, const struct stats_view *other, int64_t now_us)
{
    for (size_t i = 0; i < other->outage_count; ++i) {
        const struct outage_span *its = &other->latest_outages[i];
        if (its->started_us <= end_of(span, now_us) && span->started_us <= end_of(its, now_us))
            return true;
    }
    return false;
}

/* How many outages `stats` had, and how many of them met one of `other`. */
static void count_meetings(const struct stats_view *stats, const struct stats_view *other, int64_t now_us,
                           unsigned *outages, unsigned *meetings)
{
    *outages = *meetings = 0;
    for (size_t i = 0; i < stats->outage_count; ++i) {
        const struct outage_span *span = &stats->latest_outages[i];
        if (end_of(span, now_us) < now_us - LOOK_BACK_US)
            continue;
        ++*outages;
        *meetings += meets_any(span, other, now_us);
    }
}

bool fate_is_shared(const struct provider_view *a, const struct provider_view *b, int64_t now_us,
                    char why[FATE_WHY_MAX])
{
    const char *upstream = common_upstream(a->traits, b->traits);
    if (upstream != NULL) {
        snprintf(why, FATE_WHY_MAX, "same upstream: %s", upstream);
        return true;
    }
    if (a->stats == NULL || b->stats == NULL || a->stats->outage_count == 0 || b->stats->outage_count == 0)
        return false;
    unsigned of_a, of_b, a_meets, b_meets;
    count_meetings(a->stats, b->stats, now_us, &of_a, &a_meets);
    count_meetings(b->stats, a->stats, now_us, &of_b, &b_meets);
    unsigned outages = of_a < of_b ? of_a : of_b, meetings = of_a < of_b ? a_meets : b_meets;
    if (meetings < LEAST_MEETINGS || 2 * meetings < outages)
        return false;
    snprintf(why, FATE_WHY_MAX, "failed together %u times of %u", meetings, outages);
    return true;
}
