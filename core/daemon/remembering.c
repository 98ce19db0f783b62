#include "daemon/remembering.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/recall.h"
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
    int64_t before_us; /* when it was asked: what comes after is of this run */
    char name[PROVIDER_NAME_MAX];
    size_t keys; /* several, or 0 */
    struct busy_hours busy_hours;
    struct provider_past *past; /* NULL until it is read */
    char error[256];            /* "" = answered */
};

struct remembering {
    struct tracker *tracker;
    struct store *store;
    struct mailbox *answers;
    struct question *first;
    struct question **end;
    uint64_t asked_us; /* monotonic, when the first of a row of questions was asked */
    size_t answered;   /* of them */
    bool asking;       /* a question is under way */
    bool stopped;
};

/* -- on a reader thread -- */

/* One series of the past being read. */
struct reading {
    struct question *question;
    struct store_reader *reader;
    struct history_series series;
    struct chronicle *chronicle;
};

static bool run_out(struct question *question)
{
    snprintf(question->error, sizeof(question->error), "out of memory");
    return false;
}

static bool add_stretch(struct reading *reading, int64_t start_s, int64_t length_s, const struct tally *tally)
{
    const struct question *question = reading->question;
    struct past_stretch stretch = {.start_s = start_s, .tally = tally};
    if (busy_hours_hold(&question->busy_hours, start_s + length_s / 2)) {
        stretch.busy_checks = tally->checks;
        stretch.busy_up = tally->up;
    }
    if (!statistics_add_past(reading->chronicle->statistics, question->before_us, &stretch))
        return run_out(reading->question);
    return true;
}

/* The steps of the series between two times. NULL with the reason in the question. */
static struct store_series *read_steps(struct reading *reading, const struct history_range *range, int64_t step_s)
{
    struct question *question = reading->question;
    struct store_series *steps = store_series_open(&reading->series, range, step_s);
    int whole = 0;
    if (steps == NULL) {
        run_out(question);
        return NULL;
    }
    while (whole == 0)
        whole = store_series_read(steps, reading->reader, "", question->error, sizeof(question->error));
    for (size_t i = 0; whole == 1 && i < store_series_count(steps); ++i) {
        int64_t start_s;
        const struct tally *tally = store_series_step(steps, i, &start_s);
        if (!add_stretch(reading, start_s, step_s, tally))
            whole = -1;
    }
    if (whole == 1)
        return steps;
    store_series_close(steps);
    return NULL;
}

static bool add_row(const struct history_row *row, void *user)
{
    struct tally_check check = {
        .counted = row->ok != -1 || strcmp(row->status, "unknown") != 0,
        .up = row->ok == 1 || (row->ok == -1 && strcmp(row->status, "healthy") == 0),
        .latency_ms = row->response_time_ms,
        .first_token_ms = row->first_token_ms,
        .tokens_per_second = row->tokens_per_second,
        .kind = row->error_kind,
    };
    return tally_add(user, &check);
}

static bool add_timing(const struct history_row *row, void *user)
{
    return tally_add_timing(user, row->first_token_ms, row->tokens_per_second);
}

/* What rows of a series between the begin of a stretch and the time of the question add up to. */
static bool sum_rows(struct reading *reading, const struct history_series *series, int64_t from_s,
                     history_row_fn row_fn, struct tally *tally)
{
    struct question *question = reading->question;
    struct history_range range = {from_s * SECOND_US, question->before_us};
    struct history_cursor cursor = {.after_time = ""};
    int rows;
    do {
        rows = store_history_page(reading->reader, series, &range, &cursor, ROWS_PER_PAGE, row_fn, tally,
                                  question->error, sizeof(question->error));
    } while (rows == ROWS_PER_PAGE);
    return rows >= 0;
}

static bool read_rest(struct reading *reading, int64_t from_s)
{
    struct tally tally = TALLY_EMPTY;
    bool ok = sum_rows(reading, &reading->series, from_s, add_row, &tally);
    if (ok && !tally_is_empty(&tally))
        ok = add_stretch(reading, from_s, FINE_S, &tally);
    tally_dispose(&tally);
    return ok;
}

