/* The whole path of a request: what comes over a socket goes through h2o, the gate, routes and handlers to an answer.
 *
 * The server is a real one, with a snapshot of two providers, an empty database and tokens that a request may guess. An
 * input is what a client sends before it closes its side. What comes back must be nothing (h2o closes on some broken
 * requests) or begin with a status line, and must end; the sanitizers see to the rest. */
#include "base/clock.h"
#include "base/log.h"
#include "plugin/policy.h"
#include "serve/access.h"
#include "serve/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __lsan_is_turned_off(void);

/* What the server's threads still hold when an input is over is no leak; those are looked for when a whole daemon ends
 * (tests/integration). */
int __lsan_is_turned_off(void)
{
    return 1;
}

enum { ANSWER_MAX = 1 << 20, PATIENCE_MS = 10000 };

static int port;

static void check_now(void *user, const char *name)
{
    (void)user;
    (void)name;
}

static bool take_reports(void *user, struct report_batch *batch)
{
    (void)user;
    report_batch_free(batch);
    return true;
}

static void reload(void *user)
{
    (void)user;
}

static struct snapshot *make_snapshot(void)
{
    static const char *const names[] = {"alpha", "beta"};
    struct snapshot *snapshot = snapshot_new(2);
    for (size_t i = 0; i < 2; ++i) {
        struct provider_view *view = provider_view_new(names[i]);
        view->status = view->lead->status = i == 0 ? HEALTH_HEALTHY : HEALTH_DOWN;
        view->lead->last_check_us = clock_wall_us();
        snapshot->providers[i] = view;
    }
    snapshot->version = 7;
    snapshot->published_us = clock_wall_us();
    return snapshot;
}

static void fail(const char *what)
{
    fprintf(stderr, "http: %s\n", what);
    abort();
}

static void start_server(void)
{
    static const char *const listen_at[] = {"127.0.0.1:0"};
    static char folder[] = "/tmp/providerd-fuzz-XXXXXX", database[64];
    char error[512] = "";
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_ERROR);
    if (mkdtemp(folder) == NULL)
        fail("no folder");
    snprintf(database, sizeof(database), "%s/checks.db", folder);
    struct store_options store_options = {
        .path = database, .retention_ms = 86400000, .commit_interval_ms = 1000, .queue_max = 1000, .readers = 1};
    struct server_options options = {.listen = listen_at,
                                     .listen_count = 1,
                                     .threads = 1,
                                     .max_connections = 100,
                                     .max_header_bytes = 16384,
                                     .max_body_bytes = 65536,
                                     .idle_timeout_ms = 2000};
    struct server_hooks hooks = {.check_now = check_now, .take_reports = take_reports, .reload = reload};
    struct store *store = store_open(&store_options, error, sizeof(error));
    unlink(database); /* its pages stay as long as this process */
    rmdir(folder);
    struct server *server = store != NULL ? server_open(&options, store, &hooks, error, sizeof(error)) : NULL;
    struct config *config = config_load(NULL, error, sizeof(error));
    struct policy_setup setup = {.plugin_paths = (const char *const[]){"plugins", NULL},
                                 .default_name = "lowest_latency",
                                 .limits = {4 * 1024 * 1024, 1000000}};
    struct policy_host *policies = policy_host_new(&setup, error, sizeof(error));
    if (server == NULL || config == NULL || policies == NULL)
        fail(error);
    config->public_page.on = true;
    struct access *access = access_new(config, error, sizeof(error));
    struct snapshot *snapshot = make_snapshot();
    server_publish_access(server, access);
    server_publish_policies(server, policies);
    server_publish(server, snapshot);
    if (server_start(server, error, sizeof(error)) != 0 ||
        sscanf(server_url(server, 0), "http://127.0.0.1:%d", &port) != 1)
        fail(error);
}

static int connect_to_it(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* An address has some 28,000 ports, each of which rests for a minute: others of 127/8 have more. */
    static uint32_t count;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001u + count++ / 10000 % 0xfff0)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0)
        fail("cannot bind");
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("cannot connect");
    return fd;
}

/* Streams have no end of their own: what asks for one is left after its head. */
static bool may_stay_open(const uint8_t *data, size_t size)
{
    return memmem(data, size, "wait", 4) != NULL || memmem(data, size, "sse", 3) != NULL ||
           memmem(data, size, "event-stream", 12) != NULL || memmem(data, size, "%", 1) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[ANSWER_MAX];
    size_t len = 0;
    ssize_t got = 1;
    if (port == 0)
        start_server();
    int fd = connect_to_it();
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    if (send(fd, data, size, MSG_NOSIGNAL) >= 0)
        shutdown(fd, SHUT_WR);
    bool patient = !may_stay_open(data, size);
    while (got > 0 && len < sizeof(answer)) {
        if (poll(&poller, 1, patient ? PATIENCE_MS : 5) == 0) {
            if (patient)
                fail("an answer has no end");
            break;
        }
        got = recv(fd, answer + len, sizeof(answer) - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    if (len >= 9 && memcmp(answer, "HTTP/1.1 ", 9) != 0)
        fail("an answer without a status line");
    close(fd);
    return 0;
}
