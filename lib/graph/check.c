/* check.c - is it a graph: order, indices, unique names, one producer a value. */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts names and says which comes twice. */
static int check_unique(const char **names, int count, const char *what, struct error *err)
{
    for (int i = 0; i < count; i++)
        if (names[i] == NULL || names[i][0] == '\0')
            return error_set(err, ERROR_INPUT, "%s %d has no name", what, i);
    qsort(names, (size_t)count, sizeof(*names), by_name);
    for (int i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return error_set(err, ERROR_INPUT, "two %ss are named '%s'", what, names[i]);
    return 0;
}

static int check_names(const struct graph *graph, struct arena *arena, struct error *err)
{
    const char **names = arena_array(arena, (size_t)graph->value_count + (size_t)graph->node_count + 1, sizeof(*names));

    if (names == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->value_count; i++)
        names[i] = graph->value[i].name;
    if (check_unique(names, graph->value_count, "value", err) < 0)
        return -1;
    for (int i = 0; i < graph->node_count; i++)
        names[i] = graph->node[i].name;
    return check_unique(names, graph->node_count, "node", err);
}

/* Everything a node reads is known before it; what it makes nobody made before. */
static int check_node(const struct graph *graph, const struct node *node, bool *known, struct error *err)
{
    if (graph_check_counts(node, err) < 0)
        return -1;
    for (int i = 0; i < node->in_count; i++) {
        int v = node->in[i];

        if (v == -1)
            continue;
        if (v < -1 || v >= graph->value_count)
            return error_set(err, ERROR_INPUT, "node '%s': input %d is value %d, the graph has %d values", node->name,
                             i, v, graph->value_count);
        if (!known[v])
            return error_set(err, ERROR_INPUT, "node '%s' reads '%s', which is made later or never", node->name,
                             graph->value[v].name);
    }
    for (int i = 0; i < node->out_count; i++) {
        int v = node->out[i];

        if (v < 0 || v >= graph->value_count)
            return error_set(err, ERROR_INPUT, "node '%s': output %d is value %d, the graph has %d values", node->name,
                             i, v, graph->value_count);
        if (known[v])
            return error_set(err, ERROR_INPUT, "node '%s' makes '%s', which is there already", node->name,
                             graph->value[v].name);
        known[v] = true;
    }
    return 0;
}

/* One pair, or one an index of the axis; so that readers may index without asking. */
static int check_quant(const struct value *value, struct error *err)
{
    const struct quant *quant = value->tensor.quant;
    const struct shape *shape = &value->tensor.shape;
    int64_t expected = 1;

    if (quant == NULL)
        return 0;
    if (quant->axis >= 0 && value->kind == VALUE_WEIGHT)
        expected = quant->axis < shape->rank ? shape->dim[quant->axis] : -1;
    if ((quant->axis >= 0 && value->kind != VALUE_WEIGHT) || quant->count != expected || quant->count < 1 ||
        quant->scale == NULL || quant->zero_point == NULL)
        return error_set(err, ERROR_INPUT, "'%s': quantization has %d scales on axis %d, which its shape does not have",
                         value->name, quant->count, quant->axis);
    return 0;
}

static int check_dtype(const struct value *value, struct error *err)
{
    enum dtype dtype = value->tensor.dtype;

    if (value->tensor.quant == NULL || value->kind != VALUE_WEIGHT || dtype == DTYPE_I8 || dtype == DTYPE_U8 ||
        dtype == DTYPE_I32)
        return 0;
    return error_set(err, ERROR_INPUT, "'%s' is %s, quantized weights are I8, U8 or I32", value->name,
                     dtype_name(dtype));
}

static int check_inputs(const struct graph *graph, bool *known, struct error *err)
{
    for (int i = 0; i < graph->value_count; i++)
        known[i] = graph->value[i].kind == VALUE_WEIGHT;
    for (int i = 0; i < graph->input_count; i++) {
        int v = graph->input[i];

        if (v < 0 || v >= graph->value_count || graph->value[v].kind != VALUE_INPUT)
            return error_set(err, ERROR_INPUT, "graph input %d is value %d, which is no input", i, v);
        if (known[v])
            return error_set(err, ERROR_INPUT, "'%s' is listed as an input twice", graph->value[v].name);
        known[v] = true;
    }
    return 0;
}

static int check_all(const struct graph *graph, struct arena *arena, struct error *err)
{
    bool *known = arena_array(arena, (size_t)graph->value_count + 1, sizeof(*known));

    if (known == NULL)
        return error_memory(err);
    if (check_names(graph, arena, err) < 0 || check_inputs(graph, known, err) < 0)
        return -1;
    for (int i = 0; i < graph->node_count; i++)
        if (check_node(graph, &graph->node[i], known, err) < 0)
            return -1;
    for (int i = 0; i < graph->value_count; i++) {
        if (!known[i])
            return error_set(err, ERROR_INPUT, "no node makes '%s'", graph->value[i].name);
        if (check_quant(&graph->value[i], err) < 0 || check_dtype(&graph->value[i], err) < 0)
            return -1;
    }
    if (graph->output_count == 0)
        return error_set(err, ERROR_INPUT, "the graph has no output");
    for (int i = 0; i < graph->output_count; i++)
        if (graph->output[i] < 0 || graph->output[i] >= graph->value_count)
            return error_set(err, ERROR_INPUT, "graph output %d is value %d, the graph has %d values", i,
                             graph->output[i], graph->value_count);
    return 0;
}

int graph_check(const struct graph *graph, struct error *err)
{
    struct arena arena = { 0 };
    int rc = check_all(graph, &arena, err);

    arena_free(&arena);
    return rc;
}
