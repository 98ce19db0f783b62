/* memory: what is remembered of the checks of a provider, of each of several keys, and of the models that deep probes
 * asked last; and whom outages are told. */
#include "base/log.h"
#include "health/news.h"
#include "health/tracker_internal.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

/* -- outages -- */

struct teller {
    const struct provider *provider;
    unsigned key;
};

static void tell_outage(const struct outage *outage, void *user)
{
    const struct teller *teller = user;
    const struct tracker_sinks *sinks = &teller->provider->tracker->sinks;
    sinks->outage(sinks->user, teller->provider->name, teller->key, outage);
    news_of_outage(teller->provider, teller->key, outage);
}

/* Outages of models have no place in the database: their rows say it. */
static void tell_nobody(const struct outage *outage, void *user)
{
    (void)outage;
    (void)user;
}

/* -- counting -- */

static bool is_busy(const struct provider *provider, int64_t now_us)
{
    return busy_hours_hold(&provider->tracker->generation->config->busy_hours, now_us / SECOND_US);
}

static void say_if_lacking(const struct provider *provider, bool whole)
{
    if (!whole)
        log_error("health", "%s: out of memory for statistics", provider->name);
}

/* What a check of a target taught, as `view` says it. */
static struct chronicle_check check_of(const struct target *target, const struct key_view *view, int64_t now_us)
{
    return (struct chronicle_check){
        .tally =
            {
                .counted = target_counted(target),
                .up = target_is_up(target),
                .latency_ms = view->response_time_ms,
                .first_token_ms = -1,
                .tokens_per_second = -1,
                .kind = view->error_kind,
            },
        .checked_us = now_us,
        .down = target->status == HEALTH_DOWN,
        .busy = is_busy(target->provider, now_us),
        .message = view->error_message,
    };
}

void provider_count(struct provider *provider, int64_t now_us)
{
    struct chronicle_check check = check_of(provider->lead, provider->lead->view, now_us);
    bool well = check.tally.counted && check.tally.up;
    meter_add(&provider->meter, check.tally.counted, check.tally.up, well ? check.tally.latency_ms : -1);
    struct teller teller = {provider, 0};
    say_if_lacking(provider, chronicle_take(&provider->chronicle, &check, tell_outage, &teller));
}

void provider_count_key(struct target *target, struct key_view *view)
{
    struct chronicle *chronicle = &target->chronicle;
    if (chronicle->statistics == NULL)
        return;
    struct chronicle_check check = check_of(target, view, view->last_check_us);
    struct teller teller = {target->provider, view->number};
    say_if_lacking(target->provider, chronicle_take(chronicle, &check, tell_outage, &teller));
    view->stats = chronicle->view != NULL ? stats_view_retain(chronicle->view) : NULL;
}

/* -- models -- */

static struct asked_model *find_model(struct provider *provider, const char *model)
{
    for (size_t i = 0; i < provider->models_asked_count; ++i) {
        if (strcmp(provider->models_asked[i].model, model) == 0)
            return &provider->models_asked[i];
    }
    return NULL;
}

/* A place for one more, if need be that of the one that was asked longest ago. NULL when memory ran out. */
static struct asked_model *place_for_model(struct provider *provider)
{
    struct asked_model *oldest = provider->models_asked;
    if (provider->models_asked == NULL)
        provider->models_asked = calloc(MODELS_REMEMBERED, sizeof(*provider->models_asked));
    if (provider->models_asked == NULL)
        return NULL;
    if (provider->models_asked_count < MODELS_REMEMBERED)
        return &provider->models_asked[provider->models_asked_count++];
    for (size_t i = 1; i < MODELS_REMEMBERED; ++i) {
        if (provider->models_asked[i].asked_us < oldest->asked_us)
            oldest = &provider->models_asked[i];
    }
    chronicle_dispose(&oldest->chronicle);
    return oldest;
}

