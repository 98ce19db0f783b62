#include "health/target.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum health_status target_judge(const struct target *target, const struct verdict *verdict, unsigned failures)
{
    enum health_status status = HEALTH_UNKNOWN;
    if (verdict->judged && health_status_parse(verdict->status, &status))
        return status;
    return failures >= target->settings.max_consecutive_failures ? HEALTH_DOWN : HEALTH_DEGRADED;
}

static void log_change(const struct target *target, enum health_status before, const struct provider_view *view)
{
    if (before == view->status)
        return;
    enum log_level level = view->status == HEALTH_HEALTHY ? LOG_INFO : LOG_WARNING;
    log_line(level, "health", "%s: %s -> %s (%s)%s%s", target->name, health_status_name(before),
             health_status_name(view->status), view->reason, view->error_message[0] != '\0' ? ": " : "",
             view->error_message);
}

static void fill_view(struct provider_view *view, const struct target *target, const struct verdict *verdict)
{
    const char *reason = verdict->judged && verdict->reason[0] != '\0' ? verdict->reason : verdict->kind;

    view->status = target->status;
    view->response_time_ms = verdict->latency_ms;
    view->rate_limit_percent = verdict->rate_limit_percent >= 0 ? verdict->rate_limit_percent : 0;
    view->last_check_us = clock_wall_us();
    view->retry_at_us = verdict->retry_at_us;
    view->consecutive_failures = target->consecutive_failures;
    view->score = verdict->score;
    view->http_status = verdict->http_status;
    view->phases = verdict->phases;
    snprintf(view->reason, sizeof(view->reason), "%s", reason);
    snprintf(view->error_message, sizeof(view->error_message), "%s", verdict->message);
}

bool target_take_verdict(struct target *target, const struct verdict *verdict, int64_t next_check_us)
{
    bool up = verdict->judged && (verdict->ok || verdict->limited);
    enum health_status before = target->status;
    uint64_t now_us = window_now_us();

    target->consecutive_failures = up ? 0 : target->consecutive_failures + 1;
    target->status = target_judge(target, verdict, target->consecutive_failures);
    window_add(&target->window, now_us, up, 1);

    struct provider_view *view = provider_view_new(target->name);
    if (view == NULL)
        return false;
    const struct script_provider *provider = script_provider(target->settings.script, target->settings.index);
    snprintf(view->title, sizeof(view->title), "%s", provider->title);
    fill_view(view, target, verdict);
    view->uptime_percent = window_uptime_percent(&target->window, now_us);
    view->next_check_us = next_check_us;
    provider_view_release(target->view);
    target->view = view;
    log_change(target, before, view);
    return true;
}
