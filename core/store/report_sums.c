#include "store/report_sums.h"

#include "base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024 };

struct measure {
    uint64_t count;
    double sum;
    double max;
};

struct report_sum {
    struct report_sum *next;
    int64_t start_s;
    unsigned key;
    uint64_t calls;
    struct measure latency_ms;
    struct measure first_token_ms;
    struct measure tokens_per_second;
    int64_t tokens;
    const char *provider; /* this and the next two in `texts` */
    const char *model;
    const char *outcome;
    char texts[];
};

static size_t bucket_of(int64_t start_s, const char *provider, unsigned key, const char *model, const char *outcome)
{
    uint64_t hash = hash_bytes(HASH_BEGIN, provider, strlen(provider) + 1);
    hash = hash_bytes(hash, model, strlen(model) + 1);
    hash = hash_bytes(hash, outcome, strlen(outcome) + 1);
    hash = hash_bytes(hash, &start_s, sizeof(start_s));
    return hash_bytes(hash, &key, sizeof(key)) % BUCKETS;
}

static struct report_sum *find(const struct report_sums *sums, size_t bucket, int64_t start_s, const char *provider,
                               unsigned key, const char *model, const char *outcome)
{
    struct report_sum *sum = sums->table != NULL ? sums->table[bucket] : NULL;
    while (sum != NULL && (sum->start_s != start_s || sum->key != key || strcmp(sum->provider, provider) != 0 ||
                           strcmp(sum->model, model) != 0 || strcmp(sum->outcome, outcome) != 0))
        sum = sum->next;
    return sum;
}

static char *put_text(char *at, const char *text, const char **place)
{
    size_t size = strlen(text) + 1;
    memcpy(at, text, size);
    *place = at;
    return at + size;
}

/* The sum of these; made when there is none. NULL when memory ran out. */
static struct report_sum *sum_for(struct report_sums *sums, int64_t start_s, const char *provider, unsigned key,
                                  const char *model, const char *outcome)
{
    size_t bucket = bucket_of(start_s, provider, key, model, outcome);
    struct report_sum *sum = find(sums, bucket, start_s, provider, key, model, outcome);
    if (sum != NULL)
        return sum;
    if (sums->count >= REPORT_SUMS_MAX && strcmp(model, "*") != 0 && model[0] != '\0')
        return sum_for(sums, start_s, provider, key, "*", outcome);
    if (sums->table == NULL && (sums->table = calloc(BUCKETS, sizeof(struct report_sum *))) == NULL)
        return NULL;
    sum = calloc(1, sizeof(*sum) + strlen(provider) + strlen(model) + strlen(outcome) + 3);
    if (sum == NULL)
        return NULL;
    sum->start_s = start_s;
    sum->key = key;
    put_text(put_text(put_text(sum->texts, provider, &sum->provider), model, &sum->model), outcome, &sum->outcome);
    sum->next = sums->table[bucket];
    sums->table[bucket] = sum;
    ++sums->count;
    return sum;
}

static void add_value(struct measure *measure, double value)
{
    if (value < 0)
        return;
    ++measure->count;
    measure->sum += value;
    measure->max = fmax(measure->max, value);
}

static void add_measure(struct measure *into, const struct measure *from)
{
    into->count += from->count;
    into->sum += from->sum;
    into->max = fmax(into->max, from->max);
}

bool report_sums_add(struct report_sums *sums, const struct reported_call *call)
{
    int64_t ended_s = call->ended_us / 1000000;
    struct report_sum *sum =
        sum_for(sums, ended_s - ended_s % REPORT_STRETCH_S, call->provider, call->key, call->model, call->outcome);
    if (sum == NULL)
        return false;
    ++sum->calls;
    add_value(&sum->latency_ms, call->latency_ms);
    add_value(&sum->first_token_ms, call->first_token_ms);
    add_value(&sum->tokens_per_second, call->tokens_per_second);
    if (call->tokens > 0)
        sum->tokens += call->tokens;
    return true;
}

