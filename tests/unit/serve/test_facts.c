/* What errors mean, who serves which model, and the last exchange that failed. */
#include "fixture.h"

#include "config/config.h"
#include "health/aliases.h"

static struct snapshot *snapshot_of(size_t count)
{
    static const char *const names[] = {"alpha", "beta", "delta", "gamma"};
    struct snapshot *snapshot = hand_made_snapshot(1, count);
    for (size_t i = 0; i < count; ++i)
        hand_made_provider(snapshot, i, names[i], HEALTH_HEALTHY, 10.0 * (double)(i + 1));
    return snapshot;
}

static void serve(struct fixture *f, struct snapshot *snapshot)
{
    open_server(f, 1, 100);
    server_publish_policies(f->server, f->host);
    publish(f, snapshot);
    start(f);
}

static void expect_body(struct fixture *f, const char *path, const char *body)
{
    struct answer answer = ask(f, "GET", path, "");
    assert_int_equal(answer.status, 200);
    assert_true(header_is(&answer, "content-type: application/json\r\n"));
    assert_string_equal(answer.body, body);
    free_answer(&answer);
}

static void get_etag(struct fixture *f, const char *path, char etag[160])
{
    struct answer answer = ask(f, "GET", path, "");
    assert_int_equal(answer.status, 200);
    get_header(&answer, "etag", etag, 160);
    free_answer(&answer);
}

/* -- /api/error-kinds -- */

static struct kind_table *make_kinds(const struct error_kind *kinds, size_t count)
{
    struct kind_table *table = calloc(1, sizeof(*table));
    assert_non_null(table);
    atomic_init(&table->references, 1);
    table->count = count;
    memcpy(table->kinds, kinds, count * sizeof(*kinds));
    return table;
}

static const struct error_kind common[] = {
    {.name = "credit",
     .scope = SCOPE_KEY,
     .effect = EFFECT_FAILURE,
     .ask = ASK_AFTER,
     .ask_ms = 1800000,
     .clears = "by paying",
     .about = "the account is empty"},
    {.name = "local", .scope = SCOPE_US, .effect = EFFECT_NONE, .ask = ASK_INTERVAL, .about = "\"us\""},
    {.name = "model_gone", .scope = SCOPE_MODEL, .effect = EFFECT_DEGRADED, .ask = ASK_BACKOFF},
    {.name = "rate", .scope = SCOPE_PROVIDER, .effect = EFFECT_LIMITED, .ask = ASK_RESET},
};

static void kinds_are_told_with_their_consequences(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of(1);
    snapshot->kinds = make_kinds(common, 4);
    serve(f, snapshot);
    expect_body(f, "/api/error-kinds",
                "{\"kinds\":{"
                "\"credit\":{\"scope\":\"key\",\"effect\":\"failure\",\"clears\":\"by paying\",\"ask\":\"30m\","
                "\"about\":\"the account is empty\"},"
                "\"local\":{\"scope\":\"us\",\"effect\":\"none\",\"clears\":\"\",\"ask\":\"interval\","
                "\"about\":\"\\\"us\\\"\"},"
                "\"model_gone\":{\"scope\":\"model\",\"effect\":\"degraded\",\"clears\":\"\",\"ask\":\"backoff\","
                "\"about\":\"\"},"
                "\"rate\":{\"scope\":\"provider\",\"effect\":\"limited\",\"clears\":\"\",\"ask\":\"reset\","
                "\"about\":\"\"}},\"providers\":{}}");
}

static void of_a_provider_only_what_is_its_own_is_told(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of(3);
    struct error_kind own[] = {common[0], common[1], {.name = "moon", .ask = ASK_AFTER, .ask_ms = 100}};
    own[0].ask_ms = 6 * 3600000; /* one changed, one as always, one new */
    snapshot->kinds = make_kinds(common, 2);
    snapshot->providers[0]->kinds = make_kinds(own, 3);
    snapshot->providers[1]->kinds = make_kinds(common, 2);
    serve(f, snapshot);
    expect(f, "GET", "/api/error-kinds", "", 200,
           "\"providers\":{\"alpha\":{"
           "\"credit\":{\"scope\":\"key\",\"effect\":\"failure\",\"clears\":\"by paying\",\"ask\":\"6h\","
           "\"about\":\"the account is empty\"},"
           "\"moon\":{\"scope\":\"key\",\"effect\":\"failure\",\"clears\":\"\",\"ask\":\"100ms\",\"about\":\"\"}},"
           "\"beta\":{}}}");
}

