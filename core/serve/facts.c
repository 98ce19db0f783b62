/* facts: what errors mean, who serves which model, and the last exchange that failed. */
#include "base/hash.h"
#include "base/json.h"
#include "health/aliases.h"
#include "serve/handlers.h"
#include "serve/query.h"
#include "serve/render_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char JSON_TYPE[] = "application/json";

/* -- kinds of errors -- */

static void write_kind(struct json *j, const struct error_kind *kind)
{
    char ask[KIND_ASK_MAX];
    kind_ask_format(kind, ask);
    json_key(j, kind->name);
    json_object(j);
    json_key(j, "scope");
    json_text(j, kind_scope_name(kind->scope));
    json_key(j, "effect");
    json_text(j, kind_effect_name(kind->effect));
    json_key(j, "clears");
    json_text(j, kind->clears);
    json_key(j, "ask");
    json_text(j, ask);
    json_key(j, "about");
    json_text(j, kind->about);
    json_end(j);
}

static bool same_kind(const struct error_kind *a, const struct error_kind *b)
{
    return a->scope == b->scope && a->effect == b->effect && a->ask == b->ask && a->ask_ms == b->ask_ms &&
           strcmp(a->clears, b->clears) == 0 && strcmp(a->about, b->about) == 0;
}

/* The kinds of a provider that are not as everybody's. */
static void write_own_kinds(struct json *j, const struct provider_view *view, const struct kind_table *common)
{
    json_key(j, view->name);
    json_object(j);
    for (size_t i = 0; i < view->kinds->count; ++i) {
        const struct error_kind *own = &view->kinds->kinds[i], *other = kind_find(common, own->name);
        if (other == NULL || !same_kind(own, other))
            write_kind(j, own);
    }
    json_end(j);
}

void handle_error_kinds(struct request *request)
{
    const struct snapshot *snapshot = request->snapshot;
    struct buf body = BUF_EMPTY;
    struct json j = json_begin(&body);
    json_object(&j);
    json_key(&j, "kinds");
    json_object(&j);
    for (size_t i = 0; snapshot->kinds != NULL && i < snapshot->kinds->count; ++i)
        write_kind(&j, &snapshot->kinds->kinds[i]);
    json_end(&j);
    json_key(&j, "providers");
    json_object(&j);
    for (size_t i = 0; i < snapshot->count; ++i) {
        if (snapshot->providers[i]->kinds != NULL)
            write_own_kinds(&j, snapshot->providers[i], snapshot->kinds);
    }
    json_end(&j);
    json_end(&j);
    reply_tagged(request, "kinds", JSON_TYPE, &body);
}

/* -- models -- */

/* A model at a provider. */
struct offer {
    char name[MODEL_NAME_MAX]; /* by which it is known across providers */
    const struct provider_view *provider;
    const struct model *model;
};

struct offers {
    struct offer *list;
    size_t count;
};

static int status_rank(enum health_status status)
{
    static const int ranks[] = {[HEALTH_HEALTHY] = 0, [HEALTH_DEGRADED] = 1, [HEALTH_UNKNOWN] = 2, [HEALTH_DOWN] = 3};
    return ranks[status];
}

/* By name; then healthy first, then the better score, then by provider and id. */
static int by_merit(const void *a, const void *b)
{
    const struct offer *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order == 0)
        order = status_rank(x->provider->status) - status_rank(y->provider->status);
    if (order == 0 && x->provider->score != y->provider->score)
        order = x->provider->score > y->provider->score ? -1 : 1;
    if (order == 0)
        order = strcmp(x->provider->name, y->provider->name);
    return order != 0 ? order : strcmp(x->model->id, y->model->id);
}

/* Every model known by `wanted`, or all when that is NULL. False when memory ran out. */
static bool collect(const struct snapshot *snapshot, const char *wanted, struct offers *offers)
{
    size_t capacity = 0;
    for (size_t i = 0; i < snapshot->count; ++i) {
        const struct model_list *models = snapshot->providers[i]->models;
        for (size_t k = 0; models != NULL && k < models->count; ++k) {
            struct offer offer = {.provider = snapshot->providers[i], .model = &models->models[k]};
            model_name(snapshot->aliases, offer.model->id, offer.name);
            if (wanted != NULL && strcmp(wanted, offer.name) != 0)
                continue;
            if (offers->count == capacity) {
                capacity = capacity != 0 ? 2 * capacity : 64;
                struct offer *grown = realloc(offers->list, capacity * sizeof(*grown));
                if (grown == NULL)
                    return false;
                offers->list = grown;
            }
            offers->list[offers->count++] = offer;
        }
    }
    if (offers->count != 0)
        qsort(offers->list, offers->count, sizeof(*offers->list), by_merit);
    return true;
}

static void write_offer(struct json *j, const struct offer *offer)
{
    const struct provider_view *provider = offer->provider;
    json_object(j);
    json_key(j, "provider");
    json_text(j, provider->name);
    json_key(j, "id");
    json_text(j, offer->model->id);
    json_key(j, "status");
    json_text(j, health_status_name(provider->status));
    json_key(j, "response_time_ms");
    json_double(j, provider->lead->response_time_ms);
    json_key(j, "score");
    json_double(j, provider->score);
    json_key(j, "context");
    if (offer->model->context != 0)
        json_int(j, offer->model->context);
    else
        json_null(j);
    json_key(j, "price");
    if (offer->model->price >= 0)
        json_double(j, offer->model->price);
    else
        json_null(j);
    write_features(j, provider->models, offer->model);
    json_key(j, "deprecated");
    json_bool(j, offer->model->deprecated);
    json_end(j);
}

