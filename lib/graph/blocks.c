/*
 * blocks.c - pictures in blocks of channels: convolutions and what stands
 * between them run on blocks, and only what comes in or goes out is turned.
 * Concat, Split and channel shuffles move nothing: channels are remembered where
 * they lie, until someone reads them.
 */
#include "graph/blocks.h"

#include <string.h>

#include "base/limits.h"

bool blocks_is_picture(const struct blocks *b, int value)
{
    const struct tensor *tensor;

    if (value < 0 || value >= b->value_count || b->graph->value[value].kind == VALUE_WEIGHT)
        return false;
    tensor = &b->tensor[value];
    return (tensor->dtype == DTYPE_F32
                ? tensor->quant == NULL
                : tensor->dtype == DTYPE_U8 && tensor->quant != NULL && tensor->quant->count == 1) &&
           tensor->shape.rank == 4 && shape_count(&tensor->shape) > 0;
}

bool blocks_alike(const struct blocks *b, int value, int other)
{
    const struct tensor *x = &b->tensor[value], *y = &b->tensor[other];

    return x->dtype == y->dtype && quant_equal(x->quant, y->quant);
}

bool blocks_has(const struct blocks *b, int value)
{
    return value >= 0 && value < b->value_count && (b->twin[value] >= 0 || b->where[value] != NULL);
}

static int new_twin(struct blocks *b, int value, struct error *err)
{
    const struct shape *plain = &b->tensor[value].shape;
    struct shape shape = shape_of(5, plain->dim[0], block_up(plain->dim[1], b->lanes), plain->dim[2], plain->dim[3],
                                  b->lanes);
    const char *name = arena_printf(b->graph->arena, "%s.blocks", b->graph->value[value].name);

    name = name == NULL ? NULL : graph_fresh_name(b->graph, name);
    if (name == NULL)
        return error_memory(err);
    b->twin[value] = graph_add_value(b->graph, name, VALUE_COMPUTED, b->tensor[value].dtype, &shape, err);
    if (b->twin[value] >= 0)
        b->graph->value[b->twin[value]].tensor.quant = b->tensor[value].quant;
    return b->twin[value];
}

/* The node's name, operator, attributes and way are given. */
static int push(struct blocks *b, const struct node *given, const int *in, int count, int out, struct error *err)
{
    struct node node = { .name = given->name, .op = given->op, .way = given->way, .in_count = count, .out_count = 1 };

    node.in = arena_array(b->graph->arena, (size_t)count + 1, sizeof(int));
    node.out = arena_array(b->graph->arena, 1, sizeof(int));
    if (node.name == NULL || node.in == NULL || node.out == NULL ||
        attributes_copy(&node.attributes, b->graph->arena, &given->attributes) < 0)
        return error_memory(err);
    memcpy(node.in, in, (size_t)count * sizeof *in);
    node.out[0] = out;
    return graph_push_node(b->graph, &node, err);
}

int blocks_push(struct blocks *b, const struct node *node, const struct op *op, const int *in, int count,
                struct error *err)
{
    struct node on_blocks = *node;

    on_blocks.op = op;
    if (new_twin(b, node->out[0], err) < 0)
        return -1;
    return push(b, &on_blocks, in, count, b->twin[node->out[0]], err) < 0 ? -1 : 1;
}

/* What brings a value into blocks or out of them, called after it; item NULL: without attributes. */
static int push_turn(struct blocks *b, int value, const struct op *op, struct attribute *item, const int *in, int count,
                     int out, struct error *err)
{
    const struct node node = { .name = graph_fresh_name(b->graph, b->graph->value[value].name),
                               .op = op,
                               .attributes = { item, item != NULL } };

    return push(b, &node, in, count, out, err);
}

/* ---- channels picked from several values ---- */

/* All of one value's channels, in their order. */
static bool is_whole(const struct blocks *b, const struct place *where, int64_t count)
{
    const struct shape *shape = &b->graph->value[where[0].value].tensor.shape;

    for (int64_t c = 0; c < count; c++)
        if (where[c].value != where[0].value || where[c].channel != c)
            return false;
    return shape->dim[1] == block_up(count, b->lanes);
}

/*
 * The values they lie in, each once; and for each channel its place among theirs, one value after the other. Numbers of
 * values are one more than their place in the list.
 */
static int list_sources(struct blocks *b, const struct place *where, int64_t count, int *source, int64_t *start,
                        int64_t *from)
{
    int sources = 0;

    for (int64_t c = 0; c < count; c++) {
        int *number = &b->number[where[c].value];
        if (*number == 0) {
            source[sources] = where[c].value;
            start[sources + 1] = start[sources] + b->graph->value[where[c].value].tensor.shape.dim[1] * b->lanes;
            *number = ++sources;
        }
        from[c] = start[*number - 1] + where[c].channel;
    }
    for (int s = 0; s < sources; s++)
        b->number[source[s]] = 0;
    return sources;
}

static int gather(struct blocks *b, int value, struct error *err)
{
    int64_t count = b->tensor[value].shape.dim[1], *start, *from;
    const struct place *where = b->where[value];
    struct attribute item = { .name = "from", .kind = ATTRIBUTE_INTS, .count = (int)count };
    int *source, sources;

    if (is_whole(b, where, count)) {
        b->twin[value] = where[0].value;
        return b->twin[value];
    }
    source = arena_array(b->scratch, (size_t)count, sizeof(int));
    start = arena_array(b->scratch, (size_t)count + 1, sizeof(*start));
    from = arena_array(b->scratch, (size_t)count, sizeof(*from));
    if (source == NULL || start == NULL || from == NULL)
        return error_memory(err);
    sources = list_sources(b, where, count, source, start, from);
    item.ints = from;
    if (new_twin(b, value, err) < 0)
        return -1;
    return push_turn(b, value, &op_blocked_gather, &item, source, sources, b->twin[value], err) < 0 ? -1
                                                                                                    : b->twin[value];
}

