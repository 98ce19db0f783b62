/* utf8: what is well-formed UTF-8 (Unicode 15, table 3-7). Thread: any. */
#ifndef PROVIDERD_BASE_UTF8_H
#define PROVIDERD_BASE_UTF8_H

#include <stddef.h>

/* The length of the well-formed sequence of more than one byte at `at`, of which `left` bytes are there; 0 when there
 * is none. */
size_t utf8_sequence(const unsigned char *at, size_t left);

#endif
