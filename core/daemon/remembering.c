#include "daemon/remembering.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/reader.h"
#include "store/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static const int64_t HOUR_S = 3600, FINE_S = 300;
static const int64_t SPAN_S = INT64_C(31) * 86400; /* the longest window, and what its edge moves in */
enum { ROWS_PER_PAGE = 1000, PAST_HOURS_MAX = SEASON_WEEKS * SEASON_HOURS };

/* With the reader thread from store_submit() until it comes back as mail. */
struct question {
    struct mail mail;
    struct question *next; /* in line */
    struct mailbox *answers;
    int64_t before_us; /* the begin of this run */
    char name[PROVIDER_NAME_MAX];
    struct statistics *past;
    struct past_hour *hours; /* for the forecast; owned, of PAST_HOURS_MAX */
    size_t hour_count;
    char error[256]; /* "" = answered */
};

struct remembering {
    struct tracker *tracker;
    struct store *store;
    struct mailbox *answers;
    struct question *first;
    struct question **end;
    int64_t began_us;  /* wall clock */
    uint64_t asked_us; /* monotonic, when the first of a row of questions was asked */
    size_t answered;   /* of them */
    bool asking;       /* a question is under way */
    bool stopped;
};

/* -- on a reader thread -- */

/* Steps of the series between two times, each a stretch of the past. */
static bool read_steps(struct question *question, struct store_reader *reader, const struct history_range *range,
                       int64_t step_s)
{
    struct history_series series = {.table = RECORD_CHECK, .provider = question->name};
    struct store_series *steps = store_series_open(&series, range, step_s);
    int whole = 0;
    if (steps == NULL) {
        snprintf(question->error, sizeof(question->error), "out of memory");
        return false;
    }
    while (whole == 0)
        whole = store_series_read(steps, reader, "", question->error, sizeof(question->error));
    for (size_t i = 0; whole == 1 && i < store_series_count(steps); ++i) {
        struct past_stretch stretch = {.start_s = 0};
        stretch.tally = store_series_step(steps, i, &stretch.start_s);
        if (!statistics_add_past(question->past, question->before_us, &stretch)) {
            snprintf(question->error, sizeof(question->error), "out of memory");
            whole = -1;
        }
    }
    store_series_close(steps);
    return whole == 1;
}

static bool add_row(const struct history_row *row, void *user)
{
    struct tally_check check = {
        .counted = row->ok != -1 || strcmp(row->status, "unknown") != 0,
        .up = row->ok == 1 || (row->ok == -1 && strcmp(row->status, "healthy") == 0),
        .latency_ms = row->response_time_ms,
        .first_token_ms = -1,
        .tokens_per_second = -1,
        .kind = row->error_kind,
    };
    return tally_add(user, &check);
}

/* What lies between the begin of a stretch and that of this run. */
static bool read_rest(struct question *question, struct store_reader *reader, int64_t from_s)
{
    struct history_series series = {.table = RECORD_CHECK, .provider = question->name};
    struct history_range range = {from_s * SECOND_US, question->before_us};
    struct history_cursor cursor = {.after_time = ""};
    struct tally tally = TALLY_EMPTY;
    struct past_stretch stretch = {.start_s = from_s, .tally = &tally};
    int rows;
    do {
        rows = store_history_page(reader, &series, &range, &cursor, ROWS_PER_PAGE, add_row, &tally, question->error,
                                  sizeof(question->error));
    } while (rows == ROWS_PER_PAGE);
    bool ok = rows >= 0;
    if (ok && !tally_is_empty(&tally))
        ok = statistics_add_past(question->past, question->before_us, &stretch);
    tally_dispose(&tally);
    return ok;
}

static void add_hour(int64_t start_s, int64_t checks, int64_t up, void *user)
{
    struct question *question = user;
    if (question->hour_count < PAST_HOURS_MAX)
        question->hours[question->hour_count++] = (struct past_hour){start_s, checks, up};
}

/* Whole ones: that in which this run began goes on. */
static void read_hours(struct question *question, struct store_reader *reader)
{
    int64_t before_s = question->before_us / SECOND_US, to_s = before_s - before_s % HOUR_S;
    question->hours = calloc(PAST_HOURS_MAX, sizeof(*question->hours));
    if (question->hours == NULL)
        snprintf(question->error, sizeof(question->error), "out of memory");
    else
        store_rolled_hours(reader, question->name, to_s - PAST_HOURS_MAX * HOUR_S, to_s, add_hour, question,
                           question->error, sizeof(question->error));
}