static void each_field_that_differs_makes_a_kind_a_provider_s_own(void **state)
{
    struct fixture *f = *state;
    struct error_kind own[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"},
                               {.name = "e"}, {.name = "f"}, {.name = "g"}};
    struct snapshot *snapshot = snapshot_of(1);
    snapshot->kinds = make_kinds(own, 7);
    own[0].scope = SCOPE_US;
    own[1].effect = EFFECT_NONE;
    own[2].ask = ASK_RESET;
    own[3].ask_ms = 1;
    strcpy(own[4].clears, "never");
    strcpy(own[5].about, "x");
    snapshot->providers[0]->kinds = make_kinds(own, 7);
    serve(f, snapshot);
    struct answer answer = ask(f, "GET", "/api/error-kinds", "");
    const char *at = strstr(answer.body, "\"providers\":{\"alpha\":{");
    assert_non_null(at);
    for (int i = 0; i < 7; ++i) {
        char name[8];
        snprintf(name, sizeof(name), "\"%c\":{", 'a' + i);
        assert_int_equal(strstr(at, name) != NULL, i != 6);
    }
    free_answer(&answer);
}

static void before_the_first_table_there_are_no_kinds(void **state)
{
    struct fixture *f = *state;
    serve(f, snapshot_of(1));
    expect_body(f, "/api/error-kinds", "{\"kinds\":{},\"providers\":{}}");
    expect_error(f, "POST", "/api/error-kinds", "Content-Length: 0\r\n", 405, "POST is not allowed");
}

/* -- /api/models -- */

static struct model_list *make_models(const struct model *models, size_t count)
{
    struct model_list *list = calloc(1, sizeof(*list));
    size_t bytes = 0;
    assert_non_null(list);
    atomic_init(&list->references, 1);
    for (size_t i = 0; i < count; ++i)
        bytes += strlen(models[i].id) + 1;
    list->models = calloc(count + 1, sizeof(*list->models));
    list->ids = malloc(bytes + 1);
    assert_true(list->models != NULL && list->ids != NULL);
    list->count = count;
    char *end = list->ids;
    for (size_t i = 0; i < count; ++i) {
        list->models[i] = models[i];
        list->models[i].id = strcpy(end, models[i].id);
        end += strlen(end) + 1;
    }
    return list;
}

static void give_model(struct snapshot *snapshot, size_t i, const char *id)
{
    struct model model = {.id = id, .price = -1, .chat = -1};
    model_list_release(snapshot->providers[i]->models);
    snapshot->providers[i]->models = make_models(&model, 1);
}

static void models_are_gathered_by_name(void **state)
{
    struct fixture *f = *state;
    static const struct model of_alpha[] = {{.id = "Vendor/Big:free", .context = 8192, .price = 0, .chat = 1},
                                            {.id = "small", .price = 2.5, .deprecated = true}};
    struct snapshot *snapshot = snapshot_of(3);
    snapshot->providers[0]->models = make_models(of_alpha, 2);
    snapshot->providers[0]->score = 80.5;
    give_model(snapshot, 2, "big");
    serve(f, snapshot);
    static const char alpha_s_big[] = "{\"provider\":\"alpha\",\"id\":\"Vendor/Big:free\",\"status\":\"healthy\","
                                      "\"response_time_ms\":10.0,\"score\":80.5,\"context\":8192,\"price\":0.0,"
                                      "\"features\":[],\"deprecated\":false}",
                      delta_s_big[] = "{\"provider\":\"delta\",\"id\":\"big\",\"status\":\"healthy\","
                                      "\"response_time_ms\":30.0,\"score\":0.0,\"context\":null,\"price\":null,"
                                      "\"features\":[],\"deprecated\":false}",
                      alpha_s_small[] = "{\"provider\":\"alpha\",\"id\":\"small\",\"status\":\"healthy\","
                                        "\"response_time_ms\":10.0,\"score\":80.5,\"context\":null,\"price\":2.5,"
                                        "\"features\":[],\"deprecated\":true}";
    char expected[1024];
    snprintf(expected, sizeof(expected), "{\"models\":{\"big\":[%s,%s],\"small\":[%s]}}", alpha_s_big, delta_s_big,
             alpha_s_small);
    expect_body(f, "/api/models", expected);
    snprintf(expected, sizeof(expected), "{\"model\":\"big\",\"providers\":[%s,%s]}", alpha_s_big, delta_s_big);
    expect_body(f, "/api/models?model=big", expected);
    expect_body(f, "/api/models?model=Other%2FBIG:latest", expected);
    expect_body(f, "/api/models?model=none", "{\"model\":\"none\",\"providers\":[]}");
}

