/* keys: who is calling? Each provider's way to send a key, and what is wrong with the one that was sent.
 *
 * A plain key is "sim-NAME-key-0123456789". Signatures (AWS) and signed assertions (Google) are checked for their form
 * only. Thread: the loop's.
 */
#ifndef SIMULATOR_KEYS_H
#define SIMULATOR_KEYS_H

#include "errors.h"
#include "server.h"

/* CAUSE_ANY when the caller may go on, else CAUSE_KEY_MISSING or CAUSE_KEY_WRONG. */
enum error_cause keys_check(const struct call *call);

/* What was sent as a key, .base NULL for nothing. */
h2o_iovec_t keys_sent(const struct call *call);

#endif
