/* lower.c - a quantized graph with its conversions spelled out, so that every node can run as it stands. */
#include "graph/internal.h"

#include <string.h>

struct lowering {
    struct graph *graph;
    struct node *old;
    int old_count;
    int *real; /* value: its F32 twin; -1: none yet */
};

/* A scalar the conversions read. */
static int add_scalar(struct graph *graph, const char *base, const char *role, enum dtype dtype, const void *from,
                      size_t bytes, struct error *err)
{
    static const struct shape scalar = { 0 };
    const char *name = arena_printf(graph->arena, "%s.%s", base, role);
    void *data = arena_alloc(graph->arena, bytes);

    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    if (name == NULL || data == NULL)
        return error_memory(err);
    memcpy(data, from, bytes);
    return graph_add_weight(graph, name, dtype, &scalar, data, false, err);
}

/* QuantizeLinear or DequantizeLinear from one value to another. */
static int add_conversion(struct graph *graph, const char *op, int from, int to, const struct quant *quant,
                          struct error *err)
{
    const char *base = graph->value[to].name;
    uint8_t zero_point = (uint8_t)quant->zero_point[0];
    struct node node = { .name = graph_fresh_name(graph, base), .op = op_find(op), .in_count = 3, .out_count = 1 };

    if (node.op == NULL)
        return error_set(err, ERROR_INTERNAL, "operator '%s' is not built in", op);
    node.in = arena_array(graph->arena, 3, sizeof(int));
    node.out = arena_array(graph->arena, 1, sizeof(int));
    if (node.name == NULL || node.in == NULL || node.out == NULL)
        return error_memory(err);
    node.in[0] = from;
    node.in[1] = add_scalar(graph, base, "scale", DTYPE_F32, quant->scale, sizeof(float), err);
    if (node.in[1] < 0)
        return -1;
    node.in[2] = add_scalar(graph, base, "zero_point", DTYPE_U8, &zero_point, sizeof(zero_point), err);
    if (node.in[2] < 0)
        return -1;
    node.out[0] = to;
    return graph_push_node(graph, &node, err);
}

static int add_twin(struct graph *graph, int value, const char *suffix, enum value_kind kind, enum dtype dtype,
                    struct error *err)
{
    struct shape shape = graph->value[value].tensor.shape;
    const char *name = arena_printf(graph->arena, "%s.%s", graph->value[value].name, suffix);

    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    if (name == NULL)
        return error_memory(err);
    return graph_add_value(graph, name, kind, dtype, &shape, err);
}

/* The value in F32: made once, by a node before the first that wants it or, for a weight, now. */
static int real_of(struct lowering *low, int value, struct error *err)
{
    struct graph *graph = low->graph;
    bool weight = graph->value[value].kind == VALUE_WEIGHT;
    int twin;

    if (low->real[value] >= 0)
        return low->real[value];
    twin = add_twin(graph, value, "f32", weight ? VALUE_WEIGHT : VALUE_COMPUTED, DTYPE_F32, err);
    if (twin < 0)
        return -1;
    low->real[value] = twin;
    if (!weight)
        return add_conversion(graph, "DequantizeLinear", value, twin, graph->value[value].tensor.quant, err) < 0 ? -1
                                                                                                                 : twin;
    graph->value[twin].tensor.data = weight_dequantize(graph->arena, &graph->value[value].tensor);
    return graph->value[twin].tensor.data == NULL ? error_memory(err) : twin;
}

