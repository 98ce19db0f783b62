#include "daemon/learning.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/reader.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUESTIONS_MAX = 20000 }; /* in line: two rounds of as many providers as are planned for */

static const int64_t SPAN_US = INT64_C(7) * 86400 * 1000000;

/* With the reader thread from store_submit() until it comes back as mail. */
struct question {
    struct mail mail;
    struct question *next; /* in line */
    struct mailbox *answers;
    char name[PROVIDER_NAME_MAX];
    double percent;
    double ms;
    int64_t count;
    char error[256]; /* "" = answered */
};

struct learning {
    struct tracker *tracker;
    struct store *store;
    struct mailbox *answers;
    struct question *first;
    struct question **end;
    size_t waiting;
    bool asking; /* a question is under way */
    bool stopped;
};

/* On a reader thread. */
static void answer(struct store_reader *reader, const char *error, void *user)
{
    struct question *question = user;
    if (reader == NULL)
        snprintf(question->error, sizeof(question->error), "%s", error);
    else
        store_latency_percentile(reader, question->name, question->percent, clock_wall_us() - SPAN_US, &question->ms,
                                 &question->count, question->error, sizeof(question->error));
    mailbox_post(question->answers, &question->mail);
}

static struct question *take_first(struct learning *learning)
{
    struct question *question = learning->first;
    if (question == NULL)
        return NULL;
    learning->first = question->next;
    if (learning->first == NULL)
        learning->end = &learning->first;
    --learning->waiting;
    return question;
}

static void ask_next(struct learning *learning)
{
    struct question *question;
    while (!learning->asking && !learning->stopped && (question = take_first(learning)) != NULL) {
        learning->asking = store_submit(learning->store, answer, question);
        if (!learning->asking) {
            log_error("daemon", "%s: its usual latency cannot be asked for now", question->name);
            free(question);
        }
    }
}

static void receive_answer(struct mail *mail, void *user)
{
    struct learning *learning = user;
    struct question *question = (struct question *)mail;
    learning->asking = false;
    if (!learning->stopped) {
        if (question->error[0] == '\0')
            tracker_learned(learning->tracker, question->name, question->ms, question->count);
        else
            log_warning("daemon", "%s: its usual latency cannot be read: %s", question->name, question->error);
        ask_next(learning);
    }
    free(question);
}

struct learning *learning_new(struct loop *loop, struct tracker *tracker, struct store *store)
{
    struct learning *learning = calloc(1, sizeof(*learning));
    if (learning == NULL)
        return NULL;
    learning->tracker = tracker;
    learning->store = store;
    learning->end = &learning->first;
    learning->answers = mailbox_new(loop, receive_answer, learning);
    if (learning->answers == NULL) {
        free(learning);
        return NULL;
    }
    return learning;
}

void learning_ask(struct learning *learning, const char *name, double percent)
{
    if (learning->stopped || learning->waiting == QUESTIONS_MAX)
        return;
    struct question *question = calloc(1, sizeof(*question));
    if (question == NULL) {
        log_error("daemon", "out of memory to ask for the usual latency of %s", name);
        return;
    }
    question->answers = learning->answers;
    question->percent = percent;
    snprintf(question->name, sizeof(question->name), "%s", name);
    *learning->end = question;
    learning->end = &question->next;
    ++learning->waiting;
    ask_next(learning);
}

void learning_stop(struct learning *learning)
{
    if (learning != NULL)
        learning->stopped = true;
}

void learning_free(struct learning *learning)
{
    struct question *question;
    if (learning == NULL)
        return;
    learning->stopped = true;
    mailbox_free(learning->answers); /* delivers what was posted last */
    while ((question = take_first(learning)) != NULL)
        free(question);
    free(learning);
}
