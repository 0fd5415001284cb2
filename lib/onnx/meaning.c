/* meaning.c - what a graph is for, where the file says so or its shape tells. */
#include <inttypes.h>
#include <string.h>

#include "onnx/internal.h"

static bool is_probability(const struct graph *graph, int value)
{
    static const char *const last[] = { "Softmax", "LogSoftmax", "Sigmoid", NULL };
    const int producer = graph_producer(graph, value);

    for (int i = 0; producer >= 0 && last[i] != NULL; i++)
        if (strcmp(graph->node[producer].op->name, last[i]) == 0)
            return true;
    return false;
}

/* One image in, a row of numbers out: it classifies. */
int import_meaning(const struct import *import, struct model *model, struct error *err)
{
    const struct graph *graph = &model->graph;
    const struct shape *in = graph->input_count == 1 ? &graph->value[graph->input[0]].tensor.shape : NULL;
    const struct shape *out = graph->output_count == 1 ? &graph->value[graph->output[0]].tensor.shape : NULL;

    (void)import;
    if (in == NULL || out == NULL || in->rank != 4 || out->rank != 2 || out->dim[1] < 2 || out->dim[1] > 100000)
        return 0;
    model->task = "classify";
    model->softmax = !is_probability(graph, graph->output[0]);
    return model_set_labels(model, NULL, (int)out->dim[1], err);
}
