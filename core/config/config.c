#include "config/config.h"

#include "base/duration.h"
#include "base/log.h"
#include "config/reading.h"
#include "script/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    INSTRUCTIONS_MAX = 10000000,
    MEMORY_MAX = 64 * 1024 * 1024,
    HOUR_MS = 3600 * 1000,
    DEEP_DAILY_TOKENS = 5000, /* of a provider: some 80 tiny completions */
    DEEP_SHARE_PERCENT = 5,
};

/* Those of one table; what is a table itself stays as it is. */
static bool set_defaults_of(const struct setting *settings, size_t count, void *record)
{
    for (size_t i = 0; i < count; ++i) {
        const struct setting *setting = &settings[i];
        char *place = (char *)record + setting->offset;
        int64_t value = 0;
        if (setting->otherwise == NULL)
            continue;
        switch (setting->type) {
        case SETTING_DURATION:
            duration_parse_ms(setting->otherwise, strlen(setting->otherwise), &value);
            memcpy(place, &value, sizeof(value));
            break;
        case SETTING_SIZE:
        case SETTING_INTEGER:
            size_parse(setting->otherwise, &value);
            memcpy(place, &value, sizeof(value));
            break;
        case SETTING_TEXT:
        case SETTING_FILE:
            if ((*(char **)(void *)place = strdup(setting->otherwise)) == NULL)
                return false;
            break;
        case SETTING_TEXTS:
        case SETTING_FOLDERS: {
            char **texts = calloc(2, sizeof(*texts));
            *(char ***)(void *)place = texts;
            if (texts == NULL || (texts[0] = strdup(setting->otherwise)) == NULL)
                return false;
            break;
        }
        case SETTING_FLAG:
            *(bool *)(void *)place = strcmp(setting->otherwise, "true") == 0;
            break;
        case SETTING_PROVIDERS:
        case SETTING_BOOLEAN:
        case SETTING_LIST:
        case SETTING_LATENCY:
        case SETTING_BUSY_HOURS:
        case SETTING_WEIGHTS:
        case SETTING_DEEP:
        case SETTING_LIMITS:
        case SETTING_KINDS:
        case SETTING_ALIASES:
        case SETTING_POLICIES:
        case SETTING_PRICES:
        case SETTING_ALERTS:
        case SETTING_PLUGINS:
        case SETTING_MAINTENANCE:
        case SETTING_REPORTS:
        case SETTING_TOKENS:
        case SETTING_PUBLIC_PAGE:
        case SETTING_TLS:
        case SETTING_VALUE:
            break;
        }
    }
    return true;
}

static bool set_defaults(struct config *config)
{
    if (!set_defaults_of(config_settings, config_setting_count, config) ||
        !set_defaults_of(report_setting_list, report_setting_count, &config->reports) ||
        !set_defaults_of(public_page_setting_list, public_page_setting_count, &config->public_page))
        return false;
    config->tuning.degraded_latency = (struct latency_threshold){.fixed_ms = 1000};
    config->tuning.weights = (struct score_weights){.latency = 1};
    config->tuning.deep = (struct deep_tuning){
        .enabled = 0,
        .interval_ms = HOUR_MS,
        .timed_interval_ms = 6 * HOUR_MS,
        .daily_tokens = DEEP_DAILY_TOKENS,
        .share_percent = DEEP_SHARE_PERCENT,
    };
    config->witnesses = calloc(1, sizeof(*config->witnesses));
    config->hosts = calloc(1, sizeof(*config->hosts));
    config->cors = calloc(1, sizeof(*config->cors));
    return config->witnesses != NULL && config->hosts != NULL && config->cors != NULL;
}

static void check_words(struct reading *r)
{
    enum log_level level;
    if (!log_level_parse(r->config->log_level, &level))
        fault(r, "", "log_level", "expected error, warning, info or debug; got \"%.60s\"", r->config->log_level);
}

/* os.getenv(name), so that a configuration may depend on its surroundings. */
static int get_variable(lua_State *L)
{
    lua_pushstring(L, getenv(luaL_checkstring(L, 1)));
    return 1;
}