static void move_one(struct report_sums *into, const struct report_sum *from)
{
    struct report_sum *sum = sum_for(into, from->start_s, from->provider, from->key, from->model, from->outcome);
    if (sum == NULL)
        return;
    sum->calls += from->calls;
    add_measure(&sum->latency_ms, &from->latency_ms);
    add_measure(&sum->first_token_ms, &from->first_token_ms);
    add_measure(&sum->tokens_per_second, &from->tokens_per_second);
    sum->tokens += from->tokens;
}

void report_sums_move(struct report_sums *into, struct report_sums *from)
{
    if (into->count == 0) {
        report_sums_dispose(into);
        *into = *from;
        *from = (struct report_sums){NULL, 0};
        return;
    }
    for (size_t i = 0; from->table != NULL && i < BUCKETS; ++i) {
        for (const struct report_sum *sum = from->table[i]; sum != NULL; sum = sum->next)
            move_one(into, sum);
    }
    report_sums_dispose(from);
}

void report_sums_dispose(struct report_sums *sums)
{
    for (size_t i = 0; sums->table != NULL && i < BUCKETS; ++i) {
        for (struct report_sum *sum = sums->table[i], *next; sum != NULL; sum = next) {
            next = sum->next;
            free(sum);
        }
    }
    free(sums->table);
    *sums = (struct report_sums){NULL, 0};
}

/* -- writing -- */

int report_sums_prepare(sqlite3 *handle, sqlite3_stmt **upsert)
{
    return sqlite3_prepare_v3(
        handle,
        "INSERT INTO provider_reports (start, provider_name, key, model, outcome, calls, latency_count, latency_sum_ms,"
        " latency_max_ms, first_token_count, first_token_sum_ms, first_token_max_ms, speed_count, speed_sum, tokens)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        " ON CONFLICT (start, provider_name, key, model, outcome) DO UPDATE SET calls = calls + ?6,"
        " latency_count = latency_count + ?7, latency_sum_ms = latency_sum_ms + ?8,"
        " latency_max_ms = max(latency_max_ms, ?9), first_token_count = first_token_count + ?10,"
        " first_token_sum_ms = first_token_sum_ms + ?11, first_token_max_ms = max(first_token_max_ms, ?12),"
        " speed_count = speed_count + ?13, speed_sum = speed_sum + ?14, tokens = tokens + ?15",
        -1, SQLITE_PREPARE_PERSISTENT, upsert, NULL);
}

static int write_one(const struct report_sum *sum, sqlite3_stmt *upsert)
{
    sqlite3_bind_int64(upsert, 1, sum->start_s);
    sqlite3_bind_text(upsert, 2, sum->provider, -1, SQLITE_STATIC);
    sqlite3_bind_int64(upsert, 3, sum->key);
    sqlite3_bind_text(upsert, 4, sum->model, -1, SQLITE_STATIC);
    sqlite3_bind_text(upsert, 5, sum->outcome, -1, SQLITE_STATIC);
    sqlite3_bind_int64(upsert, 6, (sqlite3_int64)sum->calls);
    sqlite3_bind_int64(upsert, 7, (sqlite3_int64)sum->latency_ms.count);
    sqlite3_bind_double(upsert, 8, sum->latency_ms.sum);
    sqlite3_bind_double(upsert, 9, sum->latency_ms.max);
    sqlite3_bind_int64(upsert, 10, (sqlite3_int64)sum->first_token_ms.count);
    sqlite3_bind_double(upsert, 11, sum->first_token_ms.sum);
    sqlite3_bind_double(upsert, 12, sum->first_token_ms.max);
    sqlite3_bind_int64(upsert, 13, (sqlite3_int64)sum->tokens_per_second.count);
    sqlite3_bind_double(upsert, 14, sum->tokens_per_second.sum);
    sqlite3_bind_int64(upsert, 15, sum->tokens);
    sqlite3_step(upsert);
    int result = sqlite3_reset(upsert);
    sqlite3_clear_bindings(upsert);
    return result;
}

int report_sums_write(const struct report_sums *sums, sqlite3_stmt *upsert)
{
    int result = SQLITE_OK;
    for (size_t i = 0; sums->table != NULL && i < BUCKETS && result == SQLITE_OK; ++i) {
        for (const struct report_sum *sum = sums->table[i]; sum != NULL && result == SQLITE_OK; sum = sum->next)
            result = write_one(sum, upsert);
    }
    return result;
}
