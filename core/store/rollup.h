/* rollup: turns checks into hourly sums, and old hours into days, a little at a time.
 *
 * Rows are read in the order of their ids, from where the last rollup ended (provider_rollup_marks), and added up in
 * memory; when enough are together, one transaction merges the sums into provider_rollups and moves the mark along. So
 * every row is in the rollups exactly once, whatever breaks in between, and also when it came late or under a clock
 * that was wrong: a row counts for the hour that it names. A row whose time cannot be read, or lies more than a day
 * ahead, is passed over.
 *
 * Thread: the writer's. Internal to store/.
 */
#ifndef PROVIDERD_STORE_ROLLUP_H
#define PROVIDERD_STORE_ROLLUP_H

#include "store/sums.h"

struct database;

/* Prepared on the writer's connection; all NULL while it is closed. */
struct roller_statements {
    struct rollup_statements merge;
    sqlite3_stmt *read_mark;
    sqlite3_stmt *write_mark;
    sqlite3_stmt *rows[RECORD_DEEP_CHECK + 1]; /* behind an id, of each table of checks */
    sqlite3_stmt *old_hours;
    sqlite3_stmt *delete_hour;
};
int roller_prepare(sqlite3 *handle, struct roller_statements *statements); /* an SQLite result */
void roller_finalize(struct roller_statements *statements);

struct roller {
    struct sums sums;
    unsigned table;  /* enum record_table being read */
    bool reading;    /* `last_id` is where it stands */
    bool full;       /* the next step writes, */
    bool at_end;     /* and is done with the table then */
    int64_t mark;    /* where the sums begin, */
    int64_t last_id; /* and how far they reach */
    size_t rows;     /* read into them */

    /* What a step may take on so as to keep to ROLLUP_WRITE_AIM_MS; learned, 0 = not yet. */
    size_t write_sums; /* merged in one transaction */
    int compact_rows;  /* hours made part of a day */
};

enum { ROLLUP_READ_AIM_MS = 10, ROLLUP_WRITE_AIM_MS = 20 };

enum rollup_result { ROLLUP_DONE, ROLLUP_MORE, ROLLUP_FAILED };

/* One step, of some 10 or 20 ms: reads rows, or writes sums. DONE when nothing is left; after FAILED, with the reason
 * in `error`, the next step begins from the mark again. `keep_ms`: hours older than that are merged into days. */
enum rollup_result rollup_step(struct roller *roller, struct database *database, int64_t now_us, int64_t keep_ms,
                               char *error, size_t error_size);

/* Forgets what was read: the database is another one now. */
void rollup_forget(struct roller *roller);

/* Up to which row a table has been rolled up. Returns an SQLite result. */
int rollup_read_mark(struct database *database, enum record_table table, int64_t *last_id);

/* Reads a row whose columns are: id, provider_name, key, model, last_check_timestamp, ok, status, consecutive_failures,
 * response_time_ms, error_kind, first_token_ms, tokens_per_second. False for one that belongs to no hour. Texts are the
 * row's own. Any thread. */
bool summand_read(sqlite3_stmt *row, enum record_table table, int64_t now_us, struct summand *summand);

/* Merges sums of checks that never became rows, within the transaction of the caller. Returns an SQLite result. */
int rollup_write_sums(struct database *database, const struct sums *sums);

#endif
