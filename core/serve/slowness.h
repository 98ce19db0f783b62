/* slowness: whether a client takes what it is sent at all. Internal to serve/.
 *
 * A connection with something to write must get SLOW_BYTES acknowledged within each time limit, or it is given up:
 * else a client that reads a byte now and then could hold an answer, and a place among the connections, for ever.
 */
#ifndef PROVIDERD_SERVE_SLOWNESS_H
#define PROVIDERD_SERVE_SLOWNESS_H

#include <stdbool.h>
#include <stdint.h>

enum { SLOW_BYTES = 4096 };

/* Of one connection; all zero to begin with. */
struct slowness {
    uint64_t since_ms; /* when what follows was noted; 0 = there was nothing to write */
    uint64_t acknowledged;
};

/* Looks at a TCP connection, now and then. True when it is to be given up. */
bool slowness_exceeds(struct slowness *slowness, int fd, bool writing, uint64_t now_ms, int64_t limit_ms);

#endif
