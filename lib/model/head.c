/* head.c - the layer whose rows are the classes, and a new one for new classes. */
#include "model/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What may stand between the classifier and the output without mixing its rows. */
static bool passes_rows_through(const struct op *op)
{
    static const char *const names[] = { "GlobalAveragePool", "Flatten", "Softmax", "Dropout" };

    if (op->flags & (OP_ELEMENTWISE | OP_VIEW))
        return true;
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(op->name, names[i]) == 0)
            return true;
    return false;
}

static int computed_inputs(const struct graph *graph, const struct node *node)
{
    int count = 0;

    for (int i = 0; i < node->in_count; i++)
        if (node->in[i] >= 0 && graph->value[node->in[i]].kind != VALUE_WEIGHT)
            count++;
    return count;
}

static bool is_pointwise_conv(const struct graph *graph, const struct node *node)
{
    const struct shape *w;

    if (strcmp(node->op->name, "Conv") != 0 || node->in[1] < 0)
        return false;
    w = &graph->value[node->in[1]].tensor.shape;
    return w->rank == 4 && w->dim[2] == 1 && w->dim[3] == 1;
}

int model_head(const struct model *model)
{
    const struct graph *graph = &model->graph;
    int value = graph->output_count > 0 ? graph->output[0] : -1;

    while (value >= 0) {
        const int at = graph_producer(graph, value);
        const struct node *node;

        if (at < 0)
            return -1;
        node = &graph->node[at];
        if (strcmp(node->op->name, "Gemm") == 0 || is_pointwise_conv(graph, node))
            return graph->value[node->in[1]].kind == VALUE_WEIGHT ? at : -1;
        if (!passes_rows_through(node->op) || computed_inputs(graph, node) != 1)
            return -1;
        value = node->in[0];
    }
    return -1;
}

/* One class' weights lie in `run` elements `step` apart: rows of [classes, in], or columns of [in, classes]. */
struct layout {
    int64_t classes, inputs;
    bool columns;
};

static float *element(const struct layout *layout, float *data, int64_t class, int64_t input)
{
    return layout->columns ? data + input * layout->classes + class : data + class * layout->inputs + input;
}

static int head_layout(const struct graph *graph, const struct node *node, struct layout *layout, struct error *err)
{
    const struct tensor *w = &graph->value[node->in[1]].tensor;
    int64_t transposed = 1;

    if (w->dtype != DTYPE_F32)
        return error_set(err, ERROR_INPUT, "'%s' is quantized to %s: a new head needs the model before quantization",
                         node->name, dtype_name(w->dtype));
    if (strcmp(node->op->name, "Gemm") == 0 && attribute_int(&node->attributes, "transB", 0, &transposed, err) < 0)
        return -1;
    *layout = (struct layout){ .columns = transposed == 0 };
    layout->classes = w->shape.dim[layout->columns ? 1 : 0];
    layout->inputs = shape_count(&w->shape) / (layout->classes > 0 ? layout->classes : 1);
    return 0;
}

/* Where new class i comes from in the old head, or -1. Without labels the old ones are "0", "1", ... */
static int64_t old_row(const struct model *model, const char *label, int64_t old_classes)
{
    if (model->label != NULL) {
        int found = model_find_label(model, label);

        return found < old_classes ? found : -1;
    }
    for (int64_t i = 0; i < old_classes; i++) {
        char number[24];

        snprintf(number, sizeof(number), "%" PRId64, i);
        if (strcmp(number, label) == 0)
            return i;
    }
    return -1;
}

static int new_weight(struct model *model, const struct node *node, const struct layout *from, const int64_t *row,
                      int count, uint64_t seed, struct error *err)
{
    struct tensor *w = &model->graph.value[node->in[1]].tensor;
    struct layout to = *from;
    float *data = arena_array(&model->arena, (size_t)(count * from->inputs), sizeof(float));
    float *fresh = arena_array(&model->arena, (size_t)from->inputs, sizeof(float));

    if (data == NULL || fresh == NULL)
        return error_memory(err);
    to.classes = count;
    for (int class = 0; class < count; class ++) {
        if (row[class] < 0) {
            const char *stream = arena_printf(&model->arena, "%s.head.%d", node->name, class);

            if (stream == NULL)
                return error_memory(err);
            init_draw(fresh, from->inputs, INIT_LINEAR, from->inputs, count, seed, stream);
        }
        for (int64_t k = 0; k < from->inputs; k++)
            *element(&to, data, class, k) = row[class] < 0 ? fresh[k] : *element(from, w->data, row[class], k);
    }
    w->data = data;
    w->shape.dim[to.columns ? 1 : 0] = count;
    return 0;
}

static int new_bias(struct model *model, const struct node *node, const int64_t *row, int count, struct error *err)
{
    struct tensor *bias;
    int64_t old;
    float *data;

    if (node->in_count < 3 || node->in[2] < 0)
        return 0;
    bias = &model->graph.value[node->in[2]].tensor;
    old = shape_count(&bias->shape);
    data = arena_array(&model->arena, (size_t)count, sizeof(float));
    if (data == NULL)
        return error_memory(err);
    for (int class = 0; class < count; class ++)
        if (row[class] >= 0)
            data[class] = ((const float *)bias->data)[old == 1 ? 0 : row[class]];
    bias->data = data;
    bias->shape = shape_of(1, (int64_t)count);
    return 0;
}

int model_new_head(struct model *model, const char *const *labels, int count, uint64_t seed, struct error *err)
{
    const int at = model_head(model);
    const struct node *node;
    struct layout layout = { 0 };
    int64_t *row;

    if (at < 0)
        return error_set(err, ERROR_INPUT, "the model has no last Gemm or 1x1 Conv whose rows are its classes");
    if (count < 1)
        return error_set(err, ERROR_INPUT, "the list of labels is empty");
    node = &model->graph.node[at];
    if (head_layout(&model->graph, node, &layout, err) < 0)
        return -1;
    row = arena_array(&model->arena, (size_t)count, sizeof(*row));
    if (row == NULL)
        return error_memory(err);
    for (int i = 0; i < count; i++)
        row[i] = old_row(model, labels[i], layout.classes);
    if (new_weight(model, node, &layout, row, count, seed, err) < 0 || new_bias(model, node, row, count, err) < 0 ||
        model_set_labels(model, labels, count, err) < 0)
        return -1;
    model_forget_answers(model);
    return graph_infer_shapes(&model->graph, 1, err);
}

int model_open_logits(struct model *model, struct error *err)
{
    struct graph *graph = &model->graph;
    const int at = model->softmax || graph->output_count != 1 ? -1 : graph_producer(graph, graph->output[0]);
    const struct node *last = at < 0 ? NULL : &graph->node[at];
    const struct attribute *axis = last == NULL ? NULL : attribute_find(&last->attributes, "axis");

    if (last == NULL || strcmp(last->op->name, "Softmax") != 0 || last->in[0] < 0 ||
        graph->value[graph->output[0]].tensor.shape.rank != 2 || graph->value[last->in[0]].kind != VALUE_COMPUTED ||
        (axis != NULL && axis->i != -1 && axis->i != 1))
        return 0;
    graph->output[0] = last->in[0];
    model->softmax = true;
    return graph_remove_dead(graph, err);
}
