/*
 * microsoft.c - what ONNX Runtime's optimizer and quantizer write in the domain
 * com.microsoft, as ONNX's own operators: bytes become reals, the operator
 * works on reals, and the result becomes bytes again. A row an operator.
 * Source: ONNX Runtime's ContribOperators.md.
 */
#include <inttypes.h>
#include <string.h>

#include "graph/graph.h"
#include "onnx/internal.h"

static int need_inputs(const struct draft *draft, int least, int most, struct error *err)
{
    if (draft->in_count < least || draft->in_count > most || draft->in_count > NODE_ROOM)
        return error_set(err, ERROR_INPUT, "%d inputs, expected %d to %d", draft->in_count, least, most);
    for (int i = 0; i < least; i++)
        if (draft->in[i] < 0)
            return error_set(err, ERROR_INPUT, "input %d is absent", i);
    return 0;
}

static int value_at(const struct draft *draft, int i)
{
    return i < draft->in_count ? draft->in[i] : -1;
}

/* The bytes in[first] with scale and zero point behind it, in reals. */
static int real_of(struct import *import, const struct draft *draft, int first, struct error *err)
{
    const int in[3] = { draft->in[first], value_at(draft, first + 1), value_at(draft, first + 2) };

    return import_between(import, draft->name, "DequantizeLinear", in, in[2] < 0 ? 2 : 3, NULL, err);
}

/* The last node: reals to bytes, under the name of the whole. */
static int give_bytes(struct import *import, struct draft *draft, int real, int scale, int zero, struct error *err)
{
    draft->op = "QuantizeLinear";
    draft->attributes.count = 0;
    draft->in[0] = real;
    draft->in[1] = scale;
    draft->in[2] = zero;
    draft->in_count = zero < 0 ? 2 : 3;
    return import_add(import, draft, err) < 0 ? -1 : 0;
}

/* a, scale, zero, b, scale, zero, y scale, y zero */
static int pair_of_bytes(struct import *import, struct draft *draft, const char *op, struct error *err)
{
    int in[2];

    if (need_inputs(draft, 7, 8, err) < 0 || (in[0] = real_of(import, draft, 0, err)) < 0 ||
        (in[1] = real_of(import, draft, 3, err)) < 0)
        return -1;
    in[0] = import_between(import, draft->name, op, in, 2, NULL, err);
    return in[0] < 0 ? -1 : give_bytes(import, draft, in[0], draft->in[6], value_at(draft, 7), err);
}

/* x, scale, zero, y scale, y zero */
static int one_of_bytes(struct import *import, struct draft *draft, const char *op, struct error *err)
{
    const int scale = value_at(draft, 3), zero = value_at(draft, 4);
    int real;

    if (need_inputs(draft, 4, 5, err) < 0 || (real = real_of(import, draft, 0, err)) < 0)
        return -1;
    draft_remove(draft, "channels_last");
    draft_remove(draft, "opset");
    real = import_between(import, draft->name, op, &real, 1, &draft->attributes, err);
    return real < 0 ? -1 : give_bytes(import, draft, real, scale, zero, err);
}

static int refuse_channels_last(struct draft *draft, struct error *err)
{
    const struct attribute *last = draft_attribute(draft, "channels_last");

    return last == NULL || last->i == 0 ? 0 : error_set(err, ERROR_INPUT, "channels_last is not run here");
}

static int take_add(struct import *import, struct draft *draft, struct error *err)
{
    return pair_of_bytes(import, draft, "Add", err);
}

static int take_mul(struct import *import, struct draft *draft, struct error *err)
{
    return pair_of_bytes(import, draft, "Mul", err);
}

static int take_average_pool(struct import *import, struct draft *draft, struct error *err)
{
    return refuse_channels_last(draft, err) < 0 ? -1 : one_of_bytes(import, draft, "AveragePool", err);
}

static int take_global_average_pool(struct import *import, struct draft *draft, struct error *err)
{
    return refuse_channels_last(draft, err) < 0 ? -1 : one_of_bytes(import, draft, "GlobalAveragePool", err);
}

