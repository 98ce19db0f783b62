#include "figures.h"

#include "value.h"

#include <stdio.h>
#include <string.h>

struct told_figures {
    h2o_mem_pool_t pool; /* of the texts */
    struct figures figures;
};

static const struct figures usual = {.keepalives = -1, .reasoning_pieces = -1, .role_first = true, .usage = true};

static void told_dispose(void *memory)
{
    struct told_figures *told = memory;
    h2o_mem_clear_pool(&told->pool);
}

/* A field of the JSON and what it may be. */
enum type { TYPE_NUMBER, TYPE_FLAG, TYPE_TEXT };

static const struct field {
    const char *name;
    enum type type;
    double max;
} fields[] = {
    {"first_token_ms", TYPE_NUMBER, 3600000},
    {"tokens_per_second", TYPE_NUMBER, 1000000},
    {"pieces", TYPE_NUMBER, PIECES_MAX},
    {"keepalives", TYPE_NUMBER, 1000},
    {"role_first", TYPE_FLAG, 0},
    {"reasoning_pieces", TYPE_NUMBER, PIECES_MAX},
    {"usage", TYPE_FLAG, 0},
    {"model", TYPE_TEXT, 0},
    {"text", TYPE_TEXT, 0},
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static bool check_field(const struct value *value, char error[TEACHING_ERROR_MAX])
{
    static const char *const expected[] = {"a number from 0 to", "true or false", "a text"};
    const struct field *field = fields;
    while (field < fields + FIELDS && strcmp(field->name, value->name.base) != 0)
        field++;
    if (field == fields + FIELDS) {
        snprintf(error, TEACHING_ERROR_MAX, "unknown field \"%.40s\"; the README has the list", value->name.base);
        return false;
    }
    bool good = value->kind == VALUE_NULL;
    if (field->type == TYPE_NUMBER)
        good = good || (value->kind == VALUE_NUMBER && value->number >= 0 && value->number <= field->max);
    else if (field->type == TYPE_FLAG)
        good = good || value->kind == VALUE_TRUE || value->kind == VALUE_FALSE;
    else
        good = good || value->kind == VALUE_TEXT;
    if (!good && field->type == TYPE_NUMBER)
        snprintf(error, TEACHING_ERROR_MAX, "%s: expected %s %.0f, or null", field->name, expected[0], field->max);
    else if (!good)
        snprintf(error, TEACHING_ERROR_MAX, "%s: expected %s, or null", field->name, expected[field->type]);
    return good;
}

static bool flag(const struct value *json, const char *name, bool fallback)
{
    const struct value *value = value_member(json, name);
    return value == NULL || value->kind == VALUE_NULL ? fallback : value->kind == VALUE_TRUE;
}

static bool read_figures(struct figures *out, const struct value *json, char error[TEACHING_ERROR_MAX])
{
    if (json->kind != VALUE_OBJECT) {
        snprintf(error, TEACHING_ERROR_MAX, "expected an object, as {\"first_token_ms\": 200}");
        return false;
    }
    for (const struct value *v = json->first; v != NULL; v = v->next)
        if (!check_field(v, error))
            return false;
    *out = (struct figures){
        .first_token_us = (uint64_t)(value_number(value_member(json, "first_token_ms"), 0) * 1000),
        .tokens_per_second = value_number(value_member(json, "tokens_per_second"), 0),
        .pieces = (unsigned)value_number(value_member(json, "pieces"), 0),
        .keepalives = (int)value_number(value_member(json, "keepalives"), usual.keepalives),
        .reasoning_pieces = (int)value_number(value_member(json, "reasoning_pieces"), usual.reasoning_pieces),
        .role_first = flag(json, "role_first", usual.role_first),
        .usage = flag(json, "usage", usual.usage),
    };
    if (value_is_set(value_member(json, "model")))
        out->model = value_text(value_member(json, "model"));
    if (value_is_set(value_member(json, "text")))
        out->text = value_text(value_member(json, "text"));
    return true;
}

bool figures_set(struct upstream *upstream, h2o_iovec_t json, char error[TEACHING_ERROR_MAX])
{
    struct told_figures *told = h2o_mem_alloc_shared(NULL, sizeof(*told), told_dispose);
    char reason[VALUE_ERROR_MAX];
    h2o_mem_init_pool(&told->pool);
    const struct value *value = value_read(&told->pool, json, reason);
    if (value == NULL)
        snprintf(error, TEACHING_ERROR_MAX, "%s", reason);
    if (value == NULL || !read_figures(&told->figures, value, error)) {
        h2o_mem_release_shared(told);
        return false;
    }
    figures_clear(upstream);
    upstream->figures = told;
    return true;
}

void figures_clear(struct upstream *upstream)
{
    if (upstream->figures != NULL)
        h2o_mem_release_shared(upstream->figures);
    upstream->figures = NULL;
}

const struct figures *figures_of(const struct upstream *upstream, h2o_req_t *req)
{
    if (upstream->figures == NULL)
        return &usual;
    h2o_mem_link_shared(&req->pool, upstream->figures);
    return &upstream->figures->figures;
}

uint64_t figures_due_us(const struct figures *figures, size_t number)
{
    double each_us = figures->tokens_per_second > 0 ? 1e6 / figures->tokens_per_second : 0;
    return figures->first_token_us + (uint64_t)((double)number * each_us);
}
