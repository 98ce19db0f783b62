/* busy_hours: the hours of a week in which availability matters most, in local time: "mon-fri 08:00-20:00", several
 * stretches with commas between them. Without days it is every day; an end that is not behind the begin is on the next
 * day; "24:00" is the end of a day.
 */
#ifndef PROVIDERD_CONFIG_BUSY_HOURS_H
#define PROVIDERD_CONFIG_BUSY_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUSY_STRETCHES_MAX = 16 };

struct busy_stretch {
    uint8_t days;         /* on which it begins; bit 0 = Sunday, as tm_wday counts */
    uint16_t from_minute; /* of the day, 0-1439 */
    uint16_t to_minute;   /* 1-1440; not above from_minute = on the next day */
};

struct busy_hours {
    size_t count; /* 0 = none are configured */
    struct busy_stretch stretches[BUSY_STRETCHES_MAX];
};

/* 0, or -1 with what was expected in `error`. "" is none. */
int busy_hours_parse(const char *text, struct busy_hours *hours, char *error, size_t error_size);

/* Whether a moment (UNIX time) lies in them, in the zone that TZ names. */
bool busy_hours_hold(const struct busy_hours *hours, int64_t wall_s);

#endif
