/*
 * arch_mobilenet_v3.c - MobileNetV3-Small as in torchvision: inverted residuals,
 * some with squeeze and excitation, HardSwish in the deeper ones.
 *
 * Source: Howard et al., "Searching for MobileNetV3", ICCV 2019, table 2.
 */
#include "model/arch_table.h"

#include <stdio.h>

struct row {
    int64_t kernel, hidden, out;
    bool squeeze;
    const char *activation;
    int64_t stride;
};

static const struct row rows[] = {
    { 3, 16, 16, true, "Relu", 2 },       { 3, 72, 24, false, "Relu", 2 },      { 3, 88, 24, false, "Relu", 1 },
    { 5, 96, 40, true, "HardSwish", 2 },  { 5, 240, 40, true, "HardSwish", 1 }, { 5, 240, 40, true, "HardSwish", 1 },
    { 5, 120, 48, true, "HardSwish", 1 }, { 5, 144, 48, true, "HardSwish", 1 }, { 5, 288, 96, true, "HardSwish", 2 },
    { 5, 576, 96, true, "HardSwish", 1 }, { 5, 576, 96, true, "HardSwish", 1 },
};

static int64_t scaled(const struct builder *b, int64_t channels)
{
    return build_multiple_of_8((double)channels * b->options->width_factor);
}

/* Conv prefix.0, BatchNormalization prefix.1, and prefix.2 unless activation is NULL. */
static struct map conv_bn(struct builder *b, const char *prefix, struct map x, const struct conv *conv,
                          const char *activation)
{
    char name[3][32];

    for (int i = 0; i < 3; i++)
        snprintf(name[i], sizeof(name[i]), "%s%d", prefix, i);
    x = build_batchnorm(b, name[1], build_conv(b, name[0], x, conv));
    return activation != NULL ? build_apply(b, name[2], activation, x) : x;
}

/* Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018, with a hard sigmoid. */
static struct map squeeze_excite(struct builder *b, int number, struct map x)
{
    const int64_t quarter = x.channels / 4;
    const struct conv fc1 = {
        .out = build_multiple_of_8((double)quarter), .kernel = 1, .bias = true, .init = INIT_HE_OUT
    };
    const struct conv fc2 = { .out = x.channels, .kernel = 1, .bias = true, .init = INIT_HE_OUT };
    char name[6][40];
    struct map gate;

    for (int i = 0; i < 6; i++) {
        static const char *const parts[] = { "avgpool", "fc1", "activation", "fc2", "scale_activation", "scale" };

        snprintf(name[i], sizeof(name[i]), "block.%d.%s", number, parts[i]);
    }
    gate = build_conv(b, name[1], build_global_pool(b, name[0], x), &fc1);
    gate = build_conv(b, name[3], build_apply(b, name[2], "Relu", gate), &fc2);
    return build_join(b, name[5], "Mul", x, build_hard_sigmoid(b, name[4], gate));
}

static struct map inverted_residual(struct builder *b, struct map x, const struct row *row)
{
    const int64_t hidden = scaled(b, row->hidden), out = scaled(b, row->out);
    const struct conv expand = { .out = hidden, .kernel = 1, .init = INIT_HE_OUT };
    const struct conv depthwise = { .out = hidden,
                                    .kernel = row->kernel,
                                    .stride = row->stride,
                                    .pad = row->kernel / 2,
                                    .groups = hidden,
                                    .init = INIT_HE_OUT };
    const struct conv project = { .out = out, .kernel = 1, .init = INIT_HE_OUT };
    int number = 0;
    char prefix[32];
    struct map y = x;

    if (hidden != x.channels) {
        y = conv_bn(b, "block.0.", y, &expand, row->activation);
        number++;
    }
    snprintf(prefix, sizeof(prefix), "block.%d.", number++);
    y = conv_bn(b, prefix, y, &depthwise, row->activation);
    if (row->squeeze)
        y = squeeze_excite(b, number++, y);
    snprintf(prefix, sizeof(prefix), "block.%d.", number);
    y = conv_bn(b, prefix, y, &project, NULL);
    return row->stride == 1 && x.channels == out ? build_join(b, "add", "Add", y, x) : y;
}

static int build(struct model *model, const struct arch_options *options, struct error *err)
{
    struct builder b = build_begin(model, options, err);
    const struct conv stem = { .out = scaled(&b, 16), .kernel = 3, .stride = 2, .pad = 1, .init = INIT_HE_OUT };
    const struct conv last = { .out = 6 * scaled(&b, 96), .kernel = 1, .init = INIT_HE_OUT };
    struct map x = build_input(&b);

    b.epsilon = 1e-3; /* torchvision's for this network; weights trained there expect it */
    build_scope(&b, "features.0");
    x = conv_bn(&b, "", x, &stem, "HardSwish");
    for (size_t r = 0; r < COUNT(rows); r++) {
        build_scope(&b, "features.%d", (int)r + 1);
        x = inverted_residual(&b, x, &rows[r]);
    }
    build_scope(&b, "features.%d", (int)COUNT(rows) + 1);
    x = conv_bn(&b, "", x, &last, "HardSwish");
    build_scope(&b, "%s", "");
    x = build_flatten(&b, "flatten", build_global_pool(&b, "avgpool", x));
    x = build_linear(&b, "classifier.0", x, scaled(&b, 1024), INIT_SMALL);
    x = build_apply(&b, "classifier.1", "HardSwish", x);
    x = build_dropout(&b, "classifier.2", x, 0.2);
    x = build_linear(&b, "classifier.3", x, options->classes, INIT_SMALL);
    return build_end(&b, x);
}

const struct arch arch_mobilenet_v3_small = {
    .name = "mobilenet-v3-small",
    .alias = "mobilenet_v3_small",
    .summary = "torchvision's: 11 inverted residuals, squeeze and excitation, HardSwish; widths are multiples of 8 "
               "(Howard et al. 2019)",
    .channels = 3,
    .height = 224,
    .width = 224,
    .classes = 1000,
    .build = build,
};
