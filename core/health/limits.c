#include "health/limits.h"

#include <math.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (INT64_C(86400) * SECOND_US)

enum { LENGTH_UNKNOWN_S = 60 };
static const int64_t RATE_SPAN_MIN_US = SECOND_US; /* two sights closer than this tell no rate */

static bool same_window(const struct limit_window *a, const struct limit_window *b)
{
    return a->window_s == b->window_s && strcmp(a->unit, b->unit) == 0 && strcmp(a->name, b->name) == 0;
}

static struct kept_window *find(struct limits *limits, const struct limit_window *window, bool counted)
{
    for (size_t i = 0; i < limits->count; ++i) {
        if (limits->kept[i].counted == counted && same_window(&limits->kept[i].window, window))
            return &limits->kept[i];
    }
    return NULL;
}

/* Until when what was told of a window holds. */
static int64_t holds_until_us(const struct kept_window *kept)
{
    if (kept->window.reset_at_us != 0)
        return kept->window.reset_at_us;
    int64_t length_us = (kept->window.window_s != 0 ? kept->window.window_s : LENGTH_UNKNOWN_S) * SECOND_US;
    return kept->seen_us + (length_us < DAY_US ? length_us : DAY_US);
}

static bool holds(const struct kept_window *kept, int64_t now_us)
{
    /* A reset that has passed at the moment it was told says nothing of how long the rest holds. */
    return now_us < holds_until_us(kept) || now_us - kept->seen_us < SECOND_US;
}

/* A place for one more: a free one, or that of the window that was told longest ago. */
static struct kept_window *place(struct limits *limits)
{
    if (limits->count < LIMIT_WINDOWS_MAX)
        return &limits->kept[limits->count++];
    struct kept_window *oldest = NULL;
    for (size_t i = 0; i < limits->count; ++i) {
        struct kept_window *kept = &limits->kept[i];
        if (!kept->counted && (oldest == NULL || kept->seen_us < oldest->seen_us))
            oldest = kept;
    }
    return oldest;
}

static void drop_old(struct limits *limits, int64_t now_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < limits->count; ++i) {
        const struct kept_window *window = &limits->kept[i];
        if (window->counted || now_us - window->seen_us < DAY_US || holds(window, now_us))
            limits->kept[kept++] = *window;
    }
    limits->count = kept;
}

void limits_take(struct limits *limits, const struct limit_window *told, size_t count, int64_t now_us)
{
    drop_old(limits, now_us);
    for (size_t i = 0; i < count; ++i) {
        struct kept_window *kept = find(limits, &told[i], false);
        bool goes_on = kept != NULL && holds(kept, now_us) && kept->window.remaining >= 0 && told[i].remaining >= 0 &&
                       told[i].remaining <= kept->window.remaining;
        double limit = kept != NULL ? kept->window.limit : -1;
        if (kept == NULL && (kept = place(limits)) == NULL)
            continue;
        kept->window = told[i];
        if (told[i].limit < 0)
            kept->window.limit = limit; /* an answer that names only what remains (Azure) */
        kept->counted = false;
        kept->seen_us = now_us;
        if (!goes_on) {
            kept->anchor_us = now_us;
            kept->anchor_remaining = told[i].remaining;
        }
    }
}

/* -- declared windows -- */

/* Windows of a day or longer begin at midnight UTC, shorter ones at a multiple of their length. */
static int64_t window_start_us(const struct limit_window *window, int64_t now_us)
{
    int64_t length_us = window->window_s * SECOND_US;
    return now_us - now_us % length_us;
}

static void roll(struct kept_window *kept, int64_t now_us)
{
    int64_t start_us = window_start_us(&kept->window, now_us);
    if (start_us == kept->seen_us)
        return;
    kept->seen_us = kept->anchor_us = start_us;
    kept->window.remaining = kept->anchor_remaining = kept->window.limit;
    kept->window.reset_at_us = start_us + kept->window.window_s * SECOND_US;
}

