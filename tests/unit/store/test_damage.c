/* Databases that are damaged inside, or replaced by garbage: set aside under a new name, never overwritten, and what
 * can be read of them carried over. And no set-aside without need. */
#include "fault_vfs.h"
#include "fixture.h"

#include <glob.h>
#include <sys/stat.h>

enum { PAGE_BYTES = 4096, TABLE_LEAF = 0x0d };

static const char count_sql[] = "SELECT count(*) FROM provider_health_checks";

/* --- files --- */

static size_t read_file(const char *path, unsigned char *out, size_t out_size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    size_t len = fread(out, 1, out_size, file);
    fclose(file);
    return len;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

/* Overwrites `count` pages that hold rows of checks, from the `first` of them on; how many there are in all. */
static unsigned damage_leaves(const char *path, unsigned first, unsigned count)
{
    unsigned char page[PAGE_BYTES];
    unsigned leaves = 0;
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    for (long at = PAGE_BYTES; fseek(file, at, SEEK_SET) == 0 && fread(page, 1, PAGE_BYTES, file) == PAGE_BYTES;
         at += PAGE_BYTES) {
        if (page[0] != TABLE_LEAF || memmem(page, PAGE_BYTES, "checkee", 7) == NULL)
            continue;
        if (leaves >= first && leaves - first < count) {
            memset(page, 0xa5, PAGE_BYTES);
            assert_int_equal(fseek(file, at, SEEK_SET), 0);
            assert_int_equal(fwrite(page, 1, PAGE_BYTES, file), PAGE_BYTES);
        }
        leaves += 1;
    }
    fclose(file);
    return leaves;
}

/* The files set aside, without their logs. */
static size_t set_aside_files(const struct fixture *f, char *last, size_t last_size)
{
    char pattern[160];
    glob_t found;
    size_t count = 0;
    snprintf(pattern, sizeof(pattern), "%s.damaged-*", f->path);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; ++i) {
            if (strstr(found.gl_pathv[i], "Z-wal") == NULL && strstr(found.gl_pathv[i], "Z-shm") == NULL) {
                snprintf(last, last_size, "%s", found.gl_pathv[i]);
                count += 1;
            }
        }
    }
    globfree(&found);
    return count;
}

static struct store_report report_of(struct store *store)
{
    struct store_report report;
    store_get_report(store, &report);
    return report;
}

/* A closed database with that many checks, numbered. */
static void make_history(struct fixture *f, unsigned checks)
{
    struct store *store = fixture_open(f);
    append_numbered(store, "checkee", 0, checks);
    assert_int_equal(store_close(store, 10000), 0);
}

static bool was_set_aside(const struct store_report *report, uint64_t unused)
{
    (void)unused;
    return report->set_aside.time_us != 0 && report->writable;
}

static void is_sound(const char *path)
{
    char text[64];
    assert_string_equal(sql_text(path, "PRAGMA integrity_check", text, sizeof(text)), "ok");
}

/* --- reading, which may meet damage --- */

struct reading {
    sem_t done;
    bool failed;
};

static bool take_row(const struct history_row *row, void *user)
{
    (void)row;
    (void)user;
    return true;
}

static void read_history(struct store_reader *reader, const char *error, void *user)
{
    struct reading *reading = user;
    struct history_cursor cursor = {0};
    char reason[256];
    (void)error;
    int got = reader != NULL ? 0 : -1;
    while (got >= 0 && (got = store_history_page(reader, &(struct history_series){.provider = "checkee"},
                                                 &(struct history_range){0, INT64_MAX}, &cursor, 500, take_row, NULL,
                                                 reason, sizeof(reason))) == 500)
        continue;
    reading->failed = got < 0;
    sem_post(&reading->done);
}

static bool history_can_be_read(struct store *store)
{
    struct reading reading = {.failed = false};
    sem_init(&reading.done, 0, 0);
    run_and_wait(store, read_history, &reading, &reading.done);
    sem_destroy(&reading.done);
    return !reading.failed;
}

/* --- tests --- */

