#include "health/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A slot that has ended. */
struct slot {
    int64_t start_s;
    uint32_t busy_checks;
    uint32_t busy_up;
    unsigned char *bytes; /* owned: the packed tally */
    uint32_t len;
};

/* Slots of one length, ascending. */
struct level {
    struct slot *slots; /* owned */
    uint16_t count;
    uint16_t capacity;
};

/* The sum of the closed slots of a window. */
struct base {
    struct tally tally;
    uint32_t busy_checks;
    uint32_t busy_up;
    int64_t since_s; /* 0 = empty */
};

struct statistics {
    struct level levels[STATS_WINDOWS];
    struct base bases[STATS_WINDOWS]; /* of this level and all finer ones */
    struct tally open;
    int64_t open_start_s;
    uint32_t open_busy_checks;
    uint32_t open_busy_up;
    bool stale; /* the bases lack a part of the past that was added */
};

/* What a slot of a level is long, and how old it may become there. */
static const struct {
    const char *name;
    int64_t span_s;
    int64_t reach_s;
} shapes[STATS_WINDOWS] = {
    [STATS_HOUR] = {"1h", 300, 3600},
    [STATS_DAY] = {"24h", 3600, 86400},
    [STATS_WEEK] = {"7d", 6 * 3600, 7 * 86400},
    [STATS_MONTH] = {"30d", 86400, 30 * 86400},
};

const char *stats_window_name(enum stats_window window)
{
    return shapes[window].name;
}

int64_t stats_window_length_s(enum stats_window window)
{
    return shapes[window].reach_s;
}

bool stats_window_parse(const char *name, enum stats_window *window)
{
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        if (strcmp(name, shapes[i].name) == 0) {
            *window = (enum stats_window)i;
            return true;
        }
    }
    return false;
}

static int64_t begin_of(int64_t wall_s, int64_t span_s)
{
    int64_t rest = wall_s % span_s;
    return wall_s - (rest < 0 ? rest + span_s : rest);
}

/* -- slots -- */

static void free_slot(struct slot *slot)
{
    free(slot->bytes);
    slot->bytes = NULL;
}

static uint16_t position_of(const struct level *level, int64_t start_s)
{
    uint16_t at = level->count; /* nearly always at the end */
    while (at > 0 && level->slots[at - 1].start_s >= start_s)
        --at;
    return at;
}

/* The slot that begins there, made if there is none; NULL when memory ran out. */
static struct slot *slot_at(struct level *level, int64_t start_s)
{
    uint16_t at = position_of(level, start_s);
    if (at < level->count && level->slots[at].start_s == start_s)
        return &level->slots[at];
    if (level->count == level->capacity) {
        unsigned capacity = level->capacity != 0 ? level->capacity * 2u : 4u;
        struct slot *grown = realloc(level->slots, capacity * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        level->slots = grown;
        level->capacity = (uint16_t)capacity;
    }
    memmove(&level->slots[at + 1], &level->slots[at], (size_t)(level->count - at) * sizeof(level->slots[0]));
    level->slots[at] = (struct slot){.start_s = start_s};
    ++level->count;
    return &level->slots[at];
}

static bool pack_into(struct slot *slot, const struct tally *tally)
{
    struct buf packed = BUF_EMPTY;
    tally_pack(tally, &packed);
    unsigned char *bytes = buf_ok(&packed) ? realloc(slot->bytes, packed.len) : NULL;
    if (bytes != NULL) {
        memcpy(bytes, packed.bytes, packed.len);
        slot->bytes = bytes;
        slot->len = (uint32_t)packed.len;
    }
    buf_dispose(&packed);
    return bytes != NULL;
}

/* Adds to the slot of a level that a moment lies in. */
static bool add_to_level(struct level *level, int64_t span_s, const struct past_stretch *stretch)
{
    struct slot *slot = slot_at(level, begin_of(stretch->start_s, span_s));
    struct tally sum = TALLY_EMPTY;
    if (slot == NULL)
        return false;
    bool ok = (slot->bytes == NULL || tally_merge_packed(&sum, slot->bytes, slot->len)) &&
              tally_merge(&sum, stretch->tally) && pack_into(slot, &sum); /* if not, what was there stays */
    slot->busy_checks += stretch->busy_checks;
    slot->busy_up += stretch->busy_up;
    tally_dispose(&sum);
    return ok;
}

/* -- growing old -- */

static void drop_first(struct level *level)
{
    free_slot(&level->slots[0]);
    memmove(&level->slots[0], &level->slots[1], (size_t)(level->count - 1) * sizeof(level->slots[0]));
    --level->count;
}

/* Moves the slots that are too old for their level to the next one. */
static bool promote(struct statistics *statistics, int64_t now_s)
{
    bool ok = true;
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        struct level *level = &statistics->levels[i];
        while (level->count > 0 && level->slots[0].start_s + shapes[i].span_s <= now_s - shapes[i].reach_s) {
            struct slot *slot = &level->slots[0];
            struct tally tally = TALLY_EMPTY;
            struct past_stretch stretch = {slot->start_s, &tally, slot->busy_checks, slot->busy_up};
            if (i + 1 < STATS_WINDOWS)
                ok = slot->bytes != NULL && tally_merge_packed(&tally, slot->bytes, slot->len) &&
                     add_to_level(&statistics->levels[i + 1], shapes[i + 1].span_s, &stretch) && ok;
            tally_dispose(&tally);
            drop_first(level);
        }
    }
    return ok;
}

