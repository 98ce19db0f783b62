/* commit: what a group commit costs with synchronous = NORMAL and with FULL, which the store uses.
 *
 *     commit FOLDER
 *
 * Commits of both kinds alternate in FOLDER, on the disk that is of interest (not a tmpfs): each a transaction of some
 * rows like those of healthy checks. Prints the medians of the wall time of a commit.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COMMITS = 200, KINDS = 2, SIZES = 3 };

static const int rows_of[SIZES] = {1, 30, 1000};

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void run(sqlite3 *handle, const char *sql)
{
    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "commit: %s: %s\n", sql, sqlite3_errmsg(handle));
        exit(1);
    }
}

static sqlite3 *open_kind(const char *folder, const char *synchronous)
{
    char text[4096];
    sqlite3 *handle = NULL;
    snprintf(text, sizeof(text), "%s/commit-%s.db", folder, synchronous);
    if (sqlite3_open(text, &handle) != SQLITE_OK)
        exit(1);
    snprintf(text, sizeof(text), "PRAGMA journal_mode = WAL; PRAGMA synchronous = %s", synchronous);
    run(handle, text);
    run(handle, "CREATE TABLE checks (id INTEGER PRIMARY KEY AUTOINCREMENT, provider_name TEXT, status TEXT, ms REAL,"
                " time TEXT); CREATE INDEX by_time ON checks(provider_name, time)");
    return handle;
}

static double commit_us(sqlite3 *handle, int rows)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO checks"
             " (provider_name, status, ms, time) SELECT 'provider' || i %% 100, 'healthy', 123.4,"
             " strftime('%%Y-%%m-%%dT%%H:%%M:%%f000') FROM n",
             rows);
    run(handle, "BEGIN IMMEDIATE");
    run(handle, sql);
    double began = now_us();
    run(handle, "COMMIT");
    return now_us() - began;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    static const char *const names[KINDS] = {"NORMAL", "FULL"};
    static double took[KINDS][COMMITS];
    if (argc != 2) {
        fputs("usage: commit FOLDER\n", stderr);
        return 2;
    }
    sqlite3 *handles[KINDS] = {open_kind(argv[1], names[0]), open_kind(argv[1], names[1])};
    printf("%-20s %12s %12s\n", "rows in a commit", "NORMAL, us", "FULL, us");
    for (int size = 0; size < SIZES; ++size) {
        for (int i = 0; i < COMMITS; ++i) {
            for (int kind = 0; kind < KINDS; ++kind)
                took[kind][i] = commit_us(handles[kind], rows_of[size]);
        }
        for (int kind = 0; kind < KINDS; ++kind)
            qsort(took[kind], COMMITS, sizeof(took[kind][0]), by_size);
        printf("%-20d %12.0f %12.0f\n", rows_of[size], took[0][COMMITS / 2], took[1][COMMITS / 2]);
    }
    for (int kind = 0; kind < KINDS; ++kind)
        sqlite3_close(handles[kind]);
    return 0;
}
