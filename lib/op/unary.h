/*
 * unary.h - operators that map each element by itself. A file a function:
 * it names the curve, and what is here runs it on floats, on quantized bytes
 * through a table of 256 entries, and backwards. For lib/op alone.
 */
#ifndef OP_UNARY_H
#define OP_UNARY_H

#include "op/internal.h"

struct unary {
    /* y = f(x); y may be x. p: the operator's parameters. */
    void (*rows)(const struct kern *k, float *y, const float *x, const float p[2], size_t n);
    /* gx = gy * f'(x), of x and y what the operator's OP_BACKWARD flags promise. */
    void (*slopes)(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n);
    /* f in double, for the table. */
    double (*exact)(double x, const float p[2]);
    /* f on integers, NULL: reals alone. natural: x is the bits of a U64. */
    int64_t (*whole)(int64_t x, bool natural, const float p[2]);
};

struct unary_plan {
    const struct unary *unary;
    float p[2];
    uint8_t table[256];
    bool clamp; /* the table only clamps to low..high */
    uint8_t low, high;
};

/* Checks in[0], sets out[0] and fills the plan (plan_bytes is sizeof(struct unary_plan)). */
MUST_CHECK int unary_shape(struct op_io *io, const struct unary *unary, double p0, double p1, struct error *err);
void unary_forward(const struct op_io *io, const struct op_run *run);
void unary_backward(const struct op_io *io, const struct op_run *run);

/* table[q] = f(real of q) as the output's byte: rounded half to even, saturated. p is passed on to f. */
void unary_table(uint8_t table[256], const struct quant *in, const struct quant *out,
                 double (*f)(double x, const float p[2]), const float p[2]);
/* `exact` on an integer, cut to one again: a `whole` for curves with broken numbers inside. */
int64_t unary_cut(double (*exact)(double x, const float p[2]), int64_t x, bool natural, const float p[2]);
/* f(x) = x: what moves a byte from one scale to another. */
double unary_same(double x, const float p[2]);
/* y holds bytes of scale `from`: moves them to y's own. Does nothing where both are the same. */
void unary_rescale(const struct tensor *y, const struct quant *from, const struct op_run *run);

#endif
