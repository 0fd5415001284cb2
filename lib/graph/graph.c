/* graph.c - building a graph and looking at it. */
#include "graph/internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

void graph_rest(const struct graph *graph, const struct tensor *weight)
{
    const unsigned char *at = weight->data;

    if (graph->fixed != NULL && at >= graph->fixed && at < graph->fixed + graph->fixed_bytes)
        input_rest(at, tensor_bytes(weight));
}

void graph_init(struct graph *graph, struct arena *arena)
{
    *graph = (struct graph){ .arena = arena };
}

/* Room for one more; doubles, so that building stays linear. */
static void *room_for_one(struct arena *arena, void *old, int count, int *capacity, size_t size)
{
    void *longer;
    int wanted;

    if (count < *capacity)
        return old;
    wanted = *capacity ? *capacity * 2 : 16;
    longer = arena_grow(arena, old, (size_t)count, (size_t)wanted, size);
    if (longer != NULL)
        *capacity = wanted;
    return longer;
}

int graph_add_value(struct graph *graph, const char *name, enum value_kind kind, enum dtype dtype,
                    const struct shape *shape, struct error *err)
{
    struct value *value;
    const char *own;

    if (names_cover(graph, &graph->value_names, graph->value_count) < 0)
        return error_memory(err);
    if (names_find(graph, &graph->value_names, name) >= 0)
        return error_set(err, ERROR_INPUT, "two values are named '%s'", name);
    value = room_for_one(graph->arena, graph->value, graph->value_count, &graph->value_capacity, sizeof(*value));
    own = arena_strdup(graph->arena, name);
    if (value == NULL || own == NULL)
        return error_memory(err);
    graph->value = value;
    value[graph->value_count] = (struct value){ .name = own, .kind = kind, .tensor = { .dtype = dtype } };
    if (shape != NULL)
        value[graph->value_count].tensor.shape = *shape;
    names_add(&graph->value_names, own, graph->value_count);
    return graph->value_count++;
}

static int append_index(struct graph *graph, int **list, int *count, int *capacity, int value, struct error *err)
{
    int *longer = room_for_one(graph->arena, *list, *count, capacity, sizeof(int));

    if (longer == NULL)
        return error_memory(err);
    longer[*count] = value;
    *list = longer;
    (*count)++;
    return 0;
}

int graph_add_input(struct graph *graph, const char *name, enum dtype dtype, const struct shape *shape,
                    struct error *err)
{
    int value = graph_add_value(graph, name, VALUE_INPUT, dtype, shape, err);

    if (value < 0 || append_index(graph, &graph->input, &graph->input_count, &graph->input_capacity, value, err) < 0)
        return -1;
    return value;
}

int graph_add_weight(struct graph *graph, const char *name, enum dtype dtype, const struct shape *shape, void *data,
                     bool trainable, struct error *err)
{
    int value = graph_add_value(graph, name, VALUE_WEIGHT, dtype, shape, err);

    if (value < 0)
        return -1;
    graph->value[value].trainable = trainable;
    graph->value[value].tensor.data = data;
    return value;
}

int graph_add_output(struct graph *graph, int value, struct error *err)
{
    if (value < 0 || value >= graph->value_count)
        return error_set(err, ERROR_INPUT, "output is value %d, the graph has %d values", value, graph->value_count);
    return append_index(graph, &graph->output, &graph->output_count, &graph->output_capacity, value, err);
}

int graph_push_node(struct graph *graph, const struct node *node, struct error *err)
{
    struct node *nodes;

    if ((uint64_t)graph->node_count >= limit_get(LIMIT_NODES))
        return error_set(err, ERROR_LIMIT, "more than %" PRIu64 " nodes", limit_get(LIMIT_NODES));
    if (names_cover(graph, &graph->node_names, graph->node_count) < 0)
        return error_memory(err);
    nodes = room_for_one(graph->arena, graph->node, graph->node_count, &graph->node_capacity, sizeof(*nodes));
    if (nodes == NULL)
        return error_memory(err);
    graph->node = nodes;
    nodes[graph->node_count] = *node;
    names_add(&graph->node_names, node->name, graph->node_count);
    return graph->node_count++;
}

