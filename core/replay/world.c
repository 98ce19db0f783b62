#include "replay/world.h"

#include "health/chronicle.h"
#include "health/forecast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t SECOND_US = 1000000, MINUTE_US = 60 * SECOND_US;
static const int64_t TELLS_US = 15 * MINUTE_US; /* a next check this near always tells how it is now */
static const double LATENCY_UNTIL_LEARNED_MS = 1000;

enum { LEAST_TO_LEARN = 20 };

struct past_provider {
    const struct tuning *tuning; /* its own; NULL = none */
    struct chronicle chronicle;
    struct forecast forecast;
    enum health_status status;
    unsigned failures;  /* in a row */
    unsigned successes; /* in a row, since it was down */
    bool was_down;
    char reason[HEALTH_KIND_MAX];
    char kind[HEALTH_KIND_MAX];
    double latency_ms;
    double used_percent;
    double threshold_ms;
    int64_t checked_us;
    int64_t interval_us; /* to the check before it */
    bool changed;
    size_t *checks; /* indices into the trace's, ascending */
    size_t count;
    size_t next; /* the first that is still to come */
};

struct world {
    const struct trace *trace;
    const struct config *config;
    struct kind_table *kinds;
    struct past_provider *providers; /* by the trace's index */
    size_t *indices;                 /* what their `checks` point into */
    size_t taken;                    /* checks of the trace */
    int64_t now_us;
    uint64_t version;
    struct snapshot *snapshot;
};

/* -- life -- */

static void tell_nobody(const struct outage *outage, void *user)
{
    (void)outage;
    (void)user;
}

static void list_checks(struct world *world)
{
    const struct trace *trace = world->trace;
    size_t *place = world->indices;
    for (size_t i = 0; i < trace->count; ++i)
        ++world->providers[trace->checks[i].provider].count;
    for (size_t i = 0; i < trace->name_count; ++i) {
        world->providers[i].checks = place;
        place += world->providers[i].count;
        world->providers[i].count = 0;
    }
    for (size_t i = 0; i < trace->count; ++i) {
        struct past_provider *provider = &world->providers[trace->checks[i].provider];
        provider->checks[provider->count++] = i;
    }
}

struct world *world_new(const struct trace *trace, const struct config *config, struct kind_table *kinds)
{
    struct world *world = calloc(1, sizeof(*world));
    if (world == NULL)
        return NULL;
    world->trace = trace;
    world->config = config;
    world->kinds = kinds;
    world->providers = calloc(trace->name_count + 1, sizeof(*world->providers));
    world->indices = calloc(trace->count + 1, sizeof(*world->indices));
    if (world->providers == NULL || world->indices == NULL)
        goto fail;
    list_checks(world);
    for (size_t i = 0; i < trace->name_count; ++i) {
        const struct provider_settings *settings = config_provider(config, trace->names[i]);
        struct past_provider *provider = &world->providers[i];
        provider->tuning = settings != NULL ? &settings->tuning : NULL;
        provider->changed = true;
        if (!chronicle_begin(&provider->chronicle))
            goto fail;
        chronicle_absorb(&provider->chronicle, 0, NULL, tell_nobody, NULL); /* there is no time before it */
        forecast_primed(&provider->forecast);
    }
    return world;

fail:
    world_free(world);
    return NULL;
}

void world_free(struct world *world)
{
    if (world == NULL)
        return;
    for (size_t i = 0; world->providers != NULL && i < world->trace->name_count; ++i)
        chronicle_dispose(&world->providers[i].chronicle);
    snapshot_release(world->snapshot);
    free(world->providers);
    free(world->indices);
    free(world);
}

/* -- judging -- */

/* A setting of the provider where it is said there, else of the whole. */
static int64_t setting(int64_t own, int64_t common)
{
    return own != 0 ? own : common;
}

