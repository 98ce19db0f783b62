/* The shipped file shows every setting with its default, and loads. */
#include "config/config.h"
#include "config/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MESSAGE_MAX = 8192 };

static char *read_shipped_file(char shipped_path[512])
{
    const char *tests = strstr(__FILE__, "tests/unit/config/");
    assert_non_null(tests);
    snprintf(shipped_path, 512, "%.*setc/providerd.lua", (int)(tests - __FILE__), __FILE__);
    FILE *file = fopen(shipped_path, "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    assert_in_range(fread(text, 1, (1 << 16) - 1, file), 1, (1 << 16) - 2);
    fclose(file);
    return text;
}

static void the_shipped_file_shows_every_setting_with_its_default(void **state)
{
    char shipped_path[512];
    (void)state;
    char *text = read_shipped_file(shipped_path);
    for (size_t i = 0; i < config_setting_count; ++i) {
        const struct setting *setting = &config_settings[i];
        char line[256];
        if (setting->type == SETTING_FOLDERS) /* the shipped file stands beside its scripts */
            snprintf(line, sizeof(line), "\n  %s = { \"../", setting->key);
        else if (setting->type == SETTING_PROVIDERS)
            snprintf(line, sizeof(line), "\n  %s = {},\n", setting->key);
        else if (setting->otherwise == NULL)
            snprintf(line, sizeof(line), "\n  %s = false,\n", setting->key);
        else if (setting->type == SETTING_INTEGER || setting->type == SETTING_FLAG ||
                 setting->type == SETTING_WEIGHTS || setting->type == SETTING_LIST || setting->type == SETTING_KINDS ||
                 setting->type == SETTING_BUSY_HOURS || setting->type == SETTING_POLICIES ||
                 setting->type == SETTING_PRICES || setting->type == SETTING_ALERTS ||
                 setting->type == SETTING_PLUGINS || setting->type == SETTING_MAINTENANCE ||
                 setting->type == SETTING_TOKENS || setting->type == SETTING_PUBLIC_PAGE ||
                 setting->type == SETTING_TLS)
            snprintf(line, sizeof(line), "\n  %s = %s,\n", setting->key, setting->otherwise);
        else if (setting->type == SETTING_DEEP || setting->type == SETTING_ALIASES || setting->type == SETTING_REPORTS)
            snprintf(line, sizeof(line), "\n  %s = %s\n", setting->key, setting->otherwise);
        else
            snprintf(line, sizeof(line), "\n  %s = \"%s\",\n", setting->key, setting->otherwise);
        if (strstr(text, line) == NULL)
            fail_msg("etc/providerd.lua has no line%s", line);
    }
    for (size_t i = 0; i < report_setting_count; ++i) {
        const struct setting *setting = &report_setting_list[i];
        const char *quote = setting->type == SETTING_DURATION ? "\"" : "";
        char line[256];
        snprintf(line, sizeof(line), "\n    %s = %s%s%s,", setting->key, quote, setting->otherwise, quote);
        if (strstr(text, line) == NULL)
            fail_msg("etc/providerd.lua has no line%s", line);
    }
    for (size_t i = 0; i < provider_setting_count; ++i)
        assert_non_null(strstr(text, provider_setting_list[i].key));
    for (size_t i = 0; i < public_page_setting_count; ++i)
        assert_non_null(strstr(text, public_page_setting_list[i].key));
    for (size_t i = 0; i < tls_setting_count; ++i)
        assert_non_null(strstr(text, tls_setting_list[i].key));
    free(text);
}

static void the_shipped_file_loads(void **state)
{
    char shipped_path[512], error[MESSAGE_MAX] = "";
    (void)state;
    free(read_shipped_file(shipped_path));
    struct config *config = config_load(shipped_path, error, sizeof(error));
    if (config == NULL)
        fail_msg("%s", error);
    assert_int_equal(access(config->provider_paths[0], R_OK), 0);
    assert_int_equal(access(config->plugin_paths[0], R_OK), 0);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_file_shows_every_setting_with_its_default),
        cmocka_unit_test(the_shipped_file_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
