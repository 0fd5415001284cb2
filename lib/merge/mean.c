#include <math.h>
#include <string.h>

#include "merge/internal.h"

/*
 * A difference d counts as the integer round(d * 2^40), kept in two words so that
 * multiplying by the examples cannot overflow. Checked are |d| < 2^22, which makes it an
 * integer of 63 bits, |d| * (sum of weights) < 2^42 for the high words' sum, and a
 * sum of weights of at most 2^42 for the low words'.
 */
enum { FIXED_BITS = 40, LOW_BITS = 20 };

static void block(const struct merge *merge, int64_t from, int count, int worker, double *delta)
{
    int64_t high[BLOCK] = { 0 }, low[BLOCK] = { 0 };

    (void)worker;
    for (int s = 0; s < merge->site_count; s++)
        for (int i = 0; i < count; i++) {
            const int64_t fixed = llrint(ldexp(difference_at(merge, s, from + i), FIXED_BITS));

            high[i] += (fixed >> LOW_BITS) * merge->site[s].weight;
            low[i] += (fixed & (((int64_t)1 << LOW_BITS) - 1)) * merge->site[s].weight;
        }
    for (int i = 0; i < count; i++) {
        const double sum = ldexp((double)high[i], LOW_BITS - FIXED_BITS) + ldexp((double)low[i], -FIXED_BITS);

        delta[i] = sum / merge->weights;
    }
}

const struct combiner combine_mean = {
    .name = "mean",
    .weighs = true,
    .fixed = true,
    .least = { 0, 1 },
    .block = block,
};
