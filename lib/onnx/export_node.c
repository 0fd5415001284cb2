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

/* Attributes of ours that are inputs in opset 17; `real`: of one number, else a list of integers. */
static const struct {
    const char *op, *attribute;
    int input;
    bool real;
} moved[] = {
    { "Clip", "min", 1, true },        { "Clip", "max", 2, true },      { "Dropout", "ratio", 1, true },
    { "Pad", "pads", 1, false },       { "Pad", "value", 2, true },     { "ReduceSum", "axes", 1, false },
    { "Reshape", "shape", 1, false },  { "Resize", "sizes", 3, false }, { "Slice", "starts", 1, false },
    { "Slice", "ends", 2, false },     { "Slice", "axes", 3, false },   { "Slice", "steps", 4, false },
    { "Split", "split", 1, false },    { "Squeeze", "axes", 1, false }, { "TopK", "k", 1, false },
    { "Unsqueeze", "axes", 1, false },
};

/* Attributes whose type is FLOAT whatever number they hold. */
static const char *const reals[] = {
    "activation_alpha", "activation_beta",     "alpha", "beta",  "bias",     "clip",          "cubic_coeff_a",
    "epsilon",          "extrapolation_value", "gamma", "lambd", "momentum", "spatial_scale", NULL
};

/* Attributes that opset 17 does not know: their default is left out, another is refused. */
static const struct {
    const char *op, *attribute;
    int64_t initial;
} newer[] = {
    { "Cast", "saturate", 1 },
    { "CastLike", "saturate", 1 },
    { "DequantizeLinear", "block_size", 0 },
    { "QuantizeLinear", "block_size", 0 },
    { "QuantizeLinear", "output_dtype", 0 },
    { "QuantizeLinear", "saturate", 1 },
    { "ReduceL1", "noop_with_empty_axes", 0 },
    { "ReduceL2", "noop_with_empty_axes", 0 },
    { "ReduceLogSum", "noop_with_empty_axes", 0 },
    { "ReduceLogSumExp", "noop_with_empty_axes", 0 },
    { "ReduceMax", "noop_with_empty_axes", 0 },
    { "ReduceMean", "noop_with_empty_axes", 0 },
    { "ReduceMin", "noop_with_empty_axes", 0 },
    { "ReduceProd", "noop_with_empty_axes", 0 },
    { "ReduceSumSquare", "noop_with_empty_axes", 0 },
    { "Resize", "antialias", 0 },
    { "Split", "num_outputs", -1 },
};

/* Operators that came after opset 17 and are not spelled out here. */
static const char *const too_new[] = { "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", NULL };

enum { FORM_ROOM = 16 };

/* A node as it will be written. */
struct form {
    const char *in[FORM_ROOM];
    int in_count;
    struct attribute attribute[FORM_ROOM];
    int count;
};

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

/* An attribute as an input: a constant of its own. False when it stays an attribute. */
static int move_attribute(struct export *export, const struct node *node, struct form *form, const struct attribute *a,
                          struct error *err)
{
    for (size_t i = 0; i < COUNT(moved); i++) {
        const int input = moved[i].input;
        const int64_t *ints = a->kind == ATTRIBUTE_INT ? &a->i : a->ints;

        if (strcmp(moved[i].op, node->op->name) != 0 || strcmp(moved[i].attribute, a->name) != 0)
            continue;
        while (form->in_count <= input)
            form->in[form->in_count++] = NULL;
        if (form->in[input] == NULL)
            form->in[input] = moved[i].real ? export_real(export, node->name, a->name, number_of(a), err)
                                            : export_ints(export, node->name, a->name, ints,
                                                          a->kind == ATTRIBUTE_INT ? 1 : a->count, err);
        return form->in[input] == NULL ? -1 : 1;
    }
    return 0;
}

static int drop_newer(const struct node *node, const struct attribute *a, struct error *err)
{
    for (size_t i = 0; i < COUNT(newer); i++) {
        if (strcmp(newer[i].op, node->op->name) != 0 || strcmp(newer[i].attribute, a->name) != 0)
            continue;
        if (newer[i].initial == -1 || (a->kind == ATTRIBUTE_INT && a->i == newer[i].initial))
            return 1;
        return error_set(err, ERROR_INPUT, "attribute '%s' is newer than opset %d", a->name, EXPORT_OPSET);
    }
    return 0;
}

/* Reductions but ReduceSum have their axes as an attribute until opset 18. */
static int axes_to_attribute(const struct export *export, const struct node *node, struct form *form, struct error *err)
{
    const struct tensor *t;

    if (strncmp(node->op->name, "Reduce", 6) != 0 || strcmp(node->op->name, "ReduceSum") == 0 || node->in_count < 2 ||
        node->in[1] < 0)
        return 0;
    t = &export->graph->value[node->in[1]].tensor;
    if (export->graph->value[node->in[1]].kind != VALUE_WEIGHT || t->dtype != DTYPE_I64)
        return error_set(err, ERROR_INPUT, "computed axes are newer than opset %d", EXPORT_OPSET);
    form->in_count = 1;
    if (shape_count(&t->shape) > 0)
        form->attribute[form->count++] = (struct attribute){
            .name = "axes", .kind = ATTRIBUTE_INTS, .ints = t->data, .count = (int)shape_count(&t->shape)
        };
    return 0;
}

