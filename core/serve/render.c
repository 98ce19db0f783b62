#include "serve/render.h"

#include "base/clock.h"
#include "serve/render_view.h"

#include <stdlib.h>
#include <string.h>

/* -- one provider -- */

void render_provider(struct buf *out, const struct provider_view *view, enum stats_window window, int64_t now_us)
{
    struct json j = json_begin(out);
    json_object(&j);
    json_key(&j, "provider_name");
    json_text(&j, view->name);
    write_view(&j, view, window, true, now_us);
    json_end(&j);
}

/* -- all of them -- */

static void write_absences(struct json *j, const char *key, const struct snapshot *snapshot, bool broken)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < snapshot->absence_count; ++i) {
        const struct provider_absence *absence = &snapshot->absences[i];
        if (absence->broken != broken)
            continue;
        json_object(j);
        json_key(j, "name");
        json_text(j, absence->name);
        json_key(j, "message");
        json_text(j, absence->message);
        json_end(j);
    }
    json_end(j);
}

void render_status(struct buf *out, const struct snapshot *snapshot, enum stats_window window)
{
    struct json j = json_begin(out);
    json_object(&j);
    json_key(&j, "timestamp");
    json_time(&j, snapshot->published_us);
    json_key(&j, "providers");
    json_object(&j);
    for (size_t i = 0; i < snapshot->count; ++i) {
        json_key(&j, snapshot->providers[i]->name);
        json_object(&j);
        write_view(&j, snapshot->providers[i], window, false, snapshot->published_us);
        json_end(&j);
    }
    json_end(&j);
    json_key(&j, "version");
    json_uint(&j, snapshot->version);
    write_absences(&j, "not_configured", snapshot, false);
    write_absences(&j, "broken", snapshot, true);
    json_end(&j);
}

/* The damaged database that was replaced by a new one. */
static void write_set_aside(struct json *j, const struct set_aside *set_aside)
{
    json_key(j, "set_aside");
    if (set_aside->time_us == 0) {
        json_null(j);
        return;
    }
    json_object(j);
    json_key(j, "path");
    json_text(j, set_aside->path);
    write_time_or_null(j, "time", set_aside->time_us);
    json_key(j, "reason");
    json_text(j, set_aside->reason);
    json_key(j, "carried_over");
    json_uint(j, set_aside->carried_over);
    json_end(j);
}

static void write_store(struct json *j, const struct store_report *store)
{
    json_key(j, "store");
    json_object(j);
    json_key(j, "writable");
    json_bool(j, store->writable);
    json_key(j, "error");
    json_text(j, store->error);
    write_time_or_null(j, "failing_since", store->failing_since_us);
    json_key(j, "written");
    json_uint(j, store->written);
    json_key(j, "queued");
    json_uint(j, store->queued);
    json_key(j, "rolled_up");
    json_uint(j, store->rolled_up);
    json_key(j, "dropped");
    json_uint(j, store->dropped);
    write_time_or_null(j, "last_commit", store->last_commit_us);
    write_set_aside(j, &store->set_aside);
    json_end(j);
}

static bool has_broken(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->absence_count; ++i) {
        if (snapshot->absences[i].broken)
            return true;
    }
    return false;
}

static void write_script_error(struct json *j, struct lua_meter *meter)
{
    struct lua_figures figures;
    lua_meter_read(meter, &figures);
    if (figures.errors == 0)
        return;
    json_object(j);
    json_member_text(j, "file", lua_meter_path(meter));
    json_key(j, "errors");
    json_uint(j, figures.errors);
    write_time_or_null(j, "last", figures.last_error_us);
    json_member_text(j, "message", figures.last_error);
    json_end(j);
}

/* The scripts and policies that were at fault since they were loaded. */
static void write_script_errors(struct json *j, const struct lua_meters *meters, const struct policy_host *policies)
{
    struct lua_meter *meter;
    json_key(j, "script_errors");
    json_array(j);
    for (size_t i = 0; i < lua_meters_count(meters); ++i)
        write_script_error(j, lua_meters_at(meters, i));
    for (size_t i = 0; policies != NULL && (meter = policy_meter(policies, i)) != NULL; ++i)
        write_script_error(j, meter);
    json_end(j);
}

