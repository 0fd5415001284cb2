/* clip.c - values kept within two bounds. */
#include "op/unary.h"

#include <float.h>
#include <string.h>

#include "op/argument.h"
#include "tensor/element.h"

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    k->clip_f32(y, x, p[0], p[1], n);
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)y;
    k->clip_grad_f32(gx, gy, x, p[0], p[1], n);
}

static double exact(double x, const float p[2])
{
    double v = x < (double)p[0] ? (double)p[0] : x;

    return v > (double)p[1] ? (double)p[1] : v;
}

static const struct unary curve = { rows, slopes, exact, NULL };

struct plan {
    struct unary_plan curve; /* F32 and quantized bytes */
    bool other;
};

/* A bound of the input's own type. */
static int check_bound(const struct op_io *io, int i, const char *name, struct error *err)
{
    const struct tensor *t = op_input(io, i);

    if (t == NULL)
        return 0;
    if (op_expect_dtype(io, i, io->in[0]->dtype, err) < 0)
        return -1;
    if (t->data == NULL || shape_count(&t->shape) != 1)
        return error_set(err, ERROR_INPUT, "%s is computed or no single number, expected a constant", name);
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    double low, high;

    plan->other = x->dtype != DTYPE_F32 && x->quant == NULL && x->dtype != DTYPE_BOOL;
    if (plan->other) {
        io->out[0]->dtype = x->dtype;
        io->out[0]->shape = x->shape;
        return check_bound(io, 1, "min", err) < 0 ? -1 : check_bound(io, 2, "max", err);
    }
    if (argument_real(io, 1, "min", -(double)FLT_MAX, &low, err) < 0 ||
        argument_real(io, 2, "max", (double)FLT_MAX, &high, err) < 0)
        return -1;
    return unary_shape(io, &curve, low, high, err);
}

static bool below(const struct tensor *a, int64_t i, const struct tensor *b, int64_t k)
{
    if (dtype_is_float(a->dtype))
        return element_real(a->dtype, a->data, i) < element_real(b->dtype, b->data, k);
    if (a->dtype == DTYPE_U64)
        return ((const uint64_t *)a->data)[i] < ((const uint64_t *)b->data)[k];
    return element_int(a->dtype, a->data, i) < element_int(b->dtype, b->data, k);
}

static void clip_other(const struct op_io *io)
{
    const struct tensor *x = io->in[0], *low = op_input(io, 1), *high = op_input(io, 2);
    const size_t bytes = dtype_bytes(x->dtype);

    for (int64_t i = 0; i < shape_count(&x->shape); i++) {
        const char *from = (const char *)x->data + (size_t)i * bytes;

        if (low != NULL && below(x, i, low, 0))
            from = low->data;
        if (high != NULL && (from == (low != NULL ? low->data : NULL) ? below(high, 0, low, 0) : below(high, 0, x, i)))
            from = high->data;
        memcpy((char *)io->out[0]->data + (size_t)i * bytes, from, bytes);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    if (plan->other)
        clip_other(io);
    else
        unary_forward(io, run);
}

const struct op op_clip = {
    .name = "Clip",
    .formula = "y = min(max(x, min), max)",
    .min_inputs = 1,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "max min",
    .arguments = 1U << 1 | 1U << 2,
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = unary_backward,
};
