/* cut.c - a run of nodes as a graph of its own, with everything later parts need passed through. */
#include "graph/internal.h"

#include <string.h>

/* What is known of the whole while a part is taken out of it. */
struct cut {
    const struct graph *from;
    int first, last;
    struct tensor *one, *two; /* values' tensors for batches of one and of two */
    int *made;                /* node making the value; -1: input or weight */
    int *read;                /* last node reading it; node_count: an output of the graph; -1: nobody */
    int *index;               /* in the part; -1: not there */
};

static void find_lives(const struct cut *cut)
{
    const struct graph *from = cut->from;

    for (int v = 0; v < from->value_count; v++)
        cut->made[v] = cut->read[v] = cut->index[v] = -1;
    for (int n = 0; n < from->node_count; n++) {
        const struct node *node = &from->node[n];

        for (int i = 0; i < node->out_count; i++)
            cut->made[node->out[i]] = n;
        for (int i = 0; i < node->in_count; i++)
            if (node->in[i] >= 0)
                cut->read[node->in[i]] = n;
    }
    for (int i = 0; i < from->output_count; i++)
        cut->read[from->output[i]] = from->node_count;
}

/* Alive between node n-1 and node n: known before, needed from n on. */
static bool crosses(const struct cut *cut, int v, int n)
{
    return cut->from->value[v].kind != VALUE_WEIGHT && cut->made[v] < n && cut->read[v] >= n;
}

/* The shape with the first axis left open where it follows the batch; another axis that does cannot be told. */
static int batch_shape(const struct cut *cut, int v, struct shape *shape, struct error *err)
{
    const struct shape *one = &cut->one[v].shape, *two = &cut->two[v].shape;
    bool follows = one->rank > 0 && one->rank == two->rank && one->dim[0] == 1 && two->dim[0] == 2;
    struct shape expected = *one;

    *shape = *one;
    if (one->rank == SHAPE_UNKNOWN)
        return error_set(err, ERROR_INPUT, "cannot cut at '%s': its size is known only when it runs",
                         cut->from->value[v].name);
    if (follows) {
        shape->dim[0] = -1;
        expected.dim[0] = 2;
    }
    if (!shape_equal(&expected, two))
        return error_set(err, ERROR_INPUT, "cannot cut at '%s': its shape mixes the batch with something else",
                         cut->from->value[v].name);
    return 0;
}

/* A value of the whole as the part sees it; an input's first axis follows the batch where it does in the whole. */
static int take_value(const struct cut *cut, struct graph *to, int v, enum value_kind kind, struct error *err)
{
    const struct value *value = &cut->from->value[v];
    int index = graph_add_value(to, value->name, kind, value->tensor.dtype, &value->tensor.shape, err);
    struct tensor *tensor;

    if (index < 0)
        return -1;
    tensor = &to->value[index].tensor;
    tensor->data = kind == VALUE_WEIGHT ? value->tensor.data : NULL;
    tensor->quant = value->tensor.quant == NULL ? NULL : quant_copy(to->arena, value->tensor.quant);
    to->value[index].trainable = value->trainable;
    cut->index[v] = index;
    if (value->tensor.quant != NULL && tensor->quant == NULL)
        return error_memory(err);
    if (kind != VALUE_INPUT || value->kind == VALUE_INPUT)
        return index;
    tensor->dtype = cut->one[v].dtype;
    return batch_shape(cut, v, &tensor->shape, err) < 0 ? -1 : index;
}

static int take_input(const struct cut *cut, struct graph *to, int v, struct error *err)
{
    int index = take_value(cut, to, v, VALUE_INPUT, err);
    int *longer;

    if (index < 0)
        return -1;
    longer = arena_grow(to->arena, to->input, (size_t)to->input_count, (size_t)to->input_count + 1, sizeof(int));
    if (longer == NULL)
        return error_memory(err);
    longer[to->input_count++] = index;
    to->input = longer;
    return 0;
}