/* A streak that is older than the rows goes on back through the hours that said nothing else. */
static void extend_streak(const struct store_series *hours, struct streak *streak)
{
    for (size_t i = store_series_count(hours); i-- > 0;) {
        int64_t start_s;
        const struct tally *tally = store_series_step(hours, i, &start_s);
        if ((start_s + HOUR_S) * SECOND_US > streak->since_us || tally->checks == 0)
            continue;
        if (tally->up != (streak->up ? tally->checks : 0))
            return;
        streak->checks += tally->checks;
        streak->since_us = start_s * SECOND_US;
    }
}

static void add_outage(const struct outage *outage, void *user)
{
    outages_add_past(user, outage);
}

/* Of models there are no outages in the database. */
static bool read_outages(struct reading *reading, const struct store_series *hours)
{
    struct question *question = reading->question;
    struct outages *outages = &reading->chronicle->outages;
    struct recalled_streak recalled;
    int64_t from_us = question->before_us - SPAN_S * SECOND_US;
    if (reading->series.table != RECORD_DEEP_CHECK &&
        store_recall_outages(reading->reader, question->name, reading->series.key, from_us, add_outage, outages,
                             question->error, sizeof(question->error)) != 0)
        return false;
    if (store_recall_streak(reading->reader, &reading->series, question->before_us, &recalled, question->error,
                            sizeof(question->error)) != 0)
        return false;
    if (recalled.streak.checks != 0 && !recalled.bounded)
        extend_streak(hours, &recalled.streak);
    struct outage_check first = {
        .checked_us = recalled.streak.since_us,
        .kind = recalled.kind,
        .message = recalled.message,
    };
    outages_set_streak(outages, &recalled.streak, &first);
    return true;
}

static bool read_series(struct reading *reading)
{
    int64_t before_s = reading->question->before_us / SECOND_US;
    int64_t fine_s = before_s - before_s % HOUR_S - HOUR_S, rest_s = before_s - before_s % FINE_S;
    struct history_range older = {(fine_s - SPAN_S) * SECOND_US, fine_s * SECOND_US};
    struct history_range newer = {fine_s * SECOND_US, rest_s * SECOND_US};
    if (!chronicle_begin(reading->chronicle))
        return run_out(reading->question);
    struct store_series *hours = read_steps(reading, &older, HOUR_S);
    if (hours == NULL)
        return false;
    struct store_series *minutes = read_steps(reading, &newer, FINE_S);
    bool read = minutes != NULL && read_rest(reading, rest_s) && read_outages(reading, hours);
    store_series_close(hours);
    store_series_close(minutes);
    return read;
}

/* The next part of the past, to be filled by reading it. */
static bool read_part(struct question *question, struct store_reader *reader, enum record_table table, unsigned key,
                      const char *model, int64_t checked_us)
{
    struct past_part *part = &question->past->parts[question->past->count++];
    struct reading reading = {
        .question = question,
        .reader = reader,
        .series = {.table = table, .provider = question->name, .key = key, .model = part->model},
        .chronicle = &part->chronicle,
    };
    *part = (struct past_part){.key = key, .checked_us = checked_us};
    snprintf(part->model, sizeof(part->model), "%s", model);
    return read_series(&reading);
}

struct models {
    size_t count;
    struct {
        char id[MODEL_ID_MAX];
        int64_t checked_us;
    } list[MODELS_REMEMBERED];
};

static void add_model(const char *model, int64_t checked_us, void *user)
{
    struct models *models = user;
    if (models->count == MODELS_REMEMBERED)
        return;
    snprintf(models->list[models->count].id, MODEL_ID_MAX, "%s", model);
    models->list[models->count++].checked_us = checked_us;
}

