/* couple.c - follows channels through a graph, node by node in the order it runs. */
#include "prune/internal.h"

#include <string.h>

typedef int coupler(struct coupling *c, int at);

static const struct node *node_at(const struct coupling *c, int at)
{
    return &c->graph->node[at];
}

static const struct shape *shape_at(const struct coupling *c, int value)
{
    return &c->graph->value[value].tensor.shape;
}

static bool is_weight(const struct coupling *c, int value)
{
    return value >= 0 && c->graph->value[value].kind == VALUE_WEIGHT;
}

static bool has_input(const struct node *node, int i)
{
    return i < node->in_count && node->in[i] >= 0;
}

static int64_t channels(const struct coupling *c, int value)
{
    const struct shape *shape = shape_at(c, value);

    return shape->rank >= 2 ? shape->dim[1] : 0;
}

static int64_t groups_of(const struct node *node, const char *attribute)
{
    int64_t groups = 1;

    if (attribute_int(&node->attributes, attribute, 1, &groups, NULL) < 0 || groups < 1)
        return 1;
    return groups;
}

/* All that reaches the node stays, and what it makes stays too. */
static int barrier(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    bool news = false;

    for (int i = 0; i < node->in_count; i++) {
        const int v = node->in[i];

        if (v < 0 || c->channel[v] == NULL)
            continue;
        for (int64_t k = 0; k < channels(c, v); k++)
            news = news || !c->fixed[couple_unit(c, c->channel[v][k])];
        units_fix(c, c->channel[v], channels(c, v));
    }
    if (news)
        job_note(c->job, "channels that '%s' (%s) reads are kept: it may rearrange them", node->name, node->op->name);
    for (int i = 0; i < node->out_count; i++) {
        c->channel[node->out[i]] = units_new(c, channels(c, node->out[i]), node->name, true);
        if (c->channel[node->out[i]] == NULL)
            return -1;
    }
    return 0;
}

/* The output has the input's channels, one for one. */
static int pass(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int x = node->in[0], y = node->out[0];

    if (c->channel[x] == NULL || node->out_count != 1 || channels(c, x) != channels(c, y))
        return barrier(c, at);
    c->channel[y] = c->channel[x];
    return 0;
}

/* A vector with one entry for each unit. */
static int follow(struct coupling *c, const struct node *node, int i, const int *unit, int64_t count,
                  enum slot_role role)
{
    const int w = has_input(node, i) ? node->in[i] : -1;
    const struct shape *shape;

    if (w < 0)
        return 0;
    shape = shape_at(c, w);
    if (!is_weight(c, w) || shape->rank < 1 || shape->dim[shape->rank - 1] != count)
        return 0; /* one number for all */
    return slot_add(c, w, shape->rank - 1, unit, count, role);
}

/* Unit i of every one of `groups` runs goes with unit i of the first run: runs stay equally long. */
static void join_runs(struct coupling *c, const int *unit, int64_t count, int64_t groups)
{
    const int64_t run = count / groups;

    for (int64_t i = run; i < count; i++)
        units_join(c, unit[i % run], unit[i]);
}

static int couple_depthwise(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int x = node->in[0], w = node->in[1], y = node->out[0];
    const int64_t in = channels(c, x), out = channels(c, y);
    int *unit = units_new(c, out, node->name, false);

    if (unit == NULL)
        return -1;
    for (int64_t k = 0; k < out; k++)
        units_join(c, c->channel[x][k / (out / in)], unit[k]);
    c->channel[y] = unit;
    if (slot_add(c, w, 0, unit, out, SLOT_MAKES) < 0 || follow(c, node, 2, unit, out, SLOT_FOLLOWS) < 0)
        return -1;
    return depthwise_add(c, at, c->channel[x], in);
}

static int couple_conv(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int x = node->in[0], w = node->in[1], y = node->out[0];
    const int64_t in = channels(c, x), out = channels(c, y), groups = groups_of(node, "group");
    int *unit;

    if (!is_weight(c, w) || c->channel[x] == NULL || in % groups != 0 || out % groups != 0)
        return barrier(c, at);
    if (groups > 1 && groups == in)
        return couple_depthwise(c, at);
    unit = units_new(c, out, node->name, false);
    if (unit == NULL)
        return -1;
    join_runs(c, unit, out, groups);
    join_runs(c, c->channel[x], in, groups);
    c->channel[y] = unit;
    if (slot_add(c, w, 0, unit, out, SLOT_MAKES) < 0 || slot_add(c, w, 1, c->channel[x], in / groups, SLOT_READS) < 0)
        return -1;
    return follow(c, node, 2, unit, out, SLOT_FOLLOWS);
}

