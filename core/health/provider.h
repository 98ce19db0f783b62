/* provider: one provider being watched: its keys, its best one, its models, its deep probes, its status page. Internal
 * to health/.
 *
 * The provider's state is that of its best key, unless a deep probe found worse. Its history is its best key's: a check
 * of another key leaves a row only when it changes the provider's state; with several keys, each check also leaves a
 * row of its key.
 */
#ifndef PROVIDERD_HEALTH_PROVIDER_H
#define PROVIDERD_HEALTH_PROVIDER_H

#include "health/chronicle.h"
#include "health/deep.h"
#include "health/forecast.h"
#include "health/reported.h"
#include "health/target.h"
#include "health/window.h"

struct tracker;

/* Something that is asked now and then beside the checks: models, deep probes, the status page. */
struct errand {
    struct provider *provider;
    struct timer timer;
    struct check *check;  /* in flight, or NULL */
    uint64_t fingerprint; /* of the key that it asks with */
};

/* One of the models that deep probes asked. */
struct asked_model {
    char model[MODEL_ID_MAX];
    int64_t asked_us; /* the last time */
    struct chronicle chronicle;
};

struct provider_past; /* tracker.h */

struct provider {
    struct tracker *tracker;
    char name[PROVIDER_NAME_MAX];
    struct watched settings; /* of the generation in service, which owns what it points to */
    size_t target_count;     /* at least 1 */
    struct target **targets; /* owned, by key number */
    struct target *lead;     /* the best of them */
    size_t in_flight;        /* checks of its keys */
    uint64_t turns;          /* given to those that wait for a place among them */
    uint64_t host;           /* hash of the host in its base URL, */
    bool loopback;           /* which is this machine */
    struct window window;
    struct chronicle chronicle;
    struct asked_model *models_asked; /* owned; at most MODELS_REMEMBERED */
    size_t models_asked_count;
    bool past_asked; /* for what is known from before, */
    bool past_known; /* and it is in, as far as there is any */
    struct forecast forecast;
    struct meter meter;
    bool risk_told;            /* in the log */
    double learned_latency_ms; /* 0 = not learned yet */
    struct errand models_errand;
    struct errand deep_errand;
    struct errand page_errand;
    struct model_list *models;
    int64_t models_read_us;
    char models_error[HEALTH_MESSAGE_MAX];
    struct deep_memory deep;
    struct announcement *announced;
    struct reported *reported;  /* owned; NULL = nobody has reported anything */
    size_t place;               /* among the tracker's */
    struct provider_view *view; /* the latest; never NULL */
};

/* A provider without targets; its errands' timers call `fire`. NULL when memory ran out. */
struct provider *provider_new(struct tracker *tracker, const char *name, void (*on_models)(struct timer *, void *),
                              void (*on_deep)(struct timer *, void *), void (*on_page)(struct timer *, void *));

/* Frees it and its targets. Every timer must have been stopped, every check cancelled. */
void provider_free(struct provider *provider);

/* The targets that the settings' keys call for: known keys keep their target, by fingerprint. Fills `fresh` (as many as
 * provider_targets_wanted) with old ones and new ones; marks the new. False when memory ran out: the new are freed. */
size_t provider_targets_wanted(const struct watched *settings);
bool provider_match_targets(struct provider *provider, const struct watched *settings, struct target **fresh,
                            bool *is_new, void (*on_due)(struct timer *, void *));

/* The target of a key; NULL when the provider has it no longer. */
struct target *provider_target(const struct provider *provider, uint64_t fingerprint);

struct target *target_new(struct provider *provider, void (*on_due)(struct timer *, void *));
void target_free(struct target *target);

/* The threshold in force: fixed, learned, or 1 s until it has been learned. */
double provider_degraded_latency_ms(const struct provider *provider);

/* Makes the best key the lead; of equals, the one that leads already. */
void provider_choose_lead(struct provider *provider);

/* -- memory.c -- */

/* Counts what the best key's last check taught. */
void provider_count(struct provider *provider, int64_t now_us);

/* Counts a check of one of several keys: what `view` says of it, which is given its statistics. */
void provider_count_key(struct target *target, struct key_view *view);

/* Counts a deep probe: as one of its model; what it measured, as the provider's too. */
void provider_count_deep(struct provider *provider, int64_t now_us, const struct verdict *verdict);

/* Counts what clients reported: as so many checks, into the windows alone; and the times of one of their calls. */
void provider_count_reported(struct provider *provider, int64_t now_us, unsigned up, unsigned down, const char *kind);
void provider_count_reported_times(struct provider *provider, int64_t now_us, const char *model, double first_token_ms,
                                   double tokens_per_second);

/* Takes what is known of its past; see tracker_remember(). */
void provider_remember(struct provider *provider, int64_t now_us, struct provider_past *past);

/* Lets each of several keys have a memory, and the only one of a provider none of its own. */
void provider_remember_keys(struct provider *provider, int64_t now_us);

/* The statistics of models into a view. False when memory ran out. */
bool provider_show_models(const struct provider *provider, struct provider_view *view);

/* -- provider.c, again -- */

/* Takes the best key's last check into the forecast; and hours of its past, if it has none yet. */
void provider_foresee(struct provider *provider, int64_t now_us);
void provider_prime(struct provider *provider, const struct past_hour *hours, size_t count);

/* Chooses the best key anew and builds the view. False when memory ran out: the old view stays. */
bool provider_refresh(struct provider *provider);

/* The label of a key in logs: "groq", or "groq: key 2 (…ab12)" when there are several. */
enum { TARGET_LABEL_MAX = PROVIDER_NAME_MAX + 48 };
void target_label(const struct target *target, char out[TARGET_LABEL_MAX]);

#endif
