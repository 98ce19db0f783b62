#include "health/news.h"

#include "base/clock.h"
#include "base/duration.h"
#include "base/log.h"
#include "health/tracker_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_NEAR_PERCENT = 90, LIMIT_CLEARED_PERCENT = 80 };

static const int64_t NEWS_LIMIT_PAUSE_US = INT64_C(600) * 1000000;

static void tell(const struct provider *provider, const struct event_parts *parts)
{
    const struct tracker_sinks *sinks = &provider->tracker->sinks;
    struct event_parts whole = *parts;
    whole.provider = provider->name;
    sinks->event(sinks->user, &whole);
}

static enum log_level level_of(enum health_status status)
{
    return status == HEALTH_HEALTHY ? LOG_INFO : LOG_WARNING;
}

/* -- states -- */

/* "timeout: no answer within 10 s" */
enum { EXPLANATION_MAX = HEALTH_KIND_MAX + 2 + HEALTH_MESSAGE_MAX };
static void explain(const char *reason, const char *error, char out[EXPLANATION_MAX])
{
    snprintf(out, EXPLANATION_MAX, "%.31s%s%.511s", reason, reason[0] != '\0' && error[0] != '\0' ? ": " : "", error);
}

static void tell_status(const struct provider *provider, const struct provider_view *before,
                        const struct provider_view *view)
{
    char message[EXPLANATION_MAX];
    struct event_parts parts = {
        .kind = EVENT_STATUS,
        .from = health_status_name(before->status),
        .to = health_status_name(view->status),
        .message = message,
    };
    if (before->status == view->status || !provider->tracker->started) /* before the start its past is restored */
        return;
    explain(view->reason, view->error_message, message);
    log_line(level_of(view->status), "health", "%s: %s -> %s (%s)%s%s", view->name, parts.from, parts.to, view->reason,
             view->error_message[0] != '\0' ? ": " : "", view->error_message);
    tell(provider, &parts);
}

/* Only what is not known anyway: of one that is down the state has been told. */
static void tell_risk(struct provider *provider, const struct provider_view *view)
{
    const struct forecast_view *forecast = &view->forecast;
    char risk[16];
    struct event_parts parts = {.to = risk};
    int change = forecast_alarm(&provider->forecast, forecast->risk);
    snprintf(risk, sizeof(risk), "%.2f", forecast->risk);
    if (change > 0 && view->status != HEALTH_DOWN) {
        parts.kind = EVENT_RISK_HIGH;
        parts.message = forecast->reason;
        log_warning("health", "%s: at risk (%s): %s", provider->name, risk, forecast->reason);
        provider->risk_told = true;
    } else if (change < 0 && provider->risk_told) {
        parts.kind = EVENT_RISK_OVER;
        log_info("health", "%s: no longer at risk (%s)", provider->name, risk);
        provider->risk_told = false;
    } else {
        return;
    }
    tell(provider, &parts);
}

void news_of_view(struct provider *provider, const struct provider_view *before, const struct provider_view *view)
{
    tell_status(provider, before, view);
    tell_risk(provider, view);
}

/* -- keys -- */

void news_of_key(const struct target *target, enum health_status before)
{
    char label[TARGET_LABEL_MAX], message[EXPLANATION_MAX];
    const struct key_view *view = target->view;
    struct event_parts parts = {
        .kind = EVENT_KEY_STATUS,
        .key = view->number,
        .from = health_status_name(before),
        .to = health_status_name(view->status),
        .message = message,
    };
    if (target->provider->target_count < 2 || before == view->status)
        return;
    target_label(target, label);
    log_line(level_of(view->status), "health", "%s: %s -> %s (%s)%s%s", label, parts.from, parts.to, view->reason,
             view->error_message[0] != '\0' ? ": " : "", view->error_message);
    explain(view->reason, view->error_message, message);
    tell(target->provider, &parts);
}

/* The limit that is used up most; NULL when none is known. */
static const struct limit_view *tightest(const struct limit_list *list)
{
    const struct limit_view *found = NULL;
    for (size_t i = 0; list != NULL && i < list->count; ++i) {
        const struct limit_view *limit = &list->limits[i];
        if (limit->used_percent >= 0 && (found == NULL || limit->used_percent > found->used_percent))
            found = limit;
    }
    return found;
}

/* "requests per 1m (rpm): 2 of 60 left, resets at 2026-11-24T06:30:00Z" */
static void describe_limit(const struct limit_view *limit, char *out, size_t size)
{
    char length[DURATION_TEXT_MAX] = "", reset[CLOCK_ISO_MAX] = "";
    const struct limit_window *window = &limit->window;
    if (window->window_s != 0)
        duration_format_ms(window->window_s * 1000, length);
    if (window->reset_at_us != 0)
        clock_format_rfc3339(window->reset_at_us, reset);
    snprintf(out, size, "%s%s%s%s%s%s: %.15g of %.15g left%s%s", window->unit, length[0] != '\0' ? " per " : "", length,
             window->name[0] != '\0' ? " (" : "", window->name, window->name[0] != '\0' ? ")" : "", window->remaining,
             window->limit, reset[0] != '\0' ? ", resets at " : "", reset);
}

