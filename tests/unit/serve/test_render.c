/* Snapshots as JSON and CSV: the recorded keys in the recorded form, ours after them. */
#include "serve/render.h"
#include "serve/render_best.h"

#include "../hand_made.h"

#include <math.h>
#include <stdio.h>

static void assert_has(const struct buf *out, const char *part)
{
    if (strstr(buf_text(out), part) == NULL)
        fail_msg("no '%s' in '%s'", part, buf_text(out));
}

static void assert_lacks(const struct buf *out, const char *part)
{
    if (strstr(buf_text(out), part) != NULL)
        fail_msg("'%s' in '%s'", part, buf_text(out));
}

static void checked_provider_has_the_recorded_keys_first(void **state)
{
    struct snapshot *snapshot = hand_made_snapshot(7, 1);
    struct provider_view *view = hand_made_provider(snapshot, 0, "p0", HEALTH_HEALTHY, 5.736589431762695);
    struct buf out = BUF_EMPTY;
    (void)state;
    strcpy(view->title, "P \"0\"");
    strcpy(view->reason, "ok");
    view->score = 100;
    view->lead->http_status = 200;
    view->lead->next_check_us = HAND_MADE_TIME_US + 300000000;
    view->lead->phases.connect_ms = 0.25f;
    render_status(&out, snapshot, STATS_DAY);
    assert_has(&out, "{\"timestamp\":\"2026-11-23T08:22:14.217Z\",\"providers\":{\"p0\":{\"status\":\"healthy\","
                     "\"response_time_ms\":5.736589431762695,\"uptime_percent\":100.0,\"rate_limit_percent\":0.0,"
                     "\"last_check\":\"2026-11-23T08:22:14.217Z\",\"error_message\":\"\",\"consecutive_failures\":0,");
    assert_has(&out,
               "\"title\":\"P \\\"0\\\"\",\"reason\":\"ok\",\"error_kind\":null,\"score\":100.0,\"http_status\":200,"
               "\"retry_at\":null,\"next_check\":\"2026-11-23T08:27:14.217Z\","
               "\"degraded_latency_ms\":0.0,\"phases\":{\"dns_ms\":null,\"connect_ms\":0.25,\"tls_ms\":null,");
    assert_has(&out, ",\"version\":7,\"not_configured\":[],\"broken\":[]}");
    buf_dispose(&out);
    render_provider(&out, view, STATS_DAY, 0);
    assert_has(&out, "{\"provider_name\":\"p0\",\"status\":\"healthy\",");
    buf_dispose(&out);
    snapshot_release(snapshot);
}

static void never_checked_provider_is_as_recorded(void **state)
{
    struct snapshot *snapshot = hand_made_snapshot(1, 1);
    struct buf out = BUF_EMPTY;
    (void)state;
    hand_made_provider(snapshot, 0, "p0", HEALTH_UNKNOWN, 0);
    render_status(&out, snapshot, STATS_DAY);
    assert_has(&out, "{\"p0\":{\"status\":\"unknown\",\"response_time_ms\":0.0,\"uptime_percent\":0.0,"
                     "\"rate_limit_percent\":0.0,\"last_check\":\"never\","
                     "\"error_message\":\"No health data available\",\"consecutive_failures\":0,");
    assert_has(&out, "\"http_status\":null,\"retry_at\":null,\"next_check\":null,");
    buf_dispose(&out);
    snapshot_release(snapshot);
}

static void absences_are_told_apart(void **state)
{
    struct snapshot *snapshot = hand_made_snapshot(1, 0);
    struct buf out = BUF_EMPTY;
    (void)state;
    hand_made_absence(snapshot, "groq", "set GROQ_API_KEY", false);
    hand_made_absence(snapshot, "mine.lua", "mine.lua:1: boom", true);
    render_status(&out, snapshot, STATS_DAY);
    assert_has(&out, "\"not_configured\":[{\"name\":\"groq\",\"message\":\"set GROQ_API_KEY\"}],"
                     "\"broken\":[{\"name\":\"mine.lua\",\"message\":\"mine.lua:1: boom\"}]}");
    buf_dispose(&out);
    snapshot_release(snapshot);
}

/* -- who is best -- */

