/* Keys and models that cool: how long, for whom, and what ends it. */
#include "health/cooling.h"

#include "../hand_made.h"

#include <stdio.h>

#include <stdlib.h>

static const int64_t SECOND_US = 1000000, NOON_US = INT64_C(1764072000) * 1000000;
static const struct report_rules RULES = {.cooldown_ms = 10000, .max_eject_ms = 60000};

static struct cooling *add(struct coolings *coolings, unsigned key, const char *model, int64_t told_us, int64_t now_us)
{
    struct cooling_cause cause = {.key = key, .model = model, .kind = "rate", .told_us = told_us};
    assert_true(coolings_add(coolings, &cause, &RULES, now_us));
    for (size_t i = 0; i < coolings->count; ++i) {
        if (coolings->list[i].key == key && strcmp(coolings->list[i].model, model) == 0)
            return &coolings->list[i];
    }
    fail();
    return NULL;
}

static void it_lasts_as_long_as_was_told(void **state)
{
    (void)state;
    struct coolings coolings = {0};
    struct cooling *cooling = add(&coolings, 1, "m", NOON_US + 300 * SECOND_US, NOON_US);
    assert_int_equal(cooling->until_us, NOON_US + 300 * SECOND_US);
    assert_true(cooling->told);
    coolings_dispose(&coolings);
}

static void times_that_make_no_sense_are_not_believed(void **state)
{
    (void)state;
    struct coolings coolings = {0};
    assert_int_equal(add(&coolings, 1, "m", NOON_US - SECOND_US, NOON_US)->until_us, NOON_US + 10 * SECOND_US);
    assert_int_equal(add(&coolings, 1, "n", INT64_MAX, NOON_US)->until_us, NOON_US + 10 * SECOND_US);
    coolings_dispose(&coolings);
}

static void each_time_it_lasts_longer_up_to_a_bound(void **state)
{
    static const int seconds[] = {10, 20, 40, 60, 60};
    (void)state;
    struct coolings coolings = {0};
    int64_t now_us = NOON_US;
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); ++i) {
        const struct cooling *cooling = add(&coolings, 0, "m", 0, now_us);
        assert_int_equal(cooling->until_us - now_us, seconds[i] * SECOND_US);
        now_us = cooling->until_us;
    }
    assert_int_equal(add(&coolings, 0, "m", 0, now_us + 1000 * SECOND_US)->strikes, 1); /* forgotten meanwhile */
    coolings_dispose(&coolings);
}

static void calls_that_were_under_way_are_no_new_strikes(void **state)
{
    (void)state;
    struct coolings coolings = {0};
    for (int i = 0; i < 50; ++i)
        add(&coolings, 1, "m", 0, NOON_US + i);
    assert_int_equal(coolings.count, 1);
    assert_int_equal(coolings.list[0].strikes, 1);
    assert_int_equal(coolings.list[0].until_us, NOON_US + 10 * SECOND_US);
    coolings_dispose(&coolings);
}

static void only_a_later_call_with_it_ends_it(void **state)
{
    (void)state;
    struct coolings coolings = {0};
    struct cooling *cooling = add(&coolings, 1, "m", NOON_US + 60 * SECOND_US, NOON_US);
    int64_t now_us = NOON_US + 5 * SECOND_US;
    assert_false(coolings_lift(&coolings, 1, "m", NOON_US - SECOND_US, now_us)); /* it had begun before */
    assert_false(coolings_lift(&coolings, 2, "m", NOON_US + SECOND_US, now_us));
    assert_false(coolings_lift(&coolings, 1, "other", NOON_US + SECOND_US, now_us));
    assert_true(coolings_lift(&coolings, 1, "m", NOON_US + SECOND_US, now_us));
    assert_int_equal(cooling->until_us, now_us);
    coolings_dispose(&coolings);
}

static void inventing_models_fills_no_memory(void **state)
{
    (void)state;
    struct coolings coolings = {0};
    char model[32];
    for (int i = 0; i < 1000; ++i) {
        snprintf(model, sizeof(model), "model-%d", i);
        add(&coolings, 0, model, NOON_US + (1000 + i) * SECOND_US, NOON_US);
    }
    assert_int_equal(coolings.count, COOLINGS_MAX);
    coolings_age(&coolings, NOON_US + 100000 * SECOND_US);
    assert_int_equal(coolings.count, 0);
    coolings_dispose(&coolings);
}

/* -- in a view -- */

static struct provider_view *view_with(const struct cooling *coolings, size_t count)
{
    struct provider_view *view = provider_view_new("p");
    view->traffic = calloc(1, sizeof(*view->traffic) + count * sizeof(coolings[0]));
    view->traffic->cooling_count = count;
    memcpy(view->traffic->coolings, coolings, count * sizeof(coolings[0]));
    return view;
}

static void a_key_or_a_model_rests_and_the_others_do_not(void **state)
{
    (void)state;
    const struct cooling coolings[] = {
        {.key = 2, .until_us = NOON_US + 10},                          /* a key with all its models */
        {.key = 0, .model = "big", .until_us = NOON_US + 20},          /* a model with all keys */
        {.key = 1, .model = "small", .until_us = NOON_US + 30},        /* a model with one key */
        {.key = 2, .model = "small", .until_us = NOON_US - SECOND_US}, /* over */
    };
    struct provider_view *view = view_with(coolings, 4);
    assert_null(cooling_of(view, 1, "", NOON_US));
    assert_null(cooling_of(view, 1, "other", NOON_US));
    assert_int_equal(cooling_of(view, 2, "", NOON_US)->until_us, NOON_US + 10);
    assert_int_equal(cooling_of(view, 2, "small", NOON_US)->until_us, NOON_US + 10);
    assert_int_equal(cooling_of(view, 2, "big", NOON_US)->until_us, NOON_US + 20); /* the later one */
    assert_int_equal(cooling_of(view, 1, "small", NOON_US)->until_us, NOON_US + 30);
    assert_null(cooling_of(view, 1, "small", NOON_US + 30));
    provider_view_release(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lasts_as_long_as_was_told),
        cmocka_unit_test(times_that_make_no_sense_are_not_believed),
        cmocka_unit_test(each_time_it_lasts_longer_up_to_a_bound),
        cmocka_unit_test(calls_that_were_under_way_are_no_new_strikes),
        cmocka_unit_test(only_a_later_call_with_it_ends_it),
        cmocka_unit_test(inventing_models_fills_no_memory),
        cmocka_unit_test(a_key_or_a_model_rests_and_the_others_do_not),
    };
    return cmocka_run_group_tests_name("health/cooling", tests, NULL, NULL);
}