static struct asked_model *model_asked(struct provider *provider, const char *model, int64_t now_us)
{
    struct asked_model *asked = find_model(provider, model);
    if (asked != NULL)
        return asked;
    asked = place_for_model(provider);
    if (asked == NULL)
        return NULL;
    *asked = (struct asked_model){.asked_us = now_us};
    strncpy(asked->model, model, sizeof(asked->model) - 1);
    if (!chronicle_begin(&asked->chronicle)) {
        *asked = provider->models_asked[--provider->models_asked_count];
        return NULL;
    }
    if (provider->past_known)
        chronicle_absorb(&asked->chronicle, now_us, NULL, tell_nobody, NULL);
    return asked;
}

void provider_count_deep(struct provider *provider, int64_t now_us, const struct verdict *verdict)
{
    const struct deep_finding *found = &verdict->deep;
    bool failed = verdict->effects != NULL && verdict->effects->effect == EFFECT_FAILURE;
    struct asked_model *asked = model_asked(provider, found->model_asked, now_us);
    bool whole = asked != NULL;
    if (asked != NULL) {
        const struct streak *streak = &asked->chronicle.outages.streak;
        unsigned failures = streak->checks != 0 && !streak->up ? streak->checks + 1 : 1;
        struct chronicle_check check = {
            .tally =
                {
                    .counted = true,
                    .up = verdict->ok,
                    .latency_ms = verdict->latency_ms,
                    .first_token_ms = found->first_token_ms,
                    .tokens_per_second = found->tokens_per_second,
                    .kind = verdict->kind,
                },
            .checked_us = now_us,
            .down = failed && failures >= (unsigned)provider->settings.tuning.max_consecutive_failures,
            .busy = is_busy(provider, now_us),
            .message = verdict->message,
        };
        asked->asked_us = now_us;
        whole = chronicle_take(&asked->chronicle, &check, tell_nobody, NULL);
    }
    whole =
        chronicle_take_timing(&provider->chronicle, now_us, found->first_token_ms, found->tokens_per_second) && whole;
    say_if_lacking(provider, whole);
}

void provider_count_reported(struct provider *provider, int64_t now_us, unsigned up, unsigned down, const char *kind)
{
    bool busy = is_busy(provider, now_us);
    say_if_lacking(provider, chronicle_take_reported(&provider->chronicle, now_us, up, down, kind, busy));
}

/* A model that nobody has asked yet gets a place only where one is free: what deep probes found stays. */
void provider_count_reported_times(struct provider *provider, int64_t now_us, const char *model, double first_token_ms,
                                   double tokens_per_second)
{
    struct asked_model *asked = model[0] != '\0' ? find_model(provider, model) : NULL;
    bool whole = chronicle_take_timing(&provider->chronicle, now_us, first_token_ms, tokens_per_second);
    if (asked == NULL && model[0] != '\0' && provider->models_asked_count < MODELS_REMEMBERED)
        asked = model_asked(provider, model, now_us);
    if (asked != NULL) {
        asked->asked_us = now_us;
        whole = chronicle_take_timing(&asked->chronicle, now_us, first_token_ms, tokens_per_second) && whole;
    }
    say_if_lacking(provider, whole);
}

static int latest_first(const void *a, const void *b)
{
    int64_t x = (*(struct asked_model *const *)a)->asked_us, y = (*(struct asked_model *const *)b)->asked_us;
    return (x < y) - (x > y);
}

bool provider_show_models(const struct provider *provider, struct provider_view *view)
{
    struct asked_model *order[MODELS_REMEMBERED];
    if (provider->models_asked_count == 0)
        return true;
    view->model_stats = calloc(provider->models_asked_count, sizeof(*view->model_stats));
    if (view->model_stats == NULL)
        return false;
    for (size_t i = 0; i < provider->models_asked_count; ++i)
        order[i] = &provider->models_asked[i];
    qsort(order, provider->models_asked_count, sizeof(order[0]), latest_first);
    for (size_t i = 0; i < provider->models_asked_count; ++i) {
        struct model_stats *stats = &view->model_stats[view->model_stats_count];
        if (order[i]->chronicle.view == NULL)
            continue;
        memcpy(stats->model, order[i]->model, sizeof(stats->model));
        stats->stats = stats_view_retain(order[i]->chronicle.view);
        ++view->model_stats_count;
    }
    return true;
}