static void best_offers_only_the_alternatives_asked_for(void **state)
{
    struct snapshot *snapshot = hand_made_snapshot(9, 3);
    struct candidate candidates[3] = {{.warmth = 1}, {.warmth = 1}, {.warmth = 1}};
    struct ranked rows[3];
    struct ranking ranking = {.rows = rows, .ranked = 3, .count = 3};
    struct policy_request request = {.n = 0};
    struct policy_result result = {.policy = "mine", .reason = "because", .ranking = &ranking, .alternatives = 1};
    struct spread spread;
    struct buf out = BUF_EMPTY;
    (void)state;
    candidates[0].view = hand_made_provider(snapshot, 0, "a", HEALTH_HEALTHY, 1);
    candidates[1].view = hand_made_provider(snapshot, 1, "b", HEALTH_HEALTHY, 2);
    candidates[2].view = hand_made_provider(snapshot, 2, "c", HEALTH_HEALTHY, 3);
    for (size_t i = 0; i < 3; ++i) {
        candidates[i].key = candidates[i].view->lead;
        rows[i] = (struct ranked){.candidate = &candidates[i], .score = NAN, .why = "so"};
    }
    spread_make(&spread, &ranking);
    render_best(&out, snapshot, &request, &result, &spread, 0, HAND_MADE_TIME_US);
    assert_has(&out, "{\"best_provider\":\"a\",\"reason\":\"because\",\"alternatives\":[\"b\"],"
                     "\"policy\":\"mine\",\"version\":9,\"valid_for_ms\":60000,\"stale\":false,\"ranking\":["
                     "{\"provider\":\"a\",\"rank\":1,\"score\":null,\"why\":\"so\",\"status\":\"healthy\",");
    buf_dispose(&out);
    result.alternatives = SIZE_MAX;
    strcpy(result.error, "it raised");
    render_best(&out, snapshot, &request, &result, &spread, 0, HAND_MADE_TIME_US);
    assert_has(&out, "\"alternatives\":[\"b\",\"c\"],\"policy\":\"mine\",\"policy_error\":\"it raised\",");
    buf_dispose(&out);
    request.n = 2;
    render_best(&out, snapshot, &request, &result, &spread, 0, HAND_MADE_TIME_US);
    assert_has(&out, "\"alternatives\":[\"b\"],");
    assert_has(&out, "\"ranking_left_off\":1}");
    buf_dispose(&out);
    ranking.ranked = 0;
    spread_make(&spread, &ranking);
    render_best(&out, snapshot, &request, &result, &spread, 0, HAND_MADE_TIME_US);
    assert_has(&out, "{\"best_provider\":null,\"reason\":\"because\",\"alternatives\":[],");
    buf_dispose(&out);
    snapshot_release(snapshot);
}

/* -- health -- */

static void assert_health(struct snapshot *snapshot, const struct store_report *store, const char *part)
{
    struct buf out = BUF_EMPTY;
    render_health(&out, snapshot, store, NULL);
    assert_has(&out, part);
    buf_dispose(&out);
}

static void health_has_the_recorded_keys(void **state)
{
    struct snapshot *snapshot = hand_made_snapshot(1, 0);
    struct store_report store = {.writable = true, .written = 3};
    (void)state;
    assert_health(snapshot, &store,
                  "{\"status\":\"healthy\",\"providers_monitored\":0,\"check_interval_minutes\":5,"
                  "\"running\":true,");
    assert_health(snapshot, &store, "\"written\":3,");
    snapshot->check_interval_ms = 90000;
    assert_health(snapshot, &store, "\"check_interval_minutes\":1.5,");
    snapshot_release(snapshot);
}

