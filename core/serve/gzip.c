#include "serve/gzip.h"

#include <stdlib.h>
#include <zlib.h>

enum { WINDOW = 16 + 15 }; /* a gzip wrapper with the largest window (zlib's manual, deflateInit2) */

char *gzip_bytes(const char *bytes, size_t len, int level, size_t *zipped_len)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, level, Z_DEFLATED, WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    uLong bound = deflateBound(&stream, (uLong)len);
    char *out = malloc(bound);
    if (out != NULL) {
        stream.next_in = (Bytef *)bytes;
        stream.avail_in = (uInt)len;
        stream.next_out = (Bytef *)out;
        stream.avail_out = (uInt)bound;
        if (deflate(&stream, Z_FINISH) != Z_STREAM_END) {
            free(out);
            out = NULL;
        }
    }
    *zipped_len = stream.total_out;
    deflateEnd(&stream);
    return out;
}
