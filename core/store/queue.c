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

enum {
    CHUNK_ROOM = CHUNK_BYTES - sizeof(struct queue_chunk),
    /* Which a record is never longer than when packed, but for its limits: what is looked for in a chunk. */
    PACKED_MOST_WITHOUT_LIMITS =
        sizeof(struct packed_check) + sizeof(struct packed_deep) + sizeof(struct check_record) + CHECK_ALIGNMENT,
};

_Static_assert(PACKED_MOST_WITHOUT_LIMITS + RECORD_RATE_LIMIT_MAX <= CHUNK_ROOM, "the longest check fits into a chunk");
_Static_assert(MODEL_ID_MAX <= UINT8_MAX && PROVIDER_NAME_MAX <= UINT8_MAX && RECORD_RATE_LIMIT_MAX <= UINT16_MAX,
               "lengths of texts fit into their fields");

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

static struct packed_text take_text(const char **at, size_t len)
{
    struct packed_text text = {*at, (int)len};
    *at += len;
    return text;
}

void packed_check_read(const struct packed_check *check, struct packed_parts *parts)
{
    const char *at = check->behind;
    *parts = (struct packed_parts){0};
    if (check->table == RECORD_DEEP_CHECK) {
        memcpy(&parts->deep, at, sizeof(parts->deep)); /* it lies unaligned */
        at += sizeof(parts->deep);
    }
    parts->provider = take_text(&at, check->provider_len);
    parts->reason = take_text(&at, check->reason_len);
    parts->kind = take_text(&at, check->kind_len);
    parts->message = take_text(&at, check->message_len);
    parts->rate_limit = take_text(&at, check->rate_limit_len);
    parts->rung = take_text(&at, parts->deep.rung_len);
    parts->model_asked = take_text(&at, parts->deep.model_asked_len);
    parts->model = take_text(&at, parts->deep.model_len);
}

static uint32_t packed_size(const struct packed_check *check)
{
    struct packed_parts parts;
    packed_check_read(check, &parts);
    size_t size = (size_t)(parts.model.bytes + parts.model.len - (const char *)check);
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

/* Written in place, behind the last check. */
struct packing {
    struct packed_check *check;
    char *at;
};

static size_t put_text(struct packing *packing, const char *text, size_t size)
{
    size_t len = strnlen(text, size);
    memcpy(packing->at, text, len);
    packing->at += len;
    return len;
}

/* The measures lie before the texts, whose lengths they hold. */
static void put_deep(struct packing *packing, char *place, const struct check_record *record)
{
    struct packed_deep deep = {
        .first_token_ms = record->first_token_ms,
        .tokens_per_second = record->tokens_per_second,
        .tokens = record->tokens,
    };
    deep.rung_len = (uint8_t)put_text(packing, record->rung, sizeof(record->rung));
    deep.model_asked_len = (uint8_t)put_text(packing, record->model_asked, sizeof(record->model_asked));
    deep.model_len = (uint8_t)put_text(packing, record->model, sizeof(record->model));
    memcpy(place, &deep, sizeof(deep));
}

static void put_texts(struct packing *packing, const struct check_record *record, size_t rate_limit_len)
{
    struct packed_check *check = packing->check;
    char *deep = packing->at;
    if (record->table == RECORD_DEEP_CHECK)
        packing->at += sizeof(struct packed_deep);
    check->provider_len = (uint8_t)put_text(packing, record->provider, sizeof(record->provider));
    check->reason_len = (uint8_t)put_text(packing, record->reason, sizeof(record->reason));
    check->kind_len = (uint8_t)put_text(packing, record->kind, sizeof(record->kind));
    check->message_len = (uint16_t)put_text(packing, record->error_message, sizeof(record->error_message));
    if (rate_limit_len != 0)
        check->rate_limit_len = (uint16_t)put_text(packing, record->rate_limit, rate_limit_len);
    if (record->table == RECORD_DEEP_CHECK)
        put_deep(packing, deep, record);
}

bool check_queue_push(struct check_queue *queue, const struct check_record *record)
{
    size_t rate_limit_len = record->rate_limit != NULL ? strnlen(record->rate_limit, RECORD_RATE_LIMIT_MAX) : 0;
    if (rate_limit_len == RECORD_RATE_LIMIT_MAX)
        rate_limit_len = 0; /* a piece of it would be no JSON */
    struct queue_chunk *chunk = chunk_with_room(queue, (uint32_t)(PACKED_MOST_WITHOUT_LIMITS + rate_limit_len));
    if (chunk == NULL)
        return false;
    struct packed_check *check = (struct packed_check *)(void *)(chunk->bytes + chunk->end);
    struct packing packing = {check, check->behind};
    *check = (struct packed_check){
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
        .key = record->key <= UINT16_MAX ? (uint16_t)record->key : UINT16_MAX,
        .table = (unsigned)record->table & 3,
        .status = (unsigned)record->status & 3,
        .ok = record->ok,
        .counted = record->counted,
    };
    put_texts(&packing, record, rate_limit_len);
    chunk->end += packed_size(check);
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
