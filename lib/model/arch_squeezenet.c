/*
 * arch_squeezenet.c - SqueezeNet 1.1 as in torchvision: eight fire modules, no
 * fully connected layer; the classifier is a 1x1 convolution. Pools round up.
 *
 * Source: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer
 * parameters and < 0.5 MB model size", 2016; version 1.1 of the authors' repository.
 */
#include "model/arch_table.h"

static struct map conv_relu(struct builder *b, const char *name, const char *relu, struct map x, int64_t out,
                            int64_t kernel)
{
    const struct conv conv = { .out = out, .kernel = kernel, .pad = kernel / 2, .bias = true, .init = INIT_HE_IN };

    return build_apply(b, relu, "Relu", build_conv(b, name, x, &conv));
}

static struct map fire(struct builder *b, int index, struct map x, int64_t squeeze, int64_t expand)
{
    struct map narrow, one, three;

    build_scope(b, "features.%d", index);
    narrow = conv_relu(b, "squeeze", "squeeze_activation", x, build_width(b, squeeze), 1);
    one = conv_relu(b, "expand1x1", "expand1x1_activation", narrow, build_width(b, expand), 1);
    three = conv_relu(b, "expand3x3", "expand3x3_activation", narrow, build_width(b, expand), 3);
    return build_concat(b, "concat", one, three);
}

static struct map pool(struct builder *b, const char *name, struct map x)
{
    static const struct window2 window = { .kernel = 3, .stride = 2, .pad_end = 1 };

    build_scope(b, "features");
    return build_max_pool(b, name, x, window);
}

static int build(struct model *model, const struct arch_options *options, struct error *err)
{
    struct builder b = build_begin(model, options, err);
    const struct conv stem = { .out = build_width(&b, 64), .kernel = 3, .stride = 2, .bias = true, .init = INIT_HE_IN };
    const struct conv last = { .out = options->classes, .kernel = 1, .bias = true, .init = INIT_SMALL };
    struct map x = build_input(&b);

    build_scope(&b, "features");
    x = build_apply(&b, "1", "Relu", build_conv(&b, "0", x, &stem));
    x = pool(&b, "2", x);
    x = fire(&b, 3, x, 16, 64);
    x = fire(&b, 4, x, 16, 64);
    x = pool(&b, "5", x);
    x = fire(&b, 6, x, 32, 128);
    x = fire(&b, 7, x, 32, 128);
    x = pool(&b, "8", x);
    x = fire(&b, 9, x, 48, 192);
    x = fire(&b, 10, x, 48, 192);
    x = fire(&b, 11, x, 64, 256);
    x = fire(&b, 12, x, 64, 256);
    build_scope(&b, "classifier");
    x = build_dropout(&b, "0", x, 0.5);
    x = build_apply(&b, "2", "Relu", build_conv(&b, "1", x, &last));
    x = build_flatten(&b, "flatten", build_global_pool(&b, "3", x));
    return build_end(&b, x);
}

const struct arch arch_squeezenet = {
    .name = "squeezenet",
    .alias = "squeezenet1_1",
    .summary = "torchvision's SqueezeNet 1.1: eight fire modules and a 1x1 convolution (Iandola et al. 2016)",
    .channels = 3,
    .height = 224,
    .width = 224,
    .classes = 1000,
    .build = build,
};
