/* Signatures against those of AWS's own test suite and documentation (key AKIDEXAMPLE, 2015-08-30T12:36:00Z). */
#include "probe/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOMENT_S = 1440938160 };

static const char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
static const struct sigv4_key key = {"AKIDEXAMPLE", 11, secret, sizeof(secret) - 1};

static const char *sign(struct sigv4_request request, struct sigv4_lines *lines)
{
    char error[256] = "";
    request.region = "us-east-1";
    request.service = request.service != NULL ? request.service : "service";
    request.now_s = MOMENT_S;
    if (sigv4_sign(&request, &key, lines, error, sizeof(error)) != 0)
        fail_msg("%s", error);
    assert_string_equal(lines->date, "X-Amz-Date: 20150830T123600Z");
    assert_null(strstr(lines->authorization, secret));
    return strstr(lines->authorization, "Signature=") + strlen("Signature=");
}

static void signatures_are_those_of_the_test_suite(void **state)
{
    struct sigv4_lines lines;
    (void)state;
    /* get-vanilla */
    assert_string_equal(sign((struct sigv4_request){.url = "https://example.amazonaws.com/"}, &lines),
                        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    assert_string_equal(
        lines.authorization,
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    /* get-vanilla-query-order-key-case */
    assert_string_equal(
        sign((struct sigv4_request){.url = "https://example.amazonaws.com/?Param2=value2&Param1=value1"}, &lines),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    /* post-vanilla */
    assert_string_equal(sign((struct sigv4_request){.url = "https://example.amazonaws.com/", .post = true}, &lines),
                        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    /* post-x-www-form-urlencoded */
    static const char *const form[] = {"Content-Type: application/x-www-form-urlencoded"};
    assert_string_equal(sign((struct sigv4_request){.url = "https://example.amazonaws.com/",
                                                    .post = true,
                                                    .headers = form,
                                                    .header_count = 1,
                                                    .body = "Param1=value1",
                                                    .body_len = 13},
                             &lines),
                        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
    /* IAM ListUsers, of the documentation */
    static const char *const utf8[] = {"Content-Type: application/x-www-form-urlencoded; charset=utf-8"};
    assert_string_equal(
        sign((struct sigv4_request){.url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                                    .service = "iam",
                                    .headers = utf8,
                                    .header_count = 1},
             &lines),
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

static void headers_are_sorted_joined_and_trimmed(void **state)
{
    static const char *const headers[] = {"My-Header1: value2", "User-Agent: x", "my-header1: value1",
                                          "Empty:", "A:  b   c "};
    struct sigv4_lines lines;
    (void)state;
    sign((struct sigv4_request){.url = "https://example.amazonaws.com/", .headers = headers, .header_count = 5},
         &lines);
    assert_non_null(strstr(lines.authorization, "SignedHeaders=a;host;my-header1;x-amz-date,"));
    /* the same as already in order, with the port that https has anyway */
    static const char *const tidy[] = {"a: b c", "my-header1: value2,value1"};
    struct sigv4_lines same;
    sign((struct sigv4_request){.url = "https://example.amazonaws.com:443/", .headers = tidy, .header_count = 2},
         &same);
    assert_string_equal(lines.authorization, same.authorization);
}

static void the_query_is_signed_in_one_form(void **state)
{
    struct sigv4_lines one, other;
    (void)state;
    sign((struct sigv4_request){.url = "https://example.amazonaws.com/?b=urn:x/y&a=%7e&a=%20&c"}, &one);
    sign((struct sigv4_request){.url = "https://example.amazonaws.com/?a=%20&a=~&b=urn%3ax%2Fy&c="}, &other);
    assert_string_equal(one.authorization, other.authorization);
}

static void what_cannot_be_signed_is_refused(void **state)
{
    char error[256], url[2048] = "https://example.amazonaws.com/?";
    struct sigv4_lines lines;
    struct sigv4_request request = {.url = "https://", .region = "r", .service = "s"};
    (void)state;
    assert_int_equal(sigv4_sign(&request, &key, &lines, error, sizeof(error)), -1);
    assert_string_equal(error, "cannot sign https://: not a URL");
    for (int i = 0; i < SIGV4_PARAMETERS_MAX + 1; ++i)
        strcat(url, "a=1&");
    request.url = url;
    assert_int_equal(sigv4_sign(&request, &key, &lines, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "parameters"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_the_test_suite),
        cmocka_unit_test(headers_are_sorted_joined_and_trimmed),
        cmocka_unit_test(the_query_is_signed_in_one_form),
        cmocka_unit_test(what_cannot_be_signed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
