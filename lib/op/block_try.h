/*
 * block_try.h - one operator on pictures in blocks, called as the graph calls it:
 * shape, pack, forward, in memory that ends at pages nobody may touch. Channels
 * that are nobody's come in as large numbers. For tests of lib/op alone.
 */
#ifndef OP_BLOCK_TRY_H
#define OP_BLOCK_TRY_H

#include <math.h>

#include "base/rng.h"
#include "kern/each_path.h"
#include "kern/guard.h"
#include "op/block.h"
#include "op/epilogue.h"

static struct kern kern;
static struct rng draws;

static int choose_path(void **state)
{
    draws = rng_make(5, rng_stream("block try", 0, 0));
    return kern_init(&kern, *state, NULL);
}

static int64_t between(int64_t low, int64_t high)
{
    return low + (int64_t)rng_below(&draws, (uint32_t)(high - low + 1));
}

static int64_t lanes(void)
{
    return (int64_t)kern.lanes;
}

/* ---- pictures ---- */

enum { NOBODYS = 1000000 };

/* [N, C, H, W] in a guarded buffer. */
struct picture {
    struct tensor tensor;
    struct guard guard;
};

static int64_t plain_count(const struct picture *p)
{
    return shape_count(&p->tensor.shape);
}

static const float *numbers(const struct picture *p)
{
    return p->tensor.data;
}

static struct picture picture_new(struct shape shape)
{
    struct picture p = { .tensor = { .dtype = DTYPE_F32, .shape = shape } };

    p.tensor.data = guard_floats(&p.guard, (size_t)shape_count(&shape));
    return p;
}

static struct picture picture_draw(struct shape shape)
{
    struct picture p = picture_new(shape);

    for (int64_t i = 0; i < shape_count(&shape); i++)
        ((float *)p.tensor.data)[i] = rng_normal(&draws);
    return p;
}

static void picture_free(struct picture *p)
{
    if (p->tensor.data != NULL)
        guard_free(&p->guard);
}

/* Where [n, c, pixel] of a picture of so many channels lies in blocks. */
static int64_t block_place(const struct shape *blocks, int64_t n, int64_t c, int64_t pixel)
{
    int64_t l = blocks->dim[4], pixels = blocks->dim[2] * blocks->dim[3];

    return ((n * blocks->dim[1] + c / l) * pixels + pixel) * l + c % l;
}

static struct picture picture_to_blocks(const struct picture *plain)
{
    const struct shape *s = &plain->tensor.shape;
    struct picture p = picture_new(shape_of(5, s->dim[0], block_up(s->dim[1], lanes()), s->dim[2], s->dim[3], lanes()));
    int64_t pixels = s->dim[2] * s->dim[3];

    for (int64_t i = 0; i < plain_count(&p); i++)
        ((float *)p.tensor.data)[i] = NOBODYS;
    for (int64_t n = 0; n < s->dim[0]; n++)
        for (int64_t c = 0; c < s->dim[1]; c++)
            for (int64_t i = 0; i < pixels; i++)
                ((float *)p.tensor.data)[block_place(&p.tensor.shape, n, c, i)] = numbers(
                    plain)[(n * s->dim[1] + c) * pixels + i];
    return p;
}

/* ---- a call ---- */

enum { TRIAL_INPUTS = 16, TRIAL_ATTRIBUTES = 8 };

struct trial {
    const struct op *op;
    struct op_io io;
    const struct tensor *in[TRIAL_INPUTS];
    struct tensor out, *outs[1];
    struct attribute item[TRIAL_ATTRIBUTES];
    struct attributes attributes;
    struct epilogue epilogue;
    struct error err;
    struct guard plan, work, packed, result;
};

static void trial_begin(struct trial *t, const struct op *op)
{
    *t = (struct trial){ .op = op };
    t->attributes.item = t->item;
    t->outs[0] = &t->out;
    t->io = (struct op_io){ .attributes = &t->attributes, .in = t->in, .out = t->outs, .out_count = 1, .packs = true };
}

static void trial_input(struct trial *t, const struct tensor *in)
{
    t->in[t->io.in_count++] = in;
}

static void trial_ints(struct trial *t, const char *name, const int64_t *ints, int count)
{
    t->item[t->attributes.count++] = (struct attribute){
        .name = name, .kind = ATTRIBUTE_INTS, .ints = ints, .count = count
    };
}

static void trial_int(struct trial *t, const char *name, int64_t i)
{
    t->item[t->attributes.count++] = (struct attribute){ .name = name, .kind = ATTRIBUTE_INT, .i = i };
}

static void trial_text(struct trial *t, const char *name, const char *text)
{
    t->item[t->attributes.count++] = (struct attribute){ .name = name, .kind = ATTRIBUTE_TEXT, .s = text };
}

/* shape() alone; the output's shape is known then. */
static int trial_shape(struct trial *t, struct pool *pool)
{
    t->io.workers = pool_threads(pool);
    t->io.kern = &kern;
    t->io.plan = guard_new(&t->plan, block_round(t->op->plan_bytes));
    memset(t->io.plan, 0, t->op->plan_bytes);
    return t->op->shape(&t->io, &t->err);
}

static void trial_run(struct trial *t, struct pool *pool)
{
    const struct op_run run = { .kern = &kern, .pool = pool };

    if (trial_shape(t, pool) < 0)
        fail_msg("%s: %s", t->op->name, t->err.message);
    assert_int_equal(t->io.work_bytes % 64, 0);
    t->io.work = guard_new(&t->work, t->io.work_bytes);
    t->io.packed = guard_new(&t->packed, t->io.packed_bytes);
    t->out.data = guard_new(&t->result, tensor_bytes(&t->out));
    if (t->io.packed_bytes > 0)
        t->op->pack(&t->io, &run);
    t->op->forward(&t->io, &run);
}

static void trial_end(struct trial *t)
{
    struct guard *all[] = { &t->plan, &t->work, &t->packed, &t->result };

    for (size_t i = 0; i < COUNT(all); i++)
        if (all[i]->map != NULL)
            guard_free(all[i]);
}

/* The operator's number for [n, c, pixel]. */
static double trial_at(const struct trial *t, int64_t n, int64_t c, int64_t pixel)
{
    return (double)((const float *)t->out.data)[block_place(&t->out.shape, n, c, pixel)];
}

#endif
