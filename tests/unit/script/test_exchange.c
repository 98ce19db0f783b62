/* What is shown of an exchange, and what never is. */
#include "script/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char key[] = "0123456789-a-key-without-a-known-look-0123456789";

struct fixture {
    struct redactor *redactor;
    struct exchange exchange;
    struct probe_answer answer;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->redactor = redactor_new();
    redactor_add(f->redactor, key, strlen(key));
    f->answer.phases = (struct probe_phases){-1, 1.5f, -1, 20.25f, 22};
    f->answer.status = 401;
    f->answer.body_kept = true;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    exchange_dispose(&f->exchange);
    buf_dispose(&f->answer.headers);
    buf_dispose(&f->answer.body);
    buf_dispose(&f->answer.head);
    redactor_free(f->redactor);
    free(f);
    return 0;
}

static void header(struct exchange *exchange, const char *line, bool secret)
{
    exchange_header(exchange, line, strlen(line), secret);
}

static void set_body(struct fixture *f, const char *text)
{
    buf_clear(&f->answer.body);
    buf_append_text(&f->answer.body, text);
    f->answer.body_bytes = f->answer.body.len;
}

static char *render(const struct fixture *f)
{
    struct buf out = BUF_EMPTY;
    exchange_render_json(&f->exchange, f->redactor, &out);
    assert_true(buf_ok(&out));
    return out.bytes;
}

static char *print(const struct fixture *f)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    exchange_print(out, &f->exchange, f->redactor);
    fclose(out);
    return text;
}

static void ask(struct fixture *f)
{
    exchange_begin(&f->exchange, true, "https://api.example/v1/projects/123456789/chat");
    header(&f->exchange, "User-Agent: providerd/1", false);
    header(&f->exchange, "Authorization: Bearer 0123456789-a-key", true);
    header(&f->exchange, "OpenAI-Organization: acme", false);
    exchange_body(&f->exchange, "{\"model\":\"m\"}", 13);
}

static void an_exchange_is_one_json_object(void **state)
{
    struct fixture *f = *state;
    ask(f);
    buf_append_text(&f->answer.headers, "Content-Type: application/json\r\nSet-Cookie: id=1\r\nset-cookie: id=2\r\n"
                                        "Via: a\r\nx-request-id: 3f2504e0-4f89-11d3-9a0c-0305e82c3301\r\nvia: b\r\n");
    set_body(f, "{\"error\":\"Incorrect key, organization org-AbCdEf012345\"}");
    exchange_end(&f->exchange, &f->answer);
    char *json = render(f);
    assert_string_equal(
        json,
        "{\"request\":{\"method\":\"POST\",\"url\":\"https://api.example/v1/projects/***/chat\",\"headers\":{"
        "\"User-Agent\":\"providerd/1\",\"Authorization\":\"***\",\"OpenAI-Organization\":\"***\"},"
        "\"body\":\"{\\\"model\\\":\\\"m\\\"}\"},"
        "\"response\":{\"status\":401,\"headers\":{\"Content-Type\":\"application/json\",\"Set-Cookie\":\"***\","
        "\"Via\":\"a, b\",\"x-request-id\":\"3f2504e0-4f89-11d3-9a0c-0305e82c3301\"},"
        "\"body\":\"{\\\"error\\\":\\\"Incorrect key, organization ***\\\"}\",\"truncated\":false},"
        "\"phases\":{\"dns_ms\":null,\"connect_ms\":1.5,\"tls_ms\":null,\"first_byte_ms\":20.25,\"total_ms\":22.0},"
        "\"error\":null,\"message\":null}");
    free(json);
    char *text = print(f);
    assert_string_equal(text, "> POST https://api.example/v1/projects/***/chat\n"
                              "> User-Agent: providerd/1\n"
                              "> Authorization: ***\n"
                              "> OpenAI-Organization: ***\n"
                              ">\n"
                              "> {\"model\":\"m\"}\n"
                              "< HTTP 401\n"
                              "< Content-Type: application/json\n"
                              "< Set-Cookie: ***\n"
                              "< Via: a, b\n"
                              "< x-request-id: 3f2504e0-4f89-11d3-9a0c-0305e82c3301\n"
                              "<\n"
                              "{\"error\":\"Incorrect key, organization ***\"}\n"
                              "* connect 1.5 ms, first byte 20.2 ms, total 22.0 ms\n");
    free(text);
}

static void a_failure_without_an_answer_has_none(void **state)
{
    struct fixture *f = *state;
    char *json = render(f);
    assert_string_equal(json, "null");
    free(json);
    exchange_begin(&f->exchange, false, "https://api.example/");
    json = render(f);
    assert_non_null(strstr(json, "\"body\":null},\"response\":null,"));
    free(json);
    f->answer = (struct probe_answer){.error = PROBE_TLS, .message = "certificate of a@b.example has expired"};
    f->answer.phases = PROBE_PHASES_NONE;
    exchange_end(&f->exchange, &f->answer);
    json = render(f);
    assert_non_null(strstr(json, "\"response\":null,\"phases\":{\"dns_ms\":null,"));
    assert_non_null(strstr(json, "\"error\":\"tls\",\"message\":\"certificate of *** has expired\"}"));
    free(json);
    char *text = print(f);
    assert_string_equal(text, "> GET https://api.example/\n* tls: certificate of *** has expired\n");
    free(text);
}