static bool sum_level(struct base *base, const struct level *level)
{
    bool ok = true;
    for (uint16_t i = 0; i < level->count; ++i) {
        const struct slot *slot = &level->slots[i];
        ok = slot->bytes != NULL && tally_merge_packed(&base->tally, slot->bytes, slot->len) && ok;
        base->busy_checks += slot->busy_checks;
        base->busy_up += slot->busy_up;
    }
    if (level->count > 0)
        base->since_s = level->slots[0].start_s;
    return ok;
}

/* Each window is the one before it and a level more. */
static bool sum_up(struct statistics *statistics)
{
    bool ok = true;
    statistics->stale = false;
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        struct base *base = &statistics->bases[i];
        tally_clear(&base->tally);
        base->busy_checks = base->busy_up = 0;
        base->since_s = 0;
        if (i > 0) {
            const struct base *finer = &statistics->bases[i - 1];
            ok = tally_merge(&base->tally, &finer->tally) && ok;
            base->busy_checks = finer->busy_checks;
            base->busy_up = finer->busy_up;
            base->since_s = finer->since_s;
        }
        ok = sum_level(base, &statistics->levels[i]) && ok;
    }
    return ok;
}

static bool close_open(struct statistics *statistics)
{
    struct past_stretch stretch = {statistics->open_start_s, &statistics->open, statistics->open_busy_checks,
                                   statistics->open_busy_up};
    bool ok = true;
    if (!tally_is_empty(&statistics->open) || statistics->open.first_token_ms.count != 0 ||
        statistics->open.tokens_per_second.count != 0)
        ok = add_to_level(&statistics->levels[STATS_HOUR], shapes[STATS_HOUR].span_s, &stretch);
    tally_clear(&statistics->open);
    statistics->open_busy_checks = statistics->open_busy_up = 0;
    return ok;
}

/* Brings everything up to a moment; one before the open slot changes nothing. */
static bool advance(struct statistics *statistics, int64_t now_s)
{
    int64_t start_s = begin_of(now_s, shapes[STATS_HOUR].span_s);
    if (start_s <= statistics->open_start_s)
        return true;
    bool ok = close_open(statistics);
    statistics->open_start_s = start_s;
    ok = promote(statistics, now_s) && ok;
    return sum_up(statistics) && ok;
}

/* -- adding -- */

bool statistics_add(struct statistics *statistics, int64_t wall_us, const struct tally_check *check, bool busy)
{
    bool ok = advance(statistics, wall_us / 1000000);
    if (busy && check->counted) {
        ++statistics->open_busy_checks;
        statistics->open_busy_up += check->up;
    }
    return tally_add(&statistics->open, check) && ok;
}

