/* store_internal: what the files of store/ share, and nobody else sees.
 *
 * Locks: store.mutex guards the queue, the report and what the writer is asked to do; store.pool.mutex guards the
 * reader pool. Neither is held while SQLite works, nor while the other is taken.
 *
 * Why the pool has a gate: SQLite's WAL keeps an index in the file "-shm" beside the database. When the database file
 * is deleted or replaced while we run, a connection to the new file would share that index with our connections to the
 * old one, since POSIX locks do not tell two connections of one process apart. So all connections to the old file are
 * closed before the first to the new file is opened.
 */
#ifndef PROVIDERD_STORE_STORE_INTERNAL_H
#define PROVIDERD_STORE_STORE_INTERNAL_H

#include "store/alert_marks.h"
#include "store/event_log.h"
#include "store/incidents.h"
#include "store/queue.h"
#include "store/reader.h"
#include "store/report_sums.h"
#include "store/rollup.h"

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/types.h>

enum {
    STORE_SCHEMA_VERSION = 5,
    STORE_BUSY_TIMEOUT_MS = 100, /* short: the writer's own loop retries, and stays ready to stop */
    STORE_RETRY_MIN_MS = 100,
    STORE_RETRY_MAX_MS = 5000,
    STORE_COMMIT_CHUNKS_MAX = 16, /* of 64 KiB, about 10000 checks: bounds the length of a transaction */
    STORE_UPKEEP_PAUSE_MS = 10,
    UPKEEP_DELETE_ROWS_MIN = 100,
    UPKEEP_DELETE_ROWS_MAX = 1600,
    STORE_READERS_MAX = 16,
    STORE_ERROR_MAX = 256,
    RECORD_TABLES = RECORD_DEEP_CHECK + 1,
};

/* All tables: those that checks go to, which enum record_table names, and these. */
enum store_table {
    TABLE_ROLLUPS = RECORD_TABLES, /* tallies of stretches of time; see schema.c */
    TABLE_ROLLUP_MARKS,            /* up to which row each table of checks has been rolled up */
    TABLE_INCIDENTS,               /* outages */
    TABLE_EVENTS,                  /* what happened; see health/event.h */
    TABLE_ALERT_MARKS,             /* what of it alerts have told; see health/alert_mark.h */
    TABLE_REPORTS,                 /* what clients reported; see report_sums.h */
    STORE_TABLES,
};

enum database_result {
    DATABASE_OK,
    DATABASE_AWAY,     /* not now: locked, read-only, full disk; worth a retry */
    DATABASE_DAMAGED,  /* so it seems: see damage.c */
    DATABASE_STRANGER, /* not SQLite; nothing was changed */
    DATABASE_REFUSED,  /* never: not our table, a newer schema; nothing was changed */
};

/* The writer's connection and its statements. All NULL while closed. */
struct database {
    sqlite3 *handle;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt *rollback;
    sqlite3_stmt *insert[RECORD_TABLES];
    sqlite3_stmt *oldest[RECORD_TABLES];       /* id and time of the first rows by id */
    sqlite3_stmt *delete_up_to[RECORD_TABLES]; /* an id */
    sqlite3_stmt *incident;                    /* writes one, */
    sqlite3_stmt *event;                       /* and the next likewise */
    struct marks_statements marks;
    sqlite3_stmt *report; /* adds to a row */
    struct roller_statements roller;
};

/* Which file a path named at some moment. {0, 0} = none. */
struct file_identity {
    dev_t device;
    ino_t inode;
};

/* What one transaction writes. */
struct batch {
    struct check_queue checks;
    struct incident_list incidents;
    struct event_list events;
    struct marks_list marks;
    struct report_sums reports;
    struct sums overflow;
};

/* Where a batch ended: its last row. `id` 0 = no row of it was taken. */
struct batch_end {
    enum record_table table;
    int64_t id;
    int64_t checked_us;
    char provider[PROVIDER_NAME_MAX];
};

struct read_job {
    struct read_job *next;
    store_job_fn run;
    void *user;
};

