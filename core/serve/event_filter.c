#include "serve/event_filter.h"

#include "serve/query.h"

#include <stdio.h>
#include <string.h>

static bool refuse_kind(const char *name, char *error, size_t error_size)
{
    size_t len = (size_t)snprintf(error, error_size, "kind: expected some of ");
    for (int i = 0; i < EVENT_KINDS && len < error_size; ++i)
        len += (size_t)snprintf(error + len, error_size - len, "%s%s", i != 0 ? ", " : "",
                                event_kind_name((enum event_kind)i));
    if (len < error_size)
        snprintf(error + len, error_size - len, "; got '%.64s'", name);
    return false;
}

/* "" when it is absent. */
static bool read_list(const struct request *request, const char *name, char *text, size_t size, char *error,
                      size_t error_size)
{
    enum query_result result = query_get_long(request->query, request->query_len, name, text, size);
    if (result != QUERY_FOUND)
        text[0] = '\0';
    if (result == QUERY_MALFORMED)
        snprintf(error, error_size, "%s: a malformed or overlong value (at most %zu bytes)", name, size - 1);
    return result != QUERY_MALFORMED;
}

bool event_filter_parse(const struct request *request, struct event_filter *filter, char *error, size_t error_size)
{
    char text[EVENT_FILTER_NAMES_MAX - 1], *rest = NULL;
    enum event_kind kind;

    *filter = (struct event_filter){.kinds = 0};
    if (!read_list(request, "kind", text, sizeof(text), error, error_size))
        return false;
    for (char *name = strtok_r(text, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        if (!event_kind_parse(name, &kind))
            return refuse_kind(name, error, error_size);
        filter->kinds |= UINT32_C(1) << kind;
    }
    if (filter->kinds == 0)
        filter->kinds = UINT32_MAX;
    if (!read_list(request, "provider", text, sizeof(text), error, error_size))
        return false;
    char *at = filter->names; /* as long as the text, with each comma a NUL */
    for (char *name = strtok_r(text, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        strcpy(at, name);
        at += strlen(name) + 1;
    }
    return true;
}

bool event_filter_read(struct request *request, struct event_filter *filter)
{
    char error[EVENT_FILTER_ERROR_MAX];
    bool sound = event_filter_parse(request, filter, error, sizeof(error));
    if (!sound)
        reply_error(request, 400, "%s", error);
    return sound;
}

bool event_filter_passes(const struct event_filter *filter, const struct event *event)
{
    if ((filter->kinds & UINT32_C(1) << event->kind) == 0)
        return false;
    if (filter->names[0] == '\0')
        return true;
    for (const char *name = filter->names; *name != '\0'; name += strlen(name) + 1) {
        if (strcmp(name, event->provider) == 0)
            return true;
    }
    return false;
}
