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
        "",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i)
        assert_redacted(NULL, texts[i], texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_secrets_vanish_wherever_they_stand),
        cmocka_unit_test(what_looks_like_a_key_vanishes_too),
        cmocka_unit_test(ordinary_texts_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
