/* The configuration: defaults, every kind of value, every kind of refusal, and the shipped file. */
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

static char folder[] = "/tmp/providerd-config-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/c.lua", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static struct config *load(const char *text, char error[MESSAGE_MAX])
{
    write_file(text, strlen(text));
    return config_load(path, error, MESSAGE_MAX);
}

static struct config *load_sound(const char *text)
{
    char error[MESSAGE_MAX] = "";
    struct config *config = load(text, error);
    if (config == NULL)
        fail_msg("%s is refused: %s", text, error);
    return config;
}

/* -- what is taken -- */

static void an_empty_table_gives_every_default(void **state)
{
    char error[MESSAGE_MAX];
    (void)state;
    struct config *configs[] = {load_sound("return {}"), config_load(NULL, error, sizeof(error))};
    for (size_t i = 0; i < 2; ++i) {
        struct config *config = configs[i];
        assert_non_null(config);
        assert_string_equal(config->listen[0], "127.0.0.1:8000");
        assert_null(config->listen[1]);
        assert_int_equal(config->tuning.interval_ms, 300000);
        assert_int_equal(config->tuning.timeout_ms, 10000);
        assert_int_equal(config->tuning.degraded_latency.fixed_ms, 1000);
        assert_int_equal(config->tuning.max_consecutive_failures, 3);
        assert_int_equal(config->jitter_percent, 10);
        assert_int_equal(config->retention_ms, INT64_C(604800000));
        assert_int_equal(config->commit_interval_ms, 1000);
        assert_int_equal(config->store_queue, 100000);
        assert_int_equal(config->readers, 2);
        assert_int_equal(config->http_threads, 1);
        assert_int_equal(config->max_connections, 1024);
        assert_int_equal(config->max_header_bytes, 16384);
        assert_int_equal(config->max_request_body_bytes, 1048576);
        assert_int_equal(config->idle_timeout_ms, 30000);
        assert_int_equal(config->shutdown_grace_ms, 1500);
        assert_int_equal(config->max_answer_bytes, 4194304);
        assert_int_equal(config->max_probes_in_flight, 200);
        assert_int_equal(config->script_memory_bytes, 16777216);
        assert_int_equal(config->script_instructions, 5000000);
        assert_int_equal(config->tuning.quick_interval_ms, 30000);
        assert_int_equal(config->tuning.down_interval_ms, 1800000);
        assert_int_equal(config->tuning.models_interval_ms, 21600000);
        assert_int_equal(config->tuning.max_in_flight, 2);
        assert_int_equal(config->tuning.successes_to_recover, 1);
        assert_true(config->tuning.degraded_latency.percent == 0);
        assert_true(config->tuning.weights.latency == 1);
        assert_true(config->tuning.weights.uptime == 0);
        assert_true(config->tuning.weights.headroom == 0);
        assert_int_equal(config->tuning.deep.enabled, 0);
        assert_int_equal(config->tuning.deep.interval_ms, 3600000);
        assert_int_equal(config->tuning.deep.timed_interval_ms, 21600000);
        assert_int_equal(config->tuning.deep.daily_tokens, 5000);
        assert_true(config->tuning.deep.share_percent == 5);
        assert_null(config->tuning.deep.model);
        assert_null(config->tuning.limits);
        assert_int_equal(config->tuning.kinds.count, 0);
        assert_true(config->adaptive);
        assert_true(config->read_models);
        assert_true(config->status_pages);
        assert_int_equal(config->status_page_interval_ms, 300000);
        assert_null(config->witnesses[0]);
        assert_int_equal(config->alias_count, 0);
        assert_string_equal(config->database, "provider_status.db");
        assert_string_equal(config->policy, "lowest_latency");
        assert_string_equal(config->log_level, "info");
        assert_string_equal(config->ca_bundle, "/etc/ssl/certs/ca-certificates.crt");
        assert_null(config->env_file);
        assert_int_equal(config->provider_count, 0);
        config_free(config);
    }
    config_free(NULL);
}

