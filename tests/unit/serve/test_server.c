/* The server over real sockets: hand-made snapshots, a real store, policies from a file, clients that misbehave. */
#include "serve/server.h"

#include "../plugin/hand_made.h"
#include "base/clock.h"
#include "plugin/policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
    ANSWER_MAX = 8 * 1024 * 1024,
    ROWS = 5000,
    PATIENCE_MS = 20000,
    MAX_HEADER_BYTES = 2048,
    MAX_BODY_BYTES = 1000,
    IDLE_MS = 700,
};

struct fixture {
    char folder[64];
    char database[96];
    char policies[96];
    struct store *store;
    struct server *server;
    struct policy_host *host;
    int port;
    atomic_uint checks_asked;
    char last_asked[PROVIDER_NAME_MAX]; /* read after its answer came: the answer orders the two */
};

struct answer {
    int status;
    char *bytes; /* whole, headers included */
    size_t len;
    char *body;
    size_t body_len;
};

/* -- set-up -- */

static void note_check(void *user, const char *name)
{
    struct fixture *f = user;
    snprintf(f->last_asked, sizeof(f->last_asked), "%s", name != NULL ? name : "*");
    atomic_fetch_add(&f->checks_asked, 1);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void load_policies(struct fixture *f)
{
    static const struct sandbox_limits limits = {4 * 1024 * 1024, 1000000};
    const char *const paths[] = {f->folder, NULL};
    char path[192], error[512] = "";
    snprintf(f->policies, sizeof(f->policies), "%s/policies", f->folder);
    mkdir(f->policies, 0700);
    snprintf(path, sizeof(path), "%s/last.lua", f->policies);
    write_file(path, "return { rank = function(c) return { c[#c].name }, 'the last' end }\n");
    snprintf(path, sizeof(path), "%s/raises.lua", f->policies);
    write_file(path, "return { rank = function() error('boom') end }\n");
    f->host = policy_host_new(paths, "last", &limits, error, sizeof(error));
    if (f->host == NULL)
        print_error("%s\n", error);
    assert_non_null(f->host);
}

static void open_store(struct fixture *f)
{
    char error[512] = "";
    struct store_options options = {.path = f->database,
                                    .retention_ms = INT64_C(7) * 86400000,
                                    .commit_interval_ms = 10,
                                    .queue_max = 100000,
                                    .readers = 2};
    snprintf(f->database, sizeof(f->database), "%s/provider_status.db", f->folder);
    f->store = store_open(&options, error, sizeof(error));
    if (f->store == NULL)
        print_error("%s\n", error);
    assert_non_null(f->store);
}

static struct snapshot *usual_snapshot(uint64_t version)
{
    struct snapshot *snapshot = hand_made_snapshot(version, 10);
    char name[16];
    for (size_t i = 0; i < 10; ++i) {
        snprintf(name, sizeof(name), "p%zu", i);
        hand_made_provider(snapshot, i, name, HEALTH_HEALTHY, 20.0 - (double)i);
    }
    return snapshot;
}

static void publish(struct fixture *f, struct snapshot *snapshot)
{
    server_publish(f->server, snapshot);
    snapshot_release(snapshot);
}

static void open_server(struct fixture *f, unsigned threads, size_t max_connections)
{
    static const char *const listen_at[] = {"127.0.0.1:0"};
    struct server_options options = {.listen = listen_at,
                                     .listen_count = 1,
                                     .threads = threads,
                                     .max_connections = max_connections,
                                     .max_header_bytes = MAX_HEADER_BYTES,
                                     .max_body_bytes = MAX_BODY_BYTES,
                                     .idle_timeout_ms = IDLE_MS};
    struct server_hooks hooks = {f, note_check};
    char error[512] = "";
    f->server = server_open(&options, f->store, &hooks, error, sizeof(error));
    if (f->server == NULL)
        print_error("%s\n", error);
    assert_non_null(f->server);
    assert_int_equal(sscanf(server_url(f->server, 0), "http://127.0.0.1:%d", &f->port), 1);
    assert_null(server_url(f->server, 1));
}

static void start(struct fixture *f)
{
    char error[512] = "";
    assert_int_equal(server_start(f->server, error, sizeof(error)), 0);
}

static int make_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->folder, "/tmp/providerd-serve-XXXXXX");
    if (f == NULL || mkdtemp(f->folder) == NULL)
        return -1;
    *state = f;
    open_store(f);
    load_policies(f);
    return 0;
}

