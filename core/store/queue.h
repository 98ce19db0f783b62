/* queue: checks waiting for the writer, first in first out, packed.
 *
 * A check_record is 1000 bytes, nearly all of it room for texts that are mostly empty; packed, a healthy check takes
 * about 80. Checks lie one behind the other in chunks, which are mapped when needed and given back when drained, but
 * for one kept as a spare. The writer takes whole chunks as a batch and puts them back when the commit failed.
 *
 * Thread: a queue has no lock of its own; the store's mutex guards it. A batch belongs to who took it.
 */
#ifndef PROVIDERD_STORE_QUEUE_H
#define PROVIDERD_STORE_QUEUE_H

#include "store/store.h"

struct queue_chunk;

struct check_queue {
    struct queue_chunk *head;
    struct queue_chunk *tail;
    struct queue_chunk *spare;
    size_t count; /* checks */
};

/* A check as it lies in the queue. Behind it: the measures of a deep check, then the texts, without NUL. */
struct packed_check {
    double response_time_ms;
    double uptime_percent;
    double rate_limit_percent;
    int64_t checked_us;
    float dns_ms;
    float connect_ms;
    float tls_ms;
    float first_byte_ms;
    uint32_t consecutive_failures;
    int32_t http_status;
    uint16_t key;
    uint16_t message_len;
    uint16_t rate_limit_len;
    uint8_t provider_len;
    uint8_t reason_len;
    uint8_t kind_len;
    unsigned table : 2;
    unsigned status : 2;
    bool ok : 1;
    bool counted : 1;
    char behind[];
};

struct packed_deep {
    double first_token_ms;
    double tokens_per_second;
    int64_t tokens;
    uint8_t rung_len;
    uint8_t model_asked_len;
    uint8_t model_len;
};

struct packed_text {
    const char *bytes;
    int len;
};

/* What lies behind a packed check: borrowed from the queue. */
struct packed_parts {
    struct packed_text provider;
    struct packed_text reason;
    struct packed_text kind;
    struct packed_text message;
    struct packed_text rate_limit;
    struct packed_deep deep; /* of deep checks; as are the rest */
    struct packed_text rung;
    struct packed_text model_asked;
    struct packed_text model;
};
void packed_check_read(const struct packed_check *check, struct packed_parts *parts);

/* Copies the record to the end. False when memory ran out. */
bool check_queue_push(struct check_queue *queue, const struct check_record *record);

/* Forgets the first check. The queue must not be empty. */
void check_queue_drop_oldest(struct check_queue *queue);

/* Moves the first chunks, at most `chunks_max`, to the end of `batch`. */
void check_queue_take(struct check_queue *queue, struct check_queue *batch, unsigned chunks_max);

/* Moves all of `batch` to the front of `queue`. */
void check_queue_put_back(struct check_queue *queue, struct check_queue *batch);

/* Frees what `batch` holds, keeping one chunk as the spare of `queue`. */
void check_queue_recycle(struct check_queue *queue, struct check_queue *batch);

/* Frees everything; the queue is empty and usable again. */
void check_queue_dispose(struct check_queue *queue);

/* Walks over a queue without changing it: {queue->head, 0} before the first. NULL after the last. */
struct check_walk {
    const struct queue_chunk *chunk;
    uint32_t offset; /* 0 = at the chunk's first check */
};
const struct packed_check *check_walk_next(struct check_walk *walk);

#endif
