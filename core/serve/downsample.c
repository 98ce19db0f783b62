/* downsample: the history in steps of time, of each provider or of all together. */
#include "serve/fields.h"
#include "serve/handlers.h"
#include "serve/names.h"
#include "serve/query.h"
#include "serve/stream.h"
#include "store/series.h"

#include "base/clock.h"
#include "base/duration.h"

#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 5000 };

static const int64_t SECOND_US = 1000000;
static const int64_t HOUR_S = 3600;
static const int64_t RAW_KEPT_S = 7 * 86400; /* by default; further back there are hours */
static const int64_t MANY_RAW_S =
    2 * 86400; /* of every provider: of more than that the hours are read, not the checks */

struct downsample {
    struct span span;
    struct history_series series;
    char model[MODEL_ID_MAX];
    int64_t step_s;
    bool single; /* one series: an array alone, 404 when it is empty */
    bool uptime_only;
    struct names names;
    size_t at;
    struct store_series *reading; /* NULL between two series */
    char tail_from[32];
    bool opened;
    bool any_series;
    bool any_step;
};

/* -- writing -- */

static const char header[] = "provider_name,t,checks,up,unknown,uptime_percent,min,mean,p95,max,first_token_mean,"
                             "first_token_p95,tokens_per_second_mean\n";

static void write_timing(struct fields *fields, const struct tally *tally)
{
    const struct tally_measure *first = &tally->first_token_ms, *speed = &tally->tokens_per_second;
    field_measure(fields, "first_token_mean", first->count != 0 ? tally_mean(first) : -1);
    field_measure(fields, "first_token_p95", first->count != 0 ? tally_quantile(first, 0.95) : -1);
    field_measure(fields, "tokens_per_second_mean", speed->count != 0 ? tally_mean(speed) : -1);
}

static void write_latency(struct fields *fields, const struct downsample *sample, const struct tally *tally)
{
    const struct tally_measure *latency = &tally->latency_ms;
    bool any = latency->count != 0;
    field_measure(fields, "min", any ? latency->min : -1);
    field_measure(fields, "mean", any ? tally_mean(latency) : -1);
    field_measure(fields, "p95", any ? tally_quantile(latency, 0.95) : -1);
    field_measure(fields, "max", any ? latency->max : -1);
    if (sample->span.format == SPAN_CSV || sample->series.table == RECORD_DEEP_CHECK)
        write_timing(fields, tally);
}

static void write_step(struct downsample *sample, struct buf *out, const char *name, const struct tally *tally,
                       int64_t start_s)
{
    struct fields fields = fields_begin(out, sample->span.format == SPAN_CSV);
    if (sample->span.format != SPAN_JSON)
        field_text(&fields, "provider_name", name);
    field_time(&fields, "t", start_s * SECOND_US);
    field_int(&fields, "checks", tally->checks);
    field_int(&fields, "up", tally->up);
    field_int(&fields, "unknown", tally->uncounted);
    field_measure(&fields, "uptime_percent", tally->checks != 0 ? 100.0 * tally->up / tally->checks : -1);
    if (!sample->uptime_only)
        write_latency(&fields, sample, tally);
    fields_end(&fields);
    if (sample->span.format == SPAN_NDJSON)
        buf_append_char(out, '\n');
}

static void open_series(struct downsample *sample, struct buf *out)
{
    if (!sample->single) {
        struct json j = json_begin(out);
        if (sample->any_series)
            buf_append_char(out, ',');
        json_text(&j, sample->series.provider);
        buf_append_char(out, ':');
    }
    buf_append_char(out, '[');
    sample->any_series = true;
}

static void write_series(struct downsample *sample, struct buf *out)
{
    size_t count = store_series_count(sample->reading);
    bool json = sample->span.format == SPAN_JSON;
    if (count == 0)
        return;
    if (json)
        open_series(sample, out);
    for (size_t i = 0; i < count; ++i) {
        int64_t start_s;
        const struct tally *tally = store_series_step(sample->reading, i, &start_s);
        if (json && i != 0)
            buf_append_char(out, ',');
        write_step(sample, out, sample->series.provider, tally, start_s);
    }
    if (json)
        buf_append_char(out, ']');
    sample->any_step = true;
}

