/* render_view: one provider's state as JSON. Internal to serve/. */
#ifndef PROVIDERD_SERVE_RENDER_VIEW_H
#define PROVIDERD_SERVE_RENDER_VIEW_H

#include "base/json.h"
#include "health/snapshot.h"
#include "health/stats_view.h"

/* The fields of a view, into an object that is open: the keys of the recorded contract first, in its order; ours after
 * them. `window`: of the statistics. `whole`: with the list of models, which may be long, rather than their number. */
void write_view(struct json *j, const struct provider_view *view, enum stats_window window, bool whole, int64_t now_us);

/* `key`: the time, or null for 0. */
/* `features` of a model: what the list says that it can do. */
void write_features(struct json *j, const struct model_list *list, const struct model *model);

void write_time_or_null(struct json *j, const char *key, int64_t wall_us);

#endif
