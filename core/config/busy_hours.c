#include "config/busy_hours.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { MINUTES_PER_DAY = 24 * 60, EVERY_DAY = 0x7f };

static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static void skip_spaces(const char **at)
{
    while (isspace((unsigned char)**at))
        ++*at;
}

/* 0 = Sunday; -1 when there is no day here. */
static int read_day(const char **at)
{
    for (int day = 0; day < 7; ++day) {
        if (strncasecmp(*at, days[day], 3) == 0 && !isalpha((unsigned char)(*at)[3])) {
            *at += 3;
            return day;
        }
    }
    return -1;
}

/* "mon" or "mon-fri"; one that goes over the end of the week is "sat-mon". */
static bool read_days(const char **at, uint8_t *mask)
{
    int from = read_day(at), to = from;
    if (from < 0)
        return false;
    if (**at == '-') {
        ++*at;
        to = read_day(at);
        if (to < 0)
            return false;
    }
    for (int day = from;; day = (day + 1) % 7) {
        *mask |= (uint8_t)(1u << day);
        if (day == to)
            return true;
    }
}

/* "08:00"; the minute of the day, or -1. */
static int read_time(const char **at)
{
    const char *text = *at;
    int digits = isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]) ? 2 : 1;
    if (!isdigit((unsigned char)text[0]) || text[digits] != ':' || !isdigit((unsigned char)text[digits + 1]) ||
        !isdigit((unsigned char)text[digits + 2]))
        return -1;
    int hour = digits == 2 ? (text[0] - '0') * 10 + text[1] - '0' : text[0] - '0';
    int minute = (text[digits + 1] - '0') * 10 + text[digits + 2] - '0';
    *at += digits + 3;
    return minute < 60 && hour * 60 + minute <= MINUTES_PER_DAY ? hour * 60 + minute : -1;
}

static bool read_stretch(const char **at, struct busy_stretch *stretch)
{
    *stretch = (struct busy_stretch){.days = 0};
    skip_spaces(at);
    if (isalpha((unsigned char)**at) && !read_days(at, &stretch->days))
        return false;
    if (stretch->days == 0)
        stretch->days = EVERY_DAY;
    skip_spaces(at);
    int from = read_time(at);
    if (from < 0 || from == MINUTES_PER_DAY || **at != '-')
        return false;
    ++*at;
    int to = read_time(at);
    if (to < 0)
        return false;
    stretch->from_minute = (uint16_t)from;
    stretch->to_minute = (uint16_t)(to != 0 ? to : MINUTES_PER_DAY);
    skip_spaces(at);
    return true;
}

int busy_hours_parse(const char *text, struct busy_hours *hours, char *error, size_t error_size)
{
    const char *at = text;
    *hours = (struct busy_hours){.count = 0};
    skip_spaces(&at);
    if (*at == '\0')
        return 0;
    for (;;) {
        const char *begin = at;
        if (hours->count == BUSY_STRETCHES_MAX) {
            snprintf(error, error_size, "expected at most %d stretches", BUSY_STRETCHES_MAX);
            return -1;
        }
        if (!read_stretch(&at, &hours->stretches[hours->count]) || (*at != ',' && *at != '\0')) {
            snprintf(error, error_size, "expected days and hours such as \"mon-fri 08:00-20:00\"; got \"%.40s\"",
                     begin);
            return -1;
        }
        ++hours->count;
        if (*at == '\0')
            return 0;
        ++at;
    }
}

bool busy_hours_hold(const struct busy_hours *hours, int64_t wall_s)
{
    time_t time = (time_t)wall_s;
    struct tm local;
    if (hours->count == 0 || localtime_r(&time, &local) == NULL)
        return false;
    int minute = local.tm_hour * 60 + local.tm_min;
    unsigned today = 1u << local.tm_wday, yesterday = 1u << ((local.tm_wday + 6) % 7);
    for (size_t i = 0; i < hours->count; ++i) {
        const struct busy_stretch *stretch = &hours->stretches[i];
        bool overnight = stretch->to_minute <= stretch->from_minute;
        bool begun = (stretch->days & today) != 0 && minute >= stretch->from_minute;
        if (begun && (overnight || minute < stretch->to_minute))
            return true;
        if (overnight && (stretch->days & yesterday) != 0 && minute < stretch->to_minute)
            return true;
    }
    return false;
}
