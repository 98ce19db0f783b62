#include "probe/prober.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/recent_worst.h"
#include "probe/mailing.h"
#include "probe/outcome.h"
#include "probe/receiving.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    IDLE_HANDLES_MAX = 256, /* easy handles kept for the next probes */
    EVENTS_PER_TURN = 64,
};

struct prober {
    struct loop *loop;
    CURLM *multi;
    CURLSH *share; /* TLS sessions; libcurl 7.88 keeps them per easy handle otherwise */
    int epoll_fd;  /* closed by the watch */
    struct watch *watch;
    struct timer timer;       /* curl's */
    struct timer start_timer; /* takes waiting probes out of the queue */
    char *ca_bundle;
    unsigned max_in_flight;
    size_t in_flight;
    size_t waiting;
    struct recent_worst wait; /* for a place on the wire, us */
    struct probe *first_waiting;
    struct probe *last_waiting;
    CURL *idle[IDLE_HANDLES_MAX];
    size_t idle_count;
};

struct probe {
    struct prober *prober;
    struct probe *next, *previous; /* in the waiting list */
    CURL *easy;                    /* NULL while waiting */
    probe_done_fn done;
    void *user;

    bool post;
    bool put;
    char *url;
    char *user_agent;
    struct curl_slist *headers;
    char *body;
    size_t body_len;
    struct mailing *mailing; /* NULL = HTTP */
    int64_t timeout_ms;

    struct receiving receiving;
    uint64_t queued_us;
    char curl_message[CURL_ERROR_SIZE];
};

/* -- the life of a probe -- */

static void wipe_headers(struct curl_slist *headers)
{
    for (struct curl_slist *line = headers; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(headers);
}

static void free_probe(struct probe *probe)
{
    if (probe == NULL)
        return;
    wipe_headers(probe->headers);
    if (probe->body != NULL)
        explicit_bzero(probe->body, probe->body_len);
    mailing_free(probe->mailing);
    free(probe->body);
    if (probe->url != NULL)
        explicit_bzero(probe->url, strlen(probe->url)); /* a key may be in its query */
    free(probe->url);
    free(probe->user_agent);
    receiving_dispose(&probe->receiving);
    free(probe);
}

static CURL *take_handle(struct prober *prober)
{
    if (prober->idle_count != 0)
        return prober->idle[--prober->idle_count];
    return curl_easy_init();
}

static void give_handle_back(struct prober *prober, CURL *easy)
{
    if (prober->idle_count < IDLE_HANDLES_MAX) {
        curl_easy_reset(easy); /* forgets pointers to the probe's memory */
        prober->idle[prober->idle_count++] = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

static void set_options(struct probe *probe)
{
    struct prober *prober = probe->prober;
    CURL *easy = probe->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, probe);
    curl_easy_setopt(easy, CURLOPT_URL, probe->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A name lookup that hangs is left to its thread; waiting for it would stop the loop. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)probe->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)probe->timeout_ms);
    /* Compression holds pieces of a stream back. */
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, probe->receiving.stream ? "identity" : "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, probe->user_agent);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, probe->headers);
    receiving_attach(&probe->receiving, easy);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->curl_message);
    curl_easy_setopt(easy, CURLOPT_SHARE, prober->share);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (prober->ca_bundle != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, prober->ca_bundle);
    if (probe->mailing != NULL) {
        mailing_attach(probe->mailing, easy, probe->body, probe->body_len);
    } else if (probe->post) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        if (probe->put)
            curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)probe->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, probe->body != NULL ? probe->body : "");
    }
}

static void finish(struct probe *probe, CURLcode code);

static void put_on_wire(struct probe *probe)
{
    struct prober *prober = probe->prober;

    ++prober->in_flight;
    uint64_t now_us = clock_monotonic_us();
    probe->receiving.answer.waited_us = now_us - probe->queued_us;
    recent_worst_add(&probe->prober->wait, now_us - probe->queued_us, now_us);
    probe->easy = take_handle(prober);
    if (probe->easy == NULL) {
        finish(probe, CURLE_OUT_OF_MEMORY);
        return;
    }
    set_options(probe);
    CURLMcode added = curl_multi_add_handle(prober->multi, probe->easy);
    if (added != CURLM_OK) {
        snprintf(probe->curl_message, sizeof(probe->curl_message), "%s", curl_multi_strerror(added));
        finish(probe, CURLE_FAILED_INIT);
    }
}

static void enqueue(struct probe *probe)
{
    struct prober *prober = probe->prober;
    probe->previous = prober->last_waiting;
    *(prober->last_waiting != NULL ? &prober->last_waiting->next : &prober->first_waiting) = probe;
    prober->last_waiting = probe;
    ++prober->waiting;
}

static void dequeue(struct probe *probe)
{
    struct prober *prober = probe->prober;
    *(probe->previous != NULL ? &probe->previous->next : &prober->first_waiting) = probe->next;
    *(probe->next != NULL ? &probe->next->previous : &prober->last_waiting) = probe->previous;
    probe->next = probe->previous = NULL;
    --prober->waiting;
}

