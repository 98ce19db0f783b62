/* cooling: keys and models of a provider that are not to be used for a while, since a call with them was refused or got
 * no answer: a 429, a single timeout, a key that is refused, a model that is gone. The provider itself is not
 * condemned.
 *
 * Each cools until the time that the provider told, or for the configured cooldown, doubled each time that it happens
 * again before twice as long has passed in peace. A call that began after that and went well ends it at once.
 *
 * Thread: one at a time. Times are the wall clock's.
 */
#ifndef PROVIDERD_HEALTH_COOLING_H
#define PROVIDERD_HEALTH_COOLING_H

#include "config/report_rules.h"
#include "health/snapshot.h"

enum { COOLINGS_MAX = 64 }; /* of one provider; those that end first give way */

struct coolings {
    size_t count;
    struct cooling *list; /* owned, in no order; also those that are over, for as long as they make the next longer */
};

struct cooling_cause {
    unsigned key;
    const char *model;
    const char *kind;
    int64_t told_us; /* when it ends, as the provider told; 0 = it did not */
};

/* False when memory ran out. */
bool coolings_add(struct coolings *coolings, const struct cooling_cause *cause, const struct report_rules *rules,
                  int64_t now_us);

/* A call with this key and model that began at `began_us` went well. True when something ended by that. */
bool coolings_lift(struct coolings *coolings, unsigned key, const char *model, int64_t began_us, int64_t now_us);

/* Forgets what is long over. */
void coolings_age(struct coolings *coolings, int64_t now_us);

void coolings_dispose(struct coolings *coolings);

/* What keeps a view's key from being used for a model ("" = any) at `now_us`; of several, what lasts longest. NULL =
 * nothing. */
const struct cooling *cooling_of(const struct provider_view *view, unsigned key, const char *model, int64_t now_us);

#endif
