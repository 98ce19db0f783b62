/* local: is it them, or is it us? When unrelated hosts fail at the same layer at once, or a witness does, or this
 * machine stood still, a failed check says nothing about its provider.
 *
 * The evidence is the latest outcome of each host within the last half minute. Failures that somebody's answer followed
 * are none: the network worked in between. Nor are those of hosts that have been failing by themselves; the caller
 * keeps them back. A witness goes before everybody's answers. Hosts on loopback are judged among themselves: a local
 * server that answers does not show that the network works, nor does one that is not running show that it fails.
 *
 * Thread: the loop's. Plain values: times are monotonic microseconds that the caller gives, so that it can be tested
 * without waiting.
 */
#ifndef PROVIDERD_HEALTH_LOCAL_H
#define PROVIDERD_HEALTH_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a request ended. Timeouts before the first byte count as LAYER_CONNECT: a cut cable looks like that. */
enum layer { LAYER_ANSWERED, LAYER_DNS, LAYER_CONNECT, LAYER_TLS };

enum {
    LOCAL_HOSTS = 64,        /* latest outcomes remembered; the oldest give way */
    LOCAL_WINDOW_S = 30,     /* an outcome is evidence for so long */
    LOCAL_OTHERS_NEEDED = 2, /* unrelated hosts that must have failed alike */
    LOCAL_STUMBLE_MS = 2000, /* a loop that ran this late, or a clock that jumped this far, stumbled */
};

struct host_outcome {
    uint64_t host; /* hash of the name; 0 = free */
    uint64_t at_us;
    enum layer layer;
    bool loopback;
    bool witness;
};

struct local_evidence {
    struct host_outcome hosts[LOCAL_HOSTS];
    uint64_t stumbled_from_us; /* the latest stretch in which this machine stood still; 0 = none */
    uint64_t stumbled_to_us;
};

/* LIKELY: unrelated hosts failed alike. Whoever was well a moment ago should be asked, if there is anybody: for several
 * may fail together by themselves. */
enum local_answer { LOCAL_NO, LOCAL_YES, LOCAL_LIKELY, LOCAL_DOUBT };

/* The host of an http or https URL as a hash, and whether it is this machine. */
uint64_t local_host_of(const char *url, bool *loopback);

/* Records an outcome. */
void local_note(struct local_evidence *evidence, uint64_t host, bool loopback, bool witness, enum layer layer,
                uint64_t now_us);

/* Records that nothing ran between two moments. */
void local_note_stumble(struct local_evidence *evidence, uint64_t from_us, uint64_t to_us);

/* Whether a check of `host` that began at `began_us` and failed at `layer` failed for our own sake. LOCAL_DOUBT: others
 * should be asked. The outcome itself need not be noted before. */
enum local_answer local_judge(const struct local_evidence *evidence, uint64_t host, bool loopback, enum layer layer,
                              uint64_t began_us, uint64_t now_us);

/* Whether this machine stood still while a check ran. */
bool local_stumbled(const struct local_evidence *evidence, uint64_t began_us, uint64_t now_us);

#endif
