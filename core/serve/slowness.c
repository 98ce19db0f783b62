#include "serve/slowness.h"

#include <linux/tcp.h> /* glibc's own struct tcp_info ends before tcpi_bytes_acked */
#include <netinet/in.h>
#include <sys/socket.h>

static bool read_acknowledged(int fd, uint64_t *bytes)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    *bytes = info.tcpi_bytes_acked;
    return true;
}

bool slowness_exceeds(struct slowness *slowness, int fd, bool writing, uint64_t now_ms, int64_t limit_ms)
{
    uint64_t acknowledged;
    if (!writing || !read_acknowledged(fd, &acknowledged)) {
        slowness->since_ms = 0;
        return false;
    }
    bool moved = acknowledged - slowness->acknowledged >= SLOW_BYTES;
    if (slowness->since_ms != 0 && !moved)
        return now_ms - slowness->since_ms > (uint64_t)limit_ms;
    slowness->since_ms = now_ms;
    slowness->acknowledged = acknowledged;
    return false;
}
