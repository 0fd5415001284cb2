/* clip.c - values kept within two bounds. */
#include "op/unary.h"

#include <float.h>
#include <string.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "tensor/element.h"

static void rows(const struct kern *k, float *y, const float *x, const float p[2], size_t n)
{
    k->clip_f32(y, x, p[0], p[1], n);
}

static void slopes(const struct kern *k, float *gx, const float *gy, const float *x, const float *y, const float p[2],
                   size_t n)
{
    (void)x;
    k->clip_grad_f32(gx, gy, y, p[0], p[1], n);
}

static double exact(double x, const float p[2])
{
    double v = x < (double)p[0] ? (double)p[0] : x;

    return v > (double)p[1] ? (double)p[1] : v;
}

static const struct unary curve = { rows, slopes, exact, NULL };

/* A bound of another type than F32, in that type. */
struct bound {
    bool set;
    _Alignas(8) unsigned char value[8];
};

struct plan {
    struct unary_plan curve; /* F32 and quantized bytes */
    bool other;
    struct bound low, high;
};

/* An input of x's own type; opset 6 had an attribute, for reals. */
static int read_bound(const struct op_io *io, int i, const char *name, struct bound *bound, struct error *err)
{
    const struct tensor *t = op_input(io, i);
    const enum dtype dtype = io->in[0]->dtype;
    double value;

    if (t == NULL && attribute_find(io->attributes, name) == NULL)
        return 0;
    bound->set = true;
    if (t == NULL) {
        if (!dtype_is_float(dtype))
            return error_set(err, ERROR_INPUT, "%s is an attribute, expected an input of %s", name, dtype_name(dtype));
        if (attribute_float(io->attributes, name, 0, &value, err) < 0)
            return -1;
        element_set_real(dtype, bound->value, 0, value);
        return 0;
    }
    if (op_expect_dtype(io, i, dtype, err) < 0)
        return -1;
    if (t->data == NULL || shape_count(&t->shape) != 1)
        return error_set(err, ERROR_INPUT, "%s is computed or no single number, expected a constant", name);
    memcpy(bound->value, t->data, dtype_bytes(dtype));
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
        return read_bound(io, 1, "min", &plan->low, err) < 0 ? -1 : read_bound(io, 2, "max", &plan->high, err);
    }
    if (argument_real(io, 1, "min", -(double)FLT_MAX, &low, err) < 0 ||
        argument_real(io, 2, "max", (double)FLT_MAX, &high, err) < 0)
        return -1;
    return unary_shape(io, &curve, low, high, err);
}

static bool below(enum dtype dtype, const void *a, const void *b)
{
    if (dtype_is_float(dtype))
        return element_real(dtype, a, 0) < element_real(dtype, b, 0);
    if (dtype == DTYPE_U64)
        return *(const uint64_t *)a < *(const uint64_t *)b;
    return element_int(dtype, a, 0) < element_int(dtype, b, 0);
}

static void other_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;
    const enum dtype dtype = io->in[0]->dtype;
    const size_t bytes = dtype_bytes(dtype);

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const void *from = (const unsigned char *)io->in[0]->data + i * bytes;

        if (plan->low.set && below(dtype, from, plan->low.value))
            from = plan->low.value;
        if (plan->high.set && below(dtype, plan->high.value, from))
            from = plan->high.value;
        memmove((unsigned char *)io->out[0]->data + i * bytes, from, bytes); /* may be in place */
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    if (plan->other)
        chunk_run(run->pool, (size_t)shape_count(&io->in[0]->shape), 4, other_piece, io);
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
    .flags = OP_EMPTY | OP_ELEMENTWISE | OP_IN_PLACE | OP_INTEGER | OP_BACKWARD_OUT | OP_GRAD_IN_PLACE,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = unary_backward,
};
