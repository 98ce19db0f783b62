#include "serve/render_event.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

void render_event(struct json *j, const struct event *event)
{
    struct buf text = BUF_EMPTY;
    event_describe(event, &text);
    json_object(j);
    json_key(j, "id");
    json_int(j, event->id);
    json_key(j, "time");
    json_time(j, event->at_us);
    json_member_text(j, "kind", event_kind_name(event->kind));
    json_member_text_or_null(j, "provider", event->provider);
    json_key(j, "key");
    if (event->key != 0)
        json_uint(j, event->key);
    else
        json_null(j);
    json_member_text_or_null(j, "from", event->from);
    json_member_text_or_null(j, "to", event->to);
    json_member_text(j, "message", event->message);
    json_member_text(j, "text", buf_text(&text));
    json_end(j);
    buf_dispose(&text);
}

void render_event_frame(struct buf *out, const struct event *event)
{
    buf_printf(out, "id: %" PRId64 "\ndata: ", event->id);
    struct json j = json_begin(out);
    render_event(&j, event); /* without line breaks: JSON escapes them */
    buf_append_text(out, "\n\n");
}

/* -- feeds -- */

/* What XML 1.0 may hold (https://www.w3.org/TR/xml/#charsets): broken UTF-8 becomes U+FFFD, a control character a
 * space.
 */
static void append_xml(struct buf *out, const char *text)
{
    size_t len = strlen(text), sequence;
    for (size_t i = 0; i < len; i += sequence) {
        const unsigned char *at = (const unsigned char *)text + i;
        sequence = 1;
        if (*at == '&')
            buf_append_text(out, "&amp;");
        else if (*at == '<')
            buf_append_text(out, "&lt;");
        else if (*at == '>')
            buf_append_text(out, "&gt;");
        else if (*at == '"')
            buf_append_text(out, "&quot;");
        else if (*at < 0x80)
            buf_append_char(out, *at < ' ' ? ' ' : (char)*at);
        else if ((sequence = utf8_sequence(at, len - i)) != 0)
            buf_append(out, at, sequence);
        else {
            sequence = 1;
            buf_append_text(out, "\xEF\xBF\xBD");
        }
    }
}

static void append_title(struct buf *out, const struct event *event)
{
    struct buf text = BUF_EMPTY;
    event_describe(event, &text);
    append_xml(out, buf_text(&text));
    buf_dispose(&text);
}

/* The ids of entries must never change (RFC 4287, 4.2.6); a tag URI (RFC 4151) needs no address that stays. */
static void append_tag(struct buf *out, int64_t id)
{
    buf_printf(out, "tag:providerd,2026:event:%" PRId64, id);
}

void render_atom(struct buf *out, const struct event_feed *feed)
{
    char time[CLOCK_ISO_MAX];
    clock_format_rfc3339(feed->updated_us, time);
    buf_append_text(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                         "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n"
                         "<title>providerd: events</title>\n"
                         "<id>tag:providerd,2026:events</id>\n"
                         "<author><name>providerd</name></author>\n");
    buf_printf(out, "<updated>%s</updated>\n<link rel=\"self\" href=\"", time);
    append_xml(out, feed->url);
    buf_append_text(out, "\"/>\n");
    for (size_t i = 0; i < feed->count; ++i) {
        const struct event *event = feed->events[i];
        clock_format_rfc3339(event->at_us, time);
        buf_append_text(out, "<entry><id>");
        append_tag(out, event->id);
        buf_append_text(out, "</id><title>");
        append_title(out, event);
        buf_printf(out, "</title><updated>%s</updated><category term=\"%s\"/><content type=\"text\">", time,
                   event_kind_name(event->kind));
        append_title(out, event);
        buf_append_text(out, "</content></entry>\n");
    }
    buf_append_text(out, "</feed>\n");
}

/* RSS wants RFC 822's dates, with years of four digits. */
static void append_rfc822(struct buf *out, int64_t wall_us)
{
    char text[64];
    struct tm utc;
    time_t seconds = (time_t)(wall_us / 1000000);
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &utc); /* the locale is C's: none was set */
    buf_append_text(out, text);
}

void render_rss(struct buf *out, const struct event_feed *feed)
{
    buf_append_text(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                         "<rss version=\"2.0\"><channel>\n"
                         "<title>providerd: events</title>\n<link>");
    append_xml(out, feed->url);
    buf_append_text(out, "</link>\n<description>What happens to LLM providers</description>\n<lastBuildDate>");
    append_rfc822(out, feed->updated_us);
    buf_append_text(out, "</lastBuildDate>\n");
    for (size_t i = 0; i < feed->count; ++i) {
        const struct event *event = feed->events[i];
        buf_append_text(out, "<item><guid isPermaLink=\"false\">");
        append_tag(out, event->id);
        buf_append_text(out, "</guid><title>");
        append_title(out, event);
        buf_printf(out, "</title><category>%s</category><pubDate>", event_kind_name(event->kind));
        append_rfc822(out, event->at_us);
        buf_append_text(out, "</pubDate></item>\n");
    }
    buf_append_text(out, "</channel></rss>\n");
}