static void write_one_model(struct json *j, const char *name, const struct offers *offers)
{
    json_object(j);
    json_key(j, "model");
    json_text(j, name);
    json_key(j, "providers");
    json_array(j);
    for (size_t i = 0; i < offers->count; ++i)
        write_offer(j, &offers->list[i]);
    json_end(j);
    json_end(j);
}

static void write_all_models(struct json *j, const struct offers *offers)
{
    json_object(j);
    json_key(j, "models");
    json_object(j);
    for (size_t i = 0; i < offers->count; ++i) {
        if (i == 0 || strcmp(offers->list[i - 1].name, offers->list[i].name) != 0) {
            if (i != 0)
                json_end(j);
            json_key(j, offers->list[i].name);
            json_array(j);
        }
        write_offer(j, &offers->list[i]);
    }
    if (offers->count != 0)
        json_end(j);
    json_end(j);
    json_end(j);
}

void handle_models(struct request *request)
{
    char asked[QUERY_VALUE_MAX], name[MODEL_NAME_MAX], tag[32] = "models";
    struct offers offers = {NULL, 0};
    enum query_result found = query_get(request->query, request->query_len, "model", asked);

    if (found == QUERY_MALFORMED || (found == QUERY_FOUND && asked[0] == '\0')) {
        reply_error(request, 400, "model: expected the name of a model, at most %d bytes", QUERY_VALUE_MAX - 1);
        return;
    }
    if (found == QUERY_FOUND) {
        model_name(request->snapshot->aliases, asked, name);
        snprintf(tag, sizeof(tag), "model-%016" PRIx64, hash_bytes(HASH_BEGIN, name, strlen(name)));
    }
    if (!collect(request->snapshot, found == QUERY_FOUND ? name : NULL, &offers)) {
        free(offers.list);
        reply_error(request, 500, "out of memory");
        return;
    }
    struct buf body = BUF_EMPTY;
    struct json j = json_begin(&body);
    if (found == QUERY_FOUND)
        write_one_model(&j, name, &offers);
    else
        write_all_models(&j, &offers);
    free(offers.list);
    reply_tagged(request, tag, JSON_TYPE, &body);
}

/* -- the last failed exchange -- */

/* Of a key of the provider: ?key=2; without it, the latest of all. */
static const struct key_view *failed_key(struct request *request, const struct provider_view *view)
{
    char value[QUERY_VALUE_MAX];
    enum query_result found = query_get(request->query, request->query_len, "key", value);
    if (found == QUERY_ABSENT) {
        const struct key_view *latest = view->lead;
        for (size_t i = 0; i < view->key_count; ++i) {
            if (view->keys[i]->last_failure_us > latest->last_failure_us)
                latest = view->keys[i];
        }
        return latest;
    }
    if (view->lead->number == 0) {
        reply_error(request, 400, "key: '%s' is asked without a key", view->name);
        return NULL;
    }
    char *end = value;
    unsigned long number = found == QUERY_FOUND ? strtoul(value, &end, 10) : 0;
    if (found == QUERY_FOUND && *end == '\0' && end != value) {
        if (number == view->lead->number)
            return view->lead;
        for (size_t i = 0; i < view->key_count; ++i) {
            if (view->keys[i]->number == number)
                return view->keys[i];
        }
    }
    reply_error(request, 400, "key: expected the number of one of the keys of '%s', 1 to %zu", view->name,
                view->key_count != 0 ? view->key_count : 1);
    return NULL;
}

void handle_last_failure(struct request *request)
{
    const struct provider_view *view = named_provider(request);
    const struct key_view *key = view != NULL ? failed_key(request, view) : NULL;
    struct buf body = BUF_EMPTY;
    if (key == NULL)
        return;
    if (key->last_failure == NULL) {
        reply_error(request, 404, "No check of '%s' has failed since the start", view->name);
        return;
    }
    struct json j = json_begin(&body);
    json_object(&j);
    json_key(&j, "provider_name");
    json_text(&j, view->name);
    json_key(&j, "key");
    if (key->number != 0)
        json_uint(&j, key->number);
    else
        json_null(&j);
    write_time_or_null(&j, "failed", key->last_failure_us);
    json_key(&j, "kind");
    json_text(&j, key->last_failure_kind);
    json_key(&j, "exchange");
    json_raw(&j, key->last_failure->bytes, key->last_failure->len);
    json_end(&j);
    reply_json(request, 200, &body);
}

/* -- alerts -- */

void handle_alerts(struct request *request)
{
    const struct shared_text *alerts = request->thread->alerts;
    struct buf body = BUF_EMPTY;
    if (alerts == NULL)
        buf_append_text(&body, "{\"alerts\":[],\"plugins\":[]}");
    else
        buf_append(&body, alerts->bytes, alerts->len);
    reply_json(request, 200, &body);
}

void handle_alert_test(struct request *request)
{
    struct buf wanted = BUF_EMPTY, body = BUF_EMPTY;
    const struct shared_text *alerts = request->thread->alerts;
    const char *name = request->match.parameter;
    struct json j = json_begin(&wanted);
    json_object(&j);
    json_member_text(&j, "name", name);
    /* {"name":"oncall" is how its entry begins */
    bool known =
        alerts != NULL && buf_ok(&wanted) && memmem(alerts->bytes, alerts->len, wanted.bytes, wanted.len) != NULL;
    buf_dispose(&wanted);
    if (!known) {
        reply_error(request, 404, "there is no alert '%s'", name);
        return;
    }
    request->server->hooks.test_alert(request->server->hooks.user, name);
    j = json_begin(&body);
    json_object(&j);
    json_member_text(&j, "testing", name);
    json_end(&j);
    reply_json(request, 202, &body);
}
