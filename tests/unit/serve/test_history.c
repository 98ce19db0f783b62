/* The history as it streams: many pages, zipped, to clients that leave. */
#include "fixture.h"

/* -- history -- */

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

static void a_row_says_why_and_what_is_left_behind_the_originals_keys(void **state)
{
    struct fixture *f = *state;
    struct check_record record = {.status = HEALTH_DEGRADED, .checked_us = clock_wall_us(), .rate_limit_percent = 12.5};
    strcpy(record.provider, "p1");
    strcpy(record.reason, "rate_limited");
    strcpy(record.kind, "rate");
    record.rate_limit = "[{\"unit\":\"requests\",\"limit\":5}]";
    store_append(f->store, &record);
    wait_until_written(f, 1);
    start_usual(f);
    expect(f, "GET", "/api/providers/history/p1", "", 200,
           "Z\",\"reason\":\"rate_limited\",\"error_kind\":\"rate\",\"rate_limit_percent\":12.5,"
           "\"rate_limit\":[{\"unit\":\"requests\",\"limit\":5}]}]");
    append_rows(f, "p2", 1);
    wait_until_written(f, 2);
    expect(f, "GET", "/api/providers/history/p2", "", 200,
           "Z\",\"reason\":null,\"error_kind\":null,\"rate_limit_percent\":0.0}]");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(history_of_many_pages_is_one_value),
        WITH_FIXTURE(a_row_says_why_and_what_is_left_behind_the_originals_keys),
        WITH_FIXTURE(hours_limit_the_history),
        WITH_FIXTURE(history_is_zipped_as_it_streams),
        WITH_FIXTURE(clients_that_leave_in_mid_history_cost_nothing),
    };
    return RUN(tests);
}
