#include "daemon/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/learning.h"
#include "daemon/notify.h"
#include "daemon/past.h"
#include "daemon/remembering.h"
#include "health/limits_json.h"
#include "health/tracker.h"
#include "plugin/policy.h"
#include "serve/server.h"
#include "store/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t STORE_CLOSE_MS = 400; /* to write what is queued; together with shutdown_grace below 2 s */

struct daemon {
    const struct settings *settings;
    struct parts parts;
    struct generation *generation; /* in service */
    struct store *store;
    struct tracker *tracker;
    struct server *server;
    struct mailbox *requests; /* from HTTP threads */
    struct learning *learning;
    struct remembering *remembering;
    struct buf limits; /* of the check being stored, as text */
    struct watch *signals;
};

/* A request that an HTTP thread made: check this provider, or all. */
struct check_request {
    struct mail mail;
    char name[PROVIDER_NAME_MAX]; /* "" = all */
};

/* -- from the HTTP threads -- */

static void ask_for_check(void *user, const char *name)
{
    struct daemon *daemon = user;
    struct check_request *request = calloc(1, sizeof(*request));
    if (request == NULL) {
        log_error("daemon", "out of memory for a request to check");
        return;
    }
    if (name != NULL)
        snprintf(request->name, sizeof(request->name), "%s", name);
    mailbox_post(daemon->requests, &request->mail);
}

static void tell_best(void *user, const char *from, const char *to, const char *reason)
{
    (void)user;
    log_info("best", "%s -> %s: %s", from[0] != '\0' ? from : "nobody", to[0] != '\0' ? to : "nobody", reason);
}

static void receive_request(struct mail *mail, void *user)
{
    struct daemon *daemon = user;
    struct check_request *request = (struct check_request *)mail;
    if (daemon->tracker != NULL)
        tracker_check_now(daemon->tracker, request->name[0] != '\0' ? request->name : NULL);
    free(request);
}

/* -- from the tracker -- */

/* What is known of the limits, as text; NULL when nothing is. Valid until the next call. */
static const char *limits_text(struct daemon *daemon, const struct key_view *key)
{
    if (key->limits == NULL || key->limits->count == 0)
        return NULL;
    buf_clear(&daemon->limits);
    struct json j = json_begin(&daemon->limits);
    limits_write_json(&j, key->limits);
    if (buf_ok(&daemon->limits))
        return buf_text(&daemon->limits);
    buf_dispose(&daemon->limits); /* out of memory: the row goes without them */
    return NULL;
}

/* What the rows of a provider and of its keys have in common. */
static struct check_record record_of(struct daemon *daemon, const struct check_outcome *outcome)
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
        .rate_limit = limits_text(daemon, key),
    };
    memcpy(record.provider, outcome->view->name, sizeof(record.provider));
    return record;
}

static void store_check(void *user, const struct check_outcome *outcome)
{
    struct daemon *daemon = user;
    const struct provider_view *view = outcome->view;
    struct check_record record = record_of(daemon, outcome);
    record.table = RECORD_CHECK;
    record.status = view->status;
    memcpy(record.reason, view->reason, sizeof(record.reason));
    memcpy(record.kind, view->error_kind, sizeof(record.kind));
    memcpy(record.error_message, view->error_message, sizeof(record.error_message));
    store_append(daemon->store, &record);
}

static void store_key_check(void *user, const struct check_outcome *outcome)
{
    struct daemon *daemon = user;
    const struct key_view *key = outcome->key;
    struct check_record record = record_of(daemon, outcome);
    record.table = RECORD_KEY_CHECK;
    record.status = key->status;
    memcpy(record.reason, key->reason, sizeof(record.reason));
    memcpy(record.kind, key->error_kind, sizeof(record.kind));
    memcpy(record.error_message, key->error_message, sizeof(record.error_message));
    store_append(daemon->store, &record);
}

static void store_deep_check(void *user, const struct deep_outcome *outcome)
{
    struct daemon *daemon = user;
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
    store_append(daemon->store, &record);
}

static void store_outage(void *user, const char *provider, unsigned key, const struct outage *outage)
{
    struct daemon *daemon = user;
    struct incident_record record = {
        .key = key,
        .started_us = outage->started_us,
        .ended_us = outage->ended_us,
        .checks_lost = outage->checks_lost,
    };
    snprintf(record.provider, sizeof(record.provider), "%s", provider);
    memcpy(record.kind, outage->kind, sizeof(record.kind));
    memcpy(record.first_error, outage->first_error, sizeof(record.first_error));
    store_append_incident(daemon->store, &record);
}

static void ask_latency(void *user, const char *name, double percent)
{
    struct daemon *daemon = user;
    learning_ask(daemon->learning, name, percent);
}

static void ask_past(void *user, const char *name)
{
    struct daemon *daemon = user;
    remembering_ask(daemon->remembering, name, &daemon->generation->config->busy_hours);
}

static void serve_snapshot(void *user, struct snapshot *snapshot)
{
    struct daemon *daemon = user;
    server_publish(daemon->server, snapshot);
}

/* -- generations -- */