static void each_type_is_read_in_each_of_its_forms(void **state)
{
    char expected[96];
    (void)state;
    struct config *config =
        load_sound("return { listen = { '127.0.0.1:1', '[::1]:2' }, interval = '1m30s', max_answer = '2kb',"
                   " max_header_size = 20000, max_request_body = '0', readers = 3.0, store_queue = 1e6,"
                   " ca_bundle = false, env_file = '/a/b.env', shutdown_grace = '0s',"
                   " provider_paths = '/absolute', plugin_paths = { 'one', '../two' } }");
    assert_string_equal(config->listen[0], "127.0.0.1:1");
    assert_string_equal(config->listen[1], "[::1]:2");
    assert_null(config->listen[2]);
    assert_int_equal(config->tuning.interval_ms, 90000);
    assert_int_equal(config->max_answer_bytes, 2048);
    assert_int_equal(config->max_header_bytes, 20000);
    assert_int_equal(config->max_request_body_bytes, 0);
    assert_int_equal(config->readers, 3);
    assert_int_equal(config->store_queue, 1000000);
    assert_int_equal(config->shutdown_grace_ms, 0);
    assert_null(config->ca_bundle);
    assert_string_equal(config->env_file, "/a/b.env");
    assert_string_equal(config->provider_paths[0], "/absolute");
    snprintf(expected, sizeof(expected), "%s/one", folder);
    assert_string_equal(config->plugin_paths[0], expected);
    snprintf(expected, sizeof(expected), "%s/../two", folder);
    assert_string_equal(config->plugin_paths[1], expected);
    assert_null(config->plugin_paths[2]);
    config_free(config);
}

static void providers_have_settings_of_their_own(void **state)
{
    (void)state;
    struct config *config =
        load_sound("return { providers = { groq = { interval = '1m', timeout = '2s', degraded_latency = '3s',"
                   " max_consecutive_failures = 4, base_url = 'http://127.0.0.1:9', enabled = true },"
                   " g4f = { enabled = false }, plain = {} } }");
    const struct provider_settings *groq = config_provider(config, "groq");
    const struct provider_settings *g4f = config_provider(config, "g4f");
    const struct provider_settings *plain = config_provider(config, "plain");
    assert_int_equal(config->provider_count, 3);
    assert_non_null(groq);
    assert_false(groq->disabled);
    assert_int_equal(groq->tuning.interval_ms, 60000);
    assert_int_equal(groq->tuning.timeout_ms, 2000);
    assert_int_equal(groq->tuning.degraded_latency.fixed_ms, 3000);
    assert_int_equal(groq->tuning.max_consecutive_failures, 4);
    assert_string_equal(groq->base_url, "http://127.0.0.1:9");
    assert_non_null(g4f);
    assert_true(g4f->disabled);
    assert_int_equal(g4f->tuning.interval_ms, 0);
    assert_null(g4f->base_url);
    assert_non_null(plain);
    assert_false(plain->disabled);
    assert_null(config_provider(config, "GROQ"));
    assert_null(config_provider(config, "none"));
    config_free(config);
}

static void how_to_watch_is_read(void **state)
{
    (void)state;
    struct config *config = load_sound(
        "return { quick_interval = '100ms', down_interval = '30d', models_interval = '1h', adaptive = false,"
        " read_models = false, status_pages = false, status_page_interval = '1s', max_probes_per_provider = 1000,"
        " successes_to_recover = 2, degraded_latency = 'p95 * 2', score_weights = { uptime = 2, headroom = 0.5 },"
        " deep = { enabled = true, interval = '2h', timed_interval = '1d', daily_tokens = 100, share_percent = 0.5,"
        " model = 'm' } }");
    assert_int_equal(config->tuning.quick_interval_ms, 100);
    assert_int_equal(config->tuning.down_interval_ms, INT64_C(2592000000));
    assert_int_equal(config->tuning.models_interval_ms, 3600000);
    assert_false(config->adaptive);
    assert_false(config->read_models);
    assert_false(config->status_pages);
    assert_int_equal(config->status_page_interval_ms, 1000);
    assert_int_equal(config->tuning.max_in_flight, 1000);
    assert_int_equal(config->tuning.successes_to_recover, 2);
    assert_int_equal(config->tuning.degraded_latency.fixed_ms, 0); /* the default does not shine through */
    assert_true(config->tuning.degraded_latency.percent == 95);
    assert_true(config->tuning.degraded_latency.factor == 2);
    assert_true(config->tuning.weights.latency == 0);
    assert_true(config->tuning.weights.uptime == 2);
    assert_true(config->tuning.weights.headroom == 0.5);
    assert_int_equal(config->tuning.deep.enabled, 1);
    assert_int_equal(config->tuning.deep.interval_ms, 7200000);
    assert_int_equal(config->tuning.deep.timed_interval_ms, 86400000);
    assert_int_equal(config->tuning.deep.daily_tokens, 100);
    assert_true(config->tuning.deep.share_percent == 0.5);
    assert_string_equal(config->tuning.deep.model, "m");
    config_free(config);
}

