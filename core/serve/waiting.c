#include "serve/waiting.h"

#include "base/duration.h"
#include "serve/span.h"

#include <string.h>

enum { WAIT_MAX_MS = 5 * 60 * 1000 };

static const int64_t SEEN_MAX = INT64_C(999999999999999);

struct waiter {
    h2o_linklist_t link; /* of the thread's waiters; unlinked when it is answered */
    struct request request;
    int64_t seen;      /* the version or id that the client has */
    uint64_t until_ms; /* of the loop's clock */
};

static void answer(struct waiter *waiter)
{
    struct request *request = &waiter->request;
    h2o_linklist_unlink(&waiter->link);
    request->snapshot = request->thread->snapshot;
    request->match.route->handle(request);
}

/* The request is over: the pool's shared object is disposed of. */
static void on_request_gone(void *memory)
{
    struct waiter *waiter = memory;
    if (h2o_linklist_is_linked(&waiter->link))
        h2o_linklist_unlink(&waiter->link);
}

/* -- beginning -- */

/* The query without some of its parameters, in the request's pool. */
static void drop_parameters(struct request *request, const char *const *names, size_t count)
{
    char *kept = h2o_mem_alloc_pool(&request->req->pool, request->query_len + 1);
    size_t len = 0;
    for (const char *at = request->query, *end = at + request->query_len; at < end;) {
        const char *pair_end = memchr(at, '&', (size_t)(end - at));
        size_t pair_len = (size_t)((pair_end != NULL ? pair_end : end) - at);
        bool dropped = false;
        for (size_t i = 0; i < count && !dropped; ++i) {
            size_t name_len = strlen(names[i]);
            dropped = pair_len > name_len && memcmp(at, names[i], name_len) == 0 && at[name_len] == '=';
        }
        if (!dropped) {
            if (len != 0)
                kept[len++] = '&';
            memcpy(kept + len, at, pair_len);
            len += pair_len;
        }
        at += pair_len + 1;
    }
    request->query = kept;
    request->query_len = len;
}

/* `ms` -1 = it does not want to wait. False when it was refused and answered. */
static bool read_wait(struct request *request, int64_t *ms)
{
    char text[32];
    bool found;
    *ms = -1;
    if (request->query_len == 0)
        return true;
    if (!span_read_text(request, "wait", text, sizeof(text), &found))
        return false;
    if (!found || (duration_parse_ms(text, strlen(text), ms) == 0 && *ms <= WAIT_MAX_MS))
        return true;
    reply_error(request, 400, "wait: expected a duration of at most 5m, such as 30s; got '%s'", text);
    return false;
}

bool waiting_begin(struct request *request)
{
    static const char *const dropped[] = {"wait", "version"};
    const struct route *route = request->match.route;
    struct http_thread *thread = request->thread;
    int64_t wait_ms, seen;

    if (!read_wait(request, &wait_ms))
        return false;
    if (wait_ms < 0)
        return true;
    if (!span_read_number(request, route->waits_by, 0, SEEN_MAX, -1, &seen))
        return false;
    if (seen < 0) {
        reply_error(request, 400, "wait: needs %s, which is in each answer: until there is a newer one",
                    route->waits_by);
        return false;
    }
    drop_parameters(request, dropped, strcmp(route->waits_by, "version") == 0 ? 2 : 1);
    if (thread->stopping || wait_ms == 0 || route->is_news(request, seen))
        return true;
    struct waiter *waiter = h2o_mem_alloc_shared(&request->req->pool, sizeof(*waiter), on_request_gone);
    *waiter = (struct waiter){
        .request = *request,
        .seen = seen,
        .until_ms = h2o_now(thread->ctx.loop) + (uint64_t)wait_ms,
    };
    h2o_linklist_insert(&thread->waiting, &waiter->link);
    http_thread_tick_soon(thread);
    return false;
}

/* -- ending -- */

void waiting_look(struct http_thread *thread)
{
    for (h2o_linklist_t *link = thread->waiting.next, *next = link->next; link != &thread->waiting;
         link = next, next = link->next) {
        struct waiter *waiter = H2O_STRUCT_FROM_MEMBER(struct waiter, link, link);
        waiter->request.snapshot = thread->snapshot;
        if (waiter->request.match.route->is_news(&waiter->request, waiter->seen))
            answer(waiter);
    }
}

/* What is new may have been passed over by an answer that is not made anew for each snapshot (best.h). */
void waiting_tick(struct http_thread *thread)
{
    waiting_look(thread);
    uint64_t now_ms = h2o_now(thread->ctx.loop);
    for (h2o_linklist_t *link = thread->waiting.next, *next = link->next; link != &thread->waiting;
         link = next, next = link->next) {
        struct waiter *waiter = H2O_STRUCT_FROM_MEMBER(struct waiter, link, link);
        if (thread->stopping || now_ms >= waiter->until_ms)
            answer(waiter);
    }
}
