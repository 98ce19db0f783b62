#include "serve/render_best.h"

#include "base/json.h"
#include "health/fate.h"
#include "plugin/fallbacks.h"
#include "serve/render_view.h"

#include <math.h>
#include <stdio.h>

/* Rows that are shown unless the client asks for more with `n`. */
enum { ROWS_SHOWN = 100 };

static const int64_t VALID_LEAST_MS = 1000, VALID_MOST_MS = 60000;

int64_t best_valid_for_ms(const struct ranking *ranking, int64_t now_us)
{
    int64_t valid_ms = VALID_MOST_MS;
    for (size_t i = 0; i < ranking->count; ++i) {
        const struct candidate *candidate = ranking->rows[i].candidate;
        int64_t next_us = candidate->view->lead->next_check_us;
        if (candidate->left_out || next_us == 0)
            continue;
        int64_t wait_ms = (next_us - now_us) / 1000;
        if (wait_ms < valid_ms)
            valid_ms = wait_ms;
    }
    return valid_ms > VALID_LEAST_MS ? valid_ms : VALID_LEAST_MS;
}

/* -- a row of the ranking -- */

/* How it stands to whom the answer names first. */
static void write_fate(struct json *j, const struct candidate *candidate, const struct candidate *first, int64_t now_us)
{
    char why[FATE_WHY_MAX];
    json_key(j, "shares_fate");
    if (candidate != first && fate_is_shared(first->view, candidate->view, now_us, why))
        json_text(j, why);
    else
        json_null(j);
}

static double share_of(const struct spread *spread, size_t row)
{
    for (size_t i = 0; i < spread->count; ++i) {
        if (spread->heads[i].row == row)
            return spread->heads[i].share;
    }
    return 0;
}

struct rows {
    const struct policy_result *result;
    const struct policy_request *request;
    const struct spread *spread;
    const struct candidate *first; /* NULL = nobody */
    int64_t now_us;
};

static void write_key(struct json *j, const struct key_view *key)
{
    json_key(j, "key");
    if (key->number != 0)
        json_uint(j, key->number);
    else
        json_null(j);
    json_member_text_or_null(j, "key_hint", key->hint);
}

static void write_row(struct json *j, const struct rows *rows, size_t i)
{
    const struct ranking *ranking = rows->result->ranking;
    const struct ranked *row = &ranking->rows[i];
    const struct candidate *candidate = row->candidate;
    const struct provider_view *view = candidate->view;
    json_object(j);
    json_member_text(j, "provider", view->name);
    json_key(j, "rank");
    if (i < ranking->ranked)
        json_uint(j, i + 1);
    else
        json_null(j);
    json_key(j, "score");
    json_double(j, isfinite(row->score) ? round(row->score * 1000) / 1000 : NAN);
    json_member_text(j, "why", row->why);
    json_member_text(j, "status", health_status_name(view->status));
    json_member_measure(j, "latency_ms", view->lead->last_check_us != 0 ? view->lead->response_time_ms : -1);
    write_time_or_null(j, "last_check", view->lead->last_check_us);
    json_key(j, "stale");
    json_bool(j, candidate->stale);
    if (candidate->model != NULL)
        json_member_text(j, "model", candidate->model->id);
    if (rows->request->key)
        write_key(j, candidate->key);
    if (rows->spread->count > 1) {
        json_key(j, "share");
        json_double(j, round(share_of(rows->spread, i) * 1000) / 1000);
    }
    if (candidate->warmth < 1) {
        json_key(j, "warmth");
        json_double(j, round(candidate->warmth * 1000) / 1000);
    }
    if (candidate->cooling_until_us != 0) {
        write_time_or_null(j, "cooling_until", candidate->cooling_until_us);
        json_member_text(j, "cooling_for", candidate->cooling_kind);
    }
    if (view->status != HEALTH_HEALTHY || candidate->cooling_until_us != 0)
        write_time_or_null(j, "back_at", candidate->back_us);
    if (rows->first != NULL && i < ranking->ranked)
        write_fate(j, candidate, rows->first, rows->now_us);
    json_end(j);
}

static void write_ranking(struct json *j, const struct rows *rows)
{
    size_t most = rows->request->n != 0 ? rows->request->n : ROWS_SHOWN, count = rows->result->ranking->count;
    json_key(j, "ranking");
    json_array(j);
    for (size_t i = 0; i < count && i < most; ++i)
        write_row(j, rows, i);
    json_end(j);
    if (count > most) {
        json_key(j, "ranking_left_off");
        json_uint(j, count - most);
    }
}

/* -- the answer -- */

/* The policy's own words are about its first; whom the spread puts there gets those of its row. */
static void write_reason(struct json *j, const struct policy_result *result, const struct ranked *first, bool own,
                         int64_t now_us)
{
    char reason[POLICY_REASON_MAX + CANDIDATE_WHY_MAX + 64], age[48] = "";
    if (first != NULL && first->candidate->stale)
        snprintf(age, sizeof(age), "; last checked %.0f s ago",
                 (double)(now_us - first->candidate->view->lead->last_check_us) / 1e6);
    snprintf(reason, sizeof(reason), "%s%s%s",
             own || first == NULL ? result->reason : "its turn: ", own || first == NULL ? "" : first->why, age);
    json_member_text(j, "reason", reason);
}

static void write_alternatives(struct json *j, const struct policy_request *request, const struct policy_result *result,
                               size_t first, int64_t now_us)
{
    size_t rows[FALLBACKS_MAX], most = result->alternatives;
    if (request->n != 0 && request->n - 1 < most)
        most = request->n - 1;
    if (most > FALLBACKS_MAX)
        most = FALLBACKS_MAX;
    size_t count = fallbacks_choose(result->ranking, first, most, now_us, rows);
    for (size_t i = 0; i < count; ++i)
        json_text(j, result->ranking->rows[rows[i]].candidate->view->name);
}

/* What was asked for of whom is named. */
static void write_details(struct json *j, const struct policy_request *request, const struct candidate *first)
{
    json_key(j, "stale");
    json_bool(j, first != NULL && first->stale);
    if (request->model[0] != '\0')
        json_member_text(j, "model", first != NULL && first->model != NULL ? first->model->id : NULL);
    if (request->key && first != NULL)
        write_key(j, first->key);
}

void render_best(struct buf *out, const struct snapshot *snapshot, const struct policy_request *request,
                 const struct policy_result *result, const struct spread *spread, size_t head, int64_t now_us)
{
    const struct ranking *ranking = result->ranking;
    size_t row = spread->count != 0 ? spread->heads[head].row : 0;
    const struct ranked *first = ranking->ranked != 0 ? &ranking->rows[row] : NULL;
    struct rows rows = {result, request, spread, first != NULL ? first->candidate : NULL, now_us};
    struct json j = json_begin(out);
    json_object(&j);
    json_member_text(&j, "best_provider", first != NULL ? first->candidate->view->name : NULL);
    write_reason(&j, result, first, row == 0, now_us);
    json_key(&j, "alternatives");
    json_array(&j);
    if (first != NULL)
        write_alternatives(&j, request, result, row, now_us);
    json_end(&j);
    json_member_text(&j, "policy", result->policy);
    if (result->error[0] != '\0')
        json_member_text(&j, "policy_error", result->error);
    json_key(&j, "version");
    json_uint(&j, snapshot->version);
    json_key(&j, "valid_for_ms");
    json_int(&j, best_valid_for_ms(ranking, now_us));
    write_details(&j, request, rows.first);
    write_ranking(&j, &rows);
    json_end(&j);
}
