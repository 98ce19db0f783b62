/* What clients send to POST /api/providers/report. */
#include "serve/report_body.h"

#include "../hand_made.h"

#include <stdio.h>
#include <stdlib.h>

static struct snapshot *snapshot;

static int load(void **state)
{
    static const char here[] = __FILE__, own_part[] = "tests/unit/serve/test_report_body.c";
    char path[512], error[256] = "";
    (void)state;
    snprintf(path, sizeof(path), "%.*sproviders/lib", (int)(sizeof(here) - sizeof(own_part)), here);
    const char *const folders[] = {path};
    snapshot = hand_made_snapshot(1, 2);
    snapshot->kinds = kind_table_load(folders, 1, error, sizeof(error));
    hand_made_provider(snapshot, 0, "groq", HEALTH_HEALTHY, 1);
    struct provider_view *view = hand_made_provider(snapshot, 1, "many", HEALTH_HEALTHY, 1);
    view->keys = calloc(2, sizeof(struct key_view *));
    for (unsigned i = 0; i < 2; ++i) {
        view->keys[view->key_count++] = key_view_new();
        view->keys[i]->number = i + 1;
    }
    return snapshot->kinds != NULL ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    snapshot_release(snapshot);
    return 0;
}

static struct report_rejections rejections;
static char fault[256];

static struct report_batch *read_bytes(const char *bytes, size_t len)
{
    free(rejections.list);
    fault[0] = '\0';
    return report_body_read(bytes, len, snapshot, HAND_MADE_TIME_US, &rejections, fault, sizeof(fault));
}

static void forget(struct report_batch *batch)
{
    report_batch_free(batch);
    free(rejections.list);
    rejections.list = NULL;
}

/* The only report of a body in which nothing is wrong. */
static struct report_batch *sound(const char *body)
{
    struct report_batch *batch = read_bytes(body, strlen(body));
    if (batch == NULL || batch->count != 1)
        fail_msg("%s: %s%s", body, fault, rejections.listed != 0 ? rejections.list[0].error : "");
    return batch;
}

static void rejected(const char *body, const char *reason)
{
    struct report_batch *batch = read_bytes(body, strlen(body));
    if (batch == NULL)
        fail_msg("%s: refused whole: %s", body, fault);
    assert_int_equal(batch->count, 0);
    assert_int_equal(rejections.count, 1);
    if (strstr(rejections.list[0].error, reason) == NULL)
        fail_msg("%s: expected '%s', got '%s'", body, reason, rejections.list[0].error);
    forget(batch);
}

static void refused(const char *body, size_t len, const char *reason)
{
    struct report_batch *batch = read_bytes(body, len);
    assert_null(batch);
    if (strstr(fault, reason) == NULL)
        fail_msg("%s: expected '%s', got '%s'", body, reason, fault);
    forget(batch);
}

/* -- what is read -- */

static void every_field_is_read(void **state)
{
    (void)state;
    struct report_batch *batch =
        sound("{\"provider\": \"many\", \"key\": 2, \"model\": \"llama-3.3\", \"outcome\": \"rate\", \"status\": 429,"
              " \"latency_ms\": 12.5, \"first_token_ms\": 3, \"tokens_per_second\": 80.5, \"tokens\": 1234,"
              " \"time\": \"2026-11-23T08:22:00Z\", \"error\": \"slow down\","
              " \"headers\": {\"Retry-After\": \"7\", \"x-ratelimit-remaining-requests\": \"0\"}}");
    const struct report *report = &batch->reports[0];
    assert_string_equal(report->provider, "many");
    assert_int_equal(report->key, 2);
    assert_string_equal(report->model, "llama-3.3");
    assert_int_equal(report->outcome, REPORT_FAILED);
    assert_string_equal(report->kind, "rate");
    assert_int_equal(report->status, 429);
    assert_float_equal(report->latency_ms, 12.5, 0);
    assert_float_equal(report->first_token_ms, 3, 0);
    assert_float_equal(report->tokens_per_second, 80.5, 0);
    assert_int_equal(report->tokens, 1234);
    assert_int_equal(report->ended_us, INT64_C(1795422120000000));
    assert_int_equal(report->headers.len, strlen("Retry-After: 7\r\nx-ratelimit-remaining-requests: 0\r\n"));
    assert_memory_equal(report_text_of(batch, &report->headers), "Retry-After: 7\r\n", 16);
    assert_memory_equal(report_text_of(batch, &report->error), "slow down", 9);
    forget(batch);
}

