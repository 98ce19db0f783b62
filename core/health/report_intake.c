/* report_intake: what one report comes down to: which sort of call it was, whether a script must read the answer, what
 * is to cool, whether its provider is to be ejected or checked. What follows over time is reported.c.
 */
#include "base/clock.h"
#include "base/log.h"
#include "health/reported.h"
#include "health/tracker_internal.h"
#include "script/told.h"

#include <string.h>

enum { READINGS_MAX = 64 }; /* answers that scripts read within READINGS_US; the rest is taken by its status */

static const uint64_t READINGS_US = 100000;
static const uint64_t HEADERS_EVERY_US = 200 * UINT64_C(1000); /* of calls that went well, by target */

/* What a report comes down to. */
struct finding {
    enum traffic_sort sort;
    const char *kind;                 /* "" = it went well, or was aborted */
    const struct error_kind *effects; /* NULL = the same */
    int64_t retry_at_us;              /* 0 = not told */
};

/* For what no script has read: the sorts of RFC 9110, 15. */
static const char *kind_of_status(int status)
{
    static const struct {
        int status;
        const char *kind;
    } known[] = {{401, "key_invalid"}, {402, "credit"}, {403, "forbidden"}, {404, "model_gone"}, {408, "timeout"},
                 {413, "too_large"},   {429, "rate"},   {503, "capacity"},  {504, "timeout"},    {529, "capacity"}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (known[i].status == status)
            return known[i].kind;
    }
    if (status == 0)
        return "connect";
    return status >= 500 ? "server_error" : status >= 400 ? "bad_request" : "bad_response";
}

static enum traffic_sort sort_of(const struct error_kind *effects)
{
    if (effects == NULL)
        return TRAFFIC_FAILED;
    if (effects->effect == EFFECT_LIMITED)
        return TRAFFIC_LIMITED;
    return effects->effect == EFFECT_FAILURE && effects->scope == SCOPE_PROVIDER ? TRAFFIC_FAILED : TRAFFIC_EXCUSED;
}

static struct target *target_of(struct provider *provider, unsigned key)
{
    if (key != 0 && key <= provider->target_count && provider->targets[key - 1]->key != CHECK_NO_KEY)
        return provider->targets[key - 1];
    return provider->target_count == 1 ? provider->targets[0] : NULL;
}

/* Takes what the answer's headers told of the key's limits. */
static void take_limits(struct target *target, const struct verdict *told, int64_t now_us)
{
    if (told->window_count == 0)
        return;
    limits_take(&target->limits, told->windows, told->window_count, now_us);
    target->limits_reported = true;
}

/* Has the script read what the provider answered. False when there is nothing to be read, or it cannot be. */
static bool read_answer(struct provider *provider, const struct report_batch *batch, const struct report *report,
                        struct verdict *told)
{
    const struct watched *settings = &provider->settings;
    char error[VERDICT_MESSAGE_MAX];
    struct told_answer answer = {
        .status = report->status != 0            ? report->status
                  : report->outcome == REPORT_OK ? 200
                                                 : 500,
        .headers = report_text_of(batch, &report->headers),
        .headers_len = report->headers.len,
        .body = report_text_of(batch, &report->error),
        .body_len = report->error.len,
    };
    if (told_read(settings->script, settings->index, settings->kinds, &answer, told, error, sizeof(error)))
        return true;
    log_warning("reports", "%s: what a client reported cannot be read: %s", provider->name, error);
    return false;
}

static bool wants_reading(const struct report *report, struct target *target, uint64_t now_us)
{
    if (report->outcome == REPORT_ABORTED || (report->outcome == REPORT_OK && target == NULL))
        return false;
    if (report->outcome == REPORT_FAILED)
        return report->headers.len != 0 || (report->kind[0] == '\0' && report->status != 0);
    if (report->headers.len == 0 || now_us - target->headers_read_us < HEADERS_EVERY_US)
        return false;
    target->headers_read_us = now_us;
    return true;
}

/* A flood of failures must not take the loop's time from checks: a reading takes some 40 us. */
static bool may_read(struct tracker *tracker)
{
    uint64_t now_us = clock_monotonic_us();
    if (now_us - tracker->readings_refilled_us >= READINGS_US) {
        tracker->readings_refilled_us = now_us;
        tracker->readings_left = READINGS_MAX;
    }
    if (tracker->readings_left == 0)
        return false;
    --tracker->readings_left;
    return true;
}

static struct finding find_out(struct provider *provider, struct target *target, const struct report_batch *batch,
                               const struct report *report, int64_t now_us)
{
    struct finding finding = {.sort = TRAFFIC_OK, .kind = ""};
    struct verdict told;
    bool is_read = false;
    if (report->outcome == REPORT_ABORTED) {
        finding.sort = TRAFFIC_ABORTED;
        return finding;
    }
    if (wants_reading(report, target, clock_monotonic_us()) && may_read(provider->tracker))
        is_read = read_answer(provider, batch, report, &told);
    if (is_read && target != NULL)
        take_limits(target, &told, now_us);
    if (report->outcome == REPORT_OK)
        return finding;
    finding.retry_at_us = is_read ? told.retry_at_us : 0;
    if (report->kind[0] != '\0')
        finding.effects = kind_find(provider->settings.kinds, report->kind);
    else if (is_read && !told.ok)
        finding.effects = told.effects;
    else
        finding.effects = kind_find(provider->settings.kinds, kind_of_status(report->status));
    finding.kind = finding.effects != NULL ? finding.effects->name : "server_error"; /* a reload took the kind away */
    finding.sort = sort_of(finding.effects);
    return finding;
}

