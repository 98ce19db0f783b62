/* What reports do; how a batch is taken in, a tick every second while there is traffic, and the views. */
#include "health/reported.h"

#include "base/clock.h"
#include "base/log.h"
#include "health/tracker_internal.h"
#include "script/told.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    READINGS_MAX = 64,         /* answers that scripts read within READINGS_US; the rest is taken by its status */
    SUCCESS_PERCENT_FINE = 90, /* of the clients' calls: then it is not down, whatever our checks say */
};

static const uint64_t TICK_US = 1000000;
static const uint64_t REFRESH_AFTER_US = 10000; /* many batches, one view */
static const uint64_t READINGS_US = 100000;
static const uint64_t ASK_EVERY_US = 5 * UINT64_C(1000000);    /* checks for the sake of reports */
static const uint64_t HEADERS_EVERY_US = 200 * UINT64_C(1000); /* of calls that went well, by target */

void reported_free(struct reported *reported)
{
    if (reported == NULL)
        return;
    coolings_dispose(&reported->coolings);
    free(reported);
}

static const struct report_rules *rules_of(const struct tracker *tracker)
{
    return &tracker->generation->config->reports;
}

/* The provider's; made at its first report. NULL when memory ran out. */
static struct reported *reported_of(struct provider *provider, int64_t now_us)
{
    if (provider->reported != NULL)
        return provider->reported;
    struct reported *reported = calloc(1, sizeof(*reported));
    if (reported == NULL) {
        log_error("reports", "%s: out of memory for its traffic", provider->name);
        return NULL;
    }
    traffic_begin(&reported->traffic, now_us);
    reported->first_token_ms = reported->tokens_per_second = -1;
    return provider->reported = reported;
}

/* -- checks that reports ask for -- */

static void ask_for_check(struct provider *provider, struct target *target)
{
    uint64_t now_us = loop_now_us(provider->tracker->loop);
    struct reported *reported = provider->reported;
    if (!provider->tracker->started || (reported->asked_us != 0 && now_us - reported->asked_us < ASK_EVERY_US))
        return;
    reported->asked_us = now_us;
    intake_start_check(target != NULL ? target : provider->lead);
}

static void check_all_keys(struct provider *provider)
{
    for (size_t i = 0; i < provider->target_count && provider->tracker->started; ++i)
        intake_start_check(provider->targets[i]);
}

/* -- ejections -- */

/* How many providers had traffic within the last minutes, and how many of them are ejected. */
static void count_ejected(const struct tracker *tracker, int64_t now_us, size_t *with_traffic, size_t *ejected)
{
    *with_traffic = *ejected = 0;
    for (size_t i = 0; i < tracker->count; ++i) {
        const struct reported *reported = tracker->providers[i]->reported;
        struct traffic_count sum;
        if (reported == NULL)
            continue;
        bool is_ejected = reported->ejection.since_us != 0;
        traffic_sum(&reported->traffic, TRAFFIC_SLOTS, false, now_us, &sum);
        *with_traffic += is_ejected || traffic_telling(&sum) != 0;
        *ejected += is_ejected;
    }
}

static void eject(struct provider *provider, const char *why, int64_t now_us)
{
    struct tracker *tracker = provider->tracker;
    struct reported *reported = provider->reported;
    size_t with_traffic, ejected;
    if (reported->ejection.since_us != 0)
        return;
    reported->changed = true;
    count_ejected(tracker, now_us, &with_traffic, &ejected);
    if (!outlier_may_eject(rules_of(tracker), with_traffic, ejected)) {
        if (reported->outlier[0] == '\0')
            log_warning("reports", "%s: %s; not ejected, since %zu of %zu providers are", provider->name, why, ejected,
                        with_traffic);
        snprintf(reported->outlier, sizeof(reported->outlier), "%s", why);
        return;
    }
    reported->outlier[0] = '\0';
    ejection_begin(&reported->ejection, rules_of(tracker), why, now_us);
    check_all_keys(provider); /* what do we see? */
}

