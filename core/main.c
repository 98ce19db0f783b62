/* providerd: the command line. */
#include "daemon/check_command.h"
#include "daemon/daemon.h"

#include <curl/curl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef PROVIDERD_SYSCONFDIR
#define PROVIDERD_SYSCONFDIR "/etc"
#endif

static const char INSTALLED_CONFIG[] = PROVIDERD_SYSCONFDIR "/providerd/providerd.lua";

static const char HELP[] = "providerd tells you which LLM provider to call, right now.\n"
                           "\n"
                           "  providerd [-c FILE] [--listen HOST:PORT] [--database FILE]\n"
                           "      Watch every configured provider and answer over REST, in the foreground.\n"
                           "      SIGHUP reloads configuration and scripts; SIGTERM and SIGINT stop.\n"
                           "  providerd [-c FILE] check [--json] [NAME...]\n"
                           "      Probe all providers, or those named, once, and print what came out.\n"
                           "      Exit status: 0 all healthy, 1 at least one is not, 2 could not check.\n"
                           "  providerd [-c FILE] -t\n"
                           "      Check configuration and scripts. Exit status: 0 sound, 2 not.\n"
                           "  providerd --version | --help\n"
                           "\n"
                           "  -c, --config FILE     the configuration; default: %s\n"
                           "      --listen ADDR     instead of the configured addresses; port 0 takes a free one\n"
                           "      --database FILE   instead of the configured database\n"
                           "      --json            print JSON\n";

struct command_line {
    struct settings settings;
    bool test, json;
    int exit_status; /* -1 = go on */
};

enum { OPTION_LISTEN = 256, OPTION_DATABASE, OPTION_JSON, OPTION_VERSION };

static struct command_line parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"listen", required_argument, NULL, OPTION_LISTEN},
        {"database", required_argument, NULL, OPTION_DATABASE},
        {"json", no_argument, NULL, OPTION_JSON},
        {"test", no_argument, NULL, 't'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct command_line line = {.exit_status = -1};
    int option;

    while ((option = getopt_long(argc, argv, "c:th", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            line.settings.config_path = optarg;
            break;
        case 't':
            line.test = true;
            break;
        case OPTION_LISTEN:
            line.settings.listen = optarg;
            break;
        case OPTION_DATABASE:
            line.settings.database = optarg;
            break;
        case OPTION_JSON:
            line.json = true;
            break;
        case OPTION_VERSION:
            puts("providerd " PROVIDERD_VERSION);
            line.exit_status = 0;
            return line;
        case 'h':
            printf(HELP, INSTALLED_CONFIG);
            line.exit_status = 0;
            return line;
        default: /* getopt has said what is wrong */
            fputs("Try 'providerd --help'.\n", stderr);
            line.exit_status = 2;
            return line;
        }
    }
    return line;
}

int main(int argc, char **argv)
{
    struct command_line line = parse(argc, argv);
    if (line.exit_status != -1)
        return line.exit_status;
    bool check = argv[optind] != NULL && strcmp(argv[optind], "check") == 0;
    if (argv[optind] != NULL && !check) {
        fprintf(stderr, "providerd: unknown command '%s'; expected check, or none to run the daemon\n", argv[optind]);
        return 2;
    }
    if (line.json && !check) {
        fputs("providerd: --json belongs to providerd check\n", stderr);
        return 2;
    }
    if (line.settings.config_path == NULL)
        line.settings.config_path = INSTALLED_CONFIG;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int status = line.test ? test_command(&line.settings)
                 : check   ? check_command(&line.settings, argv + optind + 1, line.json)
                           : daemon_run(&line.settings);
    curl_global_cleanup();
    return status;
}
