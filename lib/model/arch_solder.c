/*
 * arch_solder.c - our own small network for patches of solder joints and boards:
 * five times 3x3 convolution, BatchNormalization, Relu and pooling by two, then
 * one fully connected layer over the 2x2 map that is left of 64x64. A map below
 * 4 pixels is not pooled further, so that smaller inputs work too.
 *
 * Most of the work is where maps are large, so channels grow slowly there:
 * of networks with 60 to 85 thousand parameters this one did best on the
 * validation boards of DeepPCB patches, with a quarter fewer multiply-adds
 * than 16, 32, 64, 64 (9.1 against 12.4 million for grey 64x64).
 */
#include "model/arch_table.h"

#include <stdio.h>

static int build(struct model *model, const struct arch_options *options, struct error *err)
{
    static const struct window2 halve = { .kernel = 2, .stride = 2 };
    static const int64_t channels[] = { 16, 24, 48, 64, 64 };
    struct builder b = build_begin(model, options, err);
    struct map x = build_input(&b);
    char name[4][16];

    for (size_t i = 0; i < COUNT(channels); i++) {
        const struct conv conv = { .out = build_width(&b, channels[i]), .kernel = 3, .pad = 1, .init = INIT_HE_OUT };

        snprintf(name[0], sizeof(name[0]), "conv%zu", i + 1);
        snprintf(name[1], sizeof(name[1]), "bn%zu", i + 1);
        snprintf(name[2], sizeof(name[2]), "relu%zu", i + 1);
        snprintf(name[3], sizeof(name[3]), "pool%zu", i + 1);
        x = build_batchnorm(&b, name[1], build_conv(&b, name[0], x, &conv));
        x = build_apply(&b, name[2], "Relu", x);
        if (x.height >= 4 && x.width >= 4)
            x = build_max_pool(&b, name[3], x, halve);
    }
    x = build_linear(&b, "fc", build_flatten(&b, "flatten", x), options->classes, INIT_LINEAR);
    return build_end(&b, x);
}

const struct arch arch_solder_cnn = {
    .name = "solder-cnn",
    .summary = "five times conv 3x3, BatchNormalization, Relu, pool; then one fully connected layer",
    .channels = 3,
    .height = 64,
    .width = 64,
    .classes = 6,
    .build = build,
};
