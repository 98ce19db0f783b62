/* loop: the daemon's main event loop, h2o's, with what it lacks: timers of any length, foreign descriptors, signals and
 * messages from other threads.
 *
 * Thread: everything here belongs to the thread that runs the loop, but mailbox_post().
 * Time: monotonic; resolution 1 ms; a timer never fires early.
 */
#ifndef PROVIDERD_EVENT_LOOP_H
#define PROVIDERD_EVENT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct loop *loop_new(void); /* NULL with errno when the kernel refuses a descriptor or memory ran out */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Monotonic time of the present turn, microseconds; refreshed after every wait. */
uint64_t loop_now_us(const struct loop *loop);

/* The worst delay of a timer in the last second or the one before it, microseconds: how late the loop is. */
uint64_t loop_lag_us(const struct loop *loop);

/* A timer: embedded in its owner, armed at most once at a time. Zero it, or use timer_init, before the first use. */
struct timer {
    uint64_t due_us;
    size_t heap_index; /* position in the loop's heap plus one; 0 = not armed */
    void (*fire)(struct timer *timer, void *user);
    void *user;
};

void timer_init(struct timer *timer, void (*fire)(struct timer *timer, void *user), void *user);

/* Arms the timer for a moment (loop_now_us's scale), or again if it is armed. False when memory ran out. */
bool timer_start(struct loop *loop, struct timer *timer, uint64_t due_us);
void timer_stop(struct loop *loop, struct timer *timer);
static inline bool timer_armed(const struct timer *timer)
{
    return timer->heap_index != 0;
}

/* Calls `ready` in every turn in which `fd` is readable (level-triggered; the callback reads it itself). Takes over the
 * descriptor: loop_unwatch closes it. NULL when memory ran out. */
struct watch;
struct watch *loop_watch(struct loop *loop, int fd, void (*ready)(void *user), void *user);
void loop_unwatch(struct watch *watch);

/* Delivers these signals (ended by 0) to `arrived` on the loop instead of their default action. Blocks them in the
 * calling thread: call before other threads start, so that they inherit the mask. NULL with errno on failure. */
struct watch *loop_watch_signals(struct loop *loop, const int *signals, void (*arrived)(int signal_number, void *user),
                                 void *user);

/* A mailbox: other threads post, the loop's thread receives in the order of posting. */
struct mailbox;
struct mail {
    struct mail *next; /* the mailbox's */
};
struct mailbox *mailbox_new(struct loop *loop, void (*receive)(struct mail *mail, void *user), void *user);
void mailbox_free(struct mailbox *mailbox); /* undelivered mail is handed to receive first */

/* Any thread. The mail belongs to the mailbox until it is received. */
void mailbox_post(struct mailbox *mailbox, struct mail *mail);

#endif
