#include "health/recovery.h"

#include "health/stats_view.h"

static const double COLDEST = 0.1;
static const int64_t SECOND_US = 1000000;

/* What a kind waits for. Of our own doing nothing gets better by waiting; a closed service does not open. */
static bool passes_by_itself(const struct error_kind *kind)
{
    if (kind->effect == EFFECT_LIMITED || kind->effect == EFFECT_NONE)
        return true;
    return kind->scope == SCOPE_PROVIDER && kind->ask != ASK_AFTER;
}

static int64_t since_us(const struct provider_view *view, int64_t now_us)
{
    const struct stats_view *stats = view->stats;
    return stats != NULL && stats->streak.checks != 0 && !stats->streak.up ? stats->streak.since_us : now_us;
}

int64_t recovery_expected_us(const struct provider_view *view, const struct kind_table *kinds, int64_t now_us)
{
    const struct key_view *lead = view->lead;
    const struct kind_table *own = view->kinds != NULL ? view->kinds : kinds;
    const struct error_kind *kind = own != NULL ? kind_find(own, view->error_kind) : NULL;
    if (view->traffic != NULL && view->traffic->ejected_until_us > now_us)
        return view->traffic->ejected_until_us;
    if (view->status == HEALTH_HEALTHY || (kind != NULL && !passes_by_itself(kind)))
        return 0;
    if (lead->retry_at_us > now_us)
        return lead->retry_at_us;
    int64_t next_us = lead->next_check_us > now_us ? lead->next_check_us : now_us + SECOND_US;
    if (view->status == HEALTH_UNKNOWN)
        return next_us;
    int64_t began_us = since_us(view, now_us), lasted_us = now_us - began_us;
    int64_t mean_us = view->stats != NULL ? view->stats->outages[STATS_MONTH].mttr_us : 0;
    int64_t back_us = mean_us > lasted_us ? began_us + mean_us : now_us + lasted_us;
    return back_us > next_us ? back_us : next_us;
}

double recovery_warmth(const struct provider_view *view, int64_t now_us, int64_t warm_up_us)
{
    const struct stats_view *stats = view->stats;
    int64_t readmitted_us = view->traffic != NULL ? view->traffic->readmitted_us : 0;
    bool had_outage = stats != NULL && stats->outage_count != 0;
    if (warm_up_us <= 0 || (!had_outage && readmitted_us == 0))
        return 1;
    int64_t ended_us = had_outage ? stats->latest_outages[stats->outage_count - 1].ended_us : readmitted_us;
    if (ended_us == 0 || ended_us > now_us)
        return COLDEST;
    if (readmitted_us > ended_us)
        ended_us = readmitted_us;
    double warmth = (double)(now_us - ended_us) / (double)warm_up_us;
    return warmth >= 1 ? 1 : warmth < COLDEST ? COLDEST : warmth;
}
