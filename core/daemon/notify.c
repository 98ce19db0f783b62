#include "daemon/notify.h"

#ifdef PROVIDERD_SYSTEMD

#include "base/clock.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

void notify_ready(size_t providers)
{
    sd_notifyf(0, "READY=1\nSTATUS=Watching %zu providers", providers);
}

void notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_us());
}

void notify_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

#else

void notify_ready(size_t providers)
{
    (void)providers;
}

void notify_reloading(void)
{
}

void notify_stopping(void)
{
}

#endif
