/* tls_ca: what a fresh TLS connection costs with libcurl's defaults on Debian, and with the prober's.
 *
 *     tls_ca URL BUNDLE
 *
 * URL is answered over TLS by a certificate that BUNDLE (the system's, plus that of the server) trusts. Rounds of both
 * alternate in one process; each round is a number of requests on fresh connections, and counts this process's CPU
 * time. Prints medians and their ratio.
 */
#include "base/log.h"
#include "event/loop.h"
#include "probe/prober.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { ROUNDS = 7, REQUESTS = 20 };

static double cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static size_t drop(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes;
    (void)user;
    return size * count;
}

/* libcurl as Debian ships it: CA bundle and CA directory both set. */
static bool request_by_default(const char *url, const char *bundle)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    if (code != CURLE_OK)
        fprintf(stderr, "tls_ca: by default: %s\n", curl_easy_strerror(code));
    return code == CURLE_OK;
}

struct waiting {
    struct loop *loop;
    enum probe_error error;
};

static void on_answer(struct probe_answer *answer, void *user)
{
    struct waiting *waiting = user;
    waiting->error = answer->error;
    if (answer->error != PROBE_OK)
        fprintf(stderr, "tls_ca: prober: %s\n", answer->message);
    loop_stop(waiting->loop);
}

static bool request_by_prober(struct prober *prober, struct loop *loop, const char *url)
{
    static const char *const headers[] = {"Connection: close"};
    struct probe_request request = {
        .url = url,
        .user_agent = "tls_ca",
        .headers = headers,
        .header_count = 1,
        .timeout_ms = 10000,
        .keep = PROBE_KEEP_NEVER,
        .max_received = 1 << 20,
    };
    struct waiting waiting = {loop, PROBE_CANCELLED};
    char error[256];
    if (prober_start(prober, &request, on_answer, &waiting, error, sizeof(error)) == NULL) {
        fprintf(stderr, "tls_ca: %s\n", error);
        return false;
    }
    loop_run(loop);
    return waiting.error == PROBE_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    double by_default[ROUNDS], by_prober[ROUNDS];
    char error[256];

    if (argc != 3) {
        fputs("usage: tls_ca URL BUNDLE\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct loop *loop = loop_new();
    struct prober_options options = {.ca_bundle = argv[2], .max_in_flight = 10};
    struct prober *prober = loop != NULL ? prober_new(loop, &options, error, sizeof(error)) : NULL;
    if (prober == NULL || !request_by_prober(prober, loop, argv[1])) /* the first one parses the bundle */
        return 1;
    for (int round = 0; round < ROUNDS; ++round) {
        double began = cpu_ms();
        for (int i = 0; i < REQUESTS; ++i) {
            if (!request_by_default(argv[1], argv[2]))
                return 1;
        }
        double between = cpu_ms();
        for (int i = 0; i < REQUESTS; ++i) {
            if (!request_by_prober(prober, loop, argv[1]))
                return 1;
        }
        by_default[round] = (between - began) / REQUESTS;
        by_prober[round] = (cpu_ms() - between) / REQUESTS;
    }
    double a = median(by_default), b = median(by_prober);
    printf("CPU per probe on a fresh TLS connection with the system's CA bundle, median of %d rounds of %d:\n", ROUNDS,
           REQUESTS);
    printf("  libcurl's defaults      %8.2f ms\n", a);
    printf("  providerd's prober      %8.2f ms\n", b);
    printf("  ratio                   %8.1f\n", a / b);
    prober_free(prober);
    loop_free(loop);
    curl_global_cleanup();
    return 0;
}
