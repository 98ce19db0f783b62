/* JSON: whatever bytes the writer is given as a string, the scan finds one whole value; the scan takes any bytes, and
 * comes to the same end in any cuts. An error is told where it stands as a member, whatever its text, and only there.
 */
#include "base/json.h"
#include "probe/json_scan.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_member(const char *name, const char *bytes, size_t size, bool tells_error)
{
    struct buf out = BUF_EMPTY;
    struct json_scan scan = {0};
    struct json j = json_begin(&out);
    json_object(&j);
    json_key(&j, "id");
    json_bytes(&j, bytes, size);
    json_key(&j, name);
    json_bytes(&j, bytes, size);
    json_end(&j);
    json_scan_feed(&scan, buf_text(&out), out.len);
    if (!json_scan_whole(&scan) || json_scan_tells_error(&scan) != tells_error)
        abort();
    buf_dispose(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct json_scan scan = {0}, in_pieces = {0}, written = {0};
    struct buf out = BUF_EMPTY;

    json_scan_feed(&scan, bytes, size);
    for (size_t i = 0; i < size; ++i)
        json_scan_feed(&in_pieces, bytes + i, 1);
    if (json_scan_whole(&scan) != json_scan_whole(&in_pieces) ||
        json_scan_tells_error(&scan) != json_scan_tells_error(&in_pieces))
        abort();
    struct json j = json_begin(&out);
    json_array(&j);
    json_bytes(&j, bytes, size);
    json_end(&j);
    json_scan_feed(&written, buf_text(&out), out.len);
    if (!json_scan_whole(&written) || json_scan_tells_error(&written))
        abort();
    buf_dispose(&out);
    check_member("error", bytes, size, size != 0);
    check_member("message", bytes, size, false);
    return 0;
}
