/* cooldowns: who is not to be asked now, why, and until when: keys, providers and models, as checks, deep probes and
 * the reports of clients found them wanting. */
#include "base/clock.h"
#include "base/json.h"
#include "health/recovery.h"
#include "health/stats_view.h"
#include "serve/handlers.h"
#include "serve/render_view.h"

struct cooldown {
    const struct provider_view *view;
    const char *source;         /* "check", "deep_probe" or "reports" */
    const struct key_view *key; /* NULL = it is a model, or the provider by what was reported */
    unsigned key_number;        /* of a reported one without a view; 0 = none */
    const struct error_kind *kind;
    const char *kind_name;
    const char *message;
    const char *model; /* NULL = it is a key or the provider */
    int64_t since_us;  /* 0 = not known */
    int64_t until_us;  /* as told; 0 = not told */
    int64_t next_check_us;
};

/* Who is meant: a kind says whom it concerns; a provider that is asked with one key has no other. */
static const char *scope_of(const struct cooldown *cooldown)
{
    if (cooldown->model != NULL)
        return "model";
    if (cooldown->key == NULL || cooldown->key->number == 0)
        return cooldown->key_number != 0 ? "key" : "provider";
    bool is_said = cooldown->kind != NULL && cooldown->kind->scope != SCOPE_MODEL; /* of which it is not known */
    return is_said ? kind_scope_name(cooldown->kind->scope) : "key";
}

static void write_cooldown(struct json *j, const struct cooldown *cooldown, int64_t expected_us, int64_t now_us)
{
    json_object(j);
    json_member_text(j, "provider", cooldown->view->name);
    json_member_text(j, "scope", scope_of(cooldown));
    json_key(j, "key");
    if (cooldown->key != NULL && cooldown->key->number != 0)
        json_uint(j, cooldown->key->number);
    else if (cooldown->key_number != 0)
        json_uint(j, cooldown->key_number);
    else
        json_null(j);
    json_member_text_or_null(j, "key_hint", cooldown->key != NULL ? cooldown->key->hint : "");
    json_key(j, "model");
    json_text(j, cooldown->model);
    json_member_text(j, "reason", cooldown->kind_name);
    json_member_text(j, "message", cooldown->message);
    json_member_text(j, "source", cooldown->source);
    write_time_or_null(j, "since", cooldown->since_us);
    write_time_or_null(j, "until", cooldown->until_us > now_us ? cooldown->until_us : 0);
    write_time_or_null(j, "expected_back", expected_us);
    write_time_or_null(j, "next_check", cooldown->next_check_us);
    json_member_text_or_null(j, "ends", cooldown->kind != NULL ? cooldown->kind->clears : "");
    json_end(j);
}

/* What cools is what failed, or was refused, the last time; what taught nothing does not. */
static bool key_cools(const struct key_view *key, const struct error_kind *kind)
{
    return (key->status == HEALTH_DEGRADED || key->status == HEALTH_DOWN) && key->error_kind[0] != '\0' &&
           (kind == NULL || kind->effect != EFFECT_NONE);
}

static void write_key(struct json *j, const struct snapshot *snapshot, const struct provider_view *view,
                      const struct key_view *key, int64_t now_us)
{
    const struct kind_table *kinds = view->kinds != NULL ? view->kinds : snapshot->kinds;
    const struct error_kind *kind = kinds != NULL ? kind_find(kinds, key->error_kind) : NULL;
    const struct stats_view *stats = key->stats != NULL ? key->stats : view->key_count == 0 ? view->stats : NULL;
    if (!key_cools(key, kind))
        return;
    struct cooldown cooldown = {
        .view = view,
        .source = "check",
        .key = key,
        .kind = kind,
        .kind_name = key->error_kind,
        .message = key->error_message,
        .since_us = stats != NULL && !stats->streak.up ? stats->streak.since_us : key->last_failure_us,
        .until_us = key->retry_at_us,
        .next_check_us = key->next_check_us,
    };
    write_cooldown(j, &cooldown, key == view->lead ? recovery_expected_us(view, kinds, now_us) : 0, now_us);
}

