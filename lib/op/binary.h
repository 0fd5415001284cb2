/*
 * binary.h - operators of two operands with NumPy's broadcasting. A file an
 * operator: it names the arithmetic, and what is here walks the shapes, and
 * sums gradients over the axes along which an operand repeats. For lib/op alone.
 */
#ifndef OP_BINARY_H
#define OP_BINARY_H

#include "op/internal.h"
#include "op/typed.h"
#include "op/walk.h"

struct binary_plan;

struct binary {
    /* y[i] = a[i * step_a] . b[i * step_b] */
    void (*rows)(const struct kern *k, float *y, const float *a, size_t step_a, const float *b, size_t step_b,
                 size_t n);
    /* g[i] = gy[i] times the slope of y towards a, and towards b */
    void (*slopes[2])(const struct kern *k, float *g, const float *gy, const float *a, size_t step_a, const float *b,
                      size_t step_b, size_t n);
    /* On bytes; NULL: floats only. */
    void (*bytes)(const struct kern *k, const struct binary_plan *plan, uint8_t *y, const uint8_t *a, size_t step_a,
                  const uint8_t *b, size_t step_b, size_t n);
    void (*quantize)(struct binary_plan *plan, const struct quant *a, const struct quant *b, const struct quant *y);
    const struct typed *typed; /* on other types than F32 */
};

struct binary_plan {
    const struct binary *binary;
    struct walk walk;
    struct odometer odometer; /* other types */
    union {
        struct kern_add_u8 sum;
        struct kern_mul_u8 product;
    } how;
};

MUST_CHECK int binary_shape(struct op_io *io, const struct binary *binary, struct error *err);
void binary_forward(const struct op_io *io, const struct op_run *run);
void binary_backward(const struct op_io *io, const struct op_run *run);

/* plan->how.sum for y = a + sign * b. */
void binary_quantize_sum(struct binary_plan *plan, const struct quant *a, const struct quant *b, const struct quant *y,
                         double sign);
void binary_sum_bytes(const struct kern *k, const struct binary_plan *plan, uint8_t *y, const uint8_t *a, size_t step_a,
                      const uint8_t *b, size_t step_b, size_t n);

#endif
