#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1]; /* two before, one before, this */
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_len; ++j)
        above[j] = j;
    for (size_t i = 1; i <= a_len; ++i) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; ++j) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && tolower((unsigned char)a[i - 2]) == y)
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_len];
}

const char *nearest_word(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t nearest_distance = WORD_MAX, len = strlen(word);

    if (len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; ++i) {
        size_t candidate_len = strlen(candidates[i]);
        if (candidate_len > WORD_MAX)
            continue;
        size_t longer = len > candidate_len ? len : candidate_len;
        size_t d = distance(word, len, candidates[i], candidate_len);
        if (d <= (longer + 2) / 3 && d < nearest_distance) {
            nearest = candidates[i];
            nearest_distance = d;
        }
    }
    return nearest;
}
