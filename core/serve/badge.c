/* badge: small pictures of one provider's state, uptime and latency, for pages elsewhere. */
#include "health/stats_view.h"
#include "serve/handlers.h"

#include <stdio.h>
#include <string.h>

enum { CHARACTER_WIDTH = 7, PADDING = 10, HEIGHT = 20, VALUE_MAX = 32 };

static const char SVG_TYPE[] = "image/svg+xml";

static const char GREEN[] = "#1a7f4e", AMBER[] = "#8a5a00", RED[] = "#b3261e",
                  GREY[] = "#66706c"; /* white on them: 4.5 and more */

static int width_of(const char *text)
{
    return (int)strlen(text) * CHARACTER_WIDTH + 2 * PADDING;
}

static void add_text(struct buf *out, int x, const char *text)
{
    buf_printf(out, "<text x=\"%d\" y=\"14\">%s</text>", x, text);
}

/* Names of providers and our own words need no escaping. */
static void render(struct buf *out, const char *label, const char *value, const char *colour)
{
    int left = width_of(label), right = width_of(value);
    buf_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s: %s\">"
        "<title>%s: %s</title><rect width=\"%d\" height=\"%d\" rx=\"4\" fill=\"#3a4441\"/>"
        "<path d=\"M%d 0h%da4 4 0 0 1 4 4v12a4 4 0 0 1-4 4h-%dz\" fill=\"%s\"/>"
        "<g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" text-anchor=\"middle\">",
        left + right, HEIGHT, label, value, label, value, left + right, HEIGHT, left, right - 4, right - 4, colour);
    add_text(out, left / 2, label);
    add_text(out, left + right / 2, value);
    buf_append_text(out, "</g></svg>\n");
}

static void answer(struct request *request, const char *tag, const char *label, const char *value, const char *colour)
{
    struct buf body = BUF_EMPTY;
    render(&body, label, value, colour);
    reply_tagged(request, tag, SVG_TYPE, &body);
}

static const char *colour_of(enum health_status status)
{
    static const char *const colours[] = {
        [HEALTH_UNKNOWN] = GREY, [HEALTH_HEALTHY] = GREEN, [HEALTH_DEGRADED] = AMBER, [HEALTH_DOWN] = RED};
    return colours[status];
}

void handle_badge_status(struct request *request)
{
    char tag[PROVIDER_NAME_MAX + 16];
    const struct provider_view *view = named_provider(request);
    if (view == NULL)
        return;
    snprintf(tag, sizeof(tag), "badge-%s", view->name);
    answer(request, tag, view->name, health_status_name(view->status), colour_of(view->status));
}

void handle_badge_latency(struct request *request)
{
    char tag[PROVIDER_NAME_MAX + 16], value[VALUE_MAX] = "unknown";
    const struct provider_view *view = named_provider(request);
    if (view == NULL)
        return;
    bool known = view->lead->last_check_us != 0 && view->status != HEALTH_DOWN;
    if (known)
        snprintf(value, sizeof(value), "%.0f ms", view->lead->response_time_ms);
    bool slow = view->lead->response_time_ms > view->degraded_latency_ms;
    snprintf(tag, sizeof(tag), "latency-%s", view->name);
    answer(request, tag, view->name, value, !known ? GREY : slow ? AMBER : GREEN);
}

static void answer_uptime(struct request *request, enum stats_window window)
{
    char tag[PROVIDER_NAME_MAX + 24], label[PROVIDER_NAME_MAX + 16], value[VALUE_MAX] = "unknown";
    const struct provider_view *view = named_provider(request);
    const char *colour = GREY;
    if (view == NULL)
        return;
    const struct uptime_summary *uptime = view->stats != NULL ? &view->stats->windows[window].uptime : NULL;
    if (uptime != NULL && uptime->checks != 0) {
        snprintf(value, sizeof(value), "%.2f %%", uptime->percent);
        colour = uptime->percent >= 99 ? GREEN : uptime->percent >= 90 ? AMBER : RED;
    }
    snprintf(tag, sizeof(tag), "uptime-%s-%s", stats_window_name(window), view->name);
    snprintf(label, sizeof(label), "%s, %s", view->name, stats_window_name(window));
    answer(request, tag, label, value, colour);
}

void handle_badge_uptime_day(struct request *request)
{
    answer_uptime(request, STATS_DAY);
}

void handle_badge_uptime_week(struct request *request)
{
    answer_uptime(request, STATS_WEEK);
}

void handle_badge_uptime_month(struct request *request)
{
    answer_uptime(request, STATS_MONTH);
}