/* What a file holds of our columns and tables. One that cannot be extended yet (read-only, locked) is as the original,
 * or an older version, left it. */
enum schema_level { SCHEMA_SEED, SCHEMA_VERSION_1, SCHEMA_VERSION_2, SCHEMA_VERSION_3, SCHEMA_VERSION_4, SCHEMA_WHOLE };

/* What a reader asks; prepared at first use. */
enum reader_statement {
    READER_HISTORY,                               /* one for each table of checks */
    READER_TAIL = READER_HISTORY + RECORD_TABLES, /* likewise: rows of a series behind an id */
    READER_NEXT_NAME = READER_TAIL + RECORD_TABLES,
    READER_LATENCIES,
    READER_MARK,
    READER_ROLLUPS,
    READER_TAIL_OF_ALL,
    READER_EXPORT,
    READER_INCIDENTS,
    READER_EVENTS,
    READER_EVENTS_BACK,
    READER_HOURS,
    READER_OUTAGES,
    READER_MODELS,
    READER_STREAK, /* one for each table of checks */
    READER_STATEMENTS = READER_STREAK + RECORD_TABLES,
};

struct store_reader {
    struct store *store;
    sqlite3 *handle; /* NULL until the first job */
    sqlite3_stmt *statements[READER_STATEMENTS];
    enum schema_level level; /* as last seen */
    bool broken;             /* an error that a new connection may cure */
};

struct reader_pool {
    pthread_mutex_t mutex;
    pthread_cond_t wake;  /* a job, the gate, the end */
    pthread_cond_t moved; /* a connection was closed, the gate was opened */
    struct read_job *first;
    struct read_job *last;
    unsigned connections; /* read connections open, that of a restore included */
    bool gate_closed;     /* no connection may be opened, idle ones are to be closed */
    bool stopping;
    unsigned thread_count;
    pthread_t threads[STORE_READERS_MAX];
};

/* The writer's work beside commits: when it is due (monotonic), and how far it is. */
struct upkeep {
    struct roller roller;
    uint64_t roll_at_ms;
    uint64_t delete_at_ms;
    size_t unrolled; /* checks committed since the last rollup */
    int delete_rows; /* at once */
    bool rolling;    /* in the middle of a round */
    bool again;      /* another round is to follow */
    bool roll_failing;
    bool delete_failing;
};

/* How old what may become, in milliseconds. */
struct retention_ages {
    int64_t checks_ms;
    int64_t rollups_ms; /* and incidents */
    int64_t events_ms;
};

struct store {
    char *path; /* owned, absolute */
    size_t queue_max;

    pthread_mutex_t mutex;
    pthread_cond_t wake; /* the writer */
    struct check_queue queue;
    struct incident_list incidents;
    struct event_list events;
    struct marks_list marks;
    struct report_sums reports;
    struct sums overflow;      /* of checks that the queue had no room for */
    size_t in_flight;          /* checks taken out of the queue by the commit under way */
    struct batch doubtful;     /* of a commit that failed at its end; older than the queue (doubt.c) */
    uint64_t oldest_queued_ms; /* monotonic, when the first check came into the empty queue */
    struct retention_ages ages;
    int64_t commit_interval_ms;
    bool writer_idle;        /* it sleeps with no commit ahead: an append must wake it */
    bool suspect;            /* the file seems to be damaged: to be looked at before it is used again */
    uint64_t sound_until_ms; /* monotonic; before, a suspicion of a reader does not count */
    bool reopen_wanted;      /* a reader saw that the file was replaced, and closed the gate */
    bool retention_wanted;   /* a reload changed the retention */
    bool stopping;
    uint64_t stop_deadline_ms;  /* monotonic */
    struct file_identity file;  /* what the writer's connection is open on */
    uint64_t events_lost;       /* that the list had no room for */
    struct store_report report; /* `queued` is not kept here but counted when asked for */

