#include "asked.h"

#include "value.h"

#include <string.h>

const char *asked_parameter(h2o_req_t *req, const char *name)
{
    size_t name_len = strlen(name);
    const char *at = req->query_at != SIZE_MAX ? req->path.base + req->query_at + 1 : NULL;
    const char *end = req->path.base + req->path.len;
    while (at != NULL && at < end) {
        const char *field_end = memchr(at, '&', (size_t)(end - at));
        size_t len = (size_t)((field_end != NULL ? field_end : end) - at);
        if (len > name_len && memcmp(at, name, name_len) == 0 && at[name_len] == '=')
            return h2o_strdup(&req->pool, at + name_len + 1, len - name_len - 1).base;
        at = field_end != NULL ? field_end + 1 : NULL;
    }
    return NULL;
}

bool asked_endpoint_ends(const struct call *call, const char *end)
{
    size_t len = strlen(end);
    return call->endpoint.len > len && memcmp(call->endpoint.base + call->endpoint.len - len, end, len) == 0;
}

/* The path's part between `before` and `after` (or the end), percent-decoded. */
static h2o_iovec_t name_in_path(const struct call *call, const char *before, const char *after)
{
    h2o_iovec_t path = call->endpoint;
    size_t at = h2o_strstr(path.base, path.len, before, strlen(before));
    if (at == SIZE_MAX)
        return h2o_iovec_init(H2O_STRLIT(""));
    at += strlen(before);
    size_t len = h2o_strstr(path.base + at, path.len - at, after, strlen(after));
    return h2o_strdup(&call->req->pool, path.base + at, len != SIZE_MAX ? len : path.len - at);
}

/* A message's text: a string, or a list of parts with `text` in them. */
static h2o_iovec_t text_of(h2o_req_t *req, const struct value *content)
{
    h2o_iovec_t text = value_text(content);
    if (content == NULL || content->kind != VALUE_ARRAY)
        return text;
    for (const struct value *part = content->first; part != NULL; part = part->next)
        text = h2o_concat(&req->pool, text, value_text(value_member(part, "text")));
    return text;
}

static h2o_iovec_t last_user_message(h2o_req_t *req, const struct value *messages, const char *content_name)
{
    h2o_iovec_t found = h2o_iovec_init(H2O_STRLIT(""));
    for (const struct value *m = messages != NULL ? messages->first : NULL; m != NULL; m = m->next) {
        h2o_iovec_t role = value_text(value_member(m, "role"));
        if (role.len == 0 || h2o_memis(role.base, role.len, H2O_STRLIT("user")))
            found = text_of(req, value_member(m, content_name));
    }
    return found;
}

static long count_of(const struct value *object, const char *name)
{
    double number = value_number(value_member(object, name), -1);
    return number >= 0 && number <= 1e9 ? (long)number : -1;
}

/* Gemini, Vertex and, one level deeper, Code Assist. */
static void read_gemini(const struct call *call, const struct value *body, struct asked *asked)
{
    const struct value *inner = value_member(body, "request");
    asked->model = value_text(value_member(body, "model"));
    if (asked->model.len == 0)
        asked->model = name_in_path(call, "/models/", ":");
    if (inner != NULL)
        body = inner;
    asked->prompt = last_user_message(call->req, value_member(body, "contents"), "parts");
    asked->max_tokens = count_of(value_member(body, "generationConfig"), "maxOutputTokens");
    asked->stream = asked_endpoint_ends(call, ":streamGenerateContent");
    const char *alt = asked_parameter(call->req, "alt");
    asked->as_array = alt == NULL || strcmp(alt, "sse") != 0;
}

struct asked asked_read(const struct call *call, enum tongue tongue)
{
    char error[VALUE_ERROR_MAX];
    struct asked asked = {.max_tokens = -1};
    const struct value *body = value_read(&call->req->pool, call->req->entity, error);
    if (tongue == TONGUE_GEMINI) {
        read_gemini(call, body, &asked);
        return asked;
    }
    asked.model = value_text(value_member(body, "model"));
    asked.prompt = last_user_message(call->req, value_member(body, "messages"), "content");
    asked.stream = value_is_set(value_member(body, "stream"));
    asked.max_tokens = count_of(body, "max_tokens");
    switch (tongue) {
    case TONGUE_OLLAMA:
        asked.stream = value_member(body, "stream") == NULL || asked.stream;
        asked.max_tokens = count_of(value_member(body, "options"), "num_predict");
        break;
    case TONGUE_BEDROCK:
        asked.model = name_in_path(call, "/model/", "/");
        asked.max_tokens = count_of(value_member(body, "inferenceConfig"), "maxTokens");
        break;
    case TONGUE_OPENAI:
        asked.max_tokens_by_its_old_name = asked.max_tokens >= 0;
        if (asked.max_tokens < 0)
            asked.max_tokens = count_of(body, "max_completion_tokens");
        if (asked.model.len == 0)
            asked.model = name_in_path(call, "/deployments/", "/");
        break;
    default:
        break;
    }
    return asked;
}
