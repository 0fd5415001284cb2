#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "op/block.h"
#include "op/epilogue.h"

struct plan {
    struct block_conv c;
    size_t offset_bytes, bias_bytes; /* packed: offsets, bias, weights */
    float low, high;                 /* what of the epilogue is a clamp */
};

/* ---- what every kernel does at the end ---- */

const float *block_add(const struct block_run *r, const float *y)
{
    return r->epilogue && r->epilogue->add ? (const float *)r->epilogue->add->data + (y - r->y) : NULL;
}

bool block_finishes(const struct block_run *r)
{
    return r->epilogue && r->epilogue->activation > ACTIVATION_CLIP;
}

void block_finish(const struct block_run *r, float *y, int64_t n)
{
    struct epilogue last;

    if (!block_finishes(r))
        return;
    last = *r->epilogue;
    last.add = NULL; /* that has been done */
    epilogue_run(&last, r->run->kern, y, 0, n);
}

static void read_clamp(const struct op_io *io, struct plan *plan)
{
    const struct epilogue *epilogue = io->epilogue;

    plan->low = -INFINITY;
    plan->high = INFINITY;
    if (epilogue && epilogue->activation == ACTIVATION_RELU)
        plan->low = 0;
    if (epilogue && epilogue->activation == ACTIVATION_CLIP) {
        plan->low = epilogue->low;
        plan->high = epilogue->high;
    }
}

/* ---- shape ---- */

static enum block_kernel choose(const struct block_conv *c, const struct shape *x, const struct shape *w)
{
    if (x->rank == 4)
        return BLOCK_PLANES;
    if (c->groups > 1 && w->dim[0] == c->groups && w->dim[1] == 1)
        return BLOCK_DEPTHWISE;
    return c->way != OP_WAY_DIRECT && block_winograd_fits(c) ? BLOCK_WINOGRAD : BLOCK_DIRECT;
}

static size_t weight_bytes(const struct block_conv *c)
{
    if (c->kernel == BLOCK_DEPTHWISE)
        return (size_t)(c->out_blocks * c->lanes * c->win[0].kernel * c->win[1].kernel) * sizeof(float);
    return c->kernel == BLOCK_WINOGRAD ? block_winograd_packed(c) : block_direct_packed(c);
}

static size_t plan_kernel(struct block_conv *c, size_t registers)
{
    switch (c->kernel) {
    case BLOCK_DEPTHWISE: block_depthwise_plan(c); return block_depthwise_work(c);
    case BLOCK_WINOGRAD: block_winograd_plan(c, registers); return block_winograd_work(c);
    case BLOCK_PLANES:
    case BLOCK_QUADS: /* of bytes alone */
    case BLOCK_DIRECT: break;
    }
    block_direct_plan(c, registers);
    return block_direct_work(c);
}

/* Offsets into an image are 32 bits wide. */
static int check_reach(const struct block_conv *c, struct error *err)
{
    int64_t floats = c->in_blocks * c->phases[0] * c->phases[1] * c->rows * c->wide;

    floats *= c->kernel == BLOCK_PLANES ? 1 : c->lanes;
    if ((c->kernel == BLOCK_DIRECT || c->kernel == BLOCK_PLANES) && floats > INT32_MAX)
        return error_set(err, ERROR_LIMIT, "an image of %" PRId64 " numbers with its borders, the limit is %" PRId32,
                         floats, INT32_MAX);
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    struct block_conv *c = &plan->c;
    const struct shape *x = &io->in[0]->shape, *w = &io->in[1]->shape;
    struct shape plain = *x;

    plain.rank = 4;
    if (window_read(c->win, io, &plain, w, err) < 0 || attribute_int(io->attributes, "group", 1, &c->groups, err) < 0 ||
        epilogue_check(io, err) < 0)
        return -1;
    c->lanes = (int64_t)io->kern->lanes;
    c->batch = x->dim[0];
    c->channels = w->dim[1];
    c->filters = w->dim[0] / c->groups;
    c->workers = io->workers;
    c->way = io->way;
    c->kernel = choose(c, x, w);
    if (c->kernel == BLOCK_DEPTHWISE) {
        c->in_blocks = c->out_blocks = block_up(c->groups, c->lanes);
        c->filters = c->groups;
        c->groups = 1;
    } else {
        c->in_blocks = c->kernel == BLOCK_PLANES ? c->channels : block_up(c->channels, c->lanes);
        c->out_blocks = block_up(c->filters, c->lanes);
    }
    io->work_bytes = plan_kernel(c, io->kern->registers);
    if (check_reach(c, err) < 0)
        return -1;
    plan->offset_bytes = c->kernel == BLOCK_PLANES || c->kernel == BLOCK_DIRECT
                             ? block_round((size_t)block_direct_segments(c) * sizeof(int32_t))
                             : 0;
    plan->bias_bytes = (size_t)(c->groups * c->out_blocks * c->lanes) * sizeof(float);
    plan->bias_bytes = block_round(plan->bias_bytes);
    io->packed_bytes = plan->offset_bytes + plan->bias_bytes + weight_bytes(c);
    io->fetches = c->kernel == BLOCK_DIRECT ? block_direct_fetches(c) : 0;
    read_clamp(io, plan);
    io->out[0]->dtype = DTYPE_F32;
    io->out[0]->shape = shape_of(5, c->batch, c->groups * c->out_blocks, c->win[0].out, c->win[1].out, c->lanes);
    return 0;
}

