/* nearest: "did you mean ...?" for words that people mistype. Thread: any. */
#ifndef PROVIDERD_BASE_NEAREST_H
#define PROVIDERD_BASE_NEAREST_H

#include <stddef.h>

/* The candidate with the smallest Damerau-Levenshtein distance (optimal string alignment) to `word`, if that distance
 * is at most a third of the longer word's length, rounded up; otherwise NULL. Case does not count. */
const char *nearest_word(const char *word, const char *const *candidates, size_t count);

#endif
