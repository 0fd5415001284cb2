/*
 * arch_lenet.c - two convolutions with pooling, two fully connected layers.
 *
 * lenet5 is the one Caffe ships for MNIST (examples/mnist/lenet.prototxt), which
 * the literature on compression means by the name: 20 and 50 filters of 5x5 without
 * padding or activation, pooling by maxima, 500 units. 431,080 parameters.
 *
 * cnn-mcmahan is the MNIST network of McMahan et al., "Communication-efficient
 * learning of deep networks from decentralized data", AISTATS 2017: 32 and 64
 * filters of 5x5 that keep the size, 512 units. 1,663,370 parameters.
 */
#include "model/arch_table.h"

static const struct window2 halve = { .kernel = 2, .stride = 2 };

static int build_lenet5(struct model *model, const struct arch_options *options, struct error *err)
{
    struct builder b = build_begin(model, options, err);
    const struct conv conv1 = { .out = build_width(&b, 20), .kernel = 5, .bias = true, .init = INIT_XAVIER };
    const struct conv conv2 = { .out = build_width(&b, 50), .kernel = 5, .bias = true, .init = INIT_XAVIER };
    struct map x = build_input(&b);

    x = build_conv(&b, "conv1", x, &conv1);
    x = build_max_pool(&b, "pool1", x, halve);
    x = build_conv(&b, "conv2", x, &conv2);
    x = build_max_pool(&b, "pool2", x, halve);
    x = build_flatten(&b, "flatten", x);
    x = build_linear(&b, "ip1", x, build_width(&b, 500), INIT_XAVIER);
    x = build_apply(&b, "relu1", "Relu", x);
    x = build_linear(&b, "ip2", x, options->classes, INIT_XAVIER);
    return build_end(&b, x);
}

static int build_mcmahan(struct model *model, const struct arch_options *options, struct error *err)
{
    struct builder b = build_begin(model, options, err);
    const struct conv conv1 = { .out = build_width(&b, 32), .kernel = 5, .pad = 2, .bias = true, .init = INIT_HE_IN };
    const struct conv conv2 = { .out = build_width(&b, 64), .kernel = 5, .pad = 2, .bias = true, .init = INIT_HE_IN };
    struct map x = build_input(&b);

    x = build_conv(&b, "conv1", x, &conv1);
    x = build_apply(&b, "relu1", "Relu", x);
    x = build_max_pool(&b, "pool1", x, halve);
    x = build_conv(&b, "conv2", x, &conv2);
    x = build_apply(&b, "relu2", "Relu", x);
    x = build_max_pool(&b, "pool2", x, halve);
    x = build_flatten(&b, "flatten", x);
    x = build_linear(&b, "fc1", x, build_width(&b, 512), INIT_HE_IN);
    x = build_apply(&b, "relu3", "Relu", x);
    x = build_linear(&b, "fc2", x, options->classes, INIT_XAVIER);
    return build_end(&b, x);
}

const struct arch arch_lenet5 = {
    .name = "lenet5",
    .summary = "Caffe's: conv 20 5x5, pool, conv 50 5x5, pool, fc 500, Relu, fc (LeCun et al. 1998)",
    .channels = 1,
    .height = 28,
    .width = 28,
    .classes = 10,
    .build = build_lenet5,
};

const struct arch arch_cnn_mcmahan = {
    .name = "cnn-mcmahan",
    .summary = "conv 32 5x5, pool, conv 64 5x5, pool, fc 512, fc, Relu after each but the last (McMahan et al. 2017)",
    .channels = 1,
    .height = 28,
    .width = 28,
    .classes = 10,
    .build = build_mcmahan,
};
