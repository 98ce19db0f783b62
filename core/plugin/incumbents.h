/* incumbents: who was named best last, by request: what hysteresis is made of, and how a change of the best is noticed.
 *
 * All HTTP threads share one, so that they agree. It outlives generations. The latest INCUMBENTS_MAX different requests
 * are remembered.
 *
 * Thread: any; a lock is held for the look-up, which happens when an answer is made anew, not when it is given.
 */
#ifndef PROVIDERD_PLUGIN_INCUMBENTS_H
#define PROVIDERD_PLUGIN_INCUMBENTS_H

#include "plugin/candidate.h"

#include <stdbool.h>

enum { INCUMBENTS_MAX = 256 };

struct incumbents;

struct incumbents *incumbents_new(void); /* NULL when memory ran out */
void incumbents_free(struct incumbents *incumbents);

/* Who was named last for such a request by the policy of this name; "" = nobody yet. */
void incumbents_get(struct incumbents *incumbents, const char *policy, const struct policy_request *request,
                    char name[PROVIDER_NAME_MAX]);

/* Notes who is named now ("" = nobody). True when that was another before, whose name is written into `before`; a first
 * note is no change. */
bool incumbents_set(struct incumbents *incumbents, const char *policy, const struct policy_request *request,
                    const char *name, char before[PROVIDER_NAME_MAX]);

#endif
