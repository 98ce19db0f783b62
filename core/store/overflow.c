/* overflow: checks for which the queue has no room any more, while the database is away: they become sums, which are
 * merged into the rollups when it is back. Their rows are lost, what they say of an hour is not.
 */
#include "store/store_internal.h"

#include <stdio.h>

static struct summand summand_of(const struct packed_check *check)
{
    struct packed_parts parts;
    packed_check_read(check, &parts);
    struct summand summand = {
        .table = (enum record_table)check->table,
        .provider = parts.provider.bytes,
        .provider_len = (size_t)parts.provider.len,
        .model = parts.model_asked.bytes,
        .model_len = (size_t)parts.model_asked.len,
        .key = check->key,
        .checked_us = check->checked_us,
        .check = {.counted = check->counted,
                  .up = check->ok,
                  .latency_ms = check->response_time_ms,
                  .first_token_ms = -1,
                  .tokens_per_second = -1},
    };
    if (check->table == RECORD_DEEP_CHECK) {
        summand.check.first_token_ms = parts.deep.first_token_ms;
        summand.check.tokens_per_second = parts.deep.tokens_per_second;
    }
    return summand;
}

void overflow_oldest(struct store *store)
{
    struct check_walk walk = {store->queue.head, 0};
    const struct packed_check *oldest = check_walk_next(&walk);
    struct summand summand = summand_of(oldest);
    struct packed_parts parts;
    char kind[HEALTH_KIND_MAX];

    packed_check_read(oldest, &parts);
    snprintf(kind, sizeof(kind), "%.*s", parts.kind.len, parts.kind.bytes);
    summand.check.kind = kind;
    if (sums_add(&store->overflow, &summand))
        store->report.rolled_up += 1;
    else
        store->report.dropped += 1;
    check_queue_drop_oldest(&store->queue);
}
