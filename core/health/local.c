#include "health/local.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const uint64_t WINDOW_US = (uint64_t)LOCAL_WINDOW_S * 1000000;

/* The host of a URL: behind the scheme and any user, before the port, with brackets for IPv6. */
static const char *host_in(const char *url, size_t *len)
{
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    size_t authority = strcspn(host, "/?#");
    const char *at = memchr(host, '@', authority);
    if (at != NULL) {
        authority -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    if (*host == '[') {
        const char *end = memchr(host, ']', authority);
        *len = end != NULL ? (size_t)(end - host) + 1 : authority;
    } else {
        const char *colon = memchr(host, ':', authority);
        *len = colon != NULL ? (size_t)(colon - host) : authority;
    }
    return host;
}

uint64_t local_host_of(const char *url, bool *loopback)
{
    size_t len;
    const char *host = host_in(url, &len);
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < len; ++i)
        hash = (hash ^ (unsigned char)tolower((unsigned char)host[i])) * UINT64_C(0x100000001b3);
    *loopback = (len == 9 && strncasecmp(host, "localhost", 9) == 0) || (len == 5 && memcmp(host, "[::1]", 5) == 0) ||
                (len > 4 && memcmp(host, "127.", 4) == 0);
    return hash != 0 ? hash : 1;
}

void local_note(struct local_evidence *evidence, uint64_t host, bool loopback, bool witness, enum layer layer,
                uint64_t now_us)
{
    struct host_outcome *place = &evidence->hosts[0];
    for (size_t i = 0; i < LOCAL_HOSTS; ++i) {
        struct host_outcome *outcome = &evidence->hosts[i];
        if (outcome->host == host) {
            place = outcome;
            break;
        }
        if (outcome->at_us < place->at_us)
            place = outcome;
    }
    *place = (struct host_outcome){host, now_us, layer, loopback, witness};
}

void local_note_stumble(struct local_evidence *evidence, uint64_t from_us, uint64_t to_us)
{
    evidence->stumbled_from_us = from_us;
    evidence->stumbled_to_us = to_us;
}

bool local_stumbled(const struct local_evidence *evidence, uint64_t began_us, uint64_t now_us)
{
    return evidence->stumbled_to_us != 0 && evidence->stumbled_to_us >= began_us &&
           evidence->stumbled_from_us <= now_us;
}

/* Whether an outcome tells of the network that `host` is reached by. */
static bool is_evidence(const struct host_outcome *outcome, uint64_t host, bool loopback, uint64_t now_us)
{
    return outcome->host != 0 && outcome->host != host && now_us - outcome->at_us <= WINDOW_US &&
           (outcome->witness || outcome->loopback == loopback);
}

enum local_answer local_judge(const struct local_evidence *evidence, uint64_t host, bool loopback, enum layer layer,
                              uint64_t began_us, uint64_t now_us)
{
    uint64_t answered_us = 0;
    for (size_t i = 0; i < LOCAL_HOSTS; ++i) {
        const struct host_outcome *outcome = &evidence->hosts[i];
        if (!is_evidence(outcome, host, loopback, now_us))
            continue;
        if (outcome->witness && outcome->layer != LAYER_ANSWERED)
            return LOCAL_YES;
        if (outcome->layer == LAYER_ANSWERED && outcome->at_us > answered_us)
            answered_us = outcome->at_us;
    }
    /* An answer speaks for the network only if it came while, or after, this check was failing. */
    if (answered_us != 0 && answered_us >= began_us)
        return LOCAL_NO;
    unsigned alike = 0;
    for (size_t i = 0; i < LOCAL_HOSTS; ++i) {
        const struct host_outcome *outcome = &evidence->hosts[i];
        if (is_evidence(outcome, host, loopback, now_us) && outcome->at_us > answered_us)
            alike += outcome->layer == layer;
    }
    return alike >= LOCAL_OTHERS_NEEDED ? LOCAL_LIKELY : LOCAL_DOUBT;
}