void news_of_limits(struct target *target)
{
    char percent[16], message[256] = "", label[TARGET_LABEL_MAX];
    const struct limit_view *limit = tightest(target->view->limits);
    double used = limit != NULL ? limit->used_percent : 0;
    int64_t now_us = clock_wall_us();
    bool near = target->limit_near ? used >= LIMIT_CLEARED_PERCENT : used >= LIMIT_NEAR_PERCENT;
    if (near == target->limit_near)
        return;
    target->limit_near = near;
    int64_t pause_us = now_us - target->limit_told_us;
    if (near && pause_us >= 0 && pause_us < NEWS_LIMIT_PAUSE_US)
        return;
    if (!near && !target->limit_told)
        return;
    target->limit_told = near;
    if (near)
        target->limit_told_us = now_us;
    snprintf(percent, sizeof(percent), "%.0f", used);
    if (limit != NULL)
        describe_limit(limit, message, sizeof(message));
    target_label(target, label);
    log_line(near ? LOG_WARNING : LOG_INFO, "health", "%s: %s %% of its tightest limit used up%s%s", label, percent,
             message[0] != '\0' ? ": " : "", message);
    struct event_parts parts = {
        .kind = near ? EVENT_LIMIT_NEAR : EVENT_LIMIT_CLEARED,
        .key = target->provider->target_count > 1 ? target->view->number : 0,
        .to = percent,
        .message = message,
    };
    tell(target->provider, &parts);
}

/* -- outages -- */

void news_of_outage(const struct provider *provider, unsigned key, const struct outage *outage)
{
    char message[HEALTH_MESSAGE_MAX + 64], length[DURATION_TEXT_MAX];
    struct event_parts opened = {
        .kind = EVENT_INCIDENT_OPENED,
        .key = key,
        .to = outage->kind,
        .message = outage->first_error,
    };
    struct event_parts closed = {.kind = EVENT_INCIDENT_CLOSED, .key = key, .from = outage->kind, .message = message};
    if (!outage->told)
        tell(provider, &opened);
    if (outage->ended_us == 0)
        return;
    duration_format_ms((outage->ended_us - outage->started_us) / 1000000 * 1000, length);
    snprintf(message, sizeof(message), "it took %s, %u checks failed", length, outage->checks_lost);
    tell(provider, &closed);
}

/* -- models -- */

static int by_id(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ids of a list, ascending. NULL when memory ran out. */
static const char **sorted_ids(const struct model_list *list)
{
    const char **ids = calloc(list->count + 1, sizeof(*ids));
    if (ids == NULL)
        return NULL;
    for (size_t i = 0; i < list->count; ++i)
        ids[i] = list->models[i].id;
    qsort(ids, list->count, sizeof(*ids), by_id);
    return ids;
}

/* Tells of those of `ids` that are not among `others`, both ascending. */
static void tell_difference(const struct provider *provider, enum event_kind kind, const char *const *ids, size_t count,
                            const char *const *others, size_t other_count)
{
    size_t found = 0, at = 0;
    char message[64];
    for (size_t i = 0; i < count; ++i) {
        while (at < other_count && strcmp(others[at], ids[i]) < 0)
            ++at;
        if ((at < other_count && strcmp(others[at], ids[i]) == 0) || ++found > NEWS_MODELS_MAX)
            continue;
        bool added = kind == EVENT_MODEL_ADDED;
        struct event_parts parts = {.kind = kind, .from = added ? NULL : ids[i], .to = added ? ids[i] : NULL};
        tell(provider, &parts);
    }
    if (found == 0)
        return;
    log_info("health", "%s: %zu models %s", provider->name, found, kind == EVENT_MODEL_ADDED ? "are new" : "are gone");
    if (found <= NEWS_MODELS_MAX)
        return;
    snprintf(message, sizeof(message), "and %zu more", found - NEWS_MODELS_MAX);
    struct event_parts more = {.kind = kind, .message = message};
    tell(provider, &more);
}

void news_of_models(const struct provider *provider, const struct model_list *before, const struct model_list *after)
{
    if (before == NULL)
        return;
    const char **old = sorted_ids(before), **new = sorted_ids(after);
    if (old != NULL && new != NULL) {
        tell_difference(provider, EVENT_MODEL_ADDED, new, after->count, old, before->count);
        tell_difference(provider, EVENT_MODEL_GONE, old, before->count, new, after->count);
    } else {
        log_error("health", "%s: out of memory for comparing its models", provider->name);
    }
    free(old);
    free(new);
}

void news_of_answering_model(const struct provider *provider, const char *asked, const char *before, const char *after)
{
    char message[MODEL_ID_MAX + 16];
    struct event_parts parts = {.kind = EVENT_MODEL_SWITCHED, .from = before, .to = after, .message = message};
    snprintf(message, sizeof(message), "asked for %s", asked);
    log_warning("health", "%s: asked for %s, %s answers now; it was %s", provider->name, asked, after, before);
    tell(provider, &parts);
}

/* -- status pages -- */

/* A change is news; that all is well at the start is none. */
void news_of_announcement(const struct provider *provider, const struct announcement *before,
                          const struct announcement *after)
{
    const char *from = before != NULL ? before->state : "operational";
    const char *message = after->message, *colon = message[0] != '\0' ? ": " : "";
    struct event_parts parts = {.kind = EVENT_ANNOUNCED, .from = from, .to = after->state, .message = message};
    if (strcmp(from, after->state) == 0)
        return;
    if (strcmp(after->state, "unknown") == 0)
        log_info("health", "%s: its status page tells nothing%s%s", provider->name, colon, message);
    else
        log_info("health", "%s announces: %s%s%s", provider->name, after->state, colon, message);
    tell(provider, &parts);
}

/* -- coming and going -- */

void news_of_coming(const struct provider *provider)
{
    struct event_parts parts = {.kind = EVENT_PROVIDER_ADDED};
    tell(provider, &parts);
}

void news_of_going(const struct provider *provider)
{
    struct event_parts parts = {.kind = EVENT_PROVIDER_REMOVED};
    tell(provider, &parts);
}
