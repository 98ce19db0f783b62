/* hash: FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): tells contents apart within a process; nothing
 * that an enemy chooses may rest on it.
 *
 * Thread: any.
 */
#ifndef PROVIDERD_BASE_HASH_H
#define PROVIDERD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* Goes on from HASH_BEGIN, or from an earlier result. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; ++i)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
