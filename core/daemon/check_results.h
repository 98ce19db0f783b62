/* check_results: what `providerd check` found, and its two forms: a table for people, JSON for programs. */
#ifndef PROVIDERD_DAEMON_CHECK_RESULTS_H
#define PROVIDERD_DAEMON_CHECK_RESULTS_H

#include "health/generation.h"

#include <stdbool.h>
#include <stddef.h>

/* Of one key, or of the provider where it has none. */
struct key_result {
    size_t key;             /* index, or CHECK_NO_KEY */
    const char *status;     /* "healthy", "degraded", "down" or "unknown" */
    struct verdict verdict; /* without what is borrowed */
};

/* Beyond the keys' checks each part is there only when it was asked for. */
struct provider_result {
    const struct watched *watched;
    struct key_result *keys; /* owned */
    size_t key_count;
    bool asked_models, asked_deep, asked_page;
    struct verdict models_verdict;
    struct model_list *models; /* owned; NULL = not asked for, or failed */
    struct verdict deep;
    struct announcement *announcement; /* owned; NULL = not asked for */
};

void provider_result_dispose(struct provider_result *result);

/* The best of its keys. */
const struct key_result *provider_result_best(const struct provider_result *result);

/* Every key is healthy, and everything else that was asked for came. */
bool provider_result_is_fine(const struct provider_result *result);

/* "…last4" of a key; "" when there is none, or it is too short to show any. */
const char *key_result_hint(const struct provider_result *result, const struct key_result *key);

void print_results_table(const struct provider_result *results, size_t count);
void print_results_json(const struct provider_result *results, size_t count);

#endif
