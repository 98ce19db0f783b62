/* Redaction: known secrets, what looks like one, and what must stay readable. */
#include "base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_redacted(struct redactor *r, const char *text, const char *expected)
{
    struct buf out = BUF_EMPTY;
    redact(r, text, strlen(text), &out);
    assert_string_equal(buf_text(&out), expected);
    buf_dispose(&out);
}

static void known_secrets_vanish_wherever_they_stand(void **state)
{
    (void)state;
    struct redactor *r = redactor_new();
    assert_true(redactor_add(r, "top secret/1", 12));
    assert_true(redactor_add(r, "secret", 6));
    assert_redacted(r, "key top secret/1!", "key ***!");
    assert_redacted(r, "?key=top%20secret%2F1&a=b", "?key=***&a=b");
    assert_redacted(r, "?key=top%20secret%2f1&a=b", "?key=***&a=b");
    assert_redacted(r, "xsecretx", "***");  /* what is left around a secret is a part of its word */
    assert_true(redactor_add(r, "abc", 3)); /* too short to be taken */
    assert_redacted(r, "abc", "abc");
    redactor_free(r);
}

static void what_looks_like_a_key_vanishes_too(void **state)
{
    (void)state;
    assert_redacted(NULL, "Incorrect API key provided: sk-ab12cd34ef56gh78.", "Incorrect API key provided: ***");
    assert_redacted(NULL, "Your api key: ****lkey is invalid", "Your api key: *** is invalid");
    assert_redacted(NULL, "Bearer abcdef0123456789 refused", "Bearer *** refused");
    assert_redacted(NULL, "Bearer abcdef012345~6789 refused", "Bearer *** refused");
    assert_redacted(NULL, "no route /v1/keys/sk-proj-ab12cd34ef56", "no route /v1/keys/***");
    assert_redacted(NULL, "hf_AbCdEfGhIjKlMnOpQr is no token", "*** is no token");
    assert_redacted(NULL, "refresh 1//0gAbCdEfGhIj failed", "refresh *** failed");
    assert_redacted(NULL, "GET /users/user_2abcDEF456ghi", "GET /users/***");
    assert_redacted(NULL, "in organization `org_01h2xcejqtf2nbrexx3vqjhp41`", "in organization `***`");
}

static void ordinary_texts_stay(void **state)
{
    static const char *const texts[] = {
        "The model `llama-3.1-8b-instant` does not exist or you do not have access to it.",
        "Rate limit reached on tokens per minute (TPM): Limit 8000, Used 2591.",
        "user_id is missing; sk- is a prefix; bearer token expected",
        "Failed to connect to localhost port 1337 after 3 ms: Couldn't connect to server",
        "** note **",
        "user-agent/1.0.2 is blocked; user_rate_limit_2 and org_tokens_per_day_500000 exceeded",
        "see huggingface/hf_internal_testing/tiny-random-llama2 or user-ContentTypeHeader",
        "Bearer authentication required; basic ask-me-anything-2024; disk-1 is full",
        "https://console.groq.com/docs/rate-limits#user-limits-2025",
        "",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i)
        assert_redacted(NULL, texts[i], texts[i]);
}

static void binary_bytes_pass_and_secrets_among_them_do_not(void **state)
{
    static const char bytes[] = "\0\xFFtop-secret-1\0\x80 end";
    static const char expected[] = "\0\xFF***\0\x80 end";
    struct buf out = BUF_EMPTY;
    (void)state;
    struct redactor *r = redactor_new();
    assert_true(redactor_add(r, "top-secret-1", 12));
    redact(r, bytes, sizeof(bytes) - 1, &out);
    assert_int_equal(out.len, sizeof(expected) - 1);
    assert_memory_equal(buf_text(&out), expected, out.len);
    buf_dispose(&out);
    redactor_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_secrets_vanish_wherever_they_stand),
        cmocka_unit_test(what_looks_like_a_key_vanishes_too),
        cmocka_unit_test(ordinary_texts_stay),
        cmocka_unit_test(binary_bytes_pass_and_secrets_among_them_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
