/* behaviour: what a simulated provider does with a request, and the words people write for it.
 *
 * The words (README.md has the table): "ok", "503", "429 retry-after=7 rpd", "slow 250ms", "slow 80ms-900ms", "hang",
 * ... Thread: any; plain values.
 */
#ifndef SIMULATOR_BEHAVIOUR_H
#define SIMULATOR_BEHAVIOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum behaviour_kind {
    BEHAVE_OK,
    BEHAVE_STATUS, /* the provider's own error for .status */
    BEHAVE_SLOW,   /* ok after .low_ms to .high_ms */
    BEHAVE_HANG,
    BEHAVE_STALL,
    BEHAVE_RESET,
    BEHAVE_CLOSE,
    BEHAVE_TRUNCATED,
    BEHAVE_SHORT,
    BEHAVE_HUGE, /* .number bytes */
    BEHAVE_GARBAGE,
    BEHAVE_HTML,
    BEHAVE_REDIRECT, /* to .url */
    BEHAVE_ERROR200,
    BEHAVE_ENDLESS_HEADERS,
    BEHAVE_ECHO_KEY,
    BEHAVE_EMPTY,
    BEHAVE_DRIP, /* one byte every .number ms */
    BEHAVE_BADJSON,
    BEHAVE_STREAM_ERROR, /* these four change completions only */
    BEHAVE_STREAM_CUT,
    BEHAVE_RUBBISH,
    BEHAVE_MODEL_GONE, /* the first .number models of the list */
};

enum {
    RETRY_AFTER_NONE = -1,
    RETRY_AFTER_DATE = -2, /* an HTTP date RETRY_AFTER_DATE_S ahead */
    RETRY_AFTER_DATE_S = 30,
    BEHAVIOUR_URL_MAX = 256,
    BEHAVIOUR_ERROR_MAX = 192,
    BEHAVIOUR_TEXT_MAX = 320,
};

struct behaviour {
    enum behaviour_kind kind;
    int status;
    int retry_after_s; /* or one of RETRY_AFTER_* */
    bool per_day;      /* a 429 for the day's requests, not the minute's */
    uint64_t low_ms, high_ms;
    uint64_t number;
    char url[BEHAVIOUR_URL_MAX];
};

/* Reads one behaviour; white space around it is ignored. False and a message for a human when it is none. */
bool behaviour_parse(const char *text, size_t len, struct behaviour *out, char error[BEHAVIOUR_ERROR_MAX]);

/* The words that behaviour_parse() would read back. */
void behaviour_format(const struct behaviour *behaviour, char out[BEHAVIOUR_TEXT_MAX]);

#endif