void render_health(struct buf *out, const struct snapshot *snapshot, const struct store_report *store,
                   const struct policy_host *policies)
{
    bool well = store->writable && snapshot->last_reload_error == NULL && !has_broken(snapshot);
    struct json j = json_begin(out);

    json_object(&j);
    json_key(&j, "status");
    json_text(&j, well ? "healthy" : "degraded");
    json_key(&j, "providers_monitored");
    json_uint(&j, snapshot->count);
    json_key(&j, "check_interval_minutes");
    if (snapshot->check_interval_ms % 60000 == 0)
        json_int(&j, snapshot->check_interval_ms / 60000);
    else
        json_double(&j, (double)snapshot->check_interval_ms / 60000);
    json_key(&j, "running");
    json_bool(&j, true);
    json_key(&j, "version");
    json_uint(&j, snapshot->version);
    write_store(&j, store);
    json_key(&j, "reloads");
    json_uint(&j, snapshot->reloads);
    write_time_or_null(&j, "last_reload", snapshot->last_reload_us);
    json_key(&j, "last_reload_error");
    json_text(&j, snapshot->last_reload_error);
    json_key(&j, "loop_lag_ms");
    json_double(&j, (double)snapshot->loop_lag_us / 1000);
    json_key(&j, "probes_in_flight");
    json_uint(&j, snapshot->probes_in_flight);
    json_key(&j, "probes_waiting");
    json_uint(&j, snapshot->probes_waiting);
    json_key(&j, "probe_lag_ms");
    json_double(&j, (double)snapshot->probe_lag_us / 1000);
    write_script_errors(&j, snapshot->meters, policies);
    write_absences(&j, "broken_scripts", snapshot, true);
    write_absences(&j, "not_configured", snapshot, false);
    json_end(&j);
}

void render_error(struct buf *out, const char *detail)
{
    struct json j = json_begin(out);
    json_object(&j);
    json_key(&j, "detail");
    json_text(&j, detail);
    json_end(&j);
}

/* -- CSV -- */

void render_csv_text(struct buf *out, const char *text)
{
    bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    if (strpbrk(text, ",\"\r\n") == NULL) {
        if (formula)
            buf_append_char(out, '\'');
        buf_append_text(out, text);
        return;
    }
    buf_append_char(out, '"');
    if (formula)
        buf_append_char(out, '\'');
    for (; *text != '\0'; ++text) {
        if (*text == '"')
            buf_append_char(out, '"');
        buf_append_char(out, *text);
    }
    buf_append_char(out, '"');
}

static int by_uptime_then_latency(const void *a, const void *b)
{
    const struct provider_view *x = *(const struct provider_view *const *)a;
    const struct provider_view *y = *(const struct provider_view *const *)b;
    if (x->uptime_percent != y->uptime_percent)
        return x->uptime_percent > y->uptime_percent ? -1 : 1;
    if (x->lead->response_time_ms != y->lead->response_time_ms)
        return x->lead->response_time_ms < y->lead->response_time_ms ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void write_csv_row(struct buf *out, const struct provider_view *view)
{
    char time[CLOCK_ISO_MAX] = "never";
    struct json number;

    render_csv_text(out, view->name);
    buf_printf(out, ",%s,", health_status_name(view->status));
    number = json_begin(out); /* a number is written alike in both */
    json_double(&number, view->lead->response_time_ms);
    buf_append_char(out, ',');
    number = json_begin(out);
    json_double(&number, view->uptime_percent);
    buf_append_char(out, ',');
    number = json_begin(out);
    json_double(&number, view->lead->rate_limit_percent);
    if (view->lead->last_check_us != 0)
        clock_format_rfc3339(view->lead->last_check_us, time);
    buf_printf(out, ",%s,%u\n", time, view->lead->consecutive_failures);
}

int render_csv(struct buf *out, const struct snapshot *snapshot)
{
    const struct provider_view **sorted = calloc(snapshot->count + 1, sizeof(*sorted));
    if (sorted == NULL)
        return -1;
    for (size_t i = 0; i < snapshot->count; ++i)
        sorted[i] = snapshot->providers[i];
    qsort(sorted, snapshot->count, sizeof(*sorted), by_uptime_then_latency);
    buf_append_text(out, "provider_name,status,response_time_ms,uptime_percent,rate_limit_percent,"
                         "last_check_timestamp,consecutive_failures\n");
    for (size_t i = 0; i < snapshot->count; ++i)
        write_csv_row(out, sorted[i]);
    free(sorted);
    return 0;
}
