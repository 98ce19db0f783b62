/* render_event: events as JSON, as frames of a stream, and as entries of a feed. Internal to serve/.
 *
 * Sources: server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html; Atom, RFC 4287;
 * RSS 2.0, https://www.rssboard.org/rss-specification (all as published).
 */
#ifndef PROVIDERD_SERVE_RENDER_EVENT_H
#define PROVIDERD_SERVE_RENDER_EVENT_H

#include "base/json.h"
#include "health/event.h"

/* {"id": 1795500000123, "time": "...", "kind": "status_change", "provider": "groq" or null, "key": 2 or null,
 *  "from": "healthy" or null, "to": "down" or null, "message": "...", "text": the whole in one line} */
void render_event(struct json *j, const struct event *event);

/* A frame of a stream: its id and, as data, that object. */
void render_event_frame(struct buf *out, const struct event *event);

/* A feed of `count` events, newest first. `url`: where it is found; `updated_us`: when it last changed. */
struct event_feed {
    struct event *const *events;
    size_t count;
    const char *url;
    int64_t updated_us;
};
void render_atom(struct buf *out, const struct event_feed *feed);
void render_rss(struct buf *out, const struct event_feed *feed);

#endif
