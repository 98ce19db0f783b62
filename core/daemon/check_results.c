#include "daemon/check_results.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS_SHOWN = 5 };

void provider_result_dispose(struct provider_result *result)
{
    free(result->keys);
    model_list_release(result->models);
    announcement_release(result->announcement);
}

static int rank(const struct key_result *key)
{
    static const char *const order[] = {"healthy", "degraded", "unknown"};
    int i = 0;
    while (i < 3 && strcmp(key->status, order[i]) != 0)
        ++i;
    return i;
}

const struct key_result *provider_result_best(const struct provider_result *result)
{
    const struct key_result *best = &result->keys[0];
    for (size_t i = 1; i < result->key_count; ++i) {
        const struct key_result *key = &result->keys[i];
        int better = rank(best) - rank(key);
        if (better > 0 || (better == 0 && key->verdict.score > best->verdict.score))
            best = key;
    }
    return best;
}

bool provider_result_is_fine(const struct provider_result *result)
{
    for (size_t i = 0; i < result->key_count; ++i) {
        if (strcmp(result->keys[i].status, "healthy") != 0)
            return false;
    }
    return (!result->asked_models || result->models != NULL) && (!result->asked_deep || result->deep.ok);
}

const char *key_result_hint(const struct provider_result *result, const struct key_result *key)
{
    return key->key != CHECK_NO_KEY ? watched_provider(result->watched)->keys[key->key].hint : "";
}

static const char *reason_of(const struct verdict *verdict)
{
    return verdict->judged ? verdict->reason : verdict->kind;
}

/* -- the table -- */

/* "acme", or of several keys "acme key 2 …last4". */
static void name_row(const struct provider_result *result, const struct key_result *key, char *name, size_t size)
{
    const char *hint = key_result_hint(result, key);
    if (result->key_count == 1)
        snprintf(name, size, "%s", result->watched->name);
    else
        snprintf(name, size, "%s key %zu%s%s", result->watched->name, key->key + 1, hint[0] != '\0' ? " " : "", hint);
}