static int unknown_operator(struct graph *graph, const char *name, struct error *err)
{
    const char **names, *near;
    size_t count = 0;

    while (op_table[count] != NULL)
        count++;
    names = arena_array(graph->arena, count + 1, sizeof(*names));
    error_set(err, ERROR_INPUT, "unknown operator '%s'", name);
    if (names == NULL)
        return -1;
    for (size_t i = 0; i < count; i++)
        names[i] = op_table[i]->name;
    near = text_nearest(name, names);
    return near == NULL ? -1 : error_hint(err, "did you mean '%s'?", near);
}

/* The operator's attributes as a NULL-terminated list; NULL: out of memory. */
static const char **attribute_names(struct arena *arena, const struct op *op)
{
    char *list = arena_strdup(arena, op->attributes != NULL ? op->attributes : "");
    const char **names = list == NULL ? NULL : arena_array(arena, strlen(list) / 2 + 2, sizeof(*names));
    int count = 0;

    if (names == NULL)
        return NULL;
    for (char *rest, *word = strtok_r(list, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        names[count++] = word;
    return names;
}

static bool is_listed(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* Only what the operator knows: a misspelt 'strides' would be an answer of another net. */
static int check_attributes(const struct node *node, struct arena *arena, struct error *err)
{
    const char **names = attribute_names(arena, node->op);

    if (names == NULL)
        return error_memory(err);
    for (int i = 0; i < node->attributes.count; i++) {
        const char *name = node->attributes.item[i].name, *near;

        if (is_listed(name, names))
            continue;
        error_set(err, ERROR_INPUT, "node '%s': %s has no attribute '%s'", node->name, node->op->name, name);
        near = text_nearest(name, names);
        return near != NULL       ? error_hint(err, "did you mean '%s'?", near)
               : names[0] == NULL ? -1
                                  : error_hint(err, "it has: %s", node->op->attributes);
    }
    return 0;
}

int graph_check_counts(const struct node *node, struct error *err)
{
    const struct op *op = node->op;

    if (node->in_count < op->min_inputs || (op->max_inputs >= 0 && node->in_count > op->max_inputs))
        return error_set(err, ERROR_INPUT, "node '%s': %s takes %d to %d inputs, found %d", node->name, op->name,
                         op->min_inputs, op->max_inputs < 0 ? node->in_count : op->max_inputs, node->in_count);
    if (node->out_count < 1 || (op->outputs >= 0 && node->out_count > op->outputs))
        return error_set(err, ERROR_INPUT, "node '%s': %s has %d outputs, found %d", node->name, op->name, op->outputs,
                         node->out_count);
    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] < 0 && (i < op->min_inputs || op->max_inputs < 0))
            return error_set(err, ERROR_INPUT, "node '%s': input %d of %s is absent and not optional", node->name, i,
                             op->name);
    return 0;
}

/* The i-th output's value: named as told, else after the node. */
static int add_output_value(struct graph *graph, const char *node, const char *told, int i, struct error *err)
{
    static const struct shape unknown = { 0 };
    const char *name = told;

    if (name == NULL)
        name = i == 0 ? node : arena_printf(graph->arena, "%s.%d", node, i);
    if (name == NULL)
        return error_memory(err);
    return graph_add_value(graph, name, VALUE_COMPUTED, DTYPE_F32, &unknown, err);
}

static int check_reads(const struct graph *graph, const char *name, const int *in, int in_count, struct error *err)
{
    for (int i = 0; i < in_count; i++)
        if (in[i] < -1 || in[i] >= graph->value_count)
            return error_set(err, ERROR_INPUT, "node '%s': input %d is value %d, the graph has %d values", name, i,
                             in[i], graph->value_count);
    return 0;
}

int graph_add_node(struct graph *graph, const char *name, const char *op, const int *in, int in_count, int out_count,
                   const char *const *out_names, const struct attributes *attributes, struct error *err)
{
    struct node node = { .op = op_find(op), .in_count = in_count, .out_count = out_count };

    if (node.op == NULL) {
        unknown_operator(graph, op, err);
        return error_in(err, "node '%s'", name);
    }
    if (names_cover(graph, &graph->node_names, graph->node_count) < 0)
        return error_memory(err);
    if (names_find(graph, &graph->node_names, name) >= 0)
        return error_set(err, ERROR_INPUT, "two nodes are named '%s'", name);
    node.name = arena_strdup(graph->arena, name);
    node.in = arena_array(graph->arena, (size_t)in_count + 1, sizeof(int));
    node.out = arena_array(graph->arena, (size_t)out_count + 1, sizeof(int));
    if (node.name == NULL || node.in == NULL || node.out == NULL)
        return error_memory(err);
    if (attributes != NULL && attributes_copy(&node.attributes, graph->arena, attributes) < 0)
        return error_memory(err);
    for (int i = 0; i < in_count; i++)
        node.in[i] = in[i];
    if (graph_check_counts(&node, err) < 0 || check_attributes(&node, graph->arena, err) < 0 ||
        check_reads(graph, name, in, in_count, err) < 0)
        return -1;
    for (int i = 0; i < out_count; i++) {
        node.out[i] = add_output_value(graph, name, out_names != NULL ? out_names[i] : NULL, i, err);
        if (node.out[i] < 0)
            return error_in(err, "node '%s'", name);
    }
    return graph_push_node(graph, &node, err) < 0 ? -1 : node.out[0];
}

int graph_find_value(const struct graph *graph, const char *name)
{
    int known = names_find(graph, &graph->value_names, name);

    if (known >= 0 || names_are_true(&graph->value_names, graph->value_count))
        return known;
    for (int i = 0; i < graph->value_count; i++)
        if (strcmp(graph->value[i].name, name) == 0)
            return i;
    return -1;
}

int graph_find_node(const struct graph *graph, const char *name)
{
    int known = names_find(graph, &graph->node_names, name);

    if (known >= 0 || names_are_true(&graph->node_names, graph->node_count))
        return known;
    for (int i = 0; i < graph->node_count; i++)
        if (strcmp(graph->node[i].name, name) == 0)
            return i;
    return -1;
}

void graph_rename_value(struct graph *graph, int value, const char *name)
{
    graph->value[value].name = name;
    graph->value_names.moved = true;
}

static bool node_has(const int *list, int count, int value)
{
    for (int i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}

int graph_producer(const struct graph *graph, int value)
{
    for (int i = 0; i < graph->node_count; i++)
        if (node_has(graph->node[i].out, graph->node[i].out_count, value))
            return i;
    return -1;
}

bool graph_is_output(const struct graph *graph, int value)
{
    return node_has(graph->output, graph->output_count, value);
}

int graph_consumers(const struct graph *graph, int value)
{
    int count = graph_is_output(graph, value) ? 1 : 0;

    for (int i = 0; i < graph->node_count; i++)
        if (node_has(graph->node[i].in, graph->node[i].in_count, value))
            count++;
    return count;
}

int graph_only_consumer(const struct graph *graph, int value)
{
    int only = -1;

    if (graph_is_output(graph, value))
        return -1;
    for (int i = 0; i < graph->node_count; i++) {
        if (!node_has(graph->node[i].in, graph->node[i].in_count, value))
            continue;
        if (only >= 0)
            return -1;
        only = i;
    }
    return only;
}

int graph_next_number(const struct graph *graph, int i)
{
    return i < 8 ? i + 1 : i + graph->value_count + 1;
}

const char *graph_fresh_name(struct graph *graph, const char *wanted)
{
    const char *name = wanted;

    if (names_cover(graph, &graph->value_names, graph->value_count) < 0 ||
        names_cover(graph, &graph->node_names, graph->node_count) < 0)
        return NULL;
    for (int i = 2; name != NULL && (graph_find_value(graph, name) >= 0 || graph_find_node(graph, name) >= 0);
         i = graph_next_number(graph, i))
        name = arena_printf(graph->arena, "%s.%d", wanted, i);
    return name;
}

int64_t graph_parameters(const struct graph *graph)
{
    int64_t sum = 0;

    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];

        /* What was learned: quantized weights learn no more, but they did. */
        if (value->kind == VALUE_WEIGHT && (value->trainable || value->tensor.quant != NULL))
            sum += shape_count(&value->tensor.shape);
    }
    return sum;
}
