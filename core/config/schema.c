#include "config/schema.h"

#include "config/config.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#ifndef PROVIDERD_DATADIR
#define PROVIDERD_DATADIR "/usr/share/providerd"
#endif

#define SECONDS INT64_C(1000)
#define MINUTES (60 * SECONDS)
#define DAYS (24 * 60 * MINUTES)
#define KB INT64_C(1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define AT(member) offsetof(struct config, member)
#define FOR_ALERT(member) offsetof(struct alert_settings, member)
#define FOR_REPORTS(member) offsetof(struct report_rules, member)
#define FOR_PROVIDER(member) offsetof(struct provider_settings, member)

const struct setting config_settings[] = {
    {"listen", SETTING_TEXTS, "127.0.0.1:8000", 0, 0, AT(listen)},
    {"agent_check", SETTING_FILE, NULL, 0, 0, AT(agent_check)},
    {"insecure", SETTING_FLAG, "false", 0, 0, AT(insecure)},
    {"tokens", SETTING_TOKENS, "{}", 0, 0, 0},
    {"hosts", SETTING_LIST, "{}", 0, 0, AT(hosts)},
    {"tls", SETTING_TLS, "false", 0, 0, AT(tls)},
    {"public_page", SETTING_PUBLIC_PAGE, "false", 0, 0, AT(public_page)},
    {"cors", SETTING_LIST, "{}", 0, 0, AT(cors)},
    {"access_log", SETTING_FILE, NULL, 0, 0, AT(access_log)},
    {"http_threads", SETTING_INTEGER, "1", 1, 16, AT(http_threads)},
    {"max_connections", SETTING_INTEGER, "1024", 1, 100000, AT(max_connections)},
    {"max_header_size", SETTING_SIZE, "16KB", 1 * KB, 256 * KB, AT(max_header_bytes)},
    {"max_request_body", SETTING_SIZE, "1MB", 0, 1 * GB, AT(max_request_body_bytes)},
    {"idle_timeout", SETTING_DURATION, "30s", 100, 60 * MINUTES, AT(idle_timeout_ms)},
    {"shutdown_grace", SETTING_DURATION, "1500ms", 0, 60 * SECONDS, AT(shutdown_grace_ms)},
    {"policy", SETTING_TEXT, "lowest_latency", 0, 0, AT(policy)},
    {"policies", SETTING_POLICIES, "{}", 0, 0, AT(policies)},
    {"prices", SETTING_PRICES, "{}", 0, 0, AT(prices)},
    {"warm_up", SETTING_DURATION, "5m", 0, 1 * DAYS, AT(warm_up_ms)},

    {"alerts", SETTING_ALERTS, "{}", 0, 0, 0},
    {"plugins", SETTING_PLUGINS, "{}", 0, 0, 0},
    {"maintenance", SETTING_MAINTENANCE, "{}", 0, 0, 0},

    {"interval", SETTING_DURATION, "5m", 100, 30 * DAYS, AT(tuning.interval_ms)},
    {"quick_interval", SETTING_DURATION, "30s", 100, 30 * DAYS, AT(tuning.quick_interval_ms)},
    {"down_interval", SETTING_DURATION, "30m", 100, 30 * DAYS, AT(tuning.down_interval_ms)},
    {"read_models", SETTING_FLAG, "true", 0, 0, AT(read_models)},
    {"models_interval", SETTING_DURATION, "6h", 100, 30 * DAYS, AT(tuning.models_interval_ms)},
    {"adaptive", SETTING_FLAG, "true", 0, 0, AT(adaptive)},
    {"timeout", SETTING_DURATION, "10s", 10, 10 * MINUTES, AT(tuning.timeout_ms)},
    {"jitter_percent", SETTING_INTEGER, "10", 0, 50, AT(jitter_percent)},
    {"max_probes_per_provider", SETTING_INTEGER, "2", 1, 1000, AT(tuning.max_in_flight)},
    {"max_probes_in_flight", SETTING_INTEGER, "200", 1, 100000, AT(max_probes_in_flight)},
    {"max_answer", SETTING_SIZE, "4MB", 1 * KB, 1 * GB, AT(max_answer_bytes)},
    {"user_agent", SETTING_TEXT, "providerd/" PROVIDERD_VERSION, 0, 0, AT(user_agent)},
    {"ca_bundle", SETTING_FILE, "/etc/ssl/certs/ca-certificates.crt", 0, 0, AT(ca_bundle)},

    {"witnesses", SETTING_LIST, "{}", 0, 0, AT(witnesses)},
    {"status_pages", SETTING_FLAG, "true", 0, 0, AT(status_pages)},
    {"status_page_interval", SETTING_DURATION, "5m", 1000, 30 * DAYS, AT(status_page_interval_ms)},
    {"deep", SETTING_DEEP, "{", 0, 0, AT(tuning.deep)},

    {"degraded_latency", SETTING_LATENCY, "1000ms", 0, 0, AT(tuning.degraded_latency)},
    {"max_consecutive_failures", SETTING_INTEGER, "3", 1, 1000, AT(tuning.max_consecutive_failures)},
    {"successes_to_recover", SETTING_INTEGER, "1", 1, 1000, AT(tuning.successes_to_recover)},
    {"score_weights", SETTING_WEIGHTS, "{ latency = 1, uptime = 0, headroom = 0 }", 0, 0, AT(tuning.weights)},
    {"error_kinds", SETTING_KINDS, "{}", 0, 0, AT(tuning.kinds)},
    {"model_aliases", SETTING_ALIASES, "{", 0, 0, AT(aliases)},

    {"reports", SETTING_REPORTS, "{", 0, 0, AT(reports)},

    {"busy_hours", SETTING_BUSY_HOURS, "false", 0, 0, AT(busy_hours)},

    {"database", SETTING_TEXT, "provider_status.db", 0, 0, AT(database)},
    {"retention", SETTING_DURATION, "7d", 60 * MINUTES, 3650 * DAYS, AT(retention_ms)},
    {"rollup_retention", SETTING_DURATION, "400d", 2 * DAYS, 36500 * DAYS, AT(rollup_retention_ms)},
    {"events_retention", SETTING_DURATION, "90d", 60 * MINUTES, 36500 * DAYS, AT(events_retention_ms)},
    {"commit_interval", SETTING_DURATION, "1s", 0, 1 * MINUTES, AT(commit_interval_ms)},
    {"store_queue", SETTING_INTEGER, "100000", 100, 10000000, AT(store_queue)},
    {"readers", SETTING_INTEGER, "2", 1, 16, AT(readers)},

    {"provider_paths", SETTING_FOLDERS, PROVIDERD_DATADIR "/providers", 0, 0, AT(provider_paths)},
    {"plugin_paths", SETTING_FOLDERS, PROVIDERD_DATADIR "/plugins", 0, 0, AT(plugin_paths)},
    {"watch", SETTING_FLAG, "false", 0, 0, AT(watch)},
    {"env_file", SETTING_FILE, NULL, 0, 0, AT(env_file)},
    {"script_memory", SETTING_SIZE, "16MB", 256 * KB, 1 * GB, AT(script_memory_bytes)},
    {"script_instructions", SETTING_INTEGER, "5000000", 10000, 1000000000, AT(script_instructions)},

    {"log_level", SETTING_TEXT, "info", 0, 0, AT(log_level)},
    {"core_dumps", SETTING_FLAG, "false", 0, 0, AT(core_dumps)},
    {"providers", SETTING_PROVIDERS, NULL, 0, 0, AT(providers)},
};
const size_t config_setting_count = sizeof(config_settings) / sizeof(config_settings[0]);

