#include "serve/agent_check.h"

#include "base/clock.h"
#include "base/log.h"
#include "health/recovery.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct agent {
    struct http_thread *thread;
    h2o_socket_t **listeners;
    size_t listener_count;
    h2o_linklist_t clients;
    size_t client_count;
    bool stranger_told;
};

struct client {
    h2o_linklist_t link;
    struct agent *agent;
    h2o_socket_t *socket;
    h2o_timeout_entry_t timeout;
    char line[AGENT_LINE_MAX];
};

/* -- what it says -- */

static double weight_of(const struct provider_view *view, int64_t now_us, int64_t warm_up_us)
{
    double weight = view->status == HEALTH_HEALTHY ? view->score : view->score / 4;
    if (view->forecast.risk >= 0.5)
        weight /= 2;
    return fmax(1, fmin(100, weight * recovery_warmth(view, now_us, warm_up_us)));
}

/* HAProxy takes what comes behind "#" up to the end of the line. */
static void describe(const struct provider_view *view, char *out, size_t size)
{
    snprintf(out, size, "%.31s%s%.150s", view->reason, view->error_message[0] != '\0' ? ": " : "", view->error_message);
    for (char *at = out; *at != '\0'; ++at) {
        if ((unsigned char)*at < ' ')
            *at = ' ';
    }
}

void agent_line(const struct provider_view *view, int64_t now_us, int64_t warm_up_us, char *out, size_t size)
{
    char why[200];
    describe(view, why, sizeof(why));
    bool limited = strcmp(view->reason, "rate_limited") == 0;
    out[0] = '\0';
    if (view->status == HEALTH_DOWN)
        snprintf(out, size, "down #%s", why);
    else if (view->status == HEALTH_DEGRADED && limited)
        snprintf(out, size, "up drain #%s", why);
    else if (view->status != HEALTH_UNKNOWN)
        snprintf(out, size, "up ready %.0f%%", weight_of(view, now_us, warm_up_us));
}

/* -- clients -- */

static void free_client(struct client *client)
{
    struct agent *agent = client->agent;
    h2o_timeout_unlink(&client->timeout);
    h2o_linklist_unlink(&client->link);
    h2o_socket_close(client->socket);
    free(client);
    --agent->client_count;
}

static void on_written(h2o_socket_t *socket, const char *err)
{
    (void)err;
    free_client(socket->data);
}

static void answer(struct client *client, const char *name, size_t len)
{
    struct agent *agent = client->agent;
    const struct http_thread *thread = agent->thread;
    const struct provider_view *view = thread->snapshot != NULL ? snapshot_find(thread->snapshot, name, len) : NULL;
    client->line[0] = '\0';
    if (view != NULL) {
        agent_line(view, clock_wall_us(), thread->server->warm_up_us, client->line, sizeof(client->line) - 1);
    } else if (!agent->stranger_told) {
        agent->stranger_told = true;
        log_warning("agent", "asked for the provider '%.*s', which is not watched: agent-send must be its name and \\n",
                    (int)(len < 64 ? len : 64), name);
    }
    strcat(client->line, "\n");
    h2o_iovec_t line = h2o_iovec_init(client->line, strlen(client->line));
    h2o_socket_read_stop(client->socket);
    h2o_timeout_unlink(&client->timeout);
    h2o_socket_write(client->socket, &line, 1, on_written);
}

static void on_readable(h2o_socket_t *socket, const char *err)
{
    struct client *client = socket->data;
    const char *bytes = socket->input->bytes;
    size_t len = socket->input->size;
    const char *end = memchr(bytes, '\n', len);
    if (err != NULL || len > AGENT_LINE_MAX) {
        free_client(client);
    } else if (end != NULL) {
        len = (size_t)(end - bytes);
        while (len > 0 && (bytes[len - 1] == '\r' || bytes[len - 1] == ' '))
            --len;
        answer(client, bytes, len);
    }
}

static void on_timeout(h2o_timeout_entry_t *entry)
{
    free_client(H2O_STRUCT_FROM_MEMBER(struct client, timeout, entry));
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    struct agent *agent = listener->data;
    h2o_socket_t *socket = err == NULL ? h2o_evloop_socket_accept(listener) : NULL;
    struct client *client = NULL;
    if (socket == NULL)
        return;
    if (agent->client_count < AGENT_CLIENTS_MAX)
        client = calloc(1, sizeof(*client));
    if (client == NULL) {
        h2o_socket_close(socket);
        return;
    }
    client->agent = agent;
    client->socket = socket;
    client->timeout.cb = on_timeout;
    socket->data = client;
    ++agent->client_count;
    h2o_linklist_insert(&agent->clients, &client->link);
    h2o_timeout_link(agent->thread->ctx.loop, &agent->thread->ctx.one_sec_timeout, &client->timeout);
    h2o_socket_read_start(socket, on_readable);
}

/* -- life -- */

struct agent *agent_open(struct http_thread *thread, const struct sockets *sockets)
{
    struct agent *agent = calloc(1, sizeof(*agent));
    if (agent == NULL)
        return NULL;
    agent->thread = thread;
    h2o_linklist_init_anchor(&agent->clients);
    agent->listeners = calloc(sockets->count, sizeof(*agent->listeners));
    for (size_t i = 0; i < sockets->count && agent->listeners != NULL; ++i) {
        int fd = fcntl(sockets->fds[i], F_DUPFD_CLOEXEC, 0);
        h2o_socket_t *listener = h2o_evloop_socket_create(thread->ctx.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
        listener->data = agent;
        h2o_socket_read_start(listener, on_accept);
        agent->listeners[agent->listener_count++] = listener;
    }
    return agent;
}

void agent_close(struct agent *agent)
{
    if (agent == NULL)
        return;
    while (!h2o_linklist_is_empty(&agent->clients))
        free_client(H2O_STRUCT_FROM_MEMBER(struct client, link, agent->clients.next));
    for (size_t i = 0; i < agent->listener_count; ++i)
        h2o_socket_close(agent->listeners[i]);
    free(agent->listeners);
    free(agent);
}
