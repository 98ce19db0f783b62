#include "store/queue.h"

#include <string.h>
#include <sys/mman.h>

enum {
    CHUNK_BYTES = 64 * 1024,
    CHECK_ALIGNMENT = 8,
};

struct queue_chunk {
    struct queue_chunk *next;
    uint32_t begin; /* offset of the first check in `bytes` */
    uint32_t end;   /* offset behind the last */
    uint32_t count;
    _Alignas(CHECK_ALIGNMENT) unsigned char bytes[];
};

enum { CHUNK_ROOM = CHUNK_BYTES - sizeof(struct queue_chunk) };

/* Mapped, not malloc'd: after an outage the pages go back to the system for certain, whatever the heap looks like. */
static struct queue_chunk *chunk_map(void)
{
    void *memory = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void chunk_unmap(struct queue_chunk *chunk)
{
    if (chunk != NULL)
        munmap(chunk, CHUNK_BYTES);
}

static uint32_t packed_size(const struct packed_check *check)
{
    size_t size = offsetof(struct packed_check, texts) + check->provider_len + check->reason_len + check->message_len;
    return (uint32_t)((size + CHECK_ALIGNMENT - 1) & ~(size_t)(CHECK_ALIGNMENT - 1));
}

/* The last chunk when it has room for `size` bytes, otherwise a new last one. */
static struct queue_chunk *chunk_with_room(struct check_queue *queue, uint32_t size)
{
    if (queue->tail != NULL && CHUNK_ROOM - queue->tail->end >= size)
        return queue->tail;
    struct queue_chunk *chunk = queue->spare;
    if (chunk != NULL)
        queue->spare = NULL;
    else if ((chunk = chunk_map()) == NULL)
        return NULL;
    chunk->next = NULL;
    chunk->begin = chunk->end = chunk->count = 0;
    if (queue->tail != NULL)
        queue->tail->next = chunk;
    else
        queue->head = chunk;
    queue->tail = chunk;
    return chunk;
}

bool check_queue_push(struct check_queue *queue, const struct check_record *record)
{
    struct packed_check packed = {
        .response_time_ms = record->response_time_ms,
        .uptime_percent = record->uptime_percent,
        .rate_limit_percent = record->rate_limit_percent,
        .checked_us = record->checked_us,
        .dns_ms = record->phases.dns_ms,
        .connect_ms = record->phases.connect_ms,
        .tls_ms = record->phases.tls_ms,
        .first_byte_ms = record->phases.first_byte_ms,
        .consecutive_failures = record->consecutive_failures,
        .http_status = record->http_status,
        .message_len = (uint16_t)strnlen(record->error_message, sizeof(record->error_message)),
        .provider_len = (uint8_t)strnlen(record->provider, sizeof(record->provider)),
        .reason_len = (uint8_t)strnlen(record->reason, sizeof(record->reason)),
        .status = (uint8_t)record->status,
        .ok = record->ok,
    };
    uint32_t size = packed_size(&packed);
    struct queue_chunk *chunk = chunk_with_room(queue, size);
    if (chunk == NULL)
        return false;
    unsigned char *at = chunk->bytes + chunk->end;
    memcpy(at, &packed, offsetof(struct packed_check, texts));
    at += offsetof(struct packed_check, texts);
    memcpy(at, record->provider, packed.provider_len);
    at += packed.provider_len;
    memcpy(at, record->reason, packed.reason_len);
    at += packed.reason_len;
    memcpy(at, record->error_message, packed.message_len);
    chunk->end += size;
    chunk->count += 1;
    queue->count += 1;
    return true;
}

void check_queue_drop_oldest(struct check_queue *queue)
{
    struct queue_chunk *chunk = queue->head;
    chunk->begin += packed_size((const struct packed_check *)(const void *)(chunk->bytes + chunk->begin));
    chunk->count -= 1;
    queue->count -= 1;
    if (chunk->count > 0)
        return;
    queue->head = chunk->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    if (queue->spare == NULL)
        queue->spare = chunk;
    else
        chunk_unmap(chunk);
}

void check_queue_take(struct check_queue *queue, struct check_queue *batch, unsigned chunks_max)
{
    for (unsigned taken = 0; taken < chunks_max && queue->head != NULL; ++taken) {
        struct queue_chunk *chunk = queue->head;
        queue->head = chunk->next;
        queue->count -= chunk->count;
        chunk->next = NULL;
        if (batch->tail != NULL)
            batch->tail->next = chunk;
        else
            batch->head = chunk;
        batch->tail = chunk;
        batch->count += chunk->count;
    }
    if (queue->head == NULL)
        queue->tail = NULL;
}

void check_queue_put_back(struct check_queue *queue, struct check_queue *batch)
{
    if (batch->head == NULL)
        return;
    batch->tail->next = queue->head;
    queue->head = batch->head;
    if (queue->tail == NULL)
        queue->tail = batch->tail;
    queue->count += batch->count;
    batch->head = batch->tail = NULL;
    batch->count = 0;
}

void check_queue_recycle(struct check_queue *queue, struct check_queue *batch)
{
    if (queue->spare == NULL && batch->head != NULL) {
        queue->spare = batch->head;
        batch->head = batch->head->next;
    }
    check_queue_dispose(batch);
}

void check_queue_dispose(struct check_queue *queue)
{
    while (queue->head != NULL) {
        struct queue_chunk *chunk = queue->head;
        queue->head = chunk->next;
        chunk_unmap(chunk);
    }
    chunk_unmap(queue->spare);
    *queue = (struct check_queue){0};
}

const struct packed_check *check_walk_next(struct check_walk *walk)
{
    while (walk->chunk != NULL) {
        uint32_t at = walk->offset < walk->chunk->begin ? walk->chunk->begin : walk->offset;
        if (at < walk->chunk->end) {
            const struct packed_check *check = (const void *)(walk->chunk->bytes + at);
            walk->offset = at + packed_size(check);
            return check;
        }
        walk->chunk = walk->chunk->next;
        walk->offset = 0;
    }
    return NULL;
}
