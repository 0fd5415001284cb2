/* tensors.c - see tensors.h. */
#include "infer/tensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "graph/exec.h"
#include "onnx/onnx.h"
#include "package/package.h"

bool tensor_is_npy(const void *bytes, size_t count)
{
    return count >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0;
}

int tensor_read(struct tensor *tensor, struct arena *arena, unsigned char *bytes, size_t count, struct error *err)
{
    void *own;

    if (!tensor_is_npy(bytes, count))
        return onnx_read_tensor(tensor, arena, bytes, count, err);
    if (npy_parse(tensor, bytes, count, err) < 0)
        return -1;
    own = arena_alloc(arena, tensor_bytes(tensor) + 1);
    if (own == NULL)
        return error_memory(err);
    if (tensor_bytes(tensor) > 0)
        memcpy(own, tensor->data, tensor_bytes(tensor));
    tensor->data = own;
    return 0;
}

/* The input as it will be; -1 becomes what the tensor has. */
static int bind_input(struct value *input, const struct tensor *tensor, struct error *err)
{
    struct shape *shape = &input->tensor.shape;
    char found[160], expected[160];
    bool fits = shape->rank == tensor->shape.rank;

    if (tensor->dtype == DTYPE_F32 && input->tensor.quant != NULL)
        input->tensor.dtype = DTYPE_F32; /* it is quantized on its way in */
    if (input->tensor.dtype != tensor->dtype)
        return error_set(err, ERROR_INPUT, "input '%s' is %s, expected %s", input->name, dtype_name(tensor->dtype),
                         dtype_name(input->tensor.dtype));
    for (int i = 0; fits && i < shape->rank; i++)
        fits = shape->dim[i] == -1 || shape->dim[i] == tensor->shape.dim[i];
    if (!fits)
        return error_set(err, ERROR_INPUT, "input '%s' has shape %s, expected %s", input->name,
                         shape_text(&tensor->shape, found), shape_text(shape, expected));
    *shape = tensor->shape;
    return 0;
}

/* All inputs in the order in which they are wanted. */
static int hint_inputs(const struct graph *graph, struct error *err)
{
    char list[200] = "", shape[160];
    size_t used = 0;

    for (int i = 0; i < graph->input_count && used < sizeof(list); i++) {
        const struct value *input = &graph->value[graph->input[i]];

        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s'%s' %s %s", i > 0 ? ", " : "", input->name,
                                 dtype_name(input->tensor.dtype), shape_text(&input->tensor.shape, shape));
    }
    return error_hint(err, "in this order: %s%s", list, used < sizeof(list) ? "" : " ...");
}

static int bind_inputs(struct graph *graph, const struct tensor *in, int count, struct error *err)
{
    if (count != graph->input_count) {
        error_set(err, ERROR_INPUT, "%d tensors, the model has %d inputs", count, graph->input_count);
        return hint_inputs(graph, err);
    }
    for (int i = 0; i < count; i++)
        if (bind_input(&graph->value[graph->input[i]], &in[i], err) < 0)
            return -1;
    return 0;
}

static int as_real(struct tensor *real, const struct tensor *from, struct arena *arena, struct error *err)
{
    const int64_t count = shape_count(&from->shape);
    float *data = arena_array(arena, (size_t)count + 1, sizeof(*data));

    if (data == NULL)
        return error_memory(err);
    for (int64_t i = 0; i < count; i++)
        data[i] = from->quant->scale[0] * (float)(((const uint8_t *)from->data)[i] - from->quant->zero_point[0]);
    *real = (struct tensor){ .dtype = DTYPE_F32, .shape = from->shape, .data = data };
    return 0;
}

static int give_outputs(const struct graph *graph, struct exec *exec, struct arena *arena,
                        const struct tensors_sink *sink, struct error *err)
{
    for (int i = 0; i < graph->output_count; i++) {
        const struct tensor *out = exec_output(exec, i);
        struct tensor real;

        if (out->quant != NULL && as_real(&real, out, arena, err) < 0)
            return -1;
        if (sink->output(sink->context, i, graph->value[graph->output[i]].name, out->quant != NULL ? &real : out, err) <
            0)
            return -1;
    }
    return 0;
}

static int run_graph(const struct graph *graph, const struct tensor *in, struct exec *exec, struct arena *arena,
                     const struct tensors_sink *sink, double *ms, struct error *err)
{
    double begin;

    for (int i = 0; i < graph->input_count; i++)
        if (tensor_bytes(&in[i]) > 0)
            memcpy(exec_input(exec, i)->data, in[i].data, tensor_bytes(&in[i]));
    begin = clock_seconds();
    if (exec_run(exec, err) < 0)
        return -1;
    *ms = (clock_seconds() - begin) * 1e3;
    return give_outputs(graph, exec, arena, sink, err);
}

int tensors_run(const struct model *model, const struct tensor *in, int count, const struct job *job,
                const struct tensors_sink *sink, double *ms, struct error *err)
{
    struct arena arena = { 0 };
    struct graph graph;
    struct exec *exec = NULL;
    int rc = graph_copy(&graph, &arena, &model->graph, false, err);

    if (rc == 0)
        rc = bind_inputs(&graph, in, count, err);
    if (rc == 0) {
        exec = exec_new(&graph, 1, EXEC_INFER, job, err);
        rc = exec == NULL ? -1 : run_graph(&graph, in, exec, &arena, sink, ms, err);
    }
    exec_free(exec);
    arena_free(&arena);
    return rc;
}
