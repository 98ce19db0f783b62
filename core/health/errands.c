/* errands: what is asked of a provider beside its checks: its models, now and then; a completion, where deep probes are
 * wished for; its status page. All with the key that is best at the time.
 */
#include "base/clock.h"
#include "base/log.h"
#include "health/news.h"
#include "health/tracker_internal.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)

static const uint64_t FIRST_FROM_US = SECOND_US / 10, FIRST_TO_US = SECOND_US; /* after the first good check */
static const uint64_t MODELS_RETRY_US = 600 * SECOND_US;
static const int64_t DEEP_TIMEOUT_MIN_MS = 60 * 1000; /* completions take longer than lists */

/* -- asking -- */

static void arm_after(struct errand *errand, uint64_t wait_us)
{
    struct tracker *tracker = errand->provider->tracker;
    uint64_t jitter_us = wait_us / 100 * (uint64_t)tracker->generation->config->jitter_percent;
    timer_start(tracker->loop, &errand->timer, tracker_soon(tracker, wait_us, wait_us + jitter_us));
}

static bool ask(struct errand *errand, struct check_order *order, check_done_fn done)
{
    struct provider *provider = errand->provider;
    const struct watched *settings = &provider->settings;
    order->kinds = settings->kinds;
    errand->fingerprint = provider->lead->fingerprint;
    if (order->timeout_ms == 0)
        order->timeout_ms = settings->tuning.timeout_ms;
    errand->check = check_start(settings->script, settings->index, order, done, provider);
    if (errand->check == NULL)
        log_error("health", "%s: out of memory for a check", provider->name);
    return errand->check != NULL;
}

static void refresh(struct provider *provider)
{
    if (!provider_refresh(provider))
        log_error("health", "%s: out of memory for what was found", provider->name);
    tracker_changed(provider->tracker);
}

/* What the answers told of limits, and what asking used of them, is the key's that it was asked with: another may lead
 * by now. Its view is made anew. NULL when a reload took the key away. */
static struct target *settle_limits(const struct errand *errand, const struct verdict *verdict)
{
    struct target *target = provider_target(errand->provider, errand->fingerprint);
    int64_t now_us = clock_wall_us();
    if (target == NULL)
        return NULL;
    limits_take(&target->limits, verdict->windows, verdict->window_count, now_us);
    limits_spend(&target->limits, verdict->requests, verdict->deep.tokens_spent, now_us);
    struct key_view *view = key_view_copy(target->view);
    if (view == NULL)
        return target;
    limit_list_release(view->limits);
    view->limits = limit_list_new(&target->limits, now_us);
    double percent = limits_used_percent(&target->limits, now_us);
    if (percent >= 0)
        view->rate_limit_percent = percent;
    key_view_release(target->view);
    target->view = view;
    news_of_limits(target);
    return target;
}

/* -- models -- */

static void on_models(const struct verdict *verdict, void *user)
{
    struct provider *provider = user;
    struct errand *errand = &provider->models_errand;
    uint64_t interval_us = (uint64_t)provider->settings.tuning.models_interval_ms * 1000;

    errand->check = NULL;
    if (verdict->models != NULL) {
        news_of_models(provider, provider->models, verdict->models);
        model_list_release(provider->models);
        provider->models = model_list_retain(verdict->models);
        provider->models_read_us = clock_wall_us();
        provider->models_error[0] = '\0';
        arm_after(errand, interval_us);
    } else {
        snprintf(provider->models_error, sizeof(provider->models_error), "%.32s: %.470s", verdict->kind,
                 verdict->message);
        log_info("health", "%s: its models cannot be read: %s", provider->name, provider->models_error);
        arm_after(errand, interval_us < MODELS_RETRY_US ? interval_us : MODELS_RETRY_US);
    }
    settle_limits(errand, verdict);
    refresh(provider);
    errands_arm(provider);
}

void errands_on_models(struct timer *timer, void *user)
{
    (void)timer;
    struct errand *errand = user;
    struct check_order order = {.purpose = CHECK_MODELS, .key = errand->provider->lead->key};
    if (!ask(errand, &order, on_models))
        arm_after(errand, MODELS_RETRY_US);
}

/* -- deep probes -- */

static void tell_deep(struct provider *provider, const struct target *target, const struct verdict *verdict)
{
    struct tracker_sinks *sinks = &provider->tracker->sinks;
    struct deep_outcome outcome = {provider->view, target != NULL ? target->view->number : 0, verdict};
    if (verdict->deep.skipped[0] == '\0')
        sinks->deep_checked(sinks->user, &outcome);
}

static void on_deep(const struct verdict *verdict, void *user)
{
    struct provider *provider = user;
    int64_t now_us = clock_wall_us();
    char before[MODEL_ID_MAX];

    provider->deep_errand.check = NULL;
    memcpy(before, provider->deep.view.model, sizeof(before));
    deep_spend(&provider->deep, verdict->deep.tokens_spent, verdict->requests, now_us);
    struct target *target = settle_limits(&provider->deep_errand, verdict);
    if (deep_take(&provider->deep, verdict, now_us))
        news_of_answering_model(provider, verdict->deep.model_asked, before, verdict->deep.model);
    if (!verdict->ok && verdict->effects != NULL && provider->deep.failures <= 1)
        log_warning("health", "%s: deep probe: %s: %s", provider->name, verdict->kind, verdict->message);
    if (provider->settings.tuning.deep.enabled == 1) {
        uint64_t wait_us = deep_wait_us(&provider->deep, &provider->settings.tuning, now_us);
        arm_after(&provider->deep_errand, wait_us);
        provider->deep.view.next_us = now_us + (int64_t)wait_us;
    }
    if (verdict->deep.skipped[0] == '\0')
        provider_count_deep(provider, now_us, verdict);
    refresh(provider);
    tell_deep(provider, target, verdict);
}