static void tell_absences(const struct generation *generation)
{
    for (size_t i = 0; i < generation->absence_count; ++i) {
        const struct provider_absence *absence = &generation->absences[i];
        if (absence->broken)
            log_error("providers", "%s: %s", absence->name, absence->message);
        else
            log_info("providers", "%s: not watched: %s", absence->name, absence->message);
    }
}

static void tell_providers(const struct generation *generation)
{
    struct buf names = BUF_EMPTY;
    for (size_t i = 0; i < generation->watched_count && i < 100; ++i)
        buf_printf(&names, "%s%s", i != 0 ? ", " : "", generation->watched[i].name);
    log_info("providers", "watching %zu: %s%s", generation->watched_count, buf_text(&names),
             generation->watched_count > 100 ? " ..." : "");
    buf_dispose(&names);
}

static struct policy_host *load_policies(const struct config *config, char *error, size_t error_size)
{
    struct policy_setup setup = policy_setup_of(config);
    return policy_host_new(&setup, error, error_size);
}

static void warn_of_restart_settings(const struct config *before, const struct config *after)
{
    bool listen_differs = false;
    for (size_t i = 0; before->listen[i] != NULL || after->listen[i] != NULL; ++i) {
        if (before->listen[i] == NULL || after->listen[i] == NULL || strcmp(before->listen[i], after->listen[i]) != 0) {
            listen_differs = true;
            break;
        }
    }
    if (listen_differs || strcmp(before->database, after->database) != 0 ||
        before->http_threads != after->http_threads || before->max_connections != after->max_connections ||
        before->max_header_bytes != after->max_header_bytes || before->idle_timeout_ms != after->idle_timeout_ms ||
        before->max_request_body_bytes != after->max_request_body_bytes || before->store_queue != after->store_queue ||
        before->readers != after->readers)
        log_warning("daemon", "settings marked (restart) have changed; they take effect at the next start");
}

static void apply_settings(struct daemon *daemon, const struct config *config)
{
    enum log_level level;
    struct prober_options options = {
        .ca_bundle = config->ca_bundle,
        .max_in_flight = (unsigned)config->max_probes_in_flight,
    };
    if (log_level_parse(config->log_level, &level))
        log_set_level(level);
    prober_configure(daemon->parts.prober, &options);
    store_configure(daemon->store, config->retention_ms, config->rollup_retention_ms, config->commit_interval_ms);
}

/* Everything of the new generation is built before anything of the old one is let go. */
static int try_reload(struct daemon *daemon, char *error, size_t error_size)
{
    struct config *config = settings_load(daemon->settings, error, error_size);
    if (config == NULL)
        return -1;
    struct generation *generation = parts_generation(&daemon->parts, config, NULL, error, error_size);
    if (generation == NULL)
        return -1;
    struct policy_host *policies = NULL;
    if (generation->broken_count != 0) {
        struct buf faults = BUF_EMPTY;
        generation_describe_faults(generation, &faults);
        snprintf(error, error_size, "%s", buf_text(&faults));
        buf_dispose(&faults);
        goto refuse;
    }
    policies = load_policies(generation->config, error, error_size);
    if (policies == NULL)
        goto refuse;
    if (tracker_apply(daemon->tracker, generation) != 0) {
        snprintf(error, error_size, "out of memory for the new generation");
        goto refuse;
    }
    warn_of_restart_settings(daemon->generation->config, generation->config);
    apply_settings(daemon, generation->config);
    server_publish_policies(daemon->server, policies);
    policy_host_release(policies);
    generation_release(daemon->generation);
    daemon->generation = generation;
    return 0;

refuse:
    policy_host_release(policies);
    generation_release(generation);
    return -1;
}

static void reload(struct daemon *daemon)
{
    char error[FAULTS_MAX];
    uint64_t began_us = clock_monotonic_us();

    notify_reloading();
    if (try_reload(daemon, error, sizeof(error)) == 0) {
        tracker_note_reload(daemon->tracker, NULL);
        log_info("daemon", "reloaded in %.1f ms", (double)(clock_monotonic_us() - began_us) / 1000);
        tell_providers(daemon->generation);
        tell_absences(daemon->generation);
    } else {
        tracker_note_reload(daemon->tracker, error);
        for (char *line = strtok(error, "\n"); line != NULL; line = strtok(NULL, "\n"))
            log_error("daemon", "reload refused, all goes on as before: %s", line);
    }
    notify_ready(tracker_count(daemon->tracker));
}

static void on_signal(int signal_number, void *user)
{
    struct daemon *daemon = user;
    if (signal_number == SIGHUP) {
        reload(daemon);
        return;
    }
    log_info("daemon", "%s: stopping", signal_number == SIGINT ? "SIGINT" : "SIGTERM");
    loop_stop(daemon->parts.loop);
}

/* -- start and end -- */

static int start_store(struct daemon *daemon, char *error, size_t error_size)
{
    const struct config *config = daemon->generation->config;
    struct store_options options = {
        .path = config->database,
        .retention_ms = config->retention_ms,
        .rollup_retention_ms = config->rollup_retention_ms,
        .commit_interval_ms = config->commit_interval_ms,
        .queue_max = (size_t)config->store_queue,
        .readers = (unsigned)config->readers,
    };
    daemon->store = store_open(&options, error, error_size);
    return daemon->store != NULL ? 0 : -1;
}

