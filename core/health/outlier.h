/* outlier: which providers fail more than others by what clients report, and how long they are kept out for it.
 *
 * Envoy's rules (config/report_rules.h names the pages): so many errors in a row; a share of failures; a success rate
 * that lies too far below the others'. The rule of the success rate can only ever find somebody among five or more: of
 * n values none lies further from the mean than sqrt(n - 1) standard deviations, which for four is 1.73. That is why
 * Envoy has success_rate_minimum_hosts = 5, and why the share of failures judges each provider for itself.
 *
 * Who is found is ejected for a time that grows with each ejection and shrinks again in quiet times, unless too large a
 * share is ejected already: then it may be the clients who have a problem. When the time is over a check decides
 * (half-open): success takes the provider back, failure keeps it out for as long again.
 *
 * Thread: any; functions of values.
 */
#ifndef PROVIDERD_HEALTH_OUTLIER_H
#define PROVIDERD_HEALTH_OUTLIER_H

#include "config/report_rules.h"
#include "health/traffic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTLIER_HOSTS_MIN = 5, OUTLIER_WHY_MAX = 160 };

struct ejection {
    int64_t since_us; /* wall clock; 0 = it is not ejected */
    int64_t until_us;
    bool half_open;     /* the time is over, and a check has been asked for */
    unsigned times;     /* that the next one counts from: ejections, less quiet times */
    int64_t counted_us; /* when `times` last changed */
    char why[OUTLIER_WHY_MAX];
};

/* One provider, as far as the rules look at it. */
struct outlier_host {
    uint32_t calls;  /* of the last minute that tell how it is */
    uint32_t failed; /* of them */
    bool ejected;
    char why[OUTLIER_WHY_MAX]; /* out: why it is an outlier; "" = it is none */
};

/* Whether so many failures in a row are too many; says why. */
bool outlier_in_row(const struct report_rules *rules, unsigned failures_in_row, const char *kind,
                    char why[OUTLIER_WHY_MAX]);

/* Judges all of them by their shares: fills in `why`. Those that are ejected are passed over. */
void outlier_judge(const struct report_rules *rules, struct outlier_host *hosts, size_t count);

/* Whether one more of `with_traffic` providers may be ejected, `ejected` being so already. */
bool outlier_may_eject(const struct report_rules *rules, size_t with_traffic, size_t ejected);

/* Keeps it out from now on. */
void ejection_begin(struct ejection *ejection, const struct report_rules *rules, const char *why, int64_t now_us);

/* The check at the end failed: the same time again. */
void ejection_prolong(struct ejection *ejection, const struct report_rules *rules, int64_t now_us);

/* Takes it back. */
void ejection_end(struct ejection *ejection, int64_t now_us);

/* Forgives one of `times` for each length of a first ejection without one. */
void ejection_age(struct ejection *ejection, const struct report_rules *rules, int64_t now_us);

#endif