static void say_nothing_is_left(struct deep_memory *deep, const struct deep_tuning *tuning)
{
    char *message = deep->view.error_message;
    if (deep->view.tokens_today >= tuning->daily_tokens)
        snprintf(message, sizeof(deep->view.error_message), "skipped: of today's budget of %lld tokens nothing is left",
                 (long long)tuning->daily_tokens);
    else
        snprintf(message, sizeof(deep->view.error_message),
                 "skipped: the share of %g %% of the key's own daily limits is used up", tuning->share_percent);
}

void errands_on_deep(struct timer *timer, void *user)
{
    (void)timer;
    struct errand *errand = user;
    struct provider *provider = errand->provider;
    const struct tuning *tuning = &provider->settings.tuning;
    struct deep_memory *deep = &provider->deep;
    int64_t now_us = clock_wall_us();
    struct check_order order = {
        .purpose = CHECK_DEEP,
        .key = provider->lead->key,
        .timeout_ms = tuning->timeout_ms > DEEP_TIMEOUT_MIN_MS ? tuning->timeout_ms : DEEP_TIMEOUT_MIN_MS,
        .rung = deep_rung(deep, &tuning->deep, now_us),
        .model = tuning->deep.model != NULL ? tuning->deep.model
                 : deep->model[0] != '\0'   ? deep->model
                                            : NULL,
        .models = provider->models,
        .tokens_left = deep_tokens_left(deep, &tuning->deep, &provider->lead->limits, now_us),
    };
    if (order.tokens_left > 0 && ask(errand, &order, on_deep))
        return;
    if (order.tokens_left == 0)
        say_nothing_is_left(deep, &tuning->deep);
    arm_after(errand, (uint64_t)tuning->deep.interval_ms * 1000);
    deep->view.next_us = now_us + tuning->deep.interval_ms * 1000;
    refresh(provider);
}

/* -- status pages -- */

static void on_page(const struct verdict *verdict, void *user)
{
    struct provider *provider = user;
    provider->page_errand.check = NULL;
    arm_after(&provider->page_errand, (uint64_t)provider->tracker->generation->config->status_page_interval_ms * 1000);
    if (verdict->announcement == NULL)
        return;
    news_of_announcement(provider, provider->announced, verdict->announcement);
    announcement_release(provider->announced);
    provider->announced = announcement_retain(verdict->announcement);
    refresh(provider);
}

void errands_on_page(struct timer *timer, void *user)
{
    (void)timer;
    struct errand *errand = user;
    struct check_order order = {.purpose = CHECK_STATUS_PAGE, .key = CHECK_NO_KEY};
    if (!ask(errand, &order, on_page))
        arm_after(errand, MODELS_RETRY_US);
}

/* -- arming -- */

static bool idle(const struct errand *errand)
{
    return errand->check == NULL && !timer_armed(&errand->timer);
}

/* The first time soon; after a restart, when the time since the last one has passed. */
static void arm_first(struct errand *errand, int64_t last_us, int64_t interval_ms)
{
    struct tracker *tracker = errand->provider->tracker;
    int64_t wait_us = last_us != 0 ? last_us + interval_ms * 1000 - clock_wall_us() : 0;
    uint64_t from_us = wait_us > 0 ? (uint64_t)wait_us : FIRST_FROM_US;
    timer_start(tracker->loop, &errand->timer, tracker_soon(tracker, from_us, from_us + FIRST_TO_US - FIRST_FROM_US));
}

static void stop(struct tracker *tracker, struct errand *errand)
{
    if (errand->check != NULL)
        check_cancel(errand->check);
    errand->check = NULL;
    timer_stop(tracker->loop, &errand->timer);
}

/* A reload may have switched the page off: what it said is not news any more. */
static void forget_page(struct provider *provider)
{
    stop(provider->tracker, &provider->page_errand);
    if (provider->announced == NULL)
        return;
    announcement_release(provider->announced);
    provider->announced = NULL;
    refresh(provider);
}

void errands_arm(struct provider *provider)
{
    const struct watched *settings = &provider->settings;
    const struct script_provider *declared = watched_provider(settings);
    bool proven = target_is_up(provider->lead) && provider->lead->view->last_check_us != 0;
    bool wants_deep = settings->tuning.deep.enabled == 1 && declared->completes;
    bool list_tried = provider->models != NULL || provider->models_error[0] != '\0' || !settings->read_models;
    struct loop *loop = provider->tracker->loop;

    if (!provider->tracker->started)
        return;
    if (settings->read_models && proven && idle(&provider->models_errand))
        arm_first(&provider->models_errand, provider->models_read_us, settings->tuning.models_interval_ms);
    if (wants_deep && proven && list_tried && idle(&provider->deep_errand))
        arm_first(&provider->deep_errand, provider->deep.view.checked_us, settings->tuning.deep.interval_ms);
    if (settings->status_page && idle(&provider->page_errand))
        arm_first(&provider->page_errand, 0, 0);
    if (!settings->read_models)
        timer_stop(loop, &provider->models_errand.timer);
    if (!wants_deep)
        timer_stop(loop, &provider->deep_errand.timer);
    if (!settings->status_page)
        forget_page(provider);
}

void errands_stop(struct provider *provider)
{
    stop(provider->tracker, &provider->models_errand);
    stop(provider->tracker, &provider->deep_errand);
    stop(provider->tracker, &provider->page_errand);
}
