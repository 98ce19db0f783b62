/* query: parameters of a request's query string. Internal to serve/. */
#ifndef PROVIDERD_SERVE_QUERY_H
#define PROVIDERD_SERVE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUERY_VALUE_MAX = 128 };

enum query_result { QUERY_ABSENT, QUERY_FOUND, QUERY_MALFORMED };

/* The decoded value of the first parameter `name` (application/x-www-form-urlencoded). */
enum query_result query_get(const char *query, size_t len, const char *name, char value[QUERY_VALUE_MAX]);

/* The same for a longer value: `size` bytes with the NUL. */
enum query_result query_get_long(const char *query, size_t len, const char *name, char *value, size_t size);

/* `hours` as a span in microseconds, `otherwise` when absent. False, with a text for the client in `error`, when it is
 * not a number from above 0 to 8760 (a year). */
bool query_hours(const char *query, size_t len, double otherwise_hours, int64_t *span_us, char *error,
                 size_t error_size);

#endif
