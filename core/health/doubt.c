/* doubt: is it them, or is it us? Gathers evidence, asks others when it is not clear, and holds a verdict back as long.
 *
 * A failure of a provider that was well, before any byte of an answer came, is weighed (local.h). When the evidence
 * does not decide, up to three unrelated providers and the configured witness are asked at once; the verdict waits for
 * them, at most as long as such a check may take. Whoever has nobody to ask believes the failure. Also when several
 * failed alike, those that were well are heard first: one that answers shows that the others fail by themselves.
 */
#include "base/clock.h"
#include "base/log.h"
#include "health/tracker_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OTHERS_ASKED = 3, WITNESS_TIMEOUT_MS = 5000 };

static const uint64_t PULSE_US = 1000000;
static const uint64_t HOLD_MAX_US = 15 * UINT64_C(1000000);
static const uint64_t LEARN_EVERY_US = 3600 * UINT64_C(1000000);

static const char OTHERS_FAIL_TOO[] = "unrelated providers failed alike at the same time";
static const char WITNESS_FAILS_TOO[] = "the configured witness cannot be reached either";

/* -- this machine -- */

static uint64_t distance(int64_t a, int64_t b)
{
    return (uint64_t)(a > b ? a - b : b - a);
}

/* Whether the loop stood still, or the wall clock jumped, since the last look; notes it. */
static void look_at_clocks(struct tracker *tracker)
{
    const uint64_t stumble_us = (uint64_t)LOCAL_STUMBLE_MS * 1000;
    uint64_t now_us = clock_monotonic_us();
    int64_t difference_us = clock_wall_us() - (int64_t)now_us;
    bool late = now_us - tracker->pulse_us > PULSE_US + stumble_us;
    bool jumped = distance(difference_us, tracker->clock_difference_us) > stumble_us;

    if (late || jumped) {
        log_warning(
            "health", "this machine stumbled: %s %.1f s; checks that failed meanwhile do not count",
            late ? "nothing ran for" : "the clock jumped by",
            (double)(late ? now_us - tracker->pulse_us : distance(difference_us, tracker->clock_difference_us)) / 1e6);
        local_note_stumble(&tracker->evidence, tracker->pulse_us, now_us);
        tracker->pulse_us = now_us;
        tracker->clock_difference_us = difference_us;
    }
}

/* Latencies are learned from the store, which answers some time later. */
static void ask_latencies(struct tracker *tracker)
{
    uint64_t now_us = clock_monotonic_us();
    if (tracker->learned_us != 0 && now_us - tracker->learned_us < LEARN_EVERY_US)
        return;
    tracker->learned_us = now_us;
    for (size_t i = 0; i < tracker->count; ++i) {
        const struct latency_threshold *threshold = &tracker->providers[i]->settings.tuning.degraded_latency;
        if (threshold->fixed_ms == 0 && threshold->percent > 0)
            tracker->sinks.ask_latency(tracker->sinks.user, tracker->providers[i]->name, threshold->percent);
    }
}

static void on_pulse(struct timer *timer, void *user)
{
    struct tracker *tracker = user;
    look_at_clocks(tracker);
    tracker->pulse_us = clock_monotonic_us();
    tracker->clock_difference_us = clock_wall_us() - (int64_t)tracker->pulse_us;
    if (tracker->started)
        ask_latencies(tracker);
    timer_start(tracker->loop, timer, tracker->pulse_us + PULSE_US);
}

/* -- the witness -- */

static void on_witness(struct probe_answer *answer, void *user)
{
    struct tracker *tracker = user;
    bool answered = answer->status != 0;
    tracker->witness = NULL;
    local_note(&tracker->evidence, UINT64_MAX - tracker->witness_index, false, true,
               answered ? LAYER_ANSWERED : LAYER_CONNECT, clock_monotonic_us());
    ++tracker->witness_index;
    doubt_review(tracker);
}