static void who_serves_a_model_best_comes_first(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of(4);
    for (size_t i = 0; i < 4; ++i)
        give_model(snapshot, i, "m");
    snapshot->providers[0]->status = HEALTH_DOWN;
    snapshot->providers[0]->score = 100;
    snapshot->providers[1]->status = HEALTH_DEGRADED;
    snapshot->providers[1]->score = 90;
    snapshot->providers[2]->score = 50;
    snapshot->providers[3]->score = 50.5;
    serve(f, snapshot);
    struct answer answer = ask(f, "GET", "/api/models?model=m", "");
    static const char *const order[] = {"gamma", "delta", "beta", "alpha"};
    const char *at = answer.body;
    for (size_t i = 0; i < 4; ++i) {
        char part[48];
        snprintf(part, sizeof(part), "{\"provider\":\"%s\"", order[i]);
        at = strstr(at, part);
        assert_non_null(at);
    }
    free_answer(&answer);
}

static void unknown_is_between_degraded_and_down_and_equals_go_by_name(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of(4);
    for (size_t i = 0; i < 4; ++i)
        give_model(snapshot, i, "m");
    snapshot->providers[0]->status = HEALTH_UNKNOWN;
    snapshot->providers[1]->status = HEALTH_DEGRADED;
    snapshot->providers[2]->status = HEALTH_DOWN;
    snapshot->providers[3]->status = HEALTH_DEGRADED;
    serve(f, snapshot);
    struct answer answer = ask(f, "GET", "/api/models?model=m", "");
    static const char *const order[] = {"beta", "gamma", "alpha", "delta"};
    const char *at = answer.body;
    for (size_t i = 0; i < 4; ++i) {
        char part[48];
        snprintf(part, sizeof(part), "{\"provider\":\"%s\"", order[i]);
        at = strstr(at, part);
        assert_non_null(at);
    }
    free_answer(&answer);
}

static void aliases_bring_models_together(void **state)
{
    struct fixture *f = *state;
    char *ids[] = {(char[]){"model-*"}, NULL};
    struct model_alias alias = {(char[]){"The-Model"}, ids};
    struct config config = {.aliases = &alias, .alias_count = 1};
    struct snapshot *snapshot = snapshot_of(2);
    snapshot->aliases = alias_list_new(&config);
    give_model(snapshot, 0, "model-x");
    give_model(snapshot, 1, "vendor/Model-Y");
    serve(f, snapshot);
    static const char *const asked[] = {"the-model", "THE-MODEL", "model-x", "any/model-zzz"};
    for (size_t i = 0; i < 4; ++i) {
        char path[64];
        snprintf(path, sizeof(path), "/api/models?model=%s", asked[i]);
        expect(f, "GET", path, "", 200, "{\"model\":\"the-model\",\"providers\":[{\"provider\":\"alpha\",");
        expect(f, "GET", path, "", 200, "{\"provider\":\"beta\",\"id\":\"vendor/Model-Y\",");
    }
    expect(f, "GET", "/api/models", "", 200, "{\"models\":{\"the-model\":[{\"provider\":\"alpha\",");
}

static void no_models_are_no_models(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of(2);
    snapshot->providers[1]->models = make_models(NULL, 0);
    serve(f, snapshot);
    expect_body(f, "/api/models", "{\"models\":{}}");
    expect_body(f, "/api/models?model=m", "{\"model\":\"m\",\"providers\":[]}");
}

