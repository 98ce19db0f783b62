/* The ring of the latest events, and how events are written. */
#include "serve/event_ring.h"
#include "serve/render_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

static struct event *make(int64_t id)
{
    struct event_parts parts = {.id = id, .at_us = 1795500000123456, .kind = EVENT_RELOADED};
    return event_new(&parts);
}

static struct event_ring *ring_of(int64_t floor_id, int64_t first_id, size_t count)
{
    struct event_ring *ring = calloc(1, sizeof(*ring));
    ring->floor_id = floor_id;
    for (size_t i = 0; i < count; ++i)
        event_ring_add(ring, make(first_id + (int64_t)i * 10));
    return ring;
}

static void free_ring(struct event_ring *ring)
{
    event_ring_dispose(ring);
    free(ring);
}

static void what_lies_behind_an_id_is_found(void **state)
{
    struct event_ring *ring = ring_of(95, 100, 5); /* 100 .. 140 */
    (void)state;
    assert_int_equal(event_ring_behind(ring, 0), 0);
    assert_int_equal(event_ring_behind(ring, 99), 0);
    assert_int_equal(event_ring_behind(ring, 100), 1);
    assert_int_equal(event_ring_behind(ring, 105), 1);
    assert_int_equal(event_ring_behind(ring, 139), 4);
    assert_int_equal(event_ring_behind(ring, 140), 5);
    assert_int_equal(event_ring_last_id(ring), 140);
    free_ring(ring);
    ring = ring_of(95, 0, 0);
    assert_int_equal(event_ring_last_id(ring), 95);
    assert_int_equal(event_ring_behind(ring, 3), 0);
    free_ring(ring);
}

static void a_full_ring_lets_its_oldest_go_and_says_so(void **state)
{
    struct event_ring *ring = ring_of(5, 100, EVENT_RING_MAX);
    (void)state;
    assert_int_equal(ring->floor_id, 5);
    event_ring_add(ring, make(100000));
    event_ring_add(ring, make(100001));
    assert_int_equal(ring->count, EVENT_RING_MAX);
    assert_int_equal(ring->floor_id, 110);
    assert_int_equal(event_ring_at(ring, 0)->id, 120);
    assert_int_equal(event_ring_at(ring, EVENT_RING_MAX - 1)->id, 100001);
    assert_int_equal(event_ring_behind(ring, 100000), EVENT_RING_MAX - 1);
    free_ring(ring);
}

static void a_frame_is_an_id_and_one_line_of_data(void **state)
{
    struct buf out = BUF_EMPTY;
    struct event_parts parts = {.id = 1795500000123,
                                .at_us = 1795500000123456,
                                .kind = EVENT_STATUS,
                                .provider = "groq",
                                .from = "healthy",
                                .to = "down",
                                .message = "timeout: line\none"};
    struct event *event = event_new(&parts);
    (void)state;
    render_event_frame(&out, event);
    assert_string_equal(
        buf_text(&out),
        "id: 1795500000123\ndata: {\"id\":1795500000123,\"time\":\"2026-11-24T06:00:00.123Z\","
        "\"kind\":\"status_change\",\"provider\":\"groq\",\"key\":null,\"from\":\"healthy\",\"to\":\"down\","
        "\"message\":\"timeout: line\\none\",\"text\":\"groq: healthy -> down: timeout: line\\none\"}\n\n");
    buf_dispose(&out);
    event_release(event);
}

static void each_kind_has_a_name_and_a_line(void **state)
{
    (void)state;
    for (int i = 0; i < EVENT_KINDS; ++i) {
        enum event_kind kind, expected = (enum event_kind)i;
        struct event_parts parts = {.id = 1, .kind = expected, .provider = "groq", .from = "x", .to = "y"};
        struct event *event = event_new(&parts);
        struct buf line = BUF_EMPTY;
        assert_true(event_kind_parse(event_kind_name(expected), &kind));
        assert_int_equal(kind, expected);
        event_describe(event, &line);
        assert_true(line.len > 5);
        buf_dispose(&line);
        event_release(event);
    }
    enum event_kind none;
    assert_false(event_kind_parse("", &none));
    assert_false(event_kind_parse("Status_Change", &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_behind_an_id_is_found),
        cmocka_unit_test(a_full_ring_lets_its_oldest_go_and_says_so),
        cmocka_unit_test(a_frame_is_an_id_and_one_line_of_data),
        cmocka_unit_test(each_kind_has_a_name_and_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
