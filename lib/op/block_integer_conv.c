/* block_integer_conv.c - the operator: what it is given, packed once, and handed to the kernels. */
#include <string.h>

#include "op/block_integer.h"
#include "op/epilogue.h"

struct plan {
    struct block_integer c;
    size_t offset_bytes, channel_bytes; /* packed: offsets, bias, scales, weights */
};

static void choose(struct block_integer *c, const struct op_io *io)
{
    const struct shape *x = &io->in[0]->shape, *w = &io->in[1]->shape;

    c->lanes = (int64_t)io->kern->lanes;
    c->depth = (int64_t)io->kern->word_depth;
    c->short_blocks = (int64_t)io->kern->short_blocks;
    c->batch = x->dim[0];
    c->channels = w->dim[1];
    c->filters = w->dim[0] / c->groups;
    c->apart = c->depth == 2 && io->kern->word_apart;
    c->turned = c->depth == 4 ? (uint8_t)io->kern->byte_zero : 0;
    c->workers = io->workers;
    c->way = io->way;
    c->kernel = x->rank == 4                                                ? BLOCK_PLANES
                : c->groups > 1 && w->dim[0] == c->groups && w->dim[1] == 1 ? BLOCK_DEPTHWISE
                                                                            : BLOCK_DIRECT;
    if (c->kernel == BLOCK_DEPTHWISE) {
        c->filters = c->groups;
        c->groups = 1;
        c->in_blocks = c->out_blocks = block_up(c->filters, c->lanes);
        if (c->way != OP_WAY_DEPTHWISE && block_integer_quads_fit(c, io->kern))
            c->kernel = BLOCK_QUADS;
    } else {
        c->in_blocks = block_up(c->channels, c->lanes);
        c->out_blocks = block_up(c->filters, c->lanes);
        if (c->kernel == BLOCK_DIRECT && c->way != OP_WAY_DIRECT && block_integer_winograd_fits(c, io->in[1]->data))
            c->kernel = BLOCK_WINOGRAD;
    }
}

/* Scratch, and weights in the kernel's order. */
static size_t plan_kernel(struct block_integer *c, const struct kern *kern, size_t *packed)
{
    if (c->kernel == BLOCK_WINOGRAD) {
        block_integer_winograd_plan(c, kern->registers);
        *packed = block_integer_winograd_packed(c);
        return block_integer_winograd_work(c);
    }
    if (c->kernel == BLOCK_QUADS)
        block_integer_quads_plan(c, kern);
    else if (c->kernel == BLOCK_DEPTHWISE)
        block_integer_depthwise_plan(c);
    else
        block_integer_direct_plan(c, kern->registers);
    *packed = block_integer_packed(c);
    return c->kernel == BLOCK_QUADS ? block_integer_quads_work(c) : block_integer_work(c);
}

/* A byte clamps as it is made. */
static bool saturates(const struct integer *how, const struct op_io *io, int64_t channels)
{
    if (how->low != 0 || how->high != 255)
        return false;
    for (int64_t k = 0; k < channels; k++)
        if (!(integer_scale(io, k) < 0.5F))
            return false;
    return true;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    struct block_integer *c = &plan->c;
    const struct shape *w = &io->in[1]->shape;
    struct shape plain = io->in[0]->shape;
    size_t packed;

    plain.rank = 4;
    if (window_read(c->win, io, &plain, w, err) < 0 || attribute_int(io->attributes, "group", 1, &c->groups, err) < 0 ||
        integer_read(&c->how, io, 0, w->dim[1] * w->dim[2] * w->dim[3], err) < 0)
        return -1;
    c->saturates = saturates(&c->how, io, w->dim[0]);
    choose(c, io);
    io->work_bytes = plan_kernel(c, io->kern, &packed);
    plan->offset_bytes = block_round((size_t)c->segments * sizeof(int32_t));
    plan->channel_bytes = block_round((size_t)(c->groups * c->out_blocks * c->lanes) * sizeof(int32_t));
    io->packed_bytes = plan->offset_bytes + 2 * plan->channel_bytes + packed;
    io->out[0]->dtype = DTYPE_U8;
    io->out[0]->shape = shape_of(5, c->batch, c->groups * c->out_blocks, c->win[0].out, c->win[1].out, c->lanes);
    return 0;
}

