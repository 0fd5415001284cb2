/*
 * weights.c - the smallest weights to zero. The bound is found by counting the
 * bits of magnitudes, upper halves first: two passes, no sorting.
 */
#include "prune/internal.h"

#include <math.h>
#include <string.h>

/* Magnitudes in order as integers: a float's bits without the sign. */
static uint32_t magnitude(float w)
{
    union {
        float real;
        uint32_t bits;
    } both = { .real = w };

    return both.bits & UINT32_C(0x7fffffff);
}

/* What is pruned: matrices and filters of one set, counted and cut together. */
struct pool_of_weights {
    const struct graph *graph;
    const int *value;
    int count;
};

/* How many magnitudes have these upper bits (shift 16) or, among those with upper bits `upper`, these lower ones. */
static void histogram(const struct pool_of_weights *pool, int64_t bin[1 << 16], bool lower, uint32_t upper)
{
    for (int i = 0; i < 1 << 16; i++)
        bin[i] = 0;
    for (int v = 0; v < pool->count; v++) {
        const struct tensor *w = &pool->graph->value[pool->value[v]].tensor;
        const float *data = w->data;

        for (int64_t i = 0; i < shape_count(&w->shape); i++) {
            const uint32_t m = magnitude(data[i]);

            if (!lower)
                bin[m >> 16]++;
            else if (m >> 16 == upper)
                bin[m & 0xffff]++;
        }
    }
}

/* The bin in which the count-th (from 0) lies; *count becomes its place within the bin. */
static uint32_t find_bin(const int64_t bin[1 << 16], int64_t *count)
{
    uint32_t i = 0;

    while (i < 0xffff && *count >= bin[i])
        *count -= bin[i++];
    return i;
}

/* Zeroes exactly `going` of the pool, the smallest, ties in stored order. */
static int zero_smallest(struct pool_of_weights *pool, int64_t going, struct arena *scratch, struct error *err)
{
    int64_t *bin = arena_array(scratch, 1 << 16, sizeof(*bin)), ties = going;
    uint32_t upper, threshold;

    if (bin == NULL)
        return error_memory(err);
    histogram(pool, bin, false, 0);
    upper = find_bin(bin, &ties);
    histogram(pool, bin, true, upper);
    threshold = upper << 16 | find_bin(bin, &ties);
    for (int v = 0; v < pool->count; v++) {
        const struct tensor *w = &pool->graph->value[pool->value[v]].tensor;
        float *data = w->data;

        for (int64_t i = 0; i < shape_count(&w->shape); i++) {
            const uint32_t m = magnitude(data[i]);

            if (m < threshold || (m == threshold && ties-- > 0))
                data[i] = 0;
        }
    }
    return 0;
}

static bool is_matrix_operator(const struct node *node)
{
    static const char *const names[] = { "Conv", "ConvTranspose", "Gemm", "MatMul" };

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(node->op->name, names[i]) == 0)
            return true;
    return false;
}

static bool is_listed(const int *value, int count, int v)
{
    for (int i = 0; i < count; i++)
        if (value[i] == v)
            return true;
    return false;
}

/* Filters and matrices of the graph, each once, as copies: the old bytes may be in use elsewhere. */
static int find_matrices(struct graph *graph, int *value, int *count, struct error *err)
{
    *count = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->node[i];
        const int v = is_matrix_operator(node) && node->in_count > 1 ? node->in[1] : -1;
        struct tensor *w;
        void *own;

        if (v < 0 || graph->value[v].kind != VALUE_WEIGHT || graph->value[v].tensor.dtype != DTYPE_F32 ||
            is_listed(value, *count, v))
            continue;
        w = &graph->value[v].tensor;
        own = arena_alloc(graph->arena, tensor_bytes(w));
        if (own == NULL)
            return error_memory(err);
        memcpy(own, w->data, tensor_bytes(w));
        w->data = own;
        value[(*count)++] = v;
    }
    return 0;
}

static int zero_pool(struct pool_of_weights pool, double sparsity, struct arena *scratch, struct prune_report *report,
                     struct error *err)
{
    int64_t total = 0, going;

    for (int i = 0; i < pool.count; i++)
        total += shape_count(&pool.graph->value[pool.value[i]].tensor.shape);
    going = (int64_t)floor(sparsity * (double)total + 0.5);
    report->total += total;
    report->removed += going;
    return going > 0 ? zero_smallest(&pool, going, scratch, err) : 0;
}

static int zero_all(struct model *model, const struct prune_options *options, struct arena *scratch,
                    struct prune_report *report, struct error *err)
{
    struct graph *graph = &model->graph;
    int *value = arena_array(scratch, (size_t)graph->node_count + 1, sizeof(*value)), count;

    if (value == NULL)
        return error_memory(err);
    if (find_matrices(graph, value, &count, err) < 0)
        return -1;
    if (options->scope == PRUNE_GLOBAL)
        return zero_pool((struct pool_of_weights){ graph, value, count }, options->sparsity, scratch, report, err);
    for (int i = 0; i < count; i++)
        if (zero_pool((struct pool_of_weights){ graph, value + i, 1 }, options->sparsity, scratch, report, err) < 0)
            return -1;
    return 0;
}

int prune_weights(struct model *model, const struct prune_options *options, struct prune_report *report,
                  struct error *err)
{
    struct arena scratch = { 0 };
    int rc;

    *report = (struct prune_report){ 0 };
    if (prune_refuse_unfit(model, err) < 0 ||
        prune_measure(&model->graph, &report->parameters_before, &report->macs_before, err) < 0)
        return -1;
    rc = zero_all(model, options, &scratch, report, err);
    arena_free(&scratch);
    if (rc < 0)
        return -1;
    model_forget_answers(model);
    report->parameters_after = report->parameters_before;
    report->macs_after = report->macs_before;
    return 0;
}
