/* What the files of serve/ share of the server. */
#ifndef PROVIDERD_SERVE_SERVER_INTERNAL_H
#define PROVIDERD_SERVE_SERVER_INTERNAL_H

#include "plugin/incumbents.h"
#include "serve/http_thread.h"
#include "serve/sockets.h"

struct server {
    h2o_globalconf_t config;
    h2o_hostconf_t *host;
    struct store *store;
    struct server_hooks hooks;
    struct incumbents *incumbents; /* who was best last */
    bool best_known;               /* for the plain question, as it was told last: the first thread's; "" = nobody */
    char best_told[PROVIDER_NAME_MAX];
    size_t max_connections;
    size_t max_header_bytes;
    struct sockets http;
    struct sockets agent; /* agent_check.h; none where it is not wished for */
    int64_t warm_up_us;
    int64_t idle_timeout_ms;
    struct http_thread *threads;
    size_t thread_count; /* started */
};

#endif
