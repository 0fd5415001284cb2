/*
 * arch_mobilenet_v2.c - inverted residuals with linear bottlenecks, as in torchvision.
 *
 * Source: Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted
 * residuals and linear bottlenecks", CVPR 2018, table 2.
 */
#include "model/arch_table.h"

#include <stdio.h>

/* One row of the table: t, c, n, s. */
struct row {
    int64_t expansion, channels;
    int repeats;
    int64_t stride;
};

static const struct row rows[] = {
    { 1, 16, 1, 1 }, { 6, 24, 2, 2 },  { 6, 32, 3, 2 },  { 6, 64, 4, 2 },
    { 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 },
};

static int64_t scaled(const struct builder *b, int64_t channels)
{
    return build_multiple_of_8((double)channels * b->options->width_factor);
}

/* Conv, BatchNormalization, ReLU6 named prefix0, prefix1, prefix2: "conv.0." or "". */
static struct map conv_bn_relu6(struct builder *b, const char *prefix, struct map x, const struct conv *conv)
{
    char name[3][32];

    for (int i = 0; i < 3; i++)
        snprintf(name[i], sizeof(name[i]), "%s%d", prefix, i);
    x = build_batchnorm(b, name[1], build_conv(b, name[0], x, conv));
    return build_relu6(b, name[2], x);
}

static struct map inverted_residual(struct builder *b, struct map x, const struct row *row, int64_t stride)
{
    const int64_t out = scaled(b, row->channels), hidden = x.channels * row->expansion;
    const bool expands = row->expansion > 1;
    const struct conv expand = { .out = hidden, .kernel = 1, .init = INIT_HE_OUT };
    const struct conv depthwise = {
        .out = hidden, .kernel = 3, .stride = stride, .pad = 1, .groups = hidden, .init = INIT_HE_OUT
    };
    const struct conv project = { .out = out, .kernel = 1, .init = INIT_HE_OUT };
    struct map y = x;

    if (expands)
        y = conv_bn_relu6(b, "conv.0.", y, &expand);
    y = conv_bn_relu6(b, expands ? "conv.1." : "conv.0.", y, &depthwise);
    y = build_conv(b, expands ? "conv.2" : "conv.1", y, &project);
    y = build_batchnorm(b, expands ? "conv.3" : "conv.2", y);
    return stride == 1 && x.channels == out ? build_join(b, "add", "Add", x, y) : y;
}

static int build(struct model *model, const struct arch_options *options, struct error *err)
{
    const double wide = options->width_factor > 1 ? options->width_factor : 1;
    struct builder b = build_begin(model, options, err);
    const struct conv stem = { .out = scaled(&b, 32), .kernel = 3, .stride = 2, .pad = 1, .init = INIT_HE_OUT };
    const struct conv last = { .out = build_multiple_of_8(1280 * wide), .kernel = 1, .init = INIT_HE_OUT };
    struct map x = build_input(&b);
    int index = 1;

    build_scope(&b, "features.0");
    x = conv_bn_relu6(&b, "", x, &stem);
    for (size_t r = 0; r < COUNT(rows); r++)
        for (int i = 0; i < rows[r].repeats; i++) {
            build_scope(&b, "features.%d", index++);
            x = inverted_residual(&b, x, &rows[r], i == 0 ? rows[r].stride : 1);
        }
    build_scope(&b, "features.%d", index);
    x = conv_bn_relu6(&b, "", x, &last);
    build_scope(&b, "%s", "");
    x = build_flatten(&b, "flatten", build_global_pool(&b, "avgpool", x));
    x = build_dropout(&b, "classifier.0", x, 0.2);
    x = build_linear(&b, "classifier.1", x, options->classes, INIT_SMALL);
    return build_end(&b, x);
}

const struct arch arch_mobilenet_v2 = {
    .name = "mobilenet-v2",
    .alias = "mobilenet_v2",
    .summary = "torchvision's: 17 inverted residuals, ReLU6; widths are multiples of 8 (Sandler et al. 2018)",
    .channels = 3,
    .height = 224,
    .width = 224,
    .classes = 1000,
    .build = build,
};