/* A model that a deep probe asked for in vain. */
static void write_model(struct json *j, const struct snapshot *snapshot, const struct provider_view *view,
                        int64_t now_us)
{
    const struct deep_view *deep = &view->deep;
    const struct kind_table *kinds = view->kinds != NULL ? view->kinds : snapshot->kinds;
    const struct error_kind *kind = kinds != NULL ? kind_find(kinds, deep->error_kind) : NULL;
    if (!deep->enabled || deep->checked_us == 0 || deep->ok || deep->error_kind[0] == '\0' ||
        deep->model_asked[0] == '\0' || (kind != NULL && kind->effect == EFFECT_NONE))
        return;
    struct cooldown cooldown = {
        .view = view,
        .source = "deep_probe",
        .kind = kind,
        .kind_name = deep->error_kind,
        .message = deep->error_message,
        .model = deep->model_asked,
        .since_us = deep->checked_us,
        .next_check_us = deep->next_us,
    };
    write_cooldown(j, &cooldown, 0, now_us);
}

static const struct key_view *key_numbered(const struct provider_view *view, unsigned number)
{
    for (size_t i = 0; i < view->key_count; ++i) {
        if (view->keys[i]->number == number)
            return view->keys[i];
    }
    return view->lead->number == number ? view->lead : NULL;
}

/* What clients reported: keys and models that cool, and the provider when it is ejected. */
static void write_reported(struct json *j, const struct snapshot *snapshot, const struct provider_view *view,
                           int64_t now_us)
{
    const struct traffic_view *traffic = view->traffic;
    const struct kind_table *kinds = view->kinds != NULL ? view->kinds : snapshot->kinds;
    for (size_t i = 0; traffic != NULL && i < traffic->cooling_count; ++i) {
        const struct cooling *cooling = &traffic->coolings[i];
        struct cooldown cooldown = {
            .view = view,
            .source = "reports",
            .key = cooling->key != 0 ? key_numbered(view, cooling->key) : NULL,
            .key_number = cooling->key,
            .kind = kinds != NULL ? kind_find(kinds, cooling->kind) : NULL,
            .kind_name = cooling->kind,
            .message = cooling->told ? "until then, as the provider told a client" : "a client's call; no end was told",
            .model = cooling->model[0] != '\0' ? cooling->model : NULL,
            .since_us = cooling->since_us,
            .until_us = cooling->until_us,
        };
        if (cooling->until_us > now_us)
            write_cooldown(j, &cooldown, cooling->until_us, now_us);
    }
    if (traffic == NULL || traffic->ejected_since_us == 0)
        return;
    struct cooldown ejected = {
        .view = view,
        .source = "reports",
        .kind = kinds != NULL ? kind_find(kinds, traffic->kind) : NULL,
        .kind_name = traffic->kind,
        .message = view->error_message,
        .since_us = traffic->ejected_since_us,
        .until_us = traffic->ejected_until_us,
        .next_check_us = view->lead->next_check_us,
    };
    write_cooldown(j, &ejected, traffic->ejected_until_us, now_us);
}

void handle_cooldowns(struct request *request)
{
    const struct snapshot *snapshot = request->snapshot;
    struct buf body = BUF_EMPTY;
    struct json j = json_begin(&body);
    int64_t now_us = clock_wall_us();
    json_object(&j);
    json_key(&j, "cooldowns");
    json_array(&j);
    for (size_t i = 0; i < snapshot->count; ++i) {
        const struct provider_view *view = snapshot->providers[i];
        for (size_t k = 0; k < view->key_count; ++k)
            write_key(&j, snapshot, view, view->keys[k], now_us);
        if (view->key_count == 0)
            write_key(&j, snapshot, view, view->lead, now_us);
        write_model(&j, snapshot, view, now_us);
        write_reported(&j, snapshot, view, now_us);
    }
    json_end(&j);
    json_key(&j, "version");
    json_uint(&j, snapshot->version);
    json_end(&j);
    reply_json(request, 200, &body);
}
