#include "health/stats_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count_kind(const char *kind, uint32_t count, void *user)
{
    size_t *kinds = user;
    (void)kind;
    (void)count;
    ++*kinds;
}

struct filling {
    struct stats_view *view;
    size_t at;
};

static void add_kind(const char *kind, uint32_t count, void *user)
{
    struct filling *filling = user;
    struct tally_kind *place = &filling->view->kinds[filling->at++];
    place->count = count;
    snprintf(place->name, sizeof(place->name), "%s", kind);
}

/* A window goes back to its far edge, or to where what is known of it begins. */
static void summarize_outages(const struct outages *outages, enum stats_window window, int64_t since_s, int64_t now_us,
                              struct outage_summary *summary)
{
    int64_t from_us = now_us - stats_window_length_s(window) * 1000000;
    if (since_s == 0)
        from_us = now_us;
    else if (since_s * 1000000 > from_us)
        from_us = since_s * 1000000;
    outages_summarize(outages, from_us, now_us, summary);
}

static size_t outages_shown(const struct outages *outages)
{
    size_t count = outages->count + (outages->lasting ? 1 : 0);
    return count < STATS_OUTAGES_SHOWN ? count : STATS_OUTAGES_SHOWN;
}

static void copy_outages(const struct outages *outages, struct outage_span *out, size_t count)
{
    size_t over = count - (outages->lasting ? 1 : 0);
    if (over != 0)
        memcpy(out, outages->past + outages->count - over, over * sizeof(*out));
    if (over != count)
        out[over] = (struct outage_span){outages->current.started_us, 0};
}

struct stats_view *stats_view_new(struct statistics *statistics, const struct outages *outages, int64_t now_us)
{
    struct window_summary windows[STATS_WINDOWS];
    struct stats_view *view;
    size_t kinds = 0;
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        statistics_summarize(statistics, (enum stats_window)i, now_us, &windows[i]);
        statistics_kinds(statistics, (enum stats_window)i, count_kind, &kinds);
    }
    size_t shown = outages_shown(outages);
    size_t spans_at = (sizeof(*view) + kinds * sizeof(view->kinds[0]) + _Alignof(struct outage_span) - 1) /
                      _Alignof(struct outage_span) * _Alignof(struct outage_span);
    view = malloc(spans_at + shown * sizeof(struct outage_span));
    struct filling filling = {view, 0};
    if (view == NULL)
        return NULL;
    struct outage_span *spans = (struct outage_span *)(void *)((char *)view + spans_at);
    copy_outages(outages, spans, shown);
    view->latest_outages = spans;
    view->outage_count = shown;
    atomic_init(&view->references, 1);
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        view->windows[i] = windows[i];
        summarize_outages(outages, (enum stats_window)i, windows[i].since_s, now_us, &view->outages[i]);
        statistics_kinds(statistics, (enum stats_window)i, add_kind, &filling);
        view->kinds_end[i] = filling.at;
    }
    view->streak = outages->streak;
    return view;
}

struct stats_view *stats_view_retain(struct stats_view *view)
{
    atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    return view;
}

void stats_view_release(struct stats_view *view)
{
    if (view != NULL && atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) == 1)
        free(view);
}
