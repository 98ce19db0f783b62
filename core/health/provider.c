#include "health/provider.h"

#include "base/clock.h"
#include "base/log.h"
#include "health/local.h"
#include "health/news.h"
#include "health/tracker_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LATENCY_UNTIL_LEARNED_MS = 1000;

/* -- targets -- */

struct target *target_new(struct provider *provider, void (*on_due)(struct timer *, void *))
{
    struct target *target = calloc(1, sizeof(*target));
    if (target == NULL)
        return NULL;
    target->provider = provider;
    target->key = CHECK_NO_KEY;
    timer_init(&target->timer, on_due, target);
    target->view = key_view_new();
    if (target->view == NULL) {
        free(target);
        return NULL;
    }
    return target;
}

void target_free(struct target *target)
{
    if (target == NULL)
        return;
    shared_text_release(target->last_failure);
    key_view_release(target->view);
    chronicle_dispose(&target->chronicle);
    free(target);
}

void target_label(const struct target *target, char out[TARGET_LABEL_MAX])
{
    const struct provider *provider = target->provider;
    if (provider->target_count < 2)
        snprintf(out, TARGET_LABEL_MAX, "%s", provider->name);
    else if (target->hint[0] != '\0')
        snprintf(out, TARGET_LABEL_MAX, "%s: key %zu (%s)", provider->name, target->key + 1, target->hint);
    else
        snprintf(out, TARGET_LABEL_MAX, "%s: key %zu", provider->name, target->key + 1);
}

size_t provider_targets_wanted(const struct watched *settings)
{
    size_t keys = watched_provider(settings)->key_count;
    return keys != 0 ? keys : 1;
}

struct target *provider_target(const struct provider *provider, uint64_t fingerprint)
{
    for (size_t i = 0; i < provider->target_count; ++i) {
        if (provider->targets[i]->fingerprint == fingerprint)
            return provider->targets[i];
    }
    return NULL;
}

bool provider_match_targets(struct provider *provider, const struct watched *settings, struct target **fresh,
                            bool *is_new, void (*on_due)(struct timer *, void *))
{
    const struct script_provider *declared = watched_provider(settings);
    size_t wanted = provider_targets_wanted(settings);
    for (size_t i = 0; i < wanted; ++i) {
        uint64_t fingerprint = declared->key_count != 0 ? declared->keys[i].fingerprint : 0;
        struct target *target = provider_target(provider, fingerprint);
        is_new[i] = target == NULL;
        fresh[i] = target != NULL ? target : target_new(provider, on_due);
        if (fresh[i] == NULL) {
            for (size_t j = 0; j < i; ++j) {
                if (is_new[j])
                    target_free(fresh[j]);
            }
            return false;
        }
    }
    return true;
}

/* -- the provider -- */

struct provider *provider_new(struct tracker *tracker, const char *name, void (*on_models)(struct timer *, void *),
                              void (*on_deep)(struct timer *, void *), void (*on_page)(struct timer *, void *))
{
    struct provider *provider = calloc(1, sizeof(*provider));
    if (provider == NULL)
        return NULL;
    provider->tracker = tracker;
    snprintf(provider->name, sizeof(provider->name), "%s", name);
    timer_init(&provider->models_errand.timer, on_models, &provider->models_errand);
    timer_init(&provider->deep_errand.timer, on_deep, &provider->deep_errand);
    timer_init(&provider->page_errand.timer, on_page, &provider->page_errand);
    provider->models_errand.provider = provider->deep_errand.provider = provider->page_errand.provider = provider;
    provider->deep.view.first_token_ms = provider->deep.view.tokens_per_second = -1;
    provider->view = provider_view_new(name);
    if (!chronicle_begin(&provider->chronicle) || provider->view == NULL) {
        provider_view_release(provider->view);
        chronicle_dispose(&provider->chronicle);
        free(provider);
        return NULL;
    }
    return provider;
}

void provider_free(struct provider *provider)
{
    if (provider == NULL)
        return;
    for (size_t i = 0; i < provider->target_count; ++i)
        target_free(provider->targets[i]);
    free(provider->targets);
    model_list_release(provider->models);
    announcement_release(provider->announced);
    reported_free(provider->reported);
    provider_view_release(provider->view);
    chronicle_dispose(&provider->chronicle);
    for (size_t i = 0; i < provider->models_asked_count; ++i)
        chronicle_dispose(&provider->models_asked[i].chronicle);
    free(provider->models_asked);
    free(provider);
}

double provider_degraded_latency_ms(const struct provider *provider)
{
    const struct latency_threshold *threshold = &provider->settings.tuning.degraded_latency;
    if (threshold->fixed_ms != 0)
        return (double)threshold->fixed_ms;
    return provider->learned_latency_ms > 0 ? provider->learned_latency_ms * threshold->factor
                                            : LATENCY_UNTIL_LEARNED_MS;
}

/* -- the best key -- */

/* What is unknown says less than what is down. */
static int rank(enum health_status status)
{
    static const int ranks[] = {[HEALTH_UNKNOWN] = 0, [HEALTH_DOWN] = 1, [HEALTH_DEGRADED] = 2, [HEALTH_HEALTHY] = 3};
    return ranks[status];
}

static bool better(const struct target *a, const struct target *b)
{
    if (rank(a->status) != rank(b->status))
        return rank(a->status) > rank(b->status);
    if (a->score != b->score)
        return a->score > b->score;
    return a->consecutive_failures < b->consecutive_failures;
}