static void a_part_of_deep_leaves_the_rest_at_its_default(void **state)
{
    (void)state;
    struct config *config = load_sound("return { deep = { daily_tokens = 7 } }");
    assert_int_equal(config->tuning.deep.enabled, 0);
    assert_int_equal(config->tuning.deep.daily_tokens, 7);
    assert_int_equal(config->tuning.deep.interval_ms, 3600000);
    config_free(config);
    config = load_sound("return { deep = true }");
    assert_int_equal(config->tuning.deep.enabled, 1);
    assert_int_equal(config->tuning.deep.daily_tokens, 5000);
    config_free(config);
}

static void witnesses_are_a_list_that_may_be_empty(void **state)
{
    (void)state;
    struct config *config = load_sound("return { witnesses = { 'https://a.example', 'https://b.example' } }");
    assert_string_equal(config->witnesses[0], "https://a.example");
    assert_string_equal(config->witnesses[1], "https://b.example");
    assert_null(config->witnesses[2]);
    config_free(config);
    config = load_sound("return { witnesses = {} }");
    assert_null(config->witnesses[0]);
    config_free(config);
    config = load_sound("return { witnesses = 'https://a.example' }");
    assert_string_equal(config->witnesses[0], "https://a.example");
    assert_null(config->witnesses[1]);
    config_free(config);
}

static void settings_of_policies_are_kept_as_lua(void **state)
{
    (void)state;
    struct config *config =
        load_sound("return { policies = { b = {}, a = { x = 1, [2] = 'two\\n\"', y = { z = true } } } }");
    assert_int_equal(config->policy_count, 2);
    assert_string_equal(config->policies[0].name, "a"); /* by name, whatever Lua's order */
    assert_non_null(strstr(config->policies[0].text, "[\"x\"]=1,"));
    assert_non_null(strstr(config->policies[0].text, "[2]=\"two\\010\\034\","));
    assert_non_null(strstr(config->policies[0].text, "[\"y\"]={[\"z\"]=true,},"));
    assert_string_equal(config->policies[1].text, "{}");
    config_free(config);
}

static void prices_are_of_a_provider_or_of_a_model(void **state)
{
    (void)state;
    struct config *config = load_sound("return { prices = { groq = 0.5, ['groq/a/b'] = { input = 1, output = 2 } } }");
    struct model listed = {.id = "c", .price = 9}, unlisted = {.id = "c", .price = -1},
                 ours = {.id = "a/b", .price = 9};
    assert_float_equal(price_of_call(config->prices, "groq", NULL), 0.5, 0);
    assert_float_equal(price_of_call(config->prices, "groq", &ours), 3, 0);
    assert_float_equal(price_of_call(config->prices, "groq", &listed), 9, 0);
    assert_float_equal(price_of_call(config->prices, "groq", &unlisted), 0.5, 0);
    assert_float_equal(price_of_call(config->prices, "mistral", &listed), 9, 0);
    assert_float_equal(price_of_call(config->prices, "mistral", NULL), -1, 0);
    assert_float_equal(price_of_call(NULL, "mistral", NULL), -1, 0);
    config_free(config);
}

static void kinds_and_aliases_are_read(void **state)
{
    (void)state;
    struct config *config = load_sound("return { error_kinds = { credit = { ask = '6h' } },"
                                       " model_aliases = { b = { 'b-1', 'b-*' }, a = 'only' } }");
    assert_int_equal(config->tuning.kinds.count, 1);
    assert_string_equal(config->tuning.kinds.list[0].kind.name, "credit");
    assert_int_equal(config->tuning.kinds.list[0].kind.ask, ASK_AFTER);
    assert_int_equal(config->tuning.kinds.list[0].kind.ask_ms, 21600000);
    assert_true(config->tuning.kinds.list[0].ask);
    assert_false(config->tuning.kinds.list[0].effect);
    assert_int_equal(config->alias_count, 2);
    assert_string_equal(config->aliases[0].name, "a"); /* by name, whatever Lua's order */
    assert_string_equal(config->aliases[0].ids[0], "only");
    assert_null(config->aliases[0].ids[1]);
    assert_string_equal(config->aliases[1].name, "b");
    assert_string_equal(config->aliases[1].ids[0], "b-1");
    assert_string_equal(config->aliases[1].ids[1], "b-*");
    assert_null(config->aliases[1].ids[2]);
    config_free(config);
}

