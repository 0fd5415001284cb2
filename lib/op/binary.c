#include "op/binary.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/chunk.h"

static bool is_plain(const struct tensor *t)
{
    return t->dtype != DTYPE_F32 && t->quant == NULL;
}

static int check_types(const struct op_io *io, const struct binary *binary, struct error *err)
{
    if (op_expect_dtype(io, 1, io->in[0]->dtype, err) < 0)
        return -1;
    if (is_plain(io->in[0]) && is_plain(io->in[1]) && binary->typed != NULL)
        return typed_check(binary->typed, io->in[0]->dtype, err);
    return argument_numeric(io, 0, binary->bytes != NULL, err) < 0 ||
                   argument_numeric(io, 1, binary->bytes != NULL, err) < 0
               ? -1
               : 0;
}

int binary_shape(struct op_io *io, const struct binary *binary, struct error *err)
{
    struct binary_plan *plan = io->plan;
    const struct tensor *a = io->in[0], *b = io->in[1];
    const struct shape *operand[] = { &a->shape, &b->shape };
    struct tensor *y = io->out[0];
    struct shape shape;

    if (check_types(io, binary, err) < 0 || shape_broadcast(&shape, &a->shape, &b->shape, err) < 0 ||
        shape_check(&shape, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err) < 0)
        return -1;
    if (a->quant != NULL)
        binary->quantize(plan, a->quant, b->quant, y->quant);
    plan->binary = binary;
    plan->walk = walk_of(&shape, &a->shape, &b->shape);
    plan->odometer = odometer_of(&shape, operand, 2);
    y->dtype = a->dtype;
    y->shape = shape;
    return 0;
}

struct pass {
    const struct op_io *io;
    const struct kern *kern;
    int operand; /* backward: whose gradient */
    bool whole;  /* backward: it does not repeat and is overwritten */
};

static void forward_run(const void *context, const struct walk_run *run)
{
    const struct pass *pass = context;
    const struct binary_plan *plan = pass->io->plan;
    const struct tensor *a = pass->io->in[0], *b = pass->io->in[1], *y = pass->io->out[0];

    if (a->dtype == DTYPE_F32)
        plan->binary->rows(pass->kern, (float *)y->data + run->at[WALK_WHOLE], (const float *)a->data + run->at[0],
                           run->step[0], (const float *)b->data + run->at[1], run->step[1], run->n);
    else
        plan->binary->bytes(pass->kern, plan, (uint8_t *)y->data + run->at[WALK_WHOLE],
                            (const uint8_t *)a->data + run->at[0], run->step[0], (const uint8_t *)b->data + run->at[1],
                            run->step[1], run->n);
}

static void typed_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct binary_plan *plan = io->plan;
    struct odometer o = plan->odometer;

    (void)worker;
    typed_apply(plan->binary->typed, io->out[0], io->in[0], io->in[1], &o, (int64_t)begin, (int64_t)end);
}

void binary_forward(const struct op_io *io, const struct op_run *run)
{
    const struct binary_plan *plan = io->plan;
    struct pass pass = { .io = io, .kern = run->kern };

    if (shape_count(&io->out[0]->shape) == 0)
        return;
    if (is_plain(io->in[0]))
        chunk_run(run->pool, (size_t)shape_count(&io->out[0]->shape), 8, typed_piece, io);
    else
        walk_visit_all(&plan->walk, 0, run->pool, forward_run, &pass);
}

static void backward_run(const void *context, const struct walk_run *run)
{
    enum { BLOCK = 512 };
    const struct pass *pass = context;
    const struct binary_plan *plan = pass->io->plan;
    const struct tensor *a = pass->io->in[0], *b = pass->io->in[1];
    const float *gy = pass->io->out[0]->grad + run->at[WALK_WHOLE];
    float *gx = pass->io->in[pass->operand]->grad + run->at[pass->operand];
    double total = 0;

    for (size_t i = 0; i < run->n; i += BLOCK) {
        size_t n = run->n - i < BLOCK ? run->n - i : BLOCK;
        float part[BLOCK], *g = pass->whole ? gx + i : part;

        plan->binary->slopes[pass->operand](pass->kern, g, gy + i,
                                            (const float *)a->data + run->at[0] + i * run->step[0], run->step[0],
                                            (const float *)b->data + run->at[1] + i * run->step[1], run->step[1], n);
        if (run->step[pass->operand] == 0)
            total += pass->kern->sum_f32(g, n);
        else if (!pass->whole)
            pass->kern->add_f32(gx + i, gx + i, 1, g, 1, n);
    }
    if (run->step[pass->operand] == 0)
        *gx += (float)total;
}

void binary_backward(const struct op_io *io, const struct op_run *run)
{
    const struct binary_plan *plan = io->plan;
    int64_t count = shape_count(&io->out[0]->shape);

    for (int o = 0; o < 2; o++) {
        const struct tensor *x = io->in[o];
        struct pass pass = { io, run->kern, o, false };

        if (x->grad == NULL)
            continue;
        pass.whole = !x->grad_add && count > 1 && shape_count(&x->shape) == count;
        if (!pass.whole && !x->grad_add)
            memset(x->grad, 0, (size_t)shape_count(&x->shape) * sizeof(float));
        walk_visit_all(&plan->walk, walk_axis(&plan->walk, o), run->pool, backward_run, &pass);
    }
}

/*
 * Factors of 20 bits: twice 255 times them stays within 32. Where a step of an
 * input is more than 2^19 of the output both factors are halved until they fit,
 * for nearly every sum saturates all the same.
 */
void binary_quantize_sum(struct binary_plan *plan, const struct quant *a, const struct quant *b, const struct quant *y,
                         double sign)
{
    double factor_a = (double)a->scale[0] / (double)y->scale[0], factor_b = (double)b->scale[0] / (double)y->scale[0];
    struct kern_add_u8 *how = &plan->how.sum;
    int exponent, power;

    (void)frexp(factor_a > factor_b ? factor_a : factor_b, &exponent);
    power = exponent < -10 ? 30 : 20 - exponent;
    how->shift = power < 1 ? 1 : power;
    how->factor_a = (int32_t)rint(ldexp(factor_a, power));
    how->factor_b = (int32_t)rint(ldexp(sign * factor_b, power));
    how->zero_point = y->zero_point[0];
    how->offset = (1 << (how->shift - 1)) - a->zero_point[0] * how->factor_a - b->zero_point[0] * how->factor_b;
}

void binary_sum_bytes(const struct kern *k, const struct binary_plan *plan, uint8_t *y, const uint8_t *a, size_t step_a,
                      const uint8_t *b, size_t step_b, size_t n)
{
    k->add_u8(y, a, step_a, b, step_b, &plan->how.sum, n);
}
