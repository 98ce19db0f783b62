#include "plugin/candidate.h"

#include "base/clock.h"
#include "health/cooling.h"
#include "health/evidence.h"
#include "health/recovery.h"
#include "health/stats_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void leave_out(struct candidate *candidate, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void leave_out(struct candidate *candidate, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    candidate->left_out = true;
    vsnprintf(candidate->why, sizeof(candidate->why), format, args);
    va_end(args);
}

/* -- the key -- */

static bool is_up(enum health_status status)
{
    return status == HEALTH_HEALTHY || status == HEALTH_DEGRADED;
}

/* When the key may be used for the model again; 0 = now. */
static int64_t rests_until_us(const struct provider_view *view, const struct key_view *key, const char *model,
                              int64_t now_us)
{
    const struct cooling *cooling = cooling_of(view, key->number, model, now_us);
    return cooling != NULL ? cooling->until_us : 0;
}

/* One that may be used now, or else first; of those the ones in the best state; of these the one with most left. */
static bool is_better_key(const struct key_view *a, int64_t a_rests_us, const struct key_view *b, int64_t b_rests_us,
                          enum health_status wanted)
{
    if (is_up(a->status) != is_up(b->status))
        return is_up(a->status);
    if (a_rests_us != b_rests_us)
        return a_rests_us < b_rests_us;
    if ((a->status == wanted) != (b->status == wanted))
        return a->status == wanted;
    return a->rate_limit_percent < b->rate_limit_percent;
}

static void choose_key(struct candidate *candidate, int64_t now_us)
{
    const struct provider_view *view = candidate->view;
    const char *model = candidate->model != NULL ? candidate->model->id : "";
    candidate->key = view->lead;
    candidate->cooling_until_us = rests_until_us(view, view->lead, model, now_us);
    for (size_t i = 0; i < view->key_count; ++i) {
        const struct key_view *key = view->keys[i];
        int64_t rests_us = rests_until_us(view, key, model, now_us);
        if (!is_better_key(key, rests_us, candidate->key, candidate->cooling_until_us, view->lead->status))
            continue;
        candidate->key = key;
        candidate->cooling_until_us = rests_us;
    }
    const struct cooling *cooling = cooling_of(view, candidate->key->number, model, now_us);
    if (cooling != NULL)
        memcpy(candidate->cooling_kind, cooling->kind, sizeof(candidate->cooling_kind));
}

/* -- the model -- */

/* Of ids that go by one name, rather one that stays, then the cheaper one. */
static bool preferable(const struct model *a, const struct model *b)
{
    if (a->deprecated != b->deprecated)
        return b->deprecated;
    return a->price >= 0 && (b->price < 0 || a->price < b->price);
}

static const struct model *find_model(const struct snapshot *snapshot, const struct provider_view *view,
                                      const char *wanted)
{
    const struct model *found = NULL;
    char name[MODEL_NAME_MAX];
    for (size_t i = 0; view->models != NULL && i < view->models->count; ++i) {
        const struct model *model = &view->models->models[i];
        model_name(snapshot->aliases, model->id, name);
        if (strcmp(name, wanted) == 0 && (found == NULL || preferable(model, found)))
            found = model;
    }
    return found;
}

static void find_speed(struct candidate *candidate)
{
    const struct provider_view *view = candidate->view;
    const struct model *model = candidate->model;
    candidate->first_token_ms = candidate->tokens_per_second = -1;
    if (model == NULL) {
        candidate->first_token_ms = view->deep.first_token_ms;
        candidate->tokens_per_second = view->deep.tokens_per_second;
        return;
    }
    for (size_t i = 0; i < view->model_stats_count; ++i) {
        const struct window_summary *day = &view->model_stats[i].stats->windows[STATS_DAY];
        if (strcmp(view->model_stats[i].model, model->id) != 0)
            continue;
        if (day->first_token_ms.count != 0)
            candidate->first_token_ms = day->first_token_ms.p50;
        if (day->tokens_per_second.count != 0)
            candidate->tokens_per_second = day->tokens_per_second.p50;
    }
}

/* -- what the request asks for -- */

static bool is_excluded(const struct policy_request *request, const char *name)
{
    for (size_t i = 0; i < request->exclude_count; ++i) {
        if (strcmp(request->exclude[i], name) == 0)
            return true;
    }
    return false;
}