static int take_leaky_relu(struct import *import, struct draft *draft, struct error *err)
{
    return one_of_bytes(import, draft, "LeakyRelu", err);
}

static int take_sigmoid(struct import *import, struct draft *draft, struct error *err)
{
    return one_of_bytes(import, draft, "Sigmoid", err);
}

static int take_softmax(struct import *import, struct draft *draft, struct error *err)
{
    return one_of_bytes(import, draft, "Softmax", err);
}

/* y scale, y zero, then x, scale, zero of each */
static int take_concat(struct import *import, struct draft *draft, struct error *err)
{
    const int *from = draft->more_in != NULL ? draft->more_in : draft->in;
    const int count = (draft->in_count - 2) / 3, scale = from[0], zero = from[1];
    int *real = arena_array(import->scratch, (size_t)draft->in_count + 1, sizeof(int)), joined;
    struct draft concat = { .op = "Concat", .attributes = draft->attributes, .in_count = count, .out_count = 1 };

    if (real == NULL)
        return error_memory(err);
    if (count < 1 || draft->in_count != 2 + 3 * count)
        return error_set(err, ERROR_INPUT, "%d inputs, expected 2 and 3 more for each part", draft->in_count);
    for (int i = 0; i < count; i++) {
        real[i] = import_between(import, draft->name, "DequantizeLinear", from + 2 + 3 * i, 3, NULL, err);
        if (real[i] < 0)
            return -1;
    }
    concat.more_in = real;
    concat.name = arena_printf(import->scratch, "%s.Concat", draft->name);
    concat.out = &concat.name;
    if (concat.name == NULL)
        return error_memory(err);
    joined = import_add(import, &concat, err);
    draft->more_in = NULL;
    return joined < 0 ? -1 : give_bytes(import, draft, joined, scale, zero, err);
}

/* a, scale, zero, b, scale, zero, c (32-bit, of both scales), y scale, y zero; without the last two y is real */
static int take_gemm(struct import *import, struct draft *draft, struct error *err)
{
    const int c = value_at(draft, 6), scale = value_at(draft, 7), zero = value_at(draft, 8);
    int in[3], product[2], bias[2], count = 2, y;

    if (need_inputs(draft, 6, 9, err) < 0 || (in[0] = real_of(import, draft, 0, err)) < 0 ||
        (in[1] = real_of(import, draft, 3, err)) < 0)
        return -1;
    if (c >= 0) {
        product[0] = draft->in[1];
        product[1] = draft->in[4];
        bias[0] = c;
        bias[1] = import_between(import, draft->name, "Mul", product, 2, NULL, err);
        if (bias[1] < 0)
            return -1;
        in[count++] = import_between(
            import, draft->name, "DequantizeLinear", bias, 2,
            &(const struct attributes){ &(struct attribute){ .name = "axis", .kind = ATTRIBUTE_INT, .i = 0 }, 1 }, err);
        if (in[2] < 0)
            return -1;
    }
    if (scale >= 0) {
        y = import_between(import, draft->name, "Gemm", in, count, &draft->attributes, err);
        return y < 0 ? -1 : give_bytes(import, draft, y, scale, zero, err);
    }
    draft->op = "Gemm";
    memcpy(draft->in, in, (size_t)count * sizeof(int));
    draft->in_count = count;
    return import_add(import, draft, err) < 0 ? -1 : 0;
}

/* ---- fused layers ---- */

