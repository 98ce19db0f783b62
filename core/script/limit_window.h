/* limit_window: one rate limit or quota, as an answer told it.
 *
 * Units are those of the field: "requests", "tokens", "input_tokens", "output_tokens"; a script may name others.
 */
#ifndef PROVIDERD_SCRIPT_LIMIT_WINDOW_H
#define PROVIDERD_SCRIPT_LIMIT_WINDOW_H

#include <stdint.h>

enum {
    LIMIT_UNIT_MAX = 24,
    LIMIT_NAME_MAX = 48,
    LIMIT_WINDOWS_MAX = 16, /* of one answer, and kept of one key */
};

struct limit_window {
    char unit[LIMIT_UNIT_MAX];
    char name[LIMIT_NAME_MAX]; /* the policy or model that it is for; "" = the key's own */
    int64_t window_s;          /* length; 0 = not told */
    double limit;              /* -1 = not told; 0 = never allowed, or no limit: providers differ */
    double remaining;          /* -1 = not told */
    int64_t reset_at_us;       /* wall clock; 0 = not told */
};

#endif