static void odd_questions_for_models_are_refused(void **state)
{
    struct fixture *f = *state;
    char path[2048];
    serve(f, snapshot_of(1));
    expect_error(f, "GET", "/api/models?model=", "", 400, "model: expected the name of a model, at most");
    expect_error(f, "GET", "/api/models?model=%zz", "", 400, "model: expected the name of a model");
    expect_error(f, "GET", "/api/models?model=%00", "", 400, "model: expected the name of a model");
    snprintf(path, sizeof(path), "/api/models?model=%0600d", 0);
    expect_error(f, "GET", path, "", 400, "model: expected the name of a model");
    expect_error(f, "PUT", "/api/models", "Content-Length: 0\r\n", 405, "PUT is not allowed");
}

static void each_model_has_an_etag_of_its_own(void **state)
{
    struct fixture *f = *state;
    char all[160], m[160], upper[160], n[160], header[256];
    serve(f, snapshot_of(1));
    get_etag(f, "/api/models", all);
    get_etag(f, "/api/models?model=m", m);
    get_etag(f, "/api/models?model=v/M", upper);
    get_etag(f, "/api/models?model=n", n);
    assert_string_equal(m, upper); /* the same answer */
    assert_string_not_equal(m, n);
    assert_string_not_equal(m, all);
    snprintf(header, sizeof(header), "If-None-Match: %s\r\n", m);
    expect(f, "GET", "/api/models?model=m", header, 304, "");
    expect(f, "GET", "/api/models?model=n", header, 200, "\"model\":\"n\"");
    expect(f, "GET", "/api/models", header, 200, "\"models\"");
}

/* -- last_failure -- */

static void fail_key(struct key_view *key, unsigned number, int64_t failed_us, const char *kind, const char *exchange)
{
    key->number = number;
    key->last_failure_us = failed_us;
    strcpy(key->last_failure_kind, kind);
    if (exchange != NULL)
        key->last_failure = shared_text_new(exchange, strlen(exchange));
}

/* Three keys; the second one leads. */
static struct snapshot *snapshot_of_three_keys(void)
{
    struct snapshot *snapshot = snapshot_of(1);
    struct provider_view *view = snapshot->providers[0];
    view->keys = calloc(3, sizeof(struct key_view *));
    assert_non_null(view->keys);
    view->key_count = 3;
    for (unsigned i = 0; i < 3; ++i) {
        view->keys[i] = i == 1 ? key_view_retain(view->lead) : key_view_new();
        view->keys[i]->number = i + 1;
    }
    return snapshot;
}

static const char path_of_alpha[] = "/api/providers/status/alpha/last_failure";

static void the_last_failed_exchange_is_shown(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of(2);
    fail_key(snapshot->providers[0]->lead, 0, HAND_MADE_TIME_US, "server_error", "{\"request\":1}");
    serve(f, snapshot);
    expect_body(f, path_of_alpha,
                "{\"provider_name\":\"alpha\",\"key\":null,\"failed\":\"2026-11-23T08:22:14.217Z\","
                "\"kind\":\"server_error\",\"exchange\":{\"request\":1}}");
    expect_body(f, "/api/providers/status/%61lpha/last_failure/",
                "{\"provider_name\":\"alpha\",\"key\":null,\"failed\":\"2026-11-23T08:22:14.217Z\","
                "\"kind\":\"server_error\",\"exchange\":{\"request\":1}}");
    expect_error(f, "GET", "/api/providers/status/beta/last_failure", "", 404,
                 "No check of 'beta' has failed since the start");
    expect_error(f, "GET", "/api/providers/status/nobody/last_failure", "", 404, "Provider 'nobody' not found");
    expect_error(f, "GET", "/api/providers/status//last_failure", "", 404, "");
    expect_error(f, "POST", path_of_alpha, "Content-Length: 0\r\n", 405, "POST is not allowed");
}