static void the_last_exchange_counts(void **state)
{
    struct fixture *f = *state;
    ask(f);
    set_body(f, "the former answer");
    exchange_end(&f->exchange, &f->answer);
    exchange_begin(&f->exchange, false, "https://second.example/");
    char *json = render(f);
    assert_null(strstr(json, "the former answer"));
    assert_null(strstr(json, "Authorization"));
    assert_non_null(
        strstr(json, "\"method\":\"GET\",\"url\":\"https://second.example/\",\"headers\":{},\"body\":null"));
    free(json);
}

/* Wherever the body is cut, no part of a secret that the provider echoes there is shown. */
static void a_secret_at_the_cut_is_not_shown_in_part(void **state)
{
    struct fixture *f = *state;
    for (size_t at = PROBE_HEAD_MAX - sizeof(key); at <= PROBE_HEAD_MAX; ++at) {
        buf_clear(&f->answer.body);
        for (size_t i = 0; i < at; ++i)
            buf_append_char(&f->answer.body, i % 7 == 0 ? ' ' : 'x');
        buf_append_text(&f->answer.body, key);
        buf_append_text(&f->answer.body, " and more");
        f->answer.body_bytes = f->answer.body.len;
        exchange_begin(&f->exchange, false, "https://api.example/");
        exchange_end(&f->exchange, &f->answer);
        char *json = render(f);
        assert_null(strstr(json, "012"));
        assert_non_null(strstr(json, "\"truncated\":true"));
        free(json);
    }
}

/* A body full of secrets shrinks; what is shown of it then reaches to its end. */
static void a_body_of_secrets_is_not_shown_to_its_cut_end(void **state)
{
    struct fixture *f = *state;
    for (size_t begin = 0; begin < sizeof(key); ++begin) {
        buf_clear(&f->answer.body);
        buf_append_text(&f->answer.body, key + begin);
        for (int i = 0; i < 200; ++i)
            buf_printf(&f->answer.body, " %s", key);
        f->answer.body_bytes = f->answer.body.len;
        exchange_begin(&f->exchange, false, "https://api.example/");
        exchange_end(&f->exchange, &f->answer);
        char *json = render(f);
        const char *body = strstr(json, "\"body\":\"");
        assert_null(strstr(body + strlen("\"body\":\"") + sizeof(key), "012"));
        free(json);
    }
}

static void a_body_is_shown_up_to_4_kb_and_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2000; ++i)
        buf_append_text(&f->answer.head, "€"); /* 3 bytes: 4096 falls into one */
    f->answer.body_kept = false;
    f->answer.body_bytes = f->answer.head.len;
    ask(f);
    exchange_end(&f->exchange, &f->answer);
    assert_null(f->answer.head.bytes); /* taken over */
    char *json = render(f);
    const char *body = strstr(json, "\"body\":\"€");
    assert_non_null(body);
    body += strlen("\"body\":\"");
    assert_int_equal(strcspn(body, "\""), 4095);
    assert_non_null(strstr(json, "\"truncated\":true"));
    free(json);
}

static void a_long_request_body_is_cut(void **state)
{
    struct fixture *f = *state;
    char body[8000];
    memset(body, 'y', sizeof(body));
    exchange_begin(&f->exchange, true, "https://api.example/");
    exchange_body(&f->exchange, body, sizeof(body));
    char *json = render(f);
    const char *shown = strstr(json, "\"body\":\"yyy");
    assert_non_null(shown);
    assert_int_equal(strspn(shown + strlen("\"body\":\""), "y"), EXCHANGE_REQUEST_BODY_SHOWN);
    free(json);
}

static void a_terminal_gets_no_control_characters(void **state)
{
    struct fixture *f = *state;
    ask(f);
    buf_append_text(&f->answer.headers, "X: \x1b[31m\r\n");
    set_body(f, "a\x1b]0;title\x07\r\n\tb");
    exchange_end(&f->exchange, &f->answer);
    char *text = print(f);
    assert_non_null(strstr(text, "< X: ?[31m\n"));
    assert_non_null(strstr(text, "\na?]0;title?\n\tb\n"));
    free(text);
}

static void many_headers_are_bounded(void **state)
{
    struct fixture *f = *state;
    ask(f);
    for (int i = 0; i < 4000; ++i)
        buf_printf(&f->answer.headers, "h%d: v\r\n", i);
    exchange_end(&f->exchange, &f->answer);
    assert_true(f->exchange.headers.len <= EXCHANGE_HEADER_BYTES_MAX);
    char *json = render(f);
    assert_non_null(strstr(json, "\"h99\":\"v\"}"));
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_exchange_is_one_json_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_without_an_answer_has_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_exchange_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_at_the_cut_is_not_shown_in_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_of_secrets_is_not_shown_to_its_cut_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_is_shown_up_to_4_kb_and_cut_between_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_request_body_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_terminal_gets_no_control_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_headers_are_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
