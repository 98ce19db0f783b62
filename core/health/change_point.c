#include "health/change_point.h"

#include <math.h>
#include <stdio.h>

/* e^h bounds the mean number of checks between false alarms from below (Lorden): a week of checks every 5 minutes. */
static const double CHECKS_TO_FALSE_ALARM = 2016;

/* What is known of a provider's rate before its first check: as much as these checks would tell. */
static const double PRIOR_CHECKS = 100, PRIOR_RATE = 0.01;

/* The usual rate is that of about a week. */
static const double MEMORY_CHECKS = 2016;

/* Even one that never failed is allowed one failure in 200 checks, or a single one would be half an alarm. */
static const double USUAL_MIN = 0.005, USUAL_MAX = 0.3;

/* The rate to be found soonest: four times the usual one, but no less than one check in seven. */
static const double WORSE_TIMES = 4, WORSE_MIN = 0.15, WORSE_MAX = 0.7;

/* Failures come in runs: a second one, asked for half a minute after the first, is half as surprising. */
static const double REPEATED_WEIGHT = 0.5;

/* So many in a row are an outage; it teaches the usual rate no more than that. */
enum { RUN_IS_OUTAGE = 3 };

enum { HELD_MAX = 288 }; /* a day of checks every 5 minutes */

/* Above the threshold the sum goes on only so far, so that it comes back soon after the change is over. */
static const double ABOVE_MAX = 2;

static double threshold(void)
{
    return log(CHECKS_TO_FALSE_ALARM);
}

double change_point_usual(const struct change_point *errors)
{
    return (errors->failed + PRIOR_CHECKS * PRIOR_RATE) / (errors->checks + PRIOR_CHECKS);
}

static double evidence_of(const struct change_point *errors, bool up)
{
    double usual = fmin(USUAL_MAX, fmax(USUAL_MIN, change_point_usual(errors)));
    double worse = fmin(WORSE_MAX, fmax(WORSE_MIN, WORSE_TIMES * usual));
    if (up)
        return log((1 - worse) / (1 - usual));
    return log(worse / usual) * (errors->run > 1 ? REPEATED_WEIGHT : 1);
}

static void remember(struct change_point *errors, double checks, double failed)
{
    double keep = pow(1 - 1 / MEMORY_CHECKS, checks);
    errors->checks = errors->checks * keep + checks;
    errors->failed = errors->failed * keep + failed;
}

/* What is under suspicion says nothing of what is usual until the sum is back at zero, or a day has gone by. */
static void learn(struct change_point *errors, bool up)
{
    if (errors->run <= RUN_IS_OUTAGE) {
        ++errors->held;
        errors->held_failed += !up;
    }
    if (errors->sum > 0 && errors->held < HELD_MAX)
        return;
    remember(errors, errors->held, errors->held_failed);
    errors->held = errors->held_failed = 0;
}

void change_point_take(struct change_point *errors, bool up)
{
    errors->run = up ? 0 : errors->run + 1;
    double most = threshold() + ABOVE_MAX;
    errors->sum = fmax(0, fmin(most, errors->sum + evidence_of(errors, up)));
    if (errors->run >= RUN_IS_OUTAGE)
        errors->sum = most;
    errors->since = errors->sum > 0 ? errors->since + 1 : 0;
    errors->since_failed = errors->sum > 0 ? errors->since_failed + !up : 0;
    learn(errors, up);
}

void change_point_add_hour(struct change_point *errors, double checks, double failed)
{
    if (checks > 0 && failed >= 0 && 2 * failed <= checks)
        remember(errors, checks, failed);
}

double change_point_risk(const struct change_point *errors, char *detail, size_t detail_size)
{
    double share = errors->sum / threshold();
    if (errors->since_failed == 0)
        return 0;
    if (errors->run >= RUN_IS_OUTAGE)
        snprintf(detail, detail_size, "the last %u checks failed", errors->run);
    else
        snprintf(detail, detail_size, "%u of the last %u checks failed, usually %.1f %%", errors->since_failed,
                 errors->since, 100 * change_point_usual(errors));
    /* Squared below the threshold: half the evidence is far less than half a reason to act. */
    return share < 1 ? 0.5 * share * share : 0.5 + 0.4 * (errors->sum - threshold()) / ABOVE_MAX;
}
