/* requests: what HTTP threads want of the loop's thread, by mail.
 *
 * Thread: requests_new and requests_free the loop's, the rest any.
 */
#ifndef PROVIDERD_DAEMON_REQUESTS_H
#define PROVIDERD_DAEMON_REQUESTS_H

#include "event/loop.h"
#include "health/report.h"

/* What is done about them, on the loop's thread. */
struct request_sinks {
    void *user;
    void (*check)(void *user, const char *name); /* NULL = all */
    void (*reports)(void *user, const struct report_batch *batch);
    void (*test_alert)(void *user, const char *name);
    void (*reload)(void *user);
    void (*best)(void *user, const char *from, const char *to, const char *reason);
};

struct requests;

struct requests *requests_new(struct loop *loop, const struct request_sinks *sinks); /* NULL with errno */
void requests_free(struct requests *requests); /* no thread may ask any more; NULL is allowed */

/* Check a provider, or all of them (NULL). */
void requests_check(struct requests *requests, const char *name);

/* Take in what clients reported; owned from now on. False, and still the caller's, when REPORTS_WAITING_MAX of them
 * wait for the loop's thread already, or memory ran out. */
enum { REPORTS_WAITING_MAX = 20000 };
bool requests_reports(struct requests *requests, struct report_batch *batch);

/* Send a message that is a test. */
void requests_test_alert(struct requests *requests, const char *name);

/* Load configuration and scripts anew. */
void requests_reload(struct requests *requests);

/* The best provider is another. */
void requests_best(struct requests *requests, const char *from, const char *to, const char *reason);

#endif
