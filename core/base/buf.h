/* buf: a growable run of bytes, for building answers and messages.
 *
 * Thread: a buf belongs to one thread at a time.
 * Errors: an allocation that fails sets `failed` and turns every later append into a no-op, so that a long
 *         chain of appends is checked once, at its end, with buf_ok().
 */
#ifndef PROVIDERD_BASE_BUF_H
#define PROVIDERD_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *bytes; /* owned; always followed by a NUL that `len` does not count; NULL while empty */
    size_t len;
    size_t capacity;
    bool failed;
};

#define BUF_EMPTY ((struct buf){NULL, 0, 0, false})

void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_append_text(struct buf *b, const char *text);
void buf_append_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Make room for `len` more bytes. False (and `failed`) when memory ran out. */
bool buf_reserve(struct buf *b, size_t len);

/* Forget the content, keep the memory. */
void buf_clear(struct buf *b);

/* Free the memory; the buf is empty and usable again. */
void buf_dispose(struct buf *b);

/* The content as a C string, "" when empty. Valid until the next append. */
const char *buf_text(const struct buf *b);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

#endif
