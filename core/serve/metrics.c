/* metrics: GET /metrics, for Prometheus and what speaks its language: the providers, and the daemon itself. Names and
 * base units as https://prometheus.io/docs/practices/naming/ has them (read 2026-11-24). */
#include "base/clock.h"
#include "health/stats_view.h"
#include "plugin/incumbents.h"
#include "serve/exposition.h"
#include "serve/handlers.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char PROMETHEUS_TYPE[] = "text/plain; version=0.0.4; charset=utf-8";
static const char OPEN_METRICS_TYPE[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/* -- one family over all providers -- */

/* The value of a provider; NaN = it has none. */
typedef double (*value_fn)(const struct provider_view *view, int64_t now_us);

static void write_each(struct exposition *e, const struct snapshot *snapshot, const char *family, const char *help,
                       value_fn value_of)
{
    exposition_family(e, family, METRIC_GAUGE, help);
    for (size_t i = 0; i < snapshot->count; ++i) {
        const struct provider_view *view = snapshot->providers[i];
        const struct label labels[] = {{"provider", view->name}, {NULL, NULL}};
        double value = value_of(view, snapshot->published_us);
        if (!isnan(value))
            exposition_sample(e, "", labels, value);
    }
}

static double known_or_nan(double value)
{
    return value >= 0 ? value : NAN;
}

static double up_of(const struct provider_view *view, int64_t now_us)
{
    (void)now_us;
    return view->status == HEALTH_UNKNOWN ? NAN : view->status != HEALTH_DOWN;
}

static double uptime_of(const struct provider_view *view, int64_t now_us)
{
    (void)now_us;
    return view->lead->last_check_us != 0 ? view->uptime_percent / 100 : NAN;
}

static double last_check_of(const struct provider_view *view, int64_t now_us)
{
    (void)now_us;
    return view->lead->last_check_us != 0 ? (double)view->lead->last_check_us / 1e6 : NAN;
}

static double failures_of(const struct provider_view *view, int64_t now_us)
{
    (void)now_us;
    return view->lead->consecutive_failures;
}

static double risk_of(const struct provider_view *view, int64_t now_us)
{
    (void)now_us;
    return view->forecast.risk;
}

static double first_token_of(const struct provider_view *view, int64_t now_us)
{
    (void)now_us;
    return known_or_nan(view->deep.first_token_ms) / 1000;
}

static double speed_of(const struct provider_view *view, int64_t now_us)
{
    (void)now_us;
    return known_or_nan(view->deep.tokens_per_second);
}

static double ejected_of(const struct provider_view *view, int64_t now_us)
{
    (void)now_us;
    return view->traffic != NULL ? view->traffic->ejected_since_us != 0 : NAN;
}

static double cooling_of_all(const struct provider_view *view, int64_t now_us)
{
    double count = 0;
    for (size_t i = 0; view->traffic != NULL && i < view->traffic->cooling_count; ++i)
        count += view->traffic->coolings[i].until_us > now_us;
    return view->traffic != NULL ? count : NAN;
}

/* -- families of their own shape -- */

static void write_states(struct exposition *e, const struct snapshot *snapshot)
{
    exposition_family(e, "providerd_provider_status", METRIC_GAUGE, "1 for the state that a provider is in.");
    for (size_t i = 0; i < snapshot->count; ++i) {
        const struct provider_view *view = snapshot->providers[i];
        for (int status = HEALTH_UNKNOWN; status <= HEALTH_DOWN; ++status) {
            const struct label labels[] = {
                {"provider", view->name}, {"status", health_status_name((enum health_status)status)}, {NULL, NULL}};
            exposition_sample(e, "", labels, (int)view->status == status);
        }
    }
}

static void write_checks(struct exposition *e, const struct snapshot *snapshot)
{
    exposition_family(e, "providerd_probes", METRIC_COUNTER, "Checks since the start, by what came of them.");
    for (size_t i = 0; i < snapshot->count; ++i) {
        const struct provider_view *view = snapshot->providers[i];
        const struct {
            const char *result;
            uint64_t count;
        } results[] = {{"up", view->meter.up}, {"failed", view->meter.failed}, {"unknown", view->meter.other}};
        for (size_t k = 0; k < sizeof(results) / sizeof(results[0]); ++k) {
            const struct label labels[] = {{"provider", view->name}, {"result", results[k].result}, {NULL, NULL}};
            exposition_sample(e, "", labels, (double)results[k].count);
        }
    }
}

static void write_duration(struct exposition *e, const struct provider_view *view)
{
    const struct meter *meter = &view->meter;
    const struct label labels[] = {{"provider", view->name}, {NULL, NULL}};
    char bound[32];
    uint64_t below = 0;
    for (int i = 0; i <= METER_BUCKETS; ++i) {
        bool last = i == METER_BUCKETS;
        below = last ? meter->count : below + meter->buckets[i];
        snprintf(bound, sizeof(bound), "%g%s", last ? INFINITY : meter_bounds_s[i],
                 !last && e->open_metrics && floor(meter_bounds_s[i]) == meter_bounds_s[i] ? ".0" : "");
        const struct label with_bound[] = {{"provider", view->name}, {"le", last ? "+Inf" : bound}, {NULL, NULL}};
        exposition_sample(e, "_bucket", with_bound, (double)below);
    }
    exposition_sample(e, "_sum", labels, meter->sum_s);
    exposition_sample(e, "_count", labels, (double)meter->count);
}

static void write_durations(struct exposition *e, const struct snapshot *snapshot)
{
    exposition_family(e, "providerd_probe_duration_seconds", METRIC_HISTOGRAM,
                      "How long checks that were answered well took.");
    for (size_t i = 0; i < snapshot->count; ++i)
        write_duration(e, snapshot->providers[i]);
}

/* Calls back for each limit of each key. */
static void write_limit_family(struct exposition *e, const struct snapshot *snapshot, const char *family,
                               const char *help, double (*value_of)(const struct limit_view *limit))
{
    exposition_family(e, family, METRIC_GAUGE, help);
    for (size_t i = 0; i < snapshot->count; ++i) {
        const struct provider_view *view = snapshot->providers[i];
        for (size_t k = 0; k < (view->key_count != 0 ? view->key_count : 1); ++k) {
            const struct key_view *key = view->key_count != 0 ? view->keys[k] : view->lead;
            char number[16];
            snprintf(number, sizeof(number), "%u", key->number);
            for (size_t l = 0; key->limits != NULL && l < key->limits->count; ++l) {
                const struct limit_view *limit = &key->limits->limits[l];
                char window[24];
                snprintf(window, sizeof(window), "%lld", (long long)limit->window.window_s);
                const struct label labels[] = {{"provider", view->name},      {"key", number},
                                               {"unit", limit->window.unit},  {"window_seconds", window},
                                               {"limit", limit->window.name}, {NULL, NULL}};
                double value = value_of(limit);
                if (!isnan(value))
                    exposition_sample(e, "", labels, value);
            }
        }
    }
}

static double remaining_of(const struct limit_view *limit)
{
    return known_or_nan(limit->window.remaining);
}

static double limit_of(const struct limit_view *limit)
{
    return known_or_nan(limit->window.limit);
}

static double used_of(const struct limit_view *limit)
{
    return known_or_nan(limit->used_percent) / 100;
}

static void write_reported(struct exposition *e, const struct snapshot *snapshot)
{
    exposition_family(e, "providerd_reported_calls", METRIC_GAUGE,
                      "Calls that clients reported in the last 5 minutes.");
    for (size_t i = 0; i < snapshot->count; ++i) {
        const struct provider_view *view = snapshot->providers[i];
        const struct traffic_view *traffic = view->traffic;
        if (traffic == NULL)
            continue;
        const struct {
            const char *outcome;
            uint32_t count;
        } outcomes[] = {{"ok", traffic->ok},
                        {"failed", traffic->failed},
                        {"limited", traffic->limited},
                        {"aborted", traffic->aborted},
                        {"excused", traffic->excused}};
        for (size_t k = 0; k < sizeof(outcomes) / sizeof(outcomes[0]); ++k) {
            const struct label labels[] = {{"provider", view->name}, {"outcome", outcomes[k].outcome}, {NULL, NULL}};
            exposition_sample(e, "", labels, outcomes[k].count);
        }
    }
}

/* Who was named last for the plain question. */
static void write_best(struct exposition *e, struct request *request)
{
    char best[PROVIDER_NAME_MAX];
    server_best(request->server, policy_default_name(request->thread->policy_host), best);
    exposition_family(e, "providerd_best", METRIC_GAUGE, "1 for the provider that is best by the policy in force.");
    const struct label labels[] = {{"provider", best}, {NULL, NULL}};
    if (best[0] != '\0')
        exposition_sample(e, "", labels, 1);
}

/* -- the daemon -- */

static void write_one(struct exposition *e, const char *family, enum metric_type type, const char *help, double value)
{
    exposition_family(e, family, type, help);
    exposition_sample(e, "", NULL, value);
}

static void write_store(struct exposition *e, struct store *store)
{
    struct store_report report;
    store_get_report(store, &report);
    write_one(e, "providerd_store_writable", METRIC_GAUGE, "Whether the database could be written the last time.",
              report.writable);
    write_one(e, "providerd_store_queued_checks", METRIC_GAUGE, "Checks that wait in memory to be written.",
              (double)report.queued);
    write_one(e, "providerd_store_written_checks", METRIC_COUNTER, "Checks written since the start.",
              (double)report.written);
    write_one(e, "providerd_store_rolled_up_checks", METRIC_COUNTER,
              "Checks of which only the sums were kept, since the queue was full.", (double)report.rolled_up);
    write_one(e, "providerd_store_dropped_checks", METRIC_COUNTER, "Checks that were lost.", (double)report.dropped);
}

static void write_reloads(struct exposition *e, const struct snapshot *snapshot)
{
    size_t broken = 0;
    for (size_t i = 0; i < snapshot->absence_count; ++i)
        broken += snapshot->absences[i].broken;
    write_one(e, "providerd_reloads", METRIC_COUNTER, "Reloads that were taken into service.",
              (double)snapshot->reloads);
    write_one(e, "providerd_last_reload_successful", METRIC_GAUGE,
              "Whether the last reload was sound; 1 before the first.", snapshot->last_reload_error == NULL);
    write_one(e, "providerd_providers", METRIC_GAUGE, "Providers that are watched.", (double)snapshot->count);
    write_one(e, "providerd_broken_scripts", METRIC_GAUGE, "Scripts that could not be loaded.", (double)broken);
    write_one(e, "providerd_snapshot_version", METRIC_COUNTER, "Versions of the state that were published.",
              (double)snapshot->version);
}

static void write_loop(struct exposition *e, const struct snapshot *snapshot)
{
    write_one(e, "providerd_loop_lag_seconds", METRIC_GAUGE,
              "The worst delay of a timer within the last second or two.", (double)snapshot->loop_lag_us / 1e6);
    write_one(e, "providerd_probes_in_flight", METRIC_GAUGE, "Requests to providers under way.",
              (double)snapshot->probes_in_flight);
    write_one(e, "providerd_probes_waiting", METRIC_GAUGE, "Requests to providers that wait for a place.",
              (double)snapshot->probes_waiting);
    write_one(e, "providerd_probe_lag_seconds", METRIC_GAUGE,
              "The worst delay with which probes set out within the last second or two.",
              (double)snapshot->probe_lag_us / 1e6);
}

/* -- Lua -- */

/* Calls back for each file of provider scripts and policies that has run. */
static void write_lua_family(struct exposition *e, struct request *request, const char *family, const char *help,
                             double (*value_of)(const struct lua_figures *figures))
{
    const struct lua_meters *scripts = request->snapshot->meters;
    size_t script_count = lua_meters_count(scripts);
    struct lua_meter *meter;
    exposition_family(e, family, METRIC_COUNTER, help);
    for (size_t i = 0;
         (meter = i < script_count ? lua_meters_at(scripts, i)
                                   : policy_meter(request->thread->policy_host, i - script_count)) != NULL;
         ++i) {
        struct lua_figures figures;
        lua_meter_read(meter, &figures);
        const struct label labels[] = {{"file", lua_meter_path(meter)}, {NULL, NULL}};
        exposition_sample(e, "", labels, value_of(&figures));
    }
}

static double lua_seconds(const struct lua_figures *figures)
{
    return (double)figures->time_us / 1e6;
}

static double lua_runs(const struct lua_figures *figures)
{
    return (double)figures->runs;
}

static double lua_errors(const struct lua_figures *figures)
{
    return (double)figures->errors;
}

static void write_lua(struct exposition *e, struct request *request)
{
    write_lua_family(e, request, "providerd_lua_seconds", "Time that scripts and policies have taken.", lua_seconds);
    write_lua_family(e, request, "providerd_lua_runs", "Stretches of Lua: up to a request, behind it, to judge.",
                     lua_runs);
    write_lua_family(e, request, "providerd_script_errors", "Runs in which a script or a policy was at fault.",
                     lua_errors);
}

/* -- alerts -- */

/* One figure of each entry of a list in what GET /api/alerts answers. */
static void write_alert_family(struct exposition *e, json_object *all, const char *list, const char *field,
                               const char *family, enum metric_type type, const char *help)
{
    json_object *entries = json_object_object_get(all, list);
    size_t count = json_object_is_type(entries, json_type_array) ? json_object_array_length(entries) : 0;
    exposition_family(e, family, type, help);
    for (size_t i = 0; i < count; ++i) {
        json_object *entry = json_object_array_get_idx(entries, i);
        const struct label labels[] = {
            {list[0] == 'a' ? "alert" : "plugin", json_object_get_string(json_object_object_get(entry, "name"))},
            {NULL, NULL}};
        exposition_sample(e, "", labels, json_object_get_double(json_object_object_get(entry, field)));
    }
}

static void write_alerts(struct exposition *e, const struct shared_text *text)
{
    json_object *all = text != NULL ? json_tokener_parse(text->bytes) : NULL;
    write_alert_family(e, all, "alerts", "waiting", "providerd_alert_waiting_items", METRIC_GAUGE,
                       "What an alert has still to tell.");
    write_alert_family(e, all, "alerts", "messages", "providerd_alert_messages", METRIC_COUNTER,
                       "Messages that an alert has sent.");
    write_alert_family(e, all, "alerts", "given_up", "providerd_alert_given_up_items", METRIC_COUNTER,
                       "What an alert has given up to tell.");
    write_alert_family(e, all, "plugins", "waiting", "providerd_plugin_waiting_calls", METRIC_GAUGE,
                       "Calls that a plugin has still to get.");
    write_alert_family(e, all, "plugins", "dropped", "providerd_plugin_dropped_calls", METRIC_COUNTER,
                       "Calls that a plugin has not got, since too many waited.");
    json_object_put(all);
}

/* -- the process -- */

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return NAN;
    if (fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void write_process(struct exposition *e)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        write_one(e, "process_cpu_seconds", METRIC_COUNTER, "CPU time of all threads.",
                  seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    double resident = resident_bytes();
    if (!isnan(resident))
        write_one(e, "process_resident_memory_bytes", METRIC_GAUGE, "Memory in use.", resident);
}

/* -- the route -- */

void handle_metrics(struct request *request)
{
    const struct snapshot *snapshot = request->snapshot;
    struct buf body = BUF_EMPTY;
    struct exposition e = {.out = &body,
                           .open_metrics = client_names_type(request->req, "application/openmetrics-text")};
    exposition_family(&e, "providerd_build_info", METRIC_GAUGE, "1, with the version that runs.");
    const struct label version[] = {{"version", PROVIDERD_VERSION}, {NULL, NULL}};
    exposition_sample(&e, "", version, 1);
    write_each(&e, snapshot, "providerd_up", "1 for a provider that may be called, 0 for one that is down.", up_of);
    write_states(&e, snapshot);
    write_best(&e, request);
    write_checks(&e, snapshot);
    write_durations(&e, snapshot);
    write_each(&e, snapshot, "providerd_uptime_ratio", "Share of the checks of 24 hours that were up.", uptime_of);
    write_each(&e, snapshot, "providerd_last_check_timestamp_seconds", "When it was checked last.", last_check_of);
    write_each(&e, snapshot, "providerd_consecutive_failures", "Checks in a row that failed.", failures_of);
    write_each(&e, snapshot, "providerd_risk_ratio", "How likely trouble is soon, 0 to 1.", risk_of);
    write_each(&e, snapshot, "providerd_first_token_seconds", "Time to the first token, of the last timed deep probe.",
               first_token_of);
    write_each(&e, snapshot, "providerd_tokens_per_second", "Speed, of the last timed deep probe.", speed_of);
    write_limit_family(&e, snapshot, "providerd_rate_limit", "Rate limits and quotas.", limit_of);
    write_limit_family(&e, snapshot, "providerd_rate_limit_remaining", "What is left of them.", remaining_of);
    write_limit_family(&e, snapshot, "providerd_rate_limit_used_ratio", "The share of them that is used up.", used_of);
    write_reported(&e, snapshot);
    write_each(&e, snapshot, "providerd_ejected", "1 for who is kept out by what clients reported.", ejected_of);
    write_each(&e, snapshot, "providerd_cooling", "Keys and models that cool.", cooling_of_all);
    write_reloads(&e, snapshot);
    write_loop(&e, snapshot);
    write_lua(&e, request);
    write_alerts(&e, request->thread->alerts);
    write_store(&e, request->server->store);
    write_process(&e);
    exposition_end(&e);
    reply_body(request, e.open_metrics ? OPEN_METRICS_TYPE : PROMETHEUS_TYPE, &body);
}
