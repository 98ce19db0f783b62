#include "serve/best_query.h"

#include "serve/query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_TEXT_MAX = 4096, ALL_MAX = 100000 };

static const double LATENCY_MAX_MS = 600000;

struct reading {
    const char *query;
    size_t len;
    char *error;
};

static bool refuse(struct reading *r, const char *name, const char *expected, const char *got)
{
    snprintf(r->error, BEST_QUERY_ERROR_MAX, "%s: expected %s; got '%.100s'", name, expected, got);
    return false;
}

/* The value, "" when absent. False when it is malformed, or empty though it is there. */
static bool read_text(struct reading *r, const char *name, const char *expected, char *value, size_t size)
{
    value[0] = '\0';
    switch (query_get_long(r->query, r->len, name, value, size)) {
    case QUERY_ABSENT:
        return true;
    case QUERY_MALFORMED:
        return refuse(r, name, expected, "a malformed or overlong value");
    case QUERY_FOUND:
        break;
    }
    return value[0] != '\0' || refuse(r, name, expected, "");
}

/* Digits with a point at most: no sign, exponent, hex, inf or nan. */
static bool is_plain_number(const char *text)
{
    size_t digits = strspn(text, "0123456789.");
    return digits > 0 && text[digits] == '\0' && strcmp(text, ".") != 0 && strchr(text, '.') == strrchr(text, '.');
}

/* 0 when absent. */
static bool read_number(struct reading *r, const char *name, const char *expected, double least, double most,
                        double *number)
{
    char value[QUERY_VALUE_MAX];
    *number = 0;
    if (!read_text(r, name, expected, value, sizeof(value)))
        return false;
    if (value[0] == '\0')
        return true;
    *number = is_plain_number(value) ? strtod(value, NULL) : NAN;
    return (*number >= least && *number <= most) || refuse(r, name, expected, value);
}

static bool read_flag(struct reading *r, const char *name, bool *flag)
{
    char value[QUERY_VALUE_MAX];
    if (!read_text(r, name, "1 or 0", value, sizeof(value)))
        return false;
    *flag = strcmp(value, "1") == 0;
    return *flag || value[0] == '\0' || strcmp(value, "0") == 0 || refuse(r, name, "1 or 0", value);
}

/* A list with commas; each item must fit into `size` and be sound. `items`: `most` texts of `size` bytes. */
static bool read_list(struct reading *r, const char *name, const char *expected, bool (*is_sound)(const char *),
                      char *items, size_t size, size_t most, size_t *count)
{
    char text[LIST_TEXT_MAX];
    *count = 0;
    if (!read_text(r, name, expected, text, sizeof(text)))
        return false;
    char *rest = text;
    while (text[0] != '\0' && rest != NULL) {
        const char *item = strsep(&rest, ",");
        size_t len = strlen(item);
        if (len == 0 || len >= size || !is_sound(item) || *count == most)
            return refuse(r, name, expected, item);
        memcpy(items + size * (*count)++, item, len + 1);
    }
    return true;
}

static bool any_name(const char *name)
{
    return name[0] != '\0';
}

static bool read_model(struct reading *r, const struct alias_list *aliases, char model[MODEL_NAME_MAX])
{
    char asked[QUERY_VALUE_MAX];
    if (!read_text(r, "model", "the name of a model, at most 127 bytes", asked, sizeof(asked)))
        return false;
    if (asked[0] != '\0')
        model_name(aliases, asked, model);
    return true;
}

bool best_query_read(const char *query, size_t len, const struct alias_list *aliases, struct policy_request *request,
                     char error[BEST_QUERY_ERROR_MAX])
{
    struct reading r = {query, len, error};
    double n;
    *request = (struct policy_request){.n = 0};
    if (!read_text(&r, "policy", "the name of a policy", request->policy, sizeof(request->policy)) ||
        !read_model(&r, aliases, request->model) ||
        !read_list(&r, "require", "at most 8 features such as streaming,tools: a-z, 0-9 and _", feature_is_sound,
                   request->require[0], sizeof(request->require[0]), REQUIRE_MAX, &request->require_count) ||
        !read_list(&r, "exclude", "at most 64 names of providers, with commas", any_name, request->exclude[0],
                   sizeof(request->exclude[0]), EXCLUDE_MAX, &request->exclude_count) ||
        !read_number(&r, "max_latency_ms", "milliseconds, above 0 and up to 600000", 1e-3, LATENCY_MAX_MS,
                     &request->max_latency_ms) ||
        !read_number(&r, "n", "a whole number from 1 to 100000", 1, ALL_MAX, &n) ||
        !read_flag(&r, "key", &request->key) || !read_flag(&r, "any", &request->any))
        return false;
    if (n != floor(n))
        return refuse(&r, "n", "a whole number from 1 to 100000", "a fraction");
    request->n = (size_t)n;
    return true;
}
