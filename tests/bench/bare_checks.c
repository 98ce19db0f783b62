/* bare_checks: the least that libcurl can do for checks at a steady pace: its multi interface on an epoll loop, the
 * answer read and dropped. What providerd's checks are measured against.
 *
 *   bench-bare-checks URL RATE SECONDS [CA_BUNDLE]
 *
 * Prints "checks N failed N cpu_us N": of all of them the CPU, user and system, for each. With a bundle the CA
 * directory is off, so that libcurl caches the parsed store: the best that it can do. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { IDLE_MAX = 64 };

static CURLM *multi;
static int poller;
static double curl_due_s = -1; /* monotonic; below 0 = none */
static long done, failed;
static CURL *idle[IDLE_MAX];
static int idle_count;
static struct curl_slist *headers;
static const char *url, *bundle;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    (void)easy;
    (void)user;
    struct epoll_event event = {
        .data.fd = fd, .events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u)};
    if (what == CURL_POLL_REMOVE)
        epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(poller, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        epoll_ctl(poller, known != NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    curl_multi_assign(multi, fd, what == CURL_POLL_REMOVE ? NULL : &poller);
    return 0;
}

static int on_timer(CURLM *m, long timeout_ms, void *user)
{
    (void)m;
    (void)user;
    curl_due_s = timeout_ms < 0 ? -1 : now_s() + (double)timeout_ms / 1000;
    return 0;
}

static size_t drop(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes;
    (void)user;
    return size * count;
}

static void start(void)
{
    CURL *easy = idle_count > 0 ? idle[--idle_count] : curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L);
    if (bundle != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_multi_add_handle(multi, easy);
}

static void reap(void)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        failed += message->data.result != CURLE_OK;
        ++done;
        curl_multi_remove_handle(multi, easy);
        if (idle_count < IDLE_MAX)
            idle[idle_count++] = easy;
        else
            curl_easy_cleanup(easy);
    }
}

static void turn(double until_s)
{
    struct epoll_event events[64];
    int running;
    double due_s = curl_due_s >= 0 && curl_due_s < until_s ? curl_due_s : until_s, wait_s = due_s - now_s();
    int count = epoll_wait(poller, events, 64, wait_s > 0 ? (int)(wait_s * 1000 + 0.999) : 0);
    for (int i = 0; i < count; ++i) {
        int flags = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                    (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                    (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(multi, events[i].data.fd, flags, &running);
    }
    if (curl_due_s >= 0 && curl_due_s <= now_s()) {
        curl_due_s = -1;
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    reap();
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: bench-bare-checks URL RATE SECONDS [CA_BUNDLE]\n", stderr);
        return 2;
    }
    url = argv[1];
    double rate = atof(argv[2]), seconds = atof(argv[3]);
    bundle = argc > 4 ? argv[4] : NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    poller = epoll_create1(EPOLL_CLOEXEC);
    headers = curl_slist_append(headers, "Authorization: Bearer sim-bench-key-0123456789");
    headers = curl_slist_append(headers, "Accept: application/json");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    long started = 0, wanted = (long)(rate * seconds);
    double warm_s = now_s(); /* the first check parses the bundle, opens the connection: not counted */
    start();
    while (done == 0 && now_s() - warm_s < 10)
        turn(now_s() + 1);
    done = failed = 0;
    double began_s = now_s(), cpu_before_s = cpu_s();
    while (done < wanted && now_s() - began_s < seconds + 15) {
        double due_s = began_s + (double)started / rate;
        while (started < wanted && now_s() >= due_s) {
            start();
            due_s = began_s + (double)++started / rate;
        }
        turn(started < wanted ? due_s : now_s() + 0.1);
    }
    printf("checks %ld failed %ld cpu_us %.2f\n", done, failed, (cpu_s() - cpu_before_s) / (double)done * 1e6);
    return failed == 0 ? 0 : 1;
}
