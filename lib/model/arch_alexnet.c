/*
 * arch_alexnet.c - AlexNet for CIFAR-10 as BranchyNet and Edgent use it, the
 * trunk without side branches: conv 32 5x5, pool, conv 64 5x5, pool, conv 96, 96
 * and 64 3x3, pool, fc 256, fc 128, fc; pools of 3x3 by 2, rounded up. The
 * original's local response normalization is left out. 544,074 parameters.
 *
 * Source: Teerapittayanon, McDanel, Kung, "BranchyNet", ICPR 2016, and its
 * authors' networks/alex_cifar10.py.
 */
#include "model/arch_table.h"

#include <stdio.h>

static struct map conv_relu(struct builder *b, int number, struct map x, int64_t out, int64_t kernel)
{
    const struct conv conv = {
        .out = build_width(b, out), .kernel = kernel, .pad = kernel / 2, .bias = true, .init = INIT_HE_IN
    };
    char name[32];

    snprintf(name, sizeof(name), "conv%d", number);
    x = build_conv(b, name, x, &conv);
    snprintf(name, sizeof(name), "relu%d", number);
    return build_apply(b, name, "Relu", x);
}

static int build(struct model *model, const struct arch_options *options, struct error *err)
{
    static const struct window2 pool = { .kernel = 3, .stride = 2, .pad_end = 1 };
    struct builder b = build_begin(model, options, err);
    struct map x = build_input(&b);

    x = build_max_pool(&b, "pool1", conv_relu(&b, 1, x, 32, 5), pool);
    x = build_max_pool(&b, "pool2", conv_relu(&b, 2, x, 64, 5), pool);
    x = conv_relu(&b, 3, x, 96, 3);
    x = conv_relu(&b, 4, x, 96, 3);
    x = build_max_pool(&b, "pool5", conv_relu(&b, 5, x, 64, 3), pool);
    x = build_flatten(&b, "flatten", x);
    x = build_linear(&b, "fc6", x, build_width(&b, 256), INIT_HE_IN);
    x = build_dropout(&b, "drop6", build_apply(&b, "relu6", "Relu", x), 0.5);
    x = build_linear(&b, "fc7", x, build_width(&b, 128), INIT_HE_IN);
    x = build_dropout(&b, "drop7", build_apply(&b, "relu7", "Relu", x), 0.5);
    x = build_linear(&b, "fc8", x, options->classes, INIT_XAVIER);
    return build_end(&b, x);
}

const struct arch arch_alexnet_cifar = {
    .name = "alexnet-cifar",
    .summary = "BranchyNet's trunk: five convolutions, three overlapping pools, fc 256, fc 128, fc "
               "(Teerapittayanon et al. 2016)",
    .channels = 3,
    .height = 32,
    .width = 32,
    .classes = 10,
    .build = build,
};
