#include "event/loop.h"

#include "base/clock.h"
#include "base/recent_worst.h"
#include "event/timers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <h2o.h>

enum { LONGEST_WAIT_MS = 60000 };

struct loop {
    h2o_evloop_t *evloop;
    struct timer_heap timers;
    uint64_t now_us;
    bool stopping;
    struct recent_worst lag; /* of timers, us */
};

struct watch {
    struct loop *loop;
    h2o_socket_t *socket;
    void (*ready)(void *user);
    void (*signal_arrived)(int signal_number, void *user); /* instead of ready, for signals */
    void *user;
};

struct mailbox {
    struct watch *watch;
    int wake_fd; /* eventfd; closed by the watch */
    void (*receive)(struct mail *mail, void *user);
    void *user;
    pthread_mutex_t lock; /* guards the list */
    struct mail *first;
    struct mail **end;
};

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL)
        return NULL;
    loop->evloop = h2o_evloop_create();
    loop->now_us = clock_monotonic_us();
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    h2o_evloop_run(loop->evloop, 0); /* lets closed sockets be disposed of */
    h2o_evloop_destroy(loop->evloop);
    timer_heap_dispose(&loop->timers);
    free(loop);
}

uint64_t loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}

uint64_t loop_lag_us(const struct loop *loop)
{
    return recent_worst_get(&loop->lag);
}

static void fire_due_timers(struct loop *loop)
{
    struct timer *timer;
    /* `now_us` stands still here; a long batch, or timers that rearm themselves for "now", end after 10 ms so that the
     * descriptors get their turn. */
    uint64_t now_us = loop->now_us;
    while (!loop->stopping && (timer = timer_heap_first(&loop->timers)) != NULL && timer->due_us <= now_us) {
        timer_heap_remove(&loop->timers, timer);
        recent_worst_add(&loop->lag, now_us - timer->due_us, now_us);
        timer->fire(timer, timer->user);
        if (clock_monotonic_us() - now_us > 10000)
            break;
    }
}

static int32_t next_wait_ms(const struct loop *loop)
{
    const struct timer *timer = timer_heap_first(&loop->timers);
    if (timer == NULL)
        return LONGEST_WAIT_MS;
    uint64_t now_us = clock_monotonic_us();
    if (timer->due_us <= now_us)
        return 0;
    uint64_t wait_ms = (timer->due_us - now_us + 999) / 1000;
    return wait_ms < LONGEST_WAIT_MS ? (int32_t)wait_ms : LONGEST_WAIT_MS;
}

void loop_run(struct loop *loop)
{
    loop->stopping = false;
    while (!loop->stopping) {
        /* A non-zero result is an interrupted wait (a signal that nobody blocked); the loop simply goes on. */
        h2o_evloop_run(loop->evloop, next_wait_ms(loop));
        loop->now_us = clock_monotonic_us();
        fire_due_timers(loop);
    }
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer, void *user), void *user)
{
    *timer = (struct timer){.fire = fire, .user = user};
}

bool timer_start(struct loop *loop, struct timer *timer, uint64_t due_us)
{
    timer->due_us = due_us;
    return timer_heap_put(&loop->timers, timer);
}

void timer_stop(struct loop *loop, struct timer *timer)
{
    timer_heap_remove(&loop->timers, timer);
}

static void drain_signals(struct watch *watch)
{
    struct signalfd_siginfo info;
    while (read(h2o_socket_get_fd(watch->socket), &info, sizeof(info)) == (ssize_t)sizeof(info))
        watch->signal_arrived((int)info.ssi_signo, watch->user);
}

static void on_readable(h2o_socket_t *socket, const char *err)
{
    struct watch *watch = socket->data;
    watch->loop->now_us = clock_monotonic_us(); /* the loop may have slept since */
    (void)err;                                  /* in DONT_READ mode h2o reads nothing and so meets no error */
    if (watch->signal_arrived != NULL)
        drain_signals(watch);
    else
        watch->ready(watch->user);
}

struct watch *loop_watch(struct loop *loop, int fd, void (*ready)(void *user), void *user)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return NULL;
    watch->loop = loop;
    watch->ready = ready;
    watch->user = user;
    watch->socket = h2o_evloop_socket_create(loop->evloop, fd, H2O_SOCKET_FLAG_DONT_READ);
    watch->socket->data = watch;
    h2o_socket_read_start(watch->socket, on_readable);
    return watch;
}

void loop_unwatch(struct watch *watch)
{
    if (watch == NULL)
        return;
    h2o_socket_close(watch->socket);
    free(watch);
}

struct watch *loop_watch_signals(struct loop *loop, const int *signals, void (*arrived)(int signal_number, void *user),
                                 void *user)
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals != 0; ++signals)
        sigaddset(&set, *signals);
    if ((errno = pthread_sigmask(SIG_BLOCK, &set, NULL)) != 0)
        return NULL;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd == -1)
        return NULL;
    struct watch *watch = loop_watch(loop, fd, NULL, user);
    if (watch == NULL) {
        close(fd);
        errno = ENOMEM;
        return NULL;
    }
    watch->signal_arrived = arrived;
    return watch;
}

static void deliver(void *user)
{
    struct mailbox *mailbox = user;
    uint64_t posts;
    ssize_t drained = read(mailbox->wake_fd, &posts, sizeof(posts));
    (void)drained; /* EAGAIN: another turn took them; the list tells what there is */

    pthread_mutex_lock(&mailbox->lock);
    struct mail *mail = mailbox->first;
    mailbox->first = NULL;
    mailbox->end = &mailbox->first;
    pthread_mutex_unlock(&mailbox->lock);
    while (mail != NULL) {
        struct mail *next = mail->next;
        mailbox->receive(mail, mailbox->user);
        mail = next;
    }
}

struct mailbox *mailbox_new(struct loop *loop, void (*receive)(struct mail *mail, void *user), void *user)
{
    struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
    if (mailbox == NULL)
        return NULL;
    mailbox->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (mailbox->wake_fd == -1)
        goto fail;
    mailbox->watch = loop_watch(loop, mailbox->wake_fd, deliver, mailbox);
    if (mailbox->watch == NULL) {
        close(mailbox->wake_fd);
        goto fail;
    }
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->end = &mailbox->first;
    mailbox->receive = receive;
    mailbox->user = user;
    return mailbox;

fail:
    free(mailbox);
    return NULL;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    deliver(mailbox);
    loop_unwatch(mailbox->watch);
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

void mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    bool was_empty = mailbox->first == NULL;
    *mailbox->end = mail;
    mailbox->end = &mail->next;
    pthread_mutex_unlock(&mailbox->lock);
    if (was_empty) {
        uint64_t one = 1;
        ssize_t written = write(mailbox->wake_fd, &one, sizeof(one));
        (void)written; /* only fails when the counter is full, and then the loop is awake anyway */
    }
}
