/* report_rules: how clients' reports of their own calls count (POST /api/providers/report): the setting `reports`.
 *
 * The rules for outliers, and their words, are Envoy's
 * (https://www.envoyproxy.io/docs/envoy/v1.25.0/api-v3/config/cluster/v3/outlier_detection.proto and
 * .../intro/arch_overview/upstream/outlier, read 2026-11-24); where our defaults are others, the reason
 * stands there: a cluster of Envoy has tens of hosts that are alike, we have a handful of providers that are not.
 */
#ifndef PROVIDERD_CONFIG_REPORT_RULES_H
#define PROVIDERD_CONFIG_REPORT_RULES_H

#include <stdint.h>

struct report_rules {
    int64_t weight_percent;      /* of a check, that one report counts as in the windows; those of 10 s together count
                                    as one check at most, so that no flood drowns the probes. 0 = not at all */
    int64_t cooldown_ms;         /* of a key or a model after a 429 or a timeout, where no end was told; doubled each
                                    time that it happens again, up to max_eject_ms */
    int64_t consecutive_errors;  /* in a row eject a provider; Envoy's consecutive_gateway_failure (5). 0 = off */
    int64_t failure_percent;     /* of a minute's calls; Envoy's failure_percentage_threshold is 85: half of the calls
                                    lost is more than anyone bears who has another provider. 0 = off */
    int64_t deviation_percent;   /* of the standard deviation, below the mean success rate; Envoy's
                                    success_rate_stdev_factor (1900 thousandths). 0 = off */
    int64_t min_requests;        /* of a minute, for the two rules of shares; Envoy has 50 and 100 in 10 s */
    int64_t eject_ms;            /* times the number of ejections; Envoy's base_ejection_time (30 s) */
    int64_t max_eject_ms;        /* Envoy's max_ejection_time (300 s) */
    int64_t max_ejected_percent; /* of the providers with traffic, but always one; Envoy has 10 */
};

#endif
