/* snapshot: what is known about every provider at one moment, frozen.
 *
 * The loop thread builds a provider_view after each check and now and then publishes a snapshot of all views; HTTP
 * threads read them without a lock, since nothing in them ever changes. Views are shared between snapshots: publishing
 * copies pointers, not providers.
 *
 * Thread: building on the loop thread; reading, retaining and releasing on any.
 * Ownership: counted references. Who holds a snapshot may read all of its views.
 */
#ifndef PROVIDERD_HEALTH_SNAPSHOT_H
#define PROVIDERD_HEALTH_SNAPSHOT_H

#include "probe/phases.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum health_status { HEALTH_UNKNOWN, HEALTH_HEALTHY, HEALTH_DEGRADED, HEALTH_DOWN };

/* "unknown", "healthy", "degraded", "down". */
const char *health_status_name(enum health_status status);

/* False when `name` is none of the four. */
bool health_status_parse(const char *name, enum health_status *status);

enum {
    PROVIDER_NAME_MAX = 64, /* bytes with NUL; [a-z0-9_.-], first a letter or digit */
    PROVIDER_TITLE_MAX = 96,
    HEALTH_KIND_MAX = 32,     /* an error kind or reason word such as "rate", "timeout", "key_invalid" */
    HEALTH_MESSAGE_MAX = 512, /* error_message, redacted, cut at a UTF-8 boundary */
};

struct provider_view {
    atomic_uint references;
    char name[PROVIDER_NAME_MAX];
    char title[PROVIDER_TITLE_MAX];
    enum health_status status;
    double response_time_ms;   /* of the last check; 0.0 before the first */
    double uptime_percent;     /* trailing 24 h; 0.0 without a check in it */
    double rate_limit_percent; /* share of the tightest known limit used up, 0-100; 0.0 when unknown */
    int64_t last_check_us;     /* wall clock; 0 = never */
    int64_t next_check_us;     /* wall clock; 0 = not scheduled */
    int64_t retry_at_us;       /* wall clock at which a rate limit clears; 0 = none known */
    unsigned consecutive_failures;
    double score;    /* 0-100, by the judge */
    int http_status; /* 0 = no HTTP answer */
    struct probe_phases phases;
    char reason[HEALTH_KIND_MAX]; /* why this status: "ok", "slow", "rate_limited", or an error kind; "" = never checked
                                   */
    char error_message[HEALTH_MESSAGE_MAX]; /* "" when all is well */
};

/* A script that is not running, or a provider that lacks its credential. */
struct provider_absence {
    char name[PROVIDER_NAME_MAX];     /* provider, or the script's file name when it failed to load */
    char message[HEALTH_MESSAGE_MAX]; /* "set GROQ_API_KEY", or "file:line: what went wrong" */
    bool broken;                      /* true: the script is at fault; false: it is only not configured */
};

struct snapshot {
    atomic_uint references;
    uint64_t version;          /* grows by at least 1 with every published change */
    uint64_t boot_id;          /* random per process: (boot_id, version) never repeats */
    int64_t published_us;      /* wall clock */
    int64_t check_interval_ms; /* the configured default */
    char *policy;              /* owned: name of the policy in force; NULL = the default */
    uint64_t reloads;          /* generations taken into service since start, the first not counted */
    int64_t last_reload_us;    /* wall clock of the last reload tried; 0 = none */
    char *last_reload_error;   /* owned; NULL when the last reload was sound */
    size_t absence_count;
    struct provider_absence *absences; /* owned */
    size_t count;
    struct provider_view *providers[]; /* sorted by name (strcmp); a reference is held on each */
};

/* A view with one reference, all zero but the name; NULL when memory ran out. */
struct provider_view *provider_view_new(const char *name);
struct provider_view *provider_view_retain(struct provider_view *view);
void provider_view_release(struct provider_view *view); /* NULL is allowed */

/* A snapshot with one reference and room for `count` providers, all NULL; NULL when memory ran out. */
struct snapshot *snapshot_new(size_t count);
struct snapshot *snapshot_retain(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot); /* NULL is allowed */

/* The view named `name` (`len` bytes), or NULL. Borrowed: lives as long as the snapshot. */
const struct provider_view *snapshot_find(const struct snapshot *snapshot, const char *name, size_t len);

#endif
