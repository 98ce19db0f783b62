#include "daemon/recorder.h"

#include "health/limits_json.h"

#include <stdio.h>
#include <string.h>

/* What is known of the limits, as text; NULL when nothing is. Valid until the next call. */
static const char *limits_text(struct recorder *recorder, const struct key_view *key)
{
    if (key->limits == NULL || key->limits->count == 0)
        return NULL;
    buf_clear(&recorder->limits);
    struct json j = json_begin(&recorder->limits);
    limits_write_json(&j, key->limits);
    if (buf_ok(&recorder->limits))
        return buf_text(&recorder->limits);
    buf_dispose(&recorder->limits); /* out of memory: the row goes without them */
    return NULL;
}

/* What the rows of a provider and of its keys have in common. */
static struct check_record record_of(struct recorder *recorder, const struct check_outcome *outcome)
{
    const struct key_view *key = outcome->key;
    struct check_record record = {
        .key = key->number,
        .response_time_ms = key->response_time_ms,
        .uptime_percent = outcome->view->uptime_percent,
        .rate_limit_percent = key->rate_limit_percent,
        .checked_us = key->last_check_us,
        .consecutive_failures = key->consecutive_failures,
        .ok = outcome->ok,
        .counted = outcome->counted,
        .http_status = key->http_status,
        .phases = key->phases,
        .rate_limit = limits_text(recorder, key),
    };
    memcpy(record.provider, outcome->view->name, sizeof(record.provider));
    return record;
}

void recorder_check(void *user, const struct check_outcome *outcome)
{
    struct recorder *recorder = user;
    const struct provider_view *view = outcome->view;
    struct check_record record = record_of(recorder, outcome);
    record.table = RECORD_CHECK;
    record.status = view->status;
    memcpy(record.reason, view->reason, sizeof(record.reason));
    memcpy(record.kind, view->error_kind, sizeof(record.kind));
    memcpy(record.error_message, view->error_message, sizeof(record.error_message));
    store_append(recorder->store, &record);
}

void recorder_key_check(void *user, const struct check_outcome *outcome)
{
    struct recorder *recorder = user;
    const struct key_view *key = outcome->key;
    struct check_record record = record_of(recorder, outcome);
    record.table = RECORD_KEY_CHECK;
    record.status = key->status;
    memcpy(record.reason, key->reason, sizeof(record.reason));
    memcpy(record.kind, key->error_kind, sizeof(record.kind));
    memcpy(record.error_message, key->error_message, sizeof(record.error_message));
    store_append(recorder->store, &record);
}

void recorder_deep_check(void *user, const struct deep_outcome *outcome)
{
    struct recorder *recorder = user;
    const struct verdict *verdict = outcome->verdict;
    const struct deep_finding *found = &verdict->deep;
    struct check_record record = {
        .table = RECORD_DEEP_CHECK,
        .key = outcome->key,
        .response_time_ms = verdict->latency_ms,
        .checked_us = outcome->view->deep.checked_us,
        .ok = verdict->ok,
        .counted = true,
        .http_status = verdict->http_status,
        .first_token_ms = found->first_token_ms,
        .tokens_per_second = found->tokens_per_second,
        .tokens = found->tokens_spent,
    };
    memcpy(record.provider, outcome->view->name, sizeof(record.provider));
    snprintf(record.kind, sizeof(record.kind), "%s", verdict->kind);
    snprintf(record.error_message, sizeof(record.error_message), "%s", verdict->message);
    memcpy(record.rung, found->rung, sizeof(record.rung));
    memcpy(record.model_asked, found->model_asked, sizeof(record.model_asked));
    memcpy(record.model, found->model, sizeof(record.model));
    store_append(recorder->store, &record);
}

void recorder_outage(void *user, const char *provider, unsigned key, const struct outage *outage)
{
    struct recorder *recorder = user;
    struct incident_record record = {
        .key = key,
        .started_us = outage->started_us,
        .ended_us = outage->ended_us,
        .checks_lost = outage->checks_lost,
    };
    snprintf(record.provider, sizeof(record.provider), "%s", provider);
    memcpy(record.kind, outage->kind, sizeof(record.kind));
    memcpy(record.first_error, outage->first_error, sizeof(record.first_error));
    store_append_incident(recorder->store, &record);
}

void recorder_reported(void *user, const struct reported_call *call)
{
    const struct recorder *recorder = user;
    store_append_report(recorder->store, call);
}

void recorder_counted(void *user, const char *provider, unsigned up, unsigned down, const char *kind, int64_t now_us)
{
    struct recorder *recorder = user;
    store_count_reported(recorder->store, provider, up, down, kind, now_us);
}

void recorder_dispose(struct recorder *recorder)
{
    buf_dispose(&recorder->limits);
}
