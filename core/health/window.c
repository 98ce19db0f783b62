#include "health/window.h"

#include "base/clock.h"

uint64_t window_now_us(void)
{
    return clock_monotonic_us() + UINT64_C(2) * 24 * 3600 * 1000000;
}

static void drop_bucket(struct window *window, uint64_t number)
{
    unsigned i = (unsigned)(number % WINDOW_BUCKETS);
    window->ok_sum -= window->ok[i];
    window->total_sum -= window->total[i];
    window->ok[i] = window->total[i] = 0;
}

static void advance(struct window *window, uint64_t now_us)
{
    uint64_t number = now_us / 1000000 / WINDOW_BUCKET_S;
    if (number <= window->newest)
        return;
    uint64_t steps = number - window->newest;
    for (uint64_t step = 1; step <= steps && step <= WINDOW_BUCKETS; ++step)
        drop_bucket(window, window->newest + step);
    window->newest = number;
}

static uint16_t saturating_add(uint16_t value, unsigned more)
{
    return more > (unsigned)(UINT16_MAX - value) ? UINT16_MAX : (uint16_t)(value + more);
}

void window_add(struct window *window, uint64_t at_us, unsigned ok, unsigned total)
{
    uint64_t number = at_us / 1000000 / WINDOW_BUCKET_S;
    advance(window, at_us);
    if (window->newest - number >= WINDOW_BUCKETS)
        return;
    unsigned i = (unsigned)(number % WINDOW_BUCKETS);
    uint16_t new_ok = saturating_add(window->ok[i], ok), new_total = saturating_add(window->total[i], total);
    window->ok_sum += (uint32_t)(new_ok - window->ok[i]);
    window->total_sum += (uint32_t)(new_total - window->total[i]);
    window->ok[i] = new_ok;
    window->total[i] = new_total;
}

double window_uptime_percent(struct window *window, uint64_t now_us)
{
    advance(window, now_us);
    return window->total_sum != 0 ? 100.0 * window->ok_sum / window->total_sum : 0.0;
}
