#include "serve/render_view.h"

#include "health/evidence.h"
#include "health/limits_json.h"
#include "serve/render_stats.h"

#include <math.h>
#include <string.h>

void write_time_or_null(struct json *j, const char *key, int64_t wall_us)
{
    json_key(j, key);
    if (wall_us != 0)
        json_time(j, wall_us);
    else
        json_null(j);
}

static void write_phases(struct json *j, const struct probe_phases *phases)
{
    json_key(j, "phases");
    json_object(j);
    json_member_measure(j, "dns_ms", (double)phases->dns_ms);
    json_member_measure(j, "connect_ms", (double)phases->connect_ms);
    json_member_measure(j, "tls_ms", (double)phases->tls_ms);
    json_member_measure(j, "first_byte_ms", (double)phases->first_byte_ms);
    json_member_measure(j, "total_ms", (double)phases->total_ms);
    json_end(j);
}

static void write_limits(struct json *j, const struct key_view *key)
{
    json_key(j, "rate_limit");
    limits_write_json(j, key->limits);
}

/* -- keys -- */

static void write_key(struct json *j, const struct key_view *key, enum stats_window window)
{
    json_object(j);
    json_key(j, "key");
    json_uint(j, key->number);
    json_member_text(j, "hint", key->hint);
    json_member_text(j, "status", health_status_name(key->status));
    json_member_text(j, "reason", key->reason);
    json_member_text_or_null(j, "error_kind", key->error_kind);
    json_member_text(j, "error_message", key->error_message);
    json_key(j, "response_time_ms");
    json_double(j, key->response_time_ms);
    json_key(j, "consecutive_failures");
    json_uint(j, key->consecutive_failures);
    write_time_or_null(j, "last_check", key->last_check_us);
    write_time_or_null(j, "next_check", key->next_check_us);
    write_time_or_null(j, "retry_at", key->retry_at_us);
    json_key(j, "rate_limit_percent");
    json_double(j, key->rate_limit_percent);
    write_limits(j, key);
    write_stats(j, key->stats, window);
    json_end(j);
}

static void write_keys(struct json *j, const struct provider_view *view, enum stats_window window)
{
    if (view->keys == NULL)
        return;
    json_key(j, "keys");
    json_array(j);
    for (size_t i = 0; i < view->key_count; ++i)
        write_key(j, view->keys[i], window);
    json_end(j);
}

/* -- deep probes -- */

static void write_deep(struct json *j, const struct deep_view *deep)
{
    json_key(j, "deep");
    if (!deep->enabled) {
        json_null(j);
        return;
    }
    json_object(j);
    write_time_or_null(j, "checked", deep->checked_us);
    write_time_or_null(j, "next", deep->next_us);
    json_key(j, "ok");
    if (deep->checked_us != 0)
        json_bool(j, deep->ok);
    else
        json_null(j);
    json_member_text_or_null(j, "rung", deep->rung);
    json_member_text_or_null(j, "error_kind", deep->error_kind);
    json_member_text(j, "message", deep->error_message);
    json_member_text_or_null(j, "model_asked", deep->model_asked);
    json_member_text_or_null(j, "model", deep->model);
    json_key(j, "model_mismatch");
    json_bool(j, deep->model_mismatch);
    json_member_measure(j, "first_token_ms", deep->first_token_ms);
    json_member_measure(j, "tokens_per_second", deep->tokens_per_second);
    write_time_or_null(j, "timed", deep->timed_us);
    json_key(j, "tokens_today");
    json_int(j, deep->tokens_today);
    json_key(j, "daily_tokens");
    json_int(j, deep->daily_tokens);
    json_end(j);
}

/* -- models -- */

void write_features(struct json *j, const struct model_list *list, const struct model *model)
{
    json_key(j, "features");
    json_array(j);
    for (size_t i = 0; i < list->feature_count; ++i) {
        if (model_has(list, model, list->features[i]))
            json_text(j, list->features[i]);
    }
    json_end(j);
}

