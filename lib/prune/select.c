/* select.c - which groups of channels go. */
#include "prune/internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct candidate {
    int unit, layer;
    double score;
};

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return x->unit < y->unit ? -1 : x->unit > y->unit;
}

static int by_layer_then_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return by_score(a, b);
}

/* To the nearest, halves down: half of one channel is none. */
static int64_t share_of(double sparsity, int64_t count)
{
    return (int64_t)ceil(sparsity * (double)count - 0.5 - 1e-9);
}

/* No layer may lose all it has; what is fixed stays. */
static int check_layers(const struct coupling *c, const bool *remove)
{
    int64_t *kept = arena_array(c->arena, (size_t)c->layer_count + 1, sizeof(*kept));
    int64_t *all = arena_array(c->arena, (size_t)c->layer_count + 1, sizeof(*all));

    if (kept == NULL || all == NULL)
        return error_memory(c->err);
    for (int i = 0; i < c->unit_count; i++) {
        const int root = couple_unit(c, i);

        all[c->layer[i]]++;
        kept[c->layer[i]] += !remove[root];
    }
    for (int i = 0; i < c->layer_count; i++)
        if (all[i] > 0 && kept[i] == 0) {
            error_set(c->err, ERROR_INPUT, "%s: 0 of %" PRId64 " channels would remain", c->layer_name[i], all[i]);
            return error_hint(c->err, "use a lower --sparsity");
        }
    return 0;
}

static struct candidate *find_candidates(const struct coupling *c, const double *score, int64_t *count)
{
    struct candidate *list = arena_array(c->arena, (size_t)c->unit_count + 1, sizeof(*list));

    *count = 0;
    for (int i = 0; list != NULL && i < c->unit_count; i++)
        if (couple_unit(c, i) == i && !c->fixed[i])
            list[(*count)++] = (struct candidate){ i, couple_layer(c, c->layer[i]), score[i] };
    if (list == NULL)
        error_memory(c->err);
    return list;
}

int select_units(const struct coupling *c, const struct prune_options *options, const double *score, bool *remove,
                 struct prune_report *report)
{
    int64_t count, end;
    struct candidate *list = find_candidates(c, score, &count);
    const bool together = options->scope == PRUNE_GLOBAL;

    if (list == NULL)
        return -1;
    qsort(list, (size_t)count, sizeof(*list), together ? by_score : by_layer_then_score);
    report->total = count;
    report->removed = 0;
    for (int64_t begin = 0; begin < count; begin = end) {
        int64_t going;

        for (end = begin; end < count && (together || list[end].layer == list[begin].layer);)
            end++;
        going = share_of(options->sparsity, end - begin);
        for (int64_t i = begin; i < begin + going; i++)
            remove[list[i].unit] = true;
        report->removed += going > 0 ? going : 0;
    }
    return check_layers(c, remove);
}