static int start_server(struct daemon *daemon, char *error, size_t error_size)
{
    const struct config *config = daemon->generation->config;
    size_t listen_count = 0;
    while (config->listen[listen_count] != NULL)
        ++listen_count;
    struct server_options options = {
        .listen = (const char *const *)config->listen,
        .listen_count = listen_count,
        .threads = (unsigned)config->http_threads,
        .max_connections = (size_t)config->max_connections,
        .max_header_bytes = (size_t)config->max_header_bytes,
        .max_body_bytes = (size_t)config->max_request_body_bytes,
        .idle_timeout_ms = config->idle_timeout_ms,
    };
    struct server_hooks hooks = {.user = daemon, .check_now = ask_for_check, .best_changed = tell_best};
    struct policy_host *policies = load_policies(config, error, error_size);
    if (policies == NULL)
        return -1;
    daemon->server = server_open(&options, daemon->store, &hooks, error, error_size);
    if (daemon->server != NULL) {
        server_publish_policies(daemon->server, policies);
        tracker_publish(daemon->tracker);
    }
    policy_host_release(policies);
    return daemon->server != NULL ? server_start(daemon->server, error, error_size) : -1;
}

static int start(struct daemon *daemon, char *error, size_t error_size)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
    struct tracker_sinks sinks = {
        .user = daemon,
        .checked = store_check,
        .key_checked = store_key_check,
        .deep_checked = store_deep_check,
        .outage = store_outage,
        .ask_latency = ask_latency,
        .ask_past = ask_past,
        .publish = serve_snapshot,
    };
    enum log_level level;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of a write, not an end of the process */
    struct config *config = settings_load(daemon->settings, error, error_size);
    if (config == NULL)
        return -1;
    if (log_level_parse(config->log_level, &level))
        log_set_level(level);
    if (parts_open(&daemon->parts, config, error, error_size) != 0) {
        config_free(config);
        return -1;
    }
    daemon->generation = parts_generation(&daemon->parts, config, NULL, error, error_size);
    if (daemon->generation == NULL)
        return -1;
    /* Signals before threads: these inherit the mask. */
    daemon->signals = loop_watch_signals(daemon->parts.loop, signals, on_signal, daemon);
    daemon->requests = mailbox_new(daemon->parts.loop, receive_request, daemon);
    daemon->tracker = tracker_new(daemon->parts.loop, daemon->parts.prober, &sinks);
    if (daemon->signals == NULL || daemon->requests == NULL || daemon->tracker == NULL ||
        tracker_apply(daemon->tracker, daemon->generation) != 0) {
        snprintf(error, error_size, "cannot set up the daemon: %s", strerror(errno));
        return -1;
    }
    if (start_store(daemon, error, error_size) != 0)
        return -1;
    daemon->learning = learning_new(daemon->parts.loop, daemon->tracker, daemon->store);
    daemon->remembering = remembering_new(daemon->parts.loop, daemon->tracker, daemon->store);
    if (daemon->learning == NULL || daemon->remembering == NULL) {
        snprintf(error, error_size, "cannot set up the daemon: %s", strerror(errno));
        return -1;
    }
    past_restore(daemon->tracker, daemon->generation, daemon->store);
    return start_server(daemon, error, error_size);
}

static void stop(struct daemon *daemon)
{
    notify_stopping();
    if (daemon->server != NULL)
        server_stop(daemon->server, daemon->generation->config->shutdown_grace_ms);
    mailbox_free(daemon->requests);
    learning_stop(daemon->learning);
    remembering_stop(daemon->remembering);
    tracker_free(daemon->tracker);
    if (daemon->store != NULL) {
        size_t lost = store_close(daemon->store, STORE_CLOSE_MS);
        if (lost != 0)
            log_error("daemon", "%zu checks could not be written to the database and are lost", lost);
    }
    learning_free(daemon->learning);
    remembering_free(daemon->remembering);
    buf_dispose(&daemon->limits);
    generation_release(daemon->generation);
    loop_unwatch(daemon->signals);
    parts_close(&daemon->parts);
}

int daemon_run(const struct settings *settings)
{
    struct daemon daemon = {.settings = settings};
    char error[FAULTS_MAX];
    const char *url;

    if (start(&daemon, error, sizeof(error)) != 0) {
        for (char *line = strtok(error, "\n"); line != NULL; line = strtok(NULL, "\n"))
            fprintf(stderr, "providerd: %s\n", line);
        stop(&daemon);
        return 2;
    }
    tell_providers(daemon.generation);
    tell_absences(daemon.generation);
    for (size_t i = 0; (url = server_url(daemon.server, i)) != NULL; ++i)
        log_info("daemon", "listening on %s", url);
    tracker_start(daemon.tracker);
    notify_ready(tracker_count(daemon.tracker));
    loop_run(daemon.parts.loop);
    stop(&daemon);
    log_info("daemon", "stopped");
    return 0;
}
