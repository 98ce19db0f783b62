/* render: snapshots as the JSON and CSV of the REST contract. Internal to serve/.
 *
 * Every answer is written field by field, from an allow-list: a field that a script or a provider adds somewhere shows
 * nowhere until a line here says so.
 */
#ifndef PROVIDERD_SERVE_RENDER_H
#define PROVIDERD_SERVE_RENDER_H

#include "base/json.h"
#include "health/snapshot.h"
#include "health/stats_view.h"
#include "plugin/policy.h"
#include "store/store.h"

/* `window`: of the statistics. */
void render_status(struct buf *out, const struct snapshot *snapshot, enum stats_window window);
void render_provider(struct buf *out, const struct provider_view *view, enum stats_window window, int64_t now_us);

/* `policies`: whose errors it tells beside those of scripts; NULL = none. */
void render_health(struct buf *out, const struct snapshot *snapshot, const struct store_report *store,
                   const struct policy_host *policies);
void render_error(struct buf *out, const char *detail);

/* Sorted by uptime, highest first, then latency, then name; RFC 4180 with LF, as the original wrote it. 0, or -1 when
 * memory ran out. */
int render_csv(struct buf *out, const struct snapshot *snapshot);

/* One field: quoted where RFC 4180 asks for it; a text that a spreadsheet would take for a formula (= + - @, tab, CR
 * first) gets an apostrophe before it (OWASP, "CSV Injection"). */
void render_csv_text(struct buf *out, const char *text);

#endif
