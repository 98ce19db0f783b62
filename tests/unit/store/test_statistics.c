#include "fixture.h"

struct question {
    const char *provider;
    double percent;
    int64_t from_us;
    double ms;
    int64_t count;
    int result;
    char error[256];
    sem_t done;
};

static void percentile_job(struct store_reader *reader, const char *error, void *user)
{
    struct question *question = user;
    (void)error;
    question->result = reader == NULL ? -1
                                      : store_latency_percentile(reader, question->provider, question->percent,
                                                                 question->from_us, &question->ms, &question->count,
                                                                 question->error, sizeof(question->error));
    sem_post(&question->done);
}

static void percentile_is(struct store *store, const char *provider, double percent, int64_t from_us, double ms,
                          int64_t count)
{
    struct question question = {.provider = provider, .percent = percent, .from_us = from_us, .ms = -1, .count = -1};
    sem_init(&question.done, 0, 0);
    run_and_wait(store, percentile_job, &question, &question.done);
    sem_destroy(&question.done);
    assert_int_equal(question.result, 0);
    if (question.ms != ms || question.count != count)
        fail_msg("p%g is %g of %lld, not %g of %lld", percent, question.ms, (long long)question.count, ms,
                 (long long)count);
}

/* The example of the nearest-rank method: 15, 20, 35, 40, 50. */
static void percentiles_are_by_nearest_rank(void **state)
{
    static const double ms[] = {35, 20, 15, 50, 40};
    struct fixture *f = *state;
    int64_t now_us = clock_wall_us();
    struct store *store = fixture_open(f);
    for (int i = 0; i < 5; ++i) {
        struct check_record record = check_of("p", now_us + i);
        record.response_time_ms = ms[i];
        store_append(store, &record);
    }
    assert_true(report_reaches(store, has_written, 5));
    percentile_is(store, "p", 0, 0, 15, 5);
    percentile_is(store, "p", 5, 0, 15, 5);
    percentile_is(store, "p", 30, 0, 20, 5);
    percentile_is(store, "p", 40, 0, 20, 5);
    percentile_is(store, "p", 50, 0, 35, 5);
    percentile_is(store, "p", 95, 0, 50, 5);
    percentile_is(store, "p", 100, 0, 50, 5);
    percentile_is(store, "p", 1000, 0, 50, 5);
    percentile_is(store, "unknown", 95, 0, 0, 0);
    assert_int_equal(store_close(store, 1000), 0);
}

static void only_good_checks_of_the_time_are_looked_at(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = clock_wall_us();
    struct store *store = fixture_open(f);
    for (int i = 0; i < 40; ++i) {
        struct check_record record = check_of(i % 4 == 3 ? "q" : "p", now_us - (i < 20 ? 60000000 : 0) + i);
        record.response_time_ms = 100 + i;
        record.ok = i % 4 != 1;
        record.counted = i % 4 != 2;
        store_append(store, &record);
    }
    assert_true(report_reaches(store, has_written, 40));
    sql_file(f->path, "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, ok,"
                      " last_check_timestamp) VALUES ('p', 'healthy', NULL, 1, '2998-01-01T00:00:00'),"
                      " ('p', 'healthy', 5000, NULL, '2998-01-01T00:00:00')");
    percentile_is(store, "p", 100, now_us - 30000000, 136, 5);
    percentile_is(store, "p", 100, 0, 136, 10);
    percentile_is(store, "p", 1, 0, 100, 10);
    percentile_is(store, "q", 50, now_us - 30000000, 131, 5);
    assert_int_equal(store_close(store, 1000), 0);
}

static void the_original_has_no_good_checks_to_learn_from(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, "PRAGMA journal_mode=WAL;" SEED_SQL
                      "INSERT INTO provider_health_checks (provider_name, status, response_time_ms,"
                      " last_check_timestamp) VALUES ('p', 'healthy', 3, '2998-11-23T08:00:00')");
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN IMMEDIATE"); /* so that it cannot be extended yet */
    struct store *store = fixture_open(f);
    percentile_is(store, "p", 95, 0, 0, 0);
    sqlite3_close(other);
    assert_true(report_reaches(store, writable_is, true));
    percentile_is(store, "p", 95, 0, 0, 0);
    assert_int_equal(store_close(store, 1000), 0);
}