static void a_provider_may_be_watched_in_its_own_way(void **state)
{
    (void)state;
    struct config *config = load_sound(
        "return { degraded_latency = '2s', providers = { a = { quick_interval = '1s', down_interval = '2h',"
        " models_interval = '3h', max_probes_per_provider = 4, degraded_latency = 'p99', successes_to_recover = 5,"
        " score_weights = { latency = 6 }, deep = { model = 'm' }, status_page = false,"
        " limits = { { unit = 'requests', window = '1m', limit = 60 }, { unit = 'tokens', window = '1d', limit = 1e6 } "
        "},"
        " error_kinds = { rate = { ask = 'backoff' } } }, b = { deep = false, limits = {} }, c = {} } }");
    const struct provider_settings *a = config_provider(config, "a"), *b = config_provider(config, "b"),
                                   *c = config_provider(config, "c");
    assert_true(a != NULL && b != NULL && c != NULL);
    assert_int_equal(a->tuning.quick_interval_ms, 1000);
    assert_int_equal(a->tuning.down_interval_ms, 7200000);
    assert_int_equal(a->tuning.models_interval_ms, 10800000);
    assert_int_equal(a->tuning.max_in_flight, 4);
    assert_true(a->tuning.degraded_latency.percent == 99);
    assert_true(a->tuning.degraded_latency.factor == 1);
    assert_int_equal(a->tuning.successes_to_recover, 5);
    assert_true(a->tuning.weights.latency == 6);
    assert_int_equal(a->tuning.deep.enabled, -1);
    assert_string_equal(a->tuning.deep.model, "m");
    assert_true(a->no_status_page);
    assert_int_equal(a->tuning.limit_count, 2);
    assert_string_equal(a->tuning.limits[0].unit, "requests");
    assert_int_equal(a->tuning.limits[0].window_s, 60);
    assert_true(a->tuning.limits[0].limit == 60);
    assert_string_equal(a->tuning.limits[1].unit, "tokens");
    assert_int_equal(a->tuning.limits[1].window_s, 86400);
    assert_true(a->tuning.limits[1].limit == 1e6);
    assert_int_equal(a->tuning.kinds.count, 1);
    assert_int_equal(a->tuning.kinds.list[0].kind.ask, ASK_BACKOFF);
    assert_int_equal(b->tuning.deep.enabled, 0);
    assert_non_null(b->tuning.limits); /* said, and none */
    assert_int_equal(b->tuning.limit_count, 0);
    assert_false(b->no_status_page);
    assert_int_equal(c->tuning.deep.enabled, -1); /* nothing is said */
    assert_null(c->tuning.limits);
    assert_int_equal(c->tuning.degraded_latency.fixed_ms, 0);
    assert_true(c->tuning.degraded_latency.percent == 0);
    assert_int_equal(c->tuning.max_in_flight, 0);
    config_free(config);
}

static void the_file_may_compute_and_read_the_environment(void **state)
{
    (void)state;
    setenv("PROVIDERD_TEST_DATABASE", "/from/the/environment.db", 1);
    unsetenv("PROVIDERD_TEST_UNSET");
    struct config *config = load_sound("local minutes = 2\n"
                                       "return { interval = string.format('%dm', minutes),\n"
                                       "  database = os.getenv('PROVIDERD_TEST_DATABASE'),\n"
                                       "  policy = os.getenv('PROVIDERD_TEST_UNSET') or 'p' }");
    unsetenv("PROVIDERD_TEST_DATABASE");
    assert_int_equal(config->tuning.interval_ms, 120000);
    assert_string_equal(config->database, "/from/the/environment.db");
    assert_string_equal(config->policy, "p");
    config_free(config);
}

