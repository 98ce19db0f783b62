#include "health/forecast.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)

static const double ALARM = 0.5, ALARM_OVER = 0.3;
static const double RISK_MIN = 0.1; /* less is not told, and not counted */
static const double LIMIT_HORIZON_S = 7200;
static const double REFUSED_MIN_S = 60;

/* -- limits -- */

/* When a window is renewed; 0 = not known. */
static int64_t renewed_at_us(const struct limit_view *view)
{
    if (view->window.reset_at_us != 0)
        return view->window.reset_at_us;
    return view->window.window_s != 0 ? view->seen_us + view->window.window_s * SECOND_US : 0;
}

static double window_risk(const struct limit_view *view, int64_t now_us)
{
    int64_t renewed_us = renewed_at_us(view);
    double left_s = (double)(view->exhausted_at_us - now_us) / 1e6, renewed_s = (double)(renewed_us - now_us) / 1e6;
    if (view->exhausted_at_us == 0)
        return 0;
    left_s = fmax(1, left_s);
    if (renewed_us != 0 && renewed_s - (view->window.remaining == 0 ? 0 : left_s) < REFUSED_MIN_S)
        return 0;
    if (view->window.remaining == 0)
        return 0.95;
    /* The error of a rate that was measured for `span` and carried on for `left`, in logarithms. */
    double span_s = fmax(1, (double)view->rate_span_us / 1e6), error = 0.15 + 0.15 * sqrt(left_s / span_s);
    double sooner = renewed_us != 0 ? 0.5 * erfc(-log(renewed_s / left_s) / error / sqrt(2)) : 1;
    double believed = span_s / (span_s + left_s / 8);
    return 0.95 * fmin(1, LIMIT_HORIZON_S / left_s) * sooner * believed;
}

static void clock_text(int64_t at_us, char out[16])
{
    time_t seconds = (time_t)(at_us / SECOND_US);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(out, 16, "%H:%M", &parts);
}

static void say_span(double seconds, char *out, size_t out_size)
{
    if (seconds < 5400)
        snprintf(out, out_size, "%.0f minutes", fmax(1, seconds / 60));
    else
        snprintf(out, out_size, "%.1f hours", seconds / 3600);
}

static void describe_window(const struct limit_view *view, char *detail, size_t detail_size)
{
    int64_t renewed_us = renewed_at_us(view);
    char at[16], span[32];
    const char *spent = view->window.remaining == 0 ? "are used up" : "run out at ";
    clock_text(view->exhausted_at_us, at);
    if (view->window.remaining == 0)
        at[0] = '\0';
    if (renewed_us == 0) {
        snprintf(detail, detail_size, "%s %s%s%s", view->window.unit, spent, at, at[0] != '\0' ? " UTC" : "");
        return;
    }
    if (view->window.remaining == 0) {
        clock_text(renewed_us, at);
        snprintf(detail, detail_size, "%s are used up until %s UTC", view->window.unit, at);
        return;
    }
    say_span((double)(renewed_us - view->exhausted_at_us) / 1e6, span, sizeof(span));
    snprintf(detail, detail_size, "%s run out at %s UTC, %s before the reset", view->window.unit, at, span);
}

double forecast_limit_risk(const struct limits *limits, int64_t now_us, char *detail, size_t detail_size)
{
    struct limit_view views[LIMIT_WINDOWS_MAX];
    size_t count = limits_view(limits, now_us, views), worst = 0;
    double most = 0;
    for (size_t i = 0; i < count; ++i) {
        double risk = window_risk(&views[i], now_us);
        if (risk > most) {
            most = risk;
            worst = i;
        }
    }
    if (most > 0)
        describe_window(&views[worst], detail, detail_size);
    return most;
}

/* The best-off key is the one to be asked. */
static double least_limit_risk(const struct limits *const *limits, size_t count, int64_t now_us, char *detail,
                               size_t detail_size)
{
    double least = count != 0 ? forecast_limit_risk(limits[0], now_us, detail, detail_size) : 0;
    for (size_t i = 1; i < count && least > 0; ++i) {
        char other[FORECAST_DETAIL_MAX] = "";
        double risk = forecast_limit_risk(limits[i], now_us, other, sizeof(other));
        if (risk < least) {
            least = risk;
            snprintf(detail, detail_size, "%s", other);
        }
    }
    return least;
}

/* -- what comes in -- */

void forecast_take(struct forecast *forecast, int64_t now_us, bool up, double latency_ms)
{
    change_point_take(&forecast->errors, up);
    season_take(&forecast->season, now_us, up);
    if (up && latency_ms >= 0)
        drift_take(&forecast->latency, now_us, latency_ms);
}

void forecast_add_hour(struct forecast *forecast, const struct past_hour *hour)
{
    if (forecast->primed)
        return;
    int64_t failed = hour->checks - hour->up;
    change_point_add_hour(&forecast->errors, (double)hour->checks, (double)failed);
    season_add_hour(&forecast->season, hour->start_s, hour->checks, failed);
}

void forecast_primed(struct forecast *forecast)
{
    season_primed(&forecast->season);
    forecast->primed = true;
}

/* -- what is to be expected -- */

static void add_signal(struct forecast_view *view, const char *name, double risk, const char *detail)
{
    size_t at = view->count;
    if (!(risk >= RISK_MIN))
        return;
    for (; at > 0 && view->signals[at - 1].risk < risk; --at)
        view->signals[at] = view->signals[at - 1];
    view->signals[at] = (struct forecast_signal){.name = name, .risk = round(risk * 1000) / 1000};
    snprintf(view->signals[at].detail, sizeof(view->signals[at].detail), "%s", detail);
    ++view->count;
}

void forecast_look(const struct forecast *forecast, int64_t now_us, double threshold_ms,
                   const struct limits *const *limits, size_t limits_count, struct forecast_view *view)
{
    char detail[FORECAST_DETAIL_MAX] = "";
    double none = 1;
    *view = (struct forecast_view){0};
    add_signal(view, "errors", change_point_risk(&forecast->errors, detail, sizeof(detail)), detail);
    add_signal(view, "latency", drift_risk(&forecast->latency, threshold_ms, detail, sizeof(detail)), detail);
    add_signal(view, "season", season_risk(&forecast->season, now_us, detail, sizeof(detail)), detail);
    add_signal(view, "limit", least_limit_risk(limits, limits_count, now_us, detail, sizeof(detail)), detail);
    for (size_t i = 0; i < view->count; ++i)
        none *= 1 - view->signals[i].risk;
    view->risk = round((1 - none) * 1000) / 1000;
    if (view->count == 1)
        snprintf(view->reason, sizeof(view->reason), "%s", view->signals[0].detail);
    else if (view->count > 1)
        snprintf(view->reason, sizeof(view->reason), "%s; %s", view->signals[0].detail, view->signals[1].detail);
}

int forecast_alarm(struct forecast *forecast, double risk)
{
    if (!forecast->alarmed && risk >= ALARM) {
        forecast->alarmed = true;
        return 1;
    }
    if (forecast->alarmed && risk < ALARM_OVER) {
        forecast->alarmed = false;
        return -1;
    }
    return 0;
}
