#include "daemon/requests.h"

#include "base/log.h"
#include "health/snapshot.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct requests {
    struct mailbox *mailbox;
    atomic_size_t reports_waiting;
    struct request_sinks sinks;
};

enum request_kind { REQUEST_CHECK, REQUEST_REPORTS, REQUEST_BEST, REQUEST_TEST_ALERT, REQUEST_RELOAD };

struct request {
    struct mail mail;
    enum request_kind kind;
    char name[PROVIDER_NAME_MAX]; /* to check, "" = all; or the best one, "" = nobody */
    char before[PROVIDER_NAME_MAX];
    char reason[HEALTH_MESSAGE_MAX];
    struct report_batch *batch; /* owned */
};

static void receive(struct mail *mail, void *user)
{
    struct requests *requests = user;
    const struct request_sinks *sinks = &requests->sinks;
    struct request *request = (struct request *)mail;
    switch (request->kind) {
    case REQUEST_CHECK:
        sinks->check(sinks->user, request->name[0] != '\0' ? request->name : NULL);
        break;
    case REQUEST_REPORTS:
        sinks->reports(sinks->user, request->batch);
        atomic_fetch_sub(&requests->reports_waiting, request->batch->count);
        report_batch_free(request->batch);
        break;
    case REQUEST_TEST_ALERT:
        sinks->test_alert(sinks->user, request->name);
        break;
    case REQUEST_RELOAD:
        sinks->reload(sinks->user);
        break;
    case REQUEST_BEST:
        sinks->best(sinks->user, request->before, request->name, request->reason);
        break;
    }
    free(request);
}

static struct request *request_new(enum request_kind kind)
{
    struct request *request = calloc(1, sizeof(*request));
    if (request == NULL)
        log_error("daemon", "out of memory for a request of an HTTP thread");
    else
        request->kind = kind;
    return request;
}

void requests_check(struct requests *requests, const char *name)
{
    struct request *request = request_new(REQUEST_CHECK);
    if (request == NULL)
        return;
    snprintf(request->name, sizeof(request->name), "%s", name != NULL ? name : "");
    mailbox_post(requests->mailbox, &request->mail);
}

bool requests_reports(struct requests *requests, struct report_batch *batch)
{
    size_t waiting = atomic_fetch_add(&requests->reports_waiting, batch->count);
    struct request *request = waiting < REPORTS_WAITING_MAX ? request_new(REQUEST_REPORTS) : NULL;
    if (request == NULL) {
        atomic_fetch_sub(&requests->reports_waiting, batch->count);
        return false;
    }
    request->batch = batch;
    mailbox_post(requests->mailbox, &request->mail);
    return true;
}

void requests_test_alert(struct requests *requests, const char *name)
{
    struct request *request = request_new(REQUEST_TEST_ALERT);
    if (request == NULL)
        return;
    snprintf(request->name, sizeof(request->name), "%s", name);
    mailbox_post(requests->mailbox, &request->mail);
}

void requests_reload(struct requests *requests)
{
    struct request *request = request_new(REQUEST_RELOAD);
    if (request != NULL)
        mailbox_post(requests->mailbox, &request->mail);
}

void requests_best(struct requests *requests, const char *from, const char *to, const char *reason)
{
    struct request *request = request_new(REQUEST_BEST);
    if (request == NULL)
        return;
    snprintf(request->before, sizeof(request->before), "%s", from);
    snprintf(request->name, sizeof(request->name), "%s", to);
    snprintf(request->reason, sizeof(request->reason), "%s", reason);
    mailbox_post(requests->mailbox, &request->mail);
}

struct requests *requests_new(struct loop *loop, const struct request_sinks *sinks)
{
    struct requests *requests = calloc(1, sizeof(*requests));
    if (requests == NULL)
        return NULL;
    requests->sinks = *sinks;
    requests->mailbox = mailbox_new(loop, receive, requests);
    if (requests->mailbox == NULL) {
        free(requests);
        return NULL;
    }
    return requests;
}

void requests_free(struct requests *requests)
{
    if (requests == NULL)
        return;
    mailbox_free(requests->mailbox);
    free(requests);
}
