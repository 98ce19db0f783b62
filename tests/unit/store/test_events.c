/* Events on their way to the database, and back out of it in pages. */
#include "fixture.h"

#include "store/event_log.h"

static struct event *make(int64_t id, enum event_kind kind, const char *message)
{
    struct event_parts parts = {.id = id,
                                .at_us = id * 1000,
                                .kind = kind,
                                .key = 2,
                                .provider = "groq",
                                .from = "healthy",
                                .to = "down",
                                .message = message};
    return event_new(&parts);
}

static void append(struct store *store, int64_t id, const char *message)
{
    struct event *event = make(id, EVENT_STATUS, message);
    store_append_event(store, event);
    event_release(event);
}

/* --- reading --- */

struct reading {
    sem_t done;
    struct event_range range;
    int limit;
    int rows;
    int64_t last_id;
    size_t count;
    struct event *events[64];
};

static void take(struct event *event, void *user)
{
    struct reading *reading = user;
    assert_true(reading->count < 64);
    reading->events[reading->count++] = event;
}

static void read_page(struct store_reader *reader, const char *error, void *user)
{
    struct reading *reading = user;
    char reason[256];
    (void)error;
    assert_non_null(reader);
    reading->rows = store_events_page(reader, &reading->range, reading->limit, take, reading, &reading->last_id, reason,
                                      sizeof(reason));
    sem_post(&reading->done);
}

static void read_events(struct store *store, struct reading *reading)
{
    sem_init(&reading->done, 0, 0);
    run_and_wait(store, read_page, reading, &reading->done);
    sem_destroy(&reading->done);
}

static void forget(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; ++i)
        event_release(reading->events[i]);
    reading->count = 0;
}

static void expect_ids(struct reading *reading, const int64_t *ids, size_t count)
{
    assert_int_equal(reading->count, count);
    for (size_t i = 0; i < count; ++i)
        assert_int_equal(reading->events[i]->id, ids[i]);
    forget(reading);
}

/* --- tests --- */

static void an_event_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f);
    struct reading reading = {.range = {.before_id = INT64_MAX}, .limit = 10};
    append(store, 1795500000123, "no \"answer\"\nat all");
    wait_for_number(f->path, "SELECT count(*) FROM provider_events", 1);
    read_events(store, &reading);
    assert_int_equal(reading.rows, 1);
    const struct event *event = reading.events[0];
    assert_int_equal(event->id, 1795500000123);
    assert_int_equal(event->at_us, INT64_C(1795500000123000));
    assert_int_equal(event->kind, EVENT_STATUS);
    assert_int_equal(event->key, 2);
    assert_string_equal(event->provider, "groq");
    assert_string_equal(event->from, "healthy");
    assert_string_equal(event->to, "down");
    assert_string_equal(event->message, "no \"answer\"\nat all");
    forget(&reading);
    assert_int_equal(store_close(store, 1000), 0);
}

static void pages_go_both_ways_and_end_where_asked(void **state)
{
    struct fixture *f = *state;
    int64_t now_ms = clock_wall_us() / 1000;
    struct store *store = fixture_open(f);
    for (int64_t i = 0; i < 10; ++i)
        append(store, now_ms + i * 7, "");
    wait_for_number(f->path, "SELECT count(*) = 10 FROM provider_events", 1);
    struct reading forward = {.range = {.after_id = now_ms, .before_id = now_ms + 28}, .limit = 2};
    read_events(store, &forward);
    assert_int_equal(forward.last_id, now_ms + 14);
    expect_ids(&forward, (const int64_t[]){now_ms + 7, now_ms + 14}, 2);
    forward.range.after_id = forward.last_id;
    read_events(store, &forward);
    assert_int_equal(forward.rows, 1);
    expect_ids(&forward, (const int64_t[]){now_ms + 21}, 1);
    struct reading back = {.range = {.before_id = now_ms + 14, .newest_first = true}, .limit = 5};
    read_events(store, &back);
    assert_int_equal(back.rows, 2);
    expect_ids(&back, (const int64_t[]){now_ms + 7, now_ms}, 2);
    assert_int_equal(store_close(store, 1000), 0);
}

static void kinds_of_a_newer_program_are_passed_over(void **state)
{
    struct fixture *f = *state;
    int64_t now_ms = clock_wall_us() / 1000;
    char sql[256];
    struct store *store = fixture_open(f);
    append(store, now_ms, "");
    wait_for_number(f->path, "SELECT count(*) FROM provider_events", 1);
    snprintf(sql, sizeof(sql),
             "INSERT INTO provider_events VALUES (%lld, '2026-11-24T06:00:00', 'of_tomorrow', '', 0, '', '', '')",
             (long long)now_ms + 1);
    sql_file(f->path, sql);
    struct reading reading = {.range = {.before_id = INT64_MAX}, .limit = 10};
    read_events(store, &reading);
    assert_int_equal(reading.rows, 2);
    assert_int_equal(reading.last_id, now_ms + 1);
    expect_ids(&reading, (const int64_t[]){now_ms}, 1);
    assert_int_equal(store_close(store, 1000), 0);
}

static void old_ones_go_and_young_ones_stay(void **state)
{
    struct fixture *f = *state;
    int64_t now_ms = clock_wall_us() / 1000;
    f->options.events_retention_ms = 3600 * 1000;
    struct store *store = fixture_open(f);
    append(store, now_ms - 3600 * 1000 - 60 * 1000, "old");
    append(store, now_ms - 3500 * 1000, "young");
    wait_for_number(f->path, "SELECT count(*) = 1 AND max(message) = 'young' FROM provider_events", 1);
    assert_int_equal(store_close(store, 1000), 0);
}

static void events_wait_for_a_database_that_is_locked(void **state)
{
    struct fixture *f = *state;
    int64_t now_ms = clock_wall_us() / 1000;
    sqlite3 *other;
    struct store *store = fixture_open(f);
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int64_t i = 0; i < 5; ++i)
        append(store, now_ms + i, "");
    assert_true(report_reaches(store, writable_is, false));
    for (int64_t i = 5; i < 9; ++i)
        append(store, now_ms + i, "");
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    wait_for_number(f->path, "SELECT count(*) = 9 FROM provider_events", 1);
    assert_int_equal(store_close(store, 1000), 0);
}

/* --- the list --- */

static void a_full_list_loses_its_oldest(void **state)
{
    struct event_list list = {NULL, NULL, 0}, older = {NULL, NULL, 0};
    (void)state;
    struct event *event = make(1, EVENT_RELOADED, "");
    for (int i = 0; i < EVENTS_WAITING_MAX; ++i)
        assert_int_equal(event_list_add(&list, event), 0);
    assert_int_equal(event_list_add(&list, event), 1);
    assert_int_equal(list.count, EVENTS_WAITING_MAX);
    for (int i = 0; i < 3; ++i)
        event_list_add(&older, event);
    assert_int_equal(event_list_put_back(&list, &older), 3);
    assert_int_equal(list.count, EVENTS_WAITING_MAX);
    assert_int_equal(older.count, 0);
    event_list_dispose(&list);
    assert_int_equal(atomic_load(&event->references), 1);
    event_release(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_event_comes_back_as_it_was),
        STORE_TEST(pages_go_both_ways_and_end_where_asked),
        STORE_TEST(kinds_of_a_newer_program_are_passed_over),
        STORE_TEST(old_ones_go_and_young_ones_stay),
        STORE_TEST(events_wait_for_a_database_that_is_locked),
        cmocka_unit_test(a_full_list_loses_its_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
