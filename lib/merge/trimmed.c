#include "merge/internal.h"

static void block(const struct merge *merge, int64_t from, int count, int worker, double *delta)
{
    const int bad = merge->options->combine.bad, end = merge->site_count - bad;

    for (int i = 0; i < count; i++) {
        const double *column = column_sorted(merge, from + i, worker);
        double sum = 0;

        for (int s = bad; s < end; s++) /* rising: the same order whoever sent them */
            sum += column[s];
        delta[i] = sum / (end - bad);
    }
}

const struct combiner combine_trimmed = {
    .name = "trimmed",
    .counted = true,
    .least = { 2, 1 },
    .block = block,
};