static int stop_fixture(void **state)
{
    struct fixture *f = *state;
    char command[96];
    if (f->server != NULL)
        server_stop(f->server, 1000);
    policy_host_release(f->host);
    if (f->store != NULL)
        store_close(f->store, 1000);
    snprintf(command, sizeof(command), "rm -r %s", f->folder);
    int result = system(command);
    free(f);
    return result;
}

static void start_usual(struct fixture *f)
{
    open_server(f, 1, 100);
    server_publish_policies(f->server, f->host);
    publish(f, usual_snapshot(1));
    start(f);
}

/* -- a client -- */

static int connect_to(const struct fixture *f)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)f->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_text(int fd, const char *text, size_t len)
{
    while (len != 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) /* the server may have answered and closed before all was sent */
            return;
        text += sent;
        len -= (size_t)sent;
    }
}

/* One read; 0 at the end, also when the peer reset the connection; fails the test when nothing comes. */
static size_t receive(int fd, char *into, size_t room)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, PATIENCE_MS) != 1)
        fail_msg("nothing came within %d ms", PATIENCE_MS);
    ssize_t got = recv(fd, into, room, 0);
    return got > 0 ? (size_t)got : 0;
}

static void free_answer(struct answer *answer)
{
    free(answer->bytes);
    *answer = (struct answer){0};
}

/* Reads until the server closes. */
static struct answer read_to_end(int fd)
{
    struct answer answer = {.bytes = malloc(ANSWER_MAX + 1)};
    size_t got;
    assert_non_null(answer.bytes);
    while ((got = receive(fd, answer.bytes + answer.len, ANSWER_MAX - answer.len)) != 0)
        answer.len += got;
    answer.bytes[answer.len] = '\0';
    close(fd);
    sscanf(answer.bytes, "HTTP/1.1 %d", &answer.status);
    char *end = strstr(answer.bytes, "\r\n\r\n");
    answer.body = end != NULL ? end + 4 : answer.bytes + answer.len;
    answer.body_len = answer.len - (size_t)(answer.body - answer.bytes);
    return answer;
}

static struct answer ask_raw(struct fixture *f, const char *text, size_t len)
{
    int fd = connect_to(f);
    send_text(fd, text, len);
    return read_to_end(fd);
}

/* `headers` are further lines, each ended by CRLF. */
static struct answer ask(struct fixture *f, const char *method, const char *path, const char *headers)
{
    char text[8192];
    int len =
        snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, path, headers);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    return ask_raw(f, text, (size_t)len);
}

static bool header_is(const struct answer *answer, const char *line)
{
    const char *found = strcasestr(answer->bytes, line);
    return found != NULL && found < answer->body;
}

static void get_header(const struct answer *answer, const char *name, char *value, size_t size)
{
    const char *found = strcasestr(answer->bytes, name);
    assert_non_null(found);
    snprintf(value, size, "%.*s", (int)strcspn(found + strlen(name) + 2, "\r"), found + strlen(name) + 2);
}

/* What the loop thread hands over arrives in its own time. */
static void wait_for_version(struct fixture *f, uint64_t version)
{
    char wanted[64];
    uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
    snprintf(wanted, sizeof(wanted), "\"version\":%lu", (unsigned long)version);
    for (;;) {
        struct answer answer = ask(f, "GET", "/api/providers/health", "");
        bool there = answer.status == 200 && strstr(answer.body, wanted) != NULL;
        free_answer(&answer);
        if (there)
            return;
        if (clock_monotonic_ms() > give_up_ms)
            fail_msg("version %lu did not arrive", (unsigned long)version);
    }
}

