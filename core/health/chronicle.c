#include "health/chronicle.h"

#include <stddef.h>

bool chronicle_begin(struct chronicle *chronicle)
{
    *chronicle = (struct chronicle){.statistics = statistics_new(), .outages = OUTAGES_EMPTY};
    return chronicle->statistics != NULL;
}

void chronicle_dispose(struct chronicle *chronicle)
{
    statistics_free(chronicle->statistics);
    outages_dispose(&chronicle->outages);
    stats_view_release(chronicle->view);
    *chronicle = (struct chronicle){.statistics = NULL};
}

static bool refresh(struct chronicle *chronicle, int64_t now_us)
{
    struct stats_view *view = stats_view_new(chronicle->statistics, &chronicle->outages, now_us);
    if (view == NULL)
        return false;
    stats_view_release(chronicle->view);
    chronicle->view = view;
    return true;
}

bool chronicle_take(struct chronicle *chronicle, const struct chronicle_check *check, outage_fn tell, void *user)
{
    bool counted = statistics_add(chronicle->statistics, check->checked_us, &check->tally, check->busy);
    if (check->tally.counted) {
        struct outage_check outage = {
            .checked_us = check->checked_us,
            .up = check->tally.up,
            .down = check->down,
            .kind = check->tally.kind,
            .message = check->message,
        };
        outages_take(&chronicle->outages, &outage, tell, user);
    }
    return refresh(chronicle, check->checked_us) && counted;
}

bool chronicle_take_timing(struct chronicle *chronicle, int64_t now_us, double first_token_ms, double tokens_per_second)
{
    if (first_token_ms < 0 && tokens_per_second < 0)
        return true;
    bool counted = statistics_add_timing(chronicle->statistics, now_us, first_token_ms, tokens_per_second);
    return refresh(chronicle, now_us) && counted;
}

bool chronicle_take_reported(struct chronicle *chronicle, int64_t now_us, unsigned up, unsigned down, const char *kind,
                             bool busy)
{
    struct tally_check check = {.counted = true, .latency_ms = -1, .first_token_ms = -1, .tokens_per_second = -1};
    bool counted = true;
    for (unsigned i = 0; i < up + down; ++i) {
        check.up = i < up;
        check.kind = check.up ? "" : kind;
        counted = statistics_add(chronicle->statistics, now_us, &check, busy) && counted;
    }
    return up + down == 0 || (refresh(chronicle, now_us) && counted);
}

bool chronicle_absorb(struct chronicle *chronicle, int64_t now_us, struct chronicle *past, outage_fn tell, void *user)
{
    struct outages none = OUTAGES_EMPTY;
    bool whole = true;
    if (chronicle->outages.past_known) {
        if (past != NULL)
            chronicle_dispose(past);
        return true;
    }
    outages_absorb(&chronicle->outages, past != NULL ? &past->outages : &none, tell, user);
    if (past != NULL && past->statistics != NULL) {
        whole = statistics_absorb(past->statistics, now_us, chronicle->statistics);
        statistics_free(chronicle->statistics);
        chronicle->statistics = past->statistics;
        past->statistics = NULL;
        chronicle_dispose(past);
    }
    return refresh(chronicle, now_us) && whole;
}
