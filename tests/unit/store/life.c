#include "life.h"

enum { LOOKS_MAX = 300 };

static int checkpoint_often(sqlite3 *handle, char **error, const void *api)
{
    (void)error;
    (void)api;
    return sqlite3_wal_autocheckpoint(handle, 4);
}

void life_checkpoints_are_frequent(bool frequent)
{
    void (*extension)(void) = (void (*)(void))checkpoint_often;
    if (frequent)
        sqlite3_auto_extension(extension);
    else
        sqlite3_cancel_auto_extension(extension);
}

static void note(struct life *life)
{
    struct store_report report;
    store_get_report(life->store, &report);
    life->acknowledged = report.written;
    if (!report.writable) {
        assert_true(report.error[0] != '\0' && report.failing_since_us > 0);
        life->failed = true;
        snprintf(life->error, sizeof(life->error), "%s", report.error);
    }
}

static bool settled(const struct store_report *report, uint64_t unused)
{
    (void)unused;
    return report->queued == 0 || !report->writable;
}

void life_settle(struct life *life)
{
    assert_true(report_reaches(life->store, settled, 0));
    note(life);
}

static void append_old(struct store *store)
{
    struct check_record record = check_of("old", clock_wall_us() - INT64_C(30) * 86400 * 1000000);
    for (unsigned i = 0; i < LIFE_OLD_CHECKS; ++i, record.checked_us += 1000) {
        record.consecutive_failures = i;
        store_append(store, &record);
    }
}

/* A check of a provider with long texts, and what goes to the other tables beside it. */
static void append_round(struct store *store, unsigned round)
{
    struct check_record record = check_of("new", clock_wall_us());
    struct check_record deep = deep_check_of("new", clock_wall_us());
    memset(record.error_message, 'e', sizeof(record.error_message) - 1);
    for (unsigned i = 0; i < LIFE_ROUND_CHECKS; ++i, record.checked_us += 1000) {
        record.table = RECORD_CHECK;
        record.consecutive_failures = round * LIFE_ROUND_CHECKS + i;
        store_append(store, &record);
        record.table = RECORD_KEY_CHECK;
        record.key = i + 1;
        store_append(store, &record);
    }
    deep.tokens = round;
    store_append(store, &deep);
}

static void append_incident(struct store *store, int64_t started_us, bool ended)
{
    struct incident_record incident = {.provider = "new", .started_us = started_us, .checks_lost = ended ? 7 : 3};
    incident.ended_us = ended ? clock_wall_us() : 0;
    store_append_incident(store, &incident);
}

/* Before the checks of its round: where one of those is, it is too. */
static void append_event(struct store *store, unsigned round)
{
    struct event_parts parts = {.id = clock_wall_us() / 1000 + round, .kind = EVENT_STATUS, .provider = "new"};
    char text[16];
    snprintf(text, sizeof(text), "%u", round);
    parts.message = text;
    struct event *event = event_new(&parts);
    store_append_event(store, event);
    event_release(event);
}

struct looking {
    sem_t done;
    bool found;
};

static bool old_one(const struct history_row *row, void *user)
{
    struct looking *looking = user;
    (void)row;
    looking->found = true;
    return false;
}

static void look_for_old(struct store_reader *reader, const char *error, void *user)
{
    struct looking *looking = user;
    struct history_cursor cursor = {0};
    char reason[256];
    (void)error;
    if (reader != NULL)
        store_history_page(reader, &(struct history_series){.provider = "old"}, &(struct history_range){0, INT64_MAX},
                           &cursor, 1, old_one, looking, reason, sizeof(reason));
    sem_post(&looking->done);
}

/* Gives rollup and retention the time that they need when nothing is wrong. */
static void await_upkeep(struct store *store)
{
    struct store_report report;
    struct looking looking;
    unsigned looks = 0;
    do {
        looking.found = false;
        sem_init(&looking.done, 0, 0);
        run_and_wait(store, look_for_old, &looking, &looking.done);
        sem_destroy(&looking.done);
        store_get_report(store, &report);
    } while (looking.found && report.writable && ++looks < LOOKS_MAX);
}

