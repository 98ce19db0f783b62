#include "health/outlier.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double success_rate(const struct outlier_host *host)
{
    return 100.0 * (host->calls - host->failed) / host->calls;
}

static bool is_telling(const struct report_rules *rules, const struct outlier_host *host)
{
    return !host->ejected && host->calls >= rules->min_requests;
}

bool outlier_in_row(const struct report_rules *rules, unsigned failures_in_row, const char *kind,
                    char why[OUTLIER_WHY_MAX])
{
    if (rules->consecutive_errors == 0 || failures_in_row < rules->consecutive_errors)
        return false;
    snprintf(why, OUTLIER_WHY_MAX, "%u reported calls in a row failed (%s)", failures_in_row, kind);
    return true;
}

static void judge_share(const struct report_rules *rules, struct outlier_host *host)
{
    if (rules->failure_percent != 0 && host->failed * INT64_C(100) >= rules->failure_percent * host->calls)
        snprintf(host->why, sizeof(host->why), "%u of %u reported calls of a minute failed", host->failed, host->calls);
}

/* Mean and standard deviation of the success rates of the `n` that tell; of the population, as Envoy has them. */
static void judge_deviation(const struct report_rules *rules, struct outlier_host *hosts, size_t count)
{
    double sum = 0, squares = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; ++i) {
        if (!is_telling(rules, &hosts[i]))
            continue;
        sum += success_rate(&hosts[i]);
        ++n;
    }
    if (n < OUTLIER_HOSTS_MIN || rules->deviation_percent == 0)
        return;
    double mean = sum / (double)n;
    for (size_t i = 0; i < count; ++i) {
        if (is_telling(rules, &hosts[i]))
            squares += pow(success_rate(&hosts[i]) - mean, 2);
    }
    double least = mean - (double)rules->deviation_percent / 100 * sqrt(squares / (double)n);
    for (size_t i = 0; i < count; ++i) {
        struct outlier_host *host = &hosts[i];
        if (is_telling(rules, host) && host->why[0] == '\0' && success_rate(host) < least)
            snprintf(host->why, sizeof(host->why),
                     "%.1f %% of its reported calls went well, %.1f %% of those of all in the mean", success_rate(host),
                     mean);
    }
}

void outlier_judge(const struct report_rules *rules, struct outlier_host *hosts, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        hosts[i].why[0] = '\0';
        if (is_telling(rules, &hosts[i]))
            judge_share(rules, &hosts[i]);
    }
    judge_deviation(rules, hosts, count);
}

bool outlier_may_eject(const struct report_rules *rules, size_t with_traffic, size_t ejected)
{
    if (rules->max_ejected_percent == 0)
        return false;
    return ejected == 0 || (ejected + 1) * 100 <= with_traffic * (size_t)rules->max_ejected_percent;
}

static int64_t length_us(const struct ejection *ejection, const struct report_rules *rules)
{
    int64_t most_us = rules->max_eject_ms * 1000, length = rules->eject_ms * 1000;
    int64_t times = ejection->times < 100000 ? ejection->times : 100000;
    length = length < most_us / (times > 0 ? times : 1) ? length * times : most_us;
    return length < most_us ? length : most_us;
}

void ejection_begin(struct ejection *ejection, const struct report_rules *rules, const char *why, int64_t now_us)
{
    ++ejection->times;
    ejection->counted_us = ejection->since_us = now_us;
    ejection->until_us = now_us + length_us(ejection, rules);
    ejection->half_open = false;
    snprintf(ejection->why, sizeof(ejection->why), "%s", why);
}

void ejection_prolong(struct ejection *ejection, const struct report_rules *rules, int64_t now_us)
{
    ejection->until_us = now_us + length_us(ejection, rules);
    ejection->half_open = false;
}

void ejection_end(struct ejection *ejection, int64_t now_us)
{
    ejection->since_us = ejection->until_us = 0;
    ejection->half_open = false;
    ejection->counted_us = now_us;
    ejection->why[0] = '\0';
}

void ejection_age(struct ejection *ejection, const struct report_rules *rules, int64_t now_us)
{
    int64_t step_us = rules->eject_ms * 1000;
    if (ejection->since_us != 0)
        return;
    while (ejection->times > 0 && now_us - ejection->counted_us >= step_us) {
        --ejection->times;
        ejection->counted_us += step_us;
    }
}
