/* What clients send: paths, queries, If-None-Match and Accept-Encoding. */
#include "serve/handlers.h"
#include "serve/query.h"
#include "serve/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct route_match match;
    char value[QUERY_VALUE_MAX], longer[512], error[256];
    int64_t span_us;

    if (route_find(handler_routes, handler_route_count, text, size, &match) && match.route != NULL &&
        match.parameter_len >= ROUTE_PARAMETER_MAX)
        abort();
    if (query_get(text, size, "hours", value) == QUERY_FOUND && strlen(value) >= QUERY_VALUE_MAX)
        abort();
    if (query_get_long(text, size, "cursor", longer, sizeof(longer)) == QUERY_FOUND && strlen(longer) >= sizeof(longer))
        abort();
    if (query_hours(text, size, 24, &span_us, error, sizeof(error)) && span_us < 0)
        abort();
    etag_matches(text, size, "\"0123456789abcdef-1-status\"");
    accepts_gzip(text, size);
    return 0;
}
