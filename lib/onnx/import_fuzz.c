/*
 * A model from anywhere, made plain and run: what comes in runs or is refused,
 * and what runs gives the same twice. Its limits are small, so that a size that
 * lies costs nothing.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "graph/exec.h"
#include "onnx/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_INPUT = 1 << 16 };

static void fill(struct tensor *input)
{
    unsigned char *bytes = input->data;

    for (size_t i = 0; i < tensor_bytes(input); i++)
        bytes[i] = input->dtype == DTYPE_BOOL ? i % 2 : (unsigned char)(i % 4 == 3 ? 0x3f : i);
}

static void run(const struct graph *graph)
{
    struct error err = { 0 };
    struct exec *exec = exec_new(graph, 1, EXEC_INFER, NULL, &err);

    if (exec == NULL) {
        if (err.message[0] == '\0')
            abort();
        return;
    }
    for (int i = 0; i < graph->input_count; i++)
        if (exec_input(exec, i)->data != NULL)
            fill(exec_input(exec, i));
    if (exec_run(exec, &err) < 0 && err.message[0] == '\0')
        abort();
    exec_free(exec);
}

static bool is_small(const struct graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct shape *shape = &graph->value[graph->input[i]].tensor.shape;
        int64_t count = 1;

        for (int k = 0; k < shape->rank; k++) {
            count *= shape->dim[k] < 1 ? 1 : shape->dim[k] < MOST_INPUT ? shape->dim[k] : MOST_INPUT;
            if (count >= MOST_INPUT)
                return false;
        }
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { .bytes = malloc(size + 1), .count = size };
    struct arena arena = { 0 };
    struct onnx_report report;
    struct error err = { 0 };
    struct model model;

    setenv("COEDGE_LIMIT_ACTIVATION_BYTES", "4194304", 1);
    if (in.bytes == NULL)
        return 0;
    if (size > 0)
        memcpy(in.bytes, data, size);
    if (onnx_check(&report, &arena, &in, NULL, &err) < 0 && err.message[0] == '\0')
        abort();
    arena_free(&arena);
    err.message[0] = '\0';
    if (onnx_read(&model, &in, NULL, &err) == 0) {
        if (is_small(&model.graph))
            run(&model.graph);
        model_free(&model);
    } else if (err.message[0] == '\0') {
        abort();
    }
    return 0;
}