static double learned_ms(const struct past_provider *provider, const struct latency_threshold *threshold)
{
    const struct stats_view *stats = provider->chronicle.view;
    const struct measure_summary *week = stats != NULL ? &stats->windows[STATS_WEEK].latency_ms : NULL;
    if (week == NULL || week->count < LEAST_TO_LEARN)
        return LATENCY_UNTIL_LEARNED_MS;
    double quantile = threshold->percent < 75 ? week->p50 : threshold->percent < 97.5 ? week->p95 : week->p99;
    return quantile * threshold->factor;
}

static double threshold_ms(const struct world *world, const struct past_provider *provider)
{
    const struct latency_threshold *common = &world->config->tuning.degraded_latency;
    const struct latency_threshold *own = provider->tuning != NULL ? &provider->tuning->degraded_latency : common;
    if (own->fixed_ms == 0 && !(own->percent > 0))
        own = common;
    return own->fixed_ms != 0 ? (double)own->fixed_ms : learned_ms(provider, own);
}

static void set_state(struct past_provider *provider, enum health_status status, const char *reason)
{
    provider->status = status;
    snprintf(provider->reason, sizeof(provider->reason), "%s", reason);
}

/* providers/lib/judge.lua says the same rule, and for whom. */
static void judge_failure(const struct world *world, struct past_provider *provider)
{
    const struct tuning *common = &world->config->tuning;
    int64_t own = provider->tuning != NULL ? provider->tuning->max_consecutive_failures : 0;
    ++provider->failures;
    provider->successes = 0;
    bool down = provider->failures >= setting(own, common->max_consecutive_failures);
    provider->was_down = provider->was_down || down;
    set_state(provider, down ? HEALTH_DOWN : HEALTH_DEGRADED, provider->kind);
}

static void judge_success(const struct world *world, struct past_provider *provider)
{
    const struct tuning *common = &world->config->tuning;
    int64_t own = provider->tuning != NULL ? provider->tuning->successes_to_recover : 0;
    provider->failures = 0;
    ++provider->successes;
    bool recovering = provider->was_down && provider->successes < setting(own, common->successes_to_recover);
    provider->was_down = recovering;
    bool limited = strcmp(provider->kind, "rate") == 0 || strcmp(provider->kind, "quota_window") == 0;
    if (provider->kind[0] != '\0')
        set_state(provider, HEALTH_DEGRADED, limited ? "rate_limited" : provider->kind);
    else if (recovering)
        set_state(provider, HEALTH_DEGRADED, "recovering");
    else if (provider->latency_ms > provider->threshold_ms)
        set_state(provider, HEALTH_DEGRADED, "slow");
    else
        set_state(provider, HEALTH_HEALTHY, "ok");
}

static bool take(const struct world *world, struct past_provider *provider, const struct trace_check *check)
{
    const char *kind = world->trace->kinds[check->kind];
    bool up = check->outcome == TRACE_UP;
    provider->interval_us = provider->checked_us != 0 ? check->at_us - provider->checked_us : 0;
    provider->checked_us = check->at_us;
    provider->changed = true;
    if (check->outcome == TRACE_NOTHING)
        return true; /* what was known before stays */
    snprintf(provider->kind, sizeof(provider->kind), "%s", kind[0] != '\0' || up ? kind : "server_error");
    provider->latency_ms = (double)check->latency_ms;
    provider->used_percent = (double)check->used_percent;
    provider->threshold_ms = threshold_ms(world, provider);
    if (up)
        judge_success(world, provider);
    else
        judge_failure(world, provider);
    forecast_take(&provider->forecast, check->at_us, up, up && provider->kind[0] == '\0' ? provider->latency_ms : -1);
    struct chronicle_check counted = {
        .tally = {.counted = true,
                  .up = up,
                  .latency_ms = provider->latency_ms,
                  .first_token_ms = -1,
                  .tokens_per_second = -1,
                  .kind = provider->kind},
        .checked_us = check->at_us,
        .down = provider->status == HEALTH_DOWN,
        .message = "",
    };
    return chronicle_take(&provider->chronicle, &counted, tell_nobody, NULL);
}

/* -- what is known -- */

