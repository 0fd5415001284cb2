/* arch_yaml.c - a fresh model from a graph that somebody wrote. */
#include "model/graph_yaml.h"
#include "model/internal.h"

#include <inttypes.h>
#include <string.h>

/* How a weight begins: drawn by its fans, or one number everywhere. */
struct beginning {
    bool drawn;
    enum init init;
    int64_t fan_in, fan_out;
    float fill;
};

static bool is(const struct node *node, const char *op)
{
    return strcmp(node->op->name, op) == 0;
}

static struct beginning filled(float number)
{
    return (struct beginning){ .fill = number };
}

static struct beginning convolution(const struct shape *w)
{
    const int64_t area = shape_span(w, 2, w->rank);

    return (struct beginning){ true, INIT_HE_OUT, w->dim[1] * area, w->dim[0] * area, 0 };
}

static struct beginning matrix(const struct node *node, const struct shape *w)
{
    int64_t transposed = 0;

    if (attribute_int(&node->attributes, "transB", 0, &transposed, NULL) < 0)
        transposed = 0;
    return (struct beginning){ true, INIT_LINEAR, w->dim[transposed ? 1 : w->rank - 2], 0, 0 };
}

/* Input i of a node, by what the operator does with it. False: nobody can guess its values. */
static bool find_beginning(const struct node *node, int i, const struct shape *w, struct beginning *begin)
{
    const bool normalizes = is(node, "BatchNormalization") || is(node, "GroupNormalization") ||
                            is(node, "LayerNormalization");

    if ((is(node, "Conv") || is(node, "ConvTranspose")) && i == 1 && w->rank >= 3)
        *begin = convolution(w);
    else if ((is(node, "Gemm") || is(node, "MatMul")) && i == 1 && w->rank >= 2)
        *begin = matrix(node, w);
    else if (normalizes)
        *begin = filled(i == 1 || i == 4 ? 1 : 0);
    else if (((is(node, "Conv") || is(node, "ConvTranspose") || is(node, "Gemm")) && i == 2) || is(node, "Add"))
        *begin = filled(0);
    else if (is(node, "Mul"))
        *begin = filled(1);
    else if (is(node, "PRelu"))
        *begin = filled(0.25F);
    else
        return false;
    return true;
}

static int fill_weight(struct model *model, const struct node *node, int i, uint64_t seed, struct error *err)
{
    struct value *value = &model->graph.value[node->in[i]];
    const int64_t count = shape_count(&value->tensor.shape);
    struct beginning begin;
    float *data;

    if (value->tensor.dtype != DTYPE_F32 || !find_beginning(node, i, &value->tensor.shape, &begin))
        return error_set(err, ERROR_INPUT,
                         "'%s', input %d of '%s' (%s), needs values of its own, which the file cannot give",
                         value->name, i, node->name, node->op->name);
    data = arena_array(&model->arena, (size_t)count + 1, sizeof(*data));
    if (data == NULL)
        return error_memory(err);
    for (int64_t k = 0; k < count; k++)
        data[k] = begin.fill;
    if (begin.drawn)
        init_draw(data, count, begin.init, begin.fan_in, begin.fan_out, seed, value->name);
    value->tensor.data = data;
    return 0;
}

static int fill_weights(struct model *model, uint64_t seed, struct error *err)
{
    for (int n = 0; n < model->graph.node_count; n++) {
        const struct node *node = &model->graph.node[n];

        for (int i = 0; i < node->in_count; i++) {
            const struct value *value = node->in[i] < 0 ? NULL : &model->graph.value[node->in[i]];

            if (value != NULL && value->kind == VALUE_WEIGHT && value->tensor.data == NULL &&
                fill_weight(model, node, i, seed, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* A file says its sizes itself; an option that says otherwise is a mistake. */
static int check_options(const struct model *model, const struct arch_options *o, struct error *err)
{
    const struct shape *in = &model->graph.value[model->graph.input[0]].tensor.shape;
    const struct shape *out = &model->graph.value[model->graph.output[0]].tensor.shape;

    if (o->channels != 0 &&
        (in->rank != 4 || in->dim[1] != o->channels || in->dim[2] != o->height || in->dim[3] != o->width))
        return error_set(err, ERROR_USAGE, "the file's input is not %dx%dx%d", o->channels, o->height, o->width);
    if (o->classes != 0 && (out->rank != 2 || out->dim[1] != o->classes))
        return error_set(err, ERROR_USAGE, "the file's output does not have %d classes", o->classes);
    if (o->width_factor != 0 && o->width_factor != 1)
        return error_set(err, ERROR_USAGE,
                         "a width factor is for built-in architectures: the file says how wide its layers are");
    return 0;
}

static int find_meaning(struct model *model, struct error *err)
{
    const struct graph *graph = &model->graph;
    const struct shape *in = &graph->value[graph->input[0]].tensor.shape;
    const struct shape *out = &graph->value[graph->output[0]].tensor.shape;
    const int last = graph_producer(graph, graph->output[0]);

    model->has_preprocess = graph->input_count == 1 && in->rank == 4 && (in->dim[1] == 1 || in->dim[1] == 3);
    if (model->has_preprocess)
        preprocess_init(&model->preprocess, (int)in->dim[1], (int)in->dim[2], (int)in->dim[3]);
    if (graph->output_count != 1 || out->rank != 2 || out->dim[1] < 1 || out->dim[1] > INT32_MAX)
        return 0;
    model->task = "classify";
    model->softmax = last < 0 || !is(&graph->node[last], "Softmax");
    return model_set_labels(model, NULL, (int)out->dim[1], err);
}

static int build(struct model *model, const struct tree *root, const struct arch_options *o, struct error *err)
{
    static const char *const known[] = { "name", "graph", NULL };
    const struct tree *graph = tree_get(root, "graph");
    const char *name = "graph";

    if (graph != NULL && (tree_only(root, known, err) < 0 || tree_take_text(root, "name", &name, err) < 0))
        return -1;
    model->name = arena_strdup(&model->arena, name);
    if (model->name == NULL)
        return error_memory(err);
    model->golden_seed = o->seed;
    if (graph_from_tree(&model->graph, graph != NULL ? graph : root, NULL, err) < 0 ||
        fill_weights(model, o->seed, err) < 0)
        return -1;
    if (model->graph.input_count < 1)
        return error_set(err, ERROR_INPUT, "the graph has no input");
    return check_options(model, o, err) < 0 ? -1 : find_meaning(model, err);
}

int model_from_yaml(struct model *model, const struct tree *root, const struct arch_options *options, struct error *err)
{
    model_init(model);
    if (build(model, root, options, err) < 0) {
        model_free(model);
        return -1;
    }
    return 0;
}
