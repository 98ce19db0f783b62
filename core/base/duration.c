#include "base/duration.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const int64_t LONGEST_NS = INT64_C(100) * 365 * 24 * 3600 * 1000000000;

struct unit {
    const char *name;
    int64_t ns;
};

/* Longest names first where one begins another: "ms" must not be read as minutes. */
static const struct unit units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xC2\xB5s", 1000},
    {"\xCE\xBCs", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", INT64_C(60) * 1000000000},
    {"h", INT64_C(3600) * 1000000000},
    {"d", INT64_C(86400) * 1000000000},
};

static const struct unit *read_unit(const char **at, const char *end)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        size_t len = strlen(units[i].name);
        if ((size_t)(end - *at) >= len && memcmp(*at, units[i].name, len) == 0) {
            *at += len;
            return &units[i];
        }
    }
    return NULL;
}

/* Reads digits into whole, and the fraction's into up to 18 decimal places; more digits are beyond nanoseconds. */
static bool read_number(const char **at, const char *end, int64_t *whole, int64_t *fraction, int64_t *scale)
{
    int digits = 0;
    *whole = *fraction = 0;
    *scale = 1;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at, ++digits) {
        if (*whole > LONGEST_NS / 10)
            return false;
        *whole = *whole * 10 + (**at - '0');
    }
    if (digits == 0)
        return false;
    if (*at == end || **at != '.')
        return true;
    for (++*at, digits = 0; *at < end && **at >= '0' && **at <= '9'; ++*at, ++digits) {
        if (digits < 9) {
            *fraction = *fraction * 10 + (**at - '0');
            *scale *= 10;
        }
    }
    return digits != 0;
}

int duration_parse_ns(const char *text, size_t len, int64_t *ns)
{
    const char *at = text, *end = text + len;
    int64_t total = 0;

    if (len == 0)
        return -1;
    while (at < end) {
        int64_t whole, fraction, scale;
        if (!read_number(&at, end, &whole, &fraction, &scale))
            return -1;
        const struct unit *unit = read_unit(&at, end);
        if (unit == NULL || whole > LONGEST_NS / unit->ns)
            return -1;
        /* At most 1e9 * 8.64e13 = 8.6e22 would overflow: the fraction is taken as a share of the unit. */
        total +=
            whole * unit->ns + (int64_t)((long double)fraction / (long double)scale * (long double)unit->ns + 0.5L);
        if (total > LONGEST_NS)
            return -1;
    }
    *ns = total;
    return 0;
}

int duration_parse_ms(const char *text, size_t len, int64_t *ms)
{
    int64_t ns;
    if (duration_parse_ns(text, len, &ns) != 0)
        return -1;
    *ms = (ns + 500000) / 1000000;
    return 0;
}

void duration_format_ms(int64_t ms, char out[DURATION_TEXT_MAX])
{
    static const struct {
        const char *name;
        int64_t ms;
    } steps[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t len = 0;

    if (ms <= 0) {
        strcpy(out, "0s");
        return;
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && len < DURATION_TEXT_MAX; ++i) {
        int64_t count = ms / steps[i].ms;
        ms %= steps[i].ms;
        if (count != 0)
            len += (size_t)snprintf(out + len, DURATION_TEXT_MAX - len, "%" PRId64 "%s", count, steps[i].name);
    }
}
