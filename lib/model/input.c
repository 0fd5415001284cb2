/* input.c - what a model is given, said from outside: sizes that its graph leaves open, and how an image becomes them. */
#include <inttypes.h>
#include <string.h>

#include "graph/simplify.h"
#include "model/internal.h"

/* The input [N, C, H, W] of floats. */
static int find_image(const struct model *model, struct tensor **image, struct error *err)
{
    const struct graph *graph = &model->graph;
    char text[160];

    if (graph->input_count != 1)
        return error_set(err, ERROR_USAGE, "the model has %d inputs, expected one image", graph->input_count);
    *image = &graph->value[graph->input[0]].tensor;
    if ((*image)->dtype != DTYPE_F32 && (*image)->quant == NULL)
        return error_set(err, ERROR_USAGE, "the input '%s' is %s, expected F32", graph->value[graph->input[0]].name,
                         dtype_name((*image)->dtype));
    if ((*image)->shape.rank == 4)
        return 0;
    return error_set(err, ERROR_USAGE, "the input '%s' is %s, expected an image [N, C, H, W]",
                     graph->value[graph->input[0]].name, shape_text(&(*image)->shape, text));
}

/* 1 when it was open. */
static int set_dim(struct shape *shape, int axis, int size, struct error *err)
{
    static const char *const names[] = { "batch", "channels", "height", "width" };

    if (size == 0 || shape->dim[axis] == size)
        return 0;
    if (shape->dim[axis] != SHAPE_UNKNOWN)
        return error_set(err, ERROR_USAGE, "%s of the input is %" PRId64 " in the model, found %d", names[axis],
                         shape->dim[axis], size);
    shape->dim[axis] = size;
    return 1;
}

int model_guess_task(struct model *model, struct error *err)
{
    const struct graph *graph = &model->graph;
    const struct shape *in = graph->input_count == 1 ? &graph->value[graph->input[0]].tensor.shape : NULL;
    struct shape out;
    struct error ignored;

    if (in == NULL || graph->output_count != 1 || in->rank != 4 || !graph_is_sized(graph) ||
        graph_infer_shapes(&model->graph, 1, &ignored) < 0)
        return 0;
    out = graph->value[graph->output[0]].tensor.shape;
    if (out.rank != 2 || out.dim[0] != 1 || out.dim[1] < 2 || out.dim[1] > 100000 ||
        graph->value[graph->output[0]].tensor.dtype == DTYPE_I64)
        return 0;
    model->task = "classify";
    return model->label_count > 0 ? 0 : model_set_labels(model, NULL, (int)out.dim[1], err);
}

int model_set_input(struct model *model, int channels, int height, int width, struct error *err)
{
    const int sizes[4] = { 0, channels, height, width };
    struct tensor *image;
    int settled = 0;

    if (find_image(model, &image, err) < 0)
        return -1;
    for (int axis = 1; axis < 4; axis++) {
        int rc = set_dim(&image->shape, axis, sizes[axis], err);

        if (rc < 0)
            return -1;
        settled += rc;
    }
    if (settled == 0 || !graph_is_sized(&model->graph))
        return 0;
    /* what was computed from open sizes is now a number */
    if (graph_simplify(&model->graph, err) < 0)
        return -1;
    if (graph_infer_shapes(&model->graph, 1, err) < 0)
        return -1;
    return strcmp(model->task, "none") == 0 ? model_guess_task(model, err) : 0;
}

static int known(int64_t size)
{
    return size > 0 && size <= INT32_MAX ? (int)size : 0;
}

int model_set_preprocess(struct model *model, const char *text, struct error *err)
{
    struct preprocess p = model->preprocess;
    struct tensor *image;

    if (find_image(model, &image, err) < 0)
        return -1;
    if (!model->has_preprocess)
        preprocess_init(&p, known(image->shape.dim[1]), known(image->shape.dim[2]), known(image->shape.dim[3]));
    if (preprocess_parse(&p, text, err) < 0 || model_set_input(model, p.channels, p.height, p.width, err) < 0)
        return -1;
    if (p.channels != 1 && p.channels != 3)
        return error_set(err, ERROR_USAGE, "the input has %d channels, images have 1 or 3", p.channels);
    if (p.height == 0 || p.width == 0) {
        error_set(err, ERROR_USAGE, "the model leaves the input's size open");
        return error_hint(err, "add size=HxW");
    }
    model->preprocess = p;
    model->has_preprocess = true;
    return 0;
}

int model_name_classes(struct model *model, const char *const *labels, int count, struct error *err)
{
    if (model_set_labels(model, labels, count, err) < 0)
        return -1;
    if (graph_is_sized(&model->graph) &&
        (graph_infer_shapes(&model->graph, 1, err) < 0 || model_check_labels(model, NULL, err) < 0))
        return -1;
    model->task = "classify";
    return 0;
}
