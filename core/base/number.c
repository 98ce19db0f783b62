#include "base/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below it printf would write an exponent; above it a value times a million is no exact integer any more. */
static const double PLAIN_MIN = 1e-3;
static const double PLAIN_MAX = 1e9;

static size_t write_unsigned(uint64_t value, char *out)
{
    char digits[24];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; ++i)
        out[i] = digits[count - 1 - i];
    return count;
}

size_t number_format_int(int64_t value, char out[NUMBER_TEXT_MAX])
{
    size_t len = 0;
    if (value < 0)
        out[len++] = '-';
    len += write_unsigned(value < 0 ? -(uint64_t)value : (uint64_t)value, out + len);
    out[len] = '\0';
    return len;
}

/* `scaled` / 10^digits, without zeros at the end, but with one digit behind the point. */
static size_t write_scaled(uint64_t scaled, unsigned scale, unsigned digits, char *out)
{
    size_t len = write_unsigned(scaled / scale, out);
    uint64_t fraction = scaled % scale;
    out[len++] = '.';
    for (unsigned i = digits; i > 0; --i) {
        out[len + i - 1] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    len += digits;
    while (out[len - 1] == '0' && out[len - 2] != '.')
        --len;
    out[len] = '\0';
    return len;
}

/* A quotient of two exact doubles is rounded correctly, so equality means that the decimal text reads back as it. */
static bool is_scaled(double magnitude, double scale, uint64_t *scaled)
{
    *scaled = (uint64_t)(magnitude * scale + 0.5);
    return (double)*scaled / scale == magnitude;
}

static size_t write_any(double value, char *out)
{
    for (int digits = 15; digits <= 17; ++digits) {
        snprintf(out, NUMBER_TEXT_MAX, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    size_t len = strlen(out);
    if (strpbrk(out, ".e") == NULL) {
        memcpy(out + len, ".0", 3);
        len += 2;
    }
    return len;
}

size_t number_format_double(double value, char out[NUMBER_TEXT_MAX])
{
    double magnitude = fabs(value);
    uint64_t scaled;
    size_t sign = 0;
    if (value == 0 && !signbit(value)) {
        memcpy(out, "0.0", 4);
        return 3;
    }
    if (magnitude < PLAIN_MIN || magnitude >= PLAIN_MAX)
        return write_any(value, out);
    if (value < 0)
        out[sign++] = '-';
    if (is_scaled(magnitude, 1e3, &scaled))
        return sign + write_scaled(scaled, 1000, 3, out + sign);
    if (is_scaled(magnitude, 1e6, &scaled))
        return sign + write_scaled(scaled, 1000000, 6, out + sign);
    return write_any(value, out);
}
