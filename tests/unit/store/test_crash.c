/* The program is killed, or the power goes, at an operation on the disk of a short life: what the store had told as
 * written is there afterwards, in a sound file that the next start carries on.
 * After https://www.sqlite.org/testing.html, "Crash Testing" (read 2026-11-23). */
#include "fault_vfs.h"
#include "life.h"

static void start_over(const struct fixture *f)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    char path[128];
    for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); ++i) {
        snprintf(path, sizeof(path), "%s%s", f->path, tails[i]);
        unlink(path);
    }
}

/* Whether the crash came to pass. */
static bool crash_at(struct fixture *f, enum fault_effect effect, unsigned at, unsigned dice)
{
    struct life life;
    start_over(f);
    fault_vfs_install();
    fault_vfs_plan(&(struct fault_plan){.operations = FAULT_CHANGES, .at = at, .effect = effect});
    life_begin(f, &life);
    life_end(&life, 0);
    bool struck = fault_vfs_struck(NULL);
    if (struck && effect == FAULT_CUTS_POWER)
        fault_vfs_lose_power(dice);
    fault_vfs_remove();
    unsigned rows = life_check_file(f, false);
    if (rows + LIFE_OLD_CHECKS < life.acknowledged)
        fail_msg("crash at %u, dice %u: %u rows, %llu were told as written", at, dice, rows,
                 (unsigned long long)life.acknowledged);
    struct store *store = fixture_open(f);
    append_numbered(store, "after", 0, 3);
    assert_int_equal(store_close(store, 10000), 0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE provider_name='after'"), 3);
    assert_int_equal(life_check_file(f, false), rows);
    return struck;
}

/* Every other operation; the last test takes those between. */
static void after_a_kill_at_any_operation_all_that_was_told_is_there(void **state)
{
    unsigned at = 1;
    for (; crash_at(*state, FAULT_KILLS, at, 0); at += 2)
        continue;
    assert_true(at > 50);
}

static void after_a_power_cut_at_any_operation_all_that_was_told_is_there(void **state)
{
    unsigned at = 1;
    for (; crash_at(*state, FAULT_CUTS_POWER, at, at % 3); at += 2)
        continue;
    assert_true(at > 50);
}

static void after_power_cuts_that_leave_half_of_it_all_that_was_told_is_there(void **state)
{
    unsigned at = 2;
    for (unsigned dice = 1000; crash_at(*state, FAULT_CUTS_POWER, at, dice); at += 2, ++dice)
        continue;
    assert_true(at > 50);
}

/* The file system itself is to be trusted to find that out: with synchronous = NORMAL the same cut takes back commits
 * that were told as done, and nothing but that. */
static void with_less_than_full_sync_a_power_cut_takes_commits_back(void **state)
{
    struct fixture *f = *state;
    char text[64];
    for (int full = 0; full < 2; ++full) {
        start_over(f);
        fault_vfs_install();
        sqlite3 *handle = sql_open(f->path);
        sql_run(handle, "PRAGMA journal_mode = WAL");
        sql_run(handle, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        sql_run(handle, "CREATE TABLE t (n INTEGER PRIMARY KEY)");
        sql_run(handle, "PRAGMA wal_checkpoint(TRUNCATE)");
        for (int i = 0; i < 5; ++i)
            sql_run(handle, "INSERT INTO t DEFAULT VALUES");
        fault_vfs_plan(&(struct fault_plan){.operations = FAULT_ALL, .at = 1, .effect = FAULT_CUTS_POWER});
        sqlite3_exec(handle, "INSERT INTO t DEFAULT VALUES", NULL, NULL, NULL);
        sqlite3_close(handle);
        assert_true(fault_vfs_struck(NULL));
        fault_vfs_lose_power(0);
        fault_vfs_remove();
        assert_string_equal(sql_text(f->path, "PRAGMA integrity_check", text, sizeof(text)), "ok");
        assert_int_equal(sql_number(f->path, "SELECT count(*) FROM t"), full ? 5 : 0);
    }
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
        STORE_TEST(with_less_than_full_sync_a_power_cut_takes_commits_back),
        STORE_TEST(after_a_kill_at_any_operation_all_that_was_told_is_there),
        STORE_TEST(after_a_power_cut_at_any_operation_all_that_was_told_is_there),
        STORE_TEST(after_power_cuts_that_leave_half_of_it_all_that_was_told_is_there),
    };
    return cmocka_run_group_tests_name("store crash", tests, frequent_checkpoints, usual_checkpoints);
}