static void one_whose_schema_cannot_be_read_is_set_aside_at_the_start(void **state)
{
    struct fixture *f = *state;
    static unsigned char before[1024 * 1024], after[sizeof(before)];
    char name[256] = "";
    make_history(f, 100);
    FILE *file = fopen(f->path, "r+b"); /* all but the header: the schema's text, too */
    assert_int_equal(fseek(file, 100, SEEK_SET), 0);
    memset(after, 0x5a, PAGE_BYTES - 100);
    assert_int_equal(fwrite(after, 1, PAGE_BYTES - 100, file), PAGE_BYTES - 100);
    fclose(file);
    size_t len = read_file(f->path, before, sizeof(before));
    struct store *store = fixture_open(f);
    append_numbered(store, "checkee", 100, 5);
    assert_true(report_reaches(store, has_written, 5));
    struct store_report report = report_of(store);
    assert_true(report.writable && report.set_aside.time_us > 0 && report.set_aside.reason[0] != '\0');
    assert_int_equal(report.set_aside.carried_over, 0);
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(set_aside_files(f, name, sizeof(name)), 1);
    assert_string_equal(report.set_aside.path, name);
    assert_int_equal(read_file(name, after, sizeof(after)), len);
    assert_memory_equal(after, before, len);
    is_sound(f->path);
    assert_int_equal(sql_number(f->path, count_sql), 5);
}

static void damage_that_a_reader_meets_costs_only_what_is_damaged(void **state)
{
    struct fixture *f = *state;
    static unsigned char before[4 * 1024 * 1024], after[sizeof(before)];
    char name[256] = "", wal[300];
    make_history(f, 3000);
    sql_file(f->path,
             "INSERT INTO provider_events VALUES (1795500000123, '2026-11-24T06:00:00', 'status_change', 'checkee',"
             " 0, 'healthy', 'down', ''), (1795500000999, '2026-11-24T06:00:01', 'reloaded', '', 0, '', '', '')");
    sql_file(f->path, "INSERT INTO provider_incidents (provider_name, key, started, checks_lost) VALUES ('checkee', 0,"
                      " '2099-01-01T00:00:00', 3)");
    struct store *store = fixture_open(f);
    append_numbered(store, "checkee", 3000, 50); /* which are in the log alone */
    assert_true(report_reaches(store, has_written, 50));
    assert_true(damage_leaves(f->path, 10, 2) > 20);
    size_t len = read_file(f->path, before, sizeof(before));
    assert_false(history_can_be_read(store));
    assert_true(report_reaches(store, was_set_aside, 0));
    append_numbered(store, "checkee", 3050, 5);
    assert_true(report_reaches(store, has_written, 55));
    assert_true(history_can_be_read(store));
    uint64_t carried = report_of(store).set_aside.carried_over;
    assert_int_equal(store_close(store, 5000), 0);

    assert_int_equal(set_aside_files(f, name, sizeof(name)), 1);
    assert_int_equal(read_file(name, after, sizeof(after)), len);
    assert_memory_equal(after, before, len);
    snprintf(wal, sizeof(wal), "%s-wal", name);
    assert_true(read_file(wal, after, sizeof(after)) > 0);

    is_sound(f->path);
    long long rows = sql_number(f->path, count_sql);
    assert_true(rows >= 3055 - 150 && rows < 3055);
    assert_true(carried >= (uint64_t)rows - 5);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE id <>"
                                         " consecutive_failures + 1"),
                     0);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE id > 3000"), 55);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_incidents"), 1);
    assert_int_equal(sql_number(f->path, "SELECT sum(id) FROM provider_events"), 2 * INT64_C(1795500000000) + 1122);
}

static void damage_where_the_writer_writes_loses_no_check_in_memory(void **state)
{
    struct fixture *f = *state;
    char name[256] = "";
    make_history(f, 2000);
    unsigned leaves = damage_leaves(f->path, 0, 0);
    damage_leaves(f->path, leaves - 1, 1);
    struct store *store = fixture_open(f);
    append_numbered(store, "checkee", 2000, 100);
    assert_true(report_reaches(store, has_written, 100));
    assert_true(was_set_aside(&(struct store_report){.writable = true, .set_aside = report_of(store).set_aside}, 0));
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(set_aside_files(f, name, sizeof(name)), 1);
    is_sound(f->path);
    assert_int_equal(sql_number(f->path, "SELECT count(*) FROM provider_health_checks WHERE consecutive_failures >="
                                         " 2000"),
                     100);
    assert_true(sql_number(f->path, count_sql) >= 2100 - 100);
}

