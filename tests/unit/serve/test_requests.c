/* What is read from a request: its route, its query, and what its headers ask for. */
#include "serve/query.h"
#include "serve/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* -- routes -- */

static const struct route ROUTES[] = {
    {"/", ROUTE_GET, NULL, .about = ""},
    {"/a/status", ROUTE_GET, NULL, .about = ""},
    {"/a/status/{name}", ROUTE_GET, NULL, .about = ""},
};

static struct route_match match;

static const struct route *find(const char *path)
{
    match.parameter[0] = '\0';
    assert_true(route_find(ROUTES, 3, path, strlen(path), &match));
    return match.route;
}

static void paths_find_their_routes(void **state)
{
    (void)state;
    assert_ptr_equal(find("/"), &ROUTES[0]);
    assert_ptr_equal(find("/a/status"), &ROUTES[1]);
    assert_ptr_equal(find("/a/status/"), &ROUTES[1]);
    assert_ptr_equal(find("/a/status/groq"), &ROUTES[2]);
    assert_string_equal(match.parameter, "groq");
    assert_ptr_equal(find("/a/status/groq/"), &ROUTES[2]);
    assert_string_equal(match.parameter, "groq");
}

static void other_paths_find_none(void **state)
{
    static const char *const paths[] = {"",           "/a",        "/a/statu",      "/a/statuss",
                                        "//a/status", "/A/status", "/a/status/x/y", "/a/status//"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); ++i) {
        if (find(paths[i]) != NULL)
            fail_msg("'%s' found %s", paths[i], match.route->path);
    }
}

static void parameters_are_decoded(void **state)
{
    (void)state;
    assert_non_null(find("/a/status/%67%72oq%2fx+y"));
    assert_string_equal(match.parameter, "groq/x+y");
}

static void malformed_paths_are_told_apart(void **state)
{
    static const char *const paths[] = {"/a/status/%", "/a/status/%4", "/a/status/%zz", "/a/status/a%00b"};
    char longest[400] = "/a/status/";
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); ++i)
        assert_false(route_find(ROUTES, 3, paths[i], strlen(paths[i]), &match));
    size_t prefix = strlen(longest);
    memset(longest + prefix, 'x', ROUTE_PARAMETER_MAX);
    assert_true(route_find(ROUTES, 3, longest, prefix + ROUTE_PARAMETER_MAX - 1, &match));
    assert_int_equal(match.parameter_len, ROUTE_PARAMETER_MAX - 1);
    assert_false(route_find(ROUTES, 3, longest, prefix + ROUTE_PARAMETER_MAX, &match));
}

static void assert_split(const char *target, const char *path, const char *query)
{
    struct request_target parts;
    target_split(target, strlen(target), &parts);
    assert_int_equal(parts.path_len, strlen(path));
    assert_memory_equal(parts.path, path, parts.path_len);
    assert_int_equal(parts.query != NULL, query != NULL);
    assert_int_equal(parts.query_len, query != NULL ? strlen(query) : 0);
    if (query != NULL)
        assert_memory_equal(parts.query, query, parts.query_len);
}

static void targets_are_taken_apart(void **state)
{
    (void)state;
    assert_split("/a", "/a", NULL);
    assert_split("/a?", "/a", "");
    assert_split("/a?b=c?d", "/a", "b=c?d");
    assert_split("http://x/a?b", "/a", "b");
    assert_split("HTTPS://x:8000/a", "/a", NULL);
    assert_split("http://x", "/", NULL);
    assert_split("http://x?b", "/", "b");
    assert_split("/http://x/a", "/http://x/a", NULL);
    assert_split("ftp://x/a", "ftp://x/a", NULL);
    assert_split("http://", "http://", NULL);
    assert_split("*", "*", NULL);
    assert_split("", "", NULL);
}

/* -- query -- */

static void first_value_of_a_name_is_taken(void **state)
{
    static const char query[] = "hour=1&&hours=a%20b+c&hours=2&empty=&bare";
    char value[QUERY_VALUE_MAX];
    (void)state;
    assert_int_equal(query_get(query, strlen(query), "hours", value), QUERY_FOUND);
    assert_string_equal(value, "a b c");
    assert_int_equal(query_get(query, strlen(query), "empty", value), QUERY_FOUND);
    assert_string_equal(value, "");
    assert_int_equal(query_get(query, strlen(query), "bare", value), QUERY_FOUND);
    assert_string_equal(value, "");
    assert_int_equal(query_get(query, strlen(query), "hou", value), QUERY_ABSENT);
    assert_int_equal(query_get(NULL, 0, "hours", value), QUERY_ABSENT);
    assert_int_equal(query_get("hours=%", 7, "hours", value), QUERY_MALFORMED);
}