void limits_declare(struct limits *limits, const struct limit_window *declared, size_t count, int64_t now_us)
{
    struct limits before = *limits;
    size_t kept = 0;
    for (size_t i = 0; i < limits->count; ++i) {
        if (!limits->kept[i].counted)
            limits->kept[kept++] = limits->kept[i];
    }
    limits->count = kept;
    for (size_t i = 0; i < count; ++i) {
        const struct kept_window *known = find(&before, &declared[i], true);
        struct kept_window *fresh = place(limits);
        if (fresh == NULL)
            return;
        if (known != NULL && known->window.limit == declared[i].limit) {
            *fresh = *known;
            continue;
        }
        *fresh = (struct kept_window){.window = declared[i], .counted = true};
        roll(fresh, now_us);
    }
}

void limits_spend(struct limits *limits, int64_t requests, int64_t tokens, int64_t now_us)
{
    for (size_t i = 0; i < limits->count; ++i) {
        struct kept_window *kept = &limits->kept[i];
        if (!kept->counted)
            continue;
        roll(kept, now_us);
        int64_t spent = strcmp(kept->window.unit, "tokens") == 0 ? tokens : requests;
        kept->window.remaining = fmax(0, kept->window.remaining - (double)spent);
    }
}

void limits_overrule(struct limits *limits)
{
    for (size_t i = 0; i < limits->count; ++i) {
        struct kept_window *kept = &limits->kept[i];
        if (!kept->counted && kept->window.remaining == 0 && kept->window.limit != 0) {
            kept->window.remaining = -1;
            kept->window.reset_at_us = 0;
        }
    }
}

/* -- what it says -- */

static double used_percent(const struct limit_window *window)
{
    if (window->limit <= 0 || window->remaining < 0)
        return -1; /* a limit of 0 is "never" at one provider and "none" at another */
    return fmax(0, 100 * (1 - window->remaining / window->limit));
}

static int64_t exhausted_at_us(const struct kept_window *kept, int64_t now_us)
{
    double used = kept->anchor_remaining - kept->window.remaining;
    int64_t until_us = kept->counted ? now_us : kept->seen_us, span_us = until_us - kept->anchor_us;
    if (kept->window.remaining == 0)
        return kept->window.limit > 0 ? until_us : 0;
    if (kept->window.remaining < 0 || used <= 0 || span_us < RATE_SPAN_MIN_US)
        return 0;
    double left_us = kept->window.remaining / used * (double)span_us;
    if (left_us > (double)(366 * DAY_US))
        return 0;
    int64_t at_us = until_us + (int64_t)left_us;
    return kept->window.reset_at_us == 0 || at_us < kept->window.reset_at_us ? at_us : 0;
}

/* The window as it stands now: what does not hold any more is not known. */
static struct kept_window present(const struct kept_window *kept, int64_t now_us)
{
    struct kept_window shown = *kept;
    if (shown.counted) {
        roll(&shown, now_us);
    } else if (!holds(kept, now_us)) {
        shown.window.remaining = -1;
        shown.window.reset_at_us = 0;
    }
    return shown;
}

double limits_used_percent(const struct limits *limits, int64_t now_us)
{
    double tightest = -1;
    for (size_t i = 0; i < limits->count; ++i) {
        struct kept_window shown = present(&limits->kept[i], now_us);
        tightest = fmax(tightest, used_percent(&shown.window));
    }
    return tightest;
}

double limits_daily(const struct limits *limits, bool tokens)
{
    double least = 0;
    for (size_t i = 0; i < limits->count; ++i) {
        const struct limit_window *window = &limits->kept[i].window;
        bool of_tokens = strcmp(window->unit, "requests") != 0;
        if (window->window_s < 86400 || window->limit <= 0 || of_tokens != tokens ||
            (of_tokens && strstr(window->unit, "tokens") == NULL))
            continue;
        double a_day = window->limit * 86400 / (double)window->window_s;
        if (least == 0 || a_day < least)
            least = a_day;
    }
    return least;
}

size_t limits_view(const struct limits *limits, int64_t now_us, struct limit_view views[LIMIT_WINDOWS_MAX])
{
    for (size_t i = 0; i < limits->count; ++i) {
        struct kept_window shown = present(&limits->kept[i], now_us);
        views[i] = (struct limit_view){
            .window = shown.window,
            .used_percent = used_percent(&shown.window),
            .exhausted_at_us = exhausted_at_us(&shown, now_us),
            .rate_span_us = (shown.counted ? now_us : shown.seen_us) - shown.anchor_us,
            .seen_us = shown.seen_us,
            .counted = shown.counted,
        };
    }
    return limits->count;
}
