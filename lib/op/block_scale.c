/* block_scale.c - a picture in blocks times a number for each of its channels: what squeeze-and-excitation ends with. */
#include "op/argument.h"
#include "op/block.h"
#include "op/chunk.h"

struct plan {
    int64_t blocks, pixels, lanes;
};

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    struct shape scale;

    if (argument_rank(io->in[0], 5, 5, err) < 0 || op_expect_dtype(io, 0, DTYPE_F32, err) < 0)
        return -1;
    scale = shape_of(5, x->dim[0], x->dim[1], 1, 1, x->dim[4]);
    if (op_expect_shape(io, 1, &scale, err) < 0)
        return -1;
    *plan = (struct plan){ x->dim[0] * x->dim[1], x->dim[2] * x->dim[3], x->dim[4] };
    io->out[0]->dtype = DTYPE_F32;
    io->out[0]->shape = *x;
    return 0;
}

static void scale_blocks(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    int64_t floats = plan->pixels * plan->lanes;

    (void)worker;
    for (int64_t b = (int64_t)begin; b < (int64_t)end; b++)
        pass->kern->block_scale_f32((float *)pass->io->out[0]->data + b * floats,
                                    (const float *)pass->io->in[0]->data + b * floats,
                                    (const float *)pass->io->in[1]->data + b * plan->lanes, (size_t)plan->pixels);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct pass pass = { io, run->kern };

    chunk_run(run->pool, (size_t)plan->blocks, (size_t)(plan->pixels * plan->lanes), scale_blocks, &pass);
}

const struct op op_blocked_scale = {
    .name = "BlockedScale",
    .formula = "y[n, c, h, w] = x[n, c, h, w] * s[n, c], in blocks",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_IN_PLACE,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
};
