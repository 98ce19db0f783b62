#include "config/alerts.h"

#include "base/clock.h"
#include "config/lua_value.h"
#include "config/reading.h"

#include <stdlib.h>
#include <string.h>

static void dispose_maintenance(struct maintenance *maintenance)
{
    free_texts(maintenance->providers);
}

static void dispose_alert(struct alert_settings *alert)
{
    free(alert->name);
    free(alert->use);
    free_texts(alert->providers);
    free_texts(alert->kinds);
    free(alert->settings);
}

void alert_config_dispose(struct alert_config *config)
{
    for (size_t i = 0; i < config->alert_count; ++i)
        dispose_alert(&config->alerts[i]);
    for (size_t i = 0; i < config->maintenance_count; ++i)
        dispose_maintenance(&config->maintenances[i]);
    for (size_t i = 0; i < config->plugin_count; ++i) {
        free(config->plugins[i].name);
        free(config->plugins[i].settings);
    }
    free(config->alerts);
    free(config->maintenances);
    free(config->plugins);
}

static bool is_named(char **names, const char *name)
{
    if (names == NULL || names[0] == NULL)
        return true;
    for (char **at = names; *at != NULL; ++at) {
        if (strcmp(*at, name) == 0)
            return true;
    }
    return false;
}

bool maintenance_holds(const struct alert_config *config, const char *provider, int64_t wall_us)
{
    for (size_t i = 0; i < config->maintenance_count; ++i) {
        const struct maintenance *maintenance = &config->maintenances[i];
        if (is_named(maintenance->providers, provider) && wall_us >= maintenance->from_us &&
            (maintenance->to_us == 0 || wall_us < maintenance->to_us) &&
            (maintenance->hours.count == 0 || busy_hours_hold(&maintenance->hours, wall_us / 1000000)))
            return true;
    }
    return false;
}

/* -- reading -- */

/* Makes room for one more of an array; NULL, and a fault, when memory ran out. */
static void *grow(struct reading *r, const char *scope, void *array, size_t count, size_t size)
{
    void *grown = realloc(array, (count + 1) * size);
    if (grown == NULL)
        fault(r, scope, "", "out of memory");
    else
        memset((char *)grown + count * size, 0, size);
    return grown;
}

static void read_alert(struct reading *r, const char *name)
{
    char scope[128];
    struct alert_config *config = &r->config->alerting;
    snprintf(scope, sizeof(scope), "alerts.%.64s", name);
    if (!lua_istable(r->L, -1)) {
        fault(r, "alerts", name, "expected a table of settings; got a %s", luaL_typename(r->L, -1));
        return;
    }
    struct alert_settings *grown = grow(r, scope, config->alerts, config->alert_count, sizeof(*grown));
    if (grown == NULL)
        return;
    config->alerts = grown;
    struct alert_settings *alert = &grown[config->alert_count++];
    *alert = (struct alert_settings){
        .name = copy_or_fault(r, name), .group_ms = ALERT_GROUP_MS, .give_up_ms = ALERT_GIVE_UP_MS};
    read_table(r, scope, alert_setting_list, alert_setting_count, alert);
}

static bool read_moment(lua_State *L, const char *field, int64_t *wall_us)
{
    int type = lua_getfield(L, -1, field);
    const char *text = type == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bool sound = type == LUA_TNIL || clock_parse_iso(text, strlen(text), wall_us) == 0;
    lua_pop(L, 1);
    return sound;
}

static void read_maintenance(struct reading *r, size_t i)
{
    char scope[64];
    struct alert_config *config = &r->config->alerting;
    snprintf(scope, sizeof(scope), "maintenance[%zu]", i);
    if (!lua_istable(r->L, -1)) {
        fault(r, scope, "", "expected { providers = {...}, hours = \"sat 02:00-04:00\" }; got a %s",
              luaL_typename(r->L, -1));
        return;
    }
    struct maintenance *grown = grow(r, scope, config->maintenances, config->maintenance_count, sizeof(*grown));
    if (grown == NULL)
        return;
    config->maintenances = grown;
    struct maintenance *maintenance = &grown[config->maintenance_count++];
    if (!read_moment(r->L, "from", &maintenance->from_us) || !read_moment(r->L, "to", &maintenance->to_us))
        fault(r, scope, "", "from and to: expected times such as \"2026-11-24T02:00:00Z\"");
    lua_pushnil(r->L);
    lua_setfield(r->L, -2, "from");
    lua_pushnil(r->L);
    lua_setfield(r->L, -2, "to");
    read_table(r, scope, maintenance_setting_list, maintenance_setting_count, maintenance);
    if (maintenance->hours.count == 0 && maintenance->from_us == 0 && maintenance->to_us == 0)
        fault(r, scope, "", "expected hours, or from and to: when is it?");
    else if (maintenance->to_us != 0 && maintenance->to_us <= maintenance->from_us)
        fault(r, scope, "", "to must lie behind from");
}

static void read_plugin(struct reading *r, const char *name)
{
    struct alert_config *config = &r->config->alerting;
    struct plugin_settings *grown = grow(r, "plugins", config->plugins, config->plugin_count, sizeof(*grown));
    if (grown == NULL)
        return;
    config->plugins = grown;
    struct plugin_settings *plugin = &grown[config->plugin_count++];
    plugin->name = copy_or_fault(r, name);
    plugin->settings = lua_source_or_fault(r, "plugins", name);
}

void read_alerts(struct reading *r)
{
    read_named(r, "alerts", read_alert);
}

void read_plugins(struct reading *r)
{
    read_named(r, "plugins", read_plugin);
}

void read_maintenances(struct reading *r)
{
    size_t count = lua_rawlen(r->L, -1);
    for (size_t i = 1; i <= count; ++i) {
        lua_rawgeti(r->L, -1, (lua_Integer)i);
        read_maintenance(r, i);
        lua_pop(r->L, 1);
    }
}