/* Columns that a text takes: "…" is one, though three bytes. */
static int columns(const char *text)
{
    int count = 0;
    for (; *text != '\0'; ++text)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void print_row(int width, const char *name, const char *status, const struct verdict *verdict)
{
    char http[8] = "-";
    if (verdict->http_status != 0)
        snprintf(http, sizeof(http), "%d", verdict->http_status % 10000);
    printf("%s%*s  %-8s  %7.1f ms  %4s  %s%s%s\n", name, width - columns(name), "", status, verdict->latency_ms, http,
           reason_of(verdict), verdict->message[0] != '\0' ? ": " : "", verdict->message);
}

static void print_models(const struct provider_result *result)
{
    const struct model_list *models = result->models;
    if (models == NULL) {
        printf("%s: models: %s: %s\n", result->watched->name, result->models_verdict.kind,
               result->models_verdict.message);
        return;
    }
    printf("%s: models: %zu", result->watched->name, models->count);
    for (size_t i = 0; i < models->count && i < MODELS_SHOWN; ++i)
        printf("%s%s", i == 0 ? ": " : ", ", models->models[i].id);
    puts(models->count > MODELS_SHOWN ? ", …" : "");
}

static void print_deep(const struct provider_result *result)
{
    const struct verdict *verdict = &result->deep;
    const struct deep_finding *deep = &verdict->deep;
    printf("%s: completion", result->watched->name);
    if (deep->model_asked[0] != '\0')
        printf(" of %s", deep->model_asked);
    if (deep->skipped[0] != '\0')
        printf(": skipped: %s", deep->skipped);
    else if (!verdict->ok)
        printf(": %s: %s", verdict->kind, verdict->message);
    if (deep->first_token_ms >= 0)
        printf(": first token after %.1f ms", deep->first_token_ms);
    if (deep->tokens_per_second >= 0)
        printf(", %.1f tokens/s", deep->tokens_per_second);
    if (deep->model_mismatch)
        printf(", but %s answered", deep->model);
    printf(" (%lld tokens spent)\n", (long long)deep->tokens_spent);
}

static void print_page(const struct provider_result *result)
{
    const struct announcement *page = result->announcement;
    printf("%s: status page: %s%s%s\n", result->watched->name, page->state, page->message[0] != '\0' ? ": " : "",
           page->message);
    for (size_t i = 0; i < page->incident_count; ++i)
        printf("%s: announced: %s\n", result->watched->name, page->incidents[i].name);
}

void print_results_table(const struct provider_result *results, size_t count)
{
    int width = (int)strlen("PROVIDER");
    char name[SCRIPT_NAME_MAX + 48];
    for (size_t i = 0; i < count; ++i) {
        for (size_t k = 0; k < results[i].key_count; ++k) {
            name_row(&results[i], &results[i].keys[k], name, sizeof(name));
            width = columns(name) > width ? columns(name) : width;
        }
    }
    printf("%-*s  %-8s  %10s  %4s  %s\n", width, "PROVIDER", "STATUS", "LATENCY", "HTTP", "DETAIL");
    for (size_t i = 0; i < count; ++i) {
        for (size_t k = 0; k < results[i].key_count; ++k) {
            name_row(&results[i], &results[i].keys[k], name, sizeof(name));
            print_row(width, name, results[i].keys[k].status, &results[i].keys[k].verdict);
        }
    }
    for (size_t i = 0; i < count; ++i) {
        if (results[i].asked_models)
            print_models(&results[i]);
        if (results[i].asked_deep)
            print_deep(&results[i]);
        if (results[i].announcement != NULL)
            print_page(&results[i]);
    }
}

/* -- JSON -- */

static void write_verdict(struct json *j, const struct key_result *key)
{
    const struct verdict *verdict = &key->verdict;
    json_member_text(j, "status", key->status);
    json_member_text(j, "reason", reason_of(verdict));
    json_member_text_or_null(j, "error_kind", verdict->kind);
    json_member_text(j, "error_message", verdict->message);
    json_key(j, "response_time_ms");
    json_double(j, verdict->latency_ms);
    json_key(j, "http_status");
    json_int(j, verdict->http_status);
    json_key(j, "rate_limit_percent");
    json_double(j, verdict->rate_limit_percent > 0 ? verdict->rate_limit_percent : 0);
}

static void write_keys(struct json *j, const struct provider_result *result)
{
    json_key(j, "keys");
    json_array(j);
    for (size_t i = 0; i < result->key_count; ++i) {
        const struct key_result *key = &result->keys[i];
        json_object(j);
        json_key(j, "key");
        json_uint(j, key->key + 1);
        json_member_text(j, "hint", key_result_hint(result, key));
        write_verdict(j, key);
        json_end(j);
    }
    json_end(j);
}

static void write_models(struct json *j, const struct provider_result *result)
{
    json_key(j, "models");
    if (result->models == NULL) {
        json_null(j);
        return;
    }
    json_array(j);
    for (size_t i = 0; i < result->models->count; ++i)
        json_text(j, result->models->models[i].id);
    json_end(j);
}

static void write_deep(struct json *j, const struct verdict *verdict)
{
    const struct deep_finding *deep = &verdict->deep;
    json_key(j, "deep");
    json_object(j);
    json_key(j, "ok");
    json_bool(j, verdict->ok);
    json_member_text_or_null(j, "error_kind", verdict->kind);
    json_member_text(j, "message", deep->skipped[0] != '\0' ? deep->skipped : verdict->message);
    json_member_text_or_null(j, "model_asked", deep->model_asked);
    json_member_text_or_null(j, "model", deep->model);
    json_member_measure(j, "first_token_ms", deep->first_token_ms);
    json_member_measure(j, "tokens_per_second", deep->tokens_per_second);
    json_key(j, "tokens_spent");
    json_int(j, deep->tokens_spent);
    json_end(j);
}

static void write_page(struct json *j, const struct announcement *page)
{
    json_key(j, "announced");
    json_object(j);
    json_member_text(j, "state", page->state);
    json_member_text(j, "message", page->message);
    json_key(j, "incidents");
    json_array(j);
    for (size_t i = 0; i < page->incident_count; ++i)
        json_text(j, page->incidents[i].name);
    json_end(j);
    json_end(j);
}

void print_results_json(const struct provider_result *results, size_t count)
{
    struct buf out = BUF_EMPTY;
    struct json j = json_begin(&out);
    json_object(&j);
    json_key(&j, "providers");
    json_object(&j);
    for (size_t i = 0; i < count; ++i) {
        const struct provider_result *result = &results[i];
        json_key(&j, result->watched->name);
        json_object(&j);
        write_verdict(&j, provider_result_best(result));
        if (result->key_count > 1)
            write_keys(&j, result);
        if (result->asked_models)
            write_models(&j, result);
        if (result->asked_deep)
            write_deep(&j, &result->deep);
        if (result->announcement != NULL)
            write_page(&j, result->announcement);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    puts(buf_text(&out));
    buf_dispose(&out);
}
