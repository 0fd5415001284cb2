/*
 * sink.c - Transposes move down past what treats all axes alike, until they meet
 * one that undoes them: TensorFlow's converter puts such a pair around every
 * convolution. Kept only when fewer are left.
 */
#include "graph/internal.h"

#include <string.h>

enum { MOST_NODES = 8000 }; /* each move shifts the nodes behind it */

struct perm {
    int rank;
    int64_t at[SHAPE_MAX_RANK];
};

static bool is_op(const struct node *node, const char *op)
{
    return strcmp(node->op->name, op) == 0;
}

/* Axis i of the result is axis at[i] of the input. */
static bool read_perm(const struct node *node, struct perm *perm)
{
    const struct attribute *a = attribute_find(&node->attributes, "perm");
    unsigned seen = 0;

    if (!is_op(node, "Transpose") || a == NULL || a->kind != ATTRIBUTE_INTS || a->count > SHAPE_MAX_RANK)
        return false;
    perm->rank = a->count;
    for (int i = 0; i < a->count; i++) {
        if (a->ints[i] < 0 || a->ints[i] >= a->count || (seen & 1U << a->ints[i]))
            return false;
        seen |= 1U << a->ints[i];
        perm->at[i] = a->ints[i];
    }
    return true;
}

static const struct node *transpose_before(const struct graph *graph, int value, struct perm *perm)
{
    const int producer = value < 0 ? -1 : graph_producer(graph, value);
    const struct node *node = producer < 0 ? NULL : &graph->node[producer];

    return node != NULL && read_perm(node, perm) && graph->value[node->out[0]].tensor.quant == NULL ? node : NULL;
}

/* ---- what may be passed ---- */

enum how { NEVER, ELEMENTWISE, AXIS, AXES_REDUCED, AXES_DROPPED, PADS };

static const struct {
    const char *op;
    enum how how;
} passes[] = {
    { "Add", ELEMENTWISE },
    { "BatchNormalization", NEVER }, /* these know one axis from another, though the shape stays */
    { "Concat", AXIS },
    { "DequantizeLinear", NEVER },
    { "Div", ELEMENTWISE },
    { "LRN", NEVER },
    { "LpNormalization", NEVER },
    { "Max", ELEMENTWISE },
    { "MeanVarianceNormalization", NEVER },
    { "Min", ELEMENTWISE },
    { "Mul", ELEMENTWISE },
    { "PRelu", ELEMENTWISE },
    { "Pad", PADS },
    { "Pow", ELEMENTWISE },
    { "QuantizeLinear", NEVER },
    { "ReduceMax", AXES_REDUCED },
    { "ReduceMean", AXES_REDUCED },
    { "ReduceSum", AXES_REDUCED },
    { "Softmax", AXIS },
    { "Squeeze", AXES_DROPPED },
    { "Sub", ELEMENTWISE },
};

static enum how how_to_pass(const struct node *node)
{
    for (size_t i = 0; i < COUNT(passes); i++)
        if (is_op(node, passes[i].op))
            return passes[i].how;
    return (node->op->flags & OP_ELEMENTWISE) && !(node->op->flags & OP_VIEW) && node->out_count == 1 ? ELEMENTWISE
                                                                                                      : NEVER;
}

/* Arguments (bounds, axes) are not permuted. */
static bool is_data(const struct node *node, int i)
{
    return i >= 32 || !(node->op->arguments & 1U << i);
}

/* Every operand is transposed alike, or a constant that can be turned back; at least one is transposed. */
static bool operands_agree(const struct graph *graph, const struct node *node, struct perm *perm)
{
    bool found = false;

    for (int i = 0; i < node->in_count; i++) {
        const struct value *value = node->in[i] < 0 ? NULL : &graph->value[node->in[i]];
        struct perm other;

        if (value == NULL || !is_data(node, i))
            continue;
        if (value->kind == VALUE_WEIGHT && value->tensor.quant == NULL && how_to_pass(node) == ELEMENTWISE)
            continue;
        if (transpose_before(graph, node->in[i], &other) == NULL ||
            (found &&
             (other.rank != perm->rank || memcmp(other.at, perm->at, sizeof(other.at[0]) * (size_t)other.rank) != 0)))
            return false;
        *perm = other;
        found = true;
    }
    for (int i = 0; i < node->in_count && found; i++)
        if (node->in[i] >= 0 && is_data(node, i) && graph->value[node->in[i]].kind == VALUE_WEIGHT &&
            graph->value[node->in[i]].tensor.shape.rank > perm->rank)
            return false;
    return found;
}