static void without_a_number_it_is_the_latest_of_all_keys(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of_three_keys();
    struct key_view **keys = snapshot->providers[0]->keys;
    fail_key(keys[0], 1, HAND_MADE_TIME_US - 2, "rate", "{}");
    fail_key(keys[1], 2, HAND_MADE_TIME_US - 3, "timeout", "null");
    fail_key(keys[2], 3, HAND_MADE_TIME_US - 1, "key_invalid", "[3]");
    serve(f, snapshot);
    expect(f, "GET", path_of_alpha, "", 200, "\"key\":3,");
    expect(f, "GET", path_of_alpha, "", 200, "\"kind\":\"key_invalid\",\"exchange\":[3]}");
    static const char *const kinds[] = {"\"kind\":\"rate\",\"exchange\":{}}", "\"kind\":\"timeout\",\"exchange\":null}",
                                        "\"kind\":\"key_invalid\",\"exchange\":[3]}"};
    for (int i = 0; i < 3; ++i) {
        char path[96];
        snprintf(path, sizeof(path), "%s?key=%d", path_of_alpha, i + 1);
        expect(f, "GET", path, "", 200, kinds[i]);
    }
}

static void a_key_that_did_not_fail_has_nothing_to_show(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of_three_keys();
    fail_key(snapshot->providers[0]->keys[2], 3, HAND_MADE_TIME_US, "tls", "{}");
    serve(f, snapshot);
    expect_error(f, "GET", "/api/providers/status/alpha/last_failure?key=1", "", 404, "has failed");
    expect(f, "GET", path_of_alpha, "", 200, "\"key\":3,");
}

static void other_numbers_of_keys_are_refused(void **state)
{
    static const char *const numbers[] = {"0", "4",   "-1",  "x",          "2x",
                                          "",  "%zz", "1.0", "4294967297", "18446744073709551617"};
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of_three_keys();
    for (unsigned i = 0; i < 3; ++i)
        fail_key(snapshot->providers[0]->keys[i], i + 1, HAND_MADE_TIME_US, "tls", "{}");
    serve(f, snapshot);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); ++i) {
        char path[128];
        snprintf(path, sizeof(path), "%s?key=%s", path_of_alpha, numbers[i]);
        expect_error(f, "GET", path, "", 400, "key: expected the number of one of the keys of 'alpha', 1 to 3");
    }
}

static void the_only_key_has_the_number_1(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = snapshot_of(2);
    fail_key(snapshot->providers[0]->lead, 1, HAND_MADE_TIME_US, "tls", "{}");
    fail_key(snapshot->providers[1]->lead, 0, HAND_MADE_TIME_US, "tls", "{}");
    serve(f, snapshot);
    expect(f, "GET", "/api/providers/status/alpha/last_failure?key=1", "", 200, "\"key\":1,");
    expect_error(f, "GET", "/api/providers/status/alpha/last_failure?key=2", "", 400, "'alpha', 1 to 1");
    expect_error(f, "GET", "/api/providers/status/beta/last_failure?key=1", "", 400,
                 "key: 'beta' is asked without a key");
    expect_error(f, "GET", "/api/providers/status/beta/last_failure?key=0", "", 400,
                 "key: 'beta' is asked without a key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(kinds_are_told_with_their_consequences),
        WITH_FIXTURE(of_a_provider_only_what_is_its_own_is_told),
        WITH_FIXTURE(each_field_that_differs_makes_a_kind_a_provider_s_own),
        WITH_FIXTURE(before_the_first_table_there_are_no_kinds),
        WITH_FIXTURE(models_are_gathered_by_name),
        WITH_FIXTURE(who_serves_a_model_best_comes_first),
        WITH_FIXTURE(unknown_is_between_degraded_and_down_and_equals_go_by_name),
        WITH_FIXTURE(aliases_bring_models_together),
        WITH_FIXTURE(no_models_are_no_models),
        WITH_FIXTURE(odd_questions_for_models_are_refused),
        WITH_FIXTURE(each_model_has_an_etag_of_its_own),
        WITH_FIXTURE(the_last_failed_exchange_is_shown),
        WITH_FIXTURE(without_a_number_it_is_the_latest_of_all_keys),
        WITH_FIXTURE(a_key_that_did_not_fail_has_nothing_to_show),
        WITH_FIXTURE(other_numbers_of_keys_are_refused),
        WITH_FIXTURE(the_only_key_has_the_number_1),
    };
    return RUN(tests);
}