void reports_note_check(struct target *target)
{
    struct provider *provider = target->provider;
    struct reported *reported = provider->reported;
    if (reported == NULL || !reported->ejection.half_open)
        return;
    int64_t now_us = clock_wall_us();
    if (!target_is_up(target)) {
        ejection_prolong(&reported->ejection, rules_of(provider->tracker), now_us);
        return;
    }
    ejection_end(&reported->ejection, now_us);
    reported->readmitted_us = now_us;
    traffic_judge_anew(&reported->traffic, now_us);
    log_info("reports", "%s: its check went well, it may be called again", provider->name);
}

/* -- one report -- */

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
    const struct report_rules *rules = rules_of(provider->tracker);
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
            ask_for_check(provider, NULL);
        return;
    }
    if (find_cause(&finding, report, target, &cause)) {
        reported->changed = true;
        if (!coolings_add(&reported->coolings, &cause, rules, now_us))
            log_error("reports", "%s: out of memory for what cools", provider->name);
    }
    if (finding.effects != NULL && finding.effects->scope == SCOPE_KEY && finding.effects->effect == EFFECT_FAILURE)
        ask_for_check(provider, target);
    if (finding.sort == TRAFFIC_FAILED && reported->traffic.failures_in_row > 1)
        ask_for_check(provider, target);
    if (finding.sort == TRAFFIC_FAILED && outlier_in_row(rules, reported->traffic.failures_in_row, finding.kind, why))
        eject(provider, why, now_us);
}

/* -- views -- */

/* Puts what reports told of limits into the views of keys. */
static void show_limits(struct provider *provider, int64_t now_us)
{
    for (size_t i = 0; i < provider->target_count; ++i) {
        struct target *target = provider->targets[i];
        struct key_view *view = target->limits_reported ? key_view_copy(target->view) : NULL;
        if (view == NULL)
            continue;
        double percent = limits_used_percent(&target->limits, now_us);
        limit_list_release(view->limits);
        view->limits = limit_list_new(&target->limits, now_us);
        view->rate_limit_percent = percent > 0 ? percent : 0;
        key_view_release(target->view);
        target->view = view;
        target->limits_reported = false;
        news_of_limits(target);
    }
}

static void refresh(struct provider *provider, int64_t now_us)
{
    show_limits(provider, now_us);
    provider->reported->changed = false;
    if (!provider_refresh(provider))
        log_error("reports", "%s: out of memory for what was reported", provider->name);
    tracker_changed(provider->tracker);
}

static bool is_cooling(const struct cooling *cooling, int64_t now_us)
{
    return cooling->until_us > now_us;
}

static struct traffic_view *make_view(const struct reported *reported, int64_t now_us)
{
    const struct traffic *traffic = &reported->traffic;
    const struct coolings *coolings = &reported->coolings;
    struct traffic_view *view = calloc(1, sizeof(*view) + coolings->count * sizeof(view->coolings[0]));
    struct traffic_count sum;
    if (view == NULL)
        return NULL;
    traffic_sum(traffic, TRAFFIC_SLOTS, false, now_us, &sum);
    view->ok = sum.calls[TRAFFIC_OK];
    view->failed = sum.calls[TRAFFIC_FAILED];
    view->limited = sum.calls[TRAFFIC_LIMITED];
    view->aborted = sum.calls[TRAFFIC_ABORTED];
    view->excused = sum.calls[TRAFFIC_EXCUSED];
    view->last_us = traffic->last_us;
    view->failures_in_row = traffic->failures_in_row;
    view->failing_since_us = traffic->failing_since_us;
    memcpy(view->kind, traffic->kind, sizeof(view->kind));
    view->ejected_since_us = reported->ejection.since_us;
    view->ejected_until_us = reported->ejection.until_us;
    view->ejections = reported->ejection.times;
    view->readmitted_us = reported->readmitted_us;
    for (size_t i = 0; i < coolings->count; ++i) {
        if (is_cooling(&coolings->list[i], now_us))
            view->coolings[view->cooling_count++] = coolings->list[i];
    }
    return view;
}