/* ---- rewriting ---- */

static struct attribute *own_attribute(const struct node *node, const char *name)
{
    for (int i = 0; i < node->attributes.count; i++)
        if (strcmp(node->attributes.item[i].name, name) == 0)
            return &node->attributes.item[i];
    return NULL;
}

/* Elements of `from`, whose missing axes in front are 1, such that a Transpose would give them back. */
static void turn_elements(unsigned char *data, const struct shape *shape, const struct tensor *from,
                          const struct perm *perm)
{
    const size_t bytes = dtype_bytes(from->dtype);
    const int64_t count = shape_count(shape);
    int64_t step[SHAPE_MAX_RANK], run = 1;

    memset(step, 0, sizeof(step));
    for (int i = perm->rank - 1, j = from->shape.rank - 1; i >= 0; i--, j--) {
        step[perm->at[i]] = run;
        run *= j >= 0 ? from->shape.dim[j] : 1;
    }
    for (int64_t k = 0; k < count; k++) {
        int64_t rest = k, at = 0;

        for (int i = perm->rank - 1; i >= 0; i--) {
            at += rest % shape->dim[i] * step[i];
            rest /= shape->dim[i];
        }
        memcpy(data + (size_t)k * bytes, (const unsigned char *)from->data + (size_t)at * bytes, bytes);
    }
}

/* A constant as it must be so that the transposed sum is the sum of the transposed. */
static int turn_constant(struct graph *graph, int value, const struct perm *perm, struct error *err)
{
    const struct tensor *old = &graph->value[value].tensor;
    struct shape shape = { .rank = perm->rank };
    const char *name;
    unsigned char *data;

    if (shape_count(&old->shape) == 1)
        return value;
    for (int i = perm->rank - 1, j = old->shape.rank - 1; i >= 0; i--, j--)
        shape.dim[perm->at[i]] = j >= 0 ? old->shape.dim[j] : 1;
    name = arena_printf(graph->arena, "%s.turned", graph->value[value].name);
    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    data = arena_alloc(graph->arena, tensor_bytes(old) + 1);
    if (name == NULL || data == NULL)
        return error_memory(err);
    turn_elements(data, &shape, old, perm);
    return graph_add_weight(graph, name, old->dtype, &shape, data, graph->value[value].trainable, err);
}

static int turn_operands(struct graph *graph, struct node *node, const struct perm *perm, struct error *err)
{
    for (int i = 0; i < node->in_count; i++) {
        struct perm ignored;
        const struct node *before;

        if (node->in[i] < 0 || !is_data(node, i))
            continue;
        before = transpose_before(graph, node->in[i], &ignored);
        node->in[i] = before != NULL ? before->in[0] : turn_constant(graph, node->in[i], perm, err);
        if (node->in[i] < 0)
            return -1;
    }
    return 0;
}

static bool map_axis(int64_t *axis, const struct perm *perm)
{
    int64_t a = *axis < 0 ? *axis + perm->rank : *axis;

    if (a < 0 || a >= perm->rank)
        return false;
    *axis = perm->at[a];
    return true;
}

/* The list as a constant of its own, or a NULL where it is none. */
static int64_t *copy_list(struct graph *graph, int value, int64_t *count)
{
    const struct tensor *t = &graph->value[value].tensor;
    int64_t *list;

    if (graph->value[value].kind != VALUE_WEIGHT || t->dtype != DTYPE_I64 || t->shape.rank != 1)
        return NULL;
    *count = t->shape.dim[0];
    list = arena_array(graph->arena, (size_t)*count + 1, sizeof(*list));
    if (list != NULL && *count > 0)
        memcpy(list, t->data, (size_t)*count * sizeof(*list));
    return list;
}

static int new_list(struct graph *graph, const struct node *node, const char *role, int64_t *list, int64_t count,
                    struct error *err)
{
    const struct shape shape = shape_of(1, count);
    const char *name = arena_printf(graph->arena, "%s.%s", node->name, role);

    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    return name == NULL ? error_memory(err) : graph_add_weight(graph, name, DTYPE_I64, &shape, list, false, err);
}

