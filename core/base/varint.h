/* varint: whole numbers in as many bytes as they need: unsigned LEB128 (https://dwarfstd.org, DWARF 5, 7.6). */
#ifndef PROVIDERD_BASE_VARINT_H
#define PROVIDERD_BASE_VARINT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes being read. */
struct varint_reader {
    const unsigned char *at;
    const unsigned char *end;
};

static inline void varint_append(struct buf *out, uint64_t value)
{
    do {
        unsigned char byte = value & 0x7f;
        value >>= 7;
        buf_append_char(out, (char)(value != 0 ? byte | 0x80 : byte));
    } while (value != 0);
}

/* False at the end of the bytes, and for more than 64 bits. */
static inline bool varint_read(struct varint_reader *reader, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        if (shift == 63 && byte > 1)
            return false;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

#endif
