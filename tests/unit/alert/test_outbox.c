/* What an alert has to tell, and when: problems and their ends, waiting, quiet hours, and what a restart must know. */
#include "alert/outbox.h"
#include "alert/problem.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000)

static const int64_t START_US = INT64_C(1795500000) * SECOND; /* 2026-11-24T06:00:00Z, a Tuesday */

struct fixture {
    struct alert_settings settings;
    struct alert_config config;
    struct outbox outbox;
    int64_t now_us;
    int64_t id;
};

static char alert_name[] = "ops";

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.settings = {.name = alert_name}, .now_us = START_US, .id = START_US / 1000};
    f.outbox = (struct outbox){.settings = &f.settings, .config = &f.config, .place = f.id, .last_id = f.id};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    outbox_dispose(&((struct fixture *)*state)->outbox);
    return 0;
}

static struct event *make(struct fixture *f, enum event_kind kind, const char *provider)
{
    struct event_parts parts = {
        .id = ++f->id, .at_us = f->now_us, .kind = kind, .provider = provider, .from = "x", .to = "down"};
    return event_new(&parts);
}

static int64_t happens(struct fixture *f, enum event_kind kind, const char *provider)
{
    struct event *event = make(f, kind, provider);
    outbox_take(&f->outbox, event, f->now_us);
    event_release(event);
    return f->id;
}

static bool due_after(struct fixture *f, int64_t seconds)
{
    f->now_us += seconds * SECOND;
    return outbox_look(&f->outbox, NULL, f->now_us);
}

static void deliver(struct fixture *f)
{
    outbox_settle(&f->outbox, f->outbox.item_count, true, f->now_us);
}

static void expect_items(const struct fixture *f, const char *expected)
{
    static const char letters[] = {
        [ITEM_OPEN] = 'o', [ITEM_RESOLVED] = 'r', [ITEM_REMINDER] = 'm', [ITEM_NOTICE] = 'n'};
    char items[64] = "";
    for (size_t i = 0; i < f->outbox.item_count; ++i)
        items[i] = letters[f->outbox.items[i].state];
    assert_string_equal(items, expected);
}

/* --- what is told --- */

static void a_problem_and_its_end_are_items(void **state)
{
    struct fixture *f = *state;
    happens(f, EVENT_INCIDENT_OPENED, "groq");
    assert_true(due_after(f, 0));
    expect_items(f, "o");
    deliver(f);
    assert_false(due_after(f, 60));
    happens(f, EVENT_INCIDENT_CLOSED, "groq");
    assert_true(due_after(f, 0));
    expect_items(f, "r");
    deliver(f);
    assert_int_equal(f->outbox.problem_count, 0);
}

static void problems_wait_until_they_last(void **state)
{
    struct fixture *f = *state;
    f->settings.after_ms = 60000;
    happens(f, EVENT_INCIDENT_OPENED, "groq");
    happens(f, EVENT_INCIDENT_OPENED, "g4f");
    assert_false(due_after(f, 59));
    happens(f, EVENT_INCIDENT_CLOSED, "groq");
    assert_true(due_after(f, 1));
    expect_items(f, "o");
    assert_string_equal(f->outbox.items[0].event->provider, "g4f");
}

static void an_end_without_a_begin_is_no_news(void **state)
{
    struct fixture *f = *state;
    happens(f, EVENT_INCIDENT_CLOSED, "groq");
    happens(f, EVENT_STORE_BACK, "");
    assert_false(due_after(f, 60));
    assert_int_equal(outbox_place(&f->outbox), f->id);
}

static void matters_of_providers_and_kinds_are_kept_apart(void **state)
{
    struct fixture *f = *state;
    char a[] = "limit_near", b[] = "incident_opened", *kinds[] = {a, b, NULL};
    f->settings.kinds = kinds;
    happens(f, EVENT_INCIDENT_OPENED, "groq");
    happens(f, EVENT_LIMIT_NEAR, "groq");
    happens(f, EVENT_INCIDENT_OPENED, "groq"); /* known already */
    assert_true(due_after(f, 1));
    deliver(f);
    happens(f, EVENT_LIMIT_CLEARED, "g4f");
    happens(f, EVENT_LIMIT_CLEARED, "groq");
    due_after(f, 1);
    expect_items(f, "r");
    assert_int_equal(f->outbox.problem_count, 1);
}

