/* change_point: has the error rate of a provider become worse? A Bernoulli CUSUM.
 *
 * After each check the log-likelihood ratio of "it fails as often as a provider that is about to fail" against "it
 * fails as often as it usually does" is added to a sum that never falls below zero (Page 1954). The place where the sum
 * last was zero is the likeliest moment of the change, so that the reason can say "4 of the last 31 checks".
 *
 * Sources: E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954); for single checks rather than samples of
 * them M. R. Reynolds and Z. G. Stoumbos, "A CUSUM chart for monitoring a proportion when inspecting continuously",
 * Journal of Quality Technology 31 (1999); for the threshold G. Lorden, "Procedures for reacting to a change in
 * distribution", Annals of Mathematical Statistics 42 (1971). All as told in P. Granjon, "The CuSum algorithm, a small
 * review" (2013), hal.science/hal-00914697, read 2026-11-23.
 *
 * Counts checks, not minutes. O(1) a check. Plain values, no allocation. Thread: the loop's.
 */
#ifndef PROVIDERD_HEALTH_CHANGE_POINT_H
#define PROVIDERD_HEALTH_CHANGE_POINT_H

#include <stdbool.h>
#include <stddef.h>

struct change_point {
    double sum;            /* evidence, in nats */
    double checks;         /* of the usual rate; old ones fade, so these are not whole */
    double failed;         /* among them */
    unsigned run;          /* failures in a row */
    unsigned since;        /* checks since the sum was zero, */
    unsigned since_failed; /* and failures among them */
    unsigned held;         /* checks that the usual rate has not been told of yet, */
    unsigned held_failed;  /* and failures among them */
};

void change_point_take(struct change_point *errors, bool up);

/* What an hour of the past says of the usual rate; the oldest first. An hour of which most failed was an outage, and
 * says nothing of it. */
void change_point_add_hour(struct change_point *errors, double checks, double failed);

/* The rate that is usual, 0-1. */
double change_point_usual(const struct change_point *errors);

/* 0-1; 0.5 where the evidence reaches the threshold. Writes the reason when it is not 0. */
double change_point_risk(const struct change_point *errors, char *detail, size_t detail_size);

#endif
