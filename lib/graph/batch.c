/*
 * batch.c - exporters fix the batch at 1 where the net would take any. It
 * becomes free again when every value that comes from an input then has the
 * batch on its first axis, and nothing works along that axis; else all stays.
 */
#include "graph/internal.h"

#include <string.h>

static const int64_t batches[] = { 7, 11 }; /* two, lest one be a size of the net by chance */

struct freeing {
    const struct graph *graph;
    struct arena *scratch;
    struct tensor *one, *many;
    bool *comes; /* from an input */
};

static bool is_op(const struct node *node, const char *op)
{
    return strcmp(node->op->name, op) == 0;
}

static bool all_are_fixed_at_one(const struct graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct shape *shape = &graph->value[graph->input[i]].tensor.shape;

        if (shape->rank < 2 || shape->dim[0] != 1)
            return false;
    }
    return graph->input_count > 0;
}

static int new_list(struct graph *graph, const struct node *node, const int64_t *list, int64_t count, struct error *err)
{
    const struct shape shape = shape_of(1, count);
    const char *name = arena_printf(graph->arena, "%s.sizes", node->name);
    int64_t *data = arena_array(graph->arena, (size_t)count + 1, sizeof(*data));

    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    if (name == NULL || data == NULL)
        return error_memory(err);
    if (count > 0)
        memcpy(data, list, (size_t)count * sizeof(*data));
    return graph_add_weight(graph, name, DTYPE_I64, &shape, data, false, err);
}

static const struct tensor *constant_list(const struct graph *graph, const struct node *node, int i)
{
    const struct value *value = i >= node->in_count || node->in[i] < 0 ? NULL : &graph->value[node->in[i]];

    if (value == NULL || value->kind != VALUE_WEIGHT || value->tensor.dtype != DTYPE_I64 ||
        value->tensor.shape.rank != 1 || value->tensor.shape.dim[0] < 1)
        return NULL;
    return &value->tensor;
}

/* Reshape to [1, ...]: 0 keeps the input's first axis, whatever it is. */
static int free_reshape(struct graph *graph, struct node *node, const struct tensor *one, struct error *err)
{
    const struct tensor *target = constant_list(graph, node, 1);
    int64_t list[SHAPE_MAX_RANK];

    if (target == NULL || target->shape.dim[0] > SHAPE_MAX_RANK || one[node->in[0]].shape.rank < 1 ||
        one[node->in[0]].shape.dim[0] != 1 || ((const int64_t *)target->data)[0] != 1)
        return 0;
    if (!reshape_copies_zeros(node, target->data, target->shape.dim[0]))
        return 0;
    memcpy(list, target->data, (size_t)target->shape.dim[0] * sizeof(*list));
    list[0] = 0;
    node->in[1] = new_list(graph, node, list, target->shape.dim[0], err);
    return node->in[1] < 0 ? -1 : 0;
}

/* Resize to the sizes [1, C, H, W]: of the axes behind the first alone. */
static int free_resize(struct graph *graph, struct node *node, struct error *err)
{
    const struct tensor *sizes = constant_list(graph, node, 3);
    const int count = node->attributes.count;
    struct attribute *longer;
    int64_t *axes;

    if (sizes == NULL || ((const int64_t *)sizes->data)[0] != 1 || sizes->shape.dim[0] > SHAPE_MAX_RANK ||
        attribute_find(&node->attributes, "axes") != NULL)
        return 0;
    axes = arena_array(graph->arena, SHAPE_MAX_RANK, sizeof(*axes));
    longer = arena_grow(graph->arena, node->attributes.item, (size_t)count, (size_t)count + 1, sizeof(*longer));
    if (axes == NULL || longer == NULL)
        return error_memory(err);
    for (int i = 1; i < sizes->shape.dim[0]; i++)
        axes[i - 1] = i;
    longer[count] = (struct attribute){
        .name = "axes", .kind = ATTRIBUTE_INTS, .ints = axes, .count = (int)sizes->shape.dim[0] - 1
    };
    node->attributes = (struct attributes){ longer, count + 1 };
    node->in[3] = new_list(graph, node, (const int64_t *)sizes->data + 1, sizes->shape.dim[0] - 1, err);
    return node->in[3] < 0 ? -1 : 0;
}

