/* depth_to_space.c - channels become blocks of pixels (Shi et al., sub-pixel convolution), and back. */
#include <inttypes.h>

#include "op/argument.h"
#include "op/stride.h"

static const char *const modes[] = { "DCR", "CRD", NULL };

/* x as [N, B, B, C, H, W] (DCR) or [N, C, B, B, H, W] (CRD) is read as [N, C, H, B, W, B]. */
static const int orders[2][6] = { { 0, 3, 4, 1, 5, 2 }, { 0, 1, 4, 2, 5, 3 } };

static int shape(struct op_io *io, struct error *err)
{
    const struct shape *x = &io->in[0]->shape;
    struct stride *plan = io->plan, all;
    int64_t block, depth;
    int mode;

    if (argument_moves(io, err) < 0 || argument_rank(io->in[0], 4, 4, err) < 0 ||
        argument_choice(io, "mode", modes, 0, &mode, err) < 0 ||
        attribute_int(io->attributes, "blocksize", 0, &block, err) < 0)
        return -1;
    if (block < 1 || block > 1024 || x->dim[1] % (block * block) != 0)
        return error_set(err, ERROR_INPUT,
                         "blocksize is %" PRId64 ", expected one whose square divides %" PRId64 " channels", block,
                         x->dim[1]);
    depth = x->dim[1] / (block * block);
    all = stride_all(&(struct shape){
        6, { x->dim[0], mode == 0 ? block : depth, block, mode == 0 ? depth : block, x->dim[2], x->dim[3] } });
    *plan = (struct stride){ .rank = 6 };
    for (int i = 0; i < 6; i++) {
        plan->dim[i] = all.dim[orders[mode][i]];
        plan->step[i] = all.step[orders[mode][i]];
    }
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape_of(4, x->dim[0], depth, x->dim[2] * block, x->dim[3] * block);
    return 0;
}

const struct op op_depth_to_space = {
    .name = "DepthToSpace",
    .formula = "y [N, C/(B*B), H*B, W*B] = x [N, C, H, W], channels as blocks of pixels",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "blocksize mode",
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct stride),
    .shape = shape,
    .forward = stride_forward,
    .backward = stride_backward,
};

/* x as [N, C, H, B, W, B] is read as [N, B, B, C, H, W]. */
static int shape_back(struct op_io *io, struct error *err)
{
    static const int order[6] = { 0, 3, 5, 1, 2, 4 };
    const struct shape *x = &io->in[0]->shape;
    struct stride *plan = io->plan, all;
    int64_t block;

    if (argument_moves(io, err) < 0 || argument_rank(io->in[0], 4, 4, err) < 0 ||
        attribute_int(io->attributes, "blocksize", 0, &block, err) < 0)
        return -1;
    if (block < 1 || block > 1024 || x->dim[2] % block != 0 || x->dim[3] % block != 0 || x->dim[1] > INT32_MAX)
        return error_set(err, ERROR_INPUT,
                         "blocksize is %" PRId64 ", expected one that divides %" PRId64 " and %" PRId64, block,
                         x->dim[2], x->dim[3]);
    all = stride_all(
        &(struct shape){ 6, { x->dim[0], x->dim[1], x->dim[2] / block, block, x->dim[3] / block, block } });
    *plan = (struct stride){ .rank = 6 };
    for (int i = 0; i < 6; i++) {
        plan->dim[i] = all.dim[order[i]];
        plan->step[i] = all.step[order[i]];
    }
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape_of(4, x->dim[0], x->dim[1] * block * block, x->dim[2] / block, x->dim[3] / block);
    return 0;
}

const struct op op_space_to_depth = {
    .name = "SpaceToDepth",
    .formula = "y [N, C*B*B, H/B, W/B] = x [N, C, H, W], blocks of pixels as channels",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "blocksize",
    .flags = OP_EMPTY | OP_INTEGER,
    .plan_bytes = sizeof(struct stride),
    .shape = shape_back,
    .forward = stride_forward,
    .backward = stride_backward,
};
