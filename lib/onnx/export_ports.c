/*
 * export_ports.c - a graph's inputs and outputs with their types and sizes. What
 * follows the batch is named "batch", other open sizes are named after value and axis.
 */
#include <stdio.h>

#include "graph/exec.h"
#include "kern/kern.h"
#include "onnx/export.h"
#include "onnx/internal.h"
#include "tensor/element.h"

enum { GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };

static void put_dims(struct text *out, const char *name, const struct shape *shape)
{
    const size_t dims = wire_open(out, 2);

    for (int i = 0; i < shape->rank; i++) {
        const size_t dim = wire_open(out, 1);
        char symbol[300];

        snprintf(symbol, sizeof(symbol), "%.250s_%d", name, i);
        if (shape->dim[i] >= 0)
            wire_put_int(out, 1, shape->dim[i]);
        else
            wire_put_text(out, 2, i == 0 ? "batch" : symbol);
        wire_close(out, dim);
    }
    wire_close(out, dims);
}

static void put_port(struct text *out, uint32_t field, const char *name, enum dtype dtype, const struct shape *shape)
{
    const size_t info = wire_open(out, field);
    size_t type, tensor;

    wire_put_text(out, 1, name);
    type = wire_open(out, 2);
    tensor = wire_open(out, 1);
    wire_put_int(out, 1, dtype_onnx(dtype));
    if (shape->rank != SHAPE_UNKNOWN)
        put_dims(out, name, shape);
    wire_close(out, tensor);
    wire_close(out, type);
    wire_close(out, info);
}

static void fill_with_ones(struct tensor *tensor)
{
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++)
        element_set_int(tensor->dtype, tensor->data, i, 1);
}

/* Sizes that only data tell are open, but how many there are a run on ones shows; where it ends early, nobody knows. */
static void run_for_ranks(const struct graph *graph, struct tensor *port)
{
    struct error ignored;
    struct kern kern;
    struct job job = { .kern = &kern };
    struct exec *exec;

    if (kern_init(&kern, NULL, &ignored) < 0)
        return;
    exec = exec_new(graph, 1, EXEC_INFER, &job, &ignored);
    if (exec == NULL)
        return;
    for (int i = 0; i < graph->input_count; i++)
        fill_with_ones(exec_input(exec, i));
    if (exec_run(exec, &ignored) == 0)
        for (int i = 0; i < graph->output_count; i++) {
            if (port[i].shape.rank != SHAPE_UNKNOWN)
                continue;
            port[i].dtype = exec_output(exec, i)->dtype;
            port[i].shape.rank = exec_output(exec, i)->shape.rank;
            for (int k = 0; k < port[i].shape.rank; k++)
                port[i].shape.dim[k] = -1;
        }
    exec_free(exec);
}

static bool any_unknown(const struct tensor *port, int count)
{
    for (int i = 0; i < count; i++)
        if (port[i].shape.rank == SHAPE_UNKNOWN)
            return true;
    return false;
}

int export_ports(const struct export *export, struct text *out, struct error *err)
{
    const struct graph *graph = export->graph;
    struct tensor *port = arena_array(export->arena, (size_t)graph->output_count + 1, sizeof(*port));

    if (port == NULL)
        return error_memory(err);
    if (graph_output_shapes(graph, port, err) < 0)
        return -1;
    if (any_unknown(port, graph->output_count) && graph_is_sized(graph))
        run_for_ranks(graph, port);
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *value = &graph->value[graph->input[i]];
        const bool real = value->tensor.quant != NULL && !export->bytes_in;

        put_port(out, GRAPH_INPUT, value->name, real ? DTYPE_F32 : value->tensor.dtype, &value->tensor.shape);
    }
    for (int i = 0; i < graph->output_count; i++) {
        const struct value *value = &graph->value[graph->output[i]];
        const bool real = value->tensor.quant != NULL && !export->bytes_out;

        put_port(out, GRAPH_OUTPUT, value->name, real ? DTYPE_F32 : port[i].dtype, &port[i].shape);
    }
    return 0;
}
