/* provider-simulator: plays the LLM providers on 127.0.0.1, well or badly as told. README.md is its manual. */
#include "environment.h"
#include "server.h"
#include "tls.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct options {
    const char *listen, *tls[3]; /* by enum tls_kind */
    const char *ca_out, *scenario, *env_out, *providers;
    bool record;
};

static const char usage[] =
    "usage: provider-simulator [--listen HOST:PORT] [--tls HOST:PORT] [--tls-expired HOST:PORT]\n"
    "                          [--tls-self-signed HOST:PORT] [--ca-out FILE] [--scenario FILE]\n"
    "                          [--env-out FILE [--providers NAME,... | --all-providers]] [--no-record]\n"
    "Port 0 is any free one. Without --listen: 127.0.0.1:0. The manual is tests/simulator/README.md.\n";

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"listen", required_argument, NULL, 'l'},
        {"tls", required_argument, NULL, 't'},
        {"tls-expired", required_argument, NULL, 'x'},
        {"tls-self-signed", required_argument, NULL, 's'},
        {"ca-out", required_argument, NULL, 'c'},
        {"scenario", required_argument, NULL, 'f'},
        {"env-out", required_argument, NULL, 'e'},
        {"providers", required_argument, NULL, 'p'},
        {"all-providers", no_argument, NULL, 'a'},
        {"no-record", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct options){.listen = "127.0.0.1:0", .record = true};
    for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (c) {
        case 'l':
            options->listen = optarg;
            break;
        case 't':
            options->tls[TLS_GOOD] = optarg;
            break;
        case 'x':
            options->tls[TLS_EXPIRED] = optarg;
            break;
        case 's':
            options->tls[TLS_SELF_SIGNED] = optarg;
            break;
        case 'c':
            options->ca_out = optarg;
            break;
        case 'f':
            options->scenario = optarg;
            break;
        case 'e':
            options->env_out = optarg;
            break;
        case 'p':
            options->providers = optarg;
            break;
        case 'a':
            options->providers = "*";
            break;
        case 'n':
            options->record = false;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "simulator: unexpected argument \"%s\"\n%s", argv[optind], usage);
        return 2;
    }
    return -1;
}

static bool play_file(struct simulator *simulator, const char *file)
{
    struct buf text = BUF_EMPTY;
    char block[4096], error[SCENARIO_ERROR_MAX];
    FILE *in = fopen(file, "r");
    if (in == NULL) {
        fprintf(stderr, "simulator: cannot read the scenario %s: %s\n", file, strerror(errno));
        return false;
    }
    for (size_t got; (got = fread(block, 1, sizeof(block), in)) > 0;)
        buf_append(&text, block, got);
    bool good = !ferror(in) && buf_ok(&text);
    fclose(in);
    if (!good) {
        fprintf(stderr, "simulator: cannot read the scenario %s\n", file);
    } else if (!stage_script(simulator->stage, file, buf_text(&text), text.len, clock_monotonic_ms(), error)) {
        fprintf(stderr, "%s\n", error);
        good = false;
    } else {
        server_play_script(simulator);
    }
    buf_dispose(&text);
    return good;
}

/* The host as written, with the port that was taken. */
static void origin_of(const char *scheme, const char *address, unsigned port, char out[160])
{
    const char *colon = strrchr(address, ':');
    snprintf(out, 160, "%s://%.*s:%u", scheme, (int)(colon - address), address, port);
}

static bool open_plain(struct simulator *simulator, const struct options *options)
{
    char error[256], origin[160];
    unsigned port = server_listen(simulator, options->listen, NULL, error);
    if (port == 0) {
        fprintf(stderr, "simulator: %s\n", error);
        return false;
    }
    origin_of("http", options->listen, port, origin);
    if (options->env_out != NULL && !environment_write(options->env_out, origin, options->providers, error)) {
        fprintf(stderr, "simulator: %s\n", error);
        return false;
    }
    printf("simulator: http on %s\n", origin);
    return true;
}

static bool open_tls(struct simulator *simulator, const struct options *options, const struct authority *authority)
{
    static const char *const names[] = {"tls", "tls-expired", "tls-self-signed"};
    if (options->ca_out != NULL && !authority_write(authority, options->ca_out)) {
        fprintf(stderr, "simulator: cannot write %s: %s\n", options->ca_out, strerror(errno));
        return false;
    }
    for (int kind = TLS_GOOD; kind <= TLS_SELF_SIGNED; kind++) {
        char error[256] = "OpenSSL could not make a certificate", origin[160];
        if (options->tls[kind] == NULL)
            continue;
        SSL_CTX *tls = authority_server(authority, (enum tls_kind)kind);
        unsigned port = tls != NULL ? server_listen(simulator, options->tls[kind], tls, error) : 0;
        if (port == 0) {
            fprintf(stderr, "simulator: --%s: %s\n", names[kind], error);
            return false;
        }
        origin_of("https", options->tls[kind], port, origin);
        printf("simulator: %s on %s\n", names[kind], origin);
    }
    return true;
}

/* A connection of each of 10,000 providers is more than the usual soft limit of 1024 descriptors. */
static void allow_many_connections(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    static struct simulator simulator;
    struct options options;
    int status = read_options(argc, argv, &options);
    if (status != -1)
        return status;
    signal(SIGPIPE, SIG_IGN);
    allow_many_connections();
    server_init(&simulator, options.record);
    struct authority *authority = authority_new();
    bool good = authority != NULL;
    if (!good)
        fputs("simulator: OpenSSL could not make a certificate authority\n", stderr);
    good = good && (options.scenario == NULL || play_file(&simulator, options.scenario)) &&
           open_plain(&simulator, &options) && open_tls(&simulator, &options, authority);
    if (good) {
        fflush(stdout);
        server_run(&simulator);
    }
    authority_free(authority);
    server_dispose(&simulator);
    return good ? 0 : 1;
}