/* What is to rest for a while. False when nothing is: the provider itself is meant, or the client. */
static bool find_cause(const struct finding *finding, const struct report *report, const struct target *target,
                       struct cooling_cause *cause)
{
    const struct error_kind *effects = finding->effects;
    bool has_model = report->model[0] != '\0';
    if (effects == NULL)
        return false;
    *cause = (struct cooling_cause){
        .key = target != NULL ? target->view->number : 0,
        .model = report->model,
        .kind = finding->kind,
        .told_us = finding->retry_at_us,
    };
    if (effects->effect == EFFECT_LIMITED || strcmp(finding->kind, "timeout") == 0)
        return true; /* limits are most often a model's of its own; without a model, the key's */
    if (effects->scope == SCOPE_MODEL || (effects->scope == SCOPE_PROVIDER && finding->retry_at_us != 0)) {
        cause->key = 0;
        return has_model;
    }
    if (effects->scope != SCOPE_KEY)
        return false;
    if (effects->effect == EFFECT_FAILURE)
        cause->model = "";
    return cause->model[0] != '\0' || effects->effect == EFFECT_FAILURE;
}

static void tell_store(const struct provider *provider, const struct report *report, const struct target *target,
                       const struct finding *finding)
{
    const struct tracker_sinks *sinks = &provider->tracker->sinks;
    struct reported_call call = {
        .provider = provider->name,
        .key = target != NULL ? target->view->number : 0,
        .model = report->model,
        .outcome = finding->sort == TRAFFIC_OK        ? "ok"
                   : finding->sort == TRAFFIC_ABORTED ? "aborted"
                                                      : finding->kind,
        .latency_ms = report->latency_ms,
        .first_token_ms = report->first_token_ms,
        .tokens_per_second = report->tokens_per_second,
        .tokens = report->tokens,
        .ended_us = report->ended_us,
    };
    sinks->reported(sinks->user, &call);
}

/* Keeps the times of one call of each slot: a sample, so that percentiles stay true. */
static void keep_times(struct reported *reported, const struct report *report)
{
    if (report->first_token_ms < 0 && report->tokens_per_second < 0)
        return;
    reported->first_token_ms = report->first_token_ms;
    reported->tokens_per_second = report->tokens_per_second;
    memcpy(reported->timed_model, report->model, sizeof(reported->timed_model));
}

static void take_report(struct provider *provider, const struct report_batch *batch, const struct report *report,
                        int64_t now_us)
{
    struct reported *reported = reported_of(provider, now_us);
    struct target *target = target_of(provider, report->key);
    const struct report_rules *rules = reported_rules(provider->tracker);
    struct cooling_cause cause;
    char why[OUTLIER_WHY_MAX];
    if (reported == NULL)
        return;
    struct finding finding = find_out(provider, target, batch, report, now_us);
    traffic_take(&reported->traffic, finding.sort, finding.kind, now_us);
    tell_store(provider, report, target, &finding);
    if (target != NULL && finding.sort != TRAFFIC_ABORTED)
        limits_spend(&target->limits, 1, report->tokens > 0 ? report->tokens : 0, now_us);
    if (finding.sort == TRAFFIC_OK) {
        int64_t took_us = report->latency_ms > 0 ? (int64_t)(report->latency_ms * 1000) : 0;
        keep_times(reported, report);
        reported->changed |= coolings_lift(&reported->coolings, target != NULL ? target->view->number : 0,
                                           report->model, report->ended_us - took_us, now_us);
        if (provider->lead->status == HEALTH_DOWN)
            reported_ask_for_check(provider, NULL);
        return;
    }
    if (find_cause(&finding, report, target, &cause)) {
        reported->changed = true;
        if (!coolings_add(&reported->coolings, &cause, rules, now_us))
            log_error("reports", "%s: out of memory for what cools", provider->name);
    }
    if (finding.effects != NULL && finding.effects->scope == SCOPE_KEY && finding.effects->effect == EFFECT_FAILURE)
        reported_ask_for_check(provider, target);
    if (finding.sort == TRAFFIC_FAILED && reported->traffic.failures_in_row > 1)
        reported_ask_for_check(provider, target);
    if (finding.sort == TRAFFIC_FAILED && outlier_in_row(rules, reported->traffic.failures_in_row, finding.kind, why))
        reported_eject(provider, why, now_us);
}

/* -- batches -- */

void tracker_take_reports(struct tracker *tracker, const struct report_batch *batch)
{
    int64_t now_us = clock_wall_us();
    for (size_t i = 0; i < batch->count; ++i) {
        struct provider *provider = tracker_find(tracker, batch->reports[i].provider);
        if (provider != NULL) /* it may have gone by a reload meanwhile */
            take_report(provider, batch, &batch->reports[i], now_us);
    }
    reports_look_soon(tracker);
}