static void expect(struct fixture *f, const char *method, const char *path, const char *headers, int status,
                   const char *part)
{
    struct answer answer = ask(f, method, path, headers);
    if (answer.status != status || strstr(answer.body, part) == NULL)
        fail_msg("%s %s: expected %d with '%s', got: %s", method, path, status, part, answer.bytes);
    free_answer(&answer);
}

static void expect_error(struct fixture *f, const char *method, const char *path, const char *headers, int status,
                         const char *part)
{
    struct answer answer = ask(f, method, path, headers);
    if (answer.status != status || strncmp(answer.body, "{\"detail\":\"", 11) != 0 ||
        strstr(answer.body, part) == NULL || !header_is(&answer, "content-type: application/json"))
        fail_msg("%s %s: expected %d as JSON with '%s', got: %s", method, path, status, part, answer.bytes);
    free_answer(&answer);
}

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

static void unzip(const struct answer *answer, char *out, size_t size)
{
    z_stream stream = {.next_in = (Bytef *)answer->body,
                       .avail_in = (uInt)answer->body_len,
                       .next_out = (Bytef *)out,
                       .avail_out = (uInt)size - 1};
    assert_int_equal(inflateInit2(&stream, 16 + 15), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out[stream.total_out] = '\0';
    inflateEnd(&stream);
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

/* -- history -- */

static void append_rows(struct fixture *f, const char *provider, size_t count)
{
    int64_t now_us = clock_wall_us();
    for (size_t i = 0; i < count; ++i) {
        struct check_record record = {.status = HEALTH_HEALTHY,
                                      .response_time_ms = (double)i,
                                      .ok = true,
                                      .checked_us = now_us - (int64_t)(count - i) * 1000000};
        strcpy(record.provider, provider);
        record.phases = PROBE_PHASES_NONE;
        store_append(f->store, &record);
    }
}

static void wait_until_written(struct fixture *f, uint64_t count)
{
    struct store_report report;
    uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
    do {
        store_get_report(f->store, &report);
        if (clock_monotonic_ms() > give_up_ms)
            fail_msg("%lu of %lu rows written", (unsigned long)report.written, (unsigned long)count);
        poll(NULL, 0, 2);
    } while (report.written < count);
}

static void start_with_history(struct fixture *f)
{
    append_rows(f, "p1", ROWS);
    append_rows(f, "p2", 3);
    wait_until_written(f, ROWS + 3);
    start_usual(f);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        ++count;
        text += strlen(part);
    }
    return count;
}

/* HTTP/1.0 has no chunks, so the body is the bytes themselves. */
static struct answer ask_old(struct fixture *f, const char *path)
{
    char text[256];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\n\r\n", path);
    return ask_raw(f, text, (size_t)len);
}

static void history_of_many_pages_is_one_value(void **state)
{
    struct fixture *f = *state;
    start_with_history(f);
    struct answer one = ask_old(f, "/api/providers/history/p1"), all = ask_old(f, "/api/providers/history");
    assert_int_equal(one.status, 200);
    assert_int_equal(strncmp(one.body,
                             "[{\"provider_name\":\"p1\",\"status\":\"healthy\",\"response_time_ms\":0.0,"
                             "\"timestamp\":\"",
                             70),
                     0);
    assert_int_equal(count_of(one.body, "\"provider_name\""), ROWS);
    assert_string_equal(one.body + one.body_len - 2, "}]");
    assert_int_equal(count_of(one.body, "},{"), ROWS - 1);
    assert_int_equal(strncmp(all.body, "{\"p1\":[{", 8), 0);
    assert_non_null(strstr(all.body, "}],\"p2\":[{"));
    assert_int_equal(count_of(all.body, "\"provider_name\""), ROWS + 3);
    assert_string_equal(all.body + all.body_len - 3, "}]}");
    free_answer(&one);
    free_answer(&all);
}

static void hours_limit_the_history(void **state)
{
    struct fixture *f = *state;
    start_with_history(f);
    struct answer answer = ask_old(f, "/api/providers/history/p1?hours=0.5");
    size_t rows = count_of(answer.body, "\"provider_name\"");
    assert_true(rows > 1700 && rows <= 1800);
    free_answer(&answer);
}

/* Takes the chunks of a body together (RFC 9112, 7.1); the last one must be there. */
static void join_chunks(struct answer *answer)
{
    char *from = answer->body, *to = answer->body;
    unsigned long size;
    while ((size = strtoul(from, &from, 16)) != 0) {
        from += 2;
        assert_true(from + size < answer->bytes + answer->len);
        memmove(to, from, size);
        to += size;
        from += size + 2;
    }
    assert_memory_equal(from, "\r\n\r\n", 4);
    answer->body_len = (size_t)(to - answer->body);
}

static void history_is_zipped_as_it_streams(void **state)
{
    struct fixture *f = *state;
    char *text = malloc(ANSWER_MAX);
    start_with_history(f);
    struct answer plain = ask_old(f, "/api/providers/history");
    struct answer zipped = ask(f, "GET", "/api/providers/history", "Accept-Encoding: gzip\r\n");
    assert_true(header_is(&zipped, "content-encoding: gzip\r\n"));
    assert_true(header_is(&zipped, "transfer-encoding: chunked\r\n"));
    join_chunks(&zipped);
    assert_true(zipped.body_len < plain.body_len / 4);
    unzip(&zipped, text, ANSWER_MAX);
    assert_string_equal(text, plain.body);
    free_answer(&plain);
    free_answer(&zipped);
    free(text);
}

static void clients_that_leave_in_mid_history_cost_nothing(void **state)
{
    static const char text[] = "GET /api/providers/history HTTP/1.1\r\nHost: x\r\n\r\n";
    struct fixture *f = *state;
    char some[512];
    start_with_history(f);
    for (int i = 0; i < 60; ++i) {
        int fd = connect_to(f);
        send_text(fd, text, strlen(text));
        if (i % 3 != 0)
            receive(fd, some, sizeof(some));
        struct linger reset = {1, 0};
        if (i % 2 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
    }
    expect(f, "GET", "/api/providers/history/p2", "", 200, "\"provider_name\":\"p2\"");
}

/* -- connections -- */

static void half_a_request_is_closed_after_the_idle_timeout(void **state)
{
    static const char *const halves[] = {
        "", "GET /api/prov", "GET / HTTP/1.1\r\nHost: x\r\n",
        "POST /api/providers/check HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"};
    struct fixture *f = *state;
    start_usual(f);
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); ++i) {
        char byte;
        uint64_t before_ms = clock_monotonic_ms();
        int fd = connect_to(f);
        send_text(fd, halves[i], strlen(halves[i]));
        assert_int_equal(receive(fd, &byte, 1), 0);
        close(fd);
        uint64_t took_ms = clock_monotonic_ms() - before_ms;
        assert_true(took_ms + 100 >= IDLE_MS);
    }
    assert_int_equal(atomic_load(&f->checks_asked), 0);
}

