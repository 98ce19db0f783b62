#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool buf_reserve(struct buf *b, size_t len)
{
    if (b->failed)
        return false;
    if (b->capacity - b->len > len) /* room for the NUL as well */
        return true;
    if (len > SIZE_MAX / 2 - b->len - 1) {
        b->failed = true;
        return false;
    }
    size_t capacity = b->capacity != 0 ? b->capacity : 64;
    while (capacity - b->len <= len)
        capacity *= 2;
    char *grown = realloc(b->bytes, capacity);
    if (grown == NULL) {
        b->failed = true;
        return false;
    }
    b->bytes = grown;
    b->capacity = capacity;
    return true;
}

void buf_append(struct buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len))
        return;
    if (len != 0)
        memcpy(b->bytes + b->len, bytes, len);
    b->len += len;
    b->bytes[b->len] = '\0';
}

void buf_append_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_append_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        b->failed = true; /* a text beyond INT_MAX, or a wide character that cannot be written */
    if (len < 0 || !buf_reserve(b, (size_t)len))
        return;
    vsnprintf(b->bytes + b->len, (size_t)len + 1, format, args);
    b->len += (size_t)len;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->bytes != NULL)
        b->bytes[0] = '\0';
}

void buf_dispose(struct buf *b)
{
    free(b->bytes);
    *b = BUF_EMPTY;
}

const char *buf_text(const struct buf *b)
{
    return b->bytes != NULL ? b->bytes : "";
}