/* The activation that a fused node names, as the last node. */
static int give_activation(struct import *import, struct draft *draft, int value, const char *name,
                           const struct attribute *params, struct error *err)
{
    static const struct {
        const char *op, *param[2];
    } known[] = {
        { "Relu", { NULL, NULL } },      { "Sigmoid", { NULL, NULL } },          { "Tanh", { NULL, NULL } },
        { "LeakyRelu", { "alpha" } },    { "HardSigmoid", { "alpha", "beta" } }, { "Clip", { "min", "max" } },
        { "HardSwish", { NULL, NULL } },
    };
    size_t i = 0;

    while (i < COUNT(known) && strcmp(known[i].op, name) != 0)
        i++;
    if (i == COUNT(known))
        return error_set(err, ERROR_INPUT, "activation '%s' is not known here", name);
    draft->op = known[i].op;
    draft->attributes.count = 0;
    draft->in[0] = value;
    draft->in_count = 1;
    for (int k = 0; k < 2 && known[i].param[k] != NULL && params != NULL && k < params->count; k++) {
        const struct attribute a = { .name = known[i].param[k],
                                     .kind = ATTRIBUTE_FLOAT,
                                     .f = params->kind == ATTRIBUTE_FLOATS ? (double)params->floats[k] : 0 };

        if (draft_set(import, draft, &a, err) < 0)
            return -1;
    }
    return import_add(import, draft, err) < 0 ? -1 : 0;
}

/* Conv or Gemm, an addend (Conv's fourth input), an activation. */
static int take_fused(struct import *import, struct draft *draft, const char *op, struct error *err)
{
    const struct attribute *named = draft_attribute(draft, "activation"),
                           *given = draft_attribute(draft, "activation_params");
    const char *activation = named != NULL && named->kind == ATTRIBUTE_TEXT ? named->s : "";
    const struct attribute params = given != NULL ? *given : (struct attribute){ 0 };
    const int addend = value_at(draft, 3);
    int in[2] = { 0, addend };

    if (need_inputs(draft, 2, 4, err) < 0)
        return -1;
    draft_remove(draft, "activation");
    draft_remove(draft, "activation_params");
    in[0] = import_between(import, draft->name, op, draft->in, draft->in_count > 3 ? 3 : draft->in_count,
                           &draft->attributes, err);
    if (in[0] >= 0 && addend >= 0)
        in[0] = import_between(import, draft->name, "Add", in, 2, NULL, err);
    if (in[0] < 0)
        return -1;
    if (activation[0] != '\0')
        return give_activation(import, draft, in[0], activation, given != NULL ? &params : NULL, err);
    draft->op = "Identity";
    draft->attributes.count = 0;
    draft->in[0] = in[0];
    draft->in_count = 1;
    return import_add(import, draft, err) < 0 ? -1 : 0;
}

static int take_fused_conv(struct import *import, struct draft *draft, struct error *err)
{
    return take_fused(import, draft, "Conv", err);
}

/* Its activation's parameters have names of their own. */
static int take_fused_gemm(struct import *import, struct draft *draft, struct error *err)
{
    draft_remove(draft, "activation_alpha");
    draft_remove(draft, "activation_beta");
    draft_remove(draft, "activation_gamma");
    return take_fused(import, draft, "Gemm", err);
}

/* Gelu; with a second input the sum of both (BiasGelu, FastGelu). */
static int take_gelu(struct import *import, struct draft *draft, struct error *err)
{
    const bool fast = strcmp(draft->op, "FastGelu") == 0;
    const struct attribute tanh = { .name = "approximate", .kind = ATTRIBUTE_TEXT, .s = "tanh" };

    if (need_inputs(draft, 1, 2, err) < 0)
        return -1;
    if (value_at(draft, 1) >= 0) {
        draft->in[0] = import_between(import, draft->name, "Add", draft->in, 2, NULL, err);
        if (draft->in[0] < 0)
            return -1;
    }
    draft->in_count = 1;
    draft->op = "Gelu";
    draft->attributes.count = 0;
    if (fast && draft_set(import, draft, &tanh, err) < 0)
        return -1;
    return import_add(import, draft, err) < 0 ? -1 : 0;
}

/* The same as ONNX's. */
static int take_as_it_is(struct import *import, struct draft *draft, struct error *err)
{
    return import_add(import, draft, err) < 0 ? -1 : 0;
}

/* ---- dynamic quantization ---- */

/* sums, in reals: times both scales, and the bias */
static int give_reals(struct import *import, struct draft *draft, int sums, int scale_a, int scale_b, int bias,
                      struct error *err)
{
    const struct attribute to = { .name = "to", .kind = ATTRIBUTE_INT, .i = 1 };
    struct attribute copy = to;
    const struct attributes real = { &copy, 1 };
    const int scales[2] = { scale_a, scale_b };
    int in[2];