static bool ask_witness(struct tracker *tracker)
{
    char **witnesses = tracker->generation->config->witnesses;
    size_t count = 0;
    char error[128];
    while (witnesses[count] != NULL)
        ++count;
    if (count == 0 || tracker->witness != NULL)
        return count != 0;
    tracker->witness_index %= count;
    struct probe_request request = {
        .url = witnesses[tracker->witness_index],
        .user_agent = tracker->generation->config->user_agent,
        .timeout_ms = WITNESS_TIMEOUT_MS,
        .keep = PROBE_KEEP_NEVER,
        .max_received = 1024 * 1024,
    };
    tracker->witness = prober_start(tracker->prober, &request, on_witness, tracker, error, sizeof(error));
    if (tracker->witness == NULL)
        log_warning("health", "witness %s: %s", request.url, error);
    return tracker->witness != NULL;
}

/* -- weighing -- */

/* Where a check ended. False when it tells nothing of the network: the script failed by itself. */
static bool layer_of(const struct verdict *verdict, enum layer *layer)
{
    static const struct {
        const char *kind;
        enum layer layer;
    } layers[] = {{"dns", LAYER_DNS}, {"connect", LAYER_CONNECT}, {"tls", LAYER_TLS}, {"timeout", LAYER_CONNECT}};
    *layer = LAYER_ANSWERED;
    if (verdict->http_status != 0)
        return true;
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); ++i) {
        if (strcmp(verdict->kind, layers[i].kind) == 0) {
            *layer = layers[i].layer;
            return true;
        }
    }
    return false;
}

/* The best key of another host that may tell whether the network works, from here or beyond: it has not failed lately.
 * `well`: only if it answered the last time. NULL: it cannot tell. */
static struct target *other_to_ask(const struct provider *provider, struct provider *other, bool well)
{
    struct target *lead = other->lead;
    if (other->host == provider->host || other->loopback != provider->loopback || lead->held != NULL ||
        lead->consecutive_failures != 0)
        return NULL;
    return !well || (target_is_up(lead) && lead->view->last_check_us != 0) ? lead : NULL;
}

/* Whether the check of anybody who was well is under way. */
static bool answer_may_come(const struct provider *provider)
{
    struct tracker *tracker = provider->tracker;
    for (size_t i = 0; i < tracker->count; ++i) {
        const struct target *lead = other_to_ask(provider, tracker->providers[i], true);
        if (lead != NULL && lead->check != NULL)
            return true;
    }
    return false;
}

/* Checks unrelated providers now; `well`: only those that were. Whether any evidence is on its way. Who is asked does
 * not ask others in turn: else one failure would go through all providers. */
static bool ask_others(struct target *target, bool well)
{
    struct provider *provider = target->provider;
    struct tracker *tracker = provider->tracker;
    unsigned asked = 0;
    size_t start = tracker_random(tracker) % tracker->count;
    for (size_t i = 0; i < tracker->count && asked < OTHERS_ASKED; ++i) {
        struct target *lead = other_to_ask(provider, tracker->providers[(start + i) % tracker->count], well);
        if (lead == NULL)
            continue;
        if (lead->check == NULL && !target->asked) {
            intake_start_check(lead);
            lead->asked = lead->check != NULL;
        }
        asked += lead->check != NULL;
    }
    return asked != 0;
}

enum doubt doubt_weigh(struct target *target, const struct verdict *verdict, enum layer *layer, char *why,
                       size_t why_size)
{
    struct provider *provider = target->provider;
    struct tracker *tracker = provider->tracker;
    uint64_t now_us = clock_monotonic_us();

    look_at_clocks(tracker);
    if (!layer_of(verdict, layer))
        return DOUBT_NONE;
    /* Who has been failing by itself shows nothing of us by failing again. */
    if (*layer == LAYER_ANSWERED || target->local || target->consecutive_failures == 0)
        local_note(&tracker->evidence, provider->host, provider->loopback, false, *layer, now_us);
    if (*layer == LAYER_ANSWERED)
        return DOUBT_NONE;
    if (local_stumbled(&tracker->evidence, target->began_us, now_us)) {
        snprintf(why, why_size, "this machine stood still meanwhile");
        return DOUBT_LOCAL;
    }
    bool weighed = target->consecutive_failures != 0 && !target->local;
    switch (local_judge(&tracker->evidence, provider->host, provider->loopback, *layer, target->began_us, now_us)) {
    case LOCAL_NO:
        return DOUBT_NONE;
    case LOCAL_YES:
        snprintf(why, why_size, "%s", WITNESS_FAILS_TOO);
        return DOUBT_LOCAL;
    case LOCAL_LIKELY:
        snprintf(why, why_size, "%s", OTHERS_FAIL_TOO);
        return !weighed && ask_others(target, true) ? DOUBT_HOLD : DOUBT_LOCAL;
    case LOCAL_DOUBT:
        break;
    }
    if (weighed)
        return DOUBT_NONE;
    bool others = ask_others(target, false), witness = ask_witness(tracker);
    return others || witness ? DOUBT_HOLD : DOUBT_NONE;
}

