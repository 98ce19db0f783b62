#include "daemon/daemon.h"

#include "alert/alerting.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/alert_past.h"
#include "daemon/file_watch.h"
#include "daemon/journal.h"
#include "daemon/learning.h"
#include "daemon/notify.h"
#include "daemon/past.h"
#include "daemon/recorder.h"
#include "daemon/remembering.h"
#include "daemon/requests.h"
#include "health/tracker.h"
#include "plugin/policy.h"
#include "serve/access.h"
#include "serve/server.h"
#include "serve/site.h"
#include "serve/tls.h"
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
    struct site *site;         /* what it serves of plugins as it is */
    struct requests *requests; /* from HTTP threads */
    struct journal *journal;
    struct alerting *alerting;
    struct recorder recorder;
    struct learning *learning;
    struct remembering *remembering;
    struct snapshot *latest; /* NULL before the first */
    struct notifier *notifier;
    struct watch *signals;
    struct file_watch *files; /* NULL = they are not watched */
    struct buf places;        /* that are watched, a line each */
};

/* -- from the HTTP threads -- */

static void ask_for_check(void *user, const char *name)
{
    struct daemon *daemon = user;
    requests_check(daemon->requests, name);
}

static void ask_to_tell_best(void *user, const char *from, const char *to, const char *reason)
{
    struct daemon *daemon = user;
    requests_best(daemon->requests, from, to, reason);
}

static void check_now(void *user, const char *name)
{
    struct daemon *daemon = user;
    if (daemon->tracker != NULL)
        tracker_check_now(daemon->tracker, name);
}

static bool ask_to_take_reports(void *user, struct report_batch *batch)
{
    struct daemon *daemon = user;
    return requests_reports(daemon->requests, batch);
}

static void take_reports(void *user, const struct report_batch *batch)
{
    struct daemon *daemon = user;
    if (daemon->tracker != NULL)
        tracker_take_reports(daemon->tracker, batch);
}

static void tell_best(void *user, const char *from, const char *to, const char *reason)
{
    struct daemon *daemon = user;
    struct event_parts parts = {.kind = EVENT_BEST, .from = from, .to = to, .message = reason};
    log_info("best", "%s -> %s: %s", from[0] != '\0' ? from : "nobody", to[0] != '\0' ? to : "nobody", reason);
    if (daemon->journal != NULL)
        journal_tell(daemon->journal, &parts);
}

/* -- from the tracker -- */

static void record_check(void *user, const struct check_outcome *outcome)
{
    struct daemon *daemon = user;
    recorder_check(&daemon->recorder, outcome);
    if (daemon->alerting != NULL)
        alerting_take_check(daemon->alerting, outcome);
}

static void record_key_check(void *user, const struct check_outcome *outcome)
{
    struct daemon *daemon = user;
    recorder_key_check(&daemon->recorder, outcome);
}

static void record_deep_check(void *user, const struct deep_outcome *outcome)
{
    struct daemon *daemon = user;
    recorder_deep_check(&daemon->recorder, outcome);
}

static void record_outage(void *user, const char *provider, unsigned key, const struct outage *outage)
{
    struct daemon *daemon = user;
    recorder_outage(&daemon->recorder, provider, key, outage);
}

static void record_reported(void *user, const struct reported_call *call)
{
    struct daemon *daemon = user;
    recorder_reported(&daemon->recorder, call);
}

static void record_counted(void *user, const char *provider, unsigned up, unsigned down, const char *kind,
                           int64_t now_us)
{
    struct daemon *daemon = user;
    recorder_counted(&daemon->recorder, provider, up, down, kind, now_us);
}