static void garbage_in_the_place_of_the_file_is_set_aside_while_running(void **state)
{
    struct fixture *f = *state;
    char garbage[160], name[256] = "", text[64] = "";
    snprintf(garbage, sizeof(garbage), "%s/garbage", f->directory);
    struct store *store = fixture_open(f);
    append_numbered(store, "checkee", 0, 10);
    assert_true(report_reaches(store, has_written, 10));
    write_file(garbage, "a diary of mine, no database at all", 35);
    assert_int_equal(rename(garbage, f->path), 0);
    append_numbered(store, "checkee", 10, 10);
    assert_true(report_reaches(store, has_written, 20));
    assert_int_equal(store_close(store, 5000), 0);
    assert_int_equal(set_aside_files(f, name, sizeof(name)), 1);
    assert_int_equal(read_file(name, (unsigned char *)text, sizeof(text)), 35);
    assert_string_equal(text, "a diary of mine, no database at all");
    is_sound(f->path);
    assert_int_equal(sql_number(f->path, count_sql), 10); /* the others went with the file */
}

static void names_that_are_taken_are_left_alone(void **state)
{
    struct fixture *f = *state;
    char taken[200], stamp[32], name[256] = "";
    struct tm utc;
    make_history(f, 100);
    damage_leaves(f->path, 0, 100);
    time_t now = time(NULL);
    for (time_t at = now; at < now + 60; ++at) {
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&at, &utc));
        snprintf(taken, sizeof(taken), "%s.damaged-%s%s", f->path, stamp, at % 2 != 0 ? "" : "-wal");
        write_file(taken, "taken", 5);
    }
    struct store *store = fixture_open(f);
    append_numbered(store, "checkee", 100, 5);
    assert_true(report_reaches(store, has_written, 5));
    struct store_report report = report_of(store);
    assert_int_equal(store_close(store, 5000), 0);
    assert_string_equal(report.set_aside.path + strlen(report.set_aside.path) - 3, "Z-2");
    assert_int_equal(access(report.set_aside.path, F_OK), 0);
    assert_true(set_aside_files(f, name, sizeof(name)) >= 31);
    for (time_t at = now; at < now + 60; ++at) {
        unsigned char text[16];
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&at, &utc));
        snprintf(taken, sizeof(taken), "%s.damaged-%s%s", f->path, stamp, at % 2 != 0 ? "" : "-wal");
        assert_int_equal(read_file(taken, text, sizeof(text)), 5);
    }
}

/* A read gives nonsense, once: the closer look finds nothing, and nothing is moved. */
static void a_passing_fault_sets_nothing_aside(void **state)
{
    struct fixture *f = *state;
    char name[256];
    unsigned told = 0, struck = 0;
    make_history(f, 1000);
    for (unsigned at = 1;; ++at) {
        fault_vfs_install();
        struct store *store = fixture_open(f);
        fault_vfs_plan(&(struct fault_plan){.operations = 1u << FAULT_READ, .at = at, .result = SQLITE_CORRUPT});
        told += !history_can_be_read(store);
        append_numbered(store, "checkee", 0, 1);
        assert_true(report_reaches(store, has_written, 1));
        bool came = fault_vfs_struck(NULL);
        fault_vfs_heal();
        assert_true(history_can_be_read(store));
        struct store_report report = report_of(store);
        assert_int_equal(store_close(store, 5000), 0);
        fault_vfs_remove();
        assert_int_equal(report.set_aside.time_us, 0);
        if (!came)
            break;
        struck += 1;
    }
    assert_true(struck > 20 && told > 10);
    assert_int_equal(set_aside_files(f, name, sizeof(name)), 0);
    assert_int_equal(sql_number(f->path, count_sql), 1000 + struck + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(one_whose_schema_cannot_be_read_is_set_aside_at_the_start),
        STORE_TEST(damage_that_a_reader_meets_costs_only_what_is_damaged),
        STORE_TEST(damage_where_the_writer_writes_loses_no_check_in_memory),
        STORE_TEST(garbage_in_the_place_of_the_file_is_set_aside_while_running),
        STORE_TEST(names_that_are_taken_are_left_alone),
        STORE_TEST(a_passing_fault_sets_nothing_aside),
    };
    return cmocka_run_group_tests_name("store damage", tests, NULL, NULL);
}
