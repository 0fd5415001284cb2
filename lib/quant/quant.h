/*
 * quant.h - 8-bit models: activations U8 with one scale and zero point each, weights I8
 * per output channel, biases I32; integer arithmetic at run time.
 *
 * Source: Jacob et al., "Quantization and training of neural networks for efficient
 * integer-arithmetic-only inference", CVPR 2018, sec. 2; per-channel weights as in
 * Krishnamoorthi, "Quantizing deep convolutional networks", 2018, sec. 3.
 */
#ifndef QUANT_QUANT_H
#define QUANT_QUANT_H

#include "data/data.h"
#include "model/model.h"

enum quant_observer {
    OBSERVE_MINMAX,     /* the whole range seen */
    OBSERVE_PERCENTILE, /* without the 0.01 % at each end */
    OBSERVE_MSE,        /* the range with the least squared error over the values seen */
};

enum quant_per { QUANT_PER_CHANNEL, QUANT_PER_TENSOR };

struct quant_options {
    enum quant_observer observer;
    enum quant_per per;
    int64_t samples;   /* of the calibration set, evenly spread; 0: all */
    bool weights_only; /* weights I8, activations stay F32 */
};

struct quant_report {
    int weights, nodes_integer, nodes_real; /* quantized tensors; nodes by how they will run */
    int64_t samples;                        /* used */
};

/*
 * quantize_model - folds the graph, then rewrites it in place. `set` calibrates; NULL only with weights_only.
 * The input and all values between get a quant; outputs stay F32, but for one that a layer in
 * integers reads on.
 * Errors: ERROR_INPUT: already quantized, an update, shapes; a value that is not finite during calibration names it.
 */
MUST_CHECK int quantize_model(struct model *model, const struct dataset *set, const struct quant_options *options,
                              const struct job *job, struct quant_report *report, struct error *err);

#endif