bool statistics_add_timing(struct statistics *statistics, int64_t wall_us, double first_token_ms,
                           double tokens_per_second)
{
    bool ok = advance(statistics, wall_us / 1000000);
    return tally_add_timing(&statistics->open, first_token_ms, tokens_per_second) && ok;
}

bool statistics_add_past(struct statistics *statistics, int64_t now_us, const struct past_stretch *stretch)
{
    int64_t now_s = now_us / 1000000;
    bool ok = advance(statistics, now_s);
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        int64_t start_s = begin_of(stretch->start_s, shapes[i].span_s);
        if (start_s + shapes[i].span_s <= now_s - shapes[i].reach_s)
            continue;             /* too old for this level */
        statistics->stale = true; /* much of the past comes at once: it is summed up when somebody asks */
        return add_to_level(&statistics->levels[i], shapes[i].span_s, stretch) && ok;
    }
    return ok;
}

static bool absorb_slot(struct statistics *statistics, int64_t now_us, const struct slot *slot)
{
    struct tally tally = TALLY_EMPTY;
    struct past_stretch stretch = {slot->start_s, &tally, slot->busy_checks, slot->busy_up};
    bool ok = slot->bytes != NULL && tally_merge_packed(&tally, slot->bytes, slot->len) &&
              statistics_add_past(statistics, now_us, &stretch);
    tally_dispose(&tally);
    return ok;
}

bool statistics_absorb(struct statistics *statistics, int64_t now_us, const struct statistics *from)
{
    bool ok = true;
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        for (uint16_t j = 0; j < from->levels[i].count; ++j)
            ok = absorb_slot(statistics, now_us, &from->levels[i].slots[j]) && ok;
    }
    if (from->open_start_s == INT64_MIN)
        return ok;
    ok = advance(statistics, from->open_start_s) && ok;
    statistics->open_busy_checks += from->open_busy_checks;
    statistics->open_busy_up += from->open_busy_up;
    return tally_merge(&statistics->open, &from->open) && ok;
}

/* -- summing up -- */

void wilson_interval(uint32_t up, uint32_t checks, double *low, double *high)
{
    static const double Z = 1.959963984540054; /* the normal quantile of 0.975 */
    *low = 0;
    *high = 100;
    if (checks == 0)
        return;
    double n = checks, share = up / n, z2 = Z * Z;
    double centre = share + z2 / (2 * n), spread = Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    *low = fmax(0, 100 * (centre - spread) / (1 + z2 / n));
    *high = fmin(100, 100 * (centre + spread) / (1 + z2 / n));
}

static void summarize_uptime(uint32_t checks, uint32_t up, struct uptime_summary *summary)
{
    *summary = (struct uptime_summary){.checks = checks, .up = up};
    if (checks == 0)
        return;
    summary->percent = 100.0 * up / checks;
    wilson_interval(up, checks, &summary->low, &summary->high);
}

/* The quantile of two histograms together: a walk over both at once. */
static double quantile_of_both(const struct histogram *a, const struct histogram *b, double q)
{
    double rank = ceil(q * (double)(a->total + b->total)), seen = 0;
    uint16_t i = 0, j = 0, bucket = 0;
    while (i < a->used || j < b->used) {
        bool first = j == b->used || (i < a->used && a->buckets[i].number <= b->buckets[j].number);
        const struct histogram_bucket *next = first ? &a->buckets[i++] : &b->buckets[j++];
        bucket = next->number;
        seen += next->count;
        if (seen >= rank)
            break;
    }
    return histogram_middle_of(bucket);
}

