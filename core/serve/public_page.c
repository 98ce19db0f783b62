/* public_page: what anybody may see of the providers that the owner chose: the page at /status and what it draws.
 *
 * Nothing beyond that: no reasons, no errors, no keys; and no parameter of a request is looked at.
 */
#include "base/json.h"
#include "health/stats_view.h"
#include "serve/handlers.h"
#include "serve/render_view.h"

#include <string.h>

static const char UPTIME_QUERY[] = "hours=720&step=1d"; /* what the page has bars for */

static const struct public_page *page_or_refuse(struct request *request)
{
    const struct access *access = request->thread->access;
    const struct public_page *page = access != NULL ? access_public_page(access) : NULL;
    if (page == NULL)
        reply_error(request, 404, "there is no public page: `public_page` in the configuration makes one");
    return page;
}

void handle_public_page(struct request *request)
{
    static const char path[] = "/status/index.html";
    if (page_or_refuse(request) == NULL)
        return;
    const struct site_file *file = site_find(request->thread->site, path, sizeof(path) - 1);
    if (file == NULL)
        reply_error(request, 404, "no folder of plugin_paths has %s", path + 1);
    else
        reply_file(request, file);
}

/* -- how they are -- */

static void write_uptime(struct json *j, const struct stats_view *stats)
{
    static const enum stats_window windows[] = {STATS_DAY, STATS_WEEK, STATS_MONTH};
    json_key(j, "uptime_percent");
    json_object(j);
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); ++i) {
        const struct uptime_summary *uptime = stats != NULL ? &stats->windows[windows[i]].uptime : NULL;
        json_key(j, stats_window_name(windows[i]));
        if (uptime != NULL && uptime->checks != 0)
            json_double(j, uptime->percent);
        else
            json_null(j);
    }
    json_end(j);
}

static void write_incidents(struct json *j, const struct stats_view *stats)
{
    json_key(j, "incidents");
    json_array(j);
    for (size_t i = stats != NULL ? stats->outage_count : 0; i-- > 0;) {
        const struct outage_span *outage = &stats->latest_outages[i];
        json_object(j);
        write_time_or_null(j, "started", outage->started_us);
        write_time_or_null(j, "ended", outage->ended_us);
        json_end(j);
    }
    json_end(j);
}

static void write_provider(struct json *j, const struct public_page *page, const struct provider_view *view)
{
    bool measured = view->lead->last_check_us != 0 && view->status != HEALTH_DOWN;
    json_object(j);
    json_member_text(j, "name", view->name);
    json_member_text(j, "title", view->title);
    json_member_text(j, "status", health_status_name(view->status));
    write_uptime(j, view->stats);
    if (page->latency) {
        json_key(j, "latency_ms");
        if (measured)
            json_double(j, view->lead->response_time_ms);
        else
            json_null(j);
    }
    if (page->incidents)
        write_incidents(j, view->stats);
    json_end(j);
}

static int render_public(struct request *request, struct buf *out)
{
    const struct snapshot *snapshot = request->snapshot;
    const struct access *access = request->thread->access;
    const struct public_page *page = access_public_page(access);
    struct json j = json_begin(out);
    json_object(&j);
    json_member_text(&j, "title", page->title);
    json_member_text_or_null(&j, "note", page->note != NULL ? page->note : "");
    write_time_or_null(&j, "updated", snapshot->published_us);
    json_key(&j, "providers");
    json_array(&j);
    for (size_t i = 0; i < snapshot->count; ++i) {
        if (access_publishes(access, snapshot->providers[i]->name))
            write_provider(&j, page, snapshot->providers[i]);
    }
    json_end(&j);
    json_end(&j);
    return 0;
}

void handle_public_status(struct request *request)
{
    if (page_or_refuse(request) != NULL)
        reply_cached(request, CACHED_PUBLIC, "application/json", render_public);
}

/* -- how they were -- */

/* As if these names, and nothing else, had been asked for. */
static void name_published(const struct access *access, const struct snapshot *snapshot, struct span *span)
{
    size_t used = 0;
    for (size_t i = 0; i < snapshot->count && span->name_count < SPAN_NAMES_MAX; ++i) {
        const char *name = snapshot->providers[i]->name;
        size_t size = strlen(name) + 1;
        if (!access_publishes(access, name) || used + size > sizeof(span->names_text))
            continue;
        memcpy(span->names_text + used, name, size);
        span->names[span->name_count++] = span->names_text + used;
        used += size;
    }
}

void handle_public_uptime(struct request *request)
{
    struct span span;
    if (page_or_refuse(request) == NULL)
        return;
    request->query = UPTIME_QUERY;
    request->query_len = sizeof(UPTIME_QUERY) - 1;
    if (!span_read(request, 0, &span))
        return;
    name_published(request->thread->access, request->snapshot, &span);
    if (span.name_count == 0)
        reply_error(request, 404, "none of the providers of the public page is watched");
    else
        handle_uptime_bars(request, &span);
}
