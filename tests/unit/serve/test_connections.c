/* Connections: too many, half a request, garbage, start and stop, many at once. */
#include "fixture.h"

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
    struct server_hooks hooks = {.user = f, .check_now = note_check};
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
        struct server_hooks hooks = {.user = f, .check_now = note_check};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    return RUN(tests);
}
