/* config: the settings, from a Lua file that returns a table.
 *
 * Every setting has a default, so an empty table is a sound configuration. What is wrong is said all at once, a line
 * per fault: "etc/providerd.lua: interval: expected a duration from 100ms to 30d, such as \"5m\"; got the number 5".
 * The file runs in a sandbox (script/sandbox.h) that also has os.getenv.
 *
 * Thread: any; a config does not change once loaded.
 */
#ifndef PROVIDERD_CONFIG_CONFIG_H
#define PROVIDERD_CONFIG_CONFIG_H

#include "config/alerts.h"
#include "config/busy_hours.h"
#include "config/prices.h"
#include "config/public_page.h"
#include "config/report_rules.h"
#include "config/tls_files.h"
#include "config/tokens.h"
#include "script/tuning.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Settings of one provider; 0 or NULL = not set here. */
struct provider_settings {
    char *name;
    bool disabled;
    bool no_status_page;
    char *base_url;
    struct tuning tuning;
};

/* One name for a model that providers name differently. */
struct model_alias {
    char *name;
    char **ids; /* ended by NULL; "*" in one stands for anything */
};

/* What the configuration says to one policy. */
struct policy_settings {
    char *name;
    char *text; /* a table, as Lua source */
};

struct config {
    char *path; /* of the file; NULL for the defaults */

    /* serving */
    char **listen;     /* lists end with NULL */
    char *agent_check; /* address for HAProxy; NULL = none */
    bool insecure;     /* listen beyond this machine without tokens */
    struct token_rule *tokens;
    size_t token_count;
    char **hosts; /* names by which clients may address it; may be empty */
    struct tls_files tls;
    struct public_page public_page;
    char **cors;      /* origins whose pages may ask; "*" = any; may be empty */
    char *access_log; /* file; "-" = standard error, NULL = none */
    int64_t http_threads;
    int64_t max_connections; /* per HTTP thread */
    int64_t max_header_bytes;
    int64_t max_request_body_bytes;
    int64_t idle_timeout_ms;
    int64_t shutdown_grace_ms;
    char *policy;
    struct policy_settings *policies; /* ascending by name */
    size_t policy_count;
    struct price_list *prices; /* a reference; NULL = none */
    int64_t warm_up_ms;        /* a provider's share grows this long after an outage; 0 = it has all of it at once */

    struct alert_config alerting;

    /* probing */
    int64_t jitter_percent;
    bool adaptive; /* contenders are asked more often than hopeless ones */
    bool read_models;
    bool status_pages;
    int64_t status_page_interval_ms;
    char **witnesses; /* URLs whose failure says that it is us; may be empty */
    int64_t max_probes_in_flight;
    int64_t max_answer_bytes;
    char *user_agent;
    char *ca_bundle;

    /* probing and judging, where neither the provider's entry nor its script says otherwise */
    struct tuning tuning;

    struct model_alias *aliases;
    size_t alias_count;

    struct report_rules reports;

    struct busy_hours busy_hours; /* uptime is told for them apart */

    /* storing */
    char *database;
    int64_t retention_ms;        /* of checks */
    int64_t rollup_retention_ms; /* of hourly sums of them, and of incidents */
    int64_t events_retention_ms;
    int64_t commit_interval_ms;
    int64_t store_queue;
    int64_t readers;

    /* scripts */
    char **provider_paths; /* absolute, or relative to the working directory; in the file, to its folder */
    char **plugin_paths;
    bool watch;     /* reload when one of the files changes */
    char *env_file; /* NULL = none */
    int64_t script_memory_bytes;
    int64_t script_instructions;

    char *log_level;
    bool core_dumps; /* a crash may leave one, with keys in it */

    struct provider_settings *providers; /* as many as named in the file */
    size_t provider_count;
};

/* NULL on error: `error` holds every fault, one a line. `path` NULL gives the defaults, with the installed folders. */
struct config *config_load(const char *path, char *error, size_t error_size);
void config_free(struct config *config); /* NULL is allowed */

/* What the file says about a provider; NULL when nothing. */
const struct provider_settings *config_provider(const struct config *config, const char *name);

/* Replaces what the command line overrides. False when memory ran out. */
bool config_override_listen(struct config *config, const char *address);
bool config_override_database(struct config *config, const char *path);

#endif
