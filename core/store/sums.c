#include "store/sums.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE_MIN = 256 };

struct sum {
    struct sum *next; /* in the chain */
    uint32_t hash;
    uint32_t span_s;
    int64_t start_s;
    unsigned key;
    struct tally tally;
    const char *model;
    char provider[]; /* then the model, each with its NUL */
};

/* What a sum is found by. */
struct wanted {
    const char *provider;
    size_t provider_len;
    const char *model;
    size_t model_len;
    unsigned key;
    uint32_t span_s;
    int64_t start_s;
};

/* -- the table -- */

/* FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; ++i)
        hash = (hash ^ at[i]) * UINT32_C(16777619);
    return hash;
}

static uint32_t hash_of(const struct wanted *wanted)
{
    uint32_t hash = hash_bytes(UINT32_C(2166136261), wanted->provider, wanted->provider_len);
    hash = hash_bytes(hash, wanted->model, wanted->model_len);
    hash = hash_bytes(hash, &wanted->key, sizeof(wanted->key));
    hash = hash_bytes(hash, &wanted->span_s, sizeof(wanted->span_s));
    return hash_bytes(hash, &wanted->start_s, sizeof(wanted->start_s));
}

static bool same_text(const char *text, const char *bytes, size_t len)
{
    return strncmp(text, bytes, len) == 0 && text[len] == '\0';
}

static bool is_wanted(const struct sum *sum, const struct wanted *wanted, uint32_t hash)
{
    return sum->hash == hash && sum->start_s == wanted->start_s && sum->span_s == wanted->span_s &&
           sum->key == wanted->key && same_text(sum->provider, wanted->provider, wanted->provider_len) &&
           same_text(sum->model, wanted->model, wanted->model_len);
}

static bool grow(struct sums *sums)
{
    size_t size = sums->size != 0 ? sums->size * 2 : SIZE_MIN;
    struct sum **table = calloc(size, sizeof(struct sum *));
    if (table == NULL)
        return false;
    for (size_t i = 0; i < sums->size; ++i) {
        for (struct sum *sum = sums->table[i], *next; sum != NULL; sum = next) {
            next = sum->next;
            sum->next = table[sum->hash & (size - 1)];
            table[sum->hash & (size - 1)] = sum;
        }
    }
    free(sums->table);
    sums->table = table;
    sums->size = size;
    return true;
}

static struct sum *new_sum(const struct wanted *wanted, uint32_t hash)
{
    struct sum *sum = malloc(sizeof(*sum) + wanted->provider_len + wanted->model_len + 2);
    if (sum == NULL)
        return NULL;
    *sum = (struct sum){
        .hash = hash, .span_s = wanted->span_s, .start_s = wanted->start_s, .key = wanted->key, .tally = TALLY_EMPTY};
    char *model = sum->provider + wanted->provider_len + 1;
    memcpy(sum->provider, wanted->provider, wanted->provider_len);
    sum->provider[wanted->provider_len] = '\0';
    if (wanted->model_len != 0)
        memcpy(model, wanted->model, wanted->model_len);
    model[wanted->model_len] = '\0';
    sum->model = model;
    return sum;
}

static void insert(struct sums *sums, struct sum *sum)
{
    struct sum **chain = &sums->table[sum->hash & (sums->size - 1)];
    sum->next = *chain;
    *chain = sum;
    ++sums->count;
}

/* The sum, made if there is none; NULL when it cannot be. */
static struct sum *find(struct sums *sums, const struct wanted *wanted)
{
    uint32_t hash = hash_of(wanted);
    if (sums->size != 0) {
        for (struct sum *sum = sums->table[hash & (sums->size - 1)]; sum != NULL; sum = sum->next) {
            if (is_wanted(sum, wanted, hash))
                return sum;
        }
    }
    if (sums->count >= SUMS_MAX || (sums->count >= sums->size && !grow(sums)))
        return NULL;
    struct sum *sum = new_sum(wanted, hash);
    if (sum != NULL)
        insert(sums, sum);
    return sum;
}

static void free_sum(struct sum *sum)
{
    tally_dispose(&sum->tally);
    free(sum);
}

void sums_clear(struct sums *sums)
{
    for (size_t i = 0; i < sums->size; ++i) {
        for (struct sum *sum = sums->table[i], *next; sum != NULL; sum = next) {
            next = sum->next;
            free_sum(sum);
        }
    }
    free(sums->table);
    *sums = (struct sums){0};
}

/* -- adding -- */

