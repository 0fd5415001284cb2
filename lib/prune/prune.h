/*
 * prune.h - a smaller model: weights set to zero, or channels really removed.
 *
 * Channels: every channel of the graph is followed from the layer that makes
 * it to all that read it. What must go together (both sides of an Add, a
 * depthwise filter and its input, the rows of a Gemm behind a Flatten) is one
 * group; groups are scored, the lowest removed, weights compacted.
 * Neither retrains: follow with training.
 *
 * Source: Fang, Ma, Song, Mi, Wang, "DepGraph: towards any structural pruning",
 * CVPR 2023; Han, Pool, Tran, Dally, "Learning both weights and connections",
 * NeurIPS 2015; Liu et al., "Network slimming", ICCV 2017.
 */
#ifndef PRUNE_PRUNE_H
#define PRUNE_PRUNE_H

#include "base/job.h"
#include "model/model.h"

enum prune_scope {
    PRUNE_LAYER,  /* the same share of every layer */
    PRUNE_GLOBAL, /* the lowest of all layers together */
};

/* How a channel is scored; each tensor's norms are divided by their mean, so that layers compare. */
enum prune_method {
    PRUNE_MAGNITUDE, /* L2 norm of the weights that scale it and read it, and of those that make it unless a
                        BatchNormalization divides their size away */
    PRUNE_L1,        /* the same with the sum of absolute values */
    PRUNE_BATCHNORM, /* |scale| of its BatchNormalization; magnitude where there is none */
};

struct prune_options {
    double sparsity; /* 0..1: share to remove */
    enum prune_scope scope;
    enum prune_method method; /* channels only */
};

struct prune_report {
    int64_t total, removed; /* weights, or groups of coupled channels that could go */
    int64_t parameters_before, parameters_after;
    double macs_before, macs_after;
};

/*
 * prune_weights - sets the smallest weights of convolutions and fully connected
 * layers to zero, in place; biases and normalization stay. The removed are
 * counted exactly: ties go in stored order. Stored dense.
 */
MUST_CHECK int prune_weights(struct model *model, const struct prune_options *options, struct prune_report *report,
                             struct error *err);

/*
 * prune_channels - removes channels in place and infers shapes again. Inputs and
 * outputs of the graph keep theirs; so do channels that reach an operator which
 * rearranges them (Reshape, Split, Transpose, ...): job gets a note.
 * Errors: ERROR_INPUT when quantized, an update or a part, or when a layer would keep
 * no channel (naming it); the model is then as it was, but for inferred shapes.
 */
MUST_CHECK int prune_channels(struct model *model, const struct prune_options *options, const struct job *job,
                              struct prune_report *report, struct error *err);

#endif
