/* Who is named first in which share of the answers; and whom to call when the first fails. */
#include "plugin/fallbacks.h"
#include "plugin/spread.h"

#include "../hand_made.h"

#include <math.h>

enum { ROWS_MAX = 12 };

struct fixture {
    struct snapshot *snapshot;
    struct candidate candidates[ROWS_MAX];
    struct ranked rows[ROWS_MAX];
    struct ranking ranking;
    struct spread spread;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->ranking.rows = f->rows;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    snapshot_release(f->snapshot);
    free(f);
    return 0;
}

/* Ranked rows of these states: h, d. */
static void make(struct fixture *f, const char *states)
{
    size_t count = strlen(states);
    f->snapshot = hand_made_snapshot(1, count);
    for (size_t i = 0; i < count; ++i) {
        char name[2] = {(char)('a' + i), '\0'};
        enum health_status status = states[i] == 'h' ? HEALTH_HEALTHY : HEALTH_DEGRADED;
        f->candidates[i].view = hand_made_provider(f->snapshot, i, name, status, (double)i + 1);
        f->candidates[i].warmth = 1;
        f->rows[i] = (struct ranked){.candidate = &f->candidates[i], .score = NAN};
    }
    f->ranking.ranked = f->ranking.count = count;
}

static void give_upstream(struct fixture *f, size_t i, const char *url)
{
    struct traits *traits = calloc(1, sizeof(*traits));
    atomic_init(&traits->references, 1);
    traits_set_base_url(traits, url);
    f->snapshot->providers[i]->traits = traits;
}

/* Draws many answers; the share of each head. */
static void draw(struct fixture *f, unsigned answers, double shares[SPREAD_MAX])
{
    uint32_t random = 20261124;
    memset(shares, 0, SPREAD_MAX * sizeof(*shares));
    for (unsigned i = 0; i < answers; ++i) {
        size_t head = spread_pick(&f->spread, &random);
        assert_true(head < f->spread.count);
        shares[head] += 1.0 / answers;
    }
}

static void the_first_is_named_when_nobody_has_a_share(void **state)
{
    struct fixture *f = *state;
    uint32_t random = 1;
    spread_make(&f->spread, &f->ranking);
    assert_int_equal(f->spread.count, 0);
    assert_int_equal(spread_pick(&f->spread, &random), 0);
    make(f, "hhd");
    spread_make(&f->spread, &f->ranking);
    assert_int_equal(f->spread.count, 1);
    assert_int_equal(f->spread.heads[0].row, 0);
    assert_int_equal(spread_pick(&f->spread, &random), 0);
}

static void answers_keep_close_to_the_shares(void **state)
{
    struct fixture *f = *state;
    double shares[SPREAD_MAX];
    make(f, "hhhh");
    f->rows[0].share = 6;
    f->rows[1].share = 3;
    f->rows[3].share = 1;
    spread_make(&f->spread, &f->ranking);
    assert_int_equal(f->spread.count, 3);
    assert_int_equal(f->spread.heads[2].row, 3);
    assert_float_equal(f->spread.heads[0].share, 0.6, 1e-9);
    draw(f, 200, shares);
    assert_float_equal(shares[0], 0.6, 0.03);
    assert_float_equal(shares[1], 0.3, 0.03);
    assert_float_equal(shares[2], 0.1, 0.03);
    f->rows[3].share = 1e-9; /* of nothing */
    spread_make(&f->spread, &f->ranking);
    assert_int_equal(f->spread.count, 2);
}

static void who_came_back_gets_its_warmth_and_the_next_warm_one_the_rest(void **state)
{
    struct fixture *f = *state;
    make(f, "hhhd");
    f->candidates[0].warmth = 0.25;
    f->candidates[1].warmth = 0.5;
    spread_make(&f->spread, &f->ranking);
    assert_int_equal(f->spread.count, 2);
    assert_int_equal(f->spread.heads[1].row, 2);
    assert_float_equal(f->spread.heads[0].share, 0.25, 1e-9);
    f->candidates[2].warmth = 0.5; /* nobody warm is as well as it is */
    spread_make(&f->spread, &f->ranking);
    assert_int_equal(f->spread.count, 1);
    assert_int_equal(f->spread.heads[0].row, 0);
    f->rows[0].share = f->rows[2].share = 1; /* shares shrink by warmth */
    spread_make(&f->spread, &f->ranking);
    assert_float_equal(f->spread.heads[0].share, 1.0 / 3, 1e-9);
}

static void no_more_heads_than_there_is_room_for(void **state)
{
    struct fixture *f = *state;
    make(f, "hhhhhhhhhhhh");
    for (size_t i = 0; i < ROWS_MAX; ++i)
        f->rows[i].share = 1;
    spread_make(&f->spread, &f->ranking);
    assert_int_equal(f->spread.count, SPREAD_MAX);
    assert_float_equal(f->spread.heads[0].share, 1.0 / SPREAD_MAX, 1e-9);
}

static void assert_fallbacks(struct fixture *f, size_t first, size_t most, const char *names)
{
    size_t rows[FALLBACKS_MAX];
    size_t count = fallbacks_choose(&f->ranking, first, most, HAND_MADE_TIME_US, rows);
    char got[FALLBACKS_MAX + 1] = "";
    for (size_t i = 0; i < count; ++i)
        got[i] = f->rows[rows[i]].candidate->view->name[0];
    assert_string_equal(got, names);
}

static void independent_fallbacks_come_first(void **state)
{
    struct fixture *f = *state;
    make(f, "hhhhdd");
    assert_fallbacks(f, 0, 2, "bc");
    assert_fallbacks(f, 1, 2, "ac");
    assert_fallbacks(f, 0, 0, "");
    assert_fallbacks(f, 0, SIZE_MAX, "bcdef");
    give_upstream(f, 0, "http://one");
    give_upstream(f, 1, "http://one");
    give_upstream(f, 2, "http://two");
    give_upstream(f, 3, "http://one");
    give_upstream(f, 4, "http://three");
    assert_fallbacks(f, 0, 2, "cb"); /* not e: the policy would offer healthy ones */
    assert_fallbacks(f, 0, 3, "cbd");
    assert_fallbacks(f, 0, SIZE_MAX, "cefbd");
    assert_fallbacks(f, 2, 2, "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_is_named_when_nobody_has_a_share, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_keep_close_to_the_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(who_came_back_gets_its_warmth_and_the_next_warm_one_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(no_more_heads_than_there_is_room_for, setup, teardown),
        cmocka_unit_test_setup_teardown(independent_fallbacks_come_first, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