static void tell_event(void *user, const struct event_parts *event)
{
    struct daemon *daemon = user;
    if (daemon->journal != NULL)
        journal_tell(daemon->journal, event);
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

static void pass_event_on(void *user, struct event *event)
{
    struct daemon *daemon = user;
    if (daemon->alerting != NULL)
        alerting_take_event(daemon->alerting, event);
    if (daemon->server != NULL)
        server_publish_event(daemon->server, event);
}

static void serve_snapshot(void *user, struct snapshot *snapshot)
{
    struct daemon *daemon = user;
    snapshot_release(daemon->latest);
    daemon->latest = snapshot_retain(snapshot);
    server_publish(daemon->server, snapshot);
    if (daemon->alerting != NULL)
        alerting_take_snapshot(daemon->alerting, snapshot);
}

/* -- alerts -- */

static void remember_alert(void *user, const char *alert, const struct alert_mark *marks, size_t count)
{
    struct daemon *daemon = user;
    store_set_alert_marks(daemon->store, alert, marks, count);
}

static void show_alerts(void *user, const char *json, size_t len)
{
    struct daemon *daemon = user;
    if (daemon->server != NULL)
        server_publish_alerts(daemon->server, json, len);
}

static void test_alert(void *user, const char *name)
{
    struct daemon *daemon = user;
    if (daemon->alerting == NULL || !alerting_test(daemon->alerting, name))
        log_warning("alerts", "%s: no test: it is not active, or is sending", name);
}

static void ask_to_test_alert(void *user, const char *name)
{
    struct daemon *daemon = user;
    requests_test_alert(daemon->requests, name);
}

static void ask_to_reload(void *user)
{
    struct daemon *daemon = user;
    requests_reload(daemon->requests);
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

/* Read anew, unless nothing has changed. */
static struct site *load_site(const struct daemon *daemon, const struct config *config, char *error, size_t error_size)
{
    return site_load((const char *const *)config->plugin_paths, daemon->site, error, error_size);
}

/* Who may ask what. Beyond this machine only with tokens, or when that was said to be meant. */
static struct access *make_access(const struct daemon *daemon, const struct config *config, char *error,
                                  size_t error_size)
{
    const char *url;
    if (config->token_count == 0 && !config->insecure && server_is_exposed(daemon->server, &url)) {
        snprintf(error, error_size,
                 "listen: %s can be reached from other machines, and nobody needs a token: set tokens (`providerd token"
                 "` makes one), or say insecure = true",
                 url);
        return NULL;
    }
    if (!config->insecure && server_agent_is_exposed(daemon->server)) {
        snprintf(error, error_size,
                 "agent_check: %s can be reached from other machines, and takes no tokens: say insecure = true",
                 server_agent_address(daemon->server));
        return NULL;
    }
    return access_new(config, error, error_size);
}

/* By which connections with TLS are made; NULL = there are none to be. False with the reason. */
static bool make_tls(const struct config *config, SSL_CTX **context, char *error, size_t error_size)
{
    *context = NULL;
    if (config->tls.on)
        return (*context = tls_context_new(&config->tls, error, error_size)) != NULL;
    for (char **listen = config->listen; *listen != NULL; ++listen) {
        if (strncmp(*listen, "https://", strlen("https://")) == 0) {
            snprintf(error, error_size, "listen: %s needs a certificate: set tls", *listen);
            return false;
        }
    }
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
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
    if (listen_differs || !same_text(before->agent_check, after->agent_check) ||
        strcmp(before->database, after->database) != 0 || before->http_threads != after->http_threads ||
        before->max_connections != after->max_connections || before->max_header_bytes != after->max_header_bytes ||
        before->idle_timeout_ms != after->idle_timeout_ms ||
        before->max_request_body_bytes != after->max_request_body_bytes || before->store_queue != after->store_queue ||
        before->readers != after->readers)
        log_warning("daemon", "settings marked (restart) have changed; they take effect at the next start");
}

static struct store_options store_options_of(const struct config *config)
{
    return (struct store_options){
        .path = config->database,
        .retention_ms = config->retention_ms,
        .rollup_retention_ms = config->rollup_retention_ms,
        .events_retention_ms = config->events_retention_ms,
        .commit_interval_ms = config->commit_interval_ms,
        .queue_max = (size_t)config->store_queue,
        .readers = (unsigned)config->readers,
    };
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
    struct store_options store_options = store_options_of(config);
    store_configure(daemon->store, &store_options);
}

/* Everything of the new generation is built before anything of the old one is let go. */
static int try_reload(struct daemon *daemon, char *error, size_t error_size)
{
    struct config *config = settings_load(daemon->settings, error, error_size);
    if (config == NULL)
        return -1;
    struct generation *generation =
        parts_generation(&daemon->parts, config, daemon->generation, NULL, error, error_size);
    if (generation == NULL)
        return -1;
    struct policy_host *policies = NULL;
    struct alert_host *alerts = NULL;
    struct site *site = NULL;
    struct access *access = NULL;
    SSL_CTX *tls = NULL;
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
    alerts = parts_alerts(&daemon->parts, generation, error, error_size);
    if (alerts == NULL)
        goto refuse;
    site = load_site(daemon, generation->config, error, error_size);
    if (site == NULL)
        goto refuse;
    access = make_access(daemon, generation->config, error, error_size);
    if (access == NULL || !make_tls(generation->config, &tls, error, error_size))
        goto refuse;
    if (tracker_apply(daemon->tracker, generation) != 0) {
        snprintf(error, error_size, "out of memory for the new generation");
        goto refuse;
    }
    warn_of_restart_settings(daemon->generation->config, generation->config);
    apply_settings(daemon, generation->config);
    server_publish_policies(daemon->server, policies);
    policy_host_release(policies);
    server_publish_site(daemon->server, site);
    site_release(daemon->site);
    daemon->site = site;
    server_publish_access(daemon->server, access);
    access_release(access);
    if (tls != NULL)
        server_publish_tls(daemon->server, tls);
    SSL_CTX_free(tls);
    alerting_apply(daemon->alerting, alerts, journal_last_id(daemon->journal));
    generation_release(daemon->generation);
    daemon->generation = generation;
    return 0;

refuse:
    SSL_CTX_free(tls);
    access_release(access);
    site_release(site);
    alert_host_free(alerts);
    policy_host_release(policies);
    generation_release(generation);
    return -1;
}

static void watch_files(struct daemon *daemon);

static void reload(struct daemon *daemon)
{
    char error[FAULTS_MAX];
    uint64_t began_us = clock_monotonic_us();

    notify_reloading();
    if (try_reload(daemon, error, sizeof(error)) == 0) {
        tracker_note_reload(daemon->tracker, NULL);
        journal_tell(daemon->journal, &(struct event_parts){.kind = EVENT_RELOADED});
        log_info("daemon", "reloaded in %.1f ms; %zu of %zu scripts were as before",
                 (double)(clock_monotonic_us() - began_us) / 1000, daemon->generation->kept_count,
                 daemon->generation->script_count);
        tell_providers(daemon->generation);
        tell_absences(daemon->generation);
    } else {
        tracker_note_reload(daemon->tracker, error);
        journal_tell(daemon->journal, &(struct event_parts){.kind = EVENT_RELOAD_FAILED, .message = error});
        for (char *line = strtok(error, "\n"); line != NULL; line = strtok(NULL, "\n"))
            log_error("daemon", "reload refused, all goes on as before: %s", line);
    }
    watch_files(daemon);
    notify_ready();
}

static void reload_as_asked(void *user)
{
    log_info("daemon", "a client asks for a reload");
    reload(user);
}

/* -- files that change -- */

/* Adds lines of what is to be watched: "f" and a file, "d" and a folder. */
static void list_folders(struct buf *out, char **folders, const char *const *inside)
{
    for (; *folders != NULL; ++folders) {
        buf_printf(out, "d%s\n", *folders);
        for (const char *const *name = inside; *name != NULL; ++name)
            buf_printf(out, "d%s/%s\n", *folders, *name);
    }
}

static void list_places(const struct daemon *daemon, struct buf *out)
{
    static const char *const of_providers[] = {"lib", NULL};
    static const char *const of_plugins[] = {"lib", "policies", "alerts", "dashboard", "status", NULL};
    const struct config *config = daemon->generation->config;
    if (daemon->settings->config_path != NULL)
        buf_printf(out, "f%s\n", daemon->settings->config_path);
    if (config->env_file != NULL)
        buf_printf(out, "f%s\n", config->env_file);
    if (config->tls.on)
        buf_printf(out, "f%s\nf%s\n", config->tls.certificate, config->tls.key);
    list_folders(out, config->provider_paths, of_providers);
    list_folders(out, config->plugin_paths, of_plugins);
}

static void on_files_changed(const char *name, void *user)
{
    struct daemon *daemon = user;
    log_info("watch", "%s has changed: reloading", name);
    reload(daemon);
}

static void watch_places(struct file_watch *files, const char *places)
{
    char *copy = strdup(places), *rest = NULL;
    file_watch_clear(files);
    for (char *line = copy != NULL ? strtok_r(copy, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == 'f')
            file_watch_file(files, line + 1);
        else
            file_watch_folder(files, line + 1);
    }
    free(copy);
}

/* The files of the generation in service. Where they are the same as before nothing is touched, so that no change is
 * missed meanwhile. */
static void watch_files(struct daemon *daemon)
{
    struct buf places = BUF_EMPTY;
    if (!daemon->generation->config->watch) {
        file_watch_free(daemon->files);
        daemon->files = NULL;
        buf_clear(&daemon->places);
        return;
    }
    if (daemon->files == NULL &&
        (daemon->files = file_watch_new(daemon->parts.loop, on_files_changed, daemon)) == NULL) {
        log_error("watch", "files cannot be watched: %s", strerror(errno));
        return;
    }
    list_places(daemon, &places);
    if (strcmp(buf_text(&places), buf_text(&daemon->places)) != 0) {
        watch_places(daemon->files, buf_text(&places));
        struct buf old = daemon->places;
        daemon->places = places;
        places = old;
    }
    buf_dispose(&places);
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

/* -- for the service manager -- */

static bool is_alive(void *user)
{
    const struct daemon *daemon = user;
    return server_is_turning(daemon->server);
}

static void describe(void *user, char line[NOTIFY_LINE_MAX])
{
    const struct daemon *daemon = user;
    const struct snapshot *snapshot = daemon->latest;
    size_t up = 0, down = 0;
    for (size_t i = 0; snapshot != NULL && i < snapshot->count; ++i) {
        enum health_status status = snapshot->providers[i]->status;
        up += status == HEALTH_HEALTHY || status == HEALTH_DEGRADED;
        down += status == HEALTH_DOWN;
    }
    char best[PROVIDER_NAME_MAX];
    server_best(daemon->server, daemon->generation->config->policy, best);
    snprintf(line, NOTIFY_LINE_MAX, "Watching %zu providers: %zu up, %zu down; best: %s",
             tracker_count(daemon->tracker), up, down, best[0] != '\0' ? best : "nobody");
}

/* -- start and end -- */

static int start_store(struct daemon *daemon, char *error, size_t error_size)
{
    struct store_options options = store_options_of(daemon->generation->config);
    daemon->store = store_open(&options, error, error_size);
    return daemon->store != NULL ? 0 : -1;
}

static int start_alerts(struct daemon *daemon, char *error, size_t error_size)
{
    struct alerting_sinks sinks = {.user = daemon, .remember = remember_alert, .show = show_alerts};
    struct alert_host *host = parts_alerts(&daemon->parts, daemon->generation, error, error_size);
    if (host == NULL)
        return -1;
    daemon->alerting = alerting_new(daemon->parts.loop, host, &sinks);
    if (daemon->alerting == NULL) {
        snprintf(error, error_size, "out of memory for the alerts");
        return -1;
    }
    alert_past_restore(daemon->alerting, daemon->store);
    return 0;
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
        .agent_check = config->agent_check,
        .warm_up_ms = config->warm_up_ms,
        .idle_timeout_ms = config->idle_timeout_ms,
    };
    struct server_hooks hooks = {
        .user = daemon,
        .check_now = ask_for_check,
        .take_reports = ask_to_take_reports,
        .best_changed = ask_to_tell_best,
        .test_alert = ask_to_test_alert,
        .reload = ask_to_reload,
    };
    struct policy_host *policies = load_policies(config, error, error_size);
    struct site *site = policies != NULL ? load_site(daemon, config, error, error_size) : NULL;
    SSL_CTX *tls = NULL;
    if (site == NULL || !make_tls(config, &tls, error, error_size)) {
        policy_host_release(policies);
        site_release(site);
        return -1;
    }
    daemon->server = server_open(&options, daemon->store, &hooks, error, error_size);
    struct access *access = daemon->server != NULL ? make_access(daemon, config, error, error_size) : NULL;
    if (access != NULL) {
        server_publish_access(daemon->server, access);
        if (tls != NULL)
            server_publish_tls(daemon->server, tls);
        server_publish_policies(daemon->server, policies);
        server_publish_site(daemon->server, site);
        server_recall(daemon->server, journal_last_id(daemon->journal), journal_best(daemon->journal));
        tracker_publish(daemon->tracker);
    }
    policy_host_release(policies);
    daemon->site = site;
    SSL_CTX_free(tls);
    access_release(access);
    return access != NULL ? server_start(daemon->server, error, error_size) : -1;
}

static int start(struct daemon *daemon, char *error, size_t error_size)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
    struct tracker_sinks sinks = {
        .user = daemon,
        .checked = record_check,
        .key_checked = record_key_check,
        .deep_checked = record_deep_check,
        .outage = record_outage,
        .reported = record_reported,
        .counted = record_counted,
        .event = tell_event,
        .ask_latency = ask_latency,
        .ask_past = ask_past,
        .publish = serve_snapshot,
    };
    struct request_sinks request_sinks = {
        .user = daemon,
        .check = check_now,
        .reports = take_reports,
        .best = tell_best,
        .test_alert = test_alert,
        .reload = reload_as_asked,
    };
    struct journal_listener listener = {.told = pass_event_on, .user = daemon};
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
    daemon->generation = parts_generation(&daemon->parts, config, NULL, NULL, error, error_size);
    if (daemon->generation == NULL)
        return -1;
    /* Signals before threads: these inherit the mask. */
    daemon->signals = loop_watch_signals(daemon->parts.loop, signals, on_signal, daemon);
    daemon->requests = requests_new(daemon->parts.loop, &request_sinks);
    daemon->tracker = tracker_new(daemon->parts.loop, daemon->parts.prober, &sinks);
    if (daemon->signals == NULL || daemon->requests == NULL || daemon->tracker == NULL ||
        tracker_apply(daemon->tracker, daemon->generation) != 0) {
        snprintf(error, error_size, "cannot set up the daemon: %s", strerror(errno));
        return -1;
    }
    if (start_store(daemon, error, error_size) != 0)
        return -1;
    daemon->recorder.store = daemon->store;
    daemon->journal = journal_new(daemon->parts.loop, daemon->store, &listener);
    daemon->learning = learning_new(daemon->parts.loop, daemon->tracker, daemon->store);
    daemon->remembering = remembering_new(daemon->parts.loop, daemon->tracker, daemon->store);
    if (daemon->journal == NULL || daemon->learning == NULL || daemon->remembering == NULL) {
        snprintf(error, error_size, "cannot set up the daemon: %s", strerror(errno));
        return -1;
    }
    past_restore(daemon->tracker, daemon->generation, daemon->store);
    if (start_alerts(daemon, error, error_size) != 0 || start_server(daemon, error, error_size) != 0)
        return -1;
    alerting_start(daemon->alerting, journal_last_id(daemon->journal));
    watch_files(daemon);
    return 0;
}

static void stop(struct daemon *daemon)
{
    notify_stopping();
    notifier_free(daemon->notifier);
    if (daemon->server != NULL)
        server_stop(daemon->server, daemon->generation->config->shutdown_grace_ms);
    daemon->server = NULL;
    requests_free(daemon->requests);
    learning_stop(daemon->learning);
    remembering_stop(daemon->remembering);
    tracker_free(daemon->tracker);
    alerting_free(daemon->alerting);
    daemon->alerting = NULL;
    journal_free(daemon->journal);
    if (daemon->store != NULL) {
        size_t lost = store_close(daemon->store, STORE_CLOSE_MS);
        if (lost != 0)
            log_error("daemon", "%zu checks could not be written to the database and are lost", lost);
    }
    learning_free(daemon->learning);
    remembering_free(daemon->remembering);
    recorder_dispose(&daemon->recorder);
    site_release(daemon->site);
    snapshot_release(daemon->latest);
    generation_release(daemon->generation);
    file_watch_free(daemon->files);
    buf_dispose(&daemon->places);
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
    if (server_agent_address(daemon.server) != NULL)
        log_info("daemon", "agent checks on %s", server_agent_address(daemon.server));
    journal_tell(daemon.journal, &(struct event_parts){.kind = EVENT_STARTED});
    tracker_start(daemon.tracker);
    struct notify_source source = {.user = &daemon, .is_alive = is_alive, .describe = describe};
    daemon.notifier = notifier_new(daemon.parts.loop, &source);
    notify_ready();
    loop_run(daemon.parts.loop);
    stop(&daemon);
    log_info("daemon", "stopped");
    return 0;
}
