/* schema: every setting: its name, type, range and default, in one table. Internal to config/. */
#ifndef PROVIDERD_CONFIG_SCHEMA_H
#define PROVIDERD_CONFIG_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_DURATION,    /* int64_t, milliseconds; written "10s" */
    SETTING_BUSY_HOURS,  /* struct busy_hours; written "mon-fri 08:00-20:00", or false */
    SETTING_SIZE,        /* int64_t, bytes; written "4MB" or as a whole number of bytes */
    SETTING_INTEGER,     /* int64_t */
    SETTING_TEXT,        /* char * */
    SETTING_FILE,        /* char *, NULL when false */
    SETTING_TEXTS,       /* char **; one text or a list */
    SETTING_FOLDERS,     /* char **; relative ones start at the file's folder */
    SETTING_PROVIDERS,   /* table of provider settings */
    SETTING_BOOLEAN,     /* bool, kept turned round: true in the file is false here, so that zero means "as usual" */
    SETTING_FLAG,        /* bool */
    SETTING_LIST,        /* char **; a list, which may be empty */
    SETTING_LATENCY,     /* struct latency_threshold */
    SETTING_WEIGHTS,     /* struct score_weights */
    SETTING_DEEP,        /* struct deep_tuning */
    SETTING_LIMITS,      /* limits and limit_count of the struct tuning at the offset */
    SETTING_KINDS,       /* struct kind_changes */
    SETTING_ALIASES,     /* model_aliases of struct config */
    SETTING_POLICIES,    /* policies of struct config */
    SETTING_PRICES,      /* struct price_list * */
    SETTING_ALERTS,      /* alerts of struct alert_config */
    SETTING_PLUGINS,     /* plugins of struct alert_config */
    SETTING_MAINTENANCE, /* maintenances of struct alert_config */
    SETTING_REPORTS,     /* struct report_rules */
    SETTING_TOKENS,      /* tokens of struct config */
    SETTING_PUBLIC_PAGE, /* struct public_page, or false */
    SETTING_TLS,         /* struct tls_files, or false */
    SETTING_VALUE,       /* char *: a table as Lua source */
};

struct setting {
    const char *key;
    enum setting_type type;
    const char *otherwise; /* default, as it would be written in the file, without quotes; NULL = none. Of a table, how
                              etc/providerd.lua writes it, or how that begins: config.c sets it */
    int64_t least, most;   /* of numbers */
    size_t offset;         /* in struct config, or in struct provider_settings */
};

/* The table of all settings, of which config_settings are those for the whole and provider_setting_list those of one.
 */
extern const struct setting config_settings[];
extern const size_t config_setting_count;
extern const struct setting provider_setting_list[];
extern const size_t provider_setting_count;

/* Those of one alert and of one maintenance; config/alerts.h. */
enum { ALERT_GROUP_MS = 10 * 1000, ALERT_GIVE_UP_MS = 24 * 3600 * 1000 }; /* defaults */
extern const struct setting alert_setting_list[];
extern const size_t alert_setting_count;
extern const struct setting maintenance_setting_list[];
extern const size_t maintenance_setting_count;

/* Those of `reports`; config/report_rules.h. */
extern const struct setting report_setting_list[];
extern const size_t report_setting_count;

/* Those of `public_page` and `tls`; config/public_page.h, config/tls_files.h. */
extern const struct setting public_page_setting_list[];
extern const size_t public_page_setting_count;
extern const struct setting tls_setting_list[];
extern const size_t tls_setting_count;

/* Reads a size: digits, then nothing, "B", "KB", "MB" or "GB" (powers of 1024). 0, or -1. */
int size_parse(const char *text, int64_t *bytes);

#endif
