#include "serve/best.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "plugin/incumbents.h"
#include "plugin/spread.h"
#include "serve/best_query.h"
#include "serve/render_best.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWERS_MAX = 64,
    QUERY_KEPT_MAX = 1024, /* longer questions are answered anew each time */
    COST_FACTOR = 10,
};

static const uint64_t AGE_MAX_US = 1000000;
static const char JSON_TYPE[] = "application/json";

/* What a question is answered with. */
struct best_answer {
    char *query; /* owned; NULL = free */
    size_t query_len;
    struct policy_request request;
    uint64_t version;
    uint64_t made_us; /* monotonic */
    uint64_t cost_us; /* of the ranking and the rendering */
    uint64_t used;    /* when, in calls */
    struct spread spread;
    struct rendered bodies[SPREAD_MAX];
    char names[SPREAD_MAX][PROVIDER_NAME_MAX]; /* who is named; "" = nobody */
    char tags[SPREAD_MAX][24];
    char named[PROVIDER_NAME_MAX]; /* first; "" = nobody, */
    uint64_t named_since;          /* from this version of the snapshot on; 0 = not known yet */
};

struct best_cache {
    uint64_t calls;
    uint32_t random;
    struct best_answer answers[ANSWERS_MAX];
};

struct best_cache *best_cache_new(void)
{
    struct best_cache *cache = calloc(1, sizeof(*cache));
    if (cache != NULL)
        cache->random = (uint32_t)clock_monotonic_us() | 1;
    return cache;
}

static void forget_bodies(struct best_answer *answer)
{
    for (size_t i = 0; i < SPREAD_MAX; ++i)
        rendered_forget(&answer->bodies[i]);
    answer->made_us = 0;
}

static void forget_answer(struct best_answer *answer)
{
    forget_bodies(answer);
    free(answer->query);
    answer->query = NULL;
}

void best_cache_forget(struct best_cache *cache)
{
    for (size_t i = 0; i < ANSWERS_MAX; ++i)
        forget_answer(&cache->answers[i]);
}

void best_cache_free(struct best_cache *cache)
{
    if (cache != NULL)
        best_cache_forget(cache);
    free(cache);
}

/* -- making an answer -- */

/* An answer may look at the clock, so it is tagged by its bytes too, not by the version alone. */
static void tag_answer(const struct buf *body, char tag[24])
{
    snprintf(tag, 24, "best-%016" PRIx64, hash_bytes(HASH_BEGIN, body->bytes, body->len));
}

static bool render_heads(struct best_answer *answer, const struct snapshot *snapshot,
                         const struct policy_result *result, int64_t now_us)
{
    size_t heads = answer->spread.count != 0 ? answer->spread.count : 1;
    for (size_t i = 0; i < heads; ++i) {
        struct buf body = BUF_EMPTY;
        const struct ranking *ranking = result->ranking;
        render_best(&body, snapshot, &answer->request, result, &answer->spread, i, now_us);
        bool whole = buf_ok(&body);
        if (whole) {
            tag_answer(&body, answer->tags[i]);
            rendered_set(&answer->bodies[i], buf_text(&body), body.len);
            const char *name =
                ranking->ranked != 0 ? ranking->rows[answer->spread.heads[i].row].candidate->view->name : "";
            snprintf(answer->names[i], sizeof(answer->names[i]), "%s", name);
        }
        buf_dispose(&body);
        if (!whole)
            return false;
    }
    return true;
}

/* Tells of another best one, where it is the answer to the plain question. The first thread looks at least once a
 * second, and alone tells: so nothing is told twice. */
static void tell_best(struct http_thread *thread, const char *now, const char *reason)
{
    char before[PROVIDER_NAME_MAX];
    struct server *server = thread->server;
    if (thread != &server->threads[0] || (server->best_known && strcmp(server->best_told, now) == 0))
        return;
    bool known = server->best_known;
    memcpy(before, server->best_told, sizeof(before));
    snprintf(server->best_told, sizeof(server->best_told), "%s", now);
    server->best_known = true;
    if (known && server->hooks.best_changed != NULL)
        server->hooks.best_changed(server->hooks.user, before, now, reason);
}

