/*
 * sizes.c - shape arithmetic that does not depend on the batch. The graph is
 * worked out for two sets of sizes; what came out alike is a constant, and a
 * Reshape's target that follows the batch on its first axis only is [0, ...].
 */
#include "graph/internal.h"

#include <string.h>

struct sizes {
    struct graph *graph;
    struct tensor *one, *two; /* by value, for the two sets */
};

static bool same(const struct tensor *a, const struct tensor *b)
{
    return a->data != NULL && b->data != NULL && a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) &&
           memcmp(a->data, b->data, tensor_bytes(a)) == 0;
}

static bool gives_same(const struct sizes *s, const struct node *node)
{
    for (int i = 0; i < node->out_count; i++)
        if (!same(&s->one[node->out[i]], &s->two[node->out[i]]))
            return false;
    return true;
}

static int bake_node(const struct sizes *s, const struct node *node, struct error *err)
{
    for (int i = 0; i < node->out_count; i++) {
        struct value *value = &s->graph->value[node->out[i]];
        const struct tensor *known = &s->one[node->out[i]];
        void *data = arena_alloc(s->graph->arena, tensor_bytes(known) + 1);

        if (data == NULL)
            return error_memory(err);
        memcpy(data, known->data, tensor_bytes(known));
        value->kind = VALUE_WEIGHT;
        value->tensor = *known;
        value->tensor.data = data;
    }
    return 0;
}

/* A target [batch, a, b] for an input whose first axis is the batch: [0, a, b]. False when it is no such. */
static bool follows_batch(const struct sizes *s, const struct node *node, int64_t *target, int64_t *count)
{
    const struct tensor *one = &s->one[node->in[1]], *two = &s->two[node->in[1]];
    const struct shape *x1 = &s->one[node->in[0]].shape, *x2 = &s->two[node->in[0]].shape;
    int open = 0;

    if (one->data == NULL || two->data == NULL || one->dtype != DTYPE_I64 || one->shape.rank != 1 ||
        !shape_equal(&one->shape, &two->shape) || one->shape.dim[0] > SHAPE_MAX_RANK || x1->rank < 1 || x2->rank < 1)
        return false;
    *count = one->shape.dim[0];
    for (int64_t i = 0; i < *count; i++) {
        int64_t a = ((const int64_t *)one->data)[i], b = ((const int64_t *)two->data)[i];

        target[i] = a;
        if (a == b)
            continue;
        if (i == 0 && a == x1->dim[0] && b == x2->dim[0])
            target[i] = 0;
        else if (open++ == 0)
            target[i] = -1;
        else
            return false;
    }
    for (int64_t i = 0; i < *count && open > 0; i++)
        if (target[i] == -1 && ((const int64_t *)one->data)[i] == ((const int64_t *)two->data)[i])
            return false; /* it had a -1 of its own */
    return *count > 0;
}

static int settle_reshape(const struct sizes *s, struct node *node, struct error *err)
{
    int64_t target[SHAPE_MAX_RANK], count, *data;
    const char *name;
    struct shape shape;
    int value;

    if (node->in_count < 2 || node->in[1] < 0 || s->graph->value[node->in[1]].kind != VALUE_COMPUTED ||
        !follows_batch(s, node, target, &count))
        return 0;
    shape = shape_of(1, count);
    name = arena_printf(s->graph->arena, "%s.shape", node->name);
    name = name == NULL ? NULL : graph_fresh_name(s->graph, name);
    data = arena_array(s->graph->arena, (size_t)count, sizeof(*data));
    if (name == NULL || data == NULL)
        return error_memory(err);
    memcpy(data, target, (size_t)count * sizeof(*data));
    value = graph_add_weight(s->graph, name, DTYPE_I64, &shape, data, false, err);
    if (value < 0)
        return -1;
    node->in[1] = value;
    return 0;
}

static int settle_nodes(const struct sizes *s, struct error *err)
{
    struct graph *graph = s->graph;
    int kept = 0;

    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];

        if (gives_same(s, node)) {
            if (bake_node(s, node, err) < 0)
                return -1;
            continue;
        }
        if (strcmp(node->op->name, "Reshape") == 0 && settle_reshape(s, node, err) < 0)
            return -1;
        graph->node[kept++] = *node;
    }
    graph->node_count = kept;
    return 0;
}

/* Axes on which two runs differ are open. */
static void keep_alike(struct shape *shape, const struct shape *other)
{
    if (shape->rank != other->rank)
        shape->rank = SHAPE_UNKNOWN;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] != other->dim[i])
            shape->dim[i] = -1;
}

int graph_output_shapes(const struct graph *graph, struct tensor *out, struct error *err)
{
    static const struct {
        int64_t batch, size;
    } tried[] = { { 2, 256 }, { 3, 384 }, { 1, 256 } };
    struct arena arena = { 0 };
    struct tensor *tensor = arena_array(&arena, (size_t)graph->value_count + 1, sizeof(*tensor));
    struct error ignored;
    int taken = 0;

    for (int i = 0; i < graph->output_count; i++)
        out[i] = (struct tensor){ .dtype = graph->value[graph->output[i]].tensor.dtype,
                                  .shape = { .rank = SHAPE_UNKNOWN } };
    for (size_t k = 0; k < COUNT(tried) && taken < 2 && tensor != NULL; k++) {
        const struct shaping how = {
            .batch = tried[k].batch, .size = tried[k].size, .known_bytes = KNOWN_BYTES, .arena = &arena
        };

        if (graph_shape_values(graph, &how, tensor, &ignored) < 0)
            continue;
        for (int i = 0; i < graph->output_count; i++) {
            const struct tensor *found = &tensor[graph->output[i]];

            out[i].dtype = found->dtype;
            if (taken == 0)
                out[i].shape = found->shape;
            else
                keep_alike(&out[i].shape, &found->shape);
        }
        taken++;
    }
    arena_free(&arena);
    return tensor == NULL ? error_memory(err) : 0;
}

/* Sizes that nets which halve the image five or six times take; a graph that takes neither is left as it is. */
int graph_settle_sizes(struct graph *graph, struct error *err)
{
    struct arena scratch = { 0 };
    const struct shaping one = { .batch = 2, .size = 256, .known_bytes = KNOWN_BYTES, .arena = &scratch };
    const struct shaping two = { .batch = 3, .size = 384, .known_bytes = KNOWN_BYTES, .arena = &scratch };
    size_t values = (size_t)graph->value_count + 1;
    struct sizes s = { graph, arena_array(&scratch, values, sizeof(struct tensor)),
                       arena_array(&scratch, values, sizeof(struct tensor)) };
    struct error ignored;
    int rc = s.one == NULL || s.two == NULL ? error_memory(err) : 0;

    if (rc == 0 && graph_shape_values(graph, &one, s.one, &ignored) == 0 &&
        graph_shape_values(graph, &two, s.two, &ignored) == 0)
        rc = settle_nodes(&s, err);
    arena_free(&scratch);
    return rc;
}