static void start_waiting(struct prober *prober)
{
    while (prober->in_flight < prober->max_in_flight && prober->first_waiting != NULL) {
        struct probe *probe = prober->first_waiting;
        dequeue(probe);
        put_on_wire(probe);
    }
}

static void leave_wire(struct probe *probe)
{
    struct prober *prober = probe->prober;
    --prober->in_flight;
    if (probe->easy != NULL) {
        curl_multi_remove_handle(prober->multi, probe->easy);
        give_handle_back(prober, probe->easy);
        probe->easy = NULL;
    }
}

/* -- the end -- */

static void explain(struct probe *probe, CURLcode code)
{
    struct probe_answer *answer = &probe->receiving.answer;

    answer->error = outcome_error(code);
    if (probe->receiving.refused != NULL) {
        answer->error = PROBE_BAD_RESPONSE;
        snprintf(answer->message, sizeof(answer->message), "%s", probe->receiving.refused);
    } else if (answer->error == PROBE_TIMEOUT) {
        snprintf(answer->message, sizeof(answer->message), "no answer within %lld ms", (long long)probe->timeout_ms);
    } else if (code != CURLE_OK) {
        const char *detail = probe->curl_message[0] != '\0' ? probe->curl_message : curl_easy_strerror(code);
        snprintf(answer->message, sizeof(answer->message), "%.250s", detail);
    }
    receiving_conclude(&probe->receiving);
}

static void finish(struct probe *probe, CURLcode code)
{
    struct probe_answer *answer = &probe->receiving.answer;
    if (probe->easy != NULL) {
        answer->status = receiving_status(&probe->receiving);
        outcome_measure(probe->easy, &answer->phases);
    }
    explain(probe, code);
    leave_wire(probe);
    probe->done(answer, probe->user);
    free_probe(probe);
}

/* -- curl and the loop -- */

static void collect_finished(struct prober *prober)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(prober->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct probe *probe;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &probe);
        finish(probe, code);
    }
    start_waiting(prober);
}

static void on_sockets_ready(void *user)
{
    struct prober *prober = user;
    struct epoll_event events[EVENTS_PER_TURN];
    int running;

    int count = epoll_wait(prober->epoll_fd, events, EVENTS_PER_TURN, 0);
    for (int i = 0; i < count; ++i) {
        int action = 0;
        if ((events[i].events & (EPOLLIN | EPOLLHUP)) != 0)
            action |= CURL_CSELECT_IN;
        if ((events[i].events & EPOLLOUT) != 0)
            action |= CURL_CSELECT_OUT;
        if ((events[i].events & EPOLLERR) != 0)
            action |= CURL_CSELECT_ERR;
        curl_multi_socket_action(prober->multi, events[i].data.fd, action, &running);
    }
    collect_finished(prober);
}