static void the_command_line_overrides(void **state)
{
    (void)state;
    struct config *config = load_sound("return { listen = { 'a:1', 'b:2' }, database = 'x.db' }");
    assert_true(config_override_listen(config, "127.0.0.1:9"));
    assert_true(config_override_database(config, "y.db"));
    assert_string_equal(config->listen[0], "127.0.0.1:9");
    assert_null(config->listen[1]);
    assert_string_equal(config->database, "y.db");
    config_free(config);
}

/* -- what is refused -- */

/* Each with its whole message, after "file: ". */
static const struct {
    const char *text, *message;
} refusals[] = {
    {"intervall = '5m'", "unknown key 'intervall'; did you mean 'interval'?"},
    {"zebra = 1", "unknown key 'zebra'; the manual of every key is etc/providerd.lua"},
    {"'5m'", "expected name = value; got a value without a name"},
    {"interval = 5", "interval: expected a duration from 100ms to 30d, such as \"5m\"; got the number 5"},
    {"interval = '5'", "interval: expected a duration from 100ms to 30d, such as \"5m\"; got \"5\""},
    {"interval = '-5m'", "interval: expected a duration from 100ms to 30d, such as \"5m\"; got \"-5m\""},
    {"interval = '99ms'", "interval: expected a duration from 100ms to 30d, such as \"5m\"; got \"99ms\""},
    {"interval = '31d'", "interval: expected a duration from 100ms to 30d, such as \"5m\"; got \"31d\""},
    {"interval = '5m\\0'",
     "interval: expected a duration from 100ms to 30d, such as \"5m\"; got a string with a NUL in it"},
    {"timeout = {}", "timeout: expected a duration from 10ms to 10m, such as \"10s\"; got a table"},
    {"timeout = true", "timeout: expected a duration from 10ms to 10m, such as \"10s\"; got true"},
    {"commit_interval = '61s'", "commit_interval: expected a duration from 0s to 1m, such as \"1s\"; got \"61s\""},
    {"readers = 0", "readers: expected a whole number from 1 to 16; got the number 0"},
    {"readers = 17", "readers: expected a whole number from 1 to 16; got the number 17"},
    {"readers = 2.5", "readers: expected a whole number from 1 to 16; got the number 2.5"},
    {"readers = '2'", "readers: expected a whole number from 1 to 16; got \"2\""},
    {"readers = 1/0", "readers: expected a whole number from 1 to 16; got the number inf"},
    {"readers = -(0/0)", "readers: expected a whole number from 1 to 16; got the number nan"},
    {"max_answer = '4XB'", "max_answer: expected a size from 1024 to 1073741824 bytes, such as \"4MB\"; got \"4XB\""},
    {"max_answer = 1023",
     "max_answer: expected a size from 1024 to 1073741824 bytes, such as \"4MB\"; got the number 1023"},
    {"max_answer = '2GB'", "max_answer: expected a size from 1024 to 1073741824 bytes, such as \"4MB\"; got \"2GB\""},
    {"listen = {}", "listen: expected a string or a list of strings, at least one; got a table"},
    {"listen = ''", "listen: expected a string or a list of strings, at least one; got \"\""},
    {"listen = { 1 }", "listen: expected a string or a list of strings, at least one; got a table"},
    {"listen = { 'a:1', nil, 'b:1' }", "listen: expected a string or a list of strings, at least one; got a table"},
    {"listen = { 'a:1', other = 'b:1' }", "listen: expected a string or a list of strings, at least one; got a table"},
    {"listen = false", "listen: expected a string or a list of strings, at least one; got false"},
    {"provider_paths = { '' }", "provider_paths: expected a string or a list of strings, at least one; got a table"},
    {"database = ''", "database: expected a string that is not empty; got \"\""},
    {"database = false", "database: expected a string that is not empty; got false"},
    {"database = 'a\\0b'", "database: expected a string that is not empty; got a string with a NUL in it"},
    {"env_file = true", "env_file: expected the path of a file, or false; got true"},
    {"policy = print", "policy: expected a string that is not empty; got a function"},
    {"log_level = 'loud'", "log_level: expected error, warning, info or debug; got \"loud\""},
    {"providers = 5", "providers: expected a table of name = settings; got the number 5"},
    {"providers = { groq = 5 }", "providers: expected name = { settings }; got a number for 'groq'"},
    {"providers = { {} }", "providers: expected name = value; got a value without a name"},
    {"providers = { groq = { enabled = 1 } }", "providers.groq.enabled: expected true or false; got the number 1"},
    {"providers = { groq = { intervl = '1m' } }", "providers.groq: unknown key 'intervl'; did you mean 'interval'?"},
    {"providers = { groq = { base_url = 1 } }",
     "providers.groq.base_url: expected a string that is not empty; got the number 1"},
    {"providers = { groq = { timeout = 5 } }",
     "providers.groq.timeout: expected a duration from 10ms to 10m, such as \"10s\"; got the number 5"},
    {"quick_interval = '99ms'", "quick_interval: expected a duration from 100ms to 30d, such as \"30s\"; got \"99ms\""},
    {"down_interval = '31d'", "down_interval: expected a duration from 100ms to 30d, such as \"30m\"; got \"31d\""},
    {"models_interval = false", "models_interval: expected a duration from 100ms to 30d, such as \"6h\"; got false"},
    {"status_page_interval = '999ms'",
     "status_page_interval: expected a duration from 1s to 30d, such as \"5m\"; got \"999ms\""},
    {"max_probes_per_provider = 0",
     "max_probes_per_provider: expected a whole number from 1 to 1000; got the number 0"},
    {"max_probes_per_provider = 1001",
     "max_probes_per_provider: expected a whole number from 1 to 1000; got the number 1001"},
    {"successes_to_recover = 0", "successes_to_recover: expected a whole number from 1 to 1000; got the number 0"},
    {"adaptive = 1", "adaptive: expected true or false; got the number 1"},
    {"read_models = 'no'", "read_models: expected true or false; got \"no\""},
    {"status_pages = {}", "status_pages: expected true or false; got a table"},
    {"witnesses = { 5 }", "witnesses: expected a list of strings; got a table"},
    {"witnesses = { url = 'https://a.example' }", "witnesses: expected a list of strings; got a table"},
    {"witnesses = false", "witnesses: expected a list of strings; got false"},
    {"deep = 5", "deep: expected true, false, or a table such as { interval = \"1h\", daily_tokens = 5000 }; got the "
                 "number 5"},
    {"deep = { daily_tokens = 0 }", "deep: daily_tokens: expected a number from 1 to 1e+12; got the number 0"},
    {"deep = { prefer = 'mini' }", "deep: unknown field 'prefer', expected enabled, interval, timed_interval, "
                                   "daily_tokens, share_percent, model"},
    {"degraded_latency = 'p100'",
     "degraded_latency: expected a duration from 1ms to 10m, such as \"1s\", or a share of its own latencies, such as "
     "\"p95 * 2\"; got \"p100\""},
    {"score_weights = {}", "score_weights: expected at least one weight above 0"},
    {"score_weights = { speed = 1 }", "score_weights: unknown field 'speed', expected latency, uptime, headroom"},
    {"error_kinds = 5", "error_kinds: expected a table of kind = { field = value }; got a number"},
    {"error_kinds = { credit = { ask = 'soon' } }",
     "error_kinds: credit.ask: expected \"interval\", \"backoff\", \"reset\" or a duration from 100ms to 30d; got "
     "\"soon\""},
    {"policies = 'a'", "policies: expected a table of policy = { settings }; got \"a\""},
    {"policies = { sticky = 5 }", "policies.sticky: expected a table of settings; got a number"},
    {"policies = { sticky = { f = print } }",
     "policies.sticky: f: expected a number, a string, a boolean or a table of them; got a function"},
    {"policies = { sticky = { { [{}] = 1 } } }", "policies.sticky: [1]: a table as key, expected a name"},
    {"prices = 5", "prices: expected a table of provider = US dollars for a million tokens; got the number 5"},
    {"prices = { groq = -1 }",
     "prices: expected [\"provider\"] or [\"provider/model\"] = US dollars for a million tokens in and out, or "
     "{ input = 0.15, output = 0.60 }; got a number for 'groq'"},
    {"prices = { groq = { input = 1 } }",
     "prices: expected [\"provider\"] or [\"provider/model\"] = US dollars for a million tokens in and out, or "
     "{ input = 0.15, output = 0.60 }; got a table for 'groq'"},
    {"model_aliases = 'a'", "model_aliases: expected a table of name = { \"id of a model\", ... }; got \"a\""},
    {"model_aliases = { a = {} }",
     "model_aliases.a: expected a list of ids, such as { \"llama-3.3-70b-versatile\" }; got a table"},
    {"model_aliases = { a = 5 }",
     "model_aliases.a: expected a list of ids, such as { \"llama-3.3-70b-versatile\" }; got a number"},
    {"model_aliases = { 'a' }", "model_aliases: expected name = value; got a value without a name"},
    {"limits = {}", "unknown key 'limits'; the manual of every key is etc/providerd.lua"},
    {"providers = { groq = { limits = { { unit = 'images', window = '1m', limit = 1 } } } }",
     "providers.groq.limits: expected { unit = \"requests\" or \"tokens\", window = \"1m\", limit = 60 }"},
    {"providers = { groq = { limits = { { unit = 'tokens', window = '1m', limit = 0 } } } }",
     "providers.groq.limits: limit: expected a number from 1 to 1e+15; got the number 0"},
    {"providers = { groq = { limits = 60 } }",
     "providers.groq.limits: expected an array of at most 16 limits { unit = \"requests\", window = \"1m\", limit = 60 "
     "}; got the number 60"},
    {"providers = { groq = { quick_interval = '1' } }",
     "providers.groq.quick_interval: expected a duration from 100ms to 30d, such as \"10s\"; got \"1\""},
    {"providers = { groq = { status_page = 'no' } }", "providers.groq.status_page: expected true or false; got \"no\""},
    {"providers = { groq = { deep = { model = '' } } }",
     "providers.groq.deep: model: expected a text of at most 127 bytes; got \"\""},
    {"providers = { groq = { error_kinds = { Credit = {} } } }",
     "providers.groq.error_kinds: expected name = { scope, effect, clears, ask, about }; got a table for 'Credit'"},
    {"providers = { groq = { witnesses = {} } }",
     "providers.groq: unknown key 'witnesses'; the manual of every key is etc/providerd.lua"},
};

