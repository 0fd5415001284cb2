#include <stdlib.h>
#include <string.h>

#include "merge/internal.h"

/* Squared distances between all pairs of updates, a tensor at a time. One row a site; the rows are shared by threads. */
struct distances {
    const struct merge *merge;
    double *between; /* [site, site], both halves */
    int64_t count;   /* of the tensor at hand */
};

/* Row s below the diagonal. Numbers are added in the order of the base's tensors, whichever site is first. */
static void add_row(void *context, size_t s, int worker)
{
    const struct distances *distances = context;
    const struct merge *merge = distances->merge;
    const int n = merge->site_count, one = (int)s;

    (void)worker;
    for (int other = 0; other < one; other++) {
        double sum = 0;

        for (int64_t i = 0; i < distances->count; i++) {
            const double apart = difference_at(merge, one, i) - difference_at(merge, other, i);

            sum += apart * apart;
        }
        distances->between[one * n + other] += sum;
    }
}

static int measure(struct merge *merge, struct distances *distances, struct error *err)
{
    const struct graph *graph = &merge->base->graph;
    const int n = merge->site_count;

    for (int i = 0; i < graph->value_count; i++) {
        if (!is_merged(&graph->value[i]))
            continue;
        if (tensor_open(merge, &graph->value[i], err) < 0)
            return -1;
        distances->count = shape_count(&graph->value[i].tensor.shape);
        pool_run(merge->job->pool, (size_t)n, add_row, distances);
        job_step(merge->job, "compare", (uint64_t)i + 1, (uint64_t)graph->value_count);
    }
    for (int one = 0; one < n; one++)
        for (int other = 0; other < one; other++)
            distances->between[other * n + one] = distances->between[one * n + other];
    return 0;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct score {
    double sum;
    int site;
};

/* Of equals the first by name. */
static int by_score(const void *a, const void *b)
{
    const struct score *x = a, *y = b;

    return x->sum != y->sum ? (x->sum > y->sum) - (x->sum < y->sum) : x->site - y->site;
}

/* How far a site is from its nearest others: itself is first, at 0. */
static double score_of(const double *row, int n, int nearest, double *sorted)
{
    double sum = 0;

    memcpy(sorted, row, (size_t)n * sizeof(*sorted));
    qsort(sorted, (size_t)n, sizeof(*sorted), by_value);
    for (int i = 1; i <= nearest; i++)
        sum += sorted[i];
    return sum;
}

static int choose(struct merge *merge, int wanted, struct error *err)
{
    const int n = merge->site_count, nearest = n - merge->options->combine.bad - 2;
    struct distances distances = { .merge = merge };
    struct score *score = arena_array(merge->arena, (size_t)n, sizeof(*score));

    distances.between = arena_array(merge->arena, (size_t)n * (size_t)n, sizeof(*distances.between));
    if (score == NULL || distances.between == NULL)
        return error_memory(err);
    if (measure(merge, &distances, err) < 0)
        return -1;
    for (int s = 0; s < n; s++)
        score[s] = (struct score){ score_of(distances.between + s * n, n, nearest, merge->column), s };
    qsort(score, (size_t)n, sizeof(*score), by_score);
    for (int i = 0; i < wanted; i++)
        merge->site[score[i].site].chosen = true;
    return 0;
}

static int choose_one(struct merge *merge, struct error *err)
{
    return choose(merge, 1, err);
}

static int choose_many(struct merge *merge, struct error *err)
{
    return choose(merge, merge->site_count - merge->options->combine.bad, err);
}

/* The mean of the chosen, who are added up by name. */
static void block(const struct merge *merge, int64_t from, int count, int worker, double *delta)
{
    int chosen = 0;

    (void)worker;
    memset(delta, 0, (size_t)count * sizeof(*delta));
    for (int s = 0; s < merge->site_count; s++) {
        if (!merge->site[s].chosen)
            continue;
        chosen++;
        for (int i = 0; i < count; i++)
            delta[i] += difference_at(merge, s, from + i);
    }
    for (int i = 0; i < count; i++)
        delta[i] /= chosen;
}

const struct combiner combine_krum = {
    .name = "krum",
    .counted = true,
    .least = { 2, 3 },
    .choose = choose_one,
    .block = block,
};

const struct combiner combine_multi_krum = {
    .name = "multi-krum",
    .counted = true,
    .least = { 2, 3 },
    .choose = choose_many,
    .block = block,
};
