#include "answers.h"

#include "value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct told_answer {
    h2o_mem_pool_t pool; /* of everything below */
    struct told_answer *next;
    struct answer answer;
    h2o_iovec_t path, method; /* .len 0: any */
    uint64_t left;            /* how many times more; UINT64_MAX: always */
};

static void told_dispose(void *memory)
{
    struct told_answer *told = memory;
    h2o_mem_clear_pool(&told->pool);
}

static struct told_answer *told_new(void)
{
    struct told_answer *told = h2o_mem_alloc_shared(NULL, sizeof(*told), told_dispose);
    memset(told, 0, sizeof(*told));
    h2o_mem_init_pool(&told->pool);
    return told;
}

/* The value as a line of text that may stand in a header: a string or a number. NULL when it is neither. */
static const char *line_of(struct told_answer *told, const struct value *value)
{
    h2o_iovec_t text = value->kind == VALUE_TEXT ? value->text : value->raw;
    if (value->kind != VALUE_TEXT && value->kind != VALUE_NUMBER)
        return NULL;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.base[i] < 0x20 && text.base[i] != '\t')
            return NULL;
    return h2o_strdup(&told->pool, text.base, text.len).base;
}

static bool read_headers(struct told_answer *told, const struct value *headers, char error[TEACHING_ERROR_MAX])
{
    static const char *const framing[] = {"content-length", "transfer-encoding", "connection"};
    size_t count = 0;
    for (const struct value *v = headers->first; v != NULL; v = v->next)
        count++;
    struct header_line *lines = h2o_mem_alloc_pool(&told->pool, (count + 1) * sizeof(*lines));
    told->answer.headers = lines;
    for (const struct value *v = headers->first; v != NULL; v = v->next) {
        const char *text = line_of(told, v);
        if (text == NULL || v->name.len == 0 || strpbrk(v->name.base, " \t\r\n:") != NULL) {
            snprintf(error, TEACHING_ERROR_MAX, "header \"%.60s\": expected a name and a line of text", v->name.base);
            return false;
        }
        for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
            if (strcasecmp(v->name.base, framing[i]) == 0) {
                snprintf(error, TEACHING_ERROR_MAX, "header \"%s\" is the server's to set", framing[i]);
                return false;
            }
        if (strcasecmp(v->name.base, "content-type") == 0)
            told->answer.content_type = text;
        else if (strcasecmp(v->name.base, "date") == 0)
            told->answer.date = text;
        else
            lines[told->answer.header_count++] = (struct header_line){v->name.base, text};
    }
    if (told->answer.date != NULL && strlen(told->answer.date) > H2O_TIMESTR_RFC1123_LEN) {
        snprintf(error, TEACHING_ERROR_MAX, "header \"date\": expected at most %zu bytes, as an HTTP date has",
                 H2O_TIMESTR_RFC1123_LEN);
        return false;
    }
    return true;
}

/* A string is sent as its bytes; anything else as the JSON that was written. */
static void read_body(struct told_answer *told, const struct value *body)
{
    bool is_text = body->kind == VALUE_TEXT;
    told->answer.body = is_text ? body->text : body->raw;
    if (told->answer.content_type == NULL && told->answer.body.len != 0)
        told->answer.content_type = is_text ? "text/plain" : "application/json";
}

static bool read_told(struct told_answer *told, const struct value *json, char error[TEACHING_ERROR_MAX])
{
    static const char *const known[] = {"status", "headers", "body", "path", "method", "times"};
    const struct value *headers = value_member(json, "headers"), *body = value_member(json, "body");
    double status = value_number(value_member(json, "status"), 200);
    double times = value_number(value_member(json, "times"), 0);
    if (json->kind != VALUE_OBJECT) {
        snprintf(error, TEACHING_ERROR_MAX, "expected an object, as {\"status\": 429, \"body\": {}}");
        return false;
    }
    for (const struct value *v = json->first; v != NULL; v = v->next) {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], v->name.base) != 0)
            i++;
        if (i == sizeof(known) / sizeof(known[0])) {
            snprintf(error, TEACHING_ERROR_MAX,
                     "unknown field \"%.40s\": there are status, headers, body, path, method and times", v->name.base);
            return false;
        }
    }
    if (!(status >= 200 && status <= 999) || !(times >= 0 && times <= 1e9)) {
        snprintf(error, TEACHING_ERROR_MAX, "expected a status from 200 to 999, and times from 1 on");
        return false;
    }
    told->answer.status = (int)status;
    told->left = times >= 1 ? (uint64_t)times : UINT64_MAX;
    told->path = value_text(value_member(json, "path"));
    told->method = value_text(value_member(json, "method"));
    if (value_is_set(headers) && !read_headers(told, headers, error))
        return false;
    if (body != NULL && body->kind != VALUE_NULL)
        read_body(told, body);
    return true;
}

static bool same(h2o_iovec_t a, h2o_iovec_t b)
{
    return h2o_memis(a.base, a.len, b.base, b.len);
}

/* Nothing older is reached through one that always answers; nor is there room for more than ANSWERS_MAX. */
static void drop_unreachable(struct told_answer *newest)
{
    size_t count = 1;
    struct told_answer **link = &newest->next;
    while (*link != NULL) {
        struct told_answer *told = *link;
        bool hidden =
            newest->left == UINT64_MAX && same(newest->path, told->path) && same(newest->method, told->method);
        if (hidden || count == ANSWERS_MAX) {
            *link = told->next;
            h2o_mem_release_shared(told);
        } else {
            link = &told->next;
            count++;
        }
    }
}

bool answers_add(struct upstream *upstream, h2o_iovec_t json, char error[TEACHING_ERROR_MAX])
{
    struct told_answer *told = told_new();
    char reason[VALUE_ERROR_MAX];
    h2o_iovec_t copy = h2o_strdup(&told->pool, json.base != NULL ? json.base : "", json.len);
    const struct value *value = value_read(&told->pool, copy, reason);
    if (value == NULL)
        snprintf(error, TEACHING_ERROR_MAX, "%s", reason);
    if (value == NULL || !read_told(told, value, error)) {
        h2o_mem_release_shared(told);
        return false;
    }
    told->next = upstream->answers;
    upstream->answers = told;
    drop_unreachable(told);
    return true;
}

void answers_clear(struct upstream *upstream)
{
    while (upstream->answers != NULL) {
        struct told_answer *told = upstream->answers;
        upstream->answers = told->next;
        h2o_mem_release_shared(told);
    }
}

bool answers_find(const struct call *call, struct answer *answer)
{
    h2o_req_t *req = call->req;
    h2o_iovec_t path = req->input.path, method = req->input.method;
    for (struct told_answer *told = call->upstream->answers; told != NULL; told = told->next) {
        if (told->left == 0 || (told->method.len != 0 && !same(told->method, method)) ||
            (told->path.len != 0 && h2o_strstr(path.base, path.len, told->path.base, told->path.len) == SIZE_MAX))
            continue;
        if (told->left != UINT64_MAX)
            told->left--;
        h2o_mem_link_shared(&req->pool, told);
        *answer = told->answer;
        return true;
    }
    return false;
}
