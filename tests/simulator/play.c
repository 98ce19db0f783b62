#include "play.h"

#include "raw.h"

#include "base/clock.h"

#include <sys/socket.h>

static uint64_t due_ms(const struct call *call, size_t mark)
{
    return (call->played_from_us + call->marks[mark].at_us + 999) / 1000;
}

static void start(struct call *call)
{
    if (!call->started)
        h2o_start_response(call->req, &call->generator);
    call->started = true;
}

/* The last write of all. Of an answer that is cut the connection is gone by then, and the write fails. */
static void finish(struct call *call, h2o_iovec_t *bytes)
{
    call->ended = true;
    raw_unwatch(call);
    start(call);
    h2o_send(call->req, bytes, bytes->len != 0, H2O_SEND_STATE_FINAL);
}

static void hang_up(struct call *call)
{
    h2o_iovec_t nothing = {NULL, 0};
    shutdown(h2o_socket_get_fd(call->connection->sock), SHUT_RDWR);
    call->req->http1_is_persistent = 0;
    finish(call, &nothing);
}

static void send_due(struct call *call)
{
    uint64_t now_ms = call->simulator->stopping ? UINT64_MAX : clock_monotonic_ms();
    size_t from = call->sent_bytes, until = from;
    while (call->played < call->mark_count && due_ms(call, call->played) <= now_ms)
        until = call->marks[call->played++].end;
    if (until > call->body.len)
        until = call->body.len;
    call->sent_bytes = until;
    bool all = call->played == call->mark_count;
    h2o_iovec_t bytes = h2o_iovec_init(call->body.base + from, until - from);
    if (all && !call->cut) {
        finish(call, &bytes);
    } else if (all && bytes.len == 0) {
        hang_up(call);
    } else {
        start(call);
        call->writing = true;
        h2o_send(call->req, &bytes, bytes.len != 0, H2O_SEND_STATE_IN_PROGRESS);
    }
}

static void on_alarm(struct alarm *alarm)
{
    send_due(H2O_STRUCT_FROM_MEMBER(struct call, alarm, alarm));
}

static void await_next(struct call *call)
{
    if (call->gone || call->played == call->mark_count)
        hang_up(call);
    else
        alarm_set(&call->simulator->alarms, &call->alarm, due_ms(call, call->played));
}

static void on_sent(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    struct call *call = (struct call *)generator;
    call->writing = false;
    if (!call->ended)
        await_next(call);
}

static void on_stopped(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    struct call *call = (struct call *)generator;
    call->ended = true;
    alarm_clear(&call->simulator->alarms, &call->alarm);
}

/* Only one write at a time: the end of the one under way goes on from here. */
static void on_read(h2o_socket_t *sock, const char *err)
{
    struct connection *connection = sock->on_close.data;
    struct call *call = connection->call;
    if (err == NULL || call == NULL || call->ended)
        return;
    call->gone = true;
    alarm_clear(&call->simulator->alarms, &call->alarm);
    if (call->writing)
        shutdown(h2o_socket_get_fd(sock), SHUT_RDWR);
    else
        hang_up(call);
}

void play_begin(struct call *call, const struct answer *answer)
{
    server_set_head(call->req, answer);
    call->generator = (h2o_generator_t){on_sent, on_stopped};
    call->alarm.ring = on_alarm;
    call->played_from_us = clock_monotonic_us();
    call->marks = answer->marks;
    call->mark_count = answer->mark_count;
    call->body = answer->body;
    call->cut = answer->cut;
    if (answer->mark_count == 1 && !answer->cut)
        call->req->res.content_length = answer->body.len;
    call->connection->call = call;
    h2o_socket_read_start(call->connection->sock, on_read);
    if (due_ms(call, 0) <= clock_monotonic_ms())
        send_due(call);
    else
        await_next(call);
}
