/* export_spelled.c - operators newer than opset 17, said in those that it has. */
#include <string.h>

#include "onnx/export.h"

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
    const char *half = export_number(export, node->name, "half", DTYPE_F32, 0.5, err);
    const char *one = half == NULL ? NULL : export_number(export, node->name, "one", DTYPE_F32, 1, err);
    const char *factor = one == NULL ? NULL
                                     : export_number(export, node->name, "factor", DTYPE_F32,
                                                     tanh ? 0.79788456080286535588 : 0.70710678118654752440, err);
    const char *cubic = factor == NULL ? NULL : export_number(export, node->name, "cubic", DTYPE_F32, 0.044715, err);
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

static int put_swish(struct export *export, const struct node *node, const char *x, const char *y, struct error *err)
{
    const char *in[2] = { x, x }, *factor;
    double alpha;

    if (attribute_float(&node->attributes, "alpha", 1, &alpha, err) < 0)
        return -1;
    if (alpha != 1 && ((factor = export_number(export, node->name, "alpha", DTYPE_F32, alpha, err)) == NULL ||
                       put_chain(export, node->name, "scaled", "Mul", x, factor, &in[1]) < 0))
        return -1;
    if (put_chain(export, node->name, "sigmoid", "Sigmoid", in[1], NULL, &in[1]) < 0)
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
    const char *name, *grouped, *back, *gain, *bias, *ones, *zeros, *pair[3];
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
        put_chain(export, node->name, "gain", "Reshape", in[1], back, &gain) < 0 ||
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
        put_chain(export, node->name, "scaled", "Mul", back, gain, &back) < 0)
        return error_memory(err);
    pair[0] = back;
    pair[1] = bias;
    export_plain(export, node->name, "Add", pair, 2, &y, 1, NULL);
    return 0;
}

int export_spelled(struct export *export, const struct node *node, const char **in, const char **out, bool *done,
                   struct error *err)
{
    const char *op = node->op->name;

    *done = true;
    if (strcmp(op, "Gelu") == 0)
        return put_gelu(export, node, in[0], out[0], err);
    if (strcmp(op, "Mish") == 0)
        return put_mish(export, node, in[0], out[0], err);
    if (strcmp(op, "Swish") == 0)
        return put_swish(export, node, in[0], out[0], err);
    if (strcmp(op, "GroupNormalization") == 0)
        return put_group_normalization(export, node, in, out[0], err);
    *done = false;
    return 0;
}
