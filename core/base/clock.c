#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/* What four digits of a year can write; an offset may lead past it. */
static const int64_t FIRST_SECOND = INT64_C(-62167219200); /* 0000-01-01T00:00:00Z */
static const int64_t LAST_SECOND = INT64_C(253402300799);  /* 9999-12-31T23:59:59Z */

static int64_t read_clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t clock_monotonic_us(void)
{
    return (uint64_t)read_clock_us(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t clock_wall_us(void)
{
    return read_clock_us(CLOCK_REALTIME);
}

int64_t clock_wall_ms(void)
{
    return clock_wall_us() / 1000;
}

/* Splits into whole seconds as UTC and the microseconds beyond them, also before 1970. */
static void split(int64_t wall_us, struct tm *utc, int *us)
{
    int64_t seconds = wall_us / 1000000, rest = wall_us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        --seconds;
    }
    time_t whole = (time_t)seconds;
    gmtime_r(&whole, utc);
    *us = (int)rest;
}

static size_t write_digits(char *out, int value, int digits)
{
    for (int i = digits - 1; i >= 0; --i) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return (size_t)digits;
}

static size_t write_date_time(const struct tm *utc, char *out)
{
    size_t len = write_digits(out, utc->tm_year + 1900, 4);
    out[len++] = '-';
    len += write_digits(out + len, utc->tm_mon + 1, 2);
    out[len++] = '-';
    len += write_digits(out + len, utc->tm_mday, 2);
    out[len++] = 'T';
    len += write_digits(out + len, utc->tm_hour, 2);
    out[len++] = ':';
    len += write_digits(out + len, utc->tm_min, 2);
    out[len++] = ':';
    len += write_digits(out + len, utc->tm_sec, 2);
    out[len++] = '.';
    return len;
}

size_t clock_format_rfc3339(int64_t wall_us, char out[CLOCK_ISO_MAX])
{
    struct tm utc;
    int us;
    split(wall_us, &utc, &us);
    size_t len = write_date_time(&utc, out);
    len += write_digits(out + len, us / 1000, 3);
    out[len++] = 'Z';
    out[len] = '\0';
    return len;
}

size_t clock_format_sql(int64_t wall_us, char out[CLOCK_ISO_MAX])
{
    struct tm utc;
    int us;
    split(wall_us, &utc, &us);
    size_t len = write_date_time(&utc, out);
    len += write_digits(out + len, us, 6);
    out[len] = '\0';
    return len;
}

/* A cursor over the text; each reader moves it on, or returns false. */
struct reading {
    const char *at, *end;
};

static bool read_digits(struct reading *r, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; ++i, ++r->at) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9')
            return false;
        *value = *value * 10 + (*r->at - '0');
    }
    return true;
}

static bool read_char(struct reading *r, const char *one_of)
{
    if (r->at == r->end)
        return false;
    for (; *one_of != '\0'; ++one_of) {
        if (*r->at == *one_of) {
            ++r->at;
            return true;
        }
    }
    return false;
}

static bool read_fraction(struct reading *r, int *us)
{
    int digits = 0, scale = 100000;
    *us = 0;
    if (!read_char(r, ".,"))
        return true;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; ++r->at, ++digits) {
        *us += (*r->at - '0') * scale;
        scale /= 10;
    }
    return digits >= 1 && digits <= 9;
}

static bool read_zone(struct reading *r, int *offset_seconds)
{
    *offset_seconds = 0;
    if (r->at == r->end || read_char(r, "Zz"))
        return r->at == r->end;
    int hours, minutes, sign = *r->at == '-' ? -1 : 1;
    if (!read_char(r, "+-") || !read_digits(r, 2, &hours) || (read_char(r, ":"), !read_digits(r, 2, &minutes)))
        return false;
    *offset_seconds = sign * (hours * 3600 + minutes * 60);
    return r->at == r->end && hours < 24 && minutes < 60;
}

static bool is_day_of_month(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= days[month - 1] + (leap && month == 2);
}

int clock_parse_iso(const char *text, size_t len, int64_t *wall_us)
{
    struct reading r = {text, text + len};
    int year, month, day, hour, minute, second, us, offset;

    if (!read_digits(&r, 4, &year) || !read_char(&r, "-") || !read_digits(&r, 2, &month) || !read_char(&r, "-") ||
        !read_digits(&r, 2, &day) || !read_char(&r, "Tt ") || !read_digits(&r, 2, &hour) || !read_char(&r, ":") ||
        !read_digits(&r, 2, &minute) || !read_char(&r, ":") || !read_digits(&r, 2, &second) ||
        !read_fraction(&r, &us) || !read_zone(&r, &offset))
        return -1;
    if (month < 1 || month > 12 || !is_day_of_month(year, month, day) || hour > 23 || minute > 59 || second > 60)
        return -1;
    struct tm utc = {.tm_year = year - 1900,
                     .tm_mon = month - 1,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = minute,
                     .tm_sec = second};
    int64_t seconds = (int64_t)timegm(&utc) - offset;
    if (seconds < FIRST_SECOND || seconds > LAST_SECOND)
        return -1;
    *wall_us = seconds * 1000000 + us;
    return 0;
}
