/* tuned_fuzz.c - any bytes as what was chosen: refused in one line and nothing set, or ways that there are. */
#include <stdlib.h>
#include <string.h>

#include "infer/tuned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tuned_key key = { .cpu = "cpu", .folder = "cpu", .model = "m" };
    const struct shape shape = shape_of(2, (int64_t)1, 3L);
    struct error err = { 0 };
    struct model model;
    enum op_way way;
    int x;

    model_init(&model);
    x = graph_add_input(&model.graph, "x", DTYPE_F32, &shape, &err);
    if (x < 0 || graph_add_node(&model.graph, "a", "Relu", &x, 1, 1, NULL, NULL, &err) < 0)
        abort();
    if (tuned_parse(&model, &key, (const char *)data, size, &err) < 0 && err.kind != ERROR_INPUT &&
        err.kind != ERROR_LIMIT)
        abort();
    way = model.graph.node[0].way;
    if (way < OP_WAY_ANY || way >= OP_WAYS || (err.kind != ERROR_NONE && way != OP_WAY_ANY))
        abort();
    model_free(&model);
    return 0;
}