static void items_wait_for_others_and_for_the_end_of_quiet_hours(void **state)
{
    struct fixture *f = *state;
    char error[64];
    f->settings.group_ms = 10000;
    happens(f, EVENT_STORE_FAILING, "");
    assert_false(due_after(f, 0));
    assert_false(due_after(f, 9));
    assert_true(due_after(f, 1));
    assert_int_equal(busy_hours_parse("05:00-07:00", &f->settings.quiet, error, sizeof(error)), 0);
    assert_false(due_after(f, 0));
    assert_false(due_after(f, 3000));
    assert_true(due_after(f, 600));
}

static void reminders_come_while_it_lasts(void **state)
{
    struct fixture *f = *state;
    f->settings.remind_ms = 3600 * 1000;
    happens(f, EVENT_INCIDENT_OPENED, "groq");
    assert_true(due_after(f, 0));
    deliver(f);
    assert_false(due_after(f, 3599));
    assert_true(due_after(f, 1));
    expect_items(f, "m");
    assert_true(due_after(f, 3600)); /* one at a time */
    expect_items(f, "m");
    deliver(f);
    assert_false(due_after(f, 3599));
}

static void a_removed_provider_has_no_problems(void **state)
{
    struct fixture *f = *state;
    f->settings.after_ms = 60000;
    happens(f, EVENT_INCIDENT_OPENED, "groq");
    happens(f, EVENT_PROVIDER_REMOVED, "groq");
    assert_false(due_after(f, 120));
    assert_int_equal(outbox_place(&f->outbox), f->id);
}

/* --- what a restart must know --- */

static void the_place_stays_before_what_is_not_dealt_with(void **state)
{
    struct fixture *f = *state;
    f->settings.after_ms = 60000;
    int64_t first = happens(f, EVENT_INCIDENT_OPENED, "groq");
    f->settings.after_ms = 0;
    f->now_us -= SECOND;
    happens(f, EVENT_INCIDENT_OPENED, "g4f");
    f->now_us += SECOND;
    f->settings.after_ms = 1000; /* groq's is not due yet, g4f's is */
    assert_true(due_after(f, 0));
    expect_items(f, "o");
    deliver(f);
    assert_int_equal(outbox_place(&f->outbox), first - 1);
    struct alert_mark marks[8];
    assert_int_equal(outbox_memory(&f->outbox, marks, 8), 3);
    assert_int_equal(marks[0].what, ALERT_MARK_PLACE);
    assert_int_equal(marks[0].event_id, first - 1);
    assert_int_equal(marks[1].what, ALERT_MARK_TOLD);
    assert_int_equal(marks[1].event_id, first + 1);
    assert_int_equal(marks[2].what, ALERT_MARK_DONE);
    assert_int_equal(marks[2].event_id, first + 1);
    assert_true(due_after(f, 1));
    deliver(f);
    assert_int_equal(outbox_place(&f->outbox), f->id);
    assert_int_equal(f->outbox.done_count, 0);
}

/* Has another outbox learn what this one knew, and see the log behind its place. */
static void restart(struct fixture *f, struct event **log, size_t count)
{
    struct alert_mark marks[16];
    size_t mark_count = outbox_memory(&f->outbox, marks, 16);
    outbox_dispose(&f->outbox);
    f->outbox = (struct outbox){.settings = &f->settings, .config = &f->config};
    for (size_t i = 0; i < mark_count; ++i) {
        if (marks[i].what == ALERT_MARK_PLACE)
            f->outbox.place = f->outbox.last_id = marks[i].event_id;
    }
    for (size_t i = 0; i < mark_count; ++i) {
        if (marks[i].what == ALERT_MARK_DONE)
            outbox_recall_done(&f->outbox, marks[i].event_id);
        for (size_t j = 0; j < count && marks[i].what == ALERT_MARK_TOLD; ++j) {
            if (log[j]->id == marks[i].event_id)
                outbox_recall_told(&f->outbox, log[j], marks[i].told_us);
        }
    }
    for (size_t j = 0; j < count; ++j) {
        if (log[j]->id > outbox_place(&f->outbox))
            outbox_take(&f->outbox, log[j], f->now_us);
    }
}

