/*
 * arch_resnet.c - residual networks.
 *
 * resnet18 and resnet50 are torchvision's (of v1.5: the stride sits in the 3x3
 * convolution of a bottleneck), module names included. Inputs below 64 pixels
 * a side get a 3x3 stem without pool, as is usual for 32x32.
 *
 * resnet20 is the network for CIFAR of section 4.2 of the paper: 16, 32 and 64
 * channels, three blocks each. Where the size changes the shortcut is a 1x1
 * convolution with BatchNormalization (the paper's option B), not a padded
 * identity: 272,474 parameters instead of 269,722, and every channel can be pruned.
 *
 * Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.
 */
#include "model/arch_table.h"

#include <stdio.h>

struct stage {
    int blocks;
    int64_t channels, stride;
};

struct plan {
    int64_t stem;      /* channels */
    bool large_stem;   /* 7x7 by 2 and a pool */
    int64_t expansion; /* 1: two 3x3 a block; 4: 1x1, 3x3, 1x1 */
    const struct stage *stage;
    int stages;
};

static struct map conv_bn(struct builder *b, const char *conv_name, const char *bn_name, struct map x, int64_t out,
                          int64_t kernel, int64_t stride)
{
    const struct conv conv = { .out = out, .kernel = kernel, .stride = stride, .pad = kernel / 2, .init = INIT_HE_OUT };

    return build_batchnorm(b, bn_name, build_conv(b, conv_name, x, &conv));
}

static struct map block(struct builder *b, struct map x, int64_t channels, int64_t expansion, int64_t stride)
{
    const int64_t out = channels * expansion;
    const bool bottleneck = expansion > 1;
    struct map y, shortcut = x;

    y = conv_bn(b, "conv1", "bn1", x, channels, bottleneck ? 1 : 3, bottleneck ? 1 : stride);
    y = build_apply(b, "relu1", "Relu", y);
    y = conv_bn(b, "conv2", "bn2", y, channels, 3, bottleneck ? stride : 1);
    if (bottleneck) {
        y = build_apply(b, "relu2", "Relu", y);
        y = conv_bn(b, "conv3", "bn3", y, out, 1, 1);
    }
    if (stride != 1 || x.channels != out)
        shortcut = conv_bn(b, "downsample.0", "downsample.1", x, out, 1, stride);
    y = build_join(b, "add", "Add", y, shortcut);
    return build_apply(b, bottleneck ? "relu3" : "relu2", "Relu", y);
}

static int build_plan(struct model *model, const struct arch_options *options, const struct plan *plan,
                      struct error *err)
{
    static const struct window2 pool = { .kernel = 3, .stride = 2, .pad = 1 };
    struct builder b = build_begin(model, options, err);
    struct map x = build_input(&b);

    x = conv_bn(&b, "conv1", "bn1", x, build_width(&b, plan->stem), plan->large_stem ? 7 : 3, plan->large_stem ? 2 : 1);
    x = build_apply(&b, "relu", "Relu", x);
    if (plan->large_stem)
        x = build_max_pool(&b, "maxpool", x, pool);
    for (int s = 0; s < plan->stages; s++)
        for (int i = 0; i < plan->stage[s].blocks; i++) {
            build_scope(&b, "layer%d.%d", s + 1, i);
            x = block(&b, x, build_width(&b, plan->stage[s].channels), plan->expansion,
                      i == 0 ? plan->stage[s].stride : 1);
        }
    build_scope(&b, "%s", "");
    x = build_flatten(&b, "flatten", build_global_pool(&b, "avgpool", x));
    x = build_linear(&b, "fc", x, options->classes, INIT_LINEAR);
    return build_end(&b, x);
}

static bool wants_large_stem(const struct arch_options *options)
{
    return options->height >= 64 && options->width >= 64;
}

static int build_resnet20(struct model *model, const struct arch_options *options, struct error *err)
{
    static const struct stage stages[] = { { 3, 16, 1 }, { 3, 32, 2 }, { 3, 64, 2 } };
    const struct plan plan = { 16, false, 1, stages, COUNT(stages) };

    return build_plan(model, options, &plan, err);
}

static int build_resnet18(struct model *model, const struct arch_options *options, struct error *err)
{
    static const struct stage stages[] = { { 2, 64, 1 }, { 2, 128, 2 }, { 2, 256, 2 }, { 2, 512, 2 } };
    const struct plan plan = { 64, wants_large_stem(options), 1, stages, COUNT(stages) };

    return build_plan(model, options, &plan, err);
}

static int build_resnet50(struct model *model, const struct arch_options *options, struct error *err)
{
    static const struct stage stages[] = { { 3, 64, 1 }, { 4, 128, 2 }, { 6, 256, 2 }, { 3, 512, 2 } };
    const struct plan plan = { 64, wants_large_stem(options), 4, stages, COUNT(stages) };

    return build_plan(model, options, &plan, err);
}

const struct arch arch_resnet20 = {
    .name = "resnet20",
    .summary = "three stages of three residual blocks, 16 to 64 channels, projections where the size changes "
               "(He et al. 2016)",
    .channels = 3,
    .height = 32,
    .width = 32,
    .classes = 10,
    .build = build_resnet20,
};

const struct arch arch_resnet18 = {
    .name = "resnet18",
    .summary = "torchvision's; a 3x3 stem without pool for inputs below 64 pixels (He et al. 2016)",
    .channels = 3,
    .height = 224,
    .width = 224,
    .classes = 1000,
    .build = build_resnet18,
};

const struct arch arch_resnet50 = {
    .name = "resnet50",
    .summary = "torchvision's v1.5 with bottlenecks; a 3x3 stem without pool for inputs below 64 pixels "
               "(He et al. 2016)",
    .channels = 3,
    .height = 224,
    .width = 224,
    .classes = 1000,
    .build = build_resnet50,
};
