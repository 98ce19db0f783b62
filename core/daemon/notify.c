#include "daemon/notify.h"

#ifdef PROVIDERD_SYSTEMD

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

static const uint64_t LOOK_EVERY_US = 1000 * 1000;

struct notifier {
    struct loop *loop;
    struct notify_source source;
    struct timer timer;
    uint64_t sign_every_us; /* 0 = there is no watchdog */
    uint64_t next_sign_us;
    char line[NOTIFY_LINE_MAX]; /* as it was told last */
};

void notify_ready(void)
{
    sd_notify(0, "READY=1");
}

void notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_us());
}

void notify_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

static void tell_line(struct notifier *notifier)
{
    char line[NOTIFY_LINE_MAX] = "";
    notifier->source.describe(notifier->source.user, line);
    if (strcmp(line, notifier->line) == 0)
        return;
    memcpy(notifier->line, line, sizeof(line));
    sd_notifyf(0, "STATUS=%s", line);
}

static void look(struct timer *timer, void *user)
{
    struct notifier *notifier = user;
    uint64_t now_us = loop_now_us(notifier->loop), wait_us = LOOK_EVERY_US;
    tell_line(notifier);
    if (notifier->sign_every_us != 0) {
        if (now_us >= notifier->next_sign_us && notifier->source.is_alive(notifier->source.user)) {
            sd_notify(0, "WATCHDOG=1");
            notifier->next_sign_us = now_us + notifier->sign_every_us;
        }
        wait_us = notifier->sign_every_us < wait_us ? notifier->sign_every_us : wait_us;
    }
    timer_start(notifier->loop, timer, now_us + wait_us);
}

struct notifier *notifier_new(struct loop *loop, const struct notify_source *source)
{
    uint64_t watchdog_us = 0;
    if (getenv("NOTIFY_SOCKET") == NULL)
        return NULL;
    struct notifier *notifier = calloc(1, sizeof(*notifier));
    if (notifier == NULL)
        return NULL;
    notifier->loop = loop;
    notifier->source = *source;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        notifier->sign_every_us = watchdog_us / 2;
    timer_init(&notifier->timer, look, notifier);
    timer_start(loop, &notifier->timer, loop_now_us(loop));
    return notifier;
}

void notifier_free(struct notifier *notifier)
{
    if (notifier == NULL)
        return;
    timer_stop(notifier->loop, &notifier->timer);
    free(notifier);
}

#else

void notify_ready(void)
{
}

void notify_reloading(void)
{
}

void notify_stopping(void)
{
}

struct notifier *notifier_new(struct loop *loop, const struct notify_source *source)
{
    (void)loop;
    (void)source;
    return NULL;
}

void notifier_free(struct notifier *notifier)
{
    (void)notifier;
}

#endif
