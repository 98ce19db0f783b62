/* stream: an answer read from the database, page by page, as fast as the client takes it. Internal to serve/.
 *
 * A stream owns one job. The job runs on a reader thread, writes a page into the stream's buf and sends itself to the
 * HTTP thread as a message; there the page goes out, and when h2o asks for more the job is submitted again. So at every
 * moment the job is either with the reader or with the HTTP thread, never with both: no lock. A client that leaves only
 * marks the stream; whoever holds the job then frees it.
 */
#ifndef PROVIDERD_SERVE_STREAM_H
#define PROVIDERD_SERVE_STREAM_H

#include "serve/request.h"
#include "store/reader.h"

enum { STREAM_PAGE_BYTES = 64 * 1024 }; /* about so many a page has */

/* What a page is written into. Of the reader thread while a job runs. */
struct stream_page {
    struct buf *out;
    bool done; /* set it with the last page */
    char *error;
    size_t error_size;
};

/* What is streamed. `state` is the stream's own from stream_start() on. */
struct stream_content {
    const char *name; /* for messages: "history" */

    /* Appends a page. False with a text in `error`. On a reader thread. */
    bool (*fill)(void *state, struct store_reader *reader, struct stream_page *page);

    /* The first page has come: adds headers of its own. False when it has answered otherwise (reply_error). May be
     * NULL. On the HTTP thread. */
    bool (*begin)(void *state, struct request *request);

    void (*dispose)(void *state);
};

/* `whole`: the answer is gathered before its first byte goes out, for headers that depend on its end; it must be small.
 */
void stream_start(struct request *request, const struct stream_content *content, void *state, const char *content_type,
                  bool whole);

#endif