static void garbage_is_closed_and_others_are_served(void **state)
{
    static const char *const garbage[] = {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                                          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\n\r\n\r\nx\r\n\r\n", "GET\r\n\r\n",
                                          "GET / HTTP/9.9\r\n\r\n"};
    struct fixture *f = *state;
    start_usual(f);
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); ++i) {
        struct answer answer = ask_raw(f, garbage[i], strlen(garbage[i]));
        if (answer.status == 200)
            fail_msg("garbage %zu was answered: %s", i, answer.bytes);
        free_answer(&answer);
    }
    expect(f, "GET", "/api/providers/best", "", 200, "best_provider");
}

static void connections_past_the_limit_wait_their_turn(void **state)
{
    static const char request[] = "GET /api/providers/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct fixture *f = *state;
    int held[2];
    open_server(f, 1, 2);
    publish(f, usual_snapshot(1));
    start(f);
    wait_for_version(f, 1);
    for (int i = 0; i < 2; ++i) { /* a kept connection each: answered, so accepted */
        char some[4096];
        held[i] = connect_to(f);
        send_text(held[i], "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 28);
        assert_true(receive(held[i], some, sizeof(some)) > 0);
    }
    int third = connect_to(f);
    send_text(third, request, strlen(request));
    struct pollfd poll_fd = {.fd = third, .events = POLLIN};
    assert_int_equal(poll(&poll_fd, 1, 150), 0);
    close(held[0]);
    struct answer answer = read_to_end(third);
    assert_int_equal(answer.status, 200);
    free_answer(&answer);
    close(held[1]);
}

static int64_t cpu_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* Without a descriptor a connection cannot be accepted, and its listener stays readable. */
static void running_out_of_descriptors_does_not_spin(void **state)
{
    enum { LIMIT = 64, WATCHED_MS = 400 };
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct fixture *f = *state;
    struct rlimit before, tight;
    int fillers[LIMIT], count = 0;
    start_usual(f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = LIMIT;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    while (count < LIMIT && (fillers[count] = dup(STDERR_FILENO)) != -1)
        ++count;
    assert_in_range(count, 1, LIMIT - 1);
    close(fillers[--count]); /* the last descriptor is the client's */
    int client = connect_to(f);
    int64_t used_ms = cpu_ms();
    poll(NULL, 0, WATCHED_MS);
    used_ms = cpu_ms() - used_ms;
    while (count > 0)
        close(fillers[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(used_ms < WATCHED_MS / 4);
    send_text(client, request, strlen(request));
    struct answer answer = read_to_end(client);
    assert_int_equal(answer.status, 200);
    free_answer(&answer);
}

/* -- start and stop -- */

static void a_port_in_use_is_told(void **state)
{
    struct fixture *f = *state;
    char address[32], error[512] = "";
    const char *const listen_at[] = {address};
    start_usual(f);
    snprintf(address, sizeof(address), "127.0.0.1:%d", f->port);
    struct server_options options = {.listen = listen_at,
                                     .listen_count = 1,
                                     .threads = 1,
                                     .max_connections = 1,
                                     .max_header_bytes = 1024,
                                     .idle_timeout_ms = 1000};
    struct server_hooks hooks = {f, note_check};
    assert_null(server_open(&options, f->store, &hooks, error, sizeof(error)));
    assert_non_null(strstr(error, address));
    assert_non_null(strstr(error, "already in use"));
}

static void addresses_that_are_none_are_told(void **state)
{
    static const char *const wrong[] = {
        "", "8000", "localhost", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "::1:8000", "127.0.0.1:-1"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        char error[512] = "";
        struct server_options options = {.listen = &wrong[i],
                                         .listen_count = 1,
                                         .threads = 1,
                                         .max_connections = 1,
                                         .max_header_bytes = 1024,
                                         .idle_timeout_ms = 1000};
        struct server_hooks hooks = {f, note_check};
        assert_null(server_open(&options, f->store, &hooks, error, sizeof(error)));
        if (strstr(error, "expected HOST:PORT") == NULL)
            fail_msg("'%s': %s", wrong[i], error);
    }
}

static void idle_connections_do_not_hold_up_the_stop(void **state)
{
    struct fixture *f = *state;
    char some[4096];
    start_usual(f);
    int kept = connect_to(f), silent = connect_to(f);
    send_text(kept, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 28);
    assert_true(receive(kept, some, sizeof(some)) > 0);
    uint64_t before_ms = clock_monotonic_ms();
    server_stop(f->server, 10000);
    f->server = NULL;
    assert_true(clock_monotonic_ms() - before_ms < 2000);
    assert_int_equal(receive(kept, some, sizeof(some)), 0);
    close(kept);
    close(silent);
}

/* A client that takes nothing of a long answer: the stop waits for its grace, then ends the connection. */
static void stop_ends_a_stuck_answer_when_its_grace_is_over(void **state)
{
    static const char text[] = "GET /api/providers/history/big HTTP/1.1\r\nHost: x\r\n\r\n";
    struct fixture *f = *state;
    append_rows(f, "big", 60000);
    wait_until_written(f, 60000);
    start_usual(f);
    int fd = connect_to(f);
    char byte;
    send_text(fd, text, strlen(text));
    assert_int_equal(receive(fd, &byte, 1), 1); /* it has begun; nothing more is taken */
    uint64_t before_ms = clock_monotonic_ms();
    server_stop(f->server, 300);
    f->server = NULL;
    uint64_t took_ms = clock_monotonic_ms() - before_ms;
    assert_true(took_ms >= 250 && took_ms < 3000);
    close(fd);
}

/* -- many at once -- */

struct asker {
    pthread_t thread;
    struct fixture *fixture;
    size_t bad;
};

static void *ask_much(void *user)
{
    static const char *const paths[] = {"/api/providers/status", "/api/providers/best?policy=last",
                                        "/api/providers/history/p1", "/api/providers/export/csv",
                                        "/api/providers/health"};
    struct asker *asker = user;
    for (size_t i = 0; i < 60; ++i) {
        struct answer answer = ask(asker->fixture, "GET", paths[i % 5], i % 2 == 0 ? "Accept-Encoding: gzip\r\n" : "");
        asker->bad += answer.status != 200;
        free_answer(&answer);
    }
    return NULL;
}

static void publishing_and_answering_do_not_meet(void **state)
{
    struct fixture *f = *state;
    struct asker askers[4];
    append_rows(f, "p1", 2000);
    wait_until_written(f, 2000);
    open_server(f, 2, 100);
    server_publish_policies(f->server, f->host);
    publish(f, usual_snapshot(1));
    start(f);
    for (size_t i = 0; i < 4; ++i) {
        askers[i] = (struct asker){.fixture = f};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_much, &askers[i]), 0);
    }
    for (uint64_t version = 2; version < 200; ++version) {
        publish(f, usual_snapshot(version));
        if (version % 20 == 0)
            server_publish_policies(f->server, f->host);
        poll(NULL, 0, 1);
    }
    for (size_t i = 0; i < 4; ++i) {
        pthread_join(askers[i].thread, NULL);
        assert_int_equal(askers[i].bad, 0);
    }
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, make_fixture, stop_fixture)

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
        WITH_FIXTURE(history_of_many_pages_is_one_value),
        WITH_FIXTURE(hours_limit_the_history),
        WITH_FIXTURE(history_is_zipped_as_it_streams),
        WITH_FIXTURE(clients_that_leave_in_mid_history_cost_nothing),
        WITH_FIXTURE(half_a_request_is_closed_after_the_idle_timeout),
        WITH_FIXTURE(garbage_is_closed_and_others_are_served),
        WITH_FIXTURE(connections_past_the_limit_wait_their_turn),
        WITH_FIXTURE(running_out_of_descriptors_does_not_spin),
        WITH_FIXTURE(a_port_in_use_is_told),
        WITH_FIXTURE(addresses_that_are_none_are_told),
        WITH_FIXTURE(idle_connections_do_not_hold_up_the_stop),
        WITH_FIXTURE(stop_ends_a_stuck_answer_when_its_grace_is_over),
        WITH_FIXTURE(publishing_and_answering_do_not_meet),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