/* Axes of a reduction, as attribute or input, in the untransposed order. *turned: the result still has all axes. */
static bool turn_axes(struct graph *graph, struct node *node, const struct perm *perm, bool *turned, bool *failed,
                      struct error *err)
{
    struct attribute *a = own_attribute(node, "axes"), *keep = own_attribute(node, "keepdims");
    int64_t count = 0, last = -1, *list = NULL;
    bool reduced[SHAPE_MAX_RANK] = { 0 };

    if (a != NULL && a->kind == ATTRIBUTE_INTS) {
        count = a->count;
        list = arena_array(graph->arena, (size_t)count + 1, sizeof(*list));
        if (list != NULL)
            memcpy(list, a->ints, (size_t)count * sizeof(*list));
    } else if (node->in_count > 1 && node->in[1] >= 0) {
        list = copy_list(graph, node->in[1], &count);
    }
    if (list == NULL || count == 0)
        return false;
    for (int64_t i = 0; i < count; i++) {
        if (!map_axis(&list[i], perm))
            return false;
        reduced[list[i]] = true;
    }
    *turned = how_to_pass(node) == AXES_REDUCED && (keep == NULL || keep->i != 0);
    for (int i = 0; i < perm->rank && !*turned; i++) { /* what is left must keep its order */
        if (reduced[perm->at[i]])
            continue;
        if (perm->at[i] < last)
            return false;
        last = perm->at[i];
    }
    if (a != NULL) {
        a->ints = list;
        return true;
    }
    node->in[1] = new_list(graph, node, "axes", list, count, err);
    *failed = node->in[1] < 0;
    return !*failed;
}

static bool turn_pads(struct graph *graph, struct node *node, const struct perm *perm, bool *failed, struct error *err)
{
    int64_t count = 0,
            *list = node->in_count == 2 || (node->in_count == 3) ? copy_list(graph, node->in[1], &count) : NULL;
    int64_t *turned;

    if (list == NULL || count != 2 * (int64_t)perm->rank || own_attribute(node, "pads") != NULL)
        return false;
    turned = arena_array(graph->arena, (size_t)count, sizeof(*turned));
    if (turned == NULL)
        return false;
    for (int i = 0; i < perm->rank; i++) {
        turned[perm->at[i]] = list[i];
        turned[perm->rank + perm->at[i]] = list[perm->rank + i];
    }
    node->in[1] = new_list(graph, node, "pads", turned, count, err);
    *failed = node->in[1] < 0;
    return !*failed;
}

static bool turn_attributes(struct graph *graph, struct node *node, const struct perm *perm, bool *turned, bool *failed,
                            struct error *err)
{
    static const struct attribute last = { .name = "axis", .kind = ATTRIBUTE_INT, .i = -1 };
    struct attribute *axis = own_attribute(node, "axis");

    *turned = true;
    switch (how_to_pass(node)) {
    case ELEMENTWISE: return true;
    case AXES_REDUCED:
    case AXES_DROPPED: return turn_axes(graph, node, perm, turned, failed, err);
    case PADS: return turn_pads(graph, node, perm, failed, err);
    case AXIS:
        if (axis == NULL) {
            axis = arena_grow(graph->arena, node->attributes.item, (size_t)node->attributes.count,
                              (size_t)node->attributes.count + 1, sizeof(*axis));
            if (axis == NULL)
                return false;
            node->attributes.item = axis;
            axis += node->attributes.count++;
            *axis = last;
        }
        return axis->kind == ATTRIBUTE_INT && map_axis(&axis->i, perm);
    default: return false;
    }
}

/* ---- moving ---- */

