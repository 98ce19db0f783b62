#include "plugin/spread.h"

static const double SMALLEST_SHARE = 1e-6; /* of the whole */

static void add_head(struct spread *spread, size_t row, double share)
{
    if (spread->count < SPREAD_MAX && share > 0)
        spread->heads[spread->count++] = (struct head){.row = row, .share = share};
}

/* The next one behind the first that is as well as it is, and warm. */
static size_t stand_in(const struct ranking *ranking)
{
    for (size_t i = 1; i < ranking->ranked; ++i) {
        const struct candidate *candidate = ranking->rows[i].candidate;
        if (candidate->warmth >= 1 && candidate->view->status == ranking->rows[0].candidate->view->status)
            return i;
    }
    return 0;
}

static void normalize(struct spread *spread)
{
    double sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < spread->count; ++i)
        sum += spread->heads[i].share;
    for (size_t i = 0; i < spread->count; ++i) {
        struct head head = spread->heads[i];
        head.share /= sum;
        if (head.share >= SMALLEST_SHARE || spread->count == 1)
            spread->heads[kept++] = head;
    }
    spread->count = kept;
}

void spread_make(struct spread *spread, const struct ranking *ranking)
{
    spread->count = 0;
    if (ranking->ranked == 0)
        return;
    for (size_t i = 0; i < ranking->ranked; ++i)
        add_head(spread, i, ranking->rows[i].share * ranking->rows[i].candidate->warmth);
    if (spread->count == 0) {
        double warmth = ranking->rows[0].candidate->warmth;
        size_t next = warmth < 1 ? stand_in(ranking) : 0;
        add_head(spread, 0, next != 0 ? warmth : 1);
        if (next != 0)
            add_head(spread, next, 1 - warmth);
    }
    normalize(spread);
}

/* Marsaglia's xorshift (Xorshift RNGs, Journal of Statistical Software 8(14), 2003). */
static double random_share(uint32_t *random)
{
    uint32_t x = *random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *random = x;
    return (double)x / 4294967296.0;
}

static size_t draw(const struct spread *spread, uint32_t *random)
{
    double at = random_share(random);
    size_t i = 0;
    while (i + 1 < spread->count && at >= spread->heads[i].share)
        at -= spread->heads[i++].share;
    return i;
}

size_t spread_pick(struct spread *spread, uint32_t *random)
{
    if (spread->count < 2)
        return 0;
    size_t a = draw(spread, random), b = draw(spread, random);
    struct head *x = &spread->heads[a], *y = &spread->heads[b];
    size_t chosen = y->given / y->share < x->given / x->share ? b : a;
    spread->heads[chosen].given += 1;
    return chosen;
}
