/* receiving: what of an answer is kept while it comes in, and what is learned from it on the way. Internal.
 *
 * The body goes through piece by piece: a JSON scan, arrival marks for streams, and as many bytes into a buffer as the
 * request's `keep` asks for. At least the beginning of every body is kept, for post-mortems; where the body itself is
 * kept, its beginning serves, so that nothing is held twice. A 2xx answer that is to be JSON is held up to
 * PROBE_KEPT_ERROR_MAX until it is whole, since only then it is known whether it tells an error.
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_PROBE_RECEIVING_H
#define PROVIDERD_PROBE_RECEIVING_H

#include "probe/json_scan.h"
#include "probe/prober.h"

#include <curl/curl.h>

struct receiving {
    CURL *easy;
    enum probe_keep keep;
    bool expect_json;
    bool stream;
    size_t max_received;

    struct probe_answer answer;
    struct json_scan scan;
    size_t header_bytes;
    uint64_t sent_us; /* monotonic; when the request began to be sent */
    size_t arrival_capacity;
    const char *refused; /* why we broke off the transfer ourselves; a constant */
};

/* Zero a receiving but for what was asked for; then this sets the callbacks of a handle, whose user it becomes. */
void receiving_attach(struct receiving *receiving, CURL *easy);

/* What the handle's answer has for a status so far; 0 = none. */
int receiving_status(const struct receiving *receiving);

/* After the transfer, answer.status and answer.error being set: decides what is kept, and finds fault with a whole
 * answer that is not the JSON it was to be, or that memory ran out for. */
void receiving_conclude(struct receiving *receiving);

/* Frees what the callback has not taken over. */
void receiving_dispose(struct receiving *receiving);

#endif
