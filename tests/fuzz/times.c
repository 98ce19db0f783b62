/* Durations and times as providers send them: any bytes are read or refused; what is read is written back alike. */
#include "base/clock.h"
#include "base/duration.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    int64_t ns, ms, us;
    if (duration_parse_ns(text, size, &ns) == 0 && (ns < 0 || duration_parse_ms(text, size, &ms) != 0))
        abort();
    if (duration_parse_ms(text, size, &ms) == 0) {
        char written[DURATION_TEXT_MAX];
        int64_t again;
        duration_format_ms(ms, written);
        if (duration_parse_ms(written, strlen(written), &again) != 0 || again != ms)
            abort();
    }
    if (clock_parse_iso(text, size, &us) == 0 && us > 0) {
        char written[CLOCK_ISO_MAX];
        int64_t again;
        size_t len = clock_format_sql(us, written);
        if (clock_parse_iso(written, len, &again) != 0 || again != us)
            abort();
    }
    return 0;
}
