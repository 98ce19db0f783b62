#include "pages.h"

#include "bodies.h"
#include "value.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum format { FORMAT_STATUSPAGE, FORMAT_INCIDENT_IO, FORMAT_INSTATUS, FORMAT_BETTERSTACK, FORMATS };
enum state { STATE_OPERATIONAL, STATE_DEGRADED, STATE_DOWN, STATE_MAINTENANCE, STATES };

struct told_page {
    h2o_mem_pool_t pool; /* of what the JSON was read into */
    enum format format;  /* FORMATS: any */
    enum state state;
    bool honest; /* Instatus tells its issues in page.status too */
    h2o_iovec_t component, updated_at;
    const struct value *incidents; /* an array, or NULL */
};

static const char *const format_names[] = {"statuspage", "incident.io", "instatus", "betterstack"};
static const char *const state_names[] = {"operational", "degraded", "down", "maintenance"};
static const char prefix[] = "page.";

h2o_iovec_t pages_name(h2o_req_t *req, h2o_iovec_t name)
{
    return h2o_concat(&req->pool, h2o_iovec_init(H2O_STRLIT(prefix)), name);
}

struct upstream *pages_upstream(struct stage *stage, h2o_iovec_t name)
{
    char text[UPSTREAM_NAME_MAX + 1];
    int len = snprintf(text, sizeof(text), "%s%.*s", prefix, (int)name.len, name.base);
    return name.len != 0 && (size_t)len < sizeof(text) ? stage_upstream(stage, text, (size_t)len) : NULL;
}

static void told_dispose(void *memory)
{
    struct told_page *told = memory;
    h2o_mem_clear_pool(&told->pool);
}

/* The place of the text among the names; `count` when it is none of them. */
static size_t place_of(h2o_iovec_t text, const char *const *names, size_t count)
{
    size_t i = 0;
    while (i < count && !h2o_memis(text.base, text.len, names[i], strlen(names[i])))
        i++;
    return i;
}

static bool read_told(struct told_page *told, const struct value *json, char error[TEACHING_ERROR_MAX])
{
    const struct value *format = value_member(json, "format"), *incidents = value_member(json, "incidents");
    size_t state = place_of(value_text(value_member(json, "state")), state_names, STATES);
    told->format = (enum format)place_of(value_text(format), format_names, FORMATS);
    if (json->kind != VALUE_OBJECT || state == STATES) {
        snprintf(error, TEACHING_ERROR_MAX, "expected {\"state\": \"operational|degraded|down|maintenance\", ...}");
        return false;
    }
    if (value_is_set(format) && told->format == FORMATS) {
        snprintf(error, TEACHING_ERROR_MAX, "format: expected statuspage, incident.io, instatus or betterstack");
        return false;
    }
    for (const struct value *v = incidents != NULL ? incidents->first : NULL; v != NULL; v = v->next)
        if (value_text(value_member(v, "name")).len == 0) {
            snprintf(error, TEACHING_ERROR_MAX,
                     "incidents: expected [{\"name\": ..., \"impact\": ..., \"since\": ...}]");
            return false;
        }
    told->state = (enum state)state;
    told->incidents = incidents;
    told->honest = value_is_set(value_member(json, "honest"));
    told->component = value_text(value_member(json, "component"));
    told->updated_at = value_text(value_member(json, "updated_at"));
    return true;
}

bool pages_set(struct upstream *upstream, h2o_iovec_t json, char error[TEACHING_ERROR_MAX])
{
    struct told_page *told = h2o_mem_alloc_shared(NULL, sizeof(*told), told_dispose);
    char reason[VALUE_ERROR_MAX];
    memset(told, 0, sizeof(*told));
    h2o_mem_init_pool(&told->pool);
    const struct value *value = value_read(&told->pool, json, reason);
    if (value == NULL)
        snprintf(error, TEACHING_ERROR_MAX, "%s", reason);
    if (value == NULL || !read_told(told, value, error)) {
        h2o_mem_release_shared(told);
        return false;
    }
    pages_clear(upstream);
    upstream->page = told;
    return true;
}

void pages_clear(struct upstream *upstream)
{
    if (upstream->page != NULL)
        h2o_mem_release_shared(upstream->page);
    upstream->page = NULL;
}

