#include "health/evidence.h"

#include "base/buf.h"
#include "base/duration.h"
#include "health/stats_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double SETTLED = 0.9, SETTLED_DEEP = 0.95, DOUBTFUL = 0.5, PAGE = 0.5;
static const double REPORTS_HALF_S = 60, PAGE_HALF_S = 1800, INTERVAL_S = 300;
static const double FINE_PERCENT = 90, BAD_PERCENT = 50;

/* 1 at once, halved with each `half_s`. */
static double freshness(double age_s, double half_s)
{
    return age_s > 0 ? exp2(-age_s / half_s) : 1;
}

static double age_s(int64_t then_us, int64_t now_us)
{
    return then_us == 0 ? -1 : fmax(0, (double)(now_us - then_us) / 1e6);
}

/* -- each by itself -- */

static void weigh_probe(const struct provider_view *view, int64_t now_us, struct evidence_part *part)
{
    const struct key_view *lead = view->lead;
    double interval_s = (double)(lead->next_check_us - lead->last_check_us) / 1e6;
    part->state = health_status_name(lead->status);
    part->age_s = age_s(lead->last_check_us, now_us);
    if (lead->last_check_us == 0 || lead->status == HEALTH_UNKNOWN)
        return;
    if (interval_s <= 0)
        interval_s = INTERVAL_S;
    bool doubtful = lead->status != HEALTH_DOWN && lead->consecutive_failures != 0;
    double settled = view->deep.enabled && view->deep.checked_us != 0 ? SETTLED_DEEP : SETTLED;
    part->confidence = (doubtful ? DOUBTFUL : settled) * freshness(part->age_s - interval_s, interval_s);
}

uint32_t evidence_calls(const struct traffic_view *traffic)
{
    return traffic != NULL ? traffic->ok + traffic->failed + traffic->limited : 0;
}

double evidence_success_percent(const struct traffic_view *traffic)
{
    uint32_t calls = evidence_calls(traffic);
    return calls != 0 ? 100.0 * traffic->ok / calls : -1;
}

static void weigh_reports(const struct traffic_view *traffic, int64_t now_us, struct evidence *evidence)
{
    struct evidence_part *part = &evidence->reports;
    uint32_t calls = evidence_calls(traffic);
    double low, high;
    if (traffic != NULL)
        part->age_s = age_s(traffic->last_us, now_us);
    if (calls == 0)
        return;
    double up = 100.0 * (calls - traffic->failed) / calls;
    evidence->success_percent = evidence_success_percent(traffic);
    part->state = up >= FINE_PERCENT && evidence->success_percent >= BAD_PERCENT ? "healthy"
                  : up > BAD_PERCENT                                             ? "degraded"
                                                                                 : "down";
    wilson_interval(calls - traffic->failed, calls, &low, &high);
    part->confidence = (1 - (high - low) / 100) * freshness(part->age_s, REPORTS_HALF_S);
}

static void weigh_page(const struct announcement *page, int64_t now_us, struct evidence_part *part)
{
    if (page == NULL)
        return;
    part->state = page->state;
    part->age_s = age_s(page->read_us, now_us);
    if (strcmp(page->state, "unknown") != 0 && !page->stale)
        part->confidence = PAGE * freshness(part->age_s, PAGE_HALF_S);
}

/* -- against each other -- */

static bool is_bad(const struct evidence_part *part)
{
    return strcmp(part->state, "down") == 0;
}

static bool is_fine(const struct evidence_part *part)
{
    return strcmp(part->state, "healthy") == 0 || strcmp(part->state, "operational") == 0;
}

static void add_since(struct buf *out, int64_t since_us, int64_t now_us)
{
    char length[DURATION_TEXT_MAX];
    if (since_us == 0 || now_us - since_us < 1000000)
        return;
    duration_format_ms((now_us - since_us) / 1000000 * 1000, length);
    buf_printf(out, " for %s", length);
}

/* "our checks fail (timeout) for 6m" */
static void add_probe(struct buf *out, const struct provider_view *view, const struct evidence *evidence,
                      int64_t now_us)
{
    const struct key_view *lead = view->lead;
    const struct streak *streak = view->stats != NULL ? &view->stats->streak : NULL;
    if (!is_bad(&evidence->probe)) {
        buf_append_text(out, "our checks go well");
        return;
    }
    buf_printf(out, "our checks fail (%s)", lead->error_kind);
    if (streak != NULL && streak->checks != 0 && !streak->up)
        add_since(out, streak->since_us, now_us);
}

/* "12 of 15 reported calls failed (server_error)" */
static void add_reports(struct buf *out, const struct traffic_view *traffic, const struct evidence *evidence)
{
    uint32_t calls = evidence_calls(traffic);
    if (is_bad(&evidence->reports))
        buf_printf(out, "%" PRIu32 " of %" PRIu32 " reported calls failed (%s)", traffic->failed, calls, traffic->kind);
    else
        buf_printf(out, "%" PRIu32 " of %" PRIu32 " reported calls went well", traffic->ok, calls);
}

static bool disagree(const struct evidence_part *a, const struct evidence_part *b)
{
    return (is_fine(a) && is_bad(b)) || (is_bad(a) && is_fine(b));
}

static void find_disagreement(const struct provider_view *view, struct evidence *evidence, int64_t now_us)
{
    bool page_and_probe = disagree(&evidence->page, &evidence->probe);
    bool page_and_reports = disagree(&evidence->page, &evidence->reports);
    bool probe_and_reports = disagree(&evidence->probe, &evidence->reports);
    struct buf text = BUF_EMPTY;
    if (page_and_probe || page_and_reports)
        buf_printf(&text, "its page says %s, ", evidence->page.state);
    if (page_and_probe || probe_and_reports)
        add_probe(&text, view, evidence, now_us);
    if (page_and_reports || probe_and_reports) {
        buf_append_text(&text, page_and_probe || probe_and_reports ? ", " : "");
        add_reports(&text, view->traffic, evidence);
    }
    snprintf(evidence->disagreement, sizeof(evidence->disagreement), "%s", buf_ok(&text) ? buf_text(&text) : "");
    buf_dispose(&text);
}

void evidence_weigh(const struct provider_view *view, int64_t now_us, struct evidence *evidence)
{
    static const struct evidence_part nothing = {.state = "unknown", .age_s = -1};
    *evidence = (struct evidence){.probe = nothing, .reports = nothing, .page = nothing, .success_percent = -1};
    weigh_probe(view, now_us, &evidence->probe);
    weigh_reports(view->traffic, now_us, evidence);
    weigh_page(view->announced, now_us, &evidence->page);
    find_disagreement(view, evidence, now_us);
}
