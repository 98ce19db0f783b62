/* clock: the two clocks and their written forms.
 *
 * Monotonic time schedules (wall-clock jumps cannot touch it); wall time is only ever stored and shown, in UTC.
 * Thread: any.
 */
#ifndef PROVIDERD_BASE_CLOCK_H
#define PROVIDERD_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum {
    CLOCK_ISO_MAX = 32, /* room for any text that clock_format_* writes, NUL included */
};

/* CLOCK_MONOTONIC, microseconds since an arbitrary point. */
uint64_t clock_monotonic_us(void);
uint64_t clock_monotonic_ms(void);

/* CLOCK_REALTIME, microseconds / milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_us(void);
int64_t clock_wall_ms(void);

/* "2026-11-23T08:22:14.217Z": how REST answers write a time (RFC 3339). Returns the length. */
size_t clock_format_rfc3339(int64_t wall_us, char out[CLOCK_ISO_MAX]);

/* "2026-11-23T08:22:14.217175": how the original wrote a time into the database (UTC, no zone). Returns the length. */
size_t clock_format_sql(int64_t wall_us, char out[CLOCK_ISO_MAX]);

/* Reads both forms above: "T" or a space between, 0 to 9 digits of fraction, "Z", "+02:00" or nothing (UTC), in
 * the years 0 to 9999 of UTC. 0 and *wall_us on success; -1 when the text is not such a time. */
int clock_parse_iso(const char *text, size_t len, int64_t *wall_us);

#endif
