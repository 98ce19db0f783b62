/* duration: spans of time as people and providers write them.
 *
 * Grammar (Go's time.ParseDuration without signs, plus days):
 *     duration = number unit { number unit }      "10s"  "1h30m"  "2m59.56s"  "6ms"  "7d"
 *     number   = digits [ "." digits ]
 *     unit     = "ns" | "us" | "µs" | "ms" | "s" | "m" | "h" | "d"
 * Source: https://pkg.go.dev/time#ParseDuration. OpenAI and Groq send this form in x-ratelimit-reset-*.
 * Thread: any.
 */
#ifndef PROVIDERD_BASE_DURATION_H
#define PROVIDERD_BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

enum { DURATION_TEXT_MAX = 32 };

/* 0 and *ns; -1 when the text does not follow the grammar or exceeds 100 years. "0" alone is refused, "0s" is not. */
int duration_parse_ns(const char *text, size_t len, int64_t *ns);

/* The same, in milliseconds, rounded to the nearest. */
int duration_parse_ms(const char *text, size_t len, int64_t *ms);

/* The shortest exact writing: 90000 -> "1m30s", 250 -> "250ms", 604800000 -> "7d", 0 -> "0s". */
void duration_format_ms(int64_t ms, char out[DURATION_TEXT_MAX]);

#endif