void provider_choose_lead(struct provider *provider)
{
    struct target *lead = provider->targets[0];
    for (size_t i = 1; i < provider->target_count; ++i) {
        if (better(provider->targets[i], lead))
            lead = provider->targets[i];
    }
    /* Of equals the one that leads goes on leading: its history is the provider's. */
    bool known = provider->lead != NULL;
    if (!known || better(lead, provider->lead))
        provider->lead = lead;
}

/* -- the forecast -- */

void provider_foresee(struct provider *provider, int64_t now_us)
{
    const struct target *lead = provider->lead;
    bool good = target_is_up(lead) && !lead->has_kind;
    if (target_counted(lead))
        forecast_take(&provider->forecast, now_us, target_is_up(lead), good ? lead->view->response_time_ms : -1);
}

void provider_prime(struct provider *provider, const struct past_hour *hours, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        forecast_add_hour(&provider->forecast, &hours[i]);
    forecast_primed(&provider->forecast);
}

/* Of the keys that can be used, or of the best one when none can. */
static void fill_forecast(const struct provider *provider, struct provider_view *view)
{
    enum { KEYS_MAX = 64 };
    const struct limits *limits[KEYS_MAX] = {&provider->lead->limits};
    size_t count = 1;
    for (size_t i = 0; i < provider->target_count && count < KEYS_MAX; ++i) {
        const struct target *target = provider->targets[i];
        if (target != provider->lead && target->status == HEALTH_HEALTHY)
            limits[count++] = &target->limits;
    }
    forecast_look(&provider->forecast, clock_wall_us(), view->degraded_latency_ms, limits, count, &view->forecast);
}

/* -- the view -- */

/* What a failing deep probe makes of the state that the cheap check found. */
static void worsen_by_deep(const struct provider *provider, struct provider_view *view)
{
    const struct deep_memory *deep = &provider->deep;
    if (provider->settings.tuning.deep.enabled != 1 || !deep->has_kind || view->status == HEALTH_DOWN ||
        view->status == HEALTH_UNKNOWN || deep->kind.effect == EFFECT_NONE)
        return;
    bool down =
        deep->kind.effect == EFFECT_FAILURE && deep->failures >= provider->settings.tuning.max_consecutive_failures;
    bool limited = deep->kind.effect == EFFECT_LIMITED;
    view->status = down ? HEALTH_DOWN : HEALTH_DEGRADED;
    view->score = down ? 0 : fmin(view->score, limited ? 20 : 10);
    snprintf(view->reason, sizeof(view->reason), "%s", limited ? "rate_limited" : deep->kind.name);
    snprintf(view->error_kind, sizeof(view->error_kind), "%s", deep->kind.name);
    snprintf(view->error_message, sizeof(view->error_message), "deep probe: %.490s", deep->view.error_message);
}

static void fill_deep(const struct provider *provider, struct provider_view *view)
{
    const struct deep_tuning *tuning = &provider->settings.tuning.deep;
    view->deep = provider->deep.view;
    view->deep.enabled = tuning->enabled == 1 && watched_provider(&provider->settings)->completes;
    view->deep.daily_tokens = tuning->daily_tokens;
    if (clock_wall_us() / (INT64_C(86400) * 1000000) != provider->deep.day)
        view->deep.tokens_today = 0;
}

static bool fill_keys(const struct provider *provider, struct provider_view *view)
{
    if (provider->target_count < 2)
        return true;
    view->keys = calloc(provider->target_count, sizeof(struct key_view *));
    if (view->keys == NULL)
        return false;
    for (size_t i = 0; i < provider->target_count; ++i)
        view->keys[view->key_count++] = key_view_retain(provider->targets[i]->view);
    return true;
}

bool provider_refresh(struct provider *provider)
{
    provider_choose_lead(provider);
    const struct key_view *lead = provider->lead->view;
    struct provider_view *view = provider_view_new(provider->name);
    if (view == NULL || !fill_keys(provider, view) || !provider_show_models(provider, view)) {
        provider_view_release(view);
        return false;
    }
    key_view_release(view->lead);
    view->lead = key_view_retain(provider->lead->view);
    snprintf(view->title, sizeof(view->title), "%s", watched_provider(&provider->settings)->title);
    view->uptime_percent = window_uptime_percent(&provider->window, window_now_us());
    view->degraded_latency_ms = provider_degraded_latency_ms(provider);
    view->status = lead->status;
    view->score = lead->score;
    memcpy(view->reason, lead->reason, sizeof(view->reason));
    memcpy(view->error_kind, lead->error_kind, sizeof(view->error_kind));
    memcpy(view->error_message, lead->error_message, sizeof(view->error_message));
    fill_deep(provider, view);
    worsen_by_deep(provider, view);
    view->traits = traits_retain(watched_provider(&provider->settings)->traits);
    view->models = provider->models != NULL ? model_list_retain(provider->models) : NULL;
    view->models_read_us = provider->models_read_us;
    memcpy(view->models_error, provider->models_error, sizeof(view->models_error));
    view->announced = provider->announced != NULL ? announcement_retain(provider->announced) : NULL;
    view->stats = provider->chronicle.view != NULL ? stats_view_retain(provider->chronicle.view) : NULL;
    if (!reported_show(provider, view)) {
        provider_view_release(view);
        return false;
    }
    view->kinds = provider->settings.own_kinds ? kind_table_retain(provider->settings.kinds) : NULL;
    view->meter = provider->meter;
    fill_forecast(provider, view);
    news_of_view(provider, provider->view, view);
    provider_view_release(provider->view);
    provider->view = view;
    view_chunks_note(&provider->tracker->views, provider->place);
    return true;
}
