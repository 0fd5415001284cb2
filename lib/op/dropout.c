/*
 * dropout.c - training leaves out a share of the elements and scales the rest
 * (Srivastava et al., 2014). The mask is drawn by counter from seed, step and
 * node, so backward draws the same one again and nothing is kept.
 */
#include <string.h>

#include "base/rng.h"
#include "op/argument.h"
#include "op/chunk.h"

struct plan {
    uint32_t threshold; /* numbers below it are left out */
    float factor;
};

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    double ratio;

    if ((io->in[0]->dtype != DTYPE_F32 && argument_untrained(io, err) < 0) || argument_any_real(io, 0, err) < 0 ||
        argument_real(io, 1, "ratio", 0.5, &ratio, err) < 0)
        return -1;
    if (!(ratio >= 0 && ratio < 1))
        return error_set(err, ERROR_INPUT, "ratio is %g, expected 0 to 1, without 1", ratio);
    if (io->out_count > 2)
        return error_set(err, ERROR_INPUT, "there are %d outputs, expected 1 or 2", io->out_count);
    plan->threshold = (uint32_t)(ratio * 0x1p32);
    plan->factor = (float)(1 / (1 - ratio));
    for (int i = 0; i < io->out_count; i++) {
        io->out[i]->dtype = i == 0 ? io->in[0]->dtype : DTYPE_BOOL;
        io->out[i]->shape = io->in[0]->shape;
    }
    return 0;
}

struct pass {
    const struct op_io *io;
    uint64_t seed, stream;
};

/* Chunks begin at multiples of CHUNK_ELEMENTS, so at whole blocks of four numbers. */
static struct rng draw_from(const struct pass *pass, size_t begin)
{
    struct rng rng = rng_make(pass->seed, pass->stream);

    rng.index = begin;
    return rng;
}

static void forward_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const float *x = pass->io->in[0]->data;
    float *y = pass->io->out[0]->data;
    uint8_t *mask = pass->io->out_count > 1 ? pass->io->out[1]->data : NULL;
    struct rng rng = draw_from(pass, begin);

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        bool keep = rng_u32(&rng) >= plan->threshold;

        y[i] = keep ? plan->factor * x[i] : 0;
        if (mask != NULL)
            mask[i] = keep;
    }
}

static void backward_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    const struct tensor *x = pass->io->in[0];
    const float *gy = pass->io->out[0]->grad;
    struct rng rng = draw_from(pass, begin);

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        float g = rng_u32(&rng) >= plan->threshold ? plan->factor * gy[i] : 0;

        x->grad[i] = x->grad_add ? x->grad[i] + g : g;
    }
}

static struct pass begin_pass(const struct op_io *io, const struct op_run *run)
{
    return (struct pass){ io, run->seed, rng_stream("dropout", run->step, run->node) };
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    struct pass pass = begin_pass(io, run);
    size_t count = (size_t)shape_count(&io->in[0]->shape);

    if (io->training) {
        chunk_run(run->pool, count, 1, forward_piece, &pass);
        return;
    }
    if (io->out[0]->data != io->in[0]->data)
        memcpy(io->out[0]->data, io->in[0]->data, tensor_bytes(io->in[0]));
    if (io->out_count > 1)
        memset(io->out[1]->data, 1, count);
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    struct pass pass = begin_pass(io, run);

    if (io->in[0]->grad != NULL)
        chunk_run(run->pool, (size_t)shape_count(&io->in[0]->shape), 1, backward_piece, &pass);
}

const struct op op_dropout = {
    .name = "Dropout",
    .formula = "y = x / (1 - ratio) or 0, by chance; x at inference",
    .min_inputs = 1,
    .max_inputs = 3,
    .outputs = -1,
    .attributes = "ratio seed",
    .arguments = 1U << 1 | 1U << 2,
    .flags = OP_EMPTY | OP_TRAINING_ONLY | OP_ELEMENTWISE | OP_IN_PLACE | OP_GRAD_IN_PLACE,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