static int64_t begin_of(int64_t wall_us, int64_t span_s)
{
    int64_t wall_s = wall_us / 1000000;
    return wall_s - wall_s % span_s;
}

static struct sum *find_stretch(struct sums *sums, struct wanted wanted, int64_t checked_us, uint32_t span_s)
{
    wanted.span_s = span_s;
    wanted.start_s = begin_of(checked_us, span_s);
    return find(sums, &wanted);
}

/* A check of a provider counts for it and for all providers together. */
static bool add_provider_check(struct sums *sums, const struct summand *summand, const struct wanted *series)
{
    struct wanted everyone = {.provider = ROLLUP_EVERYONE, .provider_len = strlen(ROLLUP_EVERYONE), .model = ""};
    struct sum *parts[] = {
        find_stretch(sums, *series, summand->checked_us, ROLLUP_HOUR_S),
        find_stretch(sums, everyone, summand->checked_us, ROLLUP_HOUR_S),
        find_stretch(sums, everyone, summand->checked_us, ROLLUP_FINE_S),
    };
    bool ok = true;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i) {
        if (parts[i] == NULL)
            return false;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i)
        ok = tally_add(&parts[i]->tally, &summand->check) && ok;
    return ok;
}

/* A deep probe counts for its model; what it timed, also for the provider. */
static bool add_deep_check(struct sums *sums, const struct summand *summand, const struct wanted *series)
{
    struct wanted provider = *series;
    provider.model_len = 0;
    struct sum *model = find_stretch(sums, *series, summand->checked_us, ROLLUP_HOUR_S);
    struct sum *whole = find_stretch(sums, provider, summand->checked_us, ROLLUP_HOUR_S);
    if (model == NULL || whole == NULL)
        return false;
    if (model == whole) /* an old row that does not tell its model */
        return tally_add_timing(&whole->tally, summand->check.first_token_ms, summand->check.tokens_per_second);
    bool ok = tally_add(&model->tally, &summand->check);
    return (!summand->check.counted ||
            tally_add_timing(&whole->tally, summand->check.first_token_ms, summand->check.tokens_per_second)) &&
           ok;
}

bool sums_add(struct sums *sums, const struct summand *summand)
{
    struct wanted series = {
        .provider = summand->provider,
        .provider_len = summand->provider_len,
        .model = "",
        .key = summand->table == RECORD_KEY_CHECK ? summand->key : 0,
    };
    bool added;
    if (summand->table == RECORD_DEEP_CHECK) {
        series.model = summand->model;
        series.model_len = summand->model_len;
        added = add_deep_check(sums, summand, &series);
    } else if (summand->table == RECORD_KEY_CHECK) {
        struct sum *sum = find_stretch(sums, series, summand->checked_us, ROLLUP_HOUR_S);
        added = sum != NULL && tally_add(&sum->tally, &summand->check);
    } else {
        added = add_provider_check(sums, summand, &series);
    }
    sums->checks += added;
    return added;
}

/* True when the sum is in `into`, or added to one there. */
static bool move_one(struct sums *into, struct sum *sum)
{
    struct wanted wanted = {.provider = sum->provider,
                            .provider_len = strlen(sum->provider),
                            .model = sum->model,
                            .model_len = strlen(sum->model),
                            .key = sum->key,
                            .span_s = sum->span_s,
                            .start_s = sum->start_s};
    struct sum *place = find(into, &wanted);
    if (place == NULL || !tally_merge(&place->tally, &sum->tally))
        return false;
    free_sum(sum);
    return true;
}

bool sums_move(struct sums *into, struct sums *from)
{
    if (into->count == 0) { /* the usual case: nothing was added meanwhile */
        struct sums empty = *into;
        *into = *from;
        *from = empty;
        sums_clear(from);
        return true;
    }
    bool all = true;
    for (size_t i = 0; i < from->size; ++i) {
        struct sum **at = &from->table[i];
        while (*at != NULL) {
            struct sum *sum = *at, *next = sum->next;
            if (move_one(into, sum)) {
                *at = next;
                --from->count;
            } else {
                all = false;
                at = &sum->next;
            }
        }
    }
    if (all) {
        into->checks += from->checks;
        sums_clear(from);
    }
    return all;
}

/* -- writing -- */

static const char read_sql[] = "SELECT tally FROM provider_rollups"
                               " WHERE span = ?1 AND provider_name = ?2 AND key = ?3 AND model = ?4 AND start = ?5";

static const char write_sql[] =
    "INSERT OR REPLACE INTO provider_rollups (span, provider_name, key, model, start, checks, up, uncounted,"
    " latency_min_ms, latency_mean_ms, latency_p95_ms, latency_max_ms, tally)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

