#include "health/cooling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t TOLD_MAX_US = INT64_C(366) * 86400 * 1000000;

static struct cooling *find(struct coolings *coolings, unsigned key, const char *model)
{
    for (size_t i = 0; i < coolings->count; ++i) {
        struct cooling *cooling = &coolings->list[i];
        if (cooling->key == key && strcmp(cooling->model, model) == 0)
            return cooling;
    }
    return NULL;
}

static struct cooling *first_to_end(struct coolings *coolings)
{
    struct cooling *first = &coolings->list[0];
    for (size_t i = 1; i < coolings->count; ++i) {
        if (coolings->list[i].until_us < first->until_us)
            first = &coolings->list[i];
    }
    return first;
}

/* A place for one more; NULL when memory ran out. */
static struct cooling *place(struct coolings *coolings)
{
    if (coolings->count == COOLINGS_MAX)
        return first_to_end(coolings);
    struct cooling *grown = realloc(coolings->list, (coolings->count + 1) * sizeof(*grown));
    if (grown == NULL)
        return NULL;
    coolings->list = grown;
    return &grown[coolings->count++];
}

static int64_t length_us(const struct report_rules *rules, unsigned strikes)
{
    int64_t most_us = rules->max_eject_ms * 1000, length = rules->cooldown_ms * 1000;
    for (unsigned i = 1; i < strikes && length < most_us; ++i)
        length *= 2;
    return length < most_us ? length : most_us;
}

/* For how long it makes the next one longer. */
static int64_t remembered_until_us(const struct cooling *cooling)
{
    return cooling->until_us + 2 * (cooling->until_us - cooling->since_us);
}

bool coolings_add(struct coolings *coolings, const struct cooling_cause *cause, const struct report_rules *rules,
                  int64_t now_us)
{
    struct cooling *cooling = find(coolings, cause->key, cause->model);
    bool is_told = cause->told_us > now_us && cause->told_us - now_us < TOLD_MAX_US;
    if (cooling != NULL && now_us > remembered_until_us(cooling))
        cooling->strikes = 0;
    if (cooling == NULL) {
        if ((cooling = place(coolings)) == NULL)
            return false;
        *cooling = (struct cooling){.key = cause->key};
        snprintf(cooling->model, sizeof(cooling->model), "%s", cause->model);
    }
    snprintf(cooling->kind, sizeof(cooling->kind), "%s", cause->kind);
    if (now_us >= cooling->until_us) { /* those that were under way when it began are no new strikes */
        cooling->since_us = now_us;
        ++cooling->strikes;
        cooling->until_us = now_us + length_us(rules, cooling->strikes);
        cooling->told = false;
    }
    if (is_told) {
        cooling->until_us = cause->told_us;
        cooling->told = true;
    }
    return true;
}

bool coolings_lift(struct coolings *coolings, unsigned key, const char *model, int64_t began_us, int64_t now_us)
{
    bool lifted = false;
    for (size_t i = 0; i < coolings->count; ++i) {
        struct cooling *cooling = &coolings->list[i];
        bool is_meant = (cooling->key == 0 || cooling->key == key) &&
                        (cooling->model[0] == '\0' || strcmp(cooling->model, model) == 0);
        if (!is_meant || cooling->until_us <= now_us || began_us <= cooling->since_us)
            continue;
        cooling->until_us = now_us;
        lifted = true;
    }
    return lifted;
}

void coolings_age(struct coolings *coolings, int64_t now_us)
{
    for (size_t i = 0; i < coolings->count;) {
        if (now_us > remembered_until_us(&coolings->list[i]))
            coolings->list[i] = coolings->list[--coolings->count];
        else
            ++i;
    }
}

void coolings_dispose(struct coolings *coolings)
{
    free(coolings->list);
    *coolings = (struct coolings){0, NULL};
}

const struct cooling *cooling_of(const struct provider_view *view, unsigned key, const char *model, int64_t now_us)
{
    const struct traffic_view *traffic = view->traffic;
    const struct cooling *found = NULL;
    for (size_t i = 0; traffic != NULL && i < traffic->cooling_count; ++i) {
        const struct cooling *cooling = &traffic->coolings[i];
        bool is_meant = (cooling->key == 0 || cooling->key == key) &&
                        (cooling->model[0] == '\0' || strcmp(cooling->model, model) == 0);
        if (is_meant && cooling->until_us > now_us && (found == NULL || cooling->until_us > found->until_us))
            found = cooling;
    }
    return found;
}