static void note_best(struct http_thread *thread, struct best_answer *answer, const struct policy_result *result)
{
    char before[PROVIDER_NAME_MAX];
    const struct ranking *ranking = result->ranking;
    const char *now = ranking->ranked != 0 ? ranking->rows[0].candidate->view->name : "";
    incumbents_set(thread->server->incumbents, result->policy, &answer->request, now, before);
    if (answer->named_since == 0 || strcmp(answer->named, now) != 0) {
        snprintf(answer->named, sizeof(answer->named), "%s", now);
        answer->named_since = thread->snapshot->version;
    }
    if (answer->query_len == 0)
        tell_best(thread, now, result->reason);
}

void best_recall(struct http_thread *thread, const char *name)
{
    char before[PROVIDER_NAME_MAX];
    struct server *server = thread->server;
    struct policy_request plain;
    char error[BEST_QUERY_ERROR_MAX];
    if (!best_query_read("", 0, NULL, &plain, error))
        return;
    incumbents_set(server->incumbents, policy_default_name(thread->policy_host), &plain, name, before);
    snprintf(server->best_told, sizeof(server->best_told), "%s", name);
    server->best_known = true;
}

static bool make_answer(struct http_thread *thread, struct best_answer *answer)
{
    char current[PROVIDER_NAME_MAX];
    struct policy_result result;
    const struct snapshot *snapshot = thread->snapshot;
    uint64_t began_us = clock_monotonic_us();
    int64_t now_us = clock_wall_us();
    const char *policy =
        answer->request.policy[0] != '\0' ? answer->request.policy : policy_default_name(thread->policy_host);

    forget_bodies(answer);
    incumbents_get(thread->server->incumbents, policy, &answer->request, current);
    if (!policy_rank(thread->policies, &answer->request, current, snapshot, now_us, &result))
        return false;
    spread_make(&answer->spread, result.ranking);
    if (!render_heads(answer, snapshot, &result, now_us))
        return false;
    note_best(thread, answer, &result);
    answer->version = snapshot->version;
    answer->made_us = clock_monotonic_us();
    answer->cost_us = answer->made_us - began_us;
    return true;
}

static bool is_good(const struct best_answer *answer, const struct snapshot *snapshot)
{
    if (answer->made_us == 0)
        return false;
    uint64_t age_us = clock_monotonic_us() - answer->made_us;
    if (age_us >= AGE_MAX_US)
        return false;
    return answer->version == snapshot->version || age_us < COST_FACTOR * answer->cost_us;
}

/* -- finding it -- */

static struct best_answer *find_answer(struct best_cache *cache, const char *query, size_t len)
{
    for (size_t i = 0; i < ANSWERS_MAX; ++i) {
        struct best_answer *answer = &cache->answers[i];
        if (answer->query != NULL && answer->query_len == len && memcmp(answer->query, query, len) == 0)
            return answer;
    }
    return NULL;
}

/* A free place, or that of the answer used longest ago. */
static struct best_answer *make_place(struct best_cache *cache, const char *query, size_t len)
{
    struct best_answer *place = &cache->answers[0];
    for (size_t i = 0; i < ANSWERS_MAX && place->query != NULL; ++i) {
        struct best_answer *answer = &cache->answers[i];
        if (answer->query == NULL || answer->used < place->used)
            place = answer;
    }
    forget_answer(place);
    place->query = malloc(len + 1);
    if (place->query == NULL)
        return NULL;
    memcpy(place->query, query, len);
    place->query_len = len;
    return place;
}