    in[0] = import_between(import, draft->name, "Cast", &sums, 1, &real, err);
    if (in[0] < 0 || (in[1] = import_between(import, draft->name, "Mul", scales, 2, NULL, err)) < 0)
        return -1;
    draft->attributes.count = 0;
    if (bias >= 0) {
        in[0] = import_between(import, draft->name, "Mul", in, 2, NULL, err);
        in[1] = bias;
        if (in[0] < 0)
            return -1;
    }
    draft->op = bias >= 0 ? "Add" : "Mul";
    draft->in[0] = in[0];
    draft->in[1] = in[1];
    draft->in_count = 2;
    return import_add(import, draft, err) < 0 ? -1 : 0;
}

/* a, b, a scale, b scale, a zero, b zero, bias */
static int take_integer_to_float(struct import *import, struct draft *draft, struct error *err)
{
    const int in[4] = { draft->in[0], draft->in[1], value_at(draft, 4), value_at(draft, 5) };
    int sums;

    if (need_inputs(draft, 4, 7, err) < 0)
        return -1;
    sums = import_between(import, draft->name, "MatMulInteger", in, in[3] >= 0 ? 4 : in[2] >= 0 ? 3 : 2, NULL, err);
    return sums < 0 ? -1 : give_reals(import, draft, sums, draft->in[2], draft->in[3], value_at(draft, 6), err);
}

/* a (real), b, b scale, b zero, bias */
static int take_dynamic_matmul(struct import *import, struct draft *draft, struct error *err)
{
    const char *base = draft->name, *out[3];
    struct draft quantize = { .op = "DynamicQuantizeLinear", .in_count = 1, .out = out, .out_count = 3 };
    int in[4], sums;

    if (need_inputs(draft, 3, 5, err) < 0)
        return -1;
    quantize.name = arena_printf(import->scratch, "%s.bytes", base);
    for (int i = 0; i < 3; i++) {
        out[i] = arena_printf(import->scratch, "%s.bytes%d", base, i);
        if (out[i] == NULL || quantize.name == NULL)
            return error_memory(err);
    }
    quantize.in[0] = draft->in[0];
    in[0] = import_add(import, &quantize, err);
    if (in[0] < 0)
        return -1;
    in[1] = draft->in[1];
    in[2] = graph_find_value(import->graph, out[2]);
    in[3] = value_at(draft, 3);
    sums = import_between(import, base, "MatMulInteger", in, in[3] >= 0 ? 4 : 3, NULL, err);
    return sums < 0 ? -1
                    : give_reals(import, draft, sums, graph_find_value(import->graph, out[1]), draft->in[2],
                                 value_at(draft, 4), err);
}

static const struct {
    const char *op;
    int (*take)(struct import *import, struct draft *draft, struct error *err);
} rows[] = {
    { "BiasGelu", take_gelu },
    { "DequantizeLinear", take_as_it_is },
    { "DynamicQuantizeMatMul", take_dynamic_matmul },
    { "FastGelu", take_gelu },
    { "FusedConv", take_fused_conv },
    { "FusedGemm", take_fused_gemm },
    { "Gelu", take_gelu },
    { "MatMulIntegerToFloat", take_integer_to_float },
    { "QGemm", take_gemm },
    { "QLinearAdd", take_add },
    { "QLinearAveragePool", take_average_pool },
    { "QLinearConcat", take_concat },
    { "QLinearGlobalAveragePool", take_global_average_pool },
    { "QLinearLeakyRelu", take_leaky_relu },
    { "QLinearMul", take_mul },
    { "QLinearSigmoid", take_sigmoid },
    { "QLinearSoftmax", take_softmax },
    { "QuantizeLinear", take_as_it_is },
};

int import_microsoft(struct import *import, struct draft *draft, struct error *err)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].op, draft->op) == 0)
            return rows[i].take(import, draft, err);
    return error_set(err, ERROR_INPUT, "not known here in domain com.microsoft");
}