static void each_refusal_names_file_key_expectation_and_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); ++i) {
        char text[256], error[MESSAGE_MAX], expected[512];
        snprintf(text, sizeof(text), "return { %s }", refusals[i].text);
        assert_null(load(text, error));
        snprintf(expected, sizeof(expected), "%s: %s", path, refusals[i].message);
        assert_string_equal(error, expected);
    }
}

static void all_faults_are_told_and_always_in_the_same_order(void **state)
{
    char error[MESSAGE_MAX], expected[1024];
    (void)state;
    snprintf(expected, sizeof(expected),
             "%s: unknown key 'beta'; the manual of every key is etc/providerd.lua\n"
             "%s: providers.a.interval: expected a duration from 100ms to 30d, such as \"10s\"; got the number 1\n"
             "%s: providers.b: unknown key 'nonsense'; the manual of every key is etc/providerd.lua\n"
             "%s: readers: expected a whole number from 1 to 16; got the number 0",
             path, path, path, path);
    for (int i = 0; i < 5; ++i) {
        assert_null(load("return { readers = 0, beta = 1,"
                         " providers = { b = { nonsense = 1 }, a = { interval = 1 } } }",
                         error));
        assert_string_equal(error, expected);
    }
}

static void assert_refused_with(const char *text, const char *part)
{
    char error[MESSAGE_MAX];
    assert_null(load(text, error));
    if (strstr(error, part) == NULL || strstr(error, "c.lua") == NULL)
        fail_msg("expected the file's name and \"%s\" in: %s", part, error);
}

