/* What each route answers, with which status and headers. */
#include "fixture.h"

/* -- routes -- */

static void routes_answer(void **state)
{
    struct fixture *f = *state;
    start_usual(f);
    expect(f, "GET", "/", "", 200, "/api/providers/status/{name}");
    expect(f, "GET", "/api/providers/status", "", 200, "\"p3\":{\"status\":\"healthy\"");
    expect(f, "GET", "/api/providers/status/", "", 200, "\"p3\":");
    expect(f, "GET", "/api/providers/status/p3", "", 200, "{\"provider_name\":\"p3\",");
    expect(f, "GET", "/api/providers/status/%703", "", 200, "{\"provider_name\":\"p3\",");
    expect(f, "GET", "/api/providers/best", "", 200, "{\"best_provider\":\"p9\",\"reason\":\"the last\"");
    expect(f, "GET", "/api/providers/best?policy=last", "", 200, "\"policy\":\"last\"");
    expect(f, "GET", "/api/providers/best?policy=raises", "", 200, "\"policy_error\":\"");
    expect(f, "GET", "/api/providers/export/csv", "", 200, "provider_name,status,");
    expect(f, "GET", "/api/providers/health", "", 200, "\"providers_monitored\":10,\"check_interval_minutes\":5,");
    expect(f, "GET", "/api/providers/history", "", 200, "{}");
}

static void errors_are_json_with_their_status(void **state)
{
    struct fixture *f = *state;
    start_usual(f);
    expect_error(f, "GET", "/nope", "", 404, "Not Found");
    expect_error(f, "GET", "/api/providers/status/nope", "", 404, "Provider 'nope' not found");
    expect_error(f, "GET", "/api/providers/status/%22%3C", "", 404, "Provider '\\\"<' not found");
    expect_error(f, "POST", "/api/providers/check/nope", "Content-Length: 0\r\n", 404, "Provider 'nope' not found");
    expect_error(f, "GET", "/api/providers/history/nope", "", 404, "No history found for provider 'nope'");
    expect_error(f, "GET", "/api/providers/status/%zz", "", 400, "malformed path");
    expect_error(f, "GET", "/api/providers/history?hours=-1", "", 400, "hours: expected");
    expect_error(f, "GET", "http://x/api/providers/history?hours=-1", "", 400, "hours: expected");
    expect_error(f, "GET", "/api/providers/history/p1?hours=x", "", 400, "got 'x'");
    expect_error(f, "GET", "/api/providers/best?policy=nope", "", 400, "expected one of last, raises; got 'nope'");
    expect_error(f, "DELETE", "/api/providers/status", "", 405, "DELETE is not allowed");
    expect_error(f, "GET", "/api/providers/check", "", 405, "POST");
    expect_error(f, "POST", "/api/providers/check", "Content-Length: 1001\r\n", 413, "larger than allowed");
    expect_error(f, "POST", "/api/providers/check", "Content-Length: x\r\n", 400, "malformed");
    expect_error(f, "POST", "/api/providers/check", "Transfer-Encoding: x\r\n", 400, "malformed");
    expect_error(f, "POST", "/api/providers/check", "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "malformed");
    expect_error(f, "POST", "/api/providers/check", "Content-Length: 1\r\nExpect: x\r\n", 417, "100-continue");
    assert_int_equal(atomic_load(&f->checks_asked), 0);
}

static void too_many_header_bytes_are_431(void **state)
{
    struct fixture *f = *state;
    char line[MAX_HEADER_BYTES + 64];
    start_usual(f);
    snprintf(line, sizeof(line), "X-Long: %0*d\r\n", MAX_HEADER_BYTES - 200, 0);
    expect(f, "GET", "/api/providers/best", line, 200, "best_provider");
    snprintf(line, sizeof(line), "X-Long: %0*d\r\n", MAX_HEADER_BYTES, 0);
    expect_error(f, "GET", "/api/providers/best", line, 431, "2048 bytes");
    snprintf(line, sizeof(line), "/%0*d", MAX_HEADER_BYTES, 0);
    expect_error(f, "GET", line, "", 431, "2048 bytes");
    snprintf(line, sizeof(line), "Host: %0*d\r\n", MAX_HEADER_BYTES, 0);
    expect_error(f, "GET", "/", line, 431, "2048 bytes");
}

static void methods_are_told(void **state)
{
    struct fixture *f = *state;
    start_usual(f);
    struct answer answer = ask(f, "OPTIONS", "/api/providers/status", "");
    assert_int_equal(answer.status, 204);
    assert_true(header_is(&answer, "allow: GET, HEAD, OPTIONS\r\n"));
    assert_false(header_is(&answer, "content-type"));
    assert_int_equal(answer.body_len, 0);
    free_answer(&answer);
    answer = ask(f, "PUT", "/api/providers/check", "");
    assert_true(header_is(&answer, "allow: POST, OPTIONS\r\n"));
    free_answer(&answer);
}

static void head_is_get_without_the_body(void **state)
{
    static const char *const paths[] = {"/",
                                        "/api/providers/status",
                                        "/api/providers/status/p1",
                                        "/api/providers/best",
                                        "/api/providers/export/csv",
                                        "/api/providers/health",
                                        "/api/providers/history"};
    struct fixture *f = *state;
    start_usual(f);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); ++i) {
        struct answer get = ask(f, "GET", paths[i], ""), head = ask(f, "HEAD", paths[i], "");
        assert_int_equal(head.status, 200);
        assert_int_equal(head.body_len, 0);
        if (header_is(&get, "content-length") && strcmp(paths[i], "/api/providers/health") != 0) {
            char of_get[32], of_head[32];
            get_header(&get, "content-length", of_get, sizeof(of_get));
            get_header(&head, "content-length", of_head, sizeof(of_head));
            assert_string_equal(of_get, of_head);
        }
        free_answer(&get);
        free_answer(&head);
    }
    /* The connection is in order behind it. */
    static const char two[] = "HEAD /api/providers/history HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /api/providers/status/p1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct answer answer = ask_raw(f, two, strlen(two));
    assert_int_equal(strncmp(answer.body, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(answer.body, "\"provider_name\":\"p1\""));
    free_answer(&answer);
}