/* What is required and nothing says that it has; NULL = nothing. Without a model, any model of it will do. */
static const char *missing_feature(const struct policy_request *request, const struct candidate *candidate)
{
    const struct provider_view *view = candidate->view;
    for (size_t i = 0; i < request->require_count; ++i) {
        const char *feature = request->require[i];
        bool has = traits_have(view->traits, feature);
        if (!has && candidate->model != NULL)
            has = model_has(view->models, candidate->model, feature);
        for (size_t k = 0; !has && candidate->model == NULL && view->models != NULL && k < view->models->feature_count;
             ++k)
            has = strcmp(view->models->features[k], feature) == 0;
        if (!has)
            return feature;
    }
    return NULL;
}

static void sort_out(struct candidate *candidate, const struct snapshot *snapshot, const struct policy_request *request)
{
    const struct provider_view *view = candidate->view;
    const char *missing;
    if (is_excluded(request, view->name)) {
        leave_out(candidate, "excluded by the request");
        return;
    }
    if (request->model[0] != '\0') {
        candidate->model = find_model(snapshot, view, request->model);
        if (candidate->model == NULL) {
            leave_out(candidate, view->models != NULL ? "it does not list the model" : "its models are not known");
            return;
        }
    }
    if ((missing = missing_feature(request, candidate)) != NULL)
        leave_out(candidate, "nothing says that it can do '%s'", missing);
    else if (request->max_latency_ms > 0 && view->lead->last_check_us != 0 &&
             view->lead->response_time_ms > request->max_latency_ms)
        leave_out(candidate, "%.1f ms, more than the %g ms asked for", view->lead->response_time_ms,
                  request->max_latency_ms);
}

/* -- all of it -- */

/* Twice the way from its last check to the next one. */
static bool is_stale(const struct key_view *key, int64_t now_us)
{
    int64_t interval_us = key->next_check_us - key->last_check_us;
    return key->last_check_us != 0 && key->next_check_us != 0 && interval_us > 0 &&
           now_us - key->last_check_us > 2 * interval_us;
}

static void read_one(struct candidate *candidate, const struct snapshot *snapshot, const struct candidate_terms *terms)
{
    const struct provider_view *view = candidate->view;
    sort_out(candidate, snapshot, terms->request);
    choose_key(candidate, terms->now_us);
    find_speed(candidate);
    candidate->price = price_of_call(terms->prices, view->name, candidate->model);
    candidate->warmth = recovery_warmth(view, terms->now_us, terms->warm_up_us);
    candidate->back_us = recovery_expected_us(view, snapshot->kinds, terms->now_us);
    candidate->stale = is_stale(view->lead, terms->now_us);
    candidate->success_percent = evidence_success_percent(view->traffic);
}

/* -- those that cool -- */

static bool can_serve(const struct candidate *candidate)
{
    return !candidate->left_out && is_up(candidate->view->status);
}

/* The one to be named when everybody cools; NULL when somebody does not, or nobody is up. */
static const struct candidate *first_to_recover(const struct candidate *candidates, size_t count)
{
    const struct candidate *first = NULL;
    for (size_t i = 0; i < count; ++i) {
        const struct candidate *candidate = &candidates[i];
        if (!can_serve(candidate))
            continue;
        if (candidate->cooling_until_us == 0)
            return NULL;
        if (first == NULL || candidate->cooling_until_us < first->cooling_until_us)
            first = candidate;
    }
    return first;
}

static void leave_out_cooling(struct candidate *candidates, size_t count)
{
    char until[CLOCK_ISO_MAX];
    const struct candidate *first = first_to_recover(candidates, count);
    for (size_t i = 0; i < count; ++i) {
        struct candidate *candidate = &candidates[i];
        if (!can_serve(candidate) || candidate->cooling_until_us == 0)
            continue;
        candidate->back_us = candidate->cooling_until_us;
        if (candidate == first)
            continue;
        clock_format_rfc3339(candidate->cooling_until_us, until);
        leave_out(candidate, "cooling until %s (%s)", until, candidate->cooling_kind);
    }
}

void candidates_read(const struct snapshot *snapshot, const struct candidate_terms *terms, struct candidate *out)
{
    for (size_t i = 0; i < snapshot->count; ++i) {
        out[i] = (struct candidate){.view = snapshot->providers[i]};
        read_one(&out[i], snapshot, terms);
    }
    leave_out_cooling(out, snapshot->count);
}