    /* The writer thread's own. */
    struct database database;
    struct file_identity wal;    /* the write-ahead log that came with it */
    bool damaged;                /* the connection is of no more use */
    bool was_open;               /* the file, in this run: so it was a database of ours */
    char salvage_path[PATH_MAX]; /* set aside, and not yet read to its end; "" = none */
    struct batch_end doubtful_end;
    size_t doubtful_rejected;
    uint64_t retry_at_ms; /* monotonic; while not writable */
    uint64_t retry_pause_ms;
    struct upkeep upkeep;
    uint64_t dropped_before; /* report.dropped and report.rolled_up when the failure began */
    uint64_t rolled_up_before;
    pthread_t writer;

    struct reader_pool pool;
};

/* How many wait in all lists, with the mutex held. */
static inline size_t waiting_records(const struct store *store)
{
    return store->queue.count + store->incidents.count + store->events.count + store->marks.count +
           store->reports.count;
}

/* --- schema.c --- */

struct table_state {
    bool exists;
    bool id_is_key;
    uint32_t columns; /* bit per column that it has, in the order of the table's definition */
};

struct schema_state {
    int64_t version;
    struct table_state tables[STORE_TABLES];
};

const char *schema_table_name(enum record_table table);
const char *schema_any_table_name(unsigned table); /* of enum store_table, too */

/* The names of those columns that are in the set (as in table_state), "id, provider_name, ..."; how many. */
unsigned schema_column_list(unsigned table, uint32_t columns, char *out, size_t out_size);

/* Only reads. Returns an SQLite result. */
int schema_inspect(sqlite3 *handle, struct schema_state *state);

/* False, with the reason, for a schema that is not ours to write to. */
bool schema_acceptable(const struct schema_state *state, char *error, size_t error_size);

/* Creates and extends what is missing, in one transaction; its lock also shows whether the database can be written at
 * all. `error` is filled unless DATABASE_OK. */
enum database_result schema_establish(sqlite3 *handle, char *error, size_t error_size);

/* Returns an SQLite result. */
int schema_read_level(sqlite3 *handle, enum schema_level *level);

/* --- records.c --- */

const char *record_insert_sql(enum record_table table);

/* Writes one row. Returns an SQLite result. */
int record_insert(struct database *database, const struct packed_check *check);

/* --- doubt.c: whether a commit that failed took place --- */

/* After the last insert, which was that of `check`. */
void batch_end_note(struct batch_end *end, sqlite3 *handle, const struct packed_check *check);

/* Whether the file has that row. Returns an SQLite result. */
int batch_end_find(const struct batch_end *end, sqlite3 *handle, bool *found);

/* Before a transaction and in it: finds out about the doubtful batch, if there is one, and counts it as written or
 * gives it back to the queue. Return an SQLite result; after a failure it is as doubtful as before. */
int doubt_prepare(struct store *store);
int doubt_settle(struct store *store);

/* --- database.c: the writer's connection --- */

/* Opens, checks, and if need be creates or extends the schema. `error` is filled unless DATABASE_OK. */
enum database_result database_open(struct database *database, const char *path, char *error, size_t error_size);
void database_close(struct database *database);

/* Whether the file begins as SQLite's do, or is empty, or cannot be read. */
bool database_begins_like_sqlite(sqlite3 *handle);

/* Whether the path names another file by now, or none. */
bool database_moved(const struct database *database);

/* What an SQLite error says of the file: away, or damaged. */
enum database_result database_result_of(int result);

/* In words for a human why `result` came from `handle` (may be NULL). */
void database_explain(sqlite3 *handle, int result, char *error, size_t error_size);

/* --- file.c --- */

struct file_identity file_identity_of(const char *path);

/* Gives a file another name in the same file system, which must be free. False with errno. */
bool file_rename_new(const char *from, const char *to);

/* Makes the names in the directory of `path` outlast a power cut, where the file system can do that. */
void file_sync_directory(const char *path);

/* --- damage.c --- */

/* Has the writer look at the file soon if `result` tells of damage. Any thread. */
void damage_suspect(struct store *store, int result);