static void checks_are_asked_for(void **state)
{
    struct fixture *f = *state;
    start_usual(f);
    expect(f, "POST", "/api/providers/check/p4", "Content-Length: 0\r\n", 202, "{\"checking\":[\"p4\"]}");
    assert_string_equal(f->last_asked, "p4");
    expect(f, "POST", "/api/providers/check", "Content-Length: 2\r\n\r\n{}", 202, "{\"checking\":[\"p0\",\"p1\",");
    assert_string_equal(f->last_asked, "*");
    assert_int_equal(atomic_load(&f->checks_asked), 2);
}

static void before_the_first_snapshot_it_is_503(void **state)
{
    struct fixture *f = *state;
    open_server(f, 1, 100);
    start(f);
    expect_error(f, "GET", "/api/providers/status", "", 503, "starting");
    publish(f, usual_snapshot(1));
    wait_for_version(f, 1);
    expect_error(f, "GET", "/api/providers/best", "", 503, "policies");
}

/* -- caching -- */

static void versions_have_etags_of_their_own(void **state)
{
    static const char *const paths[] = {"/api/providers/status", "/api/providers/status/p1", "/api/providers/best",
                                        "/api/providers/best?policy=last", "/api/providers/export/csv"};
    struct fixture *f = *state;
    char etag[160], lines[256];
    start_usual(f);
    for (uint64_t version = 1; version <= 2; ++version) {
        if (version == 2)
            publish(f, usual_snapshot(version));
        wait_for_version(f, version);
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); ++i) {
            struct answer answer = ask(f, "GET", paths[i], "");
            assert_true(header_is(&answer, "cache-control: no-cache\r\n"));
            assert_true(header_is(&answer, "vary: accept-encoding\r\n"));
            get_header(&answer, "etag", etag, sizeof(etag));
            free_answer(&answer);
            snprintf(lines, sizeof(lines), "If-None-Match: \"x\"\r\nIf-None-Match: W/%s\r\n", etag);
            answer = ask(f, "GET", paths[i], lines);
            assert_int_equal(answer.status, 304);
            assert_int_equal(answer.body_len, 0);
            free_answer(&answer);
        }
    }
    snprintf(lines, sizeof(lines), "If-None-Match: \"%016x-1-status\"\r\n", HAND_MADE_BOOT_ID);
    expect(f, "GET", "/api/providers/status", lines, 200, "\"version\":2");
}

