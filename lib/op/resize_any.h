/* resize_any.h - Resize in all its forms, axis after axis; the fast one on the last two axes is resize.c's. For lib/op alone. */
#ifndef OP_RESIZE_ANY_H
#define OP_RESIZE_ANY_H

#include "op/internal.h"

enum resize_mode { MODE_NEAREST, MODE_LINEAR, MODE_CUBIC };
enum resize_place {
    HALF_PIXEL,
    PYTORCH_HALF_PIXEL,
    ALIGN_CORNERS,
    ASYMMETRIC,
    HALF_PIXEL_SYMMETRIC,
    TF_CROP_AND_RESIZE,
    TF_HALF_PIXEL_FOR_NN, /* opset 11 had it */
};
enum resize_rounding { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };

struct resize_plan {
    int mode, place, rounding;
    bool antialias, exclude_outside;
    float cubic, outside; /* coefficient a; extrapolation_value */
    double scale[SHAPE_MAX_RANK];
    double length[SHAPE_MAX_RANK];                    /* of the output as the scale gives it, not yet a whole number */
    float start[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK]; /* roi, TF_CROP_AND_RESIZE */
    bool other;
};

/* Where output index i of an axis lies among the inputs. */
double resize_position(const struct resize_plan *plan, const struct op_io *io, int axis, int64_t i);
/* The nearest index, held within 0..n-1. A scale such as 1.4F is no tie but for rounding: single precision decides. */
int64_t resize_nearest(const struct resize_plan *plan, double position, int64_t n);

/* What a pixel that far away weighs in a cubic interpolation, with coefficient a. */
double resize_cubic(double distance, double a);

void resize_any_size(struct op_io *io, struct resize_plan *plan);
void resize_any_forward(const struct op_io *io, const struct resize_plan *plan, const struct op_run *run);

#endif