const struct setting provider_setting_list[] = {
    {"enabled", SETTING_BOOLEAN, NULL, 0, 0, FOR_PROVIDER(disabled)},
    {"interval", SETTING_DURATION, NULL, 100, 30 * DAYS, FOR_PROVIDER(tuning.interval_ms)},
    {"quick_interval", SETTING_DURATION, NULL, 100, 30 * DAYS, FOR_PROVIDER(tuning.quick_interval_ms)},
    {"down_interval", SETTING_DURATION, NULL, 100, 30 * DAYS, FOR_PROVIDER(tuning.down_interval_ms)},
    {"models_interval", SETTING_DURATION, NULL, 100, 30 * DAYS, FOR_PROVIDER(tuning.models_interval_ms)},
    {"timeout", SETTING_DURATION, NULL, 10, 10 * MINUTES, FOR_PROVIDER(tuning.timeout_ms)},
    {"max_probes_per_provider", SETTING_INTEGER, NULL, 1, 1000, FOR_PROVIDER(tuning.max_in_flight)},
    {"degraded_latency", SETTING_LATENCY, NULL, 0, 0, FOR_PROVIDER(tuning.degraded_latency)},
    {"max_consecutive_failures", SETTING_INTEGER, NULL, 1, 1000, FOR_PROVIDER(tuning.max_consecutive_failures)},
    {"successes_to_recover", SETTING_INTEGER, NULL, 1, 1000, FOR_PROVIDER(tuning.successes_to_recover)},
    {"score_weights", SETTING_WEIGHTS, NULL, 0, 0, FOR_PROVIDER(tuning.weights)},
    {"deep", SETTING_DEEP, NULL, 0, 0, FOR_PROVIDER(tuning.deep)},
    {"limits", SETTING_LIMITS, NULL, 0, 0, FOR_PROVIDER(tuning)},
    {"error_kinds", SETTING_KINDS, NULL, 0, 0, FOR_PROVIDER(tuning.kinds)},
    {"status_page", SETTING_BOOLEAN, NULL, 0, 0, FOR_PROVIDER(no_status_page)},
    {"base_url", SETTING_TEXT, NULL, 0, 0, FOR_PROVIDER(base_url)},
};
const size_t provider_setting_count = sizeof(provider_setting_list) / sizeof(provider_setting_list[0]);