static int insert_transpose(struct graph *graph, int after, const struct perm *perm, struct error *err)
{
    struct attribute *a = arena_alloc(graph->arena, sizeof(*a));
    int64_t *ints = arena_array(graph->arena, (size_t)perm->rank + 1, sizeof(*ints));
    const int old = graph->node[after].out[0];
    const char *name = arena_printf(graph->arena, "%s.straight", graph->value[old].name);
    struct node node = { .op = op_find("Transpose"), .in_count = 1, .out_count = 1 };
    int raw;

    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    node.in = arena_array(graph->arena, 1, sizeof(int));
    node.out = arena_array(graph->arena, 1, sizeof(int));
    if (a == NULL || ints == NULL || name == NULL || node.in == NULL || node.out == NULL)
        return error_memory(err);
    raw = graph_add_value(graph, name, VALUE_COMPUTED, graph->value[old].tensor.dtype, NULL, err);
    if (raw < 0)
        return -1;
    memcpy(ints, perm->at, (size_t)perm->rank * sizeof(*ints));
    *a = (struct attribute){ .name = "perm", .kind = ATTRIBUTE_INTS, .ints = ints, .count = perm->rank };
    node.attributes = (struct attributes){ a, 1 };
    node.name = name;
    node.in[0] = raw;
    node.out[0] = old;
    if (graph_push_node(graph, &node, err) < 0)
        return -1;
    node = graph->node[graph->node_count - 1];
    memmove(&graph->node[after + 2], &graph->node[after + 1], (size_t)(graph->node_count - after - 2) * sizeof(node));
    graph->node[after + 1] = node;
    graph->node_names.moved = true;
    graph->node[after].out[0] = raw;
    return 0;
}

/* 1: moved one; 0: none to move. */
static int sink_one(struct graph *graph, int n, struct error *err)
{
    struct node *node = &graph->node[n];
    struct perm perm = { 0 };
    bool turned, failed = false;

    if (how_to_pass(node) == NEVER || node->out_count != 1 || graph->value[node->out[0]].tensor.quant != NULL ||
        !operands_agree(graph, node, &perm))
        return 0;
    if (!turn_attributes(graph, node, &perm, &turned, &failed, err))
        return failed ? -1 : 0;
    if (turn_operands(graph, &graph->node[n], &perm, err) < 0)
        return -1;
    return turned && insert_transpose(graph, n, &perm, err) < 0 ? -1 : 1;
}

/* Two in a row are one; one that changes nothing is an Identity. */
static int join_pair(struct graph *graph, int n, struct error *err)
{
    struct node *node = &graph->node[n];
    struct perm first, second;
    const struct node *before = read_perm(node, &second) ? transpose_before(graph, node->in[0], &first) : NULL;
    int64_t *ints;
    bool same = true;

    if (before == NULL || first.rank != second.rank)
        return 0;
    ints = arena_array(graph->arena, (size_t)first.rank + 1, sizeof(*ints));
    if (ints == NULL)
        return error_memory(err);
    for (int i = 0; i < first.rank; i++) {
        ints[i] = first.at[second.at[i]];
        same = same && ints[i] == i;
    }
    node->in[0] = before->in[0];
    own_attribute(node, "perm")->ints = ints;
    if (same) {
        node->op = op_find("Identity");
        node->attributes.count = 0;
    }
    return 0;
}

static int count_transposes(const struct graph *graph)
{
    int count = 0;

    for (int n = 0; n < graph->node_count; n++)
        count += is_op(&graph->node[n], "Transpose");
    return count;
}

/* The same Transpose of the same value, twice: one is enough. */
static void join_twins(struct graph *graph)
{
    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->node[n];
        struct perm mine, other;

        if (!read_perm(node, &mine) || graph_is_output(graph, node->out[0]))
            continue;
        for (int k = 0; k < n; k++) {
            const struct node *first = &graph->node[k];

            if (first->in_count < 1 || first->in[0] != node->in[0] || !read_perm(first, &other) ||
                other.rank != mine.rank || memcmp(other.at, mine.at, sizeof(mine.at[0]) * (size_t)mine.rank) != 0)
                continue;
            node->op = op_find("Identity");
            node->in[0] = first->out[0];
            node->attributes.count = 0;
            break;
        }
    }
}

static int sink_all(struct graph *graph, struct error *err)
{
    join_twins(graph);
    for (int n = 0; n < graph->node_count && graph->node_count < MOST_NODES; n++)
        if (join_pair(graph, n, err) < 0 || sink_one(graph, n, err) < 0)
            return -1;
    return graph_remove_identities(graph, 0, err) < 0 ? -1 : graph_remove_dead(graph, err);
}

int graph_sink_transposes(struct graph *graph, struct error *err)
{
    const int before = count_transposes(graph);
    struct graph trial;

    if (before == 0 || graph->node_count > MOST_NODES / 2)
        return 0;
    if (graph_copy(&trial, graph->arena, graph, false, err) < 0 || sink_all(&trial, err) < 0)
        return -1;
    if (count_transposes(&trial) < before)
        *graph = trial;
    return 0;
}
