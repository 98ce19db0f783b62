/* Is it them, or is it us: what outcomes of other hosts say of a failure. */
#include "health/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000)

enum { OURS = 1, FIRST, SECOND_HOST, THIRD };

static const uint64_t NOW_US = 1000 * SECOND;

struct outcome {
    uint64_t host;
    uint64_t ago_s;
    enum layer layer;
    bool loopback;
    bool witness;
};

/* Of a check that failed to connect within a millisecond. */
static enum local_answer judge(const struct outcome *outcomes, size_t count)
{
    struct local_evidence evidence = {0};
    for (size_t i = 0; i < count; ++i)
        local_note(&evidence, outcomes[i].host, outcomes[i].loopback, outcomes[i].witness, outcomes[i].layer,
                   NOW_US - outcomes[i].ago_s * SECOND);
    return local_judge(&evidence, OURS, false, LAYER_CONNECT, NOW_US - 1000, NOW_US);
}

#define JUDGE(...)                                                                                                     \
    judge((const struct outcome[]){__VA_ARGS__}, sizeof((const struct outcome[]){__VA_ARGS__}) / sizeof(struct outcome))

#define OTHER(host, ago_s, layer)                                                                                      \
    {                                                                                                                  \
        host, ago_s, layer, false, false                                                                               \
    }
#define LOOPBACK(host, ago_s, layer)                                                                                   \
    {                                                                                                                  \
        host, ago_s, layer, true, false                                                                                \
    }
#define WITNESS(host, ago_s, layer)                                                                                    \
    {                                                                                                                  \
        host, ago_s, layer, false, true                                                                                \
    }

static void two_others_that_failed_alike_make_it_likely_that_it_is_us(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(OTHER(FIRST, 1, LAYER_CONNECT), OTHER(SECOND_HOST, 2, LAYER_CONNECT)), LOCAL_LIKELY);
    assert_int_equal(JUDGE(OTHER(FIRST, 1, LAYER_CONNECT)), LOCAL_DOUBT);
    assert_int_equal(JUDGE(OTHER(FIRST, 1, LAYER_CONNECT), OTHER(SECOND_HOST, 2, LAYER_DNS)), LOCAL_DOUBT);
    assert_int_equal(JUDGE(OTHER(FIRST, 1, LAYER_CONNECT), OTHER(OURS, 2, LAYER_CONNECT)), LOCAL_DOUBT);
    assert_int_equal(JUDGE(OTHER(FIRST, 1, LAYER_CONNECT), OTHER(SECOND_HOST, 31, LAYER_CONNECT)), LOCAL_DOUBT);
    assert_int_equal(JUDGE(OTHER(FIRST, 1, LAYER_CONNECT), LOOPBACK(SECOND_HOST, 2, LAYER_CONNECT)), LOCAL_DOUBT);
}

static void an_answer_meanwhile_says_that_it_is_them(void **state)
{
    (void)state;
    assert_int_equal(
        JUDGE(OTHER(FIRST, 1, LAYER_CONNECT), OTHER(SECOND_HOST, 2, LAYER_CONNECT), OTHER(THIRD, 0, LAYER_ANSWERED)),
        LOCAL_NO);
    assert_int_equal(JUDGE(LOOPBACK(THIRD, 0, LAYER_ANSWERED)), LOCAL_DOUBT);
}

static void failures_that_an_answer_followed_are_no_evidence(void **state)
{
    (void)state;
    assert_int_equal(
        JUDGE(OTHER(FIRST, 3, LAYER_CONNECT), OTHER(SECOND_HOST, 2, LAYER_CONNECT), OTHER(THIRD, 1, LAYER_ANSWERED)),
        LOCAL_DOUBT);
    assert_int_equal(
        JUDGE(OTHER(FIRST, 2, LAYER_CONNECT), OTHER(SECOND_HOST, 1, LAYER_CONNECT), OTHER(THIRD, 3, LAYER_ANSWERED)),
        LOCAL_LIKELY);
}

static void a_witness_goes_before_everybody(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(WITNESS(FIRST, 1, LAYER_CONNECT)), LOCAL_YES);
    assert_int_equal(JUDGE(OTHER(THIRD, 0, LAYER_ANSWERED), WITNESS(FIRST, 1, LAYER_CONNECT)), LOCAL_YES);
    assert_int_equal(JUDGE(WITNESS(FIRST, 1, LAYER_CONNECT), OTHER(THIRD, 0, LAYER_ANSWERED)), LOCAL_YES);
    assert_int_equal(JUDGE(WITNESS(FIRST, 0, LAYER_ANSWERED)), LOCAL_NO);
    assert_int_equal(JUDGE(WITNESS(FIRST, 31, LAYER_CONNECT)), LOCAL_DOUBT);
}

static void a_stretch_without_life_is_a_stumble_of_what_ran_then(void **state)
{
    struct local_evidence evidence = {0};
    (void)state;
    assert_false(local_stumbled(&evidence, 0, NOW_US));
    local_note_stumble(&evidence, 10 * SECOND, 14 * SECOND);
    assert_true(local_stumbled(&evidence, 9 * SECOND, 15 * SECOND));
    assert_true(local_stumbled(&evidence, 12 * SECOND, 13 * SECOND));
    assert_false(local_stumbled(&evidence, 15 * SECOND, 16 * SECOND));
    assert_false(local_stumbled(&evidence, 8 * SECOND, 9 * SECOND));
}

static void hosts_are_told_apart_by_name(void **state)
{
    bool loopback;
    (void)state;
    assert_int_equal(local_host_of("https://Api.Example.com/v1", &loopback),
                     local_host_of("http://user@api.example.com:81", &loopback));
    assert_false(loopback);
    assert_int_not_equal(local_host_of("http://127.0.1.1/", &loopback), local_host_of("http://127.0.1.2/", &loopback));
    assert_true(loopback);
    local_host_of("http://[::1]:80/", &loopback);
    assert_true(loopback);
    local_host_of("https://localhost.example.com", &loopback);
    assert_false(loopback);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_others_that_failed_alike_make_it_likely_that_it_is_us),
        cmocka_unit_test(an_answer_meanwhile_says_that_it_is_them),
        cmocka_unit_test(failures_that_an_answer_followed_are_no_evidence),
        cmocka_unit_test(a_witness_goes_before_everybody),
        cmocka_unit_test(a_stretch_without_life_is_a_stumble_of_what_ran_then),
        cmocka_unit_test(hosts_are_told_apart_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