/* The first part keeps the whole's inputs, all of them, in their order. */
static int take_inputs(const struct cut *cut, struct graph *to, struct error *err)
{
    const struct graph *from = cut->from;

    for (int i = 0; i < from->input_count && cut->first == 0; i++)
        if (take_input(cut, to, from->input[i], err) < 0)
            return -1;
    for (int v = 0; v < from->value_count && cut->first > 0; v++)
        if (crosses(cut, v, cut->first) && take_input(cut, to, v, err) < 0)
            return -1;
    return 0;
}

static int take_node(const struct cut *cut, struct graph *to, const struct node *old, struct error *err)
{
    struct node node;

    if (node_copy(&node, to->arena, old) < 0)
        return error_memory(err);
    for (int i = 0; i < node.in_count; i++) {
        int v = node.in[i];

        if (v < 0)
            continue;
        if (cut->index[v] < 0 && take_value(cut, to, v, VALUE_WEIGHT, err) < 0)
            return -1;
        node.in[i] = cut->index[v];
    }
    for (int i = 0; i < node.out_count; i++) {
        node.out[i] = take_value(cut, to, node.out[i], VALUE_COMPUTED, err);
        if (node.out[i] < 0)
            return -1;
    }
    return graph_push_node(to, &node, err) < 0 ? -1 : 0;
}

/* The last part keeps the whole's outputs, in their order. */
static int take_outputs(const struct cut *cut, struct graph *to, struct error *err)
{
    const struct graph *from = cut->from;
    bool is_last = cut->last == from->node_count - 1;

    for (int i = 0; i < from->output_count && is_last; i++) {
        int v = from->output[i];

        if (cut->index[v] < 0 && take_value(cut, to, v, VALUE_WEIGHT, err) < 0)
            return -1;
        if (graph_add_output(to, cut->index[v], err) < 0)
            return -1;
    }
    for (int v = 0; v < from->value_count && !is_last; v++)
        if (crosses(cut, v, cut->last + 1) && graph_add_output(to, cut->index[v], err) < 0)
            return -1;
    return 0;
}

/* A graph that knows only batches of one (a Reshape says so) is cut for batches of one. */
static int shape_two_batches(const struct cut *cut, struct arena *scratch, struct error *err)
{
    const struct shaping one = { .batch = 1, .known_bytes = KNOWN_BYTES, .arena = scratch };
    const struct shaping two = { .batch = 2, .known_bytes = KNOWN_BYTES, .arena = scratch };
    struct error ignored;

    if (graph_shape_values(cut->from, &one, cut->one, err) < 0)
        return -1;
    if (graph_shape_values(cut->from, &two, cut->two, &ignored) < 0)
        memcpy(cut->two, cut->one, (size_t)cut->from->value_count * sizeof(*cut->two));
    return 0;
}

static int cut_range(struct cut *cut, struct graph *to, struct arena *arena, struct error *err)
{
    const struct graph *from = cut->from;
    size_t values = (size_t)from->value_count + 1;

    cut->one = arena_array(arena, values, sizeof(*cut->one));
    cut->two = arena_array(arena, values, sizeof(*cut->two));
    cut->made = arena_array(arena, values, sizeof(int));
    cut->read = arena_array(arena, values, sizeof(int));
    cut->index = arena_array(arena, values, sizeof(int));
    if (cut->one == NULL || cut->two == NULL || cut->made == NULL || cut->read == NULL || cut->index == NULL)
        return error_memory(err);
    if (shape_two_batches(cut, arena, err) < 0)
        return -1;
    find_lives(cut);
    if (take_inputs(cut, to, err) < 0)
        return -1;
    for (int n = cut->first; n <= cut->last; n++)
        if (take_node(cut, to, &from->node[n], err) < 0)
            return -1;
    return take_outputs(cut, to, err);
}

int graph_cut(struct graph *to, struct arena *arena, const struct graph *from, int first, int last, struct error *err)
{
    struct arena scratch = { 0 };
    struct cut cut = { .from = from, .first = first, .last = last };
    int rc;

    graph_init(to, arena);
    if (first < 0 || last < first || last >= from->node_count)
        return error_set(err, ERROR_INPUT, "nodes %d to %d, the graph has nodes 0 to %d", first, last,
                         from->node_count - 1);
    rc = cut_range(&cut, to, &scratch, err);
    arena_free(&scratch);
    return rc;
}
