/*
 * integer.h - Conv and Gemm on quantized tensors: x U8, w I8 with zero point
 * 0 and a scale for each output channel or one for all, bias I32 of scale
 * x.scale * w.scale. The sums are exact. The output is U8,
 *   y = clamp(lrintf((float)sum * scale) + zero_point, low, high),
 *   scale = (float)(x.scale * w.scale / y.scale), the product in double,
 * with low and high from the activation; or F32 without y.scale and zero_point.
 * For lib/op alone.
 */
#ifndef OP_INTEGER_H
#define OP_INTEGER_H

#include "op/convolve.h"

struct integer {
    int32_t zero_in, zero_out, low, high;
    bool to_float;
};

/*
 * integer_read - inputs, quantizations and the epilogue, filters' channels on
 * `axis` of w; the output's dtype is set. ERROR_INPUT also when sums of
 * `depth` products might not be exact.
 */
MUST_CHECK int integer_read(struct integer *integer, struct op_io *io, int axis, int64_t depth, struct error *err);
float integer_scale(const struct op_io *io, int64_t channel);

/* Convolutions: c with the geometry set, channels still in ones; they are pairs afterwards. packed:
 * convolve_weights() words. */
MUST_CHECK int integer_conv_plan(struct convolve *c, struct error *err);
void integer_conv_pack(const struct convolve *c, int64_t channels, const struct op_run *run, const int8_t *w,
                       int32_t *packed);
void integer_conv(const struct convolve *c, int64_t channels, const struct integer *integer, const struct op_io *io,
                  const struct op_run *run, const int32_t *packed, void *work);

/* y [m, n] = x [m, k] * w [n, k] transposed; work: integer_gemm_bytes(). */
size_t integer_gemm_bytes(int64_t m, int64_t k);
void integer_gemm(const struct integer *integer, const struct op_io *io, const struct op_run *run, int64_t m, int64_t n,
                  int64_t k, const int8_t *w, void *work);

#endif
