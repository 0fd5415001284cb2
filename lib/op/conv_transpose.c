/*
 * A transposed convolution is the way back of a convolution: its output is
 * that convolution's input gradient, and its own gradients are the forward
 * pass and the weights' gradient with the pictures exchanged.
 */
#include <inttypes.h>

#include "op/chunk.h"
#include "op/conv_any.h"
#include "op/convolve.h"
#include "op/epilogue.h"

struct plan {
    bool other;
    struct columns columns; /* where `other` */
    struct convolve c;      /* of the convolution that goes the other way: c.win.in is this operator's output */
    size_t packed_bytes;
    bool ahead; /* weights are packed before the first run */
};

static int read_groups(struct convolve *c, const struct op_io *io, struct error *err)
{
    const struct shape *x = &io->in[0]->shape, *w = &io->in[1]->shape;
    char text[160];

    if (attribute_int(io->attributes, "group", 1, &c->groups, err) < 0)
        return -1;
    if (c->groups < 1 || w->dim[0] < 1 || w->dim[1] < 1 || w->dim[0] % c->groups)
        return error_set(err, ERROR_INPUT, "filters %s do not divide into %" PRId64 " groups", shape_text(w, text),
                         c->groups);
    if (x->dim[1] != w->dim[0])
        return error_set(err, ERROR_INPUT, "input has %" PRId64 " channels, filters expect %" PRId64, x->dim[1],
                         w->dim[0]);
    c->batch = x->dim[0];
    c->filters = w->dim[0] / c->groups;
    c->channels = w->dim[1];
    return 0;
}

static void turn(struct window *w)
{
    int64_t in = w->in;

    w->in = w->out;
    w->out = in;
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    struct convolve *c = &plan->c;
    const struct tensor *x = io->in[0], *w = io->in[1];

    plan->other = conv_is_other(io);
    if (plan->other)
        return conv_any_transposed_shape(io, &plan->columns, err);
    if (op_expect_dtype(io, 0, DTYPE_F32, err) < 0 || op_expect_dtype(io, 1, DTYPE_F32, err) < 0 ||
        op_expect_dtype(io, 2, DTYPE_F32, err) < 0 ||
        window_read_transposed(c->win, io, &x->shape, &w->shape, err) < 0 || read_groups(c, io, err) < 0)
        return -1;
    struct shape bias = shape_of(1, c->groups * c->channels);
    if (op_expect_shape(io, 2, &bias, err) < 0)
        return -1;
    io->out[0]->dtype = DTYPE_F32;
    io->out[0]->shape = window_shape(c->win, &x->shape, c->groups * c->channels);
    turn(&c->win[0]);
    turn(&c->win[1]);
    c->workers = io->workers;
    c->forward_adds = io->training; /* backward may have to; the scratch must do for it */
    if (epilogue_check(io, err) < 0 || convolve_plan(c, err) < 0)
        return -1;
    plan->packed_bytes = ((size_t)convolve_weights(c) * sizeof(float) + 63) / 64 * 64;
    plan->ahead = io->packs && !io->training;
    io->packed_bytes = plan->ahead ? plan->packed_bytes + convolve_table_bytes(c) : 0;
    io->work_bytes = convolve_input_bytes(c) + (plan->ahead ? 0 : plan->packed_bytes);
    if (io->training)
        io->work_bytes = largest(io->work_bytes,
                                 largest(plan->packed_bytes + convolve_forward_bytes(c), convolve_weight_bytes(c)));
    return 0;
}

static void pack(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    convolve_input_pack(&plan->c, run, io->in[1]->data, io->packed, (char *)io->packed + plan->packed_bytes);
}

struct ending {
    const struct op_io *io;
    const struct kern *kern;
};

static void finish(const void *context, size_t begin, size_t end, int worker)
{
    const struct ending *ending = context;

    (void)worker;
    epilogue_run(ending->io->epilogue, ending->kern, ending->io->out[0]->data, (int64_t)begin, (int64_t)(end - begin));
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *bias = op_input(io, 2);
    const struct ending ending = { io, run->kern };
    float *packed = plan->ahead ? io->packed : io->work;
    void *scratch = (char *)io->work + (plan->ahead ? 0 : plan->packed_bytes);

    if (plan->other) {
        conv_any_transposed_forward(io, &plan->columns, run);
        return;
    }
    if (!plan->ahead)
        convolve_input_pack(&plan->c, run, io->in[1]->data, packed, scratch);
    convolve_input(&plan->c, run, io->in[0]->data, packed, bias ? bias->data : NULL, io->out[0]->data, false, scratch);
    if (io->epilogue)
        chunk_run(run->pool, (size_t)shape_count(&io->out[0]->shape), 1, finish, &ending);
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct convolve c = plan->c;
    const struct tensor *x = io->in[0], *w = io->in[1], *b = op_input(io, 2);
    const float *dy = io->out[0]->grad;

    c.forward_adds = x->grad_add;
    if (x->grad) {
        convolve_pack(&c, run, w->data, io->work);
        convolve_forward(&c, run, dy, io->work, NULL, x->grad, NULL, (char *)io->work + plan->packed_bytes);
    }
    if (w->grad)
        convolve_weight(&c, run, dy, x->data, w->grad, w->grad_add, io->work);
    if (b && b->grad)
        convolve_bias(run, c.batch, c.groups * c.channels, c.win[0].in * c.win[1].in, dy, b->grad, b->grad_add);
}

static void cost(const struct op_io *io, struct op_cost *cost)
{
    const struct plan *plan = io->plan;

    if (plan->other) {
        cost->macs = (double)shape_count(&io->in[0]->shape) * (double)(plan->columns.channels * plan->columns.taps);
        return;
    }
    cost->macs = (double)shape_count(&io->in[0]->shape) *
                 (double)(plan->c.channels * plan->c.win[0].kernel * plan->c.win[1].kernel);
}

const struct op op_conv_transpose = {
    .name = "ConvTranspose",
    .formula = "y[c, stride p + dilation r - pad] = b[c] + sum over k, r of w[k, c, r] * x[k, p]",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "auto_pad dilations group kernel_shape output_padding output_shape pads strides",
    .flags = OP_EPILOGUE | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .pack = pack,
    .packs = 1U << 1,
    .backward = backward,
    .cost = cost,
};
