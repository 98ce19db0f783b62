#include "plugin/incumbents.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct incumbent {
    uint64_t request; /* its hash */
    uint64_t used;    /* when, in calls; 0 = free */
    char name[PROVIDER_NAME_MAX];
};

struct incumbents {
    pthread_mutex_t lock;
    uint64_t calls;
    struct incumbent list[INCUMBENTS_MAX];
};

struct incumbents *incumbents_new(void)
{
    struct incumbents *incumbents = calloc(1, sizeof(*incumbents));
    if (incumbents != NULL)
        pthread_mutex_init(&incumbents->lock, NULL);
    return incumbents;
}

void incumbents_free(struct incumbents *incumbents)
{
    if (incumbents == NULL)
        return;
    pthread_mutex_destroy(&incumbents->lock);
    free(incumbents);
}

/* With the NUL, so that texts do not run into each other. */
static uint64_t mix(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

/* What decides who is named; not what only decides how much is told. */
static uint64_t hash_of(const char *policy, const struct policy_request *request)
{
    char number[32];
    uint64_t hash = mix(mix(HASH_BEGIN, policy), request->model);
    snprintf(number, sizeof(number), "%a %d", request->max_latency_ms, request->any);
    hash = mix(hash, number);
    for (size_t i = 0; i < request->require_count; ++i)
        hash = mix(hash, request->require[i]);
    hash = mix(hash, "");
    for (size_t i = 0; i < request->exclude_count; ++i)
        hash = mix(hash, request->exclude[i]);
    return hash;
}

/* The request's, or NULL; then `free_one` is the one to use for it: free, or used longest ago. */
static struct incumbent *find(struct incumbents *incumbents, uint64_t request, struct incumbent **free_one)
{
    *free_one = &incumbents->list[0];
    for (size_t i = 0; i < INCUMBENTS_MAX; ++i) {
        struct incumbent *incumbent = &incumbents->list[i];
        if (incumbent->used != 0 && incumbent->request == request)
            return incumbent;
        if (incumbent->used < (*free_one)->used)
            *free_one = incumbent;
    }
    return NULL;
}

void incumbents_get(struct incumbents *incumbents, const char *policy, const struct policy_request *request,
                    char name[PROVIDER_NAME_MAX])
{
    struct incumbent *free_one;
    uint64_t hash = hash_of(policy, request);
    name[0] = '\0';
    pthread_mutex_lock(&incumbents->lock);
    const struct incumbent *incumbent = find(incumbents, hash, &free_one);
    if (incumbent != NULL)
        memcpy(name, incumbent->name, PROVIDER_NAME_MAX);
    pthread_mutex_unlock(&incumbents->lock);
}

bool incumbents_set(struct incumbents *incumbents, const char *policy, const struct policy_request *request,
                    const char *name, char before[PROVIDER_NAME_MAX])
{
    struct incumbent *incumbent, *free_one;
    uint64_t hash = hash_of(policy, request);
    before[0] = '\0';
    pthread_mutex_lock(&incumbents->lock);
    incumbent = find(incumbents, hash, &free_one);
    bool known = incumbent != NULL, changed = known && strcmp(incumbent->name, name) != 0;
    if (!known) {
        incumbent = free_one;
        *incumbent = (struct incumbent){.request = hash};
    }
    if (changed)
        memcpy(before, incumbent->name, PROVIDER_NAME_MAX);
    incumbent->used = ++incumbents->calls;
    if (changed || !known)
        snprintf(incumbent->name, sizeof(incumbent->name), "%s", name);
    pthread_mutex_unlock(&incumbents->lock);
    return changed;
}
