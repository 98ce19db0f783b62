#include "record.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const struct upstream *upstream;
    struct buf json; /* the entry as it is written */
};

struct record {
    uint64_t next;  /* number of the next request, from 1 */
    uint64_t first; /* number of the oldest one held */
    struct entry entries[RECORD_ENTRIES];
};

struct record *record_new(void)
{
    struct record *record = calloc(1, sizeof(*record));
    if (record == NULL) {
        fputs("simulator: out of memory\n", stderr);
        abort();
    }
    record->next = record->first = 1;
    return record;
}

void record_free(struct record *record)
{
    if (record == NULL)
        return;
    for (size_t i = 0; i < RECORD_ENTRIES; i++)
        buf_dispose(&record->entries[i].json);
    free(record);
}

static void write_headers(struct json *j, const h2o_req_t *req)
{
    size_t written = 0;
    json_key(j, "headers");
    json_object(j);
    json_key(j, "host");
    json_bytes(j, req->input.authority.base, req->input.authority.len);
    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_header_t *header = &req->headers.entries[i];
        char name[128];
        written += header->name->len + header->value.len;
        if (header->name->len >= sizeof(name) || written > RECORD_HEADERS_MAX)
            continue;
        memcpy(name, header->name->base, header->name->len);
        name[header->name->len] = '\0';
        json_key(j, name);
        json_bytes(j, header->value.base, header->value.len);
    }
    json_end(j);
}

void record_add(struct record *record, const struct call *call)
{
    const h2o_req_t *req = call->req;
    struct entry *entry = &record->entries[record->next % RECORD_ENTRIES];
    entry->upstream = call->upstream;
    buf_clear(&entry->json);
    struct json j = json_begin(&entry->json);
    json_object(&j);
    json_key(&j, "n");
    json_uint(&j, record->next);
    json_key(&j, "provider");
    json_text(&j, call->upstream->name);
    json_key(&j, "method");
    json_bytes(&j, req->input.method.base, req->input.method.len);
    json_key(&j, "path");
    json_bytes(&j, req->input.path.base, req->input.path.len);
    write_headers(&j, req);
    json_key(&j, "body");
    json_bytes(&j, req->entity.base != NULL ? req->entity.base : "",
               req->entity.len < RECORD_BODY_MAX ? req->entity.len : RECORD_BODY_MAX);
    json_key(&j, "connection");
    json_uint(&j, req->conn->id);
    json_key(&j, "t_ms");
    json_uint(&j, clock_monotonic_ms() - call->simulator->started_ms);
    json_end(&j);
    record->next++;
    if (record->next - record->first > RECORD_ENTRIES)
        record->first = record->next - RECORD_ENTRIES;
}

void record_clear(struct record *record)
{
    record->first = record->next;
}

void record_write(const struct record *record, const char *provider, uint64_t since, struct buf *out)
{
    struct json j = json_begin(out);
    json_array(&j);
    for (uint64_t n = since >= record->first ? since + 1 : record->first; n < record->next; n++) {
        const struct entry *entry = &record->entries[n % RECORD_ENTRIES];
        if (provider == NULL || strcmp(provider, entry->upstream->name) == 0)
            json_raw(&j, entry->json.bytes, entry->json.len);
    }
    json_end(&j);
}