static void member(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_text(j, text);
}

static void member_text(struct json *j, const char *key, h2o_iovec_t text, const char *fallback)
{
    json_key(j, key);
    json_bytes(j, text.len != 0 ? text.base : fallback, text.len != 0 ? text.len : strlen(fallback));
}

/* When the page was last touched: as told, or now. */
static void member_updated(struct json *j, const struct told_page *page)
{
    char now[CLOCK_ISO_MAX];
    clock_format_rfc3339(clock_wall_us(), now);
    member_text(j, "updated_at", page->updated_at, now);
}

/* Statuspage's summary.json; incident.io serves the same with a word of its own for the worst. */
static void write_statuspage(struct json *j, const struct told_page *page, const char *name, enum format format)
{
    static const char *const indicators[] = {"none", "minor", "critical", "maintenance"};
    static const char *const descriptions[] = {"All Systems Operational", "Partially Degraded Service",
                                               "Major Service Outage", "Service Under Maintenance"};
    static const char *const states[] = {"operational", "degraded_performance", "major_outage", "under_maintenance"};
    bool full = format == FORMAT_INCIDENT_IO && page->state == STATE_DOWN;
    json_key(j, "page");
    json_object(j);
    member(j, "id", "simpage");
    member(j, "name", name);
    member(j, "url", "https://status.sim.example");
    member_updated(j, page);
    json_end(j);
    json_key(j, "status");
    json_object(j);
    member(j, "indicator", indicators[page->state]);
    member(j, "description", descriptions[page->state]);
    json_end(j);
    json_key(j, "components");
    json_array(j);
    for (int i = 0; i < 2; i++) {
        json_object(j);
        member(j, "id", i == 0 ? "simwebsite" : "simapi");
        if (i == 0)
            member(j, "name", "Website");
        else
            member_text(j, "name", page->component, "API");
        member(j, "status", i == 0 ? "operational" : full ? "full_outage" : states[page->state]);
        json_end(j);
    }
    json_end(j);
    json_key(j, "incidents");
    json_array(j);
    for (const struct value *v = page->incidents != NULL ? page->incidents->first : NULL; v != NULL; v = v->next) {
        json_object(j);
        member(j, "id", "simincident");
        member_text(j, "name", value_text(value_member(v, "name")), "");
        member(j, "status", "investigating");
        member_text(j, "impact", value_text(value_member(v, "impact")), "none");
        if (value_is_set(value_member(v, "since"))) {
            member_text(j, "created_at", value_text(value_member(v, "since")), "");
            member_text(j, "started_at", value_text(value_member(v, "since")), "");
        }
        json_end(j);
    }
    json_end(j);
    json_key(j, "scheduled_maintenances");
    json_raw(j, "[]", 2);
}

static const char *instatus_impact(h2o_iovec_t impact)
{
    static const char *const ours[] = {"none", "minor", "major", "critical", "maintenance"};
    static const char *const theirs[] = {"OPERATIONAL", "DEGRADEDPERFORMANCE", "PARTIALOUTAGE",
                                         "MAJOROUTAGE", "UNDERMAINTENANCE",    "PARTIALOUTAGE"};
    return theirs[place_of(impact, ours, sizeof(ours) / sizeof(ours[0]))];
}

/* Instatus: below /api/v2 the status alone, and UP in the middle of an incident; elsewhere the incidents beside it. */
static void write_instatus(struct json *j, const struct told_page *page, const char *name, bool status_alone)
{
    bool issues = page->state == STATE_DEGRADED || page->state == STATE_DOWN;
    const char *status = page->state == STATE_MAINTENANCE ? "UNDERMAINTENANCE"
                         : issues && page->honest         ? "HASISSUES"
                                                          : "UP";
    json_key(j, "page");
    json_object(j);
    member(j, "name", name);
    member(j, "url", "https://status.sim.example");
    member(j, "status", status_alone && page->state != STATE_MAINTENANCE ? "UP" : status);
    json_end(j);
    if (status_alone)
        return;
    json_key(j, "activeIncidents");
    json_array(j);
    for (const struct value *v = page->incidents != NULL ? page->incidents->first : NULL; v != NULL; v = v->next) {
        json_object(j);
        member_text(j, "name", value_text(value_member(v, "name")), "");
        if (value_is_set(value_member(v, "since")))
            member_text(j, "started", value_text(value_member(v, "since")), "");
        member(j, "status", "INVESTIGATING");
        member(j, "impact", instatus_impact(value_text(value_member(v, "impact"))));
        member(j, "url", "https://status.sim.example/simincident");
        json_end(j);
    }
    json_end(j);
}

