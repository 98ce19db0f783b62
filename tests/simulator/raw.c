#include "raw.h"

#include "providers.h"

#include <string.h>
#include <sys/socket.h>

/* Gives the request back to h2o on a dead descriptor. Not while a write is under way. */
static void end(struct call *call)
{
    h2o_socket_t *sock = call->connection->sock;
    if (call->ended)
        return;
    call->ended = true;
    alarm_clear(&call->simulator->alarms, &call->alarm);
    raw_unwatch(call);
    shutdown(h2o_socket_get_fd(sock), SHUT_RDWR);
    call->req->http1_is_persistent = 0;
    call->req->res.status = 500;
    call->req->res.reason = "Connection broken on purpose";
    call->req->res.content_length = 0;
    call->generator = (h2o_generator_t){NULL, NULL};
    h2o_start_response(call->req, &call->generator);
    h2o_send(call->req, NULL, 0, H2O_SEND_STATE_FINAL);
}

/* A connection can be closed only when no write is pending: then the write's completion does it. */
static void abandon(struct call *call)
{
    call->gone = true;
    if (call->writing)
        shutdown(h2o_socket_get_fd(call->connection->sock), SHUT_RDWR);
    else
        end(call);
}

/* Bytes that the client sends meanwhile stay unread in the buffer; what we wait for is its going away. */
static void on_read(h2o_socket_t *sock, const char *err)
{
    struct connection *connection = sock->on_close.data;
    if (err != NULL && connection->call != NULL)
        abandon(connection->call);
}

void raw_watch(struct call *call)
{
    call->connection->call = call;
    h2o_socket_read_start(call->connection->sock, on_read);
}

void raw_unwatch(struct call *call)
{
    call->connection->call = NULL;
    h2o_socket_read_stop(call->connection->sock);
}

static void on_written(h2o_socket_t *sock, const char *err);

static void write_bytes(struct call *call, const char *bytes, size_t len)
{
    h2o_iovec_t piece = h2o_iovec_init(bytes, len);
    call->writing = true;
    h2o_socket_write(call->connection->sock, &piece, 1, on_written);
}

static void write_text(struct call *call, const char *text)
{
    write_bytes(call, text, strlen(text));
}

/* connect() to nowhere makes Linux send RST at once, without a FIN before it; the sent bytes stay readable. */
static void reset_connection(struct call *call)
{
    int fd = h2o_socket_get_fd(call->connection->sock);
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    if (connect(fd, &nowhere, sizeof(nowhere)) != 0)
        shutdown(fd, SHUT_RDWR);
}

static void write_endless_header(struct call *call)
{
    static const char line[] = "X-Endless: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    enum { LINES = 64 };
    char *block = h2o_mem_alloc_pool(&call->req->pool, sizeof(line) * LINES);
    for (size_t i = 0; i < LINES; i++)
        memcpy(block + i * (sizeof(line) - 1), line, sizeof(line) - 1);
    call->body = h2o_iovec_init(block, LINES * (sizeof(line) - 1));
    write_text(call, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
}

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct connection *connection = sock->on_close.data;
    struct call *call = connection->call;
    call->writing = false;
    if (err != NULL || call->gone) {
        end(call);
        return;
    }
    switch (call->behaviour.kind) {
    case BEHAVE_STALL:
        return; /* until the client has had enough */
    case BEHAVE_ENDLESS_HEADERS:
        write_bytes(call, call->body.base, call->body.len);
        return;
    case BEHAVE_RESET:
        reset_connection(call);
        end(call);
        return;
    default:
        end(call);
    }
}

bool raw_begin(struct call *call)
{
    enum behaviour_kind kind = call->behaviour.kind;
    switch (kind) {
    case BEHAVE_HANG:
    case BEHAVE_STALL:
    case BEHAVE_RESET:
    case BEHAVE_CLOSE:
    case BEHAVE_SHORT:
    case BEHAVE_GARBAGE:
    case BEHAVE_ENDLESS_HEADERS:
        break;
    default:
        return false;
    }
    raw_watch(call);
    if (kind == BEHAVE_CLOSE)
        end(call);
    else if (kind == BEHAVE_STALL)
        write_text(call, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n");
    else if (kind == BEHAVE_RESET || kind == BEHAVE_SHORT)
        write_text(call, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
                         "{\"object\":\"list\",\"data\":[{\"id\":\"");
    else if (kind == BEHAVE_GARBAGE)
        write_text(call, "\x16\x03garbage, not HTTP at all: \xff\xfe\x01\r\n\r\n\x02\x80");
    else if (kind == BEHAVE_ENDLESS_HEADERS)
        write_endless_header(call);
    return true;
}
