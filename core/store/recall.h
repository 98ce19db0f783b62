/* recall: what the rows before this run say of a series beyond its sums: its last streak, its outages, its models.
 *
 * Thread: in jobs of a reader (reader.h). Errors: -1 with the reason in `error`. A file of an older version, which has
 * no such tables or columns, says nothing.
 */
#ifndef PROVIDERD_STORE_RECALL_H
#define PROVIDERD_STORE_RECALL_H

#include "health/outages.h"
#include "store/reader.h"

/* The last checks that said the same, as far as there are rows. */
struct recalled_streak {
    struct streak streak;
    bool bounded;               /* a row before it said the other; else it may be older than the rows */
    char kind[HEALTH_KIND_MAX]; /* of its first check, when it is one of failures; this and the next */
    char message[HEALTH_MESSAGE_MAX];
};
enum { RECALL_STREAK_ROWS = 20000 }; /* looked at, at most */
int store_recall_streak(struct store_reader *reader, const struct history_series *series, int64_t before_us,
                        struct recalled_streak *recalled, char *error, size_t error_size);

/* The outages of a provider (key 0), or of one of its keys, that ended at or after `from_us` or last, ascending. */
typedef void (*recall_outage_fn)(const struct outage *outage, void *user);
int store_recall_outages(struct store_reader *reader, const char *provider, unsigned key, int64_t from_us,
                         recall_outage_fn found_fn, void *user, char *error, size_t error_size);

/* The models that deep probes of a provider asked, at most `limit`, the latest first. */
typedef void (*recall_model_fn)(const char *model, int64_t checked_us, void *user);
int store_recall_models(struct store_reader *reader, const char *provider, int64_t before_us, int limit,
                        recall_model_fn model_fn, void *user, char *error, size_t error_size);

#endif