/* -- streaming -- */

static bool open_answer(struct downsample *sample, struct store_reader *reader, struct stream_page *page)
{
    if (!names_read(&sample->names, reader, page->error, page->error_size))
        return false;
    if (sample->names.count > 1 &&
        store_series_tail_from(reader, sample->series.table, sample->tail_from, page->error, page->error_size) != 0)
        return false;
    if (sample->span.format == SPAN_CSV)
        buf_append_text(page->out, header);
    if (sample->span.format == SPAN_JSON && !sample->single)
        buf_append_char(page->out, '{');
    sample->opened = true;
    return true;
}

/* False on an error. `paused`: a series is long, and goes on in the next job. */
static bool read_one(struct downsample *sample, struct store_reader *reader, struct stream_page *page, bool *paused)
{
    sample->series.provider = sample->names.names[sample->at];
    if (sample->reading == NULL)
        sample->reading = store_series_open(&sample->series, &sample->span.range, sample->step_s);
    if (sample->reading == NULL)
        return false;
    int read = store_series_read(sample->reading, reader, sample->tail_from, page->error, page->error_size);
    if (read < 0)
        return false;
    *paused = read == 0;
    if (*paused)
        return true;
    write_series(sample, page->out);
    store_series_close(sample->reading);
    sample->reading = NULL;
    ++sample->at;
    return true;
}

static bool fill(void *state, struct store_reader *reader, struct stream_page *page)
{
    struct downsample *sample = state;
    uint64_t until_ms = clock_monotonic_ms() + 20; /* a job is short, also where nothing is found */
    bool paused = false;
    if (!sample->opened && !open_answer(sample, reader, page))
        return false;
    while (sample->at < sample->names.count && !paused && page->out->len < STREAM_PAGE_BYTES &&
           clock_monotonic_ms() <= until_ms) {
        if (!read_one(sample, reader, page, &paused))
            return false;
    }
    page->done = sample->at == sample->names.count;
    if (page->done && sample->span.format == SPAN_JSON)
        buf_append_text(page->out, sample->single ? "" : "}");
    return true;
}

static bool begin(void *state, struct request *request)
{
    struct downsample *sample = state;
    if (!sample->single || sample->any_step)
        return true;
    reply_error(request, 404, "No history found for provider '%s'", sample->names.names[0]);
    return false;
}

static void dispose(void *state)
{
    struct downsample *sample = state;
    store_series_close(sample->reading);
    names_dispose(&sample->names);
    free(sample);
}

/* -- the request -- */

/* The nearest, by ratio, of the steps that people like; never below `least`. */
static int64_t nice_step(int64_t wanted_s, int64_t least_s)
{
    static const int64_t steps[] = {1,    2,    5,    10,    15,    30,    60,    120,    300,    600,     1200,
                                    1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 1209600, 2419200};
    size_t count = sizeof(steps) / sizeof(steps[0]), best = count - 1;
    for (size_t i = 0; i < count; ++i) {
        if (steps[i] < least_s)
            continue;
        if (i + 1 == count || steps[i] * steps[i + 1] >= wanted_s * wanted_s) {
            best = i;
            break;
        }
    }
    return steps[best];
}

/* The least that `points` may make of a step: as fine as what is there to be read, and can be read soon. */
static int64_t least_step(bool together, bool each, int64_t span_s, int64_t age_s)
{
    if (age_s > RAW_KEPT_S + HOUR_S || (each && span_s > MANY_RAW_S))
        return HOUR_S;
    return together ? SERIES_EVERYONE_STEP_S : 1;
}