/* A node that runs in F32 amid quantized values. */
static int lower_node(struct lowering *low, struct node *node, struct error *err)
{
    struct graph *graph = low->graph;
    int *wanted = arena_array(graph->arena, (size_t)node->out_count, sizeof(int));

    if (wanted == NULL)
        return error_memory(err);
    for (int i = 0; i < node->in_count; i++) {
        int v = node->in[i];

        if (v < 0 || graph->value[v].tensor.quant == NULL)
            continue;
        node->in[i] = real_of(low, v, err);
        if (node->in[i] < 0)
            return -1;
    }
    for (int i = 0; i < node->out_count; i++) {
        wanted[i] = node->out[i];
        if (graph->value[wanted[i]].tensor.quant == NULL)
            continue;
        node->out[i] = add_twin(graph, wanted[i], "f32", VALUE_COMPUTED, DTYPE_F32, err);
        if (node->out[i] < 0)
            return -1;
    }
    if (graph_push_node(graph, node, err) < 0)
        return -1;
    for (int i = 0; i < node->out_count; i++)
        if (node->out[i] != wanted[i] && add_conversion(graph, "QuantizeLinear", node->out[i], wanted[i],
                                                        graph->value[wanted[i]].tensor.quant, err) < 0)
            return -1;
    return 0;
}

/* An F32 input with quantization is filled in F32 and quantized at once. */
static int lower_inputs(struct lowering *low, struct error *err)
{
    struct graph *graph = low->graph;

    for (int i = 0; i < graph->input_count; i++) {
        int input = graph->input[i], twin;
        const struct quant *quant = graph->value[input].tensor.quant;

        if (quant == NULL || graph->value[input].tensor.dtype != DTYPE_F32)
            continue;
        twin = add_twin(graph, input, "u8", VALUE_COMPUTED, DTYPE_U8, err);
        if (twin < 0)
            return -1;
        graph->value[twin].tensor.quant = quant;
        graph->value[input].tensor.quant = NULL;
        for (int n = 0; n < low->old_count; n++)
            for (int j = 0; j < low->old[n].in_count; j++)
                if (low->old[n].in[j] == input)
                    low->old[n].in[j] = twin;
        if (add_conversion(graph, "QuantizeLinear", input, twin, quant, err) < 0)
            return -1;
    }
    return 0;
}

/* Another shape of quantized bytes is quantized alike. */
static void spread_through_view(struct graph *graph, const struct node *node)
{
    const struct value *in = node->in_count < 1 || node->in[0] < 0 ? NULL : &graph->value[node->in[0]];
    struct value *out = &graph->value[node->out[0]];

    if ((node->op->flags & OP_VIEW) && in != NULL && value_runs_quantized(in) && out->tensor.quant == NULL &&
        !graph_is_output(graph, node->out[0]))
        out->tensor.quant = in->tensor.quant;
}

static int lower_all(struct lowering *low, struct error *err)
{
    struct graph *graph = low->graph;

    if (lower_inputs(low, err) < 0)
        return -1;
    for (int n = 0; n < low->old_count; n++) {
        struct node *node = &low->old[n];
        int rc;

        spread_through_view(graph, node);
        rc = node_is_integer(graph, node) ? graph_push_node(graph, node, err) : lower_node(low, node, err);
        if (rc < 0)
            return -1;
    }
    return graph_remove_dead(graph, err);
}

static bool is_quantized(const struct graph *graph)
{
    for (int i = 0; i < graph->value_count; i++)
        if (graph->value[i].tensor.quant != NULL)
            return true;
    return false;
}

int graph_lower(struct graph *graph, struct error *err)
{
    struct arena scratch = { 0 };
    struct lowering low = { .graph = graph, .old = graph->node, .old_count = graph->node_count };
    int rc;

    if (!is_quantized(graph))
        return 0;
    /* An input adds its twin and two scalars before anything is looked up here. */
    low.real = arena_array(&scratch, (size_t)graph->value_count * 4 + 1, sizeof(int));
    for (int i = 0; low.real != NULL && i < graph->value_count * 4; i++)
        low.real[i] = -1;
    graph->node = NULL;
    graph->node_count = graph->node_capacity = 0;
    rc = low.real == NULL ? error_memory(err) : lower_all(&low, err);
    arena_free(&scratch);
    return rc;
}