static void what_is_not_said_is_not_known(void **state)
{
    (void)state;
    struct report_batch *batch = sound("{\"provider\": \"groq\", \"status\": 200, \"key\": null, \"model\": null}");
    const struct report *report = &batch->reports[0];
    assert_int_equal(report->outcome, REPORT_OK);
    assert_int_equal(report->key, 0);
    assert_string_equal(report->model, "");
    assert_true(report->latency_ms == -1 && report->first_token_ms == -1 && report->tokens_per_second == -1);
    assert_int_equal(report->tokens, -1);
    assert_int_equal(report->ended_us, HAND_MADE_TIME_US);
    forget(batch);
}

static void the_status_tells_the_outcome(void **state)
{
    static const struct {
        const char *body;
        enum report_outcome outcome;
    } cases[] = {
        {"{\"provider\": \"groq\", \"status\": 204}", REPORT_OK},
        {"{\"provider\": \"groq\", \"status\": 500}", REPORT_FAILED},
        {"{\"provider\": \"groq\", \"status\": 200, \"outcome\": \"failed\"}", REPORT_FAILED},
        {"{\"provider\": \"groq\", \"outcome\": \"aborted\"}", REPORT_ABORTED},
        {"{\"provider\": \"groq\", \"outcome\": \"ok\"}", REPORT_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct report_batch *batch = sound(cases[i].body);
        assert_int_equal(batch->reports[0].outcome, cases[i].outcome);
        forget(batch);
    }
}

static void one_a_list_and_a_named_list_are_alike(void **state)
{
    static const char *const bodies[] = {"{\"provider\":\"groq\",\"status\":200}",
                                         "[{\"provider\":\"groq\",\"status\":200}]",
                                         " {\"reports\":[{\"provider\":\"groq\",\"status\":200}]} \r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); ++i)
        forget(sound(bodies[i]));
    struct report_batch *batch = read_bytes("[]", 2);
    assert_non_null(batch);
    assert_int_equal(batch->count, 0);
    assert_int_equal(rejections.count, 0);
    forget(batch);
}

static void one_fault_does_not_spoil_the_others(void **state)
{
    static const char body[] = "[{\"provider\":\"groq\",\"status\":200},{\"provider\":\"nobody\",\"status\":200},7,"
                               "{\"provider\":\"many\",\"outcome\":\"ok\"}]";
    (void)state;
    struct report_batch *batch = read_bytes(body, strlen(body));
    assert_int_equal(batch->count, 2);
    assert_string_equal(batch->reports[1].provider, "many");
    assert_int_equal(rejections.count, 2);
    assert_int_equal(rejections.list[0].index, 1);
    assert_int_equal(rejections.list[1].index, 2);
    forget(batch);
}

/* -- headers -- */

static void only_headers_that_tell_of_limits_are_kept(void **state)
{
    (void)state;
    struct report_batch *batch =
        sound("{\"provider\": \"groq\", \"status\": 200, \"headers\": {\"authorization\": \"Bearer secret\","
              " \"set-cookie\": \"secret\", \"anthropic-ratelimit-tokens-remaining\": \"5\", \"x-request-id\": 7}}");
    const struct report *report = &batch->reports[0];
    assert_memory_equal(report_text_of(batch, &report->headers), "anthropic-ratelimit-tokens-remaining: 5\r\n",
                        report->headers.len);
    assert_null(strstr(buf_text(&batch->texts), "secret"));
    forget(batch);
}

static void no_header_becomes_two(void **state)
{
    (void)state;
    struct report_batch *batch =
        sound("{\"provider\": \"groq\", \"status\": 200, \"headers\": {"
              "\"retry-after\": \"1\\r\\nx-ratelimit-limit: 9\", \"x-ratelimit-limit: 9\\r\\nretry-after\": \"1\","
              " \"x-ratelimit-reset: \": \"2\"}}");
    assert_int_equal(batch->reports[0].headers.len, 0);
    forget(batch);
}

static void headers_and_errors_are_bounded(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    buf_append_text(&body, "{\"provider\": \"groq\", \"status\": 500, \"error\": \"");
    for (int i = 0; i < 3000; ++i)
        buf_append_text(&body, "e");
    buf_append_text(&body, "\", \"headers\": {");
    for (int i = 0; i < 1000; ++i)
        buf_printf(&body, "%s\"x-ratelimit-%d\": \"123456789\"", i != 0 ? "," : "", i);
    buf_append_text(&body, "}}");
    struct report_batch *batch = sound(buf_text(&body));
    assert_in_range(batch->reports[0].headers.len, REPORT_HEADERS_MAX - 64, REPORT_HEADERS_MAX);
    assert_int_equal(batch->reports[0].error.len, REPORT_ERROR_MAX);
    buf_dispose(&body);
    forget(batch);
}

/* -- faults -- */

static void each_fault_names_what_was_expected(void **state)
{
    (void)state;
    rejected("{\"status\": 200}", "provider: expected the name of one");
    rejected("{\"provider\": 7, \"status\": 200}", "provider: expected a string; got a number");
    rejected("{\"provider\": \"gr\\u0000oq\", \"status\": 200}", "provider: expected a string");
    rejected("{\"provider\": \"nobody\", \"status\": 200}", "provider: 'nobody' is not watched");
    rejected("{\"provider\": \"groq\"}", "expected an outcome, or the status");
    rejected("{\"provider\": \"groq\", \"outcome\": \"ratee\"}", "did you mean 'rate'?");
    rejected("{\"provider\": \"groq\", \"outcome\": 1}", "outcome: expected a string");
    rejected("{\"provider\": \"groq\", \"status\": 99}", "status: expected an HTTP status from 100 to 599");
    rejected("{\"provider\": \"groq\", \"status\": 200.5}", "status: expected");
    rejected("{\"provider\": \"groq\", \"status\": \"200\"}", "status: expected");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"key\": 1}", "key: 'groq' is asked without a key");
    rejected("{\"provider\": \"many\", \"status\": 200, \"key\": 3}", "keys of 'many', 1 to 2");
    rejected("{\"provider\": \"many\", \"status\": 200, \"key\": 0}", "keys of 'many', 1 to 2");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"model\": \"a\\nb\"}", "model: expected an id");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"latency_ms\": -1}", "latency_ms: expected a number");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"tokens\": 1e300}", "tokens: expected a number");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"tokens_per_second\": \"9\"}", "tokens_per_second: expected");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"time\": \"yesterday\"}", "time: expected \"2026");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"time\": 1000}", "time: expected at most 600 s ago");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"time\": \"2026-11-23T09:22:00Z\"}", "time: expected at most");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"headers\": []}", "headers: expected {\"name\"");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"headers\": {\"retry-after\": 7}}",
             "headers: expected strings");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"error\": {}}", "error: expected a string; got an object");
    rejected("{\"provider\": \"groq\", \"status\": 200, \"latency\": 7}", "did you mean 'latency_ms'?");
    rejected("[[]]", "expected an object; got an array");
    rejected("[null]", "expected an object; got null");
}

