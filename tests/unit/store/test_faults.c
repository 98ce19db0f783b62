/* Every operation on the disk that the store makes in a short life fails, each in its turn and in every way: the store
 * goes on, tells, and in the end each check is in the file exactly once.
 * After https://www.sqlite.org/testing.html, "I/O Error Testing" (read 2026-11-23). */
#include "fault_vfs.h"
#include "life.h"

#include <sys/stat.h>

enum {
    UNREACHED_IN_A_ROW = 2
}; /* lives without the fault: the number of operations differs a little from life to life */

static void start_over(const struct fixture *f)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    char path[128];
    for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); ++i) {
        snprintf(path, sizeof(path), "%s%s", f->path, tails[i]);
        unlink(path);
    }
}

/* One life under the plan. Whether the fault came to pass. */
static bool live_through(struct fixture *f, const struct fault_plan *plan, unsigned *told)
{
    struct life life;
    enum fault_operation operation;
    start_over(f);
    fault_vfs_install();
    fault_vfs_plan(plan);
    life_begin(f, &life);
    bool struck = fault_vfs_struck(&operation);
    fault_vfs_heal();
    life_end(&life, 20000);
    struck |= fault_vfs_struck(&operation);
    fault_vfs_remove();
    if (life.unwritten != 0)
        print_error("%zu unwritten; %s\n", life.unwritten, life.error);
    assert_int_equal(life.unwritten, 0);
    life_check_file(f, true);
    *told += life.failed;
    return struck;
}

/* The n-th operation of a kind fails, for n = 1, 1 + step, ... to the end. */
static void each_fails(struct fixture *f, struct fault_plan plan, unsigned step)
{
    unsigned lives = 0, told = 0;
    for (unsigned unreached = 0, at = 1; unreached < UNREACHED_IN_A_ROW; at += step, ++lives) {
        plan.at = at;
        unreached = live_through(f, &plan, &told) ? 0 : unreached + 1;
    }
    for (unsigned i = 0; i < FAULT_OPERATIONS; ++i) {
        if ((plan.operations & 1u << i) != 0)
            print_message("%s result %d%s: %u lives, in %u of them it was told\n", fault_operation_name(i), plan.result,
                          plan.lasting ? " lasting" : "", lives, told);
    }
    assert_true(lives > UNREACHED_IN_A_ROW);
}

#define EACH(name, operation, error, step_once, step_lasting)                                                          \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        each_fails(*state, (struct fault_plan){.operations = 1u << (operation), .result = (error)}, step_once);        \
        each_fails(*state, (struct fault_plan){.operations = 1u << (operation), .result = (error), .lasting = true},   \
                   step_lasting);                                                                                      \
    }

EACH(nothing_is_lost_when_a_write_fails, FAULT_WRITE, 0, 1, 3)
EACH(nothing_is_lost_when_the_disk_is_full, FAULT_WRITE, SQLITE_FULL, 1, 3)
EACH(nothing_is_lost_or_doubled_when_a_sync_fails, FAULT_SYNC, 0, 1, 3)
static void nothing_is_lost_or_doubled_when_a_sync_fails_long_before_a_checkpoint(void **state)
{
    life_checkpoints_are_frequent(false);
    nothing_is_lost_or_doubled_when_a_sync_fails(state);
    life_checkpoints_are_frequent(true);
}

EACH(nothing_is_lost_when_an_open_fails, FAULT_OPEN, 0, 1, 1)
EACH(nothing_is_lost_when_an_open_fails_by_an_error, FAULT_OPEN, SQLITE_IOERR, 1, 1)
EACH(nothing_is_lost_when_a_read_fails, FAULT_READ, 0, 1, 3)
EACH(nothing_is_lost_when_a_deletion_fails, FAULT_DELETE, 0, 1, 1)
EACH(nothing_is_lost_when_shared_memory_fails, FAULT_SHM_MAP, 0, 1, 1)
EACH(nothing_is_lost_when_there_is_no_memory_to_share, FAULT_SHM_MAP, SQLITE_IOERR_NOMEM, 1, 1)
EACH(nothing_is_lost_when_a_lock_fails, FAULT_LOCK, 0, 1, 3)
EACH(nothing_is_lost_when_a_lock_is_taken, FAULT_LOCK, SQLITE_BUSY, 1, 3)

static bool syncs_came(const struct store_report *report, uint64_t wanted)
{
    (void)report;
    return fault_vfs_count() >= wanted;
}

/* The sync of a commit fails, and so does everything that would tidy up after it: the batch lies whole in the log, and
 * whoever opens it finds it there. */
static void a_commit_that_failed_but_took_place_is_not_written_again(void **state)
{
    struct fixture *f = *state;
    f->options.commit_interval_ms = 0;
    life_checkpoints_are_frequent(false); /* after one that is complete the log would go, and the batch with it */
    fault_vfs_install();
    struct store *store = fixture_open(f);
    append_numbered(store, "p", 0, 10);
    assert_true(report_reaches(store, has_written, 10));
    fault_vfs_plan(&(struct fault_plan){.operations = 1u << FAULT_SYNC, .at = 1, .lasting = true});
    append_numbered(store, "p", 10, 1);
    assert_true(report_reaches(store, writable_is, false));
    /* After that of the commit: that of closing, and that of trying to open again. */
    assert_true(report_reaches(store, syncs_came, 3));
    struct store_report report;
    store_get_report(store, &report);
    assert_int_equal(report.written, 10);
    assert_int_equal(report.queued, 1);
    append_numbered(store, "p", 11, 5);
    fault_vfs_heal();
    assert_true(report_reaches(store, has_written, 16));
    store_get_report(store, &report);
    assert_int_equal(report.queued + report.dropped, 0);
    assert_int_equal(store_close(store, 5000), 0);
    fault_vfs_remove();
    life_checkpoints_are_frequent(true);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks"), 16);
    assert_int_equal(sql_number(f->path, "SELECT count(DISTINCT consecutive_failures) FROM provider_health_checks"),
                     16);
}

static int frequent_checkpoints(void **state)
{
    (void)state;
    life_checkpoints_are_frequent(true);
    return 0;
}

static int usual_checkpoints(void **state)
{
    (void)state;
    life_checkpoints_are_frequent(false);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_commit_that_failed_but_took_place_is_not_written_again),
        STORE_TEST(nothing_is_lost_when_a_write_fails),
        STORE_TEST(nothing_is_lost_when_the_disk_is_full),
        STORE_TEST(nothing_is_lost_or_doubled_when_a_sync_fails),
        STORE_TEST(nothing_is_lost_or_doubled_when_a_sync_fails_long_before_a_checkpoint),
        STORE_TEST(nothing_is_lost_when_an_open_fails),
        STORE_TEST(nothing_is_lost_when_an_open_fails_by_an_error),
        STORE_TEST(nothing_is_lost_when_a_read_fails),
        STORE_TEST(nothing_is_lost_when_a_deletion_fails),
        STORE_TEST(nothing_is_lost_when_shared_memory_fails),
        STORE_TEST(nothing_is_lost_when_there_is_no_memory_to_share),
        STORE_TEST(nothing_is_lost_when_a_lock_fails),
        STORE_TEST(nothing_is_lost_when_a_lock_is_taken),
    };
    return cmocka_run_group_tests_name("store faults", tests, frequent_checkpoints, usual_checkpoints);
}