static void hours_are_read(void **state)
{
    static const struct {
        const char *query;
        int64_t span_us;
    } good[] = {
        {"", INT64_C(86400000000)},      {"hours=24", INT64_C(86400000000)},
        {"hours=0.5", 1800000000},       {"hours=8760", INT64_C(31536000000000)},
        {"other=x&hours=1", 3600000000}, {"hours=.25", 900000000},
    };
    char error[256];
    int64_t span_us;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        span_us = 0;
        assert_true(query_hours(good[i].query, strlen(good[i].query), 24, &span_us, error, sizeof(error)));
        assert_int_equal(span_us, good[i].span_us);
    }
}

static void bad_hours_are_refused_with_what_was_expected(void **state)
{
    static const char *const bad[] = {
        "0",    "-1",     "8760.1",       "99999999999999999999999",
        "abc",  "",       "1h",           "1e3",
        "0x10", "nan",    "inf",          "1.2.3",
        "+1",   "%31%00", " 1",           "--",
        ".",    "1;drop", "%F0%9F%92%A5",
    };
    char error[256], query[128];
    int64_t span_us;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        snprintf(query, sizeof(query), "hours=%s", bad[i]);
        if (query_hours(query, strlen(query), 24, &span_us, error, sizeof(error)))
            fail_msg("hours=%s was taken", bad[i]);
        assert_non_null(strstr(error, "hours: expected"));
        assert_non_null(strstr(error, "8760"));
    }
}

/* -- If-None-Match -- */

static bool matches(const char *header)
{
    return etag_matches(header, strlen(header), "\"b-7-status\"");
}

static void etags_match_by_the_weak_comparison(void **state)
{
    (void)state;
    assert_true(matches("\"b-7-status\""));
    assert_true(matches("W/\"b-7-status\""));
    assert_true(matches("*"));
    assert_true(matches(" * "));
    assert_true(matches("\"x\", \"b-7-status\""));
    assert_true(matches("\"x\",W/\"b-7-status\" ,\"y\""));
    assert_false(matches(""));
    assert_false(matches(","));
    assert_false(matches("\"x\""));
    assert_false(matches("b-7-status"));
    assert_false(matches("\"b-7-status"));
    assert_false(matches("\"b-7-status-gz\""));
    assert_false(matches("\"b-7-status\"x"));
    assert_false(matches("w/\"b-7-status\""));
}

/* -- Accept-Encoding -- */

static void gzip_is_accepted_as_the_client_weighs_it(void **state)
{
    static const char *const yes[] = {
        "gzip",
        "GZip",
        "x-gzip",
        "deflate, gzip",
        "gzip;q=0.5",
        "gzip ; q=0.001",
        "br;q=1, gzip;q=0.1",
        "*",
        "*;q=0.3",
        "gzip;q=1.000",
        "identity;q=0.5, gzip;q=0.5",
        "gzip, *;q=0",
        "identity;q=0, *",
        ",,gzip",
    };
    static const char *const no[] = {
        "",
        "br",
        "deflate",
        "gzip;q=0",
        "gzip;q=0.000",
        "gzip; q=0.0",
        "gzipped",
        "*;q=0",
        "gzip;q=0, *",
        "identity",
        "identity, gzip;q=0.5",
        "gzip;q=abc",
        "gzip;q=-1",
        "gzip;q=2",
        "gzip;q=1.5",
        "xgzip",
        "gzip;q=",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); ++i) {
        if (!accepts_gzip(yes[i], strlen(yes[i])))
            fail_msg("'%s' was not taken for gzip", yes[i]);
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); ++i) {
        if (accepts_gzip(no[i], strlen(no[i])))
            fail_msg("'%s' was taken for gzip", no[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_routes),
        cmocka_unit_test(other_paths_find_none),
        cmocka_unit_test(parameters_are_decoded),
        cmocka_unit_test(malformed_paths_are_told_apart),
        cmocka_unit_test(targets_are_taken_apart),
        cmocka_unit_test(first_value_of_a_name_is_taken),
        cmocka_unit_test(hours_are_read),
        cmocka_unit_test(bad_hours_are_refused_with_what_was_expected),
        cmocka_unit_test(etags_match_by_the_weak_comparison),
        cmocka_unit_test(gzip_is_accepted_as_the_client_weighs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
