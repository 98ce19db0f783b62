/* Account ids go, ordinary words stay. */
#include "base/scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    const char *text, *scrubbed;
};

static void check(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        struct buf out = BUF_EMPTY;
        scrub(pairs[i].text, strlen(pairs[i].text), &out);
        assert_string_equal(buf_text(&out), pairs[i].scrubbed);
        buf_dispose(&out);
    }
}

static void account_ids_are_taken_out(void **state)
{
    static const struct pair pairs[] = {
        {"Rate limit reached for gpt-4o in organization org-AbCdEf0123456789 on requests",
         "Rate limit reached for gpt-4o in organization *** on requests"},
        {"in organization `org_01h2x3y4z5` service tier", "in organization `***` service tier"},
        {"\"user_id\":\"user_2abcDEF9\"", "\"user_id\":\"***\""},
        {"proj_a1b2c3d4 acct_1NvABC cus_9s6XKzkNRiz8i3 org-abcdefghijklmnopq", "*** *** *** ***"},
        {"id 3f2504e0-4f89-11d3-9a0c-0305e82c3301.", "id ***."},
        {"3F2504E0-4F89-11D3-9A0C-0305E82C3301", "***"},
        {"mail first.last+x@mail.example.com. Thanks", "mail ***. Thanks"},
        {"<a@b.co>", "<***>"},
        {"https://name:pass@host.example/x", "https://***@host.example/x"},
        {"/v1/projects/123456789/locations", "/v1/projects/***/locations"},
        {"projects/acme-prod-7/locations", "projects/***/locations"},
        {"has not been used in project 123456789012 before", "has not been used in project *** before"},
        {"overview?project=123456789012 'project_number:123456789012'", "overview?project=*** 'project_number:***'"},
        {"/accounts/0123456789abcdef0123456789abcdef/ai/run", "/accounts/***/ai/run"},
        {"on resource: arn:aws:bedrock:us-east-1:123456789012:inference-profile/x",
         "on resource: arn:aws:bedrock:us-east-1:***:inference-profile/x"},
        {"User: arn:aws:iam::123456789012:user/alice is not", "User: arn:aws:iam::*** is not"},
        {"\"arn:aws:sts::123456789012:assumed-role/Admin/alice\"", "\"arn:aws:sts::***\""},
        {"{\"access_token\": \"ya29.a0AfH6SMBx\", \"expires_in\": 3600}",
         "{\"access_token\": \"***\", \"expires_in\": 3600}"},
        {"{\"refreshToken\":\"1//0gABCDEFGH\",\"token\":\"0123456789\"}",
         "{\"refreshToken\":\"***\",\"token\":\"***\"}"},
        {"grant=x&access_token=abcdefgh&scope=all", "grant=x&access_token=***&scope=all"},
    };
    (void)state;
    check(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

static void other_texts_stay(void **state)
{
    static const char *const texts[] = {
        "",
        "{\"max_tokens\":16,\"token\":\"short\",\"token_type\":\"bearer_token\"}",
        "the access_token was not accepted; api_key: not valid for this project",
        "org_restricted user_rate_limit_exceeded user-agent proj_ acct_",
        "The model `llama-3.3-70b-versatile` does not exist",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "accounts/fireworks/models/llama-v3p1-8b-instruct",
        "projects/abc",
        "project 12 of 13",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text",
        "a@b and @c.d and e@ f",
        "3f2504e0-4f89-11d3-9a0c-0305e82c330",
        "3f2504e0-4f89-11d3-9a0c-0305e82c33011",
        "http://127.0.0.1:8080/v1?a=b@c",
        "suborg-AbCdEf0123",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i)
        check(&(struct pair){texts[i], texts[i]}, 1);
}

static void bytes_of_any_kind_are_taken(void **state)
{
    static const char bytes[] = "a\0b@c.de\xff org-ABCDEF\0projects/";
    struct buf out = BUF_EMPTY;
    (void)state;
    scrub(bytes, sizeof(bytes) - 1, &out);
    assert_int_equal(out.len, sizeof("a\0***\xff ***\0projects/") - 1);
    assert_memory_equal(out.bytes, "a\0***\xff ***\0projects/", out.len);
    buf_dispose(&out);
}

static enum scrub_header of(const char *name)
{
    return scrub_header(name, strlen(name));
}

static void headers_are_judged_by_their_names(void **state)
{
    static const char *const hidden[] = {
        "Set-Cookie",    "openai-organization", "OpenAI-Project", "anthropic-organization-id", "x-goog-user-project",
        "Authorization", "x-goog-api-key",      "api-key",        "X-Amz-Security-Token",      "x-account-id",
        "x-groq-org",    "Proxy-Authorization", "cookie",
    };
    static const char *const texts[] = {
        "content-type", "User-Agent", "x-ratelimit-remaining-tokens", "x-ratelimit-limit-project-tokens",
        "retry-after",  "server",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); ++i)
        assert_int_equal(of(hidden[i]), SCRUB_HEADER_HIDE);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i)
        assert_int_equal(of(texts[i]), SCRUB_HEADER_TEXT);
    assert_int_equal(of("x-request-id"), SCRUB_HEADER_REQUEST_ID);
    assert_int_equal(of("x-amzn-RequestId"), SCRUB_HEADER_REQUEST_ID);
    assert_int_equal(of("CF-RAY"), SCRUB_HEADER_REQUEST_ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account_ids_are_taken_out),
        cmocka_unit_test(other_texts_stay),
        cmocka_unit_test(bytes_of_any_kind_are_taken),
        cmocka_unit_test(headers_are_judged_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