/* Filters are [in, out, R, S]. */
static int couple_conv_transpose(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int x = node->in[0], w = node->in[1], y = node->out[0];
    int *unit;

    if (!is_weight(c, w) || c->channel[x] == NULL || groups_of(node, "group") != 1)
        return barrier(c, at);
    unit = units_new(c, channels(c, y), node->name, false);
    if (unit == NULL)
        return -1;
    c->channel[y] = unit;
    if (slot_add(c, w, 1, unit, channels(c, y), SLOT_MAKES) < 0 ||
        slot_add(c, w, 0, c->channel[x], channels(c, x), SLOT_READS) < 0)
        return -1;
    return follow(c, node, 2, unit, channels(c, y), SLOT_FOLLOWS);
}

/* Gemm and MatMul of [N, F] with a stored matrix, [F, K] or transposed. */
static int couple_matrix(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int x = node->in[0], w = node->in[1], y = node->out[0];
    int64_t transposed_a = 0, transposed_b = 0;
    int *unit;

    if (attribute_int(&node->attributes, "transA", 0, &transposed_a, c->err) < 0 ||
        attribute_int(&node->attributes, "transB", 0, &transposed_b, c->err) < 0)
        return -1;
    if (!is_weight(c, w) || c->channel[x] == NULL || transposed_a || shape_at(c, x)->rank != 2 ||
        shape_at(c, w)->rank != 2 || (has_input(node, 2) && !is_weight(c, node->in[2])))
        return barrier(c, at);
    unit = units_new(c, channels(c, y), node->name, false);
    if (unit == NULL)
        return -1;
    c->channel[y] = unit;
    if (slot_add(c, w, transposed_b ? 0 : 1, unit, channels(c, y), SLOT_MAKES) < 0 ||
        slot_add(c, w, transposed_b ? 1 : 0, c->channel[x], channels(c, x), SLOT_READS) < 0)
        return -1;
    return follow(c, node, 2, unit, channels(c, y), SLOT_FOLLOWS);
}

/* BatchNormalization, and GroupNormalization whose groups must stay equally large. */
static int couple_normalization(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int x = node->in[0];
    const int64_t count = channels(c, x), groups = groups_of(node, "num_groups");

    if (c->channel[x] == NULL || count % groups != 0)
        return barrier(c, at);
    for (int i = 1; i < node->in_count; i++)
        if (has_input(node, i) && !is_weight(c, node->in[i]))
            return barrier(c, at);
    join_runs(c, c->channel[x], count, groups);
    for (int i = 1; i < node->in_count; i++)
        if (follow(c, node, i, c->channel[x], count, i == 1 ? SLOT_SCALES : SLOT_FOLLOWS) < 0)
            return -1;
    return pass(c, at);
}

/* [N, C, H, W] to [N, C*H*W]: each channel becomes H*W of them. */
static int couple_flatten(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int x = node->in[0], y = node->out[0];
    const int64_t area = shape_span(shape_at(c, x), 2, shape_at(c, x)->rank);
    int64_t axis;
    int *unit;

    if (attribute_int(&node->attributes, "axis", 1, &axis, c->err) < 0)
        return -1;
    if (c->channel[x] == NULL || axis != 1 || channels(c, y) != channels(c, x) * area)
        return barrier(c, at);
    unit = arena_array(c->arena, (size_t)channels(c, y) + 1, sizeof(*unit));
    if (unit == NULL)
        return error_memory(c->err);
    for (int64_t k = 0; k < channels(c, y); k++)
        unit[k] = c->channel[x][k / area];
    c->channel[y] = unit;
    return 0;
}

/* Along the channels they stand side by side; along another axis they go together. */
static int couple_concat(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int y = node->out[0];
    int64_t axis, filled = 0;
    int *unit = arena_array(c->arena, (size_t)channels(c, y) + 1, sizeof(*unit));

    if (attribute_int(&node->attributes, "axis", 1, &axis, c->err) < 0)
        return -1;
    if (unit == NULL)
        return error_memory(c->err);
    axis = axis < 0 ? axis + shape_at(c, y)->rank : axis;
    for (int i = 0; i < node->in_count; i++)
        if (!has_input(node, i) || c->channel[node->in[i]] == NULL || axis == 0)
            return barrier(c, at);
    for (int i = 0; i < node->in_count; i++) {
        const int *in = c->channel[node->in[i]];

        for (int64_t k = 0; k < channels(c, node->in[i]); k++) {
            if (axis == 1)
                unit[filled++] = in[k];
            else
                units_join(c, c->channel[node->in[0]][k], in[k]);
        }
    }
    c->channel[y] = axis == 1 ? unit : c->channel[node->in[0]];
    return 0;
}