/* Resize of some axes (opset 18): scales or sizes of all, from the shapes. */
static int spread_resize(struct export *export, const struct node *node, struct form *form, struct error *err)
{
    const struct shape *x = &export->graph->value[node->in[0]].tensor.shape;
    const struct shape *y = &export->graph->value[node->out[0]].tensor.shape;
    float scales[SHAPE_MAX_RANK];
    const struct shape list = shape_of(1, (int64_t)x->rank);
    const char *name;
    float *own;

    if (attribute_find(&node->attributes, "axes") == NULL && attribute_find(&node->attributes, "scales") == NULL)
        return 0;
    if (x->rank < 1 || x->rank != y->rank)
        return error_set(err, ERROR_INPUT, "its shape is not known");
    for (int i = 0; i < x->rank; i++)
        scales[i] = i == 0 || x->dim[i] < 1 ? 1 : (float)y->dim[i] / (float)x->dim[i];
    own = arena_array(export->arena, (size_t)x->rank, sizeof(*own));
    name = export_name(export, node->name, "scales");
    if (own == NULL || name == NULL)
        return error_memory(err);
    memcpy(own, scales, (size_t)x->rank * sizeof(*own));
    if (export_weight(export, name, DTYPE_F32, &list, own, err) < 0)
        return -1;
    form->in[1] = NULL;
    form->in[2] = name;
    form->in_count = 3;
    for (int i = 0; i < form->count; i++)
        if (strcmp(form->attribute[i].name, "axes") == 0 || strcmp(form->attribute[i].name, "scales") == 0)
            form->attribute[i--] = form->attribute[--form->count];
    return 0;
}

static int take_form(struct export *export, const struct node *node, struct form *form, const char *const *in,
                     struct error *err)
{
    for (int i = 0; i < node->in_count; i++)
        form->in[form->in_count++] = in[i];
    for (int i = 0; i < node->attributes.count; i++) {
        const struct attribute *a = &node->attributes.item[i];
        int done = move_attribute(export, node, form, a, err);

        if (done == 0)
            done = drop_newer(node, a, err);
        if (done < 0)
            return -1;
        if (done == 0)
            form->attribute[form->count++] = *a;
    }
    if (axes_to_attribute(export, node, form, err) < 0)
        return -1;
    return strcmp(node->op->name, "Resize") == 0 ? spread_resize(export, node, form, err) : 0;
}

/* ---- what is newer than opset 17, spelled out ---- */

static int put_chain(struct export *export, const char *base, const char *suffix, const char *op, const char *a,
                     const char *b, const char **result)
{
    const char *name = export_name(export, base, suffix), *in[2] = { a, b };

    if (name == NULL)
        return -1;
    export_plain(export, name, op, in, b == NULL ? 1 : 2, &name, 1, NULL);
    *result = name;
    return 0;
}

/* x * (1 + erf(x / sqrt 2)) / 2, or with tanh(sqrt(2 / pi) (x + 0.044715 x^3)) for erf. */
static int put_gelu(struct export *export, const struct node *node, const char *x, const char *y, struct error *err)
{
    const struct attribute *form = attribute_find(&node->attributes, "approximate");
    const bool tanh = form != NULL && form->kind == ATTRIBUTE_TEXT && strcmp(form->s, "tanh") == 0;
    const char *half = export_real(export, node->name, "half", 0.5, err);
    const char *one = half == NULL ? NULL : export_real(export, node->name, "one", 1, err);
    const char *factor = one == NULL ? NULL
                                     : export_real(export, node->name, "factor",
                                                   tanh ? 0.79788456080286535588 : 0.70710678118654752440, err);
    const char *cubic = factor == NULL ? NULL : export_real(export, node->name, "cubic", 0.044715, err);
    const char *t = x, *in[2];

    if (cubic == NULL)
        return -1;
    if (tanh && (put_chain(export, node->name, "square", "Mul", x, x, &t) < 0 ||
                 put_chain(export, node->name, "cube", "Mul", t, x, &t) < 0 ||
                 put_chain(export, node->name, "small", "Mul", t, cubic, &t) < 0 ||
                 put_chain(export, node->name, "inner", "Add", t, x, &t) < 0))
        return error_memory(err);
    if (put_chain(export, node->name, "scaled", "Mul", t, factor, &t) < 0 ||
        put_chain(export, node->name, "curve", tanh ? "Tanh" : "Erf", t, NULL, &t) < 0 ||
        put_chain(export, node->name, "raised", "Add", t, one, &t) < 0 ||
        put_chain(export, node->name, "product", "Mul", t, x, &t) < 0)
        return error_memory(err);
    in[0] = t;
    in[1] = half;
    export_plain(export, node->name, "Mul", in, 2, &y, 1, NULL);
    return 0;
}

