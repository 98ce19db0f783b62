#include "alert/alert_host.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LENGTH_MAX = 4096, REASON_MAX = 1024 };

const char *plugin_function_name(enum plugin_function function)
{
    static const char *const names[] = {[ON_EVENT] = "on_event",
                                        [ON_STATUS_CHANGE] = "on_status_change",
                                        [ON_CHECK] = "on_check",
                                        [ON_TICK] = "on_tick",
                                        [ON_RELOAD] = "on_reload"};
    return names[function];
}

struct loading {
    struct script_host scripts; /* with the library folders of plugins */
    const struct config *config;
    struct buf faults;
};

static void add_fault(struct loading *loading, const char *scope, const char *name, const char *reason)
{
    buf_printf(&loading->faults, "%s%s.%s: %s", loading->faults.len != 0 ? "\n" : "", scope, name, reason);
}

/* "FOLDER/alerts/NAME.lua" of the first plugin folder that has one. False when none has. */
static bool find_file(const struct config *config, const char *folder, const char *name, char path[PATH_LENGTH_MAX])
{
    for (char **plugins = config->plugin_paths; *plugins != NULL; ++plugins) {
        int len = snprintf(path, PATH_LENGTH_MAX, "%s/%s%s.lua", *plugins, folder, name);
        if (len > 0 && len < PATH_LENGTH_MAX && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static struct script *load_file(struct loading *loading, const char *scope, const char *name, const char *file,
                                const struct plugin_source *source)
{
    char reason[REASON_MAX], path[PATH_LENGTH_MAX];
    const char *folder = strcmp(scope, "alerts") == 0 ? "alerts/" : "";
    struct plugin_source found = *source;
    found.path = path;
    found.name = name;
    if (strchr(file, '/') != NULL || !find_file(loading->config, folder, file, path)) {
        snprintf(reason, sizeof(reason), "there is no %s%.100s.lua in plugin_paths", folder, file);
        add_fault(loading, scope, name, reason);
        return NULL;
    }
    struct script *script = plugin_script_load(&loading->scripts, &found, reason, sizeof(reason));
    if (script == NULL)
        add_fault(loading, scope, name, reason);
    else if (lacks(script) != NULL)
        log_info("alerts", "%s: not active: %s", name, lacks(script));
    return script;
}

static void check_kinds(struct loading *loading, const struct alert_settings *settings)
{
    enum event_kind kind;
    char reason[128];
    for (char **name = settings->kinds; name != NULL && *name != NULL; ++name) {
        if (!event_kind_parse(*name, &kind)) {
            snprintf(reason, sizeof(reason), "kinds: '%.60s' is no kind of event; see /api/providers/events", *name);
            add_fault(loading, "alerts", settings->name, reason);
        }
    }
}

static void load_alerts(struct loading *loading, struct alert_host *host)
{
    static const char *const functions[] = {"send", NULL};
    const struct alert_config *config = &loading->config->alerting;
    for (size_t i = 0; i < config->alert_count; ++i) {
        const struct alert_settings *settings = &config->alerts[i];
        struct plugin_source source = {.settings = settings->settings, .functions = functions};
        check_kinds(loading, settings);
        if (strlen(settings->name) >= ALERT_NAME_MAX) {
            add_fault(loading, "alerts", settings->name, "the name is too long: 63 bytes at most");
            continue;
        }
        struct script *script = load_file(loading, "alerts", settings->name,
                                          settings->use != NULL ? settings->use : settings->name, &source);
        if (script != NULL)
            host->alerts[host->alert_count++] = (struct loaded_alert){settings, script};
    }
}

static void load_plugins(struct loading *loading, struct alert_host *host)
{
    static const char *const no_functions[] = {NULL};
    const struct alert_config *config = &loading->config->alerting;
    for (size_t i = 0; i < config->plugin_count; ++i) {
        const struct plugin_settings *settings = &config->plugins[i];
        struct plugin_source source = {.settings = settings->settings, .functions = no_functions};
        struct script *script = load_file(loading, "plugins", settings->name, settings->name, &source);
        if (script == NULL)
            continue;
        struct loaded_plugin *plugin = &host->plugins[host->plugin_count++];
        *plugin = (struct loaded_plugin){.name = settings->name, .script = script};
        bool any = false;
        for (int f = 0; f < PLUGIN_FUNCTIONS; ++f)
            any |= plugin->has[f] = plugin_script_has(script, plugin_function_name((enum plugin_function)f));
        if (!any)
            add_fault(loading, "plugins", settings->name,
                      "it has none of the functions on_event, on_status_change, on_check, on_tick, on_reload");
    }
}

/* "FOLDER/lib" of each plugin folder, ended by NULL. */
static char **library_dirs(const struct config *config, size_t *count)
{
    size_t folders = 0;
    while (config->plugin_paths[folders] != NULL)
        ++folders;
    char **dirs = calloc(folders + 1, sizeof(*dirs));
    for (size_t i = 0; i < folders && dirs != NULL; ++i) {
        if (asprintf(&dirs[i], "%s/lib", config->plugin_paths[i]) < 0)
            dirs[i] = NULL;
        *count += dirs[i] != NULL;
    }
    return dirs;
}

struct alert_host *alert_host_load(struct generation *generation, const struct script_host *scripts, char *error,
                                   size_t error_size)
{
    const struct alert_config *config = &generation->config->alerting;
    struct loading loading = {.scripts = *scripts, .config = generation->config, .faults = BUF_EMPTY};
    struct alert_host *host = calloc(1, sizeof(*host));
    size_t library_count = 0;
    char **libraries = library_dirs(generation->config, &library_count);
    loading.scripts.library_dirs = (const char *const *)libraries;
    loading.scripts.library_count = library_count;
    snprintf(error, error_size, "out of memory for the alerts");
    if (host != NULL) {
        host->generation = generation_retain(generation);
        host->alerts = calloc(config->alert_count + 1, sizeof(*host->alerts));
        host->plugins = calloc(config->plugin_count + 1, sizeof(*host->plugins));
    }
    bool whole = host != NULL && libraries != NULL && host->alerts != NULL && host->plugins != NULL;
    if (whole) {
        load_alerts(&loading, host);
        load_plugins(&loading, host);
    }
    if (loading.faults.len != 0)
        snprintf(error, error_size, "%s", buf_text(&loading.faults));
    if (!whole || loading.faults.len != 0) {
        alert_host_free(host);
        host = NULL;
    }
    for (size_t i = 0; i < library_count; ++i)
        free(libraries[i]);
    free(libraries);
    buf_dispose(&loading.faults);
    return host;
}

void alert_host_free(struct alert_host *host)
{
    if (host == NULL)
        return;
    for (size_t i = 0; i < host->alert_count; ++i)
        script_release(host->alerts[i].script);
    for (size_t i = 0; i < host->plugin_count; ++i)
        script_release(host->plugins[i].script);
    generation_release(host->generation);
    free(host->alerts);
    free(host->plugins);
    free(host);
}