int rollup_prepare(sqlite3 *handle, struct rollup_statements *statements)
{
    int result = sqlite3_prepare_v3(handle, read_sql, -1, SQLITE_PREPARE_PERSISTENT, &statements->read, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_prepare_v3(handle, write_sql, -1, SQLITE_PREPARE_PERSISTENT, &statements->write, NULL);
    return result;
}

void rollup_finalize(struct rollup_statements *statements)
{
    sqlite3_finalize(statements->read);
    sqlite3_finalize(statements->write);
    *statements = (struct rollup_statements){NULL, NULL};
}

static void bind_key(sqlite3_stmt *statement, const struct rollup_key *key)
{
    sqlite3_bind_int64(statement, 1, key->span_s);
    sqlite3_bind_text(statement, 2, key->provider, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, key->key);
    sqlite3_bind_text(statement, 4, key->model, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, key->start_s);
}

/* A row that is damaged counts as none: nobody could have read it either. */
static int read_row(sqlite3_stmt *read, const struct rollup_key *key, struct tally *tally)
{
    bind_key(read, key);
    int result = sqlite3_step(read);
    if (result == SQLITE_ROW &&
        !tally_merge_packed(tally, sqlite3_column_blob(read, 0), (size_t)sqlite3_column_bytes(read, 0)))
        tally_clear(tally);
    int reset = sqlite3_reset(read);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : reset;
}

static void bind_latency(sqlite3_stmt *write, const struct tally_measure *latency)
{
    const double values[] = {latency->min, tally_mean(latency), tally_quantile(latency, 0.95), latency->max};
    for (int i = 0; i < 4; ++i) {
        if (latency->count != 0)
            sqlite3_bind_double(write, 9 + i, values[i]);
        else
            sqlite3_bind_null(write, 9 + i);
    }
}

static int write_row(sqlite3_stmt *write, const struct rollup_key *key, const struct tally *tally)
{
    struct buf packed = BUF_EMPTY;
    tally_pack(tally, &packed);
    if (!buf_ok(&packed)) {
        buf_dispose(&packed);
        return SQLITE_NOMEM;
    }
    bind_key(write, key);
    sqlite3_bind_int64(write, 6, tally->checks);
    sqlite3_bind_int64(write, 7, tally->up);
    sqlite3_bind_int64(write, 8, tally->uncounted);
    bind_latency(write, &tally->latency_ms);
    sqlite3_bind_blob64(write, 13, packed.bytes, packed.len, SQLITE_STATIC);
    sqlite3_step(write);
    int result = sqlite3_reset(write);
    sqlite3_clear_bindings(write);
    buf_dispose(&packed);
    return result;
}

int rollup_merge(const struct rollup_statements *statements, const struct rollup_key *key, const struct tally *tally)
{
    struct tally whole = TALLY_EMPTY;
    int result = read_row(statements->read, key, &whole);
    if (result == SQLITE_OK)
        result = tally_merge(&whole, tally) ? write_row(statements->write, key, &whole) : SQLITE_NOMEM;
    tally_dispose(&whole);
    return result;
}

/* In the order of the table, so that neighbours are on one page. */
static int by_key(const void *a, const void *b)
{
    const struct sum *x = *(const struct sum *const *)a, *y = *(const struct sum *const *)b;
    int order = (x->span_s > y->span_s) - (x->span_s < y->span_s);
    if (order == 0)
        order = strcmp(x->provider, y->provider);
    if (order == 0)
        order = (x->key > y->key) - (x->key < y->key);
    if (order == 0)
        order = strcmp(x->model, y->model);
    return order != 0 ? order : (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

int sums_write(const struct sums *sums, const struct rollup_statements *statements)
{
    int result = SQLITE_OK;
    size_t count = 0;
    if (sums->count == 0)
        return SQLITE_OK;
    const struct sum **sorted = malloc(sums->count * sizeof(const struct sum *));
    if (sorted == NULL)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < sums->size; ++i) {
        for (const struct sum *sum = sums->table[i]; sum != NULL; sum = sum->next)
            sorted[count++] = sum;
    }
    qsort(sorted, count, sizeof(const struct sum *), by_key);
    for (size_t i = 0; i < count && result == SQLITE_OK; ++i) {
        struct rollup_key key = {sorted[i]->span_s, sorted[i]->provider, sorted[i]->key, sorted[i]->model,
                                 sorted[i]->start_s};
        result = rollup_merge(statements, &key, &sorted[i]->tally);
    }
    free(sorted);
    return result;
}