static bool read_step(struct request *request, int64_t least_s, int64_t span_s, int64_t *step_s)
{
    char text[QUERY_VALUE_MAX];
    bool found;
    int64_t ms, points;
    if (!span_read_text(request, "step", text, sizeof(text), &found) ||
        !span_read_number(request, "points", 1, POINTS_MAX, 0, &points))
        return false;
    if (found && points != 0) {
        reply_error(request, 400, "step and points both say how fine: give one of them");
        return false;
    }
    if (!found) {
        *step_s = nice_step(span_s / (points != 0 ? points : 500), least_s);
        return true;
    }
    if (duration_parse_ms(text, strlen(text), &ms) == 0 && ms >= 1000 && ms % 1000 == 0) {
        *step_s = ms / 1000;
        return true;
    }
    reply_error(request, 400, "step: expected a duration of whole seconds, such as 5m or 1h; got '%s'", text);
    return false;
}

static bool check_step(struct request *request, const struct downsample *sample, bool everyone)
{
    int64_t steps = (sample->span.range.to_us - sample->span.range.from_us) / SECOND_US / sample->step_s;
    if (steps + 2 > SERIES_STEPS_MAX) {
        reply_error(request, 400, "step: the time from `from` to `to` has %lld such steps; expected at most %d",
                    (long long)steps, SERIES_STEPS_MAX - 2);
        return false;
    }
    if (everyone && sample->step_s % SERIES_EVERYONE_STEP_S != 0) {
        reply_error(request, 400, "step: all providers together are kept in steps of 10m; expected a multiple of it");
        return false;
    }
    return true;
}

static bool check_merge(struct request *request, const struct downsample *sample, const char *name)
{
    if (name != NULL || sample->span.name_count != 0)
        reply_error(request, 400, "merge=1 is of all providers together: it goes without a provider");
    else if (sample->series.table != RECORD_CHECK)
        reply_error(request, 400, "merge=1 goes without model and key");
    else
        return true;
    return false;
}

/* `to` has to be known here: steps are counted. False when refused and answered. */
static bool read_request(struct request *request, struct downsample *sample, const char *name)
{
    int64_t merge, now_us = clock_wall_us();
    struct history_range *range = &sample->span.range;
    if (sample->span.limit != 0) {
        reply_error(request, 400, "limit pages through single checks; with step, points says how many there are");
        return false;
    }
    if (!span_read_number(request, "merge", 0, 1, 0, &merge) ||
        !history_read_series(request, &sample->series, sample->model) ||
        (merge != 0 && !check_merge(request, sample, name)))
        return false;
    if (range->to_us == INT64_MAX)
        range->to_us = range->from_us < now_us ? now_us + 1 : range->from_us + 1;
    int64_t span_s = (range->to_us - range->from_us) / SECOND_US, age_s = (now_us - range->from_us) / SECOND_US;
    bool each = merge == 0 && name == NULL && sample->span.name_count == 0;
    if (!read_step(request, least_step(merge != 0, each, span_s, age_s), span_s, &sample->step_s) ||
        !check_step(request, sample, merge != 0))
        return false;
    if (names_take(&sample->names, &sample->span, merge != 0 ? SERIES_EVERYONE : name))
        return true;
    reply_error(request, 503, "out of memory for the answer");
    return false;
}

static void answer(struct request *request, const struct span *span, const char *name, bool uptime_only)
{
    static const struct stream_content content = {"history", fill, begin, dispose};
    struct downsample *sample = calloc(1, sizeof(*sample));
    if (sample == NULL) {
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    sample->span = *span;
    sample->single = name != NULL;
    sample->uptime_only = uptime_only;
    if (!read_request(request, sample, name)) {
        dispose(sample);
        return;
    }
    stream_start(request, &content, sample, span_content_type(span->format), false);
}

void handle_downsampled(struct request *request, const struct span *span, const char *name)
{
    answer(request, span, name, false);
}

void handle_uptime_bars(struct request *request, const struct span *span)
{
    answer(request, span, NULL, true);
}