static int put_mish(struct export *export, const struct node *node, const char *x, const char *y, struct error *err)
{
    const char *in[2] = { x, NULL };

    if (put_chain(export, node->name, "softplus", "Softplus", x, NULL, &in[1]) < 0 ||
        put_chain(export, node->name, "tanh", "Tanh", in[1], NULL, &in[1]) < 0)
        return error_memory(err);
    export_plain(export, node->name, "Mul", in, 2, &y, 1, NULL);
    return 0;
}

/* Groups as channels of an InstanceNormalization, then a scale and a bias a channel. */
static int put_group_normalization(struct export *export, const struct node *node, const char *const *in, const char *y,
                                   struct error *err)
{
    const struct shape *x = &export->graph->value[node->in[0]].tensor.shape;
    const struct attribute *epsilon = attribute_find(&node->attributes, "epsilon");
    int64_t groups, apart[3], column[SHAPE_MAX_RANK];
    const char *name, *grouped, *back, *scale, *bias, *ones, *zeros, *pair[3];
    struct attribute one;
    float *plain;
    struct shape list;

    if (attribute_int(&node->attributes, "num_groups", 0, &groups, err) < 0)
        return -1;
    if (x->rank < 3 || groups < 1)
        return error_set(err, ERROR_INPUT, "its shape is not known");
    list = shape_of(1, groups);
    plain = arena_array(export->arena, (size_t)groups * 2, sizeof(*plain));
    ones = export_name(export, node->name, "ones");
    zeros = export_name(export, node->name, "zeros");
    if (plain == NULL || ones == NULL || zeros == NULL)
        return error_memory(err);
    for (int64_t i = 0; i < groups; i++)
        plain[i] = 1;
    apart[0] = 0;
    apart[1] = groups;
    apart[2] = -1;
    for (int i = 0; i < x->rank - 1; i++)
        column[i] = i == 0 ? -1 : 1;
    if (export_weight(export, ones, DTYPE_F32, &list, plain, err) < 0 ||
        export_weight(export, zeros, DTYPE_F32, &list, plain + groups, err) < 0 ||
        (grouped = export_ints(export, node->name, "groups", apart, 3, err)) == NULL ||
        (back = export_ints(export, node->name, "column", column, x->rank - 1, err)) == NULL ||
        put_chain(export, node->name, "shape", "Shape", in[0], NULL, &name) < 0 ||
        put_chain(export, node->name, "grouped", "Reshape", in[0], grouped, &grouped) < 0 ||
        put_chain(export, node->name, "scale", "Reshape", in[1], back, &scale) < 0 ||
        put_chain(export, node->name, "bias", "Reshape", in[2], back, &bias) < 0)
        return error_memory(err);
    one = epsilon != NULL ? *epsilon : (struct attribute){ .name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = 1e-5 };
    pair[0] = grouped;
    pair[1] = ones;
    pair[2] = zeros;
    back = export_name(export, node->name, "normal");
    if (back == NULL)
        return error_memory(err);
    export_plain(export, back, "InstanceNormalization", pair, 3, &back, 1, &(const struct attributes){ &one, 1 });
    if (put_chain(export, node->name, "flat", "Reshape", back, name, &back) < 0 ||
        put_chain(export, node->name, "scaled", "Mul", back, scale, &back) < 0)
        return error_memory(err);
    pair[0] = back;
    pair[1] = bias;
    export_plain(export, node->name, "Add", pair, 2, &y, 1, NULL);
    return 0;
}

/* Split without sizes: equal parts are the default, others are said. */
static int say_split(struct export *export, const struct node *node, struct form *form, struct error *err)
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
    struct form form = { .in_count = 0 };
    struct attributes attributes = { form.attribute, 0 };

    if (is_listed(op, too_new))
        return error_set(err, ERROR_INPUT, "is newer than opset %d", EXPORT_OPSET);
    if (strcmp(op, "ConstantOfShape") == 0)
        return put_fill(export, node, in, out, err);
    if (strcmp(op, "Gelu") == 0)
        return put_gelu(export, node, in[0], out[0], err);
    if (strcmp(op, "Mish") == 0)
        return put_mish(export, node, in[0], out[0], err);
    if (strcmp(op, "GroupNormalization") == 0)
        return put_group_normalization(export, node, in, out[0], err);
    if (node->in_count > FORM_ROOM - 5 || node->attributes.count > FORM_ROOM - 2) {
        export_plain(export, node->name, op, in, node->in_count, out, node->out_count, &node->attributes);
        return 0;
    }
    if (take_form(export, node, &form, in, err) < 0 || say_split(export, node, &form, err) < 0)
        return -1;
    attributes.count = form.count;
    export_plain(export, node->name, op, form.in, form.in_count, out, node->out_count, &attributes);
    return 0;
}
