/* refusals: the providers' errors in their own words: status, headers and body as documented or recorded.
 * Sources: the providers' documentation and recorded answers, as collected 2026-11-23; ids in them are replaced. */
#ifndef SIMULATOR_REFUSALS_H
#define SIMULATOR_REFUSALS_H

#include "errors.h"

struct refusal {
    enum family family;
    int status;
    enum error_cause cause;
    const char *content_type; /* NULL: application/json; "": none */
    const char *body;
    const struct header_line *headers; /* ends with a row of NULL; NULL: none */
};

/* Of rows that fit, the first counts. CAUSE_ANY fits every cause. */
extern const struct refusal refusals_seed[], refusals_others[];
extern const size_t refusals_seed_count, refusals_others_count;

/* For the tables. */
#define GOOGLE_ERROR(code, message, status)                                                                            \
    "{\"error\":{\"code\":" #code ",\"message\":\"" message "\",\"status\":\"" status "\""
#define GOOGLE_TYPE "\"@type\":\"type.googleapis.com/google.rpc."
#define HEADER_LINES(...) ((const struct header_line[]){__VA_ARGS__, {NULL, NULL}})

#endif