static int rewrite(const struct freeing *f, struct graph *graph, struct error *err)
{

    for (int i = 0; i < graph->input_count; i++)
        graph->value[graph->input[i]].tensor.shape.dim[0] = -1;
    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];

        if (!f->comes[node->out[0]])
            continue;
        if (is_op(node, "Reshape") && free_reshape(graph, node, f->one, err) < 0)
            return -1;
        if (is_op(node, "Resize") && free_resize(graph, node, err) < 0)
            return -1;
    }
    return 0;
}

static void find_what_comes(struct freeing *f)
{
    const struct graph *graph = f->graph;

    for (int i = 0; i < graph->input_count; i++)
        f->comes[graph->input[i]] = true;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];
        bool comes = false;

        for (int i = 0; i < node->in_count; i++)
            comes = comes || (node->in[i] >= 0 && f->comes[node->in[i]]);
        for (int i = 0; i < node->out_count; i++)
            f->comes[node->out[i]] = comes;
    }
}

static const char *const along_batch[] = { "Compress",
                                           "CumSum",
                                           "DynamicQuantizeLinear",
                                           "Einsum",
                                           "EyeLike",
                                           "GRU",
                                           "GatherND",
                                           "LSTM",
                                           "MatMulInteger",
                                           "MeanVarianceNormalization",
                                           "NonMaxSuppression",
                                           "NonZero",
                                           "RNN",
                                           "ReverseSequence",
                                           "RoiAlign",
                                           "Scatter",
                                           "ScatterElements",
                                           "ScatterND",
                                           "Trilu",
                                           "Unique" };

/* An axis that is not given: the first for these, the last for Softmax and the like. */
static int64_t axis_of(const struct node *node)
{
    static const char *const first[] = { "ArgMax", "ArgMin", "Gather", "GatherElements", "Split" };
    const struct attribute *axis = attribute_find(&node->attributes, "axis");

    for (size_t i = 0; i < COUNT(first) && axis == NULL; i++)
        if (is_op(node, first[i]))
            return 0;
    return axis == NULL ? -1 : axis->i;
}

static bool has_axis(const struct node *node)
{
    const char *at = node->op->attributes == NULL ? NULL : strstr(node->op->attributes, "axis");

    return at != NULL && (at[4] == ' ' || at[4] == '\0') && !is_op(node, "Flatten");
}

/* The samples in another order. */
static bool may_reverse(const struct graph *graph, const struct node *node)
{
    const struct tensor *steps = constant_list(graph, node, 4);

    for (int64_t i = 0; steps != NULL && i < steps->shape.dim[0]; i++)
        if (((const int64_t *)steps->data)[i] < 0)
            return true;
    return steps == NULL && is_op(node, "Slice") && node->in_count > 4;
}

/* Samples shifted, for all that is known: one border of the batch cut, the other padded. */
static bool may_shift(const struct graph *graph, const struct node *node)
{
    const struct attribute *given = attribute_find(&node->attributes, "pads");
    const struct tensor *list = constant_list(graph, node, 1);
    const int64_t *pads = given != NULL ? given->ints : list != NULL ? list->data : NULL;
    int64_t count = given != NULL ? given->count : list != NULL ? list->shape.dim[0] : 0;

    if (pads == NULL || count < 2 || (node->in_count > 3 && node->in[3] >= 0))
        return true;
    return pads[0] != 0 || pads[count / 2] != 0;
}

/* Softmax, TopK and the like keep their shape when they work along the batch. */
static bool works_along_batch(const struct freeing *f, const struct node *node)
{
    const struct shape *in = &f->one[node->in[0]].shape;

    for (size_t i = 0; i < COUNT(along_batch); i++)
        if (is_op(node, along_batch[i]))
            return true;
    if (is_op(node, "Slice"))
        return may_reverse(f->graph, node);
    if (is_op(node, "Pad"))
        return may_shift(f->graph, node);
    if (is_op(node, "MaxPool") && node->out_count > 1)
        return true; /* its indices count through all samples */
    if (is_op(node, "Gather") && !f->comes[node->in[0]])
        return false; /* a table of rows, by number */
    return has_axis(node) && (axis_of(node) == 0 || axis_of(node) == -(int64_t)in->rank);
}