/* -- the past -- */

void provider_past_free(struct provider_past *past)
{
    for (size_t i = 0; past != NULL && i < past->count; ++i)
        chronicle_dispose(&past->parts[i].chronicle);
    if (past != NULL)
        free(past->hours);
    free(past);
}

static struct past_part *find_part(struct provider_past *past, unsigned key, const char *model)
{
    for (size_t i = 0; past != NULL && i < past->count; ++i) {
        struct past_part *part = &past->parts[i];
        if (part->key == key && strcmp(part->model, model) == 0)
            return part;
    }
    return NULL;
}

static bool absorb(struct provider *provider, struct chronicle *chronicle, int64_t now_us, struct past_part *part,
                   unsigned key, outage_fn tell)
{
    struct teller teller = {provider, key};
    return chronicle_absorb(chronicle, now_us, part != NULL ? &part->chronicle : NULL, tell, &teller);
}

/* A key that is asked no more often than once an hour shall have its past shown before its next check. */
static void show_key(struct target *target)
{
    struct key_view *view = key_view_copy(target->view); /* those that were published do not change */
    if (view == NULL)
        return;
    stats_view_release(view->stats);
    view->stats = target->chronicle.view != NULL ? stats_view_retain(target->chronicle.view) : NULL;
    key_view_release(target->view);
    target->view = view;
}

static bool remember_models(struct provider *provider, int64_t now_us, struct provider_past *past)
{
    bool whole = true;
    for (size_t i = 0; past != NULL && i < past->count; ++i) {
        struct past_part *part = &past->parts[i];
        if (part->model[0] == '\0')
            continue;
        if (find_model(provider, part->model) == NULL && provider->models_asked_count == MODELS_REMEMBERED)
            continue; /* what was asked in this run goes before */
        struct asked_model *asked = model_asked(provider, part->model, part->checked_us);
        whole = asked != NULL && absorb(provider, &asked->chronicle, now_us, part, 0, tell_nobody) && whole;
    }
    for (size_t i = 0; i < provider->models_asked_count; ++i)
        whole = absorb(provider, &provider->models_asked[i].chronicle, now_us, NULL, 0, tell_nobody) && whole;
    return whole;
}

void provider_remember(struct provider *provider, int64_t now_us, struct provider_past *past)
{
    if (provider->past_known)
        return;
    bool whole = absorb(provider, &provider->chronicle, now_us, find_part(past, 0, ""), 0, tell_outage);
    for (size_t i = 0; i < provider->target_count; ++i) {
        struct target *target = provider->targets[i];
        unsigned key = (unsigned)i + 1;
        if (target->chronicle.statistics == NULL)
            continue;
        whole = absorb(provider, &target->chronicle, now_us, find_part(past, key, ""), key, tell_outage) && whole;
        show_key(target);
    }
    whole = remember_models(provider, now_us, past) && whole;
    provider->past_known = true;
    say_if_lacking(provider, whole);
}

void provider_remember_keys(struct provider *provider, int64_t now_us)
{
    for (size_t i = 0; i < provider->target_count; ++i) {
        struct target *target = provider->targets[i];
        if (provider->target_count < 2 && target->chronicle.statistics != NULL) {
            chronicle_dispose(&target->chronicle);
            show_key(target);
        } else if (provider->target_count > 1 && target->chronicle.statistics == NULL) {
            bool begun = chronicle_begin(&target->chronicle);
            say_if_lacking(provider, begun);
            if (begun && provider->past_known)
                absorb(provider, &target->chronicle, now_us, NULL, (unsigned)i + 1, tell_outage);
        }
    }
}