static void longest_names_have_whole_etags(void **state)
{
    struct fixture *f = *state;
    char name[PROVIDER_NAME_MAX], path[128], etag[200];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    start_usual(f);
    struct snapshot *snapshot = hand_made_snapshot(UINT64_MAX, 1);
    hand_made_provider(snapshot, 0, name, HEALTH_HEALTHY, 1);
    publish(f, snapshot);
    wait_for_version(f, UINT64_MAX);
    snprintf(path, sizeof(path), "/api/providers/status/%s", name);
    struct answer answer = ask(f, "GET", path, "");
    get_header(&answer, "etag", etag, sizeof(etag));
    assert_int_equal(etag[strlen(etag) - 1], '"');
    free_answer(&answer);
}

static void large_answers_are_zipped_for_who_wants_it(void **state)
{
    static const char path[] = "/api/providers/status";
    struct fixture *f = *state;
    char etag[160], zipped_etag[160], *text = malloc(65536);
    start_usual(f);
    struct answer plain = ask(f, "GET", path, "Accept-Encoding: gzip;q=0\r\n");
    struct answer zipped = ask(f, "GET", path, "Accept-Encoding: br, gzip;q=0.8\r\n");
    assert_false(header_is(&plain, "content-encoding"));
    assert_true(header_is(&zipped, "content-encoding: gzip\r\n"));
    assert_true(zipped.body_len < plain.body_len / 2);
    unzip(&zipped, text, 65536);
    assert_string_equal(text, plain.body);
    get_header(&plain, "etag", etag, sizeof(etag));
    get_header(&zipped, "etag", zipped_etag, sizeof(zipped_etag));
    assert_string_not_equal(etag, zipped_etag);
    free_answer(&plain);
    free_answer(&zipped);
    free(text);
}

/* A strong ETag names one sequence of bytes, so one provider's answer must not be zipped under the plain one's. */
static void one_tag_never_names_two_encodings(void **state)
{
    struct fixture *f = *state;
    start_usual(f);
    struct snapshot *snapshot = hand_made_snapshot(2, 1);
    struct provider_view *view = hand_made_provider(snapshot, 0, "p", HEALTH_DOWN, 1);
    memset(view->error_message, '\x01', sizeof(view->error_message) - 1); /* six bytes each in JSON */
    publish(f, snapshot);
    wait_for_version(f, 2);
    struct answer plain = ask(f, "GET", "/api/providers/status/p", "");
    struct answer zipped = ask(f, "GET", "/api/providers/status/p", "Accept-Encoding: gzip\r\n");
    assert_true(plain.body_len > 2048);
    char of_plain[160], of_zipped[160];
    get_header(&plain, "etag", of_plain, sizeof(of_plain));
    get_header(&zipped, "etag", of_zipped, sizeof(of_zipped));
    assert_true(strcmp(of_plain, of_zipped) != 0 || strcmp(plain.body, zipped.body) == 0);
    free_answer(&plain);
    free_answer(&zipped);
}

static void what_must_not_be_kept_says_so(void **state)
{
    struct fixture *f = *state;
    start_usual(f);
    static const char *const asks[][2] = {{"GET", "/api/providers/health"},
                                          {"GET", "/nope"},
                                          {"GET", "/api/providers/history"},
                                          {"POST", "/api/providers/check"}};
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); ++i) {
        struct answer answer = ask(f, asks[i][0], asks[i][1], "Content-Length: 0\r\n");
        assert_true(header_is(&answer, "cache-control: no-store\r\n"));
        free_answer(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(routes_answer),
        WITH_FIXTURE(errors_are_json_with_their_status),
        WITH_FIXTURE(too_many_header_bytes_are_431),
        WITH_FIXTURE(methods_are_told),
        WITH_FIXTURE(head_is_get_without_the_body),
        WITH_FIXTURE(checks_are_asked_for),
        WITH_FIXTURE(before_the_first_snapshot_it_is_503),
        WITH_FIXTURE(versions_have_etags_of_their_own),
        WITH_FIXTURE(longest_names_have_whole_etags),
        WITH_FIXTURE(large_answers_are_zipped_for_who_wants_it),
        WITH_FIXTURE(one_tag_never_names_two_encodings),
        WITH_FIXTURE(what_must_not_be_kept_says_so),
    };
    return RUN(tests);
}