/* Runs protected: `reading` is the light userdata. */
static int run_and_read(lua_State *L)
{
    struct reading *r = lua_touserdata(L, 1);
    lua_getglobal(L, "os");
    lua_pushcfunction(L, get_variable);
    lua_setfield(L, -2, "getenv");
    lua_pop(L, 1);
    if (luaL_loadfilex(L, r->config->path, "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 1);
    if (!lua_istable(L, -1)) {
        fault(r, "", "", "expected the file to return a table of settings; it returned a %s", luaL_typename(L, -1));
        return 0;
    }
    luaL_checkstack(L, 16, NULL);
    read_table(r, "", config_settings, config_setting_count, r->config);
    check_words(r);
    return 0;
}

static bool is_readable(struct reading *r)
{
    FILE *file = fopen(r->config->path, "re");
    bool readable = file != NULL && fgetc(file) != EOF;
    if (file == NULL || ferror(file))
        fault(r, "", "", "cannot be read: %s", strerror(errno));
    else if (!readable)
        fault(r, "", "", "is empty; expected a Lua file that returns a table of settings");
    if (file != NULL)
        fclose(file);
    return readable;
}

static void read_file(struct reading *r)
{
    static const struct sandbox_limits limits = {.memory_bytes = MEMORY_MAX, .instructions = INSTRUCTIONS_MAX};
    char error[1024];

    if (!is_readable(r))
        return;
    struct sandbox *sandbox = sandbox_new(r->config->path, &limits, NULL, 0, error, sizeof(error));
    if (sandbox != NULL) {
        r->L = sandbox_state(sandbox);
        if (sandbox_protect(sandbox, run_and_read, r, 0, error, sizeof(error)) == 0)
            error[0] = '\0';
        sandbox_free(sandbox);
    }
    size_t path_len = strlen(r->config->path);
    if (strncmp(error, r->config->path, path_len) == 0 && error[path_len] == ':') /* "file:line: reason" */
        buf_printf(&r->faults, "%s%s", r->faults.len != 0 ? "\n" : "", error);
    else if (error[0] != '\0') /* error("text", 0), or a path that Lua has shortened */
        fault(r, "", "", "%s", error);
}

struct config *config_load(const char *path, char *error, size_t error_size)
{
    struct reading r = {.config = calloc(1, sizeof(struct config)), .faults = BUF_EMPTY};
    if (r.config == NULL || !set_defaults(r.config) || (path != NULL && (r.config->path = strdup(path)) == NULL)) {
        snprintf(error, error_size, "out of memory for the configuration");
        config_free(r.config);
        return NULL;
    }
    if (path != NULL)
        read_file(&r);
    if (r.faults.len != 0 || !buf_ok(&r.faults)) {
        snprintf(error, error_size, "%s", buf_ok(&r.faults) ? buf_text(&r.faults) : "out of memory");
        buf_dispose(&r.faults);
        config_free(r.config);
        return NULL;
    }
    buf_dispose(&r.faults);
    return r.config;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config_setting_count; ++i) {
        const struct setting *setting = &config_settings[i];
        char *place = (char *)config + setting->offset;
        if (setting->type == SETTING_TEXT || setting->type == SETTING_FILE)
            free(*(char **)(void *)place);
        else if (setting->type == SETTING_TEXTS || setting->type == SETTING_FOLDERS || setting->type == SETTING_LIST)
            free_texts(*(char ***)(void *)place);
    }
    for (size_t i = 0; i < config->provider_count; ++i) {
        free(config->providers[i].name);
        free(config->providers[i].base_url);
        tuning_dispose(&config->providers[i].tuning);
    }
    free(config->providers);
    tuning_dispose(&config->tuning);
    for (size_t i = 0; i < config->alias_count; ++i) {
        free(config->aliases[i].name);
        free_texts(config->aliases[i].ids);
    }
    free(config->aliases);
    for (size_t i = 0; i < config->policy_count; ++i) {
        free(config->policies[i].name);
        free(config->policies[i].text);
    }
    free(config->policies);
    free(config->tokens);
    free(config->tls.certificate);
    free(config->tls.key);
    free(config->public_page.title);
    free(config->public_page.note);
    free_texts(config->public_page.providers);
    price_list_release(config->prices);
    alert_config_dispose(&config->alerting);
    free(config->path);
    free(config);
}

const struct provider_settings *config_provider(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->provider_count; ++i) {
        if (strcmp(config->providers[i].name, name) == 0)
            return &config->providers[i];
    }
    return NULL;
}

bool config_override_listen(struct config *config, const char *address)
{
    char **listen = calloc(2, sizeof(*listen));
    if (listen == NULL || (listen[0] = strdup(address)) == NULL) {
        free(listen);
        return false;
    }
    free_texts(config->listen);
    config->listen = listen;
    return true;
}

bool config_override_database(struct config *config, const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return false;
    free(config->database);
    config->database = copy;
    return true;
}