static void write_instatus_components(struct json *j, const struct told_page *page)
{
    static const char *const states[] = {"OPERATIONAL", "DEGRADEDPERFORMANCE", "MAJOROUTAGE", "UNDERMAINTENANCE"};
    json_key(j, "components");
    json_array(j);
    json_object(j);
    member(j, "id", "simapi");
    member_text(j, "name", page->component, "API");
    member(j, "status", states[page->state]);
    json_end(j);
    json_end(j);
}

/* Better Stack's index.json: JSON:API. */
static void write_betterstack(struct json *j, const struct told_page *page, const char *name)
{
    static const char *const states[] = {"operational", "degraded", "downtime", "maintenance"};
    json_key(j, "data");
    json_object(j);
    member(j, "id", "100001");
    member(j, "type", "status_page");
    json_key(j, "attributes");
    json_object(j);
    member(j, "company_name", name);
    member(j, "aggregate_state", states[page->state]);
    member_updated(j, page);
    json_end(j);
    json_end(j);
    json_key(j, "included");
    json_array(j);
    json_object(j);
    member(j, "id", "200001");
    member(j, "type", "status_page_resource");
    json_key(j, "attributes");
    json_object(j);
    member_text(j, "public_name", page->component, "API");
    member(j, "status", states[page->state]);
    json_end(j);
    json_end(j);
    for (const struct value *v = page->incidents != NULL ? page->incidents->first : NULL; v != NULL; v = v->next) {
        json_object(j);
        member(j, "id", "300001");
        member(j, "type", "status_report");
        json_key(j, "attributes");
        json_object(j);
        member_text(j, "title", value_text(value_member(v, "name")), "");
        member(j, "report_type", "manual");
        member_text(j, "aggregate_state", value_text(value_member(v, "impact")), "degraded");
        if (value_is_set(value_member(v, "since")))
            member_text(j, "starts_at", value_text(value_member(v, "since")), "");
        member(j, "ends_at", NULL);
        json_end(j);
        json_end(j);
    }
    json_end(j);
}

static bool path_has(const struct call *call, const char *part)
{
    return h2o_strstr(call->endpoint.base, call->endpoint.len, part, strlen(part)) != SIZE_MAX;
}

/* The format is the endpoint's first part. */
static enum format format_of(const struct call *call)
{
    h2o_iovec_t path = h2o_iovec_init(call->endpoint.base + 1, call->endpoint.len - 1);
    const char *slash = memchr(path.base, '/', path.len);
    if (slash != NULL)
        path.len = (size_t)(slash - path.base);
    return (enum format)place_of(path, format_names, FORMATS);
}

struct answer pages_answer(const struct call *call)
{
    static const struct told_page well = {.format = FORMATS, .state = STATE_OPERATIONAL};
    const struct told_page *page = call->upstream->page != NULL ? call->upstream->page : &well;
    const char *name = call->upstream->name + sizeof(prefix) - 1;
    enum format format = format_of(call);
    struct buf text = BUF_EMPTY;
    if (format == FORMATS || (page->format != FORMATS && page->format != format))
        return (struct answer){.status = 404,
                               .content_type = "text/html; charset=utf-8",
                               .body = h2o_iovec_init(H2O_STRLIT("<!DOCTYPE html><title>Page not found</title>\n"))};
    struct json j = json_begin(&text);
    json_object(&j);
    if (format == FORMAT_BETTERSTACK)
        write_betterstack(&j, page, name);
    else if (format == FORMAT_INSTATUS && path_has(call, "/components.json"))
        write_instatus_components(&j, page);
    else if (format == FORMAT_INSTATUS)
        write_instatus(&j, page, name, path_has(call, "/api/v2/"));
    else
        write_statuspage(&j, page, name, format);
    json_end(&j);
    struct answer answer = bodies_json(h2o_strdup(&call->req->pool, buf_text(&text), text.len).base);
    buf_dispose(&text);
    return answer;
}
