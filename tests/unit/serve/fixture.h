/* fixture: a server over real sockets, with hand-made snapshots, a real store and policies from files; and a client
 * that can misbehave. For the tests of serve/ only. */
#ifndef PROVIDERD_TESTS_SERVE_FIXTURE_H
#define PROVIDERD_TESTS_SERVE_FIXTURE_H

#include "serve/server.h"

#include "../hand_made.h"
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

static inline void note_check(void *user, const char *name)
{
    struct fixture *f = user;
    snprintf(f->last_asked, sizeof(f->last_asked), "%s", name != NULL ? name : "*");
    atomic_fetch_add(&f->checks_asked, 1);
}

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static inline void load_policies(struct fixture *f)
{
    const char *const paths[] = {f->folder, NULL};
    struct policy_setup setup = {.plugin_paths = paths, .default_name = "last", .limits = {4 * 1024 * 1024, 1000000}};
    char path[192], error[512] = "";
    snprintf(f->policies, sizeof(f->policies), "%s/policies", f->folder);
    mkdir(f->policies, 0700);
    snprintf(path, sizeof(path), "%s/last.lua", f->policies);
    write_file(path, "return { rank = function(c) return { c[#c].name }, 'the last' end }\n");
    snprintf(path, sizeof(path), "%s/raises.lua", f->policies);
    write_file(path, "return { rank = function() error('boom') end }\n");
    f->host = policy_host_new(&setup, error, sizeof(error));
    if (f->host == NULL)
        print_error("%s\n", error);
    assert_non_null(f->host);
}

static inline void open_store(struct fixture *f)
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

static inline struct snapshot *usual_snapshot(uint64_t version)
{
    struct snapshot *snapshot = hand_made_snapshot(version, 10);
    char name[16];
    for (size_t i = 0; i < 10; ++i) {
        snprintf(name, sizeof(name), "p%zu", i);
        hand_made_provider(snapshot, i, name, HEALTH_HEALTHY, 20.0 - (double)i);
    }
    return snapshot;
}

static inline void publish(struct fixture *f, struct snapshot *snapshot)
{
    server_publish(f->server, snapshot);
    snapshot_release(snapshot);
}

static inline void open_server(struct fixture *f, unsigned threads, size_t max_connections)
{
    static const char *const listen_at[] = {"127.0.0.1:0"};
    struct server_options options = {.listen = listen_at,
                                     .listen_count = 1,
                                     .threads = threads,
                                     .max_connections = max_connections,
                                     .max_header_bytes = MAX_HEADER_BYTES,
                                     .max_body_bytes = MAX_BODY_BYTES,
                                     .idle_timeout_ms = IDLE_MS};
    struct server_hooks hooks = {.user = f, .check_now = note_check};
    char error[512] = "";
    f->server = server_open(&options, f->store, &hooks, error, sizeof(error));
    if (f->server == NULL)
        print_error("%s\n", error);
    assert_non_null(f->server);
    assert_int_equal(sscanf(server_url(f->server, 0), "http://127.0.0.1:%d", &f->port), 1);
    assert_null(server_url(f->server, 1));
}

static inline void start(struct fixture *f)
{
    char error[512] = "";
    assert_int_equal(server_start(f->server, error, sizeof(error)), 0);
}

static inline int make_fixture(void **state)
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

static inline int stop_fixture(void **state)
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

static inline void start_usual(struct fixture *f)
{
    open_server(f, 1, 100);
    server_publish_policies(f->server, f->host);
    publish(f, usual_snapshot(1));
    start(f);
}

/* -- a client -- */

static inline int connect_to(const struct fixture *f)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)f->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void send_text(int fd, const char *text, size_t len)
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
static inline size_t receive(int fd, char *into, size_t room)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, PATIENCE_MS) != 1)
        fail_msg("nothing came within %d ms", PATIENCE_MS);
    ssize_t got = recv(fd, into, room, 0);
    return got > 0 ? (size_t)got : 0;
}

static inline void free_answer(struct answer *answer)
{
    free(answer->bytes);
    *answer = (struct answer){0};
}

/* Reads until the server closes. */
static inline struct answer read_to_end(int fd)
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

static inline struct answer ask_raw(struct fixture *f, const char *text, size_t len)
{
    int fd = connect_to(f);
    send_text(fd, text, len);
    return read_to_end(fd);
}

/* `headers` are further lines, each ended by CRLF. */
static inline struct answer ask(struct fixture *f, const char *method, const char *path, const char *headers)
{
    char text[8192];
    int len =
        snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, path, headers);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    return ask_raw(f, text, (size_t)len);
}

static inline bool header_is(const struct answer *answer, const char *line)
{
    const char *found = strcasestr(answer->bytes, line);
    return found != NULL && found < answer->body;
}

static inline void get_header(const struct answer *answer, const char *name, char *value, size_t size)
{
    const char *found = strcasestr(answer->bytes, name);
    assert_non_null(found);
    snprintf(value, size, "%.*s", (int)strcspn(found + strlen(name) + 2, "\r"), found + strlen(name) + 2);
}

/* What the loop thread hands over arrives in its own time. */
static inline void wait_for_version(struct fixture *f, uint64_t version)
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

static inline void expect(struct fixture *f, const char *method, const char *path, const char *headers, int status,
                          const char *part)
{
    struct answer answer = ask(f, method, path, headers);
    if (answer.status != status || strstr(answer.body, part) == NULL)
        fail_msg("%s %s: expected %d with '%s', got: %s", method, path, status, part, answer.bytes);
    free_answer(&answer);
}

static inline void expect_error(struct fixture *f, const char *method, const char *path, const char *headers,
                                int status, const char *part)
{
    struct answer answer = ask(f, method, path, headers);
    if (answer.status != status || strncmp(answer.body, "{\"detail\":\"", 11) != 0 ||
        strstr(answer.body, part) == NULL || !header_is(&answer, "content-type: application/json"))
        fail_msg("%s %s: expected %d as JSON with '%s', got: %s", method, path, status, part, answer.bytes);
    free_answer(&answer);
}

/* -- rows -- */

static inline void append_rows(struct fixture *f, const char *provider, size_t count)
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

static inline void wait_until_written(struct fixture *f, uint64_t count)
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

static inline void unzip(const struct answer *answer, char *out, size_t size)
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

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, make_fixture, stop_fixture)

/* Runs the tests of a file. A client that has left must not end the process. */
#define RUN(tests) (signal(SIGPIPE, SIG_IGN) == SIG_ERR ? 1 : cmocka_run_group_tests(tests, NULL, NULL))

#endif
