/* openapi: the description of the REST interface (OpenAPI 3.1), core/serve/openapi.json as the build has put it into
 * the binary. tests/integration/test_openapi.py holds the daemon to it. Internal to serve/. */
#ifndef PROVIDERD_SERVE_OPENAPI_H
#define PROVIDERD_SERVE_OPENAPI_H

#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;

#endif
