/* record: the last requests that reached an upstream, for tests that look at what was sent.
 * Holds 4096; memory of an entry is kept for the next one in its place. Thread: one. */
#ifndef SIMULATOR_RECORD_H
#define SIMULATOR_RECORD_H

#include "base/buf.h"
#include "server.h"

enum { RECORD_ENTRIES = 4096, RECORD_BODY_MAX = 4096, RECORD_HEADERS_MAX = 32768 };

struct record *record_new(void); /* aborts when memory ran out */
void record_free(struct record *record);

void record_add(struct record *record, const struct call *call);
void record_clear(struct record *record);

/* A JSON array of what is held, oldest first: `provider` NULL is all, only n > since. */
void record_write(const struct record *record, const char *provider, uint64_t since, struct buf *out);

#endif
