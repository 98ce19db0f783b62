/* JSON: whatever bytes the writer is given as a string, the scan finds one whole value; the scan takes any bytes. */
#include "base/json.h"
#include "probe/json_scan.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct json_scan scan = {0}, in_pieces = {0}, written = {0};
    struct buf out = BUF_EMPTY;

    json_scan_feed(&scan, bytes, size);
    for (size_t i = 0; i < size; ++i)
        json_scan_feed(&in_pieces, bytes + i, 1);
    if (json_scan_whole(&scan) != json_scan_whole(&in_pieces))
        abort();
    struct json j = json_begin(&out);
    json_array(&j);
    json_bytes(&j, bytes, size);
    json_end(&j);
    json_scan_feed(&written, buf_text(&out), out.len);
    if (!json_scan_whole(&written))
        abort();
    buf_dispose(&out);
    return 0;
}
