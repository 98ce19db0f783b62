/* providerd: the command line. */
#include "daemon/ask_command.h"
#include "daemon/backup_command.h"
#include "daemon/check_command.h"
#include "daemon/daemon.h"
#include "daemon/new_command.h"
#include "daemon/replay_command.h"
#include "daemon/token_command.h"

#include <curl/curl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef PROVIDERD_SYSCONFDIR
#define PROVIDERD_SYSCONFDIR "/etc/providerd"
#endif

static const char INSTALLED_CONFIG[] = PROVIDERD_SYSCONFDIR "/providerd.lua";

static const char HELP[] =
    "providerd tells you which LLM provider to call, right now.\n"
    "\n"
    "  providerd [-c FILE] [--listen HOST:PORT] [--database FILE]\n"
    "      Watch every configured provider and answer over REST, in the foreground.\n"
    "      SIGHUP reloads configuration and scripts; SIGTERM and SIGINT stop.\n"
    "  providerd [-c FILE] status [--json] [--watch]\n"
    "  providerd [-c FILE] best [--json]\n"
    "  providerd [-c FILE] history NAME [--json]\n"
    "  providerd [-c FILE] reload [--json]\n"
    "      Ask the daemon that runs (PROVIDERD_URL, PROVIDERD_TOKEN): a table, who to call now, a\n"
    "      provider's last day; or have it load its configuration and scripts anew.\n"
    "      Exit status: 0 it answered, 1 it did not, nobody is up, or the reload was refused.\n"
    "  providerd [-c FILE] check [--json] [--trace] [--deep] [NAME...]\n"
    "      Probe all providers, or those named, once with each key, and print what came out.\n"
    "      Exit status: 0 all healthy, 1 at least one is not, 2 could not check.\n"
    "  providerd [-c FILE] check [--json] [--deep] SCRIPT.lua\n"
    "      Try one script alone, with every exchange shown.\n"
    "  providerd [-c FILE] new NAME [--kind KIND]\n"
    "      Write NAME.lua, a provider script to start from; kinds: openai, custom, oauth.\n"
    "  providerd [-c FILE] [--database FILE] backup FILE\n"
    "      Copy the database to FILE, which must not exist, also while the daemon runs.\n"
    "      Exit status: 0 copied, 1 could not now (locked, no space), 2 cannot be.\n"
    "  providerd [-c FILE] [--database FILE] replay [--policy NAME|FILE]... [--since 7d]\n"
    "      Run policies over the stored checks: whom they would have named, and how that went.\n"
    "      --with FILE tries another configuration beside the one in force.\n"
    "      Exit status: 0 done, 1 there is no past that can be read, 2 cannot be.\n"
    "  providerd token NAME [--scope SCOPE]\n"
    "      Make a token and the line of the configuration for it; scopes: read, report, admin.\n"
    "  providerd [-c FILE] -t\n"
    "      Check configuration and scripts. Exit status: 0 sound, 2 not.\n"
    "  providerd --version | --help\n"
    "\n"
    "  -c, --config FILE     the configuration; default: %s\n"
    "      --listen ADDR     instead of the configured addresses; port 0 takes a free one\n"
    "      --database FILE   instead of the configured database\n"
    "      --json            print JSON\n"
    "      --trace           show every exchange, without secrets; of a replay, every switch\n"
    "      --deep            ask for a short completion, too; it costs some tokens\n"
    "      --watch           of status: again at each change\n"
    "      --kind KIND       of script to write; default: openai\n"
    "      --scope SCOPE     of a token; default: read\n"
    "      --policy P        to replay: a name, or a file; default: all\n"
    "      --since SPAN      how far back to replay; default: 7d\n"
    "      --every SPAN      between two calls of a replay; default: 1m\n"
    "      --with FILE       another configuration to replay by\n";

struct command_line {
    struct settings settings;
    struct check_wishes wishes;
    struct replay_wishes replay;
    struct ask_wishes asks;
    bool too_many;     /* policies */
    const char *kind;  /* of script to write; NULL = not said */
    const char *scope; /* of a token; NULL = not said */
    bool test;
    int exit_status; /* -1 = go on */
};

enum {
    OPTION_LISTEN = 256,
    OPTION_DATABASE,
    OPTION_JSON,
    OPTION_TRACE,
    OPTION_DEEP,
    OPTION_KIND,
    OPTION_POLICY,
    OPTION_SINCE,
    OPTION_EVERY,
    OPTION_WITH,
    OPTION_SCOPE,
    OPTION_WATCH,
    OPTION_VERSION
};

