/* report: what a client (a router, a proxy) tells of one of its own calls to a provider, and a batch of such.
 *
 * A batch is made by an HTTP thread (serve/report_body.h) and belongs to the loop's thread once it was handed over.
 * Texts of a report lie in the batch's `texts`, as offsets, since that may move while it grows.
 */
#ifndef PROVIDERD_HEALTH_REPORT_H
#define PROVIDERD_HEALTH_REPORT_H

#include "base/buf.h"
#include "health/snapshot.h"

enum {
    REPORTS_MAX = 1000,        /* of one batch */
    REPORT_HEADERS_MAX = 4096, /* bytes, of one report */
    REPORT_ERROR_MAX = 2000,   /* likewise */
};

/* What became of the call. */
enum report_outcome {
    REPORT_OK,
    REPORT_FAILED,  /* `kind` says how; "" = status, headers and error are to tell */
    REPORT_ABORTED, /* by the client itself: says nothing of the provider */
};

struct report_text {
    size_t at; /* in the batch's texts */
    size_t len;
};

struct report {
    char provider[PROVIDER_NAME_MAX];
    unsigned key;             /* number of the key, 1, 2, ...; 0 = it was not told */
    char model[MODEL_ID_MAX]; /* "" = it was not told */
    enum report_outcome outcome;
    char kind[HEALTH_KIND_MAX];
    int status;        /* HTTP; 0 = none came */
    double latency_ms; /* of the whole call; this and the next three -1 = not told */
    double first_token_ms;
    double tokens_per_second;
    int64_t tokens;             /* of prompt and completion together; -1 = not told */
    int64_t ended_us;           /* wall clock */
    struct report_text headers; /* those that tell of limits, "name: value\r\n" each */
    struct report_text error;   /* what the provider answered, or the client's library said */
};

struct report_batch {
    size_t count;
    struct report *reports; /* owned */
    struct buf texts;
};

static inline const char *report_text_of(const struct report_batch *batch, const struct report_text *text)
{
    return buf_text(&batch->texts) + text->at;
}

/* A call that a client reported, as it was understood. Borrowed during the call. */
struct reported_call {
    const char *provider;
    unsigned key;        /* number; 0 = not known */
    const char *model;   /* "" = not known */
    const char *outcome; /* "ok", "aborted" or an error kind */
    double latency_ms;   /* this and the next three: -1 = not told */
    double first_token_ms;
    double tokens_per_second;
    int64_t tokens;
    int64_t ended_us; /* wall clock */
};

void report_batch_free(struct report_batch *batch); /* NULL is allowed */

#endif
