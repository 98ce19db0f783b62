/* span: what a request asks of the past: which stretch of time, whose checks, in which form. Internal to serve/.
 *
 * `from` and `to` are a time (ISO 8601; without a zone it is UTC), UNIX seconds, or a duration back from now ("7d");
 * `hours` is a number, back from `to` or now. A query that contradicts itself is refused, with a text that says so.
 */
#ifndef PROVIDERD_SERVE_SPAN_H
#define PROVIDERD_SERVE_SPAN_H

#include "serve/request.h"
#include "store/reader.h"

enum span_format { SPAN_JSON, SPAN_CSV, SPAN_NDJSON };

enum {
    SPAN_TEXT_MAX = 2048, /* of a list of providers */
    SPAN_LIMIT_MAX = 10000,
    SPAN_NAMES_MAX = 100,
};

struct span {
    struct history_range range;
    enum span_format format;
    int64_t limit;                       /* rows; 0 = all */
    char cursor_name[PROVIDER_NAME_MAX]; /* where the page before ended, with `cursor`; "" = at the begin */
    struct history_cursor cursor;
    char names_text[SPAN_TEXT_MAX];
    const char *names[SPAN_NAMES_MAX]; /* of providers, ascending, without doubles; in names_text */
    size_t name_count;                 /* 0 = all */
};

/* Reads from, to, hours, provider, format, limit and cursor. `otherwise_hours`: how far back when nothing is said, 0 =
 * to the beginning. False when the request was refused and answered. */
bool span_read(struct request *request, double otherwise_hours, struct span *span);

const char *span_content_type(enum span_format format);

/* The value of a whole number from `min` to `max`; `otherwise` when absent. False when refused and answered. */
bool span_read_number(struct request *request, const char *name, int64_t min, int64_t max, int64_t otherwise,
                      int64_t *value);

/* Whether `name` is there, with its value. False when it was malformed; that is answered. */
bool span_read_text(struct request *request, const char *name, char *value, size_t size, bool *found);

/* Where a page ended, as text that a client hands back: hexadecimal, opaque. */
enum { SPAN_CURSOR_MAX = 512 };
void span_cursor_format(const char *name, const struct history_cursor *cursor, char out[SPAN_CURSOR_MAX]);

/* The header Link: <same path and query, with that cursor>; rel="next" (RFC 8288). */
void span_link_next(struct request *request, const char *cursor);

#endif
