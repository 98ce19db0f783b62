/* limits: what is known of the rate limits and quotas of one key: as answers told them, or as declared and counted
 * here.
 *
 * Windows are kept apart by unit, length and name. What an answer does not mention stays known, and ages: past its
 * reset, or without one past its own length (60 s when that is not told either, a day at most), what remained of it is
 * not known any more; its limit still is, for a day. Times of providers are evidence only: a later answer overrules
 * them. Everything is in wall-clock time, as resets are.
 *
 * Thread: the loop's. Plain values, no allocation.
 */
#ifndef PROVIDERD_HEALTH_LIMITS_H
#define PROVIDERD_HEALTH_LIMITS_H

#include "script/limit_window.h"

#include <stdbool.h>
#include <stddef.h>

struct kept_window {
    struct limit_window window;
    bool counted;      /* declared, and counted by us; else told by an answer */
    int64_t seen_us;   /* when it was last told; of a counted one, when the present window began */
    int64_t anchor_us; /* first sight within the present window: where the rate of use is measured from */
    double anchor_remaining;
};

struct limits {
    size_t count;
    struct kept_window kept[LIMIT_WINDOWS_MAX];
};

/* A window as it is shown. */
struct limit_view {
    struct limit_window window;
    double used_percent;     /* 0-100; -1 = not known */
    int64_t exhausted_at_us; /* when it runs out at the present rate; 0 = not before its reset, or not known */
    int64_t rate_span_us;    /* for how long that rate was measured */
    int64_t seen_us;
    bool counted;
};

/* Replaces the declared ones; those that stay the same keep their counts. */
void limits_declare(struct limits *limits, const struct limit_window *declared, size_t count, int64_t now_us);

/* Takes what an answer told. */
void limits_take(struct limits *limits, const struct limit_window *told, size_t count, int64_t now_us);

/* Counts what we spent ourselves into the declared windows. */
void limits_spend(struct limits *limits, int64_t requests, int64_t tokens, int64_t now_us);

/* A success overrules an exhausted window: what was told as spent is not known any more. */
void limits_overrule(struct limits *limits);

/* The share of the tightest window that is used up, 0-100; -1 when none is known. */
double limits_used_percent(const struct limits *limits, int64_t now_us);

/* The limit of tokens (`tokens`) or requests for windows of a day or longer, 0 when none is known: what deep probes may
 * take a share of. */
double limits_daily(const struct limits *limits, bool tokens);

/* Fills `views` with all that is known. Returns their number. */
size_t limits_view(const struct limits *limits, int64_t now_us, struct limit_view views[LIMIT_WINDOWS_MAX]);

#endif