/* A stored operand of Add, Mul, ...: its axis under axis 1 of the output follows, unless it is 1 or absent. */
static int follow_operand(struct coupling *c, int w, int y, const int *unit)
{
    const struct shape *shape = shape_at(c, w);
    const int axis = 1 - (shape_at(c, y)->rank - shape->rank);

    if (axis < 0 || shape->dim[axis] != channels(c, y))
        return 0;
    return slot_add(c, w, axis, unit, channels(c, y), SLOT_FOLLOWS);
}

/* Element by element, broadcasting: what is computed must have the same channels, all of them. */
static int couple_join(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);
    const int y = node->out[0];
    const int *unit = NULL;

    for (int i = 0; i < node->in_count; i++) {
        const int v = node->in[i];

        if (v < 0 || is_weight(c, v))
            continue;
        if (c->channel[v] == NULL || channels(c, v) != channels(c, y) || shape_at(c, v)->rank != shape_at(c, y)->rank)
            return barrier(c, at);
        for (int64_t k = 0; unit != NULL && k < channels(c, y); k++)
            units_join(c, unit[k], c->channel[v][k]);
        unit = unit != NULL ? unit : c->channel[v];
    }
    if (unit == NULL)
        return barrier(c, at);
    for (int i = 0; i < node->in_count; i++)
        if (has_input(node, i) && is_weight(c, node->in[i]) && follow_operand(c, node->in[i], y, unit) < 0)
            return -1;
    c->channel[y] = unit;
    return 0;
}

/* Sizes in the fourth input would say how many channels there were. */
static int couple_resize(struct coupling *c, int at)
{
    return has_input(node_at(c, at), 3) ? barrier(c, at) : pass(c, at);
}

static const struct {
    const char *op;
    coupler *couple;
} rules[] = {
    { "Conv", couple_conv },
    { "ConvTranspose", couple_conv_transpose },
    { "Gemm", couple_matrix },
    { "MatMul", couple_matrix },
    { "BatchNormalization", couple_normalization },
    { "GroupNormalization", couple_normalization },
    { "Flatten", couple_flatten },
    { "Concat", couple_concat },
    { "Add", couple_join },
    { "Sub", couple_join },
    { "Mul", couple_join },
    { "Div", couple_join },
    { "Resize", couple_resize },
    { "MaxPool", pass },
    { "AveragePool", pass },
    { "GlobalAveragePool", pass },
    { "GlobalMaxPool", pass },
    { "Dropout", pass },
    { "Identity", pass },
    { "Pad", pass },
};

static bool is_unary_elementwise(const struct coupling *c, const struct node *node)
{
    if (!(node->op->flags & OP_ELEMENTWISE))
        return false;
    for (int i = 1; i < node->in_count; i++)
        if (node->in[i] >= 0 && (!is_weight(c, node->in[i]) || shape_count(shape_at(c, node->in[i])) != 1))
            return false;
    return true;
}

static int couple_node(struct coupling *c, int at)
{
    const struct node *node = node_at(c, at);

    if (!has_input(node, 0) || shape_at(c, node->out[0])->rank < 2)
        return barrier(c, at);
    for (size_t i = 0; i < COUNT(rules); i++)
        if (strcmp(rules[i].op, node->op->name) == 0)
            return rules[i].couple(c, at);
    return is_unary_elementwise(c, node) ? pass(c, at) : barrier(c, at);
}

static int couple_inputs(struct coupling *c)
{
    const struct graph *graph = c->graph;

    c->channel = arena_array(c->arena, (size_t)graph->value_count + 1, sizeof(*c->channel));
    if (c->channel == NULL)
        return error_memory(c->err);
    for (int i = 0; i < graph->input_count; i++) {
        const int v = graph->input[i];

        c->channel[v] = units_new(c, channels(c, v), graph->value[v].name, true);
        if (c->channel[v] == NULL)
            return -1;
    }
    return 0;
}

/* A weight that is also an output, or read by a node with no say in this, cannot be cut. */
static void fix_weights_with_other_readers(struct coupling *c)
{
    for (int i = 0; i < c->slot_count; i++)
        if (graph_consumers(c->graph, c->slot[i].value) != c->slot[i].readers)
            units_fix(c, c->slot[i].unit, c->slot[i].count);
}

int couple_graph(struct coupling *c, struct arena *arena, struct graph *graph, const struct job *job, struct error *err)
{
    *c = (struct coupling){ .arena = arena, .graph = graph, .job = job, .err = err };
    if (couple_inputs(c) < 0)
        return -1;
    for (int i = 0; i < graph->node_count; i++)
        if (couple_node(c, i) < 0)
            return error_in(err, "node '%s'", graph->node[i].name);
    fix_weights_with_other_readers(c);
    for (int i = 0; i < graph->output_count; i++) {
        const int v = graph->output[i];

        if (c->channel[v] != NULL)
            units_fix(c, c->channel[v], channels(c, v));
    }
    return 0;
}