static void set_state(struct provider_view *view, enum health_status status, double score, const char *reason,
                      const char *kind)
{
    view->status = status;
    view->score = fmin(view->score, score);
    snprintf(view->reason, sizeof(view->reason), "%s", reason);
    snprintf(view->error_kind, sizeof(view->error_kind), "%s", kind);
}

static void judge_view(const struct provider *provider, struct provider_view *view, int64_t now_us)
{
    const struct reported *reported = provider->reported;
    struct traffic_count minute;
    char until[CLOCK_ISO_MAX], before[HEALTH_MESSAGE_MAX];
    traffic_sum(&reported->traffic, TRAFFIC_MINUTE, false, now_us, &minute);
    uint32_t telling = traffic_telling(&minute), well = telling - minute.calls[TRAFFIC_FAILED];
    memcpy(before, view->error_message, sizeof(before));
    if (reported->ejection.since_us != 0) {
        if (view->status == HEALTH_DOWN)
            return; /* our checks say why */
        clock_format_rfc3339(reported->ejection.until_us, until);
        set_state(view, HEALTH_DOWN, 0, "ejected", reported->traffic.kind);
        snprintf(view->error_message, sizeof(view->error_message), "%s; kept out until %s", reported->ejection.why,
                 until);
    } else if (view->status == HEALTH_HEALTHY && reported->outlier[0] != '\0') {
        set_state(view, HEALTH_DEGRADED, 10, "reported_errors", reported->traffic.kind);
        snprintf(view->error_message, sizeof(view->error_message), "%s", reported->outlier);
    } else if (view->status == HEALTH_DOWN && telling >= rules_of(provider->tracker)->min_requests &&
               well * UINT64_C(100) >= telling * (uint64_t)SUCCESS_PERCENT_FINE) {
        char kind[HEALTH_KIND_MAX];
        memcpy(kind, view->error_kind, sizeof(kind));
        view->score = 10;
        set_state(view, HEALTH_DEGRADED, 10, "disputed", kind);
        snprintf(view->error_message, sizeof(view->error_message),
                 "our check fails, but %u of %u reported calls of a minute went well: %.380s", well, telling, before);
    }
}

bool reported_show(const struct provider *provider, struct provider_view *view)
{
    int64_t now_us = clock_wall_us();
    if (provider->reported == NULL)
        return true;
    view->traffic = make_view(provider->reported, now_us);
    judge_view(provider, view, now_us);
    return view->traffic != NULL;
}

/* -- every second -- */

/* Counts what the slots that have ended are worth. Whether any has. */
static bool fold(struct provider *provider, int64_t now_us)
{
    struct tracker *tracker = provider->tracker;
    struct reported *reported = provider->reported;
    struct traffic *traffic = &reported->traffic;
    int64_t folded = traffic->folded;
    struct traffic_checks checks = traffic_fold(traffic, (double)rules_of(tracker)->weight_percent / 100, now_us);
    if (traffic->folded == folded)
        return false;
    if (checks.up + checks.down != 0) {
        window_add(&provider->window, window_now_us(), checks.up, checks.up + checks.down);
        provider_count_reported(provider, now_us, checks.up, checks.down, traffic->kind);
        tracker->sinks.counted(tracker->sinks.user, provider->name, checks.up, checks.down, traffic->kind, now_us);
        reported->changed = true;
    }
    if (reported->first_token_ms >= 0 || reported->tokens_per_second >= 0)
        provider_count_reported_times(provider, now_us, reported->timed_model, reported->first_token_ms,
                                      reported->tokens_per_second);
    reported->first_token_ms = reported->tokens_per_second = -1;
    return true;
}