static void a_file_that_does_not_run_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused_with("return {\n  interval = '5m'\n  timeout = '1s' }", "c.lua:3:");
    assert_refused_with("\nerror 'broken'", "c.lua:2: broken");
    assert_refused_with("return nil + 1", "c.lua:1:");
    assert_refused_with("error({})", "c.lua: the script raised a table as error, expected a text");
    assert_refused_with("error('broken', 0)", "c.lua: broken");
    assert_refused_with("return 7", "expected the file to return a table of settings; it returned a number");
    assert_refused_with("local x = 1", "expected the file to return a table of settings; it returned a nil");
    assert_refused_with("", "is empty; expected a Lua file that returns a table of settings");
    assert_refused_with("\x1bLua", "binary");
}

static void a_file_that_loops_or_eats_memory_is_refused(void **state)
{
    (void)state;
    assert_refused_with("while true do end", "endless loop");
    assert_refused_with("while true do pcall(error) end", "endless loop");
    assert_refused_with("local s = string.rep('x', 1 << 28) return {}", "not enough memory");
    assert_refused_with("local t = {} while true do t[#t + 1] = {} end", "not enough memory");
}

static void the_file_has_no_way_out(void **state)
{
    static const char *const names[] = {"io",     "debug",     "package",    "load",      "loadfile",
                                        "dofile", "coroutine", "os.execute", "os.remove", "os.exit"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        char text[128];
        snprintf(text, sizeof(text), "assert(%s == nil) return {}", names[i]);
        config_free(load_sound(text));
    }
}

