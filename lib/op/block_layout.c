/* block_layout.c - pictures into blocks of channels and back. */
#include <inttypes.h>
#include <string.h>

#include "op/argument.h"
#include "op/block.h"
#include "op/chunk.h"

struct plan {
    int64_t blocks, lanes, channels, pixels; /* blocks of all images; channels of an image */
    size_t element;                          /* bytes */
};

struct pass {
    const struct op_io *io;
    const struct plan *plan;
};

/* Channels of the block that are somebody's. */
static int64_t real_lanes(const struct plan *plan, int64_t block)
{
    int64_t first = block % block_up(plan->channels, plan->lanes) * plan->lanes;

    return block_least(plan->lanes, plan->channels - first);
}

/* The block's first channel in the plain picture. */
static int64_t plain_at(const struct plan *plan, int64_t block)
{
    int64_t per_image = block_up(plan->channels, plan->lanes);

    return (block / per_image * plan->channels + block % per_image * plan->lanes) * plan->pixels;
}

static int expect_type(const struct op_io *io, struct plan *plan, struct error *err)
{
    const struct tensor *x = io->in[0];

    if (x->dtype != DTYPE_F32 && x->dtype != DTYPE_U8)
        return error_set(err, ERROR_INTERNAL, "%s does not lie in blocks", dtype_name(x->dtype));
    plan->element = dtype_bytes(x->dtype);
    plan->lanes = (int64_t)io->kern->lanes;
    return 0;
}

static int to_shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;

    if (expect_type(io, plan, err) < 0 || argument_rank(io->in[0], 4, 4, err) < 0)
        return -1;
    plan->channels = x->dim[1];
    plan->pixels = x->dim[2] * x->dim[3];
    plan->blocks = x->dim[0] * block_up(x->dim[1], plan->lanes);
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape_of(5, x->dim[0], block_up(x->dim[1], plan->lanes), x->dim[2], x->dim[3], plan->lanes);
    return 0;
}

static void to_blocks(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->plan;
    int64_t lanes = plan->lanes;

    (void)worker;
    for (int64_t b = (int64_t)begin; b < (int64_t)end; b++) {
        int64_t real = real_lanes(plan, b), from = plain_at(plan, b), to = b * plan->pixels * lanes;
        if (plan->element == 1) {
            uint8_t zero = pass->io->in[0]->quant ? (uint8_t)pass->io->in[0]->quant->zero_point[0] : 0;
            const uint8_t *x = (const uint8_t *)pass->io->in[0]->data + from;
            uint8_t *y = (uint8_t *)pass->io->out[0]->data + to;
            for (int64_t p = 0; p < plan->pixels; p++)
                for (int64_t l = 0; l < lanes; l++)
                    *y++ = l < real ? x[l * plan->pixels + p] : zero;
            continue;
        }
        const float *x = (const float *)pass->io->in[0]->data + from;
        float *y = (float *)pass->io->out[0]->data + to;
        for (int64_t p = 0; p < plan->pixels; p++)
            for (int64_t l = 0; l < lanes; l++)
                *y++ = l < real ? x[l * plan->pixels + p] : 0;
    }
}

static void to_forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct pass pass = { io, plan };

    chunk_run(run->pool, (size_t)plan->blocks, (size_t)(plan->pixels * plan->lanes), to_blocks, &pass);
}

static int from_shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;

    if (expect_type(io, plan, err) < 0 || argument_rank(io->in[0], 5, 5, err) < 0 ||
        attribute_int(io->attributes, "channels", 0, &plan->channels, err) < 0)
        return -1;
    plan->pixels = x->dim[2] * x->dim[3];
    plan->blocks = x->dim[0] * x->dim[1];
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape_of(4, x->dim[0], plan->channels, x->dim[2], x->dim[3]);
    return 0;
}

static void from_blocks(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->plan;
    int64_t lanes = plan->lanes, pixels = plan->pixels;

    (void)worker;
    for (int64_t b = (int64_t)begin; b < (int64_t)end; b++) {
        int64_t real = real_lanes(plan, b), to = plain_at(plan, b), from = b * pixels * lanes;
        for (int64_t l = 0; l < real; l++) {
            if (plan->element == 1) {
                const uint8_t *x = (const uint8_t *)pass->io->in[0]->data + from + l;
                uint8_t *y = (uint8_t *)pass->io->out[0]->data + to + l * pixels;
                for (int64_t p = 0; p < pixels; p++)
                    y[p] = x[p * lanes];
            } else if (pixels == 1) {
                memcpy((float *)pass->io->out[0]->data + to, (const float *)pass->io->in[0]->data + from,
                       (size_t)real * sizeof(float));
                break;
            } else {
                const float *x = (const float *)pass->io->in[0]->data + from + l;
                float *y = (float *)pass->io->out[0]->data + to + l * pixels;
                for (int64_t p = 0; p < pixels; p++)
                    y[p] = x[p * lanes];
            }
        }
    }
}

static void from_forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct pass pass = { io, plan };

    chunk_run(run->pool, (size_t)plan->blocks, (size_t)(plan->pixels * plan->lanes), from_blocks, &pass);
}

const struct op op_to_blocks = {
    .name = "ToBlocks",
    .formula = "y[n, c / lanes, h, w, c % lanes] = x[n, c, h, w]",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = to_shape,
    .forward = to_forward,
};

const struct op op_from_blocks = {
    .name = "FromBlocks",
    .formula = "y[n, c, h, w] = x[n, c / lanes, h, w, c % lanes]",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "channels",
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = from_shape,
    .forward = from_forward,
};