static void read_past(struct question *question, struct store_reader *reader)
{
    int64_t before_s = question->before_us / SECOND_US;
    int64_t fine_s = before_s - before_s % HOUR_S - HOUR_S, rest_s = before_s - before_s % FINE_S;
    struct history_range hours = {(fine_s - SPAN_S) * SECOND_US, fine_s * SECOND_US};
    struct history_range minutes = {fine_s * SECOND_US, rest_s * SECOND_US};
    question->past = statistics_new();
    if (question->past == NULL)
        snprintf(question->error, sizeof(question->error), "out of memory");
    else if (read_steps(question, reader, &hours, HOUR_S) && read_steps(question, reader, &minutes, FINE_S))
        read_rest(question, reader, rest_s);
}

static void answer(struct store_reader *reader, const char *error, void *user)
{
    struct question *question = user;
    if (reader == NULL)
        snprintf(question->error, sizeof(question->error), "%s", error);
    else
        read_past(question, reader);
    if (question->error[0] == '\0')
        read_hours(question, reader);
    mailbox_post(question->answers, &question->mail);
}

/* -- on the loop -- */

static void free_question(struct question *question)
{
    statistics_free(question->past);
    free(question->hours);
    free(question);
}

static struct question *take_first(struct remembering *remembering)
{
    struct question *question = remembering->first;
    if (question == NULL)
        return NULL;
    remembering->first = question->next;
    if (remembering->first == NULL)
        remembering->end = &remembering->first;
    return question;
}

static void ask_next(struct remembering *remembering)
{
    struct question *question;
    while (!remembering->asking && !remembering->stopped && (question = take_first(remembering)) != NULL) {
        remembering->asking = store_submit(remembering->store, answer, question);
        if (!remembering->asking) {
            log_error("daemon", "%s: its past cannot be asked for now", question->name);
            free_question(question);
        }
    }
}

static void take_answer(struct remembering *remembering, struct question *question)
{
    if (question->error[0] != '\0') {
        log_warning("daemon", "%s: its statistics and forecast begin anew, the past cannot be read: %s", question->name,
                    question->error);
        return;
    }
    tracker_remember(remembering->tracker, question->name, question->past);
    question->past = NULL;
    tracker_prime(remembering->tracker, question->name, question->hours, question->hour_count);
    ++remembering->answered;
}

static void receive_answer(struct mail *mail, void *user)
{
    struct remembering *remembering = user;
    struct question *question = (struct question *)mail;
    remembering->asking = false;
    if (!remembering->stopped) {
        take_answer(remembering, question);
        ask_next(remembering);
        if (!remembering->asking)
            log_info("daemon", "read the statistics of %zu providers in %.1f ms", remembering->answered,
                     (double)(clock_monotonic_us() - remembering->asked_us) / 1000);
    }
    free_question(question);
}

struct remembering *remembering_new(struct loop *loop, struct tracker *tracker, struct store *store)
{
    struct remembering *remembering = calloc(1, sizeof(*remembering));
    if (remembering == NULL)
        return NULL;
    remembering->tracker = tracker;
    remembering->store = store;
    remembering->end = &remembering->first;
    remembering->began_us = clock_wall_us();
    remembering->answers = mailbox_new(loop, receive_answer, remembering);
    if (remembering->answers == NULL) {
        free(remembering);
        return NULL;
    }
    return remembering;
}

void remembering_ask(struct remembering *remembering, const char *name)
{
    if (remembering->stopped)
        return;
    struct question *question = calloc(1, sizeof(*question));
    if (question == NULL) {
        log_error("daemon", "out of memory to ask for the past of %s", name);
        return;
    }
    question->answers = remembering->answers;
    question->before_us = remembering->began_us;
    snprintf(question->name, sizeof(question->name), "%s", name);
    if (remembering->first == NULL && !remembering->asking) {
        remembering->asked_us = clock_monotonic_us();
        remembering->answered = 0;
    }
    *remembering->end = question;
    remembering->end = &question->next;
    ask_next(remembering);
}

void remembering_stop(struct remembering *remembering)
{
    if (remembering != NULL)
        remembering->stopped = true;
}

void remembering_free(struct remembering *remembering)
{
    struct question *question;
    if (remembering == NULL)
        return;
    remembering->stopped = true;
    mailbox_free(remembering->answers); /* delivers what was posted last */
    while ((question = take_first(remembering)) != NULL)
        free_question(question);
    free(remembering);
}
