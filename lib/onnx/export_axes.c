/*
 * export_axes.c - lists of axes that opset 18 made inputs: reductions have them as an
 * attribute until then, Pad and Resize have none and are told what every axis gets.
 */
#include <math.h>
#include <string.h>

#include "onnx/export.h"

enum { LIST_ROOM = 2 * SHAPE_MAX_RANK };

struct ints {
    int64_t value[LIST_ROOM];
    int count;
    bool given;
};

static int input_of(const struct node *node, int input)
{
    return input >= 0 && input < node->in_count ? node->in[input] : -1;
}

static const struct tensor *constant_input(const struct export *export, const struct node *node, int input)
{
    const int v = input_of(node, input);

    return v >= 0 && export->graph->value[v].kind == VALUE_WEIGHT ? &export->graph->value[v].tensor : NULL;
}

/* Of an input that is constant, or of the attribute. */
static int find_ints(const struct export *export, const struct node *node, int input, const char *name,
                     struct ints *list, struct error *err)
{
    const struct tensor *t = constant_input(export, node, input);
    const struct attribute *a = attribute_find(&node->attributes, name);
    const bool one = a != NULL && a->kind == ATTRIBUTE_INT;
    const int64_t *from = t != NULL ? t->data : one ? &a->i : a != NULL ? a->ints : NULL;
    const int64_t count = t != NULL ? shape_count(&t->shape) : one ? 1 : a != NULL ? a->count : 0;

    *list = (struct ints){ .given = t != NULL || a != NULL };
    if (t == NULL && input_of(node, input) >= 0)
        return error_set(err, ERROR_INPUT, "computed %s are newer than opset %d", name, EXPORT_OPSET);
    if (count > LIST_ROOM || (t != NULL && t->dtype != DTYPE_I64))
        return error_set(err, ERROR_INPUT, "%s: opset %d has no such list", name, EXPORT_OPSET);
    for (; list->count < count; list->count++)
        list->value[list->count] = from[list->count];
    return 0;
}

static int reduce(const struct export *export, const struct node *node, struct export_form *form, struct error *err)
{
    struct ints axes;
    const struct tensor *t = constant_input(export, node, 1);

    if (find_ints(export, node, 1, "axes", &axes, err) < 0)
        return -1;
    form->in_count = 1;
    if (t != NULL && axes.count > 0)
        form->attribute[form->count++] = (struct attribute){
            .name = "axes", .kind = ATTRIBUTE_INTS, .ints = t->data, .count = axes.count
        };
    return 0;
}

/* Where axis k of the list is, -1: nowhere. */
static int64_t axis_at(const struct ints *axes, int k, int rank)
{
    const int64_t axis = axes->value[k] + (axes->value[k] < 0 ? rank : 0);

    return axis >= 0 && axis < rank ? axis : -1;
}

static int pad(struct export *export, const struct node *node, struct export_form *form, struct error *err)
{
    static const char *const said[] = { "axes", "pads", NULL };
    const int rank = export->graph->value[node->in[0]].tensor.shape.rank;
    int64_t full[LIST_ROOM] = { 0 };
    struct ints axes, pads;

    if (find_ints(export, node, 3, "axes", &axes, err) < 0)
        return -1;
    if (!axes.given)
        return 0;
    if (find_ints(export, node, 1, "pads", &pads, err) < 0)
        return -1;
    if (rank < 1 || pads.count != 2 * axes.count)
        return error_set(err, ERROR_INPUT, "its shape is not known");
    for (int k = 0; k < axes.count; k++) {
        const int64_t axis = axis_at(&axes, k, rank);

        if (axis < 0)
            return error_set(err, ERROR_INPUT, "an axis is none of %d", rank);
        full[axis] = pads.value[k];
        full[rank + axis] = pads.value[axes.count + k];
    }
    form->said = said;
    form->in_count = form->in_count > 3 ? 3 : form->in_count;
    form->in_count = form->in_count < 2 ? 2 : form->in_count;
    form->in[1] = export_ints(export, node->name, "pads", full, 2 * rank, err);
    return form->in[1] == NULL ? -1 : 0;
}

/* The scale that makes y of x, which a float may miss by one when it is cut. */
static float scale_of(int64_t x, int64_t y)
{
    float scale = (float)y / (float)x;

    while (floorf((float)x * scale) < (float)y)
        scale = nextafterf(scale, INFINITY);
    return scale;
}

static int scales_of_all(const struct export *export, const struct node *node, const struct ints *axes,
                         float scale[SHAPE_MAX_RANK], struct error *err)
{
    const struct shape *x = &export->graph->value[node->in[0]].tensor.shape;
    const struct shape *y = &export->graph->value[node->out[0]].tensor.shape;
    const struct tensor *t = constant_input(export, node, 2);
    const struct attribute *a = attribute_find(&node->attributes, "scales");
    const float *said = t != NULL && shape_count(&t->shape) == axes->count ? t->data
                        : a != NULL && a->kind == ATTRIBUTE_FLOATS         ? a->floats
                                                                           : NULL;

    if (x->rank < 1 || x->rank != y->rank)
        return error_set(err, ERROR_INPUT, "its shape is not known");
    for (int i = 0; i < x->rank; i++)
        scale[i] = 1;
    for (int k = 0; k < axes->count; k++) {
        const int64_t axis = axis_at(axes, k, x->rank);

        if (axis < 0 || x->dim[axis] < 1)
            return error_set(err, ERROR_INPUT, "an axis is none of %d", x->rank);
        scale[axis] = said != NULL ? said[k] : scale_of(x->dim[axis], y->dim[axis]);
    }
    return 0;
}

static int resize(struct export *export, const struct node *node, struct export_form *form, struct error *err)
{
    static const char *const said[] = { "axes", "scales", "sizes", NULL };
    float scale[SHAPE_MAX_RANK];
    struct ints axes;

    if (find_ints(export, node, -1, "axes", &axes, err) < 0)
        return -1;
    if (!axes.given)
        return 0;
    if (form->in_count > 1 && form->in[1] != NULL)
        return error_set(err, ERROR_INPUT, "a roi of some axes is newer than opset %d", EXPORT_OPSET);
    if (scales_of_all(export, node, &axes, scale, err) < 0)
        return -1;
    form->said = said;
    form->in[1] = NULL;
    form->in[2] = export_reals(export, node->name, "scales", scale, export->graph->value[node->in[0]].tensor.shape.rank,
                               err);
    form->in_count = 3;
    return form->in[2] == NULL ? -1 : 0;
}

int export_axes(struct export *export, const struct node *node, struct export_form *form, struct error *err)
{
    const char *op = node->op->name;

    if (strcmp(op, "Pad") == 0)
        return pad(export, node, form, err);
    if (strcmp(op, "Resize") == 0)
        return resize(export, node, form, err);
    if (strncmp(op, "Reduce", 6) == 0 && strcmp(op, "ReduceSum") != 0)
        return reduce(export, node, form, err);
    return 0;
}
