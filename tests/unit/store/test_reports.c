/* Calls that clients reported, added up in provider_reports and, as checks, in the rollups. */
#include "fixture.h"

#include "store/report_sums.h"

static const int64_t START_US = INT64_C(1764072000) * 1000000; /* begins a stretch */

static void append(struct store *store, const char *model, const char *outcome, double latency_ms, int64_t at_us)
{
    struct reported_call call = {
        .provider = "groq",
        .key = 1,
        .model = model,
        .outcome = outcome,
        .latency_ms = latency_ms,
        .first_token_ms = latency_ms / 2,
        .tokens_per_second = -1,
        .tokens = 10,
        .ended_us = at_us,
    };
    store_append_report(store, &call);
}

static void calls_add_up_over_commits_and_restarts(void **state)
{
    struct fixture *f = *state;
    for (int run = 0; run < 2; ++run) {
        struct store *store = fixture_open(f);
        append(store, "m", "ok", 100, START_US + 1000000);
        append(store, "m", "ok", 300, START_US + 299000000);
        append(store, "m", "rate", -2, START_US);
        append(store, "n", "ok", 100, START_US);
        append(store, "m", "ok", 100, START_US + 300000000);
        assert_int_equal(store_close(store, 5000), 0);
    }
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_reports"), 4);
    assert_int_equal(sql_number(f->path, "SELECT calls = 4 AND latency_count = 4 AND latency_sum_ms = 800.0"
                                         " AND latency_max_ms = 300.0 AND first_token_sum_ms = 400.0"
                                         " AND speed_count = 0 AND tokens = 40 FROM provider_reports"
                                         " WHERE model = 'm' AND outcome = 'ok' AND start = 1764072000"),
                     1);
    assert_int_equal(sql_number(f->path, "SELECT calls = 2 AND latency_count = 0 FROM provider_reports"
                                         " WHERE outcome = 'rate'"),
                     1);
    assert_int_equal(sql_number(f->path, "SELECT calls FROM provider_reports WHERE start = 1764072300"), 2);
}

static void what_they_are_worth_goes_into_the_rollups(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    append(store, "m", "ok", 100, START_US);
    store_count_reported(store, "groq", 3, 1, "server_error", START_US);
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(sql_number(f->path, "SELECT checks = 4 AND up = 3 FROM provider_rollups WHERE span = 3600"
                                         " AND provider_name = 'groq' AND key = 0 AND model = ''"),
                     1);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks"), 0);
}

static void what_waits_while_the_database_is_locked_is_written_then(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN IMMEDIATE");
    append(store, "m", "ok", 100, START_US);
    assert_true(report_reaches(store, writable_is, false));
    append(store, "m", "ok", 100, START_US);
    sql_run(other, "COMMIT");
    sqlite3_close(other);
    assert_int_equal(store_close(store, 10000), 0);
    assert_int_equal(sql_number(f->path, "SELECT calls FROM provider_reports"), 2);
}

static void invented_models_end_up_in_one(void **state)
{
    struct report_sums sums = {NULL, 0};
    char model[32];
    (void)state;
    struct reported_call call = {.provider = "groq", .model = model, .outcome = "ok", .ended_us = START_US};
    for (int i = 0; i < REPORT_SUMS_MAX + 500; ++i) {
        snprintf(model, sizeof(model), "model-%d", i);
        assert_true(report_sums_add(&sums, &call));
    }
    assert_int_equal(sums.count, REPORT_SUMS_MAX + 1);
    report_sums_dispose(&sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(calls_add_up_over_commits_and_restarts),
        STORE_TEST(what_they_are_worth_goes_into_the_rollups),
        STORE_TEST(what_waits_while_the_database_is_locked_is_written_then),
        cmocka_unit_test(invented_models_end_up_in_one),
    };
    return cmocka_run_group_tests_name("store/reports", tests, NULL, NULL);
}
