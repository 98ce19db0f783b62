#include "daemon/process.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void process_guard_memory(bool core_dumps)
{
    static const struct rlimit none = {0, 0};
    if (core_dumps)
        return;
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        log_warning("daemon", "core dumps cannot be turned off: %s", strerror(errno));
}