/* Makes sure, and sets the file aside if it is damaged. False, with the reason, when neither it nor a new one can be
 * used now. For the writer, with all connections closed. */
bool damage_deal_with(struct store *store, char *error, size_t error_size);

/* The same without looking first. */
bool damage_set_aside(struct store *store, const char *reason, char *error, size_t error_size);

/* --- salvage.c --- */

/* Carries over what can be read of a file that was set aside, if one was. False, with the reason, when the new one
 * cannot be written: to be called again. For the writer, with its database open and nothing new in it yet. */
bool salvage_run(struct store *store, char *error, size_t error_size);

/* --- writer.c --- */

/* The thread's function; `user` is the store. */
void *writer_run(void *user);

/* The batch returns to where it was taken from; or it is in the database. It is empty then. */
void batch_put_back(struct store *store, struct batch *batch);
void batch_finish(struct store *store, struct batch *batch);

/* From now on the database counts as not writable, until a commit succeeds. For the writer, or before it runs. */
void writer_note_failure(struct store *store, const char *reason);

/* One attempt to open the database, before the thread runs. False only when it is refused. */
bool writer_open_first(struct store *store, char *error, size_t error_size);

/* --- overflow.c --- */

/* Takes the first check out of the queue and into the sums. With the mutex held; the queue must not be empty. */
void overflow_oldest(struct store *store);

/* --- upkeep.c --- */

void upkeep_begin(struct upkeep *upkeep);
void upkeep_end(struct upkeep *upkeep);

/* Checks were committed; the database was opened anew. */
void upkeep_note_checks(struct upkeep *upkeep, size_t checks);
void upkeep_note_other_database(struct upkeep *upkeep);

/* Both are due now. */
void upkeep_hurry(struct upkeep *upkeep);

/* When the next step is due, and one step. Without the mutex. */
uint64_t upkeep_due_ms(const struct upkeep *upkeep);
void upkeep_step(struct store *store, const struct retention_ages *ages);

/* --- retention.c --- */

struct retention_order {
    int64_t now_us;
    int64_t checks_before_us; /* older ones go, if they are rolled up */
    int64_t incidents_before_us;
    int64_t events_before_us;
    int rows; /* at most, of one table */
};

enum retention_result { RETENTION_DONE, RETENTION_MORE, RETENTION_FAILED };

/* Deletes a batch of what is old: a full one of one table, or the rest of each; or gives back some pages. */
enum retention_result retention_step(struct database *database, const struct retention_order *order, char *error,
                                     size_t error_size);

/* --- reader.c: the pool --- */

/* False when no thread could be started. */
bool pool_start(struct store *store, unsigned readers);

/* Refuses new jobs, ends the waiting ones, joins the threads. */
void pool_stop(struct store *store);

/* Has all read connections closed and keeps them so until the gate opens. False when some was still in use after
 * `timeout_ms`. */
bool pool_close_gate(struct store *store, uint64_t timeout_ms);
void pool_open_gate(struct store *store);

/* A read-only connection, counted in the pool. 0, or -1 with the reason. */
int reader_open(struct store_reader *reader, char *error, size_t error_size);
void reader_close(struct store_reader *reader);

/* Prepares a statement that is not yet. Returns an SQLite result. */
int reader_prepare(struct store_reader *reader, sqlite3_stmt **statement, const char *sql);

/* Looks at the level again unless it is whole; the statements for an older file are dropped then. Returns an SQLite
 * result. */
int reader_refresh_level(struct store_reader *reader);

/* Fills in `error` and marks the reader for a new connection if that may help. */
void reader_explain(struct store_reader *reader, int result, char *error, size_t error_size);

/* --- history.c --- */

/* The two texts to seek from: the time written with "T" and with a space, as short as it can be exactly, so that rows
 * without a fraction are not missed; and the text below which, on that day, only rows with a space lie. */
struct seek_times {
    char with_t[32];
    char with_space[32];
    char day_t[32];
};
void seek_times_from(int64_t from_us, struct seek_times *seek);

#endif