struct place *blocks_where(struct blocks *b, int value, struct error *err)
{
    int64_t count = b->tensor[value].shape.dim[1];
    struct place *where = b->where[value];

    if (where != NULL)
        return where;
    where = arena_array(b->scratch, (size_t)count + 1, sizeof(*where));
    if (where == NULL) {
        error_memory(err);
        return NULL;
    }
    if (blocks_twin(b, value, err) < 0)
        return NULL;
    for (int64_t c = 0; c < count; c++)
        where[c] = (struct place){ b->twin[value], (int)c };
    b->where[value] = where;
    return where;
}

/* ---- there and back ---- */

int blocks_twin(struct blocks *b, int value, struct error *err)
{
    if (b->twin[value] >= 0)
        return b->twin[value];
    if (b->where[value] != NULL)
        return gather(b, value, err);
    if (new_twin(b, value, err) < 0)
        return -1;
    return push_turn(b, value, &op_to_blocks, NULL, &value, 1, b->twin[value], err) < 0 ? -1 : b->twin[value];
}

/* The value as it was, for a node that does not know blocks. */
static int make_plain(struct blocks *b, int value, struct error *err)
{
    struct attribute item = { .name = "channels", .kind = ATTRIBUTE_INT };
    int twin;

    if (value < 0 || value >= b->value_count || b->plain[value])
        return 0;
    twin = blocks_twin(b, value, err);
    if (twin < 0)
        return -1;
    item.i = b->tensor[value].shape.dim[1];
    b->plain[value] = true;
    return push_turn(b, value, &op_from_blocks, &item, &twin, 1, value, err) < 0 ? -1 : 0;
}

static int keep_node(struct blocks *b, const struct node *node, struct error *err)
{
    for (int i = 0; i < node->in_count; i++)
        if (make_plain(b, node->in[i], err) < 0)
            return -1;
    for (int i = 0; i < node->out_count; i++)
        b->plain[node->out[i]] = true;
    return graph_push_node(b->graph, node, err);
}

static int walk(struct blocks *b, struct error *err)
{
    for (int n = 0; n < b->old_count; n++) {
        int taken = b->done[n] ? 1 : blocks_take(b, n, err);

        if (taken < 0 || (taken == 0 && keep_node(b, &b->old[n], err) < 0))
            return -1;
    }
    for (int i = 0; i < b->graph->output_count; i++)
        if (make_plain(b, b->graph->output[i], err) < 0)
            return -1;
    return 0;
}

static int begin(struct blocks *b, int64_t batch, struct error *err)
{
    const struct shaping how = { .batch = batch, .known_bytes = KNOWN_BYTES, .arena = b->scratch };
    size_t values = (size_t)b->graph->value_count + 1;
    struct tensor *tensor = arena_array(b->scratch, values, sizeof(*tensor));

    b->value_count = b->graph->value_count;
    b->twin = arena_array(b->scratch, values, sizeof(int));
    b->where = arena_array(b->scratch, values, sizeof(*b->where));
    b->plain = arena_array(b->scratch, values, sizeof(bool));
    b->done = arena_array(b->scratch, (size_t)b->graph->node_count + 1, sizeof(bool));
    b->number = arena_array(b->scratch, 2 * values, sizeof(int)); /* each value may get a twin */
    if (tensor == NULL || b->twin == NULL || b->where == NULL || b->plain == NULL || b->done == NULL ||
        b->number == NULL)
        return error_memory(err);
    for (int v = 0; v < b->value_count; v++) {
        b->twin[v] = -1;
        b->plain[v] = b->graph->value[v].kind != VALUE_COMPUTED;
    }
    b->tensor = tensor;
    if (graph_shape_values(b->graph, &how, tensor, err) < 0)
        return -1;
    return uses_find(&b->uses, b->graph, 0, b->scratch, err);
}

static bool has_convolution(const struct graph *graph)
{
    for (int n = 0; n < graph->node_count; n++)
        if (strcmp(graph->node[n].op->name, "Conv") == 0)
            return true;
    return false;
}

/* Each value may be turned there and back, and the limit is on nodes of files. */
static bool has_room(const struct graph *graph)
{
    return (uint64_t)graph->node_count + 2 * (uint64_t)graph->value_count <= limit_get(LIMIT_NODES);
}

int graph_lay_blocks(struct graph *graph, int64_t batch, const struct kern *kern, struct error *err)
{
    struct arena scratch = { 0 };
    struct blocks b = { .graph = graph, .scratch = &scratch, .lanes = (int64_t)kern->lanes };
    int rc;

    if (b.lanes == 0 || !has_convolution(graph) || !has_room(graph))
        return 0;
    rc = begin(&b, batch, err);
    b.old = graph->node;
    b.old_count = graph->node_count;
    if (rc == 0) {
        graph->node = NULL;
        graph->node_count = graph->node_capacity = 0;
        rc = walk(&b, err);
    }
    arena_free(&scratch);
    return rc;
}