/* At each point of a story: after a restart there, the same is told in the end, each thing once. */
static void a_restart_anywhere_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum event_kind kind;
        const char *provider;
        bool delivered; /* what is due then */
    } story[] = {{EVENT_INCIDENT_OPENED, "a", false}, {EVENT_INCIDENT_OPENED, "b", true},
                 {EVENT_INCIDENT_CLOSED, "a", false}, {EVENT_INCIDENT_OPENED, "c", false},
                 {EVENT_INCIDENT_CLOSED, "b", true},  {EVENT_INCIDENT_CLOSED, "c", true}};
    enum { STEPS = sizeof(story) / sizeof(story[0]) };
    for (size_t at = 0; at <= STEPS; ++at) {
        struct event *log[STEPS];
        unsigned opened = 0, resolved = 0;
        setup(state);
        for (size_t i = 0; i < STEPS; ++i) {
            f->now_us += 5 * SECOND;
            if (i == at)
                restart(f, log, i);
            log[i] = make(f, story[i].kind, story[i].provider);
            outbox_take(&f->outbox, log[i], f->now_us);
            due_after(f, 1);
            if (!story[i].delivered)
                continue;
            for (size_t j = 0; j < f->outbox.item_count; ++j) {
                opened += f->outbox.items[j].state == ITEM_OPEN;
                resolved += f->outbox.items[j].state == ITEM_RESOLVED;
            }
            deliver(f);
        }
        if (at == STEPS)
            restart(f, log, STEPS);
        assert_false(due_after(f, 60));
        assert_int_equal(opened, 3);
        assert_int_equal(resolved, 3);
        for (size_t i = 0; i < STEPS; ++i)
            event_release(log[i]);
        outbox_dispose(&f->outbox);
    }
    setup(state);
}

static void what_is_given_up_is_not_told_later(void **state)
{
    struct fixture *f = *state;
    f->settings.remind_ms = 1000;
    happens(f, EVENT_INCIDENT_OPENED, "groq");
    assert_true(due_after(f, 0));
    outbox_settle(&f->outbox, 1, false, f->now_us);
    assert_false(due_after(f, 60));
    happens(f, EVENT_INCIDENT_CLOSED, "groq");
    assert_false(due_after(f, 60));
    assert_int_equal(outbox_place(&f->outbox), f->id);
}

/* --- the message --- */

static void many_items_are_counted_not_all_shown(void **state)
{
    struct fixture *f = *state;
    struct buf out = BUF_EMPTY;
    char name[16];
    for (int i = 0; i < OUTBOX_SHOWN_MAX + 7; ++i) {
        snprintf(name, sizeof(name), "p%d", i);
        happens(f, EVENT_INCIDENT_OPENED, name);
    }
    assert_true(due_after(f, 0));
    assert_int_equal(outbox_write(&f->outbox, "ops", f->now_us, &out), OUTBOX_SHOWN_MAX + 7);
    assert_non_null(strstr(buf_text(&out), "\"severity\":\"critical\",\"title\":\"57 events\""));
    assert_non_null(strstr(buf_text(&out), "and 7 more"));
    assert_non_null(strstr(buf_text(&out), "\"count\":57"));
    assert_null(strstr(buf_text(&out), "\"provider\":\"p50\""));
    buf_dispose(&out);
}

static void each_beginning_has_its_end(void **state)
{
    (void)state;
    for (int kind = 0; kind < EVENT_KINDS; ++kind) {
        struct event_parts parts = {.id = 1, .kind = (enum event_kind)kind, .to = "down"};
        struct event *event = event_new(&parts);
        enum event_role role = event_role(event);
        bool pairs = event_beginning(event->kind) != event->kind;
        assert_true(!pairs || role == EVENT_ENDS);
        assert_true(strcmp(event_severity(event), "info") == 0 || role == EVENT_BEGINS);
        event_release(event);
    }
}

int main(void)
{
    setenv("TZ", "UTC", 1); /* of quiet hours */
    tzset();
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_problem_and_its_end_are_items),
        WITH_FIXTURE(problems_wait_until_they_last),
        WITH_FIXTURE(an_end_without_a_begin_is_no_news),
        WITH_FIXTURE(matters_of_providers_and_kinds_are_kept_apart),
        WITH_FIXTURE(items_wait_for_others_and_for_the_end_of_quiet_hours),
        WITH_FIXTURE(reminders_come_while_it_lasts),
        WITH_FIXTURE(a_removed_provider_has_no_problems),
        WITH_FIXTURE(the_place_stays_before_what_is_not_dealt_with),
        WITH_FIXTURE(a_restart_anywhere_changes_nothing),
        WITH_FIXTURE(what_is_given_up_is_not_told_later),
        WITH_FIXTURE(many_items_are_counted_not_all_shown),
        cmocka_unit_test(each_beginning_has_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