static void a_file_that_cannot_be_read_is_named_with_the_reason(void **state)
{
    char error[MESSAGE_MAX], expected[128];
    (void)state;
    assert_null(config_load("/nonexistent/c.lua", error, sizeof(error)));
    assert_string_equal(error, "/nonexistent/c.lua: cannot be read: No such file or directory");
    assert_null(config_load(folder, error, sizeof(error)));
    snprintf(expected, sizeof(expected), "%s: cannot be read: Is a directory", folder);
    assert_string_equal(error, expected);
}

static void a_short_room_for_the_message_is_respected(void **state)
{
    char error[24];
    (void)state;
    memset(error, '#', sizeof(error));
    write_file("return { zebra = 1 }", 20);
    assert_null(config_load(path, error, 16));
    assert_int_equal(strlen(error), 15);
    assert_int_equal(error[16], '#');
}

/* -- sizes -- */

static void sizes_are_read_and_refused(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {{"0", 0}, {"17", 17}, {"17B", 17}, {"16KB", 16384}, {"4MB", 4194304}, {"1gb", 1073741824}};
    static const char *const bad[] = {"", "KB", "-1", "1.5MB", "4 MB", "4M", "4MBs", " 4", "99999999999999999999"};
    int64_t bytes;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        assert_int_equal(size_parse(good[i].text, &bytes), 0);
        assert_int_equal(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i)
        assert_int_equal(size_parse(bad[i], &bytes), -1);
}

static void every_default_keeps_to_its_own_range(void **state)
{
    (void)state;
    struct config *config = load_sound("return {}");
    for (size_t i = 0; i < config_setting_count; ++i) {
        const struct setting *setting = &config_settings[i];
        if (setting->type != SETTING_DURATION && setting->type != SETTING_SIZE && setting->type != SETTING_INTEGER)
            continue;
        int64_t value;
        memcpy(&value, (const char *)config + setting->offset, sizeof(value));
        if (value < setting->least || value > setting->most)
            fail_msg("the default of %s is out of its range", setting->key);
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_gives_every_default),
        cmocka_unit_test(each_type_is_read_in_each_of_its_forms),
        cmocka_unit_test(providers_have_settings_of_their_own),
        cmocka_unit_test(how_to_watch_is_read),
        cmocka_unit_test(a_part_of_deep_leaves_the_rest_at_its_default),
        cmocka_unit_test(witnesses_are_a_list_that_may_be_empty),
        cmocka_unit_test(settings_of_policies_are_kept_as_lua),
        cmocka_unit_test(prices_are_of_a_provider_or_of_a_model),
        cmocka_unit_test(kinds_and_aliases_are_read),
        cmocka_unit_test(a_provider_may_be_watched_in_its_own_way),
        cmocka_unit_test(the_file_may_compute_and_read_the_environment),
        cmocka_unit_test(the_command_line_overrides),
        cmocka_unit_test(each_refusal_names_file_key_expectation_and_value),
        cmocka_unit_test(all_faults_are_told_and_always_in_the_same_order),
        cmocka_unit_test(a_file_that_does_not_run_is_refused_with_its_line),
        cmocka_unit_test(a_file_that_loops_or_eats_memory_is_refused),
        cmocka_unit_test(the_file_has_no_way_out),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named_with_the_reason),
        cmocka_unit_test(a_short_room_for_the_message_is_respected),
        cmocka_unit_test(sizes_are_read_and_refused),
        cmocka_unit_test(every_default_keeps_to_its_own_range),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
