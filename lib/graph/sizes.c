/*
 * sizes.c - shape arithmetic that does not depend on the batch. The graph is
 * worked out for some sets of sizes; what came out alike is a constant, and a
 * Reshape's target that follows the batch on its first axis only is [0, ...].
 */
#include "graph/internal.h"

#include <string.h>

/*
 * Nets that halve the image six times take these. One sample and several, for there are graphs that ask; batches and
 * sizes do not grow in step, so that neither passes for the other. A graph that takes not all is left as it is.
 */
static const struct {
    int64_t batch, size;
} sets[] = { { 5, 256 }, { 7, 384 }, { 1, 448 } };

struct sizes {
    struct graph *graph;
    struct tensor *tensor[COUNT(sets)]; /* by value, for each set */
};

static bool same(const struct tensor *a, const struct tensor *b)
{
    return a->data != NULL && b->data != NULL && a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) &&
           memcmp(a->data, b->data, tensor_bytes(a)) == 0;
}

static bool gives_same(const struct sizes *s, const struct node *node)
{
    for (size_t k = 0; k < COUNT(sets); k++)
        for (int i = 0; i < node->out_count; i++)
            if (!same(&s->tensor[0][node->out[i]], &s->tensor[k][node->out[i]]))
                return false;
    return true;
}

static int bake_node(const struct sizes *s, const struct node *node, struct error *err)
{
    for (int i = 0; i < node->out_count; i++) {
        struct value *value = &s->graph->value[node->out[i]];
        const struct tensor *known = &s->tensor[0][node->out[i]];
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

static const int64_t *target_list(const struct sizes *s, const struct node *node, size_t k, int64_t *count)
{
    const struct tensor *target = &s->tensor[k][node->in[1]];

    if (target->data == NULL || target->dtype != DTYPE_I64 || target->shape.rank != 1 || target->shape.dim[0] < 1 ||
        target->shape.dim[0] > SHAPE_MAX_RANK || s->tensor[k][node->in[0]].shape.rank < 1)
        return NULL;
    *count = target->shape.dim[0];
    return target->data;
}

enum follows { FIXED, BATCH, FREE };

/* How a target's number at i goes with the sets. */
static enum follows follows(const struct sizes *s, const struct node *node, int64_t i)
{
    enum follows found = FIXED;

    for (size_t k = 0; k < COUNT(sets); k++)
        if (((const int64_t *)s->tensor[k][node->in[1]].data)[i] !=
            ((const int64_t *)s->tensor[0][node->in[1]].data)[i])
            found = i == 0 ? BATCH : FREE;
    for (size_t k = 0; k < COUNT(sets) && found == BATCH; k++)
        if (((const int64_t *)s->tensor[k][node->in[1]].data)[0] != s->tensor[k][node->in[0]].shape.dim[0])
            found = FREE;
    return found;
}

/* A target [batch, a, b] for an input whose first axis is the batch: [0, a, b]. False when it is no such. */
static bool read_target(const struct sizes *s, const struct node *node, int64_t *target, int64_t *count)
{
    const int64_t *list = target_list(s, node, 0, count);
    int open = 0;

    for (size_t k = 0; k < COUNT(sets); k++) {
        int64_t other = 0;

        if (list == NULL || target_list(s, node, k, &other) == NULL || other != *count)
            return false;
    }
    for (int64_t i = 0; i < *count; i++) {
        const enum follows how = follows(s, node, i);

        target[i] = how == FIXED ? list[i] : how == BATCH ? 0 : -1;
        open += target[i] == -1;
    }
    return open <= 1;
}

bool reshape_copies_zeros(struct node *node, const int64_t *list, int64_t count)
{
    for (int a = 0; a < node->attributes.count; a++) {
        struct attribute *allow = &node->attributes.item[a];

        if (strcmp(allow->name, "allowzero") != 0 || allow->i == 0)
            continue;
        for (int64_t i = 0; i < count; i++)
            if (list[i] == 0)
                return false;
        allow->i = 0;
    }
    return true;
}

static int settle_reshape(const struct sizes *s, struct node *node, struct error *err)
{
    int64_t target[SHAPE_MAX_RANK], count, *data;
    const char *name;
    struct shape shape;
    int value;

    if (node->in_count < 2 || node->in[1] < 0 || s->graph->value[node->in[1]].kind != VALUE_COMPUTED ||
        !read_target(s, node, target, &count) || !reshape_copies_zeros(node, s->tensor[0][node->in[1]].data, count))
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

int graph_settle_sizes(struct graph *graph, struct error *err)
{
    struct arena scratch = { 0 };
    struct sizes s = { .graph = graph };
    struct error ignored;
    bool takes_all = true;
    int rc = 0;

    for (size_t k = 0; k < COUNT(sets) && rc == 0 && takes_all; k++) {
        const struct shaping how = {
            .batch = sets[k].batch, .size = sets[k].size, .known_bytes = KNOWN_BYTES, .arena = &scratch
        };

        s.tensor[k] = arena_array(&scratch, (size_t)graph->value_count + 1, sizeof(struct tensor));
        rc = s.tensor[k] == NULL ? error_memory(err) : 0;
        takes_all = rc == 0 && graph_shape_values(graph, &how, s.tensor[k], &ignored) == 0;
    }
    if (rc == 0 && takes_all)
        rc = settle_nodes(&s, err);
    arena_free(&scratch);
    return rc;
}