static struct block_integer_run run_of(const struct op_io *io, const struct kern *kern)
{
    const struct plan *plan = io->plan;
    const char *at = io->packed;
    const void *bias = at + plan->offset_bytes, *scale = at + plan->offset_bytes + plan->channel_bytes,
               *weights = at + plan->offset_bytes + 2 * plan->channel_bytes;

    return (struct block_integer_run){ .c = &plan->c,
                                       .kern = kern,
                                       .x = io->in[0]->data,
                                       .offset = io->packed,
                                       .bias = bias,
                                       .scale = scale,
                                       .weights = weights,
                                       .y = io->out[0]->data,
                                       .work = io->work };
}

/* Four bytes a word: the zero point stays in the input, and what it adds is taken off here. */
static uint32_t zero_share(const struct block_integer *c, const struct kern *kern, const int8_t *w)
{
    int64_t count = c->channels * c->win[0].kernel * c->win[1].kernel;
    uint32_t sum = 0;

    if (c->depth != 4 || c->kernel == BLOCK_DEPTHWISE)
        return 0;
    for (int64_t i = 0; i < count; i++)
        sum += (uint32_t)w[i];
    return sum * (uint32_t)(c->how.zero_in - kern->byte_zero);
}

static void pack(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct block_integer *c = &plan->c;
    char *at = io->packed;
    int32_t *bias = (int32_t *)(void *)(at + plan->offset_bytes);
    float *scale = (float *)(void *)(at + plan->offset_bytes + plan->channel_bytes);
    const struct tensor *given = op_input(io, 2);
    int64_t depth = c->channels * c->win[0].kernel * c->win[1].kernel;

    for (int64_t g = 0; g < c->groups; g++)
        for (int64_t k = 0; k < c->out_blocks * c->lanes; k++) {
            int64_t filter = g * c->filters + k;
            uint32_t share = k < c->filters ? zero_share(c, run->kern, (const int8_t *)io->in[1]->data + filter * depth)
                                            : 0;
            uint32_t start = k < c->filters && given ? (uint32_t)((const int32_t *)given->data)[filter] : 0;
            *bias++ = (int32_t)(start - share);
            *scale++ = k < c->filters ? integer_scale(io, filter) : 0;
        }
    at += plan->offset_bytes + 2 * plan->channel_bytes;
    if (c->kernel == BLOCK_WINOGRAD) {
        block_integer_winograd_offsets(c, io->packed);
        block_integer_winograd_pack(c, run->pool, io->in[1]->data, at);
    } else {
        if (c->kernel == BLOCK_QUADS)
            block_integer_quads_offsets(c, io->packed);
        else
            block_integer_offsets(c, io->packed);
        block_integer_pack(c, run->pool, io->in[1]->data, at);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    struct block_integer_run r = run_of(io, run->kern);

    if (r.c->kernel == BLOCK_WINOGRAD)
        block_integer_winograd(&r, run->pool);
    else
        block_integer_forward(&r, run->pool);
}

static void cost(const struct op_io *io, struct op_cost *cost)
{
    const struct block_integer *c = &((const struct plan *)io->plan)->c;

    cost->macs = (double)shape_count(&io->in[1]->shape) * (double)(c->batch * c->win[0].out * c->win[1].out);
}

static const char *kernel(const struct op_io *io)
{
    const struct block_integer *c = &((const struct plan *)io->plan)->c;

    return c->kernel == BLOCK_PLANES                  ? "planes u8"
           : c->kernel == BLOCK_DEPTHWISE             ? "depthwise u8"
           : c->kernel == BLOCK_QUADS                 ? "depthwise u8 by four"
           : c->kernel == BLOCK_WINOGRAD              ? (c->m == 4 ? "winograd 4x4 u8" : "winograd 2x2 u8")
           : c->win[0].kernel * c->win[1].kernel == 1 ? "1x1 u8"
                                                      : "direct u8";
}

const struct op op_blocked_integer_conv = {
    .name = "BlockedIntegerConv",
    .formula = "Conv of quantized pictures in blocks",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "auto_pad dilations group kernel_shape pads strides",
    .flags = OP_EPILOGUE | OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .pack = pack,
    .packs = 1U << 1 | 1U << 2,
    .cost = cost,
    .kernel = kernel,
};
