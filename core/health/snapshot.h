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

#include "health/forecast.h"
#include "health/meter.h"
#include "probe/phases.h"
#include "script/announcement.h"
#include "script/kinds.h"
#include "script/lua_meter.h"
#include "script/models.h"
#include "script/traits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stats_view; /* stats_view.h */
struct view_chunk; /* view_chunks.h */

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

/* The limits of a key. Counted references, immutable. */
struct limit_list {
    atomic_uint references;
    size_t count;
    struct limit_view limits[];
};

/* A text that views share. Counted references, immutable. */
struct shared_text {
    atomic_uint references;
    size_t len;
    char bytes[];
};

/* What is known of one key of a provider, or of the provider when it has none. */
struct key_view {
    atomic_uint references;
    unsigned number; /* 1, 2, ...; 0 = the provider is asked without a key */
    char hint[16];   /* "…last4", the most that is ever shown */
    enum health_status status;
    double response_time_ms;   /* of the last check; 0.0 before the first */
    double rate_limit_percent; /* share of the tightest known limit used up, 0-100; 0.0 when unknown */
    int64_t last_check_us;     /* wall clock; 0 = never */
    int64_t next_check_us;     /* wall clock; 0 = not scheduled */
    int64_t retry_at_us;       /* wall clock at which a limit clears, as told; 0 = none known */
    unsigned consecutive_failures;
    double score;    /* 0-100, by the judge */
    int http_status; /* 0 = no HTTP answer */
    struct probe_phases phases;
    char reason[HEALTH_KIND_MAX]; /* why this status: "ok", "slow", "rate_limited", "recovering", "local", or an error
                                     kind; "" = never checked */
    char error_kind[HEALTH_KIND_MAX];       /* of the last check; "" when it was ok */
    char error_message[HEALTH_MESSAGE_MAX]; /* "" when all is well */
    struct limit_list *limits;              /* NULL = none known */
    struct shared_text *last_failure;       /* the last failed exchange as JSON; NULL = none */
    int64_t last_failure_us;                /* wall clock */
    char last_failure_kind[HEALTH_KIND_MAX];
    struct stats_view *stats; /* of one of several keys; NULL = it is the only one, or was never checked */
};

/* What deep probes of one model showed. */
struct model_stats {
    char model[MODEL_ID_MAX]; /* that was asked */
    struct stats_view *stats; /* a reference */
};

/* What deep probes of a provider found. */
struct deep_view {
    bool enabled;
    int64_t checked_us; /* wall clock; 0 = never */
    int64_t next_us;    /* wall clock; 0 = not scheduled */
    bool ok;
    char rung[8];
    char error_kind[HEALTH_KIND_MAX];
    char error_message[HEALTH_MESSAGE_MAX]; /* or why nothing was asked */
    char model_asked[MODEL_ID_MAX];
    char model[MODEL_ID_MAX]; /* as the last answer named it */
    bool model_mismatch;
    double first_token_ms;    /* of the last timed probe; -1 = none yet */
    double tokens_per_second; /* likewise */
    int64_t timed_us;         /* when that was */
    int64_t tokens_today;     /* UTC */
    int64_t daily_tokens;     /* the budget in force */
};

/* A key, a model or both, which is not to be used for a while (cooling.h). */
struct cooling {
    unsigned key;               /* number; 0 = whichever */
    char model[MODEL_ID_MAX];   /* "" = all models */
    char kind[HEALTH_KIND_MAX]; /* of the error */
    int64_t since_us;           /* wall clock */
    int64_t until_us;
    bool told;        /* by the provider; else as long as is usual */
    unsigned strikes; /* in a row */
};

/* What clients reported of their own calls (traffic.h): of the last 5 minutes. */
struct traffic_view {
    uint32_t ok;
    uint32_t failed;
    uint32_t limited;
    uint32_t aborted;
    uint32_t excused;
    int64_t last_us; /* the latest report, wall clock */
    unsigned failures_in_row;
    int64_t failing_since_us;   /* the first of them; 0 = none */
    char kind[HEALTH_KIND_MAX]; /* of the last failure; "" = there was none */
    int64_t ejected_since_us;   /* kept out by what was reported; 0 = it is not */
    int64_t ejected_until_us;
    unsigned ejections;    /* that the next one counts from */
    int64_t readmitted_us; /* the last time; 0 = never */
    size_t cooling_count;
    struct cooling coolings[]; /* those that last */
};