static bool follows(const struct shape *one, const struct shape *many, int64_t batch)
{
    if (one->rank < 1 || one->rank != many->rank || one->dim[0] != 1 || many->dim[0] != batch)
        return false;
    for (int i = 1; i < one->rank; i++)
        if (one->dim[i] != many->dim[i])
            return false;
    return true;
}

/* What comes from an input has this batch in front, and is else what it was. */
static bool grows_with(struct freeing *f, int64_t batch)
{
    const struct graph *graph = f->graph;
    const struct shaping how = { .batch = batch, .known_bytes = KNOWN_BYTES, .arena = f->scratch };
    struct error ignored;

    if (graph_shape_values(graph, &how, f->many, &ignored) < 0)
        return false;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];

        for (int i = 0; i < node->out_count && f->comes[node->out[0]]; i++)
            if (!follows(&f->one[node->out[i]].shape, &f->many[node->out[i]].shape, batch))
                return false;
    }
    return true;
}

/* `one` is of the graph as it was: the rewritten one must give the same for a batch of one. */
static bool samples_stay_apart(struct freeing *f)
{
    const struct graph *graph = f->graph;

    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];

        if (f->comes[node->out[0]] && (node->in[0] < 0 || works_along_batch(f, node)))
            return false;
    }
    if (!grows_with(f, 1))
        return false;
    for (size_t i = 0; i < COUNT(batches); i++)
        if (!grows_with(f, batches[i]))
            return false;
    return true;
}

static int free_trial(struct graph *graph, struct graph *trial, struct arena *scratch, bool *freed, struct error *err)
{
    const struct shaping how = { .batch = 1, .known_bytes = KNOWN_BYTES, .arena = scratch };
    size_t most = (size_t)graph->value_count + (size_t)graph->node_count + 1; /* a list a node at most */
    struct freeing f = { trial, scratch, arena_array(scratch, most, sizeof(struct tensor)),
                         arena_array(scratch, most, sizeof(struct tensor)), arena_array(scratch, most, sizeof(bool)) };
    struct error ignored;

    if (f.one == NULL || f.many == NULL || f.comes == NULL)
        return error_memory(err);
    if (graph_shape_values(trial, &how, f.one, &ignored) < 0)
        return 0;
    find_what_comes(&f);
    if (rewrite(&f, trial, err) < 0)
        return -1;
    *freed = samples_stay_apart(&f);
    for (int i = 0; i < graph->output_count; i++)
        *freed = *freed && f.comes[trial->output[i]];
    return 0;
}

int graph_free_batch(struct graph *graph, struct error *err)
{
    struct arena scratch = { 0 };
    struct graph trial;
    bool freed = false;
    int rc;

    if (!all_are_fixed_at_one(graph) || !graph_is_sized(graph))
        return 0;
    rc = graph_copy(&trial, graph->arena, graph, false, err);
    if (rc == 0)
        rc = free_trial(graph, &trial, &scratch, &freed, err);
    if (rc == 0 && freed)
        *graph = trial;
    arena_free(&scratch);
    return rc;
}

static bool has_free_batch(const struct graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct shape *shape = &graph->value[graph->input[i]].tensor.shape;

        if (shape->rank < 1 || shape->dim[0] != -1)
            return false;
    }
    return graph->input_count > 0;
}

int graph_apart(const struct graph *graph, struct tensor **one, struct arena *arena, struct error *err)
{
    const struct shaping how = { .batch = 1, .known_bytes = KNOWN_BYTES, .arena = arena };
    size_t values = (size_t)graph->value_count + 1;
    struct freeing f = { graph, arena, arena_array(arena, values, sizeof(struct tensor)),
                         arena_array(arena, values, sizeof(struct tensor)), arena_array(arena, values, sizeof(bool)) };
    struct error ignored;
    bool apart;

    *one = NULL;
    if (f.one == NULL || f.many == NULL || f.comes == NULL)
        return error_memory(err);
    if (!has_free_batch(graph) || graph_check(graph, &ignored) < 0 ||
        graph_shape_values(graph, &how, f.one, &ignored) < 0)
        return 0;
    find_what_comes(&f);
    apart = samples_stay_apart(&f);
    for (int i = 0; i < graph->output_count; i++)
        apart = apart && f.comes[graph->output[i]];
    if (apart)
        *one = f.one;
    return 0;
}
