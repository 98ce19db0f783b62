#include "serve/query.h"

#include "serve/routes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double HOURS_MAX = 8760;

enum query_result query_get(const char *query, size_t len, const char *name, char value[QUERY_VALUE_MAX])
{
    return query_get_long(query, len, name, value, QUERY_VALUE_MAX);
}

enum query_result query_get_long(const char *query, size_t len, const char *name, char *value, size_t size)
{
    size_t name_len = strlen(name);
    if (len == 0)
        return QUERY_ABSENT; /* `query` may be NULL */
    const char *end = query + len;

    while (query < end) {
        const char *pair_end = memchr(query, '&', (size_t)(end - query));
        if (pair_end == NULL)
            pair_end = end;
        const char *equals = memchr(query, '=', (size_t)(pair_end - query));
        const char *key_end = equals != NULL ? equals : pair_end;
        if ((size_t)(key_end - query) == name_len && memcmp(query, name, name_len) == 0) {
            const char *text = equals != NULL ? equals + 1 : pair_end;
            int decoded = percent_decode(text, (size_t)(pair_end - text), true, value, size);
            return decoded >= 0 ? QUERY_FOUND : QUERY_MALFORMED;
        }
        query = pair_end != end ? pair_end + 1 : end;
    }
    return QUERY_ABSENT;
}

static bool is_plain_decimal(const char *text)
{
    size_t digits = strspn(text, "0123456789.");
    return digits > 0 && text[digits] == '\0' && strcmp(text, ".") != 0; /* no sign, exponent, hex, inf or nan */
}

bool query_hours(const char *query, size_t len, double otherwise_hours, int64_t *span_us, char *error,
                 size_t error_size)
{
    char value[QUERY_VALUE_MAX], *end = NULL;
    double hours = otherwise_hours;
    enum query_result result = query_get(query, len, "hours", value);

    if (result == QUERY_FOUND)
        hours = is_plain_decimal(value) ? strtod(value, &end) : NAN;
    if (result == QUERY_MALFORMED || !(hours > 0) || hours > HOURS_MAX || (end != NULL && *end != '\0')) {
        snprintf(error, error_size, "hours: expected a number above 0 and up to 8760, such as 24 or 0.5; got '%s'",
                 result == QUERY_FOUND ? value : "a malformed or overlong value");
        return false;
    }
    *span_us = (int64_t)(hours * 3600e6);
    return true;
}
