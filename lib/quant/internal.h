/* internal.h - ranges as calibration saw them, for the rewriting that follows. */
#ifndef QUANT_INTERNAL_H
#define QUANT_INTERNAL_H

#include "quant/quant.h"

struct range {
    float low, high; /* low <= 0 <= high */
    bool seen;
};

/* range [graph->value_count] of every F32 input and computed value of the folded graph. */
MUST_CHECK int calibrate(const struct model *model, const struct dataset *set, const struct quant_options *options,
                         const struct job *job, struct range *range, struct error *err);

/* How many of the set are used. */
int64_t calibration_samples(const struct dataset *set, const struct quant_options *options);

/* Scale and zero point of U8 for a range; 0 is represented exactly. */
void range_to_quant(const struct range *range, float *scale, int32_t *zero_point);

/*
 * I8, symmetric, along `axis` (-1: per tensor), and its bias as I32 of scale input_scale * scale[c]. A bias (NULL: none,
 * or it stays real) that is large beside the weights coarsens their scale so that it can be told.
 * New weights in the graph named as the old ones; *weight and *bias are their values.
 */
MUST_CHECK int quantize_weight(struct graph *graph, int *weight, int axis, const struct tensor *bias, float input_scale,
                               struct error *err);
MUST_CHECK int quantize_bias(struct graph *graph, int *bias, const struct quant *weight, float input_scale,
                             struct error *err);

#endif