static void health_is_degraded_by_each_fault_alone(void **state)
{
    struct store_report well = {.writable = true}, ill = {.error = "disk full", .failing_since_us = HAND_MADE_TIME_US};
    struct snapshot *snapshot = hand_made_snapshot(1, 0);
    (void)state;
    hand_made_absence(snapshot, "groq", "set GROQ_API_KEY", false);
    assert_health(snapshot, &well, "{\"status\":\"healthy\"");
    assert_health(snapshot, &ill, "{\"status\":\"degraded\"");
    assert_health(snapshot, &ill, "\"writable\":false,\"error\":\"disk full\",\"failing_since\":\"2026-11-23T08:22:14");
    snapshot->last_reload_error = strdup("providerd.lua:3: boom");
    assert_health(snapshot, &well, "{\"status\":\"degraded\"");
    assert_health(snapshot, &well, "\"last_reload_error\":\"providerd.lua:3: boom\"");
    free(snapshot->last_reload_error);
    snapshot->last_reload_error = NULL;
    hand_made_absence(snapshot, "mine.lua", "boom", true);
    assert_health(snapshot, &well, "{\"status\":\"degraded\"");
    snapshot_release(snapshot);
}

/* -- CSV -- */

static void assert_csv_field(const char *text, const char *expected)
{
    struct buf out = BUF_EMPTY;
    render_csv_text(&out, text);
    assert_string_equal(buf_text(&out), expected);
    buf_dispose(&out);
}

static void csv_fields_are_quoted_and_harmless(void **state)
{
    (void)state;
    assert_csv_field("", "");
    assert_csv_field("groq", "groq");
    assert_csv_field("a-b", "a-b");
    assert_csv_field("a,b", "\"a,b\"");
    assert_csv_field("a\"b", "\"a\"\"b\"");
    assert_csv_field("a\nb", "\"a\nb\"");
    assert_csv_field("=1+1", "'=1+1");
    assert_csv_field("+1", "'+1");
    assert_csv_field("-1", "'-1");
    assert_csv_field("@SUM(A1)", "'@SUM(A1)");
    assert_csv_field("\tx", "'\tx");
    assert_csv_field("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\"");
}

static void csv_rows_go_by_uptime_then_latency_then_name(void **state)
{
    struct snapshot *snapshot = hand_made_snapshot(1, 5);
    struct buf out = BUF_EMPTY;
    (void)state;
    hand_made_provider(snapshot, 0, "a", HEALTH_UNKNOWN, 0);
    hand_made_provider(snapshot, 1, "b", HEALTH_HEALTHY, 9.5);
    hand_made_provider(snapshot, 2, "c", HEALTH_HEALTHY, 2);
    hand_made_provider(snapshot, 3, "d", HEALTH_HEALTHY, 2);
    hand_made_provider(snapshot, 4, "e", HEALTH_DOWN, 1)->uptime_percent = 50;
    snapshot->providers[4]->lead->consecutive_failures = 3;
    assert_int_equal(render_csv(&out, snapshot), 0);
    assert_string_equal(buf_text(&out), "provider_name,status,response_time_ms,uptime_percent,rate_limit_percent,"
                                        "last_check_timestamp,consecutive_failures\n"
                                        "c,healthy,2.0,100.0,0.0,2026-11-23T08:22:14.217Z,0\n"
                                        "d,healthy,2.0,100.0,0.0,2026-11-23T08:22:14.217Z,0\n"
                                        "b,healthy,9.5,100.0,0.0,2026-11-23T08:22:14.217Z,0\n"
                                        "e,down,1.0,50.0,0.0,2026-11-23T08:22:14.217Z,3\n"
                                        "a,unknown,0.0,0.0,0.0,never,0\n");
    buf_dispose(&out);
    snapshot_release(snapshot);
}

static void errors_are_json_whatever_they_quote(void **state)
{
    struct buf out = BUF_EMPTY;
    (void)state;
    render_error(&out, "Provider '\"\x01\xff' not found");
    assert_string_equal(buf_text(&out), "{\"detail\":\"Provider '\\\"\\u0001\xef\xbf\xbd' not found\"}");
    assert_lacks(&out, "\x01");
    buf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checked_provider_has_the_recorded_keys_first),
        cmocka_unit_test(never_checked_provider_is_as_recorded),
        cmocka_unit_test(absences_are_told_apart),
        cmocka_unit_test(best_offers_only_the_alternatives_asked_for),
        cmocka_unit_test(health_has_the_recorded_keys),
        cmocka_unit_test(health_is_degraded_by_each_fault_alone),
        cmocka_unit_test(csv_fields_are_quoted_and_harmless),
        cmocka_unit_test(csv_rows_go_by_uptime_then_latency_then_name),
        cmocka_unit_test(errors_are_json_whatever_they_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
