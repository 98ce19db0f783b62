#include "daemon/backup_command.h"

#include "base/clock.h"
#include "store/backup.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* They stay pending from now on, and are asked for. */
static void hold_signals(void)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is told as any other failure */
}

static bool signal_came(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
                                         sigismember(&pending, SIGHUP) == 1);
}

static void print_result(const char *target, const struct backup_result *result, uint64_t took_ms)
{
    bool large = result->bytes >= 10 * 1000 * 1000;
    printf("wrote %s: %" PRId64 " checks, %" PRId64 " %s, in %" PRIu64 ".%" PRIu64 " s\n", target, result->checks,
           large ? (result->bytes + 500000) / 1000000 : (result->bytes + 500) / 1000, large ? "MB" : "kB",
           took_ms / 1000, took_ms % 1000 / 100);
}

int backup_command(const struct settings *settings, const char *target)
{
    char error[FAULTS_MAX];
    struct backup_result result;
    struct config *config = settings_load(settings, error, sizeof(error));
    if (config == NULL) {
        fprintf(stderr, "providerd: %s\n", error);
        return 2;
    }
    hold_signals();
    uint64_t began_ms = clock_monotonic_ms();
    enum backup_status status = store_backup(config->database, target, signal_came, &result, error, sizeof(error));
    if (status == BACKUP_DONE)
        print_result(target, &result, clock_monotonic_ms() - began_ms);
    else
        fprintf(stderr, "providerd: backup: %s\n", error);
    config_free(config);
    return status == BACKUP_DONE ? 0 : status == BACKUP_FAILED ? 1 : 2;
}
