/* told: reads an answer of a provider that somebody else got, as a check would have read its own: which kind of error
 * it is, which limits its headers tell, until when to wait. The provider's own rules (classify, limit_windows,
 * time_zone) hold.
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_SCRIPT_TOLD_H
#define PROVIDERD_SCRIPT_TOLD_H

#include "script/script.h"

struct told_answer {
    int status;          /* HTTP */
    const char *headers; /* "Name: value\r\n" each */
    size_t headers_len;
    const char *body; /* of an error; may be a part of it */
    size_t body_len;
};

/* Fills ok, kind, effects, retry_at_us and the windows of `verdict`; nothing else of it is set. `kinds`: the table in
 * force. False, with the reason in `error`, when the script or its library failed. */
bool told_read(struct script *script, size_t provider, struct kind_table *kinds, const struct told_answer *answer,
               struct verdict *verdict, char *error, size_t error_size);

#endif