/* ---- packing ---- */

static void pack_depthwise(const struct block_conv *c, const float *w, float *packed)
{
    int64_t taps = c->win[0].kernel * c->win[1].kernel;

    for (int64_t b = 0; b < c->out_blocks; b++)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t k = b * c->lanes; k < (b + 1) * c->lanes; k++)
                *packed++ = k < c->filters ? w[k * taps + tap] : 0;
}

static void pack(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct block_conv *c = &plan->c;
    char *at = io->packed;
    float *bias = (float *)(void *)(at + plan->offset_bytes),
          *w = (float *)(void *)(at + plan->offset_bytes + plan->bias_bytes);
    const struct tensor *given = op_input(io, 2);

    for (int64_t g = 0; g < c->groups; g++)
        for (int64_t k = 0; k < c->out_blocks * c->lanes; k++)
            *bias++ = given && k < c->filters ? ((const float *)given->data)[g * c->filters + k] : 0;
    if (plan->offset_bytes > 0)
        block_direct_offsets(c, io->packed);
    if (c->kernel == BLOCK_DEPTHWISE)
        pack_depthwise(c, io->in[1]->data, w);
    else if (c->kernel == BLOCK_WINOGRAD)
        block_winograd_pack(c, run, io->in[1]->data, w);
    else
        block_direct_pack(c, run, io->in[1]->data, w);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const char *packed = io->packed;
    const struct block_run r = { &plan->c,
                                 run,
                                 io->epilogue,
                                 io->in[0]->data,
                                 (const float *)(const void *)(packed + plan->offset_bytes),
                                 (const float *)(const void *)(packed + plan->offset_bytes + plan->bias_bytes),
                                 (const int32_t *)(const void *)packed,
                                 io->out[0]->data,
                                 io->work,
                                 plan->low,
                                 plan->high,
                                 0,
                                 0,
                                 io->ahead,
                                 (int64_t)io->ahead_bytes };

    if (plan->c.kernel == BLOCK_DEPTHWISE)
        block_depthwise(&r);
    else if (plan->c.kernel == BLOCK_WINOGRAD)
        block_winograd(&r);
    else
        block_direct(&r);
}

static void cost(const struct op_io *io, struct op_cost *cost)
{
    const struct plan *plan = io->plan;
    const struct shape *w = &io->in[1]->shape;
    const struct block_conv *c = &plan->c;

    cost->macs = (double)shape_count(w) * (double)(c->batch * c->win[0].out * c->win[1].out);
}

static const char *kernel(const struct op_io *io)
{
    const struct block_conv *c = &((const struct plan *)io->plan)->c;

    switch (c->kernel) {
    case BLOCK_PLANES: return "planes";
    case BLOCK_DEPTHWISE: return "depthwise";
    case BLOCK_WINOGRAD: return c->m == 4 ? "winograd 4x4" : "winograd 2x2";
    case BLOCK_QUADS: /* of bytes alone */
    case BLOCK_DIRECT: break;
    }
    return c->win[0].kernel * c->win[1].kernel == 1 ? "1x1" : "direct";
}

const struct op op_blocked_conv = {
    .name = "BlockedConv",
    .formula = "Conv of pictures in blocks",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "auto_pad dilations group kernel_shape pads strides",
    .flags = OP_EPILOGUE,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .pack = pack,
    .packs = 1U << 1 | 1U << 2,
    .cost = cost,
    .kernel = kernel,
};