static double score_of(const struct past_provider *provider)
{
    if (provider->status == HEALTH_HEALTHY)
        return 50 + 50 * (1 - provider->latency_ms / provider->threshold_ms);
    if (provider->status == HEALTH_DEGRADED && strcmp(provider->reason, "slow") == 0)
        return 25 + 25 * provider->threshold_ms / provider->latency_ms;
    return provider->status == HEALTH_DEGRADED ? 15 : 0;
}

static struct provider_view *make_view(const struct world *world, size_t i)
{
    struct past_provider *provider = &world->providers[i];
    struct provider_view *view = provider_view_new(world->trace->names[i]);
    if (view == NULL)
        return NULL;
    struct key_view *lead = view->lead;
    memcpy(view->title, view->name, sizeof(view->name));
    view->status = lead->status = provider->status;
    view->score = lead->score = score_of(provider);
    view->degraded_latency_ms = provider->threshold_ms;
    memcpy(view->reason, provider->reason, sizeof(view->reason));
    memcpy(view->error_kind, provider->kind, sizeof(view->error_kind));
    lead->response_time_ms = provider->latency_ms;
    lead->rate_limit_percent = provider->used_percent;
    lead->last_check_us = provider->checked_us;
    lead->next_check_us = provider->interval_us > 0 ? provider->checked_us + provider->interval_us : 0;
    lead->consecutive_failures = provider->failures;
    view->deep.first_token_ms = view->deep.tokens_per_second = -1;
    if (provider->chronicle.view != NULL) {
        view->stats = stats_view_retain(provider->chronicle.view);
        view->uptime_percent = view->stats->windows[STATS_DAY].uptime.percent;
    }
    forecast_look(&provider->forecast, world->now_us, view->degraded_latency_ms, NULL, 0, &view->forecast);
    return view;
}

/* Views of whom nothing new is known are those of the snapshot before. */
static struct snapshot *make_snapshot(struct world *world)
{
    const struct snapshot *before = world->snapshot;
    struct snapshot *snapshot = snapshot_new(world->trace->name_count);
    if (snapshot == NULL)
        return NULL;
    snapshot->version = ++world->version;
    snapshot->published_us = world->now_us;
    snapshot->kinds = world->kinds != NULL ? kind_table_retain(world->kinds) : NULL;
    for (size_t i = 0; i < snapshot->count; ++i) {
        struct past_provider *provider = &world->providers[i];
        bool same = before != NULL && !provider->changed;
        snapshot->providers[i] = same ? provider_view_retain(before->providers[i]) : make_view(world, i);
        if (snapshot->providers[i] == NULL) {
            snapshot_release(snapshot);
            return NULL;
        }
        provider->changed = false;
    }
    return snapshot;
}

const struct snapshot *world_at(struct world *world, int64_t now_us)
{
    const struct trace *trace = world->trace;
    bool moved = world->snapshot == NULL;
    world->now_us = now_us;
    for (; world->taken < trace->count && trace->checks[world->taken].at_us <= now_us; ++world->taken) {
        const struct trace_check *check = &trace->checks[world->taken];
        struct past_provider *provider = &world->providers[check->provider];
        ++provider->next;
        if (!take(world, provider, check))
            return NULL;
        moved = true;
    }
    if (!moved)
        return world->snapshot;
    struct snapshot *snapshot = make_snapshot(world);
    if (snapshot == NULL)
        return NULL;
    snapshot_release(world->snapshot);
    world->snapshot = snapshot;
    return snapshot;
}

enum trace_outcome world_foresee(const struct world *world, size_t i, double *latency_ms)
{
    const struct past_provider *provider = &world->providers[i];
    if (provider->next == provider->count)
        return TRACE_NOTHING;
    const struct trace_check *check = &world->trace->checks[provider->checks[provider->next]];
    int64_t near_us = 2 * provider->interval_us > TELLS_US ? 2 * provider->interval_us : TELLS_US;
    if (check->at_us - world->now_us > near_us)
        return TRACE_NOTHING;
    *latency_ms = (double)check->latency_ms;
    return check->outcome == TRACE_UP && check->kind != 0 ? TRACE_FAILED : (enum trace_outcome)check->outcome;
}
