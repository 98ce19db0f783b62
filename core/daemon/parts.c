#include "daemon/parts.h"

#include "base/log.h"
#include "config/env_file.h"
#include "daemon/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct config *settings_load(const struct settings *settings, char *error, size_t error_size)
{
    struct config *config = config_load(settings->config_path, error, error_size);
    if (config == NULL)
        return NULL;
    if ((settings->listen != NULL && !config_override_listen(config, settings->listen)) ||
        (settings->database != NULL && !config_override_database(config, settings->database))) {
        snprintf(error, error_size, "out of memory for the configuration");
        config_free(config);
        return NULL;
    }
    return config;
}

int parts_open(struct parts *parts, const struct config *config, char *error, size_t error_size)
{
    struct prober_options options = {
        .ca_bundle = config->ca_bundle,
        .max_in_flight = (unsigned)config->max_probes_in_flight,
    };
    process_guard_memory(config->core_dumps); /* before the first key is read */
    *parts = (struct parts){.redactor = redactor_new(), .loop = loop_new()};
    if (parts->redactor == NULL || parts->loop == NULL) {
        snprintf(error, error_size, "cannot set up the event loop: %s", strerror(errno));
        return -1;
    }
    log_set_redactor(parts->redactor);
    parts->prober = prober_new(parts->loop, &options, error, error_size);
    return parts->prober != NULL ? 0 : -1;
}

void parts_close(struct parts *parts)
{
    prober_free(parts->prober);
    loop_free(parts->loop);
    log_set_redactor(NULL);
    redactor_free(parts->redactor);
    *parts = (struct parts){NULL, NULL, NULL};
}

/* A fresh look at environment and env file. NULL with the reason in `error`. */
static struct environment *environment_of(const struct config *config, char *error, size_t error_size)
{
    struct environment *environment = environment_new((const char *const *)environ);
    if (environment == NULL) {
        snprintf(error, error_size, "out of memory for the environment");
        return NULL;
    }
    if (config->env_file != NULL && env_file_read(config->env_file, environment, error, error_size) != 0) {
        environment_release(environment);
        return NULL;
    }
    return environment;
}

struct generation *parts_generation(const struct parts *parts, struct config *config, const struct generation *before,
                                    const char *only_script, char *error, size_t error_size)
{
    struct environment *environment = environment_of(config, error, error_size);
    if (environment == NULL) {
        config_free(config);
        return NULL;
    }
    struct generation_parts generation_parts = {
        .loop = parts->loop,
        .prober = parts->prober,
        .redactor = parts->redactor,
        .environment = environment,
        .before = before,
        .only_script = only_script,
    };
    struct generation *generation = generation_load(config, &generation_parts, error, error_size);
    environment_release(environment);
    return generation;
}

struct alert_host *parts_alerts(const struct parts *parts, struct generation *generation, char *error,
                                size_t error_size)
{
    const struct config *config = generation->config;
    struct environment *environment = environment_of(config, error, error_size);
    if (environment == NULL)
        return NULL;
    struct script_host scripts = {
        .loop = parts->loop,
        .prober = parts->prober,
        .redactor = parts->redactor,
        .environment = environment,
        .user_agent = config->user_agent,
        .max_answer_bytes = (size_t)config->max_answer_bytes,
        .limits = {(size_t)config->script_memory_bytes, (long)config->script_instructions},
    };
    struct alert_host *host = alert_host_load(generation, &scripts, error, error_size);
    environment_release(environment);
    return host;
}
