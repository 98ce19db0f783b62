/* Who falls together: a common upstream, or outages that met. */
#include "health/fate.h"
#include "health/stats_view.h"

#include "../hand_made.h"

static const int64_t MINUTE_US = INT64_C(60) * 1000000, HOUR_US = 60 * MINUTE_US, DAY_US = 24 * HOUR_US;

struct pair {
    struct snapshot *snapshot;
    struct provider_view *a, *b;
};

static int setup(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    pair->snapshot = hand_made_snapshot(1, 2);
    pair->a = hand_made_provider(pair->snapshot, 0, "a", HEALTH_HEALTHY, 1);
    pair->b = hand_made_provider(pair->snapshot, 1, "b", HEALTH_HEALTHY, 2);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;
    snapshot_release(pair->snapshot);
    free(pair);
    return 0;
}

/* Gives the provider an outage of ten minutes that began so long ago, for each entry. */
static void give_outages(struct provider_view *view, const int64_t *ago_us, size_t count)
{
    struct outages outages = OUTAGES_EMPTY;
    struct statistics *statistics = statistics_new();
    for (size_t i = 0; i < count; ++i) {
        int64_t began_us = HAND_MADE_TIME_US - ago_us[i];
        outages_add_past(&outages, &(struct outage){.started_us = began_us, .ended_us = began_us + 10 * MINUTE_US});
    }
    stats_view_release(view->stats);
    view->stats = stats_view_new(statistics, &outages, HAND_MADE_TIME_US);
    assert_non_null(view->stats);
    outages_dispose(&outages);
    statistics_free(statistics);
}

static struct traits *traits_of(const char *host, const char *upstream)
{
    struct traits *traits = calloc(1, sizeof(*traits));
    atomic_init(&traits->references, 1);
    traits_set_base_url(traits, host);
    if (upstream != NULL)
        strcpy(traits->upstreams[traits->upstream_count++], upstream);
    return traits;
}

static void a_common_host_or_upstream_binds(void **state)
{
    struct pair *pair = *state;
    char why[FATE_WHY_MAX];
    assert_false(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
    pair->a->traits = traits_of("https://API.one.test/v1", "cloud");
    pair->b->traits = traits_of("https://two.test/v1", "cloud");
    assert_true(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
    assert_string_equal(why, "same upstream: cloud");
    traits_release(pair->b->traits);
    pair->b->traits = traits_of("https://user@api.one.test?x=1", NULL);
    assert_true(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
    assert_string_equal(why, "same upstream: api.one.test");
    traits_release(pair->b->traits);
    pair->b->traits = traits_of("https://api.one.test:8443", NULL);
    assert_false(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
}

static void outages_that_met_bind_when_they_are_half_of_the_fewer(void **state)
{
    struct pair *pair = *state;
    char why[FATE_WHY_MAX];
    const int64_t of_a[] = {20 * DAY_US, 10 * DAY_US, 5 * DAY_US, DAY_US};
    const int64_t once[] = {10 * DAY_US + 5 * MINUTE_US};
    const int64_t twice[] = {10 * DAY_US + 5 * MINUTE_US, DAY_US - 9 * MINUTE_US};
    const int64_t two_of_five[] = {21 * DAY_US, 15 * DAY_US, 10 * DAY_US, 3 * DAY_US, DAY_US};
    const int64_t none[] = {10 * DAY_US + 11 * MINUTE_US, DAY_US - 11 * MINUTE_US};
    give_outages(pair->a, of_a, 4);
    give_outages(pair->b, once, 1);
    assert_false(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
    give_outages(pair->b, twice, 2);
    assert_true(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
    assert_string_equal(why, "failed together 2 times of 2");
    assert_true(fate_is_shared(pair->b, pair->a, HAND_MADE_TIME_US, why));
    assert_string_equal(why, "failed together 2 times of 2");
    give_outages(pair->b, two_of_five, 5);
    assert_true(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
    assert_string_equal(why, "failed together 2 times of 4");
    give_outages(pair->b, none, 2);
    assert_false(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
}

static void what_is_older_than_a_month_is_forgotten(void **state)
{
    struct pair *pair = *state;
    char why[FATE_WHY_MAX];
    const int64_t ago[] = {32 * DAY_US, 31 * DAY_US, DAY_US};
    give_outages(pair->a, ago, 3);
    give_outages(pair->b, ago, 3);
    assert_false(fate_is_shared(pair->a, pair->b, HAND_MADE_TIME_US, why));
}

static void only_the_latest_outages_are_shown(void **state)
{
    struct pair *pair = *state;
    int64_t ago[STATS_OUTAGES_SHOWN + 3];
    size_t count = sizeof(ago) / sizeof(ago[0]);
    for (size_t i = 0; i < count; ++i)
        ago[i] = (int64_t)(count - i) * HOUR_US;
    give_outages(pair->a, ago, count);
    assert_int_equal(pair->a->stats->outage_count, STATS_OUTAGES_SHOWN);
    assert_int_equal(pair->a->stats->latest_outages[STATS_OUTAGES_SHOWN - 1].started_us, HAND_MADE_TIME_US - HOUR_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_common_host_or_upstream_binds, setup, teardown),
        cmocka_unit_test_setup_teardown(outages_that_met_bind_when_they_are_half_of_the_fewer, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_older_than_a_month_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_latest_outages_are_shown, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