/* -- verdicts held back -- */

static void arm_hold_timer(struct tracker *tracker, uint64_t until_us)
{
    if (!timer_armed(&tracker->hold_timer) || until_us < tracker->hold_timer.due_us)
        timer_start(tracker->loop, &tracker->hold_timer, until_us);
}

bool doubt_hold(struct target *target, const struct verdict *verdict, enum layer layer)
{
    struct tracker *tracker = target->provider->tracker;
    struct held_verdict *held = calloc(1, sizeof(*held));
    if (held == NULL)
        return false;
    uint64_t longest_us = (uint64_t)target->provider->settings.tuning.timeout_ms * 1000 + 1000000;
    held->verdict = *verdict;
    held->verdict.exchange = BUF_EMPTY;
    buf_append(&held->verdict.exchange, verdict->exchange.bytes, verdict->exchange.len);
    held->kinds = kind_table_retain(target->provider->settings.kinds);
    held->layer = layer;
    held->until_us = clock_monotonic_us() + (longest_us < HOLD_MAX_US ? longest_us : HOLD_MAX_US);
    target->held = held;
    ++tracker->held_count;
    arm_hold_timer(tracker, held->until_us);
    return true;
}

void doubt_drop(struct target *target)
{
    struct held_verdict *held = target->held;
    if (held == NULL)
        return;
    target->held = NULL;
    --target->provider->tracker->held_count;
    buf_dispose(&held->verdict.exchange);
    kind_table_release(held->kinds);
    free(held);
}

static void review(struct target *target, uint64_t now_us)
{
    struct provider *provider = target->provider;
    struct tracker *tracker = provider->tracker;
    struct held_verdict *held = target->held;
    enum local_answer answer =
        local_judge(&tracker->evidence, provider->host, provider->loopback, held->layer, target->began_us, now_us);
    bool open = answer == LOCAL_DOUBT || (answer == LOCAL_LIKELY && answer_may_come(provider));
    if (open && now_us < held->until_us) {
        arm_hold_timer(tracker, held->until_us);
        return;
    }
    const char *why = answer == LOCAL_YES ? WITNESS_FAILS_TOO : answer == LOCAL_LIKELY ? OTHERS_FAIL_TOO : NULL;
    target->held = NULL; /* settled from here on; doubt_drop frees what is put back for a moment */
    intake_settle(target, &held->verdict, why);
    target->held = held;
    doubt_drop(target);
}

void doubt_review(struct tracker *tracker)
{
    uint64_t now_us = clock_monotonic_us();
    for (size_t i = 0; i < tracker->count && tracker->held_count != 0; ++i) {
        struct provider *provider = tracker->providers[i];
        for (size_t j = 0; j < provider->target_count; ++j) {
            if (provider->targets[j]->held != NULL)
                review(provider->targets[j], now_us);
        }
    }
}

static void on_hold_timer(struct timer *timer, void *user)
{
    (void)timer;
    doubt_review(user);
}

/* -- begin and end -- */

void doubt_begin(struct tracker *tracker)
{
    timer_init(&tracker->pulse, on_pulse, tracker);
    timer_init(&tracker->hold_timer, on_hold_timer, tracker);
    tracker->pulse_us = clock_monotonic_us();
    tracker->clock_difference_us = clock_wall_us() - (int64_t)tracker->pulse_us;
    timer_start(tracker->loop, &tracker->pulse, tracker->pulse_us + PULSE_US);
}

void doubt_end(struct tracker *tracker)
{
    timer_stop(tracker->loop, &tracker->pulse);
    timer_stop(tracker->loop, &tracker->hold_timer);
    if (tracker->witness != NULL)
        probe_cancel(tracker->witness);
    tracker->witness = NULL;
}
