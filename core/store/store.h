/* store: the history in SQLite. One writer thread with group commit, a small pool of reader threads.
 *
 * The seed's table provider_health_checks is kept as it is (reference: the original tracker); our columns follow its
 * own. Beside it stand provider_key_checks, for providers with several keys, provider_deep_checks, and
 * provider_reports: what clients reported of their own calls, added up by five minutes. A database that the original
 * wrote, or an older version of ours, is opened and carried on. Times in it are UTC text without a zone, as the
 * original wrote them.
 *
 * Checks are kept for `retention_ms`; hour by hour they are rolled up (provider_rollups, see rollup.h), and the hours
 * are kept for `rollup_retention_ms`, the days beyond for ever.
 *
 * A check that store_report.written counts is on the disk: it outlasts a kill -9 and a power cut (synchronous = FULL;
 * one sync for each group commit, which took 0.3 to 0.5 ms on a virtual disk with ext4: tests/bench/commit.c). What is
 * not counted yet is lost by them: at most the checks of one commit_interval while the database is sound.
 *
 * While the database cannot be written (locked, full disk, I/O error, read-only) checks wait in memory, at most
 * `queue_max` of them, and are written when it is back; past that the oldest are rolled up in memory: their rows are
 * lost, what they say of their hour is not. Only when there is no memory for that are checks dropped, and counted.
 */
#ifndef PROVIDERD_STORE_STORE_H
#define PROVIDERD_STORE_STORE_H

#include "health/alert_mark.h"
#include "health/event.h"
#include "health/report.h"
#include "health/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_options {
    const char *path;            /* of the database file; created when missing */
    int64_t retention_ms;        /* older checks are deleted, in small batches */
    int64_t rollup_retention_ms; /* hourly rollups older than that become daily ones; incidents go. 0 = 400 days */
    int64_t events_retention_ms; /* older events are deleted; 0 = 90 days */
    int64_t commit_interval_ms;  /* at most this much is lost by a kill -9 or a power cut; 0 = commit every check */
    size_t queue_max;            /* checks held in memory while the database cannot be written */
    unsigned readers;            /* reader threads, 1-16 */
};

enum record_table {
    RECORD_CHECK,      /* provider_health_checks: how the provider stands */
    RECORD_KEY_CHECK,  /* provider_key_checks: how one of its keys stands */
    RECORD_DEEP_CHECK, /* provider_deep_checks: what a completion showed */
};

/* Room for check_record.rate_limit: 16 windows with the longest names take less. A longer text is left out. */
enum { RECORD_RATE_LIMIT_MAX = 16 * 1024 };

/* One check, on its way to a row. Each table takes the fields that it has columns for. */
struct check_record {
    enum record_table table;
    char provider[PROVIDER_NAME_MAX];
    unsigned key; /* number of the key that was used; 0 = none. Up to 65535 */
    enum health_status status;
    double response_time_ms;
    double uptime_percent;
    double rate_limit_percent;
    int64_t checked_us; /* wall clock */
    unsigned consecutive_failures;
    bool ok;         /* counts as up: it answered well, fast or slow, or said 429 */
    bool counted;    /* false: nothing was learned, `ok` is not stored and the row is no part of the uptime */
    int http_status; /* 0 = none */
    struct probe_phases phases;
    char reason[HEALTH_KIND_MAX];
    char kind[HEALTH_KIND_MAX]; /* of the error; "" = none */
    char error_message[HEALTH_MESSAGE_MAX];
    const char *rate_limit; /* windows as limits_write_json() writes them; borrowed by store_append(). NULL = none */

    /* Of deep checks. */
    char rung[8];
    char model_asked[MODEL_ID_MAX];
    char model[MODEL_ID_MAX];
    double first_token_ms; /* -1 = not measured */
    double tokens_per_second;
    int64_t tokens; /* spent, prompts included */
};

/* An outage, on its way to a row of provider_incidents. */
struct incident_record {
    char provider[PROVIDER_NAME_MAX];
    unsigned key;       /* number of one of several keys; 0 = the provider itself */
    int64_t started_us; /* wall clock: the first failed check */
    int64_t ended_us;   /* the first good one behind it; 0 = it lasts */
    unsigned checks_lost;
    char kind[HEALTH_KIND_MAX]; /* of the first error, as is */
    char first_error[HEALTH_MESSAGE_MAX];
};

/* Opens or creates the database, checks and extends the schema, starts the threads.
 * NULL when the path cannot be a database of ours (no such directory, a directory, a file that is not SQLite, a table
 * of that name with other columns): `error` says what, where and what was expected, and nothing was changed. A database
 * that is merely locked, read-only, corrupt inside or on a full disk does open: checks queue, store_report() says why.
 * One of ours that is damaged is then set aside under a new name, a new one begun, and what can be read carried over.
 * Loop thread, at start. */
struct store *store_open(const struct store_options *options, char *error, size_t error_size);

/* Takes a copy of the record. Never blocks, never fails: see queue_max. Loop thread. */
void store_append(struct store *store, const struct check_record *record);

/* The same for an incident: its row is made, or brought up to date. Loop thread. */
void store_append_incident(struct store *store, const struct incident_record *record);

/* The same for an event, which has its id. It keeps a reference. Loop thread. */
void store_append_event(struct store *store, struct event *event);

/* Adds a reported call to its sums. Loop thread. */
void store_append_report(struct store *store, const struct reported_call *call);

/* Counts checks of a provider that have no rows, into the rollups alone: what clients reported is worth so many.
 * `kind`: of those that were down. Loop thread. */
void store_count_reported(struct store *store, const char *provider, unsigned up, unsigned down, const char *kind,
                          int64_t now_us);

/* What an alert must remember, whole: it replaces what it was told before. Loop thread. */
void store_set_alert_marks(struct store *store, const char *alert, const struct alert_mark *marks, size_t count);

/* Writes what is queued, waiting at most `timeout_ms`, stops the threads, closes. Returns the number of checks that
 * could not be written (0 = all safe). Loop thread, at the end. */
size_t store_close(struct store *store, int64_t timeout_ms);

/* New retentions and commit interval, from a reload; the other options stay as they were. Loop thread. */
void store_configure(struct store *store, const struct store_options *options);

/* A database that turned out to be damaged, and got another name. */
struct set_aside {
    int64_t time_us;       /* wall clock; 0 = there was none since the start */
    uint64_t carried_over; /* rows of it that could be read, and are in the new one */
    char path[512];        /* its new name */
    char reason[256];
};

struct store_report {
    bool writable;              /* the last commit succeeded */
    int64_t failing_since_us;   /* wall clock; 0 while writable */
    char error[256];            /* why not; "" while writable */
    uint64_t written;           /* checks committed since start */
    uint64_t queued;            /* checks waiting in memory */
    uint64_t rolled_up;         /* checks that the queue had no room for: only in the rollups, or on their way there */
    uint64_t dropped;           /* checks given up: no memory, or the database refused them */
    int64_t last_commit_us;     /* wall clock; 0 = none yet */
    struct set_aside set_aside; /* the last one */
};

/* Any thread. */
void store_get_report(struct store *store, struct store_report *report);

#endif