const struct setting alert_setting_list[] = {
    {"use", SETTING_TEXT, NULL, 0, 0, FOR_ALERT(use)},
    {"providers", SETTING_LIST, NULL, 0, 0, FOR_ALERT(providers)},
    {"kinds", SETTING_LIST, NULL, 0, 0, FOR_ALERT(kinds)},
    {"after", SETTING_DURATION, "2m", 0, 30 * DAYS, FOR_ALERT(after_ms)},
    {"after_failures", SETTING_INTEGER, NULL, 0, 1000, FOR_ALERT(after_failures)},
    {"resolved", SETTING_BOOLEAN, NULL, 0, 0, FOR_ALERT(quiet_resolved)},
    {"remind", SETTING_DURATION, "4h", 0, 30 * DAYS, FOR_ALERT(remind_ms)},
    {"group", SETTING_DURATION, "10s", 0, 1 * DAYS, FOR_ALERT(group_ms)},
    {"quiet", SETTING_BUSY_HOURS, NULL, 0, 0, FOR_ALERT(quiet)},
    {"give_up", SETTING_DURATION, "24h", 1 * MINUTES, 30 * DAYS, FOR_ALERT(give_up_ms)},
    {"settings", SETTING_VALUE, NULL, 0, 0, FOR_ALERT(settings)},
};
const size_t alert_setting_count = sizeof(alert_setting_list) / sizeof(alert_setting_list[0]);

const struct setting maintenance_setting_list[] = {
    {"providers", SETTING_LIST, NULL, 0, 0, offsetof(struct maintenance, providers)},
    {"hours", SETTING_BUSY_HOURS, NULL, 0, 0, offsetof(struct maintenance, hours)},
};
const size_t maintenance_setting_count = sizeof(maintenance_setting_list) / sizeof(maintenance_setting_list[0]);

const struct setting report_setting_list[] = {
    {"weight_percent", SETTING_INTEGER, "20", 0, 100, FOR_REPORTS(weight_percent)},
    {"cooldown", SETTING_DURATION, "10s", 100, 1 * DAYS, FOR_REPORTS(cooldown_ms)},
    {"consecutive_errors", SETTING_INTEGER, "5", 0, 1000000, FOR_REPORTS(consecutive_errors)},
    {"failure_percent", SETTING_INTEGER, "50", 0, 100, FOR_REPORTS(failure_percent)},
    {"deviation_percent", SETTING_INTEGER, "190", 0, 10000, FOR_REPORTS(deviation_percent)},
    {"min_requests", SETTING_INTEGER, "20", 1, 1000000, FOR_REPORTS(min_requests)},
    {"eject", SETTING_DURATION, "30s", 100, 1 * DAYS, FOR_REPORTS(eject_ms)},
    {"max_eject", SETTING_DURATION, "5m", 100, 30 * DAYS, FOR_REPORTS(max_eject_ms)},
    {"max_ejected_percent", SETTING_INTEGER, "50", 0, 100, FOR_REPORTS(max_ejected_percent)},
};
const size_t report_setting_count = sizeof(report_setting_list) / sizeof(report_setting_list[0]);

const struct setting public_page_setting_list[] = {
    {"title", SETTING_TEXT, "Provider status", 0, 0, offsetof(struct public_page, title)},
    {"note", SETTING_FILE, NULL, 0, 0, offsetof(struct public_page, note)},
    {"providers", SETTING_LIST, NULL, 0, 0, offsetof(struct public_page, providers)},
    {"latency", SETTING_FLAG, "false", 0, 0, offsetof(struct public_page, latency)},
    {"incidents", SETTING_FLAG, "false", 0, 0, offsetof(struct public_page, incidents)},
};
const size_t public_page_setting_count = sizeof(public_page_setting_list) / sizeof(public_page_setting_list[0]);

const struct setting tls_setting_list[] = {
    {"certificate", SETTING_TEXT, NULL, 0, 0, offsetof(struct tls_files, certificate)},
    {"key", SETTING_TEXT, NULL, 0, 0, offsetof(struct tls_files, key)},
};
const size_t tls_setting_count = sizeof(tls_setting_list) / sizeof(tls_setting_list[0]);

int size_parse(const char *text, int64_t *bytes)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {{"", 1}, {"B", 1}, {"KB", KB}, {"MB", MB}, {"GB", GB}};
    int64_t value = 0;
    const char *at = text;

    for (; isdigit((unsigned char)*at); ++at) {
        if (value > INT64_C(1) << 40)
            return -1;
        value = value * 10 + (*at - '0');
    }
    if (at == text)
        return -1;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        if (strcasecmp(at, units[i].name) == 0) {
            *bytes = value * units[i].factor;
            return 0;
        }
    }
    return -1;
}
