/* arch_build.c - layers into a graph, with the size of every map and fresh weights. */
#include "model/arch_build.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "model/internal.h"

static const struct map nothing = { .value = -1 };

struct builder build_begin(struct model *model, const struct arch_options *options, struct error *err)
{
    return (struct builder){ .model = model,
                             .graph = &model->graph,
                             .options = options,
                             .err = err,
                             .epsilon = 1e-5,
                             .relu6_low = -1,
                             .relu6_high = -1 };
}

static struct map fail(struct builder *b)
{
    b->failed = true;
    return nothing;
}

void build_scope(struct builder *b, const char *format, ...)
{
    char text[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    b->scope = arena_strdup(&b->model->arena, text);
    if (b->scope == NULL && !b->failed) {
        error_memory(b->err);
        b->failed = true;
    }
}

int64_t build_width(const struct builder *b, int64_t channels)
{
    int64_t scaled = (int64_t)floor((double)channels * b->options->width_factor + 0.5);

    return scaled < 1 ? 1 : scaled;
}

int64_t build_multiple_of_8(double channels)
{
    int64_t rounded = (int64_t)(channels + 4) / 8 * 8;

    if (rounded < 8)
        rounded = 8;
    return (double)rounded < 0.9 * channels ? rounded + 8 : rounded;
}

/* "scope.name" and a suffix such as ".weight" into the arena; NULL when memory ran out. */
static const char *full_name(struct builder *b, const char *name, const char *suffix)
{
    const char *full = b->scope != NULL && b->scope[0] != '\0'
                           ? arena_printf(&b->model->arena, "%s.%s%s", b->scope, name, suffix)
                           : arena_printf(&b->model->arena, "%s%s", name, suffix);

    if (full == NULL)
        error_memory(b->err);
    return full;
}

/* A weight with room for its elements; *data is filled by the caller. Returns the value or -1. */
static int add_weight(struct builder *b, const char *name, const char *suffix, const struct shape *shape,
                      bool trainable, float **data, const char **full)
{
    *full = full_name(b, name, suffix);
    if (*full == NULL)
        return -1;
    *data = arena_array(&b->model->arena, (size_t)shape_count(shape), sizeof(float));
    if (*data == NULL)
        return error_memory(b->err);
    return graph_add_weight(b->graph, *full, DTYPE_F32, shape, *data, trainable, b->err);
}

static int add_filled(struct builder *b, const char *name, const char *suffix, const struct shape *shape,
                      bool trainable, float fill)
{
    const char *full;
    float *data;
    int value = add_weight(b, name, suffix, shape, trainable, &data, &full);

    for (int64_t i = 0; value >= 0 && i < shape_count(shape); i++)
        data[i] = fill;
    return value;
}

static int add_drawn(struct builder *b, const char *name, const char *suffix, const struct shape *shape, enum init init,
                     int64_t fan_in, int64_t fan_out)
{
    const char *full;
    float *data;
    int value = add_weight(b, name, suffix, shape, true, &data, &full);

    if (value >= 0)
        init_draw(data, shape_count(shape), init, fan_in, fan_out, b->options->seed, full);
    return value;
}

static struct map add_node(struct builder *b, const char *name, const char *op, const int *in, int in_count,
                           struct attribute *items, int item_count, struct map after)
{
    const struct attributes attributes = { .item = items, .count = item_count };
    const char *full = b->failed ? NULL : full_name(b, name, "");

    if (full == NULL)
        return fail(b);
    after.value = graph_add_node(b->graph, full, op, in, in_count, 1, NULL, &attributes, b->err);
    return after.value < 0 ? fail(b) : after;
}

static struct attribute ints(const char *name, const int64_t *values, int count)
{
    return (struct attribute){ .name = name, .kind = ATTRIBUTE_INTS, .ints = values, .count = count };
}

struct map build_input(struct builder *b)
{
    const struct arch_options *o = b->options;
    struct shape shape = shape_of(4, (int64_t)-1, (int64_t)o->channels, (int64_t)o->height, (int64_t)o->width);
    struct map map = { .channels = o->channels, .height = o->height, .width = o->width };

    map.value = graph_add_input(b->graph, "input", DTYPE_F32, &shape, b->err);
    return map.value < 0 ? fail(b) : map;
}

/* The size after a window; 0 when it does not fit. */
static int64_t windows_that_fit(int64_t size, int64_t kernel, int64_t stride, int64_t pads)
{
    return size + pads < kernel ? 0 : (size + pads - kernel) / stride + 1;
}

static bool too_small(struct builder *b, const char *name, struct map x, int64_t kernel)
{
    error_set(b->err, ERROR_USAGE,
              "input %dx%dx%d is too small: %s%s%s sees %" PRId64 "x%" PRId64 " under a window of %" PRId64,
              b->options->channels, b->options->height, b->options->width, b->scope != NULL ? b->scope : "",
              b->scope != NULL && b->scope[0] != '\0' ? "." : "", name, x.height, x.width, kernel);
    return true;
}

struct map build_conv(struct builder *b, const char *name, struct map x, const struct conv *conv)
{
    const int64_t groups = conv->groups > 0 ? conv->groups : 1, stride = conv->stride > 0 ? conv->stride : 1;
    const int64_t kernel[2] = { conv->kernel, conv->kernel }, strides[2] = { stride, stride };
    const int64_t pads[4] = { conv->pad, conv->pad, conv->pad, conv->pad };
    const int64_t area = conv->kernel * conv->kernel;
    struct attribute items[] = {
        ints("kernel_shape", kernel, 2),
        ints("strides", strides, 2),
        ints("pads", pads, 4),
        { .name = "group", .kind = ATTRIBUTE_INT, .i = groups },
    };
    struct shape weight, bias = shape_of(1, conv->out);
    struct map y = { .channels = conv->out };
    int in[3];

    if (b->failed)
        return nothing;
    y.height = windows_that_fit(x.height, conv->kernel, stride, 2 * conv->pad);
    y.width = windows_that_fit(x.width, conv->kernel, stride, 2 * conv->pad);
    if ((y.height < 1 || y.width < 1) && too_small(b, name, x, conv->kernel))
        return fail(b);
    weight = shape_of(4, conv->out, x.channels / groups, conv->kernel, conv->kernel);
    in[0] = x.value;
    in[1] = add_drawn(b, name, ".weight", &weight, conv->init, x.channels / groups * area, conv->out * area);
    if (in[1] < 0)
        return fail(b);
    in[2] = conv->bias ? add_filled(b, name, ".bias", &bias, true, 0) : -1;
    if (conv->bias && in[2] < 0)
        return fail(b);
    return add_node(b, name, "Conv", in, conv->bias ? 3 : 2, items, groups > 1 ? 4 : 3, y);
}

struct map build_batchnorm(struct builder *b, const char *name, struct map x)
{
    struct attribute items[] = {
        { .name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = b->epsilon },
        { .name = "momentum", .kind = ATTRIBUTE_FLOAT, .f = 0.9 },
    };
    struct shape shape = shape_of(1, x.channels);
    int in[5];

    if (b->failed)
        return nothing;
    in[0] = x.value;
    in[1] = add_filled(b, name, ".weight", &shape, true, 1);
    in[2] = in[1] < 0 ? -1 : add_filled(b, name, ".bias", &shape, true, 0);
    in[3] = in[2] < 0 ? -1 : add_filled(b, name, ".running_mean", &shape, false, 0);
    in[4] = in[3] < 0 ? -1 : add_filled(b, name, ".running_var", &shape, false, 1);
    return in[4] < 0 ? fail(b) : add_node(b, name, "BatchNormalization", in, 5, items, 2, x);
}

struct map build_linear(struct builder *b, const char *name, struct map x, int64_t out, enum init init)
{
    struct attribute items[] = { { .name = "transB", .kind = ATTRIBUTE_INT, .i = 1 } };
    const int64_t fan_in = x.channels;
    struct shape weight = shape_of(2, out, fan_in), bias = shape_of(1, out);
    struct map y = { .channels = out, .height = 1, .width = 1 };
    int in[3];

    if (b->failed)
        return nothing;
    in[0] = x.value;
    in[1] = add_drawn(b, name, ".weight", &weight, init, fan_in, out);
    if (in[1] < 0)
        return fail(b);
    in[2] = init == INIT_LINEAR ? add_drawn(b, name, ".bias", &bias, init, fan_in, out)
                                : add_filled(b, name, ".bias", &bias, true, 0);
    return in[2] < 0 ? fail(b) : add_node(b, name, "Gemm", in, 3, items, 1, y);
}

struct map build_max_pool(struct builder *b, const char *name, struct map x, struct window2 window)
{
    const int64_t kernel[2] = { window.kernel, window.kernel }, strides[2] = { window.stride, window.stride };
    const int64_t end = window.pad + window.pad_end, pads[4] = { window.pad, window.pad, end, end };
    struct attribute items[] = {
        ints("kernel_shape", kernel, 2),
        ints("strides", strides, 2),
        ints("pads", pads, 4),
    };
    const int in[1] = { x.value };
    struct map y = x;

    if (b->failed)
        return nothing;
    y.height = windows_that_fit(x.height, window.kernel, window.stride, window.pad + end);
    y.width = windows_that_fit(x.width, window.kernel, window.stride, window.pad + end);
    if ((y.height < 1 || y.width < 1) && too_small(b, name, x, window.kernel))
        return fail(b);
    return add_node(b, name, "MaxPool", in, 1, items, 3, y);
}

struct map build_global_pool(struct builder *b, const char *name, struct map x)
{
    const int in[1] = { x.value };
    struct map y = { .channels = x.channels, .height = 1, .width = 1 };

    return add_node(b, name, "GlobalAveragePool", in, 1, NULL, 0, y);
}

struct map build_flatten(struct builder *b, const char *name, struct map x)
{
    struct attribute items[] = { { .name = "axis", .kind = ATTRIBUTE_INT, .i = 1 } };
    const int in[1] = { x.value };
    struct map y = { .channels = x.channels * x.height * x.width, .height = 1, .width = 1 };

    return add_node(b, name, "Flatten", in, 1, items, 1, y);
}

struct map build_apply(struct builder *b, const char *name, const char *op, struct map x)
{
    const int in[1] = { x.value };

    return add_node(b, name, op, in, 1, NULL, 0, x);
}

struct map build_dropout(struct builder *b, const char *name, struct map x, double ratio)
{
    struct attribute items[] = { { .name = "ratio", .kind = ATTRIBUTE_FLOAT, .f = ratio } };
    const int in[1] = { x.value };

    return add_node(b, name, "Dropout", in, 1, items, 1, x);
}

struct map build_relu6(struct builder *b, const char *name, struct map x)
{
    const char *scope = b->scope;
    struct shape scalar = shape_of(0);
    int in[3];

    if (b->failed)
        return nothing;
    if (b->relu6_low < 0) {
        b->scope = NULL; /* one pair of constants for all */
        b->relu6_low = add_filled(b, "relu6", ".min", &scalar, false, 0);
        b->relu6_high = b->relu6_low < 0 ? -1 : add_filled(b, "relu6", ".max", &scalar, false, 6);
        b->scope = scope;
        if (b->relu6_high < 0)
            return fail(b);
    }
    in[0] = x.value;
    in[1] = b->relu6_low;
    in[2] = b->relu6_high;
    return add_node(b, name, "Clip", in, 3, NULL, 0, x);
}

struct map build_hard_sigmoid(struct builder *b, const char *name, struct map x)
{
    struct attribute items[] = {
        { .name = "alpha", .kind = ATTRIBUTE_FLOAT, .f = (double)(1.0F / 6) },
        { .name = "beta", .kind = ATTRIBUTE_FLOAT, .f = 0.5 },
    };
    const int in[1] = { x.value };

    return add_node(b, name, "HardSigmoid", in, 1, items, 2, x);
}

struct map build_join(struct builder *b, const char *name, const char *op, struct map x, struct map y)
{
    const int in[2] = { x.value, y.value };

    return add_node(b, name, op, in, 2, NULL, 0, x);
}

struct map build_concat(struct builder *b, const char *name, struct map x, struct map y)
{
    struct attribute items[] = { { .name = "axis", .kind = ATTRIBUTE_INT, .i = 1 } };
    const int in[2] = { x.value, y.value };
    struct map z = x;

    z.channels = x.channels + y.channels;
    return add_node(b, name, "Concat", in, 2, items, 1, z);
}

int build_end(struct builder *b, struct map x)
{
    return b->failed ? -1 : graph_add_output(b->graph, x.value, b->err);
}