static void of_very_many_the_newest_are_looked_at(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, VERSION_1_SQL
             "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 100099)"
             "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, ok, last_check_timestamp)"
             " SELECT 'p', 'healthy', i, 1, strftime('%Y-%m-%dT%H:%M:%f', 2460000.5 + i / 86400.0) FROM n");
    f->options.retention_ms = INT64_C(100) * 365 * 86400 * 1000;
    struct store *store = fixture_open(f);
    percentile_is(store, "p", 0, 0, 100, STORE_LATENCIES_MAX);
    assert_int_equal(store_close(store, 1000), 0);
}

/* -- hours -- */

struct hours_question {
    int64_t from_s;
    int64_t to_s;
    char seen[256]; /* "start checks up;" of each */
    int result;
    char error[256];
    sem_t done;
};

static void note_hour(int64_t start_s, int64_t checks, int64_t up, void *user)
{
    struct hours_question *question = user;
    size_t len = strlen(question->seen);
    snprintf(question->seen + len, sizeof(question->seen) - len, "%lld %lld %lld;", (long long)start_s,
             (long long)checks, (long long)up);
}

static void hours_job(struct store_reader *reader, const char *error, void *user)
{
    struct hours_question *question = user;
    (void)error;
    question->result = reader == NULL ? -1
                                      : store_rolled_hours(reader, "p", question->from_s, question->to_s, note_hour,
                                                           question, question->error, sizeof(question->error));
    sem_post(&question->done);
}

static void hours_are(struct store *store, int64_t from_s, int64_t to_s, const char *seen, int result)
{
    struct hours_question question = {.from_s = from_s, .to_s = to_s, .result = -2};
    sem_init(&question.done, 0, 0);
    run_and_wait(store, hours_job, &question, &question.done);
    sem_destroy(&question.done);
    assert_string_equal(question.seen, seen);
    assert_int_equal(question.result, result);
}

static void wait_until_rolled_up(const char *path, long long last_id)
{
    static const char sql[] = "SELECT last_id FROM provider_rollup_marks WHERE table_name = 'provider_health_checks'";
    uint64_t until = clock_monotonic_ms() + WAIT_MAX_MS;
    while (sql_number(path, sql) < last_id && clock_monotonic_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(sql_number(path, sql), last_id);
}

static void rolled_hours_are_those_of_the_provider_itself(void **state)
{
    struct fixture *f = *state;
    int64_t from_s = clock_wall_us() / 1000000 / 3600 * 3600 - 7200;
    char first[64], both[128];
    snprintf(first, sizeof(first), "%lld 3 3;", (long long)from_s);
    snprintf(both, sizeof(both), "%s%lld 2 1;", first, (long long)from_s + 3600);
    struct store *store = fixture_open(f);
    for (int i = 0; i < 8; ++i) {
        struct check_record record = check_of(i == 7 ? "q" : "p", (from_s + (i < 3 ? 60 : 3660) + i) * 1000000);
        record.key = i == 6 ? 2 : 0;
        record.table = i == 6 ? RECORD_KEY_CHECK : RECORD_CHECK;
        record.ok = i != 3;
        record.counted = i != 5;
        record.status = i == 5 ? HEALTH_UNKNOWN : HEALTH_HEALTHY;
        store_append(store, &record);
    }
    assert_true(report_reaches(store, has_written, 8));
    assert_int_equal(store_close(store, 1000), 0);
    store = fixture_open(f); /* rolls up */
    wait_until_rolled_up(f->path, 7);
    hours_are(store, from_s, from_s + 7200, both, 2);
    hours_are(store, from_s, from_s + 3600, first, 1);
    hours_are(store, from_s + 1, from_s + 3600, "", 0);
    assert_int_equal(store_close(store, 1000), 0);
}

static void the_original_has_no_rolled_hours(void **state)
{
    struct fixture *f = *state;
    sql_file(f->path, "PRAGMA journal_mode=WAL;" SEED_SQL);
    sqlite3 *other = sql_open(f->path);
    sql_run(other, "BEGIN IMMEDIATE");
    struct store *store = fixture_open(f);
    hours_are(store, 0, INT64_C(1) << 40, "", 0);
    sqlite3_close(other);
    assert_int_equal(store_close(store, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(percentiles_are_by_nearest_rank),
        STORE_TEST(only_good_checks_of_the_time_are_looked_at),
        STORE_TEST(the_original_has_no_good_checks_to_learn_from),
        STORE_TEST(of_very_many_the_newest_are_looked_at),
        STORE_TEST(rolled_hours_are_those_of_the_provider_itself),
        STORE_TEST(the_original_has_no_rolled_hours),
    };
    return cmocka_run_group_tests_name("store statistics", tests, NULL, NULL);
}
