/* render_stats: what a window says, as JSON. Internal to serve/. */
#ifndef PROVIDERD_SERVE_RENDER_STATS_H
#define PROVIDERD_SERVE_RENDER_STATS_H

#include "base/json.h"
#include "health/stats_view.h"

/* The member `stats`: an object, or null when nothing was checked yet. */
void write_stats(struct json *j, const struct stats_view *view, enum stats_window window);

#endif