/* A question that is read, with a place for its answer. NULL when it was refused with `error`. */
static struct best_answer *take_question(struct http_thread *thread, const char *query, size_t len,
                                         char error[BEST_QUERY_ERROR_MAX])
{
    struct policy_request asked;
    if (!best_query_read(query, len, thread->snapshot->aliases, &asked, error))
        return NULL;
    if (!policy_exists(thread->policy_host, asked.policy)) {
        struct buf names = BUF_EMPTY;
        const char *name;
        for (size_t i = 0; (name = policy_name(thread->policy_host, i)) != NULL; ++i)
            buf_printf(&names, "%s%s", i != 0 ? ", " : "", name);
        snprintf(error, BEST_QUERY_ERROR_MAX, "policy: expected one of %.200s; got '%s'", buf_text(&names),
                 asked.policy);
        buf_dispose(&names);
        return NULL;
    }
    struct best_answer *answer = make_place(thread->best, query, len);
    if (answer == NULL)
        snprintf(error, BEST_QUERY_ERROR_MAX, "out of memory");
    else
        answer->request = asked;
    if (answer != NULL)
        answer->named_since = 0;
    return answer;
}

/* The answer to a question, as good as it must be. NULL when the question was refused, or memory ran out, with
 * `error`; `*status` is what to answer then. */
static struct best_answer *answer_to(struct http_thread *thread, const char *query, size_t len, int *status,
                                     char error[BEST_QUERY_ERROR_MAX])
{
    struct best_answer *answer = find_answer(thread->best, query, len);
    *status = 400;
    if (answer == NULL && (answer = take_question(thread, query, len, error)) == NULL)
        return NULL;
    answer->used = ++thread->best->calls;
    if (is_good(answer, thread->snapshot) || make_answer(thread, answer))
        return answer;
    forget_answer(answer);
    *status = 503;
    snprintf(error, BEST_QUERY_ERROR_MAX, "out of memory for the answer");
    return NULL;
}

void handle_best(struct request *request)
{
    char error[BEST_QUERY_ERROR_MAX];
    struct http_thread *thread = request->thread;
    const char *query = request->query_len != 0 ? request->query : "";
    int status;

    if (thread->policies == NULL) {
        reply_error(request, 503, "the policies are not loaded yet");
        return;
    }
    struct best_answer *answer = answer_to(thread, query, request->query_len, &status, error);
    if (answer == NULL) {
        reply_error(request, status, "%s", error);
        return;
    }
    size_t head = spread_pick(&answer->spread, &thread->best->random);
    if (answer->names[head][0] != '\0')
        reply_add_header(request, "x-best-provider", answer->names[head]);
    reply_rendered(request, &answer->bodies[head], answer->tags[head], JSON_TYPE);
    if (request->query_len > QUERY_KEPT_MAX)
        forget_answer(answer);
}

/* A version from before a restart may be ahead of ours. */
bool best_is_news(struct request *request, int64_t version)
{
    char error[BEST_QUERY_ERROR_MAX];
    struct http_thread *thread = request->thread;
    int status;
    if (thread->policies == NULL || (uint64_t)version > thread->snapshot->version)
        return true;
    const struct best_answer *answer =
        answer_to(thread, request->query_len != 0 ? request->query : "", request->query_len, &status, error);
    return answer == NULL || answer->named_since > (uint64_t)version;
}

void best_watch(struct http_thread *thread)
{
    char error[BEST_QUERY_ERROR_MAX];
    int status;
    if (thread->policies != NULL && thread->snapshot != NULL)
        answer_to(thread, "", 0, &status, error);
}

/* -- which there are -- */

void handle_policies(struct request *request)
{
    struct buf body = BUF_EMPTY;
    const struct policy_host *host = request->thread->policy_host;
    const char *name;
    if (host == NULL) {
        reply_error(request, 503, "the policies are not loaded yet");
        return;
    }
    struct json j = json_begin(&body);
    json_object(&j);
    json_member_text(&j, "default", policy_default_name(host));
    json_key(&j, "policies");
    json_array(&j);
    for (size_t i = 0; (name = policy_name(host, i)) != NULL; ++i) {
        json_object(&j);
        json_member_text(&j, "name", name);
        json_member_text(&j, "about", policy_about(host, i));
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    reply_json(request, 200, &body);
}
