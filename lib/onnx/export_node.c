/*
 * export_node.c - nodes in the form of opset 17: arguments that moved to inputs
 * by then leave as inputs, others as attributes; what is newer is spelled out.
 */
#include <inttypes.h>
#include <string.h>

#include "onnx/export.h"
#include "onnx/proto.h"
#include "op/op.h"
#include "tensor/element.h"

/* Attributes of ours that are inputs in opset 17. */
enum moved_as {
    INTS,    /* a list of I64 */
    REAL,    /* one F32 */
    REALS,   /* a list of F32 */
    ELEMENT, /* one of the first input's type */
};
static const struct {
    const char *op, *attribute;
    int input;
    enum moved_as as;
} moved[] = {
    { "Clip", "min", 1, ELEMENT },   { "Clip", "max", 2, ELEMENT },    { "Dropout", "ratio", 1, REAL },
    { "Pad", "pads", 1, INTS },      { "Pad", "value", 2, ELEMENT },   { "ReduceSum", "axes", 1, INTS },
    { "Reshape", "shape", 1, INTS }, { "Resize", "scales", 2, REALS }, { "Resize", "sizes", 3, INTS },
    { "Slice", "starts", 1, INTS },  { "Slice", "ends", 2, INTS },     { "Slice", "axes", 3, INTS },
    { "Slice", "steps", 4, INTS },   { "Split", "split", 1, INTS },    { "Squeeze", "axes", 1, INTS },
    { "TopK", "k", 1, INTS },        { "Unsqueeze", "axes", 1, INTS },
};

/* Attributes whose type is FLOAT whatever number they hold. */
static const char *const reals[] = {
    "activation_alpha", "activation_beta",     "alpha", "beta",  "bias",     "clip",          "cubic_coeff_a",
    "epsilon",          "extrapolation_value", "gamma", "lambd", "momentum", "spatial_scale", NULL
};

/* Attributes that opset 17 does not know: their default (a number, each of a list, or a text) is left out, another refused. */
static const struct {
    const char *op, *attribute;
    int64_t initial;
    const char *text;
} newer[] = {
    { "AveragePool", "dilations", 1, NULL },
    { "Cast", "round_mode", 0, "up" },
    { "Cast", "saturate", 1, NULL },
    { "CastLike", "round_mode", 0, "up" },
    { "CastLike", "saturate", 1, NULL },
    { "DequantizeLinear", "block_size", 0, NULL },
    { "LpPool", "ceil_mode", 0, NULL },
    { "LpPool", "dilations", 1, NULL },
    { "QuantizeLinear", "block_size", 0, NULL },
    { "QuantizeLinear", "output_dtype", 0, NULL },
    { "QuantizeLinear", "saturate", 1, NULL },
    { "ReduceL1", "noop_with_empty_axes", 0, NULL },
    { "ReduceL2", "noop_with_empty_axes", 0, NULL },
    { "ReduceLogSum", "noop_with_empty_axes", 0, NULL },
    { "ReduceLogSumExp", "noop_with_empty_axes", 0, NULL },
    { "ReduceMax", "noop_with_empty_axes", 0, NULL },
    { "ReduceMean", "noop_with_empty_axes", 0, NULL },
    { "ReduceMin", "noop_with_empty_axes", 0, NULL },
    { "ReduceProd", "noop_with_empty_axes", 0, NULL },
    { "ReduceSumSquare", "noop_with_empty_axes", 0, NULL },
    { "Resize", "antialias", 0, NULL },
    { "Resize", "keep_aspect_ratio_policy", 0, "stretch" },
    { "Split", "num_outputs", -1, NULL },
};

/* Values of attributes that came after opset 17, and what they were called then; NULL: they were not. */
static const struct {
    const char *op, *attribute, *text, *older;
} newer_texts[] = {
    { "GridSample", "mode", "cubic", "bicubic" },
    { "GridSample", "mode", "linear", "bilinear" },
    { "Pad", "mode", "wrap", NULL },
    { "Resize", "coordinate_transformation_mode", "half_pixel_symmetric", NULL },
    { "ScatterElements", "reduction", "max", NULL },
    { "ScatterElements", "reduction", "min", NULL },
    { "ScatterND", "reduction", "max", NULL },
    { "ScatterND", "reduction", "min", NULL },
};