static void bodies_that_are_no_json_are_refused_whole(void **state)
{
    (void)state;
    refused("", 0, "not whole");
    refused("{\"provider\":", 12, "not whole");
    refused("null", 4, "not whole");
    refused("\"x\"", 3, "got a string");
    refused("{'provider': 'groq'}", 20, "not JSON");
    refused("[] x", 4, "not JSON: unexpected character at byte 3");
    refused("[]\0", 3, "more behind its end");
    refused("[\"\xff\"]", 5, "not JSON");
    refused("{\"reports\": [], \"more\": 1}", 26, "has reports and is something else");
    refused("{\"reports\": {}}", 15, "has reports and is something else");
    refused("[[[[[[[[[[[[]]]]]]]]]]]]", 24, "not JSON");
}

static void too_many_at_once_are_refused(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    buf_append_text(&body, "[");
    for (int i = 0; i <= REPORTS_MAX; ++i)
        buf_printf(&body, "%s{}", i != 0 ? "," : "");
    buf_append_text(&body, "]");
    refused(buf_text(&body), body.len, "1001 reports; expected at most 1000");
    buf_dispose(&body);
}

static void the_first_hundred_rejections_are_listed(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY;
    buf_append_text(&body, "[");
    for (int i = 0; i < 300; ++i)
        buf_printf(&body, "%s%d", i != 0 ? "," : "", i);
    buf_append_text(&body, "]");
    struct report_batch *batch = read_bytes(buf_text(&body), body.len);
    assert_int_equal(rejections.count, 300);
    assert_int_equal(rejections.listed, REPORT_REJECTIONS_MAX);
    assert_int_equal(rejections.list[REPORT_REJECTIONS_MAX - 1].index, REPORT_REJECTIONS_MAX - 1);
    buf_dispose(&body);
    forget(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(what_is_not_said_is_not_known),
        cmocka_unit_test(the_status_tells_the_outcome),
        cmocka_unit_test(one_a_list_and_a_named_list_are_alike),
        cmocka_unit_test(one_fault_does_not_spoil_the_others),
        cmocka_unit_test(only_headers_that_tell_of_limits_are_kept),
        cmocka_unit_test(no_header_becomes_two),
        cmocka_unit_test(headers_and_errors_are_bounded),
        cmocka_unit_test(each_fault_names_what_was_expected),
        cmocka_unit_test(bodies_that_are_no_json_are_refused_whole),
        cmocka_unit_test(too_many_at_once_are_refused),
        cmocka_unit_test(the_first_hundred_rejections_are_listed),
    };
    return cmocka_run_group_tests_name("serve/report_body", tests, load, unload);
}
