/* evidence: the three things that say how a provider is, side by side: our checks, the calls that clients reported, and
 * its own status page; how old each is, how far it can be trusted, and where they disagree.
 *
 * Confidence, 0 to 1, is what is there to go by, times freshness:
 *   probe      0.9 once its state is settled: a check asks a cheap endpoint, not for the work itself (a deep probe that
 *              is switched on makes it 0.95); 0.5 while one more check may change it; 0 when nothing is known. It is
 *              fresh until the next check is due, and halves with each interval beyond.
 *   reports    how narrow the interval is that holds the true success rate with 95 % (Wilson; statistics.h): 10 calls
 *              that all went well give 0.72, 100 give 0.96. It halves with each minute since the last.
 *   page       0.5 at most: pages are kept by people, and late; it halves with each half hour since it was read. 0 when
 *              it tells nothing, or has stood still for long.
 *
 * Thread: any; functions of views.
 */
#ifndef PROVIDERD_HEALTH_EVIDENCE_H
#define PROVIDERD_HEALTH_EVIDENCE_H

#include "health/snapshot.h"

enum { DISAGREEMENT_MAX = 320 };

struct evidence_part {
    const char *state; /* of a health_status_name(), or of the page; "unknown" */
    double age_s;      /* of the newest of it; -1 = there is none */
    double confidence;
};

struct evidence {
    struct evidence_part probe;
    struct evidence_part reports;
    struct evidence_part page;
    double success_percent;              /* of the reported calls; -1 = there were none */
    char disagreement[DISAGREEMENT_MAX]; /* "the page says operational, our checks fail (timeout) for 6m"; "" = none */
};

/* The reported calls that say how the provider is, and how many percent of them went well (-1 = there were none); of a
 * view's `traffic`, which may be NULL. */
uint32_t evidence_calls(const struct traffic_view *traffic);
double evidence_success_percent(const struct traffic_view *traffic);

void evidence_weigh(const struct provider_view *view, int64_t now_us, struct evidence *evidence);

#endif