struct provider_view {
    atomic_uint references;
    char name[PROVIDER_NAME_MAX];
    char title[PROVIDER_TITLE_MAX];
    double uptime_percent;      /* trailing 24 h; 0.0 without a check in it */
    double degraded_latency_ms; /* the threshold in force, learned or fixed */
    enum health_status status;  /* the best key's, or what a deep probe found */
    double score;
    char reason[HEALTH_KIND_MAX];
    char error_kind[HEALTH_KIND_MAX];
    char error_message[HEALTH_MESSAGE_MAX];
    struct key_view *lead; /* the best key: what it measured stands for the provider. Never NULL */
    size_t key_count;
    struct key_view **keys; /* owned array, a reference on each; NULL when there is but one */
    struct deep_view deep;
    struct traits *traits;                 /* whose machines it needs, what it can do; NULL = a test's view */
    struct model_list *models;             /* NULL = not read yet */
    int64_t models_read_us;                /* wall clock; 0 = never */
    char models_error[HEALTH_MESSAGE_MAX]; /* why the last reading failed; "" when it did not */
    struct kind_table *kinds;              /* where it changes the snapshot's; NULL where it does not */
    struct announcement *announced;        /* NULL = no status page, or not read yet */
    struct stats_view *stats;              /* NULL = never checked */
    size_t model_stats_count;
    struct model_stats *model_stats; /* owned array: of the models that deep probes asked, the latest first */
    struct forecast_view forecast;
    struct meter meter;           /* of its checks since the start */
    struct traffic_view *traffic; /* owned; NULL = nobody has reported anything */
};

/* A script that is not running, or a provider that lacks its credential. */
struct provider_absence {
    char name[PROVIDER_NAME_MAX];     /* provider, or the script's file name when it failed to load */
    char message[HEALTH_MESSAGE_MAX]; /* "set GROQ_API_KEY", or "file:line: what went wrong" */
    bool broken;                      /* true: the script is at fault; false: it is only not configured */
};

struct snapshot {
    atomic_uint references;
    uint64_t version;           /* grows by at least 1 with every published change */
    uint64_t boot_id;           /* random per process: (boot_id, version) never repeats */
    int64_t published_us;       /* wall clock */
    int64_t check_interval_ms;  /* the configured default */
    char *policy;               /* owned: name of the policy in force; NULL = the default */
    struct kind_table *kinds;   /* the table in force, but for what single providers change; NULL before the first */
    struct alias_list *aliases; /* names of models; NULL = none */
    uint64_t loop_lag_us;       /* when it was published */
    size_t probes_in_flight;    /* likewise */
    size_t probes_waiting;
    uint64_t probe_lag_us;     /* how late probes set out: timers, and waiting for a place */
    struct lua_meters *meters; /* of the scripts; NULL before the first generation */
    uint64_t reloads;          /* generations taken into service since start, the first not counted */
    int64_t last_reload_us;    /* wall clock of the last reload tried; 0 = none */
    char *last_reload_error;   /* owned; NULL when the last reload was sound */
    size_t absence_count;
    struct provider_absence *absences; /* owned */
    struct view_chunk **chunks; /* owned array of references: they hold the views; NULL = the snapshot itself does */
    size_t chunk_count;
    size_t count;
    struct provider_view *providers[]; /* sorted by name (strcmp) */
};

struct key_view *key_view_new(void); /* one reference, all zero; NULL when memory ran out */
struct key_view *
key_view_copy(const struct key_view *view); /* one reference, may still change; NULL when memory ran out */
struct key_view *key_view_retain(struct key_view *view);
void key_view_release(struct key_view *view); /* NULL is allowed */

/* NULL when there are none, or memory ran out. */
struct limit_list *limit_list_new(const struct limits *limits, int64_t now_us);
struct limit_list *limit_list_retain(struct limit_list *list);
void limit_list_release(struct limit_list *list); /* NULL is allowed */

struct shared_text *shared_text_new(const char *bytes, size_t len); /* NULL when memory ran out */
struct shared_text *shared_text_retain(struct shared_text *text);
void shared_text_release(struct shared_text *text); /* NULL is allowed */

/* A view with one reference, all zero but the name and a blank lead; NULL when memory ran out. */
struct provider_view *provider_view_new(const char *name);
struct provider_view *provider_view_retain(struct provider_view *view);
void provider_view_release(struct provider_view *view); /* NULL is allowed */

/* A snapshot with one reference and room for `count` providers, all NULL; NULL when memory ran out. It takes a
 * reference of each view that is put there, unless view_chunks_fill() does. */
struct snapshot *snapshot_new(size_t count);
struct snapshot *snapshot_retain(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot); /* NULL is allowed */

/* The view named `name` (`len` bytes), or NULL. Borrowed: lives as long as the snapshot. */
const struct provider_view *snapshot_find(const struct snapshot *snapshot, const char *name, size_t len);

#endif
