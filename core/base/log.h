/* log: lines on stderr for the person who runs the daemon.
 *
 *     2026-11-23T08:22:14.217Z info  scheduler: groq: next check in 5m
 *
 * Under systemd (JOURNAL_STREAM set) the time is left out and the level becomes the <n> prefix of sd-daemon(3).
 * A line is written with one write(2), so lines of several threads never mix. Line breaks and control characters in
 * the text are escaped: a provider's answer cannot forge a line. Secrets: every line passes the redactor that
 * log_set_redactor() named.
 * Thread: any.
 */
#ifndef PROVIDERD_BASE_LOG_H
#define PROVIDERD_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

struct redactor;

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);

/* `name` is "error", "warning", "info" or "debug". False when it is none of them. */
bool log_level_parse(const char *name, enum log_level *level);

/* The redactor must outlive every later log call; NULL takes it away. */
void log_set_redactor(struct redactor *redactor);

void log_line(enum log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_vline(enum log_level level, const char *component, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#define log_error(component, ...) log_line(LOG_ERROR, component, __VA_ARGS__)
#define log_warning(component, ...) log_line(LOG_WARNING, component, __VA_ARGS__)
#define log_info(component, ...) log_line(LOG_INFO, component, __VA_ARGS__)
#define log_debug(component, ...) log_line(LOG_DEBUG, component, __VA_ARGS__)

#endif