static void on_curl_timer(struct timer *timer, void *user)
{
    (void)timer;
    struct prober *prober = user;
    int running;
    curl_multi_socket_action(prober->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_finished(prober);
}

static void on_start_timer(struct timer *timer, void *user)
{
    (void)timer;
    start_waiting(user);
}

static int on_socket_change(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    (void)easy;
    struct prober *prober = user;
    struct epoll_event event = {.data.fd = fd};

    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(prober->epoll_fd, EPOLL_CTL_DEL, fd, &event); /* fails harmlessly when curl has closed it already */
        return 0;
    }
    if ((what & CURL_POLL_IN) != 0)
        event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0)
        event.events |= EPOLLOUT;
    if (known == NULL) {
        curl_multi_assign(prober->multi, fd, prober); /* any value that is not NULL: "in the set" */
        if (epoll_ctl(prober->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 || errno != EEXIST)
            return 0;
    }
    epoll_ctl(prober->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    return 0;
}

static int on_timer_change(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct prober *prober = user;
    if (timeout_ms < 0)
        timer_stop(prober->loop, &prober->timer);
    else if (!timer_start(prober->loop, &prober->timer, clock_monotonic_us() + (uint64_t)timeout_ms * 1000))
        log_error("prober", "out of memory for a timer");
    return 0;
}

/* -- public -- */

struct prober *prober_new(struct loop *loop, const struct prober_options *options, char *error, size_t error_size)
{
    struct prober *prober = calloc(1, sizeof(*prober));
    if (prober == NULL)
        goto fail;
    prober->loop = loop;
    prober->epoll_fd = -1;
    timer_init(&prober->timer, on_curl_timer, prober);
    timer_init(&prober->start_timer, on_start_timer, prober);
    prober_configure(prober, options);

    prober->multi = curl_multi_init();
    prober->share = curl_share_init();
    if (prober->multi == NULL || prober->share == NULL)
        goto fail;
    curl_share_setopt(prober->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(prober->multi, CURLMOPT_SOCKETFUNCTION, on_socket_change);
    curl_multi_setopt(prober->multi, CURLMOPT_SOCKETDATA, prober);
    curl_multi_setopt(prober->multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
    curl_multi_setopt(prober->multi, CURLMOPT_TIMERDATA, prober);
    curl_multi_setopt(prober->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(prober->multi, CURLMOPT_MAXCONNECTS, (long)options->max_in_flight);

    prober->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (prober->epoll_fd == -1)
        goto fail;
    prober->watch = loop_watch(loop, prober->epoll_fd, on_sockets_ready, prober);
    if (prober->watch == NULL)
        goto fail;
    return prober;

fail:
    snprintf(error, error_size, "cannot set up probing: %s", strerror(errno != 0 ? errno : ENOMEM));
    if (prober != NULL && prober->epoll_fd != -1)
        close(prober->epoll_fd);
    if (prober != NULL && prober->multi != NULL)
        curl_multi_cleanup(prober->multi);
    if (prober != NULL && prober->share != NULL)
        curl_share_cleanup(prober->share);
    if (prober != NULL)
        free(prober->ca_bundle);
    free(prober);
    return NULL;
}

void prober_free(struct prober *prober)
{
    if (prober == NULL)
        return;
    for (size_t i = 0; i < prober->idle_count; ++i)
        curl_easy_cleanup(prober->idle[i]);
    curl_multi_cleanup(prober->multi);
    curl_share_cleanup(prober->share);
    timer_stop(prober->loop, &prober->timer);
    timer_stop(prober->loop, &prober->start_timer);
    loop_unwatch(prober->watch);
    free(prober->ca_bundle);
    free(prober);
}

void prober_configure(struct prober *prober, const struct prober_options *options)
{
    char *bundle = options->ca_bundle != NULL ? strdup(options->ca_bundle) : NULL;
    if (bundle != NULL || options->ca_bundle == NULL) {
        free(prober->ca_bundle);
        prober->ca_bundle = bundle;
    }
    prober->max_in_flight = options->max_in_flight;
    if (prober->multi != NULL)
        start_waiting(prober);
}

static bool copy_request(struct probe *probe, const struct probe_request *request)
{
    probe->post = request->post;
    probe->put = request->put;
    probe->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : 1;
    probe->receiving.keep = request->stream ? PROBE_KEEP_ALWAYS : request->keep;
    probe->receiving.expect_json = request->expect_json;
    probe->receiving.stream = request->stream;
    probe->receiving.max_received = request->max_received;
    probe->url = strdup(request->url);
    probe->user_agent = strdup(request->user_agent);
    if (probe->url == NULL || probe->user_agent == NULL)
        return false;
    for (size_t i = 0; i < request->header_count; ++i) {
        struct curl_slist *longer = curl_slist_append(probe->headers, request->headers[i]);
        if (longer == NULL)
            return false;
        probe->headers = longer;
    }
    if (request->body_len != 0) {
        probe->body = malloc(request->body_len);
        if (probe->body == NULL)
            return false;
        memcpy(probe->body, request->body, request->body_len);
        probe->body_len = request->body_len;
    }
    if (request->mail != NULL && (probe->mailing = mailing_new(request->mail)) == NULL)
        return false;
    return true;
}

struct probe *prober_start(struct prober *prober, const struct probe_request *request, probe_done_fn done, void *user,
                           char *error, size_t error_size)
{
    bool http = strncasecmp(request->url, "http://", 7) == 0 || strncasecmp(request->url, "https://", 8) == 0;
    bool smtp = strncasecmp(request->url, "smtp://", 7) == 0 || strncasecmp(request->url, "smtps://", 8) == 0;
    if (request->mail != NULL ? !smtp : !http) {
        snprintf(error, error_size, "cannot ask %.200s: expected a URL that begins with %s", request->url,
                 request->mail != NULL ? "smtp:// or smtps://" : "http:// or https://");
        return NULL;
    }
    struct probe *probe = calloc(1, sizeof(*probe));
    if (probe == NULL || !copy_request(probe, request)) {
        free_probe(probe);
        snprintf(error, error_size, "out of memory for a probe");
        return NULL;
    }
    probe->prober = prober;
    probe->done = done;
    probe->user = user;
    probe->receiving.answer.phases = PROBE_PHASES_NONE;
    /* Even a probe with room on the wire goes through the queue: its callback must not run within this call, and
     * curl_multi_add_handle may fail. */
    if (!timer_armed(&prober->start_timer) &&
        !timer_start(prober->loop, &prober->start_timer, loop_now_us(prober->loop))) {
        free_probe(probe);
        snprintf(error, error_size, "out of memory for a probe");
        return NULL;
    }
    probe->queued_us = clock_monotonic_us();
    enqueue(probe);
    return probe;
}

void probe_cancel(struct probe *probe)
{
    struct prober *prober = probe->prober;
    if (probe->easy != NULL) {
        leave_wire(probe);
        start_waiting(prober);
    } else {
        dequeue(probe);
    }
    free_probe(probe);
}

size_t prober_in_flight(const struct prober *prober)
{
    return prober->in_flight;
}

uint64_t prober_wait_us(const struct prober *prober)
{
    uint64_t worst = recent_worst_get(&prober->wait);
    uint64_t oldest = prober->first_waiting != NULL ? clock_monotonic_us() - prober->first_waiting->queued_us : 0;
    return worst > oldest ? worst : oldest;
}

size_t prober_waiting(const struct prober *prober)
{
    return prober->waiting;
}
