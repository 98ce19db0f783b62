#include "plugin/fallbacks.h"

#include "health/fate.h"

#include <stdbool.h>

static int rank_of(enum health_status status)
{
    static const int ranks[] = {[HEALTH_UNKNOWN] = 0, [HEALTH_DOWN] = 1, [HEALTH_DEGRADED] = 2, [HEALTH_HEALTHY] = 3};
    return ranks[status];
}

static int status_at(const struct ranking *ranking, size_t row)
{
    return rank_of(ranking->rows[row].candidate->view->status);
}

static int worst_offered(const struct ranking *ranking, size_t first, size_t most)
{
    int worst = status_at(ranking, first);
    for (size_t i = 0, offered = 0; i < ranking->ranked && offered < most; ++i) {
        if (i == first)
            continue;
        ++offered;
        if (status_at(ranking, i) < worst)
            worst = status_at(ranking, i);
    }
    return worst;
}

size_t fallbacks_choose(const struct ranking *ranking, size_t first, size_t most, int64_t now_us, size_t *rows)
{
    char why[FATE_WHY_MAX];
    size_t pool[FALLBACKS_MAX], pooled = 0, count = 0;
    bool shared[FALLBACKS_MAX];
    int worst = ranking->ranked != 0 ? worst_offered(ranking, first, most) : 0;

    for (size_t i = 0; i < ranking->ranked && pooled < FALLBACKS_MAX; ++i) {
        if (i == first || status_at(ranking, i) < worst)
            continue;
        shared[pooled] =
            fate_is_shared(ranking->rows[first].candidate->view, ranking->rows[i].candidate->view, now_us, why);
        pool[pooled++] = i;
    }
    for (size_t i = 0; i < pooled && count < most; ++i) {
        if (!shared[i])
            rows[count++] = pool[i];
    }
    for (size_t i = 0; i < pooled && count < most; ++i) {
        if (shared[i])
            rows[count++] = pool[i];
    }
    return count;
}