static void write_model(struct json *j, const struct model_list *list, const struct model *model)
{
    json_object(j);
    json_member_text(j, "id", model->id);
    json_key(j, "context");
    if (model->context != 0)
        json_int(j, model->context);
    else
        json_null(j);
    json_key(j, "price");
    if (model->price >= 0)
        json_double(j, model->price);
    else
        json_null(j);
    write_features(j, list, model);
    if (model->deprecated) {
        json_key(j, "deprecated");
        json_bool(j, true);
    }
    json_end(j);
}

static void write_models(struct json *j, const struct provider_view *view, bool whole)
{
    json_key(j, "model_count");
    if (view->models != NULL)
        json_uint(j, view->models->count);
    else
        json_null(j);
    if (!whole)
        return;
    json_key(j, "models");
    json_array(j);
    for (size_t i = 0; view->models != NULL && i < view->models->count; ++i)
        write_model(j, view->models, &view->models->models[i]);
    json_end(j);
    write_time_or_null(j, "models_read", view->models_read_us);
    json_member_text_or_null(j, "models_error", view->models_error);
}

/* -- the status page -- */

static void write_incident(struct json *j, const struct incident *incident)
{
    json_object(j);
    json_member_text(j, "name", incident->name);
    json_member_text_or_null(j, "impact", incident->impact);
    write_time_or_null(j, "since", incident->since_us);
    json_end(j);
}

static void write_announced(struct json *j, const struct announcement *announced)
{
    json_key(j, "announced");
    if (announced == NULL) {
        json_null(j);
        return;
    }
    json_object(j);
    json_member_text(j, "state", announced->state);
    json_member_text(j, "message", announced->message);
    json_key(j, "stale");
    json_bool(j, announced->stale);
    write_time_or_null(j, "updated", announced->updated_us);
    write_time_or_null(j, "read", announced->read_us);
    json_key(j, "incidents");
    json_array(j);
    for (size_t i = 0; i < announced->incident_count; ++i)
        write_incident(j, &announced->incidents[i]);
    json_end(j);
    json_end(j);
}

/* -- statistics of models -- */

static void write_model_stats(struct json *j, const struct provider_view *view, enum stats_window window)
{
    if (view->model_stats_count == 0)
        return;
    json_key(j, "model_stats");
    json_array(j);
    for (size_t i = 0; i < view->model_stats_count; ++i) {
        json_object(j);
        json_member_text(j, "model", view->model_stats[i].model);
        write_stats(j, view->model_stats[i].stats, window);
        json_end(j);
    }
    json_end(j);
}

/* -- what speaks for its state -- */

static double two_digits(double value)
{
    return round(value * 100) / 100;
}

static void begin_part(struct json *j, const char *name, const struct evidence_part *part)
{
    json_key(j, name);
    json_object(j);
    json_member_text(j, "state", part->state);
    json_key(j, "age_s");
    json_double(j, part->age_s >= 0 ? round(part->age_s * 10) / 10 : NAN);
    json_key(j, "confidence");
    json_double(j, two_digits(part->confidence));
}

static void write_calls(struct json *j, const struct traffic_view *traffic, const struct evidence *evidence)
{
    json_key(j, "calls");
    json_uint(j, evidence_calls(traffic));
    json_key(j, "success_percent");
    json_double(j, evidence->success_percent >= 0 ? two_digits(evidence->success_percent) : NAN);
    json_key(j, "failed");
    json_uint(j, traffic->failed);
    json_key(j, "limited");
    json_uint(j, traffic->limited);
    json_key(j, "aborted");
    json_uint(j, traffic->aborted);
    json_key(j, "excused");
    json_uint(j, traffic->excused);
    json_key(j, "failures_in_row");
    json_uint(j, traffic->failures_in_row);
    json_member_text_or_null(j, "last_error_kind", traffic->kind);
    write_time_or_null(j, "ejected_since", traffic->ejected_since_us);
    write_time_or_null(j, "ejected_until", traffic->ejected_until_us);
}