/* Timings are told of the provider as well. What is rolled up of them is there already; the newest are not. */
static bool read_new_timings(struct question *question, struct store_reader *reader, const struct models *models)
{
    int64_t before_s = question->before_us / SECOND_US;
    int64_t fine_s = before_s - before_s % HOUR_S - HOUR_S;
    struct reading reading = {question, reader, {.provider = question->name}, &question->past->parts[0].chronicle};
    struct tally tally = TALLY_EMPTY;
    bool ok = true;
    for (size_t i = 0; i < models->count && ok; ++i) {
        struct history_series series = {RECORD_DEEP_CHECK, question->name, 0, models->list[i].id};
        ok = sum_rows(&reading, &series, fine_s, add_timing, &tally);
    }
    if (ok && (tally.first_token_ms.count != 0 || tally.tokens_per_second.count != 0))
        ok = add_stretch(&reading, fine_s, HOUR_S, &tally);
    tally_dispose(&tally);
    return ok;
}

static void add_hour(int64_t start_s, int64_t checks, int64_t up, void *user)
{
    struct provider_past *past = user;
    if (past->hour_count < PAST_HOURS_MAX)
        past->hours[past->hour_count++] = (struct past_hour){start_s, checks, up};
}

/* Whole ones: that in which this run began goes on. */
static bool read_hours(struct question *question, struct store_reader *reader)
{
    struct provider_past *past = question->past;
    int64_t before_s = question->before_us / SECOND_US, to_s = before_s - before_s % HOUR_S;
    past->hours = calloc(PAST_HOURS_MAX, sizeof(*past->hours));
    if (past->hours == NULL)
        return run_out(question);
    return store_rolled_hours(reader, question->name, to_s - PAST_HOURS_MAX * HOUR_S, to_s, add_hour, past,
                              question->error, sizeof(question->error)) >= 0;
}

static void read_past(struct question *question, struct store_reader *reader)
{
    struct models models = {.count = 0};
    question->past = calloc(1, sizeof(*question->past) +
                                   (1 + question->keys + MODELS_REMEMBERED) * sizeof(question->past->parts[0]));
    if (question->past == NULL) {
        run_out(question);
        return;
    }
    bool read = store_recall_models(reader, question->name, question->before_us, MODELS_REMEMBERED, add_model, &models,
                                    question->error, sizeof(question->error)) == 0 &&
                read_part(question, reader, RECORD_CHECK, 0, "", 0) && read_new_timings(question, reader, &models) &&
                read_hours(question, reader);
    for (size_t i = 0; i < question->keys && read; ++i)
        read = read_part(question, reader, RECORD_KEY_CHECK, (unsigned)i + 1, "", 0);
    for (size_t i = 0; i < models.count && read; ++i)
        read = read_part(question, reader, RECORD_DEEP_CHECK, 0, models.list[i].id, models.list[i].checked_us);
}

static void answer(struct store_reader *reader, const char *error, void *user)
{
    struct question *question = user;
    if (reader == NULL)
        snprintf(question->error, sizeof(question->error), "%s", error);
    else
        read_past(question, reader);
    mailbox_post(question->answers, &question->mail);
}

/* -- on the loop -- */

static void free_question(struct question *question)
{
    provider_past_free(question->past);
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
            tracker_remember(remembering->tracker, question->name, NULL);
            free_question(question);
        }
    }
}

static void take_answer(struct remembering *remembering, struct question *question)
{
    if (question->error[0] != '\0') {
        log_warning("daemon", "%s: its statistics and forecast begin anew, the past cannot be read: %s", question->name,
                    question->error);
        provider_past_free(question->past);
        question->past = NULL;
    }
    tracker_remember(remembering->tracker, question->name, question->past);
    question->past = NULL;
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
    remembering->answers = mailbox_new(loop, receive_answer, remembering);
    if (remembering->answers == NULL) {
        free(remembering);
        return NULL;
    }
    return remembering;
}

void remembering_ask(struct remembering *remembering, const char *name, const struct busy_hours *busy_hours)
{
    if (remembering->stopped)
        return;
    struct question *question = calloc(1, sizeof(*question));
    if (question == NULL) {
        log_error("daemon", "out of memory to ask for the past of %s", name);
        tracker_remember(remembering->tracker, name, NULL);
        return;
    }
    question->answers = remembering->answers;
    question->before_us = clock_wall_us();
    question->busy_hours = *busy_hours;
    size_t keys = tracker_key_count(remembering->tracker, name);
    question->keys = keys > 1 ? keys : 0;
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
