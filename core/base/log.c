#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/redact.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The process has one stderr, so it has one log; these two are its whole state. */
static atomic_int least_level = LOG_INFO;
static _Atomic(struct redactor *) line_redactor = NULL;

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char *const journal_prefixes[] = {"<3>", "<4>", "<6>", "<7>"}; /* sd-daemon(3) */

void log_set_level(enum log_level level)
{
    atomic_store(&least_level, (int)level);
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); ++i) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_redactor(struct redactor *redactor)
{
    atomic_store(&line_redactor, redactor);
}

static void append_visible(struct buf *line, const char *text, size_t len)
{
    for (size_t i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n')
            buf_append_text(line, "\\n");
        else if (c < 0x20 || c == 0x7F)
            buf_printf(line, "\\x%02x", c);
        else if (c == 0xC2 && i + 1 < len && ((unsigned char)text[i + 1] & 0xE0) == 0x80)
            buf_printf(line, "\\x%02x", (unsigned char)text[++i]); /* U+0080 to U+009F: terminals obey them, too */
        else
            buf_append_char(line, (char)c);
    }
}

void log_vline(enum log_level level, const char *component, const char *format, va_list args)
{
    if ((int)level > atomic_load_explicit(&least_level, memory_order_relaxed))
        return;
    struct buf text = BUF_EMPTY, clean = BUF_EMPTY, line = BUF_EMPTY;
    buf_vprintf(&text, format, args);
    redact(atomic_load(&line_redactor), buf_text(&text), text.len, &clean);

    if (getenv("JOURNAL_STREAM") != NULL) {
        buf_append_text(&line, journal_prefixes[level]);
    } else {
        char now[CLOCK_ISO_MAX];
        clock_format_rfc3339(clock_wall_us(), now);
        buf_printf(&line, "%s %-7s ", now, level_names[level]);
    }
    buf_printf(&line, "%s: ", component);
    append_visible(&line, buf_text(&clean), clean.len);
    buf_append_char(&line, '\n');
    if (buf_ok(&text) && buf_ok(&clean) && buf_ok(&line)) {
        ssize_t written = write(STDERR_FILENO, buf_text(&line), line.len);
        (void)written; /* nobody is left to be told */
    }
    buf_dispose(&text);
    buf_dispose(&clean);
    buf_dispose(&line);
}

void log_line(enum log_level level, const char *component, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_vline(level, component, format, args);
    va_end(args);
}