static void write_evidence(struct json *j, const struct provider_view *view, int64_t now_us)
{
    struct evidence evidence;
    evidence_weigh(view, now_us, &evidence);
    json_key(j, "evidence");
    json_object(j);
    begin_part(j, "probe", &evidence.probe);
    json_end(j);
    begin_part(j, "reports", &evidence.reports);
    if (view->traffic != NULL)
        write_calls(j, view->traffic, &evidence);
    json_end(j);
    begin_part(j, "page", &evidence.page);
    json_end(j);
    json_member_text_or_null(j, "disagreement", evidence.disagreement);
    json_end(j);
}

/* -- what cools -- */

static void write_cooling(struct json *j, const struct cooling *cooling)
{
    json_object(j);
    json_key(j, "key");
    if (cooling->key != 0)
        json_uint(j, cooling->key);
    else
        json_null(j);
    json_member_text_or_null(j, "model", cooling->model);
    json_member_text(j, "reason", cooling->kind);
    write_time_or_null(j, "since", cooling->since_us);
    write_time_or_null(j, "until", cooling->until_us);
    json_end(j);
}

static void write_coolings(struct json *j, const struct traffic_view *traffic, int64_t now_us)
{
    json_key(j, "cooling");
    json_array(j);
    for (size_t i = 0; traffic != NULL && i < traffic->cooling_count; ++i) {
        if (traffic->coolings[i].until_us > now_us)
            write_cooling(j, &traffic->coolings[i]);
    }
    json_end(j);
}

/* -- the forecast -- */

static void write_forecast(struct json *j, const struct forecast_view *forecast)
{
    json_key(j, "forecast");
    json_object(j);
    json_key(j, "risk");
    json_double(j, forecast->risk);
    json_member_text(j, "reason", forecast->reason);
    json_key(j, "signals");
    json_array(j);
    for (size_t i = 0; i < forecast->count; ++i) {
        json_object(j);
        json_member_text(j, "name", forecast->signals[i].name);
        json_key(j, "risk");
        json_double(j, forecast->signals[i].risk);
        json_member_text(j, "detail", forecast->signals[i].detail);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

/* -- all of it -- */

static void write_contract(struct json *j, const struct provider_view *view)
{
    const struct key_view *lead = view->lead;
    bool checked = lead->last_check_us != 0;

    json_member_text(j, "status", health_status_name(view->status));
    json_key(j, "response_time_ms");
    json_double(j, lead->response_time_ms);
    json_key(j, "uptime_percent");
    json_double(j, view->uptime_percent);
    json_key(j, "rate_limit_percent");
    json_double(j, lead->rate_limit_percent);
    json_key(j, "last_check");
    if (checked)
        json_time(j, lead->last_check_us);
    else
        json_text(j, "never");
    json_member_text(j, "error_message", checked ? view->error_message : "No health data available");
    json_key(j, "consecutive_failures");
    json_uint(j, lead->consecutive_failures);
}

void write_view(struct json *j, const struct provider_view *view, enum stats_window window, bool whole, int64_t now_us)
{
    const struct key_view *lead = view->lead;

    write_contract(j, view);
    json_member_text(j, "title", view->title);
    json_member_text(j, "reason", view->reason);
    json_member_text_or_null(j, "error_kind", view->error_kind);
    json_key(j, "score");
    json_double(j, view->score);
    json_key(j, "http_status");
    if (lead->http_status != 0)
        json_int(j, lead->http_status);
    else
        json_null(j);
    write_time_or_null(j, "retry_at", lead->retry_at_us);
    write_time_or_null(j, "next_check", lead->next_check_us);
    json_key(j, "degraded_latency_ms");
    json_double(j, view->degraded_latency_ms);
    write_phases(j, &lead->phases);
    write_limits(j, lead);
    write_keys(j, view, window);
    write_models(j, view, whole);
    write_deep(j, &view->deep);
    write_announced(j, view->announced);
    write_stats(j, view->stats, window);
    write_model_stats(j, view, window);
    write_forecast(j, &view->forecast);
    write_evidence(j, view, now_us);
    write_coolings(j, view->traffic, now_us);
}
