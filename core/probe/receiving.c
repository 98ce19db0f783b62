#include "probe/receiving.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

int receiving_status(const struct receiving *receiving)
{
    long status = 0;
    curl_easy_getinfo(receiving->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user)
{
    struct receiving *receiving = user;
    struct probe_answer *answer = &receiving->answer;
    size_t len = size * count;

    receiving->header_bytes += len;
    if (receiving->header_bytes > PROBE_HEADERS_MAX) {
        receiving->refused = "more than 64 KB of header lines";
        return 0;
    }
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        buf_clear(&answer->headers); /* an interim answer (100 Continue) came before */
    else if (len > 2)
        buf_append(&answer->headers, bytes, len);
    return len;
}

/* -- arrivals -- */

/* Runs when the connection stands and the request is about to be sent; again when curl retries on a fresh connection
 * (CURLOPT_PREREQFUNCTION(3)). */
static int on_sending(void *user, char *to_ip, char *from_ip, int to_port, int from_port)
{
    (void)to_ip;
    (void)from_ip;
    (void)to_port;
    (void)from_port;
    struct receiving *receiving = user;
    receiving->sent_us = clock_monotonic_us();
    return CURL_PREREQFUNC_OK;
}

static bool grow_arrivals(struct receiving *receiving)
{
    struct probe_answer *answer = &receiving->answer;
    if (answer->arrival_count < receiving->arrival_capacity)
        return true;
    size_t capacity = receiving->arrival_capacity != 0 ? 2 * receiving->arrival_capacity : 32;
    struct probe_arrival *grown = realloc(answer->arrivals, capacity * sizeof(*grown));
    if (grown == NULL)
        return false;
    answer->arrivals = grown;
    receiving->arrival_capacity = capacity;
    return true;
}

static void note_arrival(struct receiving *receiving)
{
    struct probe_answer *answer = &receiving->answer;
    struct probe_arrival now = {answer->body_bytes, clock_monotonic_us() - receiving->sent_us};
    struct probe_arrival *last = answer->arrival_count != 0 ? &answer->arrivals[answer->arrival_count - 1] : NULL;

    if (last != NULL && now.us - last->us < PROBE_ARRIVAL_GAP_US)
        last->bytes = now.bytes;
    else if (answer->arrival_count < PROBE_ARRIVALS_MAX && grow_arrivals(receiving))
        answer->arrivals[answer->arrival_count++] = now;
    else if (last != NULL)
        *last = now;
}

/* -- the body -- */

static void append_up_to(struct buf *out, size_t most, const char *bytes, size_t len)
{
    if (out->len < most)
        buf_append(out, bytes, len < most - out->len ? len : most - out->len);
}

/* Whether the body, although it is a success, may yet turn out to tell an error and be short enough to keep. */
static bool may_tell_error(const struct receiving *receiving)
{
    if (receiving->keep != PROBE_KEEP_ERRORS || !receiving->expect_json)
        return false;
    curl_off_t announced = -1; /* compressed: no more than what comes out of it */
    curl_easy_getinfo(receiving->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    return announced <= PROBE_KEPT_ERROR_MAX && receiving->answer.body_bytes <= PROBE_KEPT_ERROR_MAX;
}

/* Leaves of the body only what every answer keeps. In place: it does not live long. */
static void reduce_body_to_head(struct probe_answer *answer)
{
    answer->head = answer->body;
    answer->body = BUF_EMPTY;
    if (answer->head.len > PROBE_HEAD_MAX) {
        answer->head.len = PROBE_HEAD_MAX;
        answer->head.bytes[PROBE_HEAD_MAX] = '\0';
    }
}

static void keep_piece(struct receiving *receiving, bool success, const char *bytes, size_t len)
{
    struct probe_answer *answer = &receiving->answer;

    if (receiving->keep == PROBE_KEEP_ALWAYS) {
        buf_append(&answer->body, bytes, len);
    } else if (receiving->keep == PROBE_KEEP_ERRORS && (!success || may_tell_error(receiving))) {
        append_up_to(&answer->body, PROBE_KEPT_ERROR_MAX, bytes, len);
    } else {
        if (answer->body.len != 0)
            reduce_body_to_head(answer);
        append_up_to(&answer->head, PROBE_HEAD_MAX, bytes, len);
    }
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct receiving *receiving = user;
    struct probe_answer *answer = &receiving->answer;
    size_t len = size * count;

    answer->body_bytes += len;
    if (receiving->stream)
        note_arrival(receiving);
    if (answer->body_bytes > receiving->max_received) {
        receiving->refused = "the answer is larger than allowed";
        return 0;
    }
    bool success = is_success(receiving_status(receiving));
    if (success && receiving->expect_json)
        json_scan_feed(&receiving->scan, bytes, len);
    keep_piece(receiving, success, bytes, len);
    return len;
}

/* -- before and after -- */

void receiving_attach(struct receiving *receiving, CURL *easy)
{
    receiving->easy = easy;
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, receiving);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, receiving);
    if (receiving->stream) {
        receiving->sent_us = clock_monotonic_us();
        curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
        curl_easy_setopt(easy, CURLOPT_PREREQDATA, receiving);
    }
}

void receiving_conclude(struct receiving *receiving)
{
    struct probe_answer *answer = &receiving->answer;
    bool success = is_success(answer->status);
    bool tells_error = receiving->expect_json && json_scan_tells_error(&receiving->scan);

    if (answer->error == PROBE_OK && success && receiving->expect_json && !json_scan_whole(&receiving->scan)) {
        answer->error = PROBE_BAD_RESPONSE;
        snprintf(answer->message, sizeof(answer->message), "HTTP %d whose body is %s", answer->status,
                 answer->body_bytes == 0 ? "empty, expected JSON" : "not whole JSON");
    } else if (answer->error == PROBE_OK && (answer->body.failed || answer->headers.failed)) {
        answer->error = PROBE_BAD_RESPONSE;
        snprintf(answer->message, sizeof(answer->message), "out of memory for the answer");
    }
    answer->body_kept = receiving->keep == PROBE_KEEP_ALWAYS;
    if (receiving->keep == PROBE_KEEP_ERRORS)
        answer->body_kept = !success || (tells_error && answer->body.len != 0 && answer->error == PROBE_OK);
    if (!answer->body_kept && answer->body.len != 0)
        reduce_body_to_head(answer);
}

void receiving_dispose(struct receiving *receiving)
{
    buf_dispose(&receiving->answer.headers);
    buf_dispose(&receiving->answer.body);
    buf_dispose(&receiving->answer.head);
    free(receiving->answer.arrivals);
}