static void summarize_measure(const struct tally_measure *a, const struct tally_measure *b,
                              struct measure_summary *summary)
{
    *summary = (struct measure_summary){.count = a->count + b->count};
    if (summary->count == 0)
        return;
    summary->min = a->count == 0 ? b->min : b->count == 0 ? a->min : fmin(a->min, b->min);
    summary->max = fmax(a->max, b->max);
    summary->mean = (a->sum + b->sum) / (double)summary->count;
    const struct {
        double q;
        double *value;
    } quantiles[] = {{0.5, &summary->p50}, {0.95, &summary->p95}, {0.99, &summary->p99}};
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); ++i) {
        double value = quantile_of_both(&a->histogram, &b->histogram, quantiles[i].q);
        *quantiles[i].value = fmin(fmax(value, summary->min), summary->max);
    }
}

void statistics_summarize(struct statistics *statistics, enum stats_window window, int64_t now_us,
                          struct window_summary *summary)
{
    advance(statistics, now_us / 1000000);
    if (statistics->stale)
        sum_up(statistics);
    const struct base *base = &statistics->bases[window];
    const struct tally *closed = &base->tally, *open = &statistics->open;
    summarize_uptime(closed->checks + open->checks, closed->up + open->up, &summary->uptime);
    summarize_uptime(base->busy_checks + statistics->open_busy_checks, base->busy_up + statistics->open_busy_up,
                     &summary->busy);
    summary->unknown = closed->uncounted + open->uncounted;
    summarize_measure(&closed->latency_ms, &open->latency_ms, &summary->latency_ms);
    summarize_measure(&closed->first_token_ms, &open->first_token_ms, &summary->first_token_ms);
    summarize_measure(&closed->tokens_per_second, &open->tokens_per_second, &summary->tokens_per_second);
    summary->since_s = base->since_s != 0 ? base->since_s : tally_is_empty(open) ? 0 : statistics->open_start_s;
}

void statistics_kinds(struct statistics *statistics, enum stats_window window, stats_kind_fn kind_fn, void *user)
{
    const struct tally *closed = &statistics->bases[window].tally, *open = &statistics->open;
    for (size_t i = 0; i < closed->kind_count; ++i) {
        uint32_t count = closed->kinds[i].count;
        for (size_t j = 0; j < open->kind_count; ++j)
            count += strcmp(open->kinds[j].name, closed->kinds[i].name) == 0 ? open->kinds[j].count : 0;
        kind_fn(closed->kinds[i].name, count, user);
    }
    for (size_t j = 0; j < open->kind_count; ++j) {
        bool told = false;
        for (size_t i = 0; i < closed->kind_count; ++i)
            told = told || strcmp(open->kinds[j].name, closed->kinds[i].name) == 0;
        if (!told)
            kind_fn(open->kinds[j].name, open->kinds[j].count, user);
    }
}

/* -- life -- */

struct statistics *statistics_new(void)
{
    struct statistics *statistics = calloc(1, sizeof(*statistics));
    if (statistics != NULL)
        statistics->open_start_s = INT64_MIN;
    return statistics;
}

void statistics_free(struct statistics *statistics)
{
    if (statistics == NULL)
        return;
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        for (uint16_t j = 0; j < statistics->levels[i].count; ++j)
            free_slot(&statistics->levels[i].slots[j]);
        free(statistics->levels[i].slots);
        tally_dispose(&statistics->bases[i].tally);
    }
    tally_dispose(&statistics->open);
    free(statistics);
}

static size_t tally_memory(const struct tally *tally)
{
    return (size_t)(tally->latency_ms.histogram.capacity + tally->first_token_ms.histogram.capacity +
                    tally->tokens_per_second.histogram.capacity) *
               sizeof(struct histogram_bucket) +
           tally->kind_count * sizeof(struct tally_kind);
}

size_t statistics_memory(const struct statistics *statistics)
{
    size_t bytes = sizeof(*statistics) + tally_memory(&statistics->open);
    for (unsigned i = 0; i < STATS_WINDOWS; ++i) {
        const struct level *level = &statistics->levels[i];
        bytes += level->capacity * sizeof(struct slot) + tally_memory(&statistics->bases[i].tally);
        for (uint16_t j = 0; j < level->count; ++j)
            bytes += level->slots[j].len;
    }
    return bytes;
}
