/* routes: which handler answers which path and method. Internal to serve/. */
#ifndef PROVIDERD_SERVE_ROUTES_H
#define PROVIDERD_SERVE_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;

enum route_method { ROUTE_GET = 1, ROUTE_POST = 2 }; /* HEAD goes with GET */

struct route {
    const char *path; /* "{name}" takes any one segment; at most one in a path */
    unsigned methods;
    void (*handle)(struct request *request);
    const char *about; /* for the index at / */

    unsigned scope; /* enum token_scope that it takes; 0 = TOKEN_READ, and TOKEN_ADMIN for POST */
    bool open;      /* it takes none, */
    bool published; /* nor of a {name} that the public page shows */

    /* Of a route whose answer can be waited for (waiting.h): the parameter that says what the client has, and whether
     * there is something newer by now. NULL: it cannot. */
    const char *waits_by;
    bool (*is_news)(struct request *request, int64_t seen);
};

enum { ROUTE_PARAMETER_MAX = 256 };

struct route_match {
    const struct route *route;           /* NULL: no such path */
    char parameter[ROUTE_PARAMETER_MAX]; /* the decoded {name} */
    size_t parameter_len;
};

struct request_target {
    const char *path; /* points into the target, or at "/" */
    size_t path_len;
    const char *query; /* without '?'; NULL when there is none */
    size_t query_len;
};

/* Takes a target apart: "/path?query", or with "http://host" before it, which is passed over (RFC 9112, 3.2.2). */
void target_split(const char *target, size_t len, struct request_target *parts);

/* Finds the route of a path (without query). A trailing slash is tolerated. False when the path is malformed: a bad
 * percent escape or a segment that is too long. */
bool route_find(const struct route *routes, size_t count, const char *path, size_t len, struct route_match *match);

/* Undoes percent escapes (RFC 3986, 2.1), and '+' as a space when `form`. Returns the length, or -1 when an escape is
 * malformed, is a zero byte, or the result does not fit. */
int percent_decode(const char *text, size_t len, bool form, char *out, size_t out_size);

#endif