static struct command_line parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"listen", required_argument, NULL, OPTION_LISTEN},
        {"database", required_argument, NULL, OPTION_DATABASE},
        {"json", no_argument, NULL, OPTION_JSON},
        {"trace", no_argument, NULL, OPTION_TRACE},
        {"deep", no_argument, NULL, OPTION_DEEP},
        {"kind", required_argument, NULL, OPTION_KIND},
        {"policy", required_argument, NULL, OPTION_POLICY},
        {"since", required_argument, NULL, OPTION_SINCE},
        {"every", required_argument, NULL, OPTION_EVERY},
        {"with", required_argument, NULL, OPTION_WITH},
        {"scope", required_argument, NULL, OPTION_SCOPE},
        {"watch", no_argument, NULL, OPTION_WATCH},
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
            line.wishes.json = line.replay.json = line.asks.json = true;
            break;
        case OPTION_TRACE:
            line.wishes.trace = line.replay.trace = true;
            break;
        case OPTION_DEEP:
            line.wishes.deep = true;
            break;
        case OPTION_KIND:
            line.kind = optarg;
            break;
        case OPTION_POLICY:
            line.too_many = line.replay.policy_count == REPLAY_POLICIES_MAX;
            if (!line.too_many)
                line.replay.policies[line.replay.policy_count++] = optarg;
            break;
        case OPTION_SINCE:
            line.replay.since = optarg;
            break;
        case OPTION_EVERY:
            line.replay.every = optarg;
            break;
        case OPTION_WITH:
            line.replay.with = optarg;
            break;
        case OPTION_WATCH:
            line.asks.watch = true;
            break;
        case OPTION_SCOPE:
            line.scope = optarg;
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

/* Options that do not belong to the command, and words that no command takes. */
static bool fits(const struct command_line *line, const char *command, char *const *words)
{
    const struct check_wishes *wishes = &line->wishes;
    bool check = strcmp(command, "check") == 0, new = strcmp(command, "new") == 0;
    bool backup = strcmp(command, "backup") == 0, replay = strcmp(command, "replay") == 0;
    bool token = strcmp(command, "token") == 0, history = strcmp(command, "history") == 0;
    bool status = strcmp(command, "status") == 0,
         asks = status || history || strcmp(command, "best") == 0 || strcmp(command, "reload") == 0;
    const struct replay_wishes *past = &line->replay;
    if (command[0] != '\0' && !check && !new && !backup && !replay && !token && !asks)
        fprintf(stderr,
                "providerd: unknown command '%s'; expected status, best, history, reload, check, new, backup, replay, "
                "token, "
                "or none to run the daemon\n",
                command);
    else if ((!check && !replay && ((wishes->json && !asks) || wishes->trace)) || (!check && wishes->deep))
        fprintf(stderr, "providerd: %s belongs to providerd check\n",
                wishes->deep && !check ? "--deep"
                : wishes->json         ? "--json"
                                       : "--trace");
    else if (!replay && (past->policy_count != 0 || past->since != NULL || past->every != NULL || past->with != NULL))
        fprintf(stderr, "providerd: %s belongs to providerd replay\n",
                past->policy_count != 0 ? "--policy"
                : past->since != NULL   ? "--since"
                : past->every != NULL   ? "--every"
                                        : "--with");
    else if (line->too_many)
        fprintf(stderr, "providerd: replay: expected at most %d policies\n", REPLAY_POLICIES_MAX);
    else if (replay && words[0] != NULL)
        fprintf(stderr, "providerd: replay: expected options only; got '%s'\n", words[0]);
    else if (wishes->json && wishes->trace)
        fputs("providerd: --json and --trace exclude each other\n", stderr);
    else if (!new && line->kind != NULL)
        fputs("providerd: --kind belongs to providerd new\n", stderr);
    else if (!status && line->asks.watch)
        fputs("providerd: --watch belongs to providerd status\n", stderr);
    else if (history && (words[0] == NULL || words[1] != NULL))
        fputs("providerd: history: expected one name, that of a provider\n", stderr);
    else if (asks && !history && words[0] != NULL)
        fprintf(stderr, "providerd: %s: expected options only; got '%s'\n", command, words[0]);
    else if (!token && line->scope != NULL)
        fputs("providerd: --scope belongs to providerd token\n", stderr);
    else if (token && (words[0] == NULL || words[1] != NULL))
        fputs("providerd: token: expected one name, of whom it is for\n", stderr);
    else if (new && (words[0] == NULL || words[1] != NULL))
        fputs("providerd: new: expected one name, that of the provider\n", stderr);
    else if (backup && (words[0] == NULL || words[1] != NULL))
        fputs("providerd: backup: expected one name, that of the file to write\n", stderr);
    else
        return true;
    return false;
}

int main(int argc, char **argv)
{
    struct command_line line = parse(argc, argv);
    if (line.exit_status != -1)
        return line.exit_status;
    const char *command = argv[optind] != NULL ? argv[optind] : "";
    char *const *words = argv[optind] != NULL ? argv + optind + 1 : argv + optind;
    if (!fits(&line, command, words))
        return 2;
    if (line.settings.config_path == NULL)
        line.settings.config_path = INSTALLED_CONFIG;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int status = line.test                         ? test_command(&line.settings)
                 : strcmp(command, "check") == 0   ? check_command(&line.settings, words, &line.wishes)
                 : strcmp(command, "new") == 0     ? new_command(&line.settings, words[0], line.kind)
                 : strcmp(command, "backup") == 0  ? backup_command(&line.settings, words[0])
                 : strcmp(command, "status") == 0  ? status_command(&line.settings, &line.asks)
                 : strcmp(command, "best") == 0    ? best_command(&line.settings, &line.asks)
                 : strcmp(command, "history") == 0 ? history_command(&line.settings, words[0], &line.asks)
                 : strcmp(command, "reload") == 0  ? reload_command(&line.settings, &line.asks)
                 : strcmp(command, "token") == 0   ? token_command(words[0], line.scope != NULL ? line.scope : "read")
                 : strcmp(command, "replay") == 0  ? replay_command(&line.settings, &line.replay)
                                                   : daemon_run(&line.settings);
    curl_global_cleanup();
    return status;
}