/* Operators that came after opset 17 and are not spelled out here. */
static const char *const too_new[] = { "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", NULL };

static bool is_listed(const char *name, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* ---- attributes to bytes ---- */

static void put_list(struct export *export, const struct attribute *a, bool real)
{
    for (int i = 0; i < a->count; i++) {
        if (a->kind == ATTRIBUTE_FLOATS || real)
            wire_put_real(&export->nodes, 7, a->kind == ATTRIBUTE_FLOATS ? a->floats[i] : (float)a->ints[i]);
        else
            wire_put_int(&export->nodes, 8, a->ints[i]);
    }
    wire_put_int(&export->nodes, 20, a->kind == ATTRIBUTE_FLOATS || real ? ONNX_FLOATS : ONNX_INTS);
}

/* `activations`: one text here, a list there. */
static void put_words(struct export *export, const char *words)
{
    while (*words != '\0') {
        const size_t length = strcspn(words, " ");

        wire_put_bytes(&export->nodes, 9, words, length);
        words += length + (words[length] == ' ');
    }
    wire_put_int(&export->nodes, 20, ONNX_STRINGS);
}

static void put_attribute(struct export *export, const struct attribute *a)
{
    const bool real = is_listed(a->name, reals);
    const size_t begin = wire_open(&export->nodes, NODE_ATTRIBUTE);

    wire_put_text(&export->nodes, 1, a->name);
    if (a->kind == ATTRIBUTE_FLOAT || (a->kind == ATTRIBUTE_INT && real)) {
        wire_put_real(&export->nodes, 2, a->kind == ATTRIBUTE_FLOAT ? (float)a->f : (float)a->i);
        wire_put_int(&export->nodes, 20, ONNX_FLOAT);
    } else if (a->kind == ATTRIBUTE_INT) {
        wire_put_int(&export->nodes, 3, a->i);
        wire_put_int(&export->nodes, 20, ONNX_INT);
    } else if (a->kind == ATTRIBUTE_TEXT && strcmp(a->name, "activations") == 0) {
        put_words(export, a->s);
    } else if (a->kind == ATTRIBUTE_TEXT) {
        wire_put_text(&export->nodes, 4, a->s);
        wire_put_int(&export->nodes, 20, ONNX_STRING);
    } else {
        put_list(export, a, strcmp(a->name, "activation_alpha") == 0 || strcmp(a->name, "activation_beta") == 0);
    }
    wire_close(&export->nodes, begin);
}

static size_t open_node(struct export *export, const char *name, const char *op, const char *const *in, int in_count,
                        const char *const *out, int out_count)
{
    const size_t begin = wire_open(&export->nodes, GRAPH_NODE);

    for (int i = 0; i < in_count; i++)
        wire_put_text(&export->nodes, NODE_INPUT, in[i] != NULL ? in[i] : "");
    for (int i = 0; i < out_count; i++)
        wire_put_text(&export->nodes, NODE_OUTPUT, out[i]);
    wire_put_text(&export->nodes, NODE_NAME, name);
    wire_put_text(&export->nodes, NODE_OP_TYPE, op);
    return begin;
}

void export_plain(struct export *export, const char *name, const char *op, const char *const *in, int in_count,
                  const char *const *out, int out_count, const struct attributes *attributes)
{
    const size_t begin = open_node(export, name, op, in, in_count, out, out_count);

    for (int i = 0; attributes != NULL && i < attributes->count; i++)
        put_attribute(export, &attributes->item[i]);
    wire_close(&export->nodes, begin);
}

/* ---- ConstantOfShape: its one element is a tensor there ---- */

static int put_fill(struct export *export, const struct node *node, const char *const *in, const char *const *out,
                    struct error *err)
{
    const struct attribute *value = attribute_find(&node->attributes, "value");
    int64_t number;
    unsigned char bytes[8] = { 0 };
    enum dtype dtype;
    size_t begin, attribute, tensor;

    if (attribute_int(&node->attributes, "dtype", 1, &number, err) < 0)
        return -1;
    if (!dtype_of_onnx(&dtype, number))
        return error_set(err, ERROR_INPUT, "dtype is %" PRId64, number);
    if (value != NULL && value->kind == ATTRIBUTE_FLOAT)
        element_set_real(dtype, bytes, 0, value->f);
    else if (value != NULL)
        element_set_int(dtype, bytes, 0, value->i);
    begin = open_node(export, node->name, node->op->name, in, 1, out, 1);
    attribute = wire_open(&export->nodes, NODE_ATTRIBUTE);
    wire_put_text(&export->nodes, 1, "value");
    tensor = wire_open(&export->nodes, 5);
    wire_put_int(&export->nodes, 1, 1);
    wire_put_int(&export->nodes, 2, number);
    wire_put_bytes(&export->nodes, 9, bytes, dtype_bytes(dtype));
    wire_close(&export->nodes, tensor);
    wire_put_int(&export->nodes, 20, ONNX_TENSOR);
    wire_close(&export->nodes, attribute);
    wire_close(&export->nodes, begin);
    return 0;
}

/* ---- the form of opset 17 ---- */

static double number_of(const struct attribute *a)
{
    return a->kind == ATTRIBUTE_FLOAT ? a->f : (double)a->i;
}

static const char *constant_of(struct export *export, const struct node *node, const struct attribute *a,
                               enum moved_as as, struct error *err)
{
    const struct tensor *x = node->in_count > 0 && node->in[0] >= 0 ? &export->graph->value[node->in[0]].tensor : NULL;
    const enum dtype dtype = as == REAL || x == NULL || x->quant != NULL ? DTYPE_F32 : x->dtype;
    float list[SHAPE_MAX_RANK];

    switch (as) {
    case INTS:
        return export_ints(export, node->name, a->name, a->kind == ATTRIBUTE_INT ? &a->i : a->ints,
                           a->kind == ATTRIBUTE_INT ? 1 : a->count, err);
    case REALS:
        for (int i = 0; i < a->count && i < SHAPE_MAX_RANK; i++)
            list[i] = a->kind == ATTRIBUTE_FLOATS ? a->floats[i] : (float)a->ints[i];
        return export_reals(export, node->name, a->name, list, a->count < SHAPE_MAX_RANK ? a->count : SHAPE_MAX_RANK,
                            err);
    default: return export_number(export, node->name, a->name, dtype, number_of(a), err);
    }
}

/* An attribute as an input: a constant of its own. 0 when it stays an attribute. */
static int move_attribute(struct export *export, const struct node *node, struct export_form *form,
                          const struct attribute *a, struct error *err)
{
    for (size_t i = 0; i < COUNT(moved); i++) {
        const int input = moved[i].input;

        if (strcmp(moved[i].op, node->op->name) != 0 || strcmp(moved[i].attribute, a->name) != 0)
            continue;
        while (form->in_count <= input)
            form->in[form->in_count++] = NULL;
        if (form->in[input] == NULL)
            form->in[input] = constant_of(export, node, a, moved[i].as, err);
        return form->in[input] == NULL ? -1 : 1;
    }
    return 0;
}

static bool is_initial(const struct attribute *a, int64_t initial, const char *text)
{
    if (a->kind == ATTRIBUTE_TEXT)
        return text != NULL && strcmp(a->s, text) == 0;
    for (int i = 0; a->kind == ATTRIBUTE_INTS && i < a->count; i++)
        if (a->ints[i] != initial)
            return false;
    return a->kind == ATTRIBUTE_INTS || (a->kind == ATTRIBUTE_INT && a->i == initial);
}

static int drop_newer(const struct node *node, const struct attribute *a, struct error *err)
{
    for (size_t i = 0; i < COUNT(newer); i++) {
        if (strcmp(newer[i].op, node->op->name) != 0 || strcmp(newer[i].attribute, a->name) != 0)
            continue;
        if (newer[i].initial == -1 || is_initial(a, newer[i].initial, newer[i].text))
            return 1;
        return error_set(err, ERROR_INPUT, "attribute '%s' is newer than opset %d", a->name, EXPORT_OPSET);
    }
    return 0;
}

static int say_older(const struct node *node, struct attribute *a, struct error *err)
{
    for (size_t i = 0; i < COUNT(newer_texts) && a->kind == ATTRIBUTE_TEXT; i++) {
        if (strcmp(newer_texts[i].op, node->op->name) != 0 || strcmp(newer_texts[i].attribute, a->name) != 0 ||
            strcmp(newer_texts[i].text, a->s) != 0)
            continue;
        if (newer_texts[i].older == NULL)
            return error_set(err, ERROR_INPUT, "%s '%s' is newer than opset %d", a->name, a->s, EXPORT_OPSET);
        a->s = newer_texts[i].older;
        return 0;
    }
    return 0;
}

static int take_form(struct export *export, const struct node *node, struct export_form *form, const char *const *in,
                     struct error *err)
{
    for (int i = 0; i < node->in_count; i++)
        form->in[form->in_count++] = in[i];
    if (export_axes(export, node, form, err) < 0)
        return -1;
    for (int i = 0; i < node->attributes.count; i++) {
        const struct attribute *a = &node->attributes.item[i];
        int done = form->said != NULL && is_listed(a->name, form->said) ? 1
                                                                        : move_attribute(export, node, form, a, err);

        if (done == 0)
            done = drop_newer(node, a, err);
        if (done < 0)
            return -1;
        if (done > 0)
            continue;
        form->attribute[form->count++] = *a;
        if (say_older(node, &form->attribute[form->count - 1], err) < 0)
            return -1;
    }
    return 0;
}

/* Split without sizes: equal parts are the default, others are said. */
static int say_split(struct export *export, const struct node *node, struct export_form *form, struct error *err)
{
    const struct shape *first = &export->graph->value[node->out[0]].tensor.shape;
    int64_t sizes[64], axis;
    bool equal = true;

    if (strcmp(node->op->name, "Split") != 0 || form->in_count > 1 || node->out_count > 64)
        return 0;
    if (attribute_int(&node->attributes, "axis", 0, &axis, err) < 0)
        return -1;
    axis += axis < 0 ? first->rank : 0;
    for (int i = 0; i < node->out_count && axis >= 0 && axis < first->rank; i++) {
        sizes[i] = export->graph->value[node->out[i]].tensor.shape.dim[axis];
        equal = equal && sizes[i] == sizes[0];
    }
    if (equal)
        return 0;
    form->in[1] = export_ints(export, node->name, "split", sizes, node->out_count, err);
    form->in_count = 2;
    return form->in[1] == NULL ? -1 : 0;
}

int export_node(struct export *export, const struct node *node, const char **in, const char **out, struct error *err)
{
    const char *op = node->op->name;
    struct export_form form = { .in_count = 0 };
    struct attributes attributes = { form.attribute, 0 };
    bool done;

    if (is_listed(op, too_new))
        return error_set(err, ERROR_INPUT, "is newer than opset %d", EXPORT_OPSET);
    if (strcmp(op, "ConstantOfShape") == 0)
        return put_fill(export, node, in, out, err);
    if (export_spelled(export, node, in, out, &done, err) < 0 || done)
        return done ? 0 : -1;
    if (node->in_count > EXPORT_FORM_ROOM - 5 || node->attributes.count > EXPORT_FORM_ROOM - 2) {
        export_plain(export, node->name, op, in, node->in_count, out, node->out_count, &node->attributes);
        return 0;
    }
    if (take_form(export, node, &form, in, err) < 0 || say_split(export, node, &form, err) < 0)
        return -1;
    attributes.count = form.count;
    export_plain(export, node->name, op, form.in, form.in_count, out, node->out_count, &attributes);
    return 0;
}
