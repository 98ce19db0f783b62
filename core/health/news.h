/* news: what of a change is worth telling: a line in the log and an event. Internal to health/.
 *
 * Bounds: of a list of models that changed, NEWS_MODELS_MAX are named, the others counted; a limit that comes near and
 * clears again and again is told every NEWS_LIMIT_PAUSE_US at most.
 */
#ifndef PROVIDERD_HEALTH_NEWS_H
#define PROVIDERD_HEALTH_NEWS_H

#include "health/provider.h"

enum { NEWS_MODELS_MAX = 16 };

/* A provider's view is replaced by another: its state, its risk. */
void news_of_view(struct provider *provider, const struct provider_view *before, const struct provider_view *view);

/* A key was checked, or its limits were told: its limits; of one of several, its state. */
void news_of_key(const struct target *target, enum health_status before);
void news_of_limits(struct target *target);

/* An outage has begun, goes on (no news), or is over. `key` 0 = of the provider itself. */
void news_of_outage(const struct provider *provider, unsigned key, const struct outage *outage);

/* Its list of models is replaced; `before` NULL = it is the first one, and no news. */
void news_of_models(const struct provider *provider, const struct model_list *before, const struct model_list *after);

/* It was asked for one model, and not the one answers that did before. */
void news_of_answering_model(const struct provider *provider, const char *asked, const char *before, const char *after);

/* What its status page says is replaced; `before` NULL = it was not known. */
void news_of_announcement(const struct provider *provider, const struct announcement *before,
                          const struct announcement *after);

/* A reload has brought it, or taken it away. */
void news_of_coming(const struct provider *provider);
void news_of_going(const struct provider *provider);

#endif
