/*
 * arch_build.h - how a built-in architecture is written down: one call a layer.
 *
 * A map is a value of the graph with the size of one sample of it. Every call
 * takes the map before and returns the map after. The first failure is kept in
 * the builder and later calls do nothing, so that an architecture reads as its
 * list of layers; build_end() tells.
 *
 * Names follow torchvision's modules: build_scope("layer%d.%d", 1, 0) makes
 * "conv1" into node layer1.0.conv1 with weights layer1.0.conv1.weight and .bias.
 */
#ifndef MODEL_ARCH_BUILD_H
#define MODEL_ARCH_BUILD_H

#include "model/model.h"

struct map {
    int value;                       /* index in the graph */
    int64_t channels, height, width; /* of one sample; height and width 1 once flat */
};

/* How weights are drawn, each from a stream named after the weight: order does not matter. */
enum init {
    INIT_HE_OUT, /* normal, variance 2 / (out * kernel): torchvision's resnets and mobilenets */
    INIT_HE_IN,  /* uniform, variance 2 / (in * kernel): torchvision's squeezenet; nets without BatchNormalization */
    INIT_XAVIER, /* uniform, variance 1 / fan in: Caffe's "xavier" */
    INIT_LINEAR, /* uniform in +-1/sqrt(fan in), the bias too: PyTorch's Linear */
    INIT_SMALL,  /* normal, deviation 0.01: torchvision's classifiers of mobilenets and squeezenet */
};

struct builder {
    struct model *model;
    struct graph *graph;
    const struct arch_options *options;
    struct error *err;
    const char *scope;         /* "layer1.0", or NULL */
    double epsilon;            /* of BatchNormalization */
    int relu6_low, relu6_high; /* constants of Clip once there, or -1 */
    bool failed;
};

struct conv {
    int64_t out, kernel, stride, pad, groups; /* stride 0 and groups 0 stand for 1 */
    bool bias;
    enum init init;
};

struct window2 {
    int64_t kernel, stride, pad; /* pad on each side */
    int64_t pad_end;             /* more of it below and to the right: 1 is as rounding up, at stride 2 */
};

struct builder build_begin(struct model *model, const struct arch_options *options, struct error *err);
void build_scope(struct builder *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* channels times --width, rounded, at least 1. */
int64_t build_width(const struct builder *b, int64_t channels);
/* The multiple of 8 nearest to channels, never below 0.9 times it: what mobilenets round to. */
int64_t build_multiple_of_8(double channels);

struct map build_input(struct builder *b);
struct map build_conv(struct builder *b, const char *name, struct map x, const struct conv *conv);
struct map build_batchnorm(struct builder *b, const char *name, struct map x);
struct map build_linear(struct builder *b, const char *name, struct map x, int64_t out, enum init init);
struct map build_max_pool(struct builder *b, const char *name, struct map x, struct window2 window);
struct map build_global_pool(struct builder *b, const char *name, struct map x);
struct map build_flatten(struct builder *b, const char *name, struct map x);
struct map build_dropout(struct builder *b, const char *name, struct map x, double ratio);
/* An operator of one input without attributes that keeps the shape: Relu, HardSwish. */
struct map build_apply(struct builder *b, const char *name, const char *op, struct map x);
struct map build_relu6(struct builder *b, const char *name, struct map x);
/* max(0, min(1, x/6 + 1/2)), the gate of mobilenet-v3. */
struct map build_hard_sigmoid(struct builder *b, const char *name, struct map x);
/* Add or Mul of two maps; y may be one number a channel, the shape is x's. */
struct map build_join(struct builder *b, const char *name, const char *op, struct map x, struct map y);
/* Along the channels. */
struct map build_concat(struct builder *b, const char *name, struct map x, struct map y);
/* Makes x the output, [N, classes]. -1 when anything failed. */
MUST_CHECK int build_end(struct builder *b, struct map x);

#endif