void life_begin(struct fixture *f, struct life *life)
{
    int64_t began_us = clock_wall_us();
    *life = (struct life){0};
    f->options.commit_interval_ms = 0;
    f->options.readers = 1;
    life->store = fixture_open(f);
    append_old(life->store);
    life_settle(life);
    for (unsigned round = 0; round < LIFE_ROUNDS; ++round) {
        append_event(life->store, round);
        append_round(life->store, round);
        if (round == 0 || round == 2)
            append_incident(life->store, began_us, round != 0);
        life_settle(life);
        if (round == 0)
            store_configure(life->store, &(struct store_options){
                                             .retention_ms = f->options.retention_ms}); /* and looks for old checks */
    }
    await_upkeep(life->store);
}

void life_end(struct life *life, int64_t timeout_ms)
{
    note(life);
    life->unwritten = store_close(life->store, timeout_ms);
    life->store = NULL;
}

/* Rows up to the mark are in the rollups, those behind it are not. */
static void check_rollups(const struct fixture *f, const char *provider, unsigned all, bool whole)
{
    char sql[600];
    snprintf(
        sql, sizeof(sql),
        "SELECT (SELECT ifnull(sum(checks), 0) FROM provider_rollups WHERE span = 3600 AND provider_name = '%s' AND"
        " key = 0 AND model = '') + (SELECT count(*) FROM provider_health_checks WHERE provider_name = '%s' AND id >"
        " ifnull((SELECT last_id FROM provider_rollup_marks WHERE table_name = 'provider_health_checks'), 0))",
        provider, provider);
    unsigned count = (unsigned)sql_number(f->path, sql);
    assert_true(count <= all);
    if (whole)
        assert_int_equal(count, all);
}

static unsigned checked_table(const struct fixture *f, const char *table, const char *number, unsigned all, bool whole)
{
    char sql[400];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE provider_name = 'new'", table);
    unsigned count = (unsigned)sql_number(f->path, sql);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM (SELECT %s AS n, row_number() OVER (ORDER BY id) - 1 AS at FROM %s WHERE"
             " provider_name = 'new') WHERE n <> at",
             number, table);
    assert_int_equal(sql_number(f->path, sql), 0);
    if (whole)
        assert_int_equal(count, all);
    return count;
}

/* Each once, in the order of the rounds, and none missing of a round of which there is a check. */
static void check_events(const struct fixture *f, unsigned checks, bool whole)
{
    unsigned count = checked_table(f, "provider_events", "CAST(message AS INTEGER)", LIFE_ROUNDS, whole);
    assert_true(count >= (checks + LIFE_ROUND_CHECKS - 1) / LIFE_ROUND_CHECKS);
}

unsigned life_check_file(const struct fixture *f, bool whole)
{
    char text[256];
    assert_string_equal(sql_text(f->path, "PRAGMA integrity_check", text, sizeof(text)), "ok");
    if (!whole && sql_number(f->path, "SELECT count(*) FROM sqlite_master") == 0)
        return 0; /* it ended before there was anything */
    unsigned checks = checked_table(f, "provider_health_checks", "consecutive_failures", LIFE_CHECKS, whole);
    unsigned rows = checks;
    rows += checked_table(f, "provider_key_checks", "consecutive_failures", LIFE_CHECKS, whole);
    rows += checked_table(f, "provider_deep_checks", "tokens", LIFE_ROUNDS, whole);
    assert_int_equal(sql_number(f->path, "SELECT count(*) - count(DISTINCT consecutive_failures) FROM "
                                         "provider_health_checks WHERE provider_name = 'old'"),
                     0);
    if (sql_number(f->path, "PRAGMA user_version") == 0)
        return rows;
    check_rollups(f, "old", LIFE_OLD_CHECKS, whole);
    check_rollups(f, "new", LIFE_CHECKS, whole);
    check_events(f, checks, whole);
    if (whole)
        assert_int_equal(sql_number(f->path, "SELECT count(*) = 1 AND sum(checks_lost) = 7 FROM provider_incidents"),
                         1);
    return rows;
}
