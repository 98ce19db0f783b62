#include "serve/render_stats.h"

#include "serve/render_view.h"

/* Thousandths say all that was measured. */
static void write_rounded(struct json *j, const char *key, double value)
{
    json_key(j, key);
    json_double(j, (double)(int64_t)(value * 1000 + 0.5) / 1000);
}

static void write_uptime(struct json *j, const struct uptime_summary *uptime)
{
    json_key(j, "checks");
    json_uint(j, uptime->checks);
    json_key(j, "up");
    json_uint(j, uptime->up);
    write_rounded(j, "uptime_percent", uptime->percent);
    json_key(j, "uptime_interval");
    if (uptime->checks == 0) {
        json_null(j);
        return;
    }
    json_array(j);
    json_double(j, (double)(int64_t)(uptime->low * 1000 + 0.5) / 1000);
    json_double(j, (double)(int64_t)(uptime->high * 1000 + 0.5) / 1000);
    json_end(j);
}

static void write_measure(struct json *j, const char *key, const struct measure_summary *measure)
{
    json_key(j, key);
    if (measure->count == 0) {
        json_null(j);
        return;
    }
    json_object(j);
    json_key(j, "count");
    json_uint(j, measure->count);
    write_rounded(j, "min", measure->min);
    write_rounded(j, "max", measure->max);
    write_rounded(j, "mean", measure->mean);
    write_rounded(j, "p50", measure->p50);
    write_rounded(j, "p95", measure->p95);
    write_rounded(j, "p99", measure->p99);
    json_end(j);
}

static void write_kinds(struct json *j, const struct stats_view *view, enum stats_window window)
{
    json_key(j, "errors"); /* also those that are no outage: "rate" */
    json_object(j);
    for (size_t i = window == 0 ? 0 : view->kinds_end[window - 1]; i < view->kinds_end[window]; ++i) {
        json_key(j, view->kinds[i].name);
        json_uint(j, view->kinds[i].count);
    }
    json_end(j);
}

static void write_seconds_or_null(struct json *j, const char *key, int64_t us)
{
    if (us != 0) {
        write_rounded(j, key, (double)us / 1e6);
    } else {
        json_key(j, key);
        json_null(j);
    }
}

static void write_outages(struct json *j, const struct outage_summary *outages)
{
    json_key(j, "outages");
    json_uint(j, outages->count);
    write_rounded(j, "down_s", (double)outages->down_us / 1e6);
    write_seconds_or_null(j, "mtbf_s", outages->mtbf_us);
    write_seconds_or_null(j, "mttr_s", outages->mttr_us);
}

static void write_streak(struct json *j, const struct streak *streak)
{
    json_key(j, "streak");
    if (streak->checks == 0) {
        json_null(j);
        return;
    }
    json_object(j);
    json_key(j, "up");
    json_bool(j, streak->up);
    json_key(j, "checks");
    json_uint(j, streak->checks);
    write_time_or_null(j, "since", streak->since_us);
    json_end(j);
}

static void write_busy(struct json *j, const struct uptime_summary *busy)
{
    json_key(j, "busy_hours");
    if (busy->checks == 0) {
        json_null(j);
        return;
    }
    json_object(j);
    write_uptime(j, busy);
    json_end(j);
}

void write_stats(struct json *j, const struct stats_view *view, enum stats_window window)
{
    json_key(j, "stats");
    if (view == NULL) {
        json_null(j);
        return;
    }
    const struct window_summary *summary = &view->windows[window];
    json_object(j);
    json_member_text(j, "window", stats_window_name(window));
    write_uptime(j, &summary->uptime);
    write_busy(j, &summary->busy);
    json_key(j, "unknown");
    json_uint(j, summary->unknown);
    write_measure(j, "latency_ms", &summary->latency_ms);
    write_measure(j, "first_token_ms", &summary->first_token_ms);
    write_measure(j, "tokens_per_second", &summary->tokens_per_second);
    write_kinds(j, view, window);
    write_outages(j, &view->outages[window]);
    write_streak(j, &view->streak);
    write_time_or_null(j, "complete_since", summary->since_s * 1000000);
    json_end(j);
}