static void judge_shares(struct tracker *tracker, int64_t now_us)
{
    struct outlier_host *hosts = calloc(tracker->count, sizeof(*hosts));
    for (size_t i = 0; hosts != NULL && i < tracker->count; ++i) {
        const struct reported *reported = tracker->providers[i]->reported;
        struct traffic_count minute;
        if (reported == NULL)
            continue;
        traffic_sum(&reported->traffic, TRAFFIC_MINUTE, true, now_us, &minute);
        hosts[i].calls = traffic_telling(&minute);
        hosts[i].failed = minute.calls[TRAFFIC_FAILED];
        hosts[i].ejected = reported->ejection.since_us != 0;
    }
    if (hosts != NULL)
        outlier_judge(rules_of(tracker), hosts, tracker->count);
    for (size_t i = 0; hosts != NULL && i < tracker->count; ++i) {
        struct reported *reported = tracker->providers[i]->reported;
        if (reported == NULL)
            continue;
        if (hosts[i].why[0] != '\0') {
            eject(tracker->providers[i], hosts[i].why, now_us);
        } else if (reported->outlier[0] != '\0' &&
                   !outlier_in_row(rules_of(tracker), reported->traffic.failures_in_row, "", hosts[i].why)) {
            reported->outlier[0] = '\0';
            reported->changed = true;
        }
    }
    free(hosts);
}

static bool shows_calls(const struct provider *provider)
{
    const struct traffic_view *view = provider->view->traffic;
    return view != NULL && (view->ok | view->failed | view->limited | view->aborted | view->excused) != 0;
}

/* Whether there is anything left that time will change. */
static bool look_at(struct provider *provider, int64_t now_us)
{
    struct reported *reported = provider->reported;
    struct ejection *ejection = &reported->ejection;
    int64_t before_us = provider->view->traffic != NULL ? provider->view->traffic->last_us : 0;
    bool slot_ended = fold(provider, now_us);
    coolings_age(&reported->coolings, now_us);
    ejection_age(ejection, rules_of(provider->tracker), now_us);
    if (ejection->since_us != 0 && !ejection->half_open && now_us >= ejection->until_us) {
        ejection->half_open = true;
        check_all_keys(provider);
    }
    if (reported->changed || reported->traffic.last_us != before_us || (slot_ended && shows_calls(provider)))
        refresh(provider, now_us);
    return ejection->since_us != 0 || reported->coolings.count != 0 || shows_calls(provider);
}

static void on_tick(struct timer *timer, void *user)
{
    struct tracker *tracker = user;
    int64_t now_us = clock_wall_us();
    bool is_busy = false;
    judge_shares(tracker, now_us);
    for (size_t i = 0; i < tracker->count; ++i) {
        struct provider *provider = tracker->providers[i];
        if (provider->reported != NULL && look_at(provider, now_us))
            is_busy = true;
    }
    if (is_busy)
        timer_start(tracker->loop, timer, loop_now_us(tracker->loop) + TICK_US);
}

static void on_refresh(struct timer *timer, void *user)
{
    (void)timer;
    const struct tracker *tracker = user;
    for (size_t i = 0; i < tracker->count; ++i) {
        struct provider *provider = tracker->providers[i];
        if (provider->reported != NULL && provider->reported->changed)
            refresh(provider, clock_wall_us());
    }
}

void reports_begin(struct tracker *tracker)
{
    timer_init(&tracker->reports_refresh, on_refresh, tracker);
    timer_init(&tracker->reports_tick, on_tick, tracker);
}

void reports_end(struct tracker *tracker)
{
    timer_stop(tracker->loop, &tracker->reports_tick);
    timer_stop(tracker->loop, &tracker->reports_refresh);
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
    if (!timer_armed(&tracker->reports_refresh))
        timer_start(tracker->loop, &tracker->reports_refresh, loop_now_us(tracker->loop) + REFRESH_AFTER_US);
    if (!timer_armed(&tracker->reports_tick))
        timer_start(tracker->loop, &tracker->reports_tick, loop_now_us(tracker->loop) + TICK_US);
}
