#include <inttypes.h>

#include "op/conv_any.h"
#include "op/convolve.h"
#include "op/depthwise.h"
#include "op/epilogue.h"
#include "op/gathered.h"
#include "op/integer.h"
#include "op/pointwise.h"
#include "op/winograd.h"

struct plan {
    bool other;
    struct columns columns; /* where `other` */
    struct convolve c;
    bool winograd, depthwise, pointwise, gathered; /* in training: the ways of these headers; at most one */
    size_t packed_bytes;                           /* as scratch, when nobody packs ahead */
    int64_t channels;                              /* of a group: c counts pairs of them on integers */
    bool quantized;
    struct integer integer;
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
    if (x->dim[1] != w->dim[1] * c->groups)
        return error_set(err, ERROR_INPUT, "input has %" PRId64 " channels, filters expect %" PRId64, x->dim[1],
                         w->dim[1] * c->groups);
    c->batch = x->dim[0];
    c->channels = w->dim[1];
    c->filters = w->dim[0] / c->groups;
    return 0;
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Packed weights, 4 bytes each on floats and pairs alike: ahead of time or as scratch. */
static size_t share_memory(struct op_io *io)
{
    struct plan *plan = io->plan;
    size_t packed = ((size_t)convolve_weights(&plan->c) * sizeof(float) + 63) / 64 * 64;

    io->packed_bytes = io->packs && !io->training ? packed : 0;
    plan->packed_bytes = io->packed_bytes ? 0 : packed;
    io->work_bytes = plan->packed_bytes + convolve_forward_bytes(&plan->c);
    return packed;
}

static int shape_float(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    struct convolve *c = &plan->c;

    io->out[0]->dtype = DTYPE_F32;
    if (op_expect_dtype(io, 0, DTYPE_F32, err) < 0 || op_expect_dtype(io, 1, DTYPE_F32, err) < 0 ||
        op_expect_dtype(io, 2, DTYPE_F32, err) < 0 || epilogue_check(io, err) < 0 || convolve_plan(c, err) < 0)
        return -1;
    size_t packed = share_memory(io);
    if (io->training)
        io->work_bytes = largest(io->work_bytes, largest(packed + convolve_input_bytes(c), convolve_weight_bytes(c)));
    plan->winograd = io->training && winograd_fits(c);
    plan->depthwise = io->training && depthwise_fits(c);
    plan->pointwise = io->training && pointwise_fits(c);
    plan->gathered = io->training && !plan->winograd && !plan->pointwise && gathered_fits(c);
    if (plan->winograd)
        io->work_bytes = largest(winograd_bytes(c), convolve_weight_bytes(c));
    else if (plan->depthwise)
        io->work_bytes = depthwise_bytes(c);
    else if (plan->pointwise)
        io->work_bytes = largest(pointwise_bytes(c), convolve_weight_bytes(c));
    else if (plan->gathered)
        io->work_bytes = largest(gathered_bytes(c), convolve_weight_bytes(c));
    io->apart = io->training && !plan->depthwise;
    io->apart_bytes = plan->winograd                      ? winograd_weight_bytes(c)
                      : plan->pointwise || plan->gathered ? io->work_bytes
                                                          : convolve_weight_bytes(c);
    return 0;
}

static int shape_integer(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    int64_t depth = plan->channels * plan->c.win[0].kernel * plan->c.win[1].kernel;

    if (integer_read(&plan->integer, io, 0, depth, err) < 0 || integer_conv_plan(&plan->c, err) < 0)
        return -1;
    share_memory(io);
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *w = io->in[1];

    plan->other = conv_is_other(io);
    if (plan->other)
        return conv_any_shape(io, &plan->columns, err);
    if (window_read(plan->c.win, io, &x->shape, &w->shape, err) < 0 || read_groups(&plan->c, io, err) < 0)
        return -1;
    struct shape bias = shape_of(1, w->shape.dim[0]);
    if (op_expect_shape(io, 2, &bias, err) < 0)
        return -1;
    io->out[0]->shape = window_shape(plan->c.win, &x->shape, w->shape.dim[0]);
    plan->c.workers = io->workers;
    plan->channels = plan->c.channels;
    plan->quantized = x->dtype == DTYPE_U8;
    return plan->quantized ? shape_integer(io, err) : shape_float(io, err);
}

static const float *data_of(const struct tensor *tensor)
{
    return tensor ? tensor->data : NULL;
}

static void pack_into(const struct op_io *io, const struct op_run *run, void *packed)
{
    const struct plan *plan = io->plan;

    if (plan->quantized)
        integer_conv_pack(&plan->c, plan->channels, run, io->in[1]->data, packed);
    else
        convolve_pack(&plan->c, run, io->in[1]->data, packed);
}

static void pack(const struct op_io *io, const struct op_run *run)
{
    pack_into(io, run, io->packed);
}

struct ending {
    const struct epilogue *epilogue;
    const struct kern *kern;
};

static void finish(const void *context, float *y, int64_t from, int64_t n)
{
    const struct ending *ending = context;

    epilogue_run(ending->epilogue, ending->kern, y, from, n);
}

static void forward_training(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const float *x = io->in[0]->data, *w = io->in[1]->data, *bias = data_of(op_input(io, 2));

    if (plan->winograd)
        winograd_forward(&plan->c, run, x, w, bias, io->out[0]->data, io->work);
    else if (plan->pointwise)
        pointwise_forward(&plan->c, run, x, w, bias, io->out[0]->data, io->work);
    else if (plan->gathered)
        gathered_forward(&plan->c, run, x, w, bias, io->out[0]->data, io->work);
    else
        depthwise_forward(&plan->c, run, x, w, bias, io->out[0]->data, io->work);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct ending ending = { io->epilogue, run->kern };
    const struct finish last = { finish, &ending };
    void *packed = io->packed_bytes ? io->packed : io->work, *work = (char *)io->work + plan->packed_bytes;

    if (plan->other) {
        conv_any_forward(io, &plan->columns, run);
        return;
    }
    if (plan->winograd || plan->depthwise || plan->pointwise || plan->gathered) {
        forward_training(io, run);
        return;
    }
    if (!io->packed_bytes)
        pack_into(io, run, packed);
    if (plan->quantized)
        integer_conv(&plan->c, plan->channels, &plan->integer, io, run, packed, work);
    else
        convolve_forward(&plan->c, run, io->in[0]->data, packed, data_of(op_input(io, 2)), io->out[0]->data,
                         io->epilogue ? &last : NULL, work);
}

static void input_gradient(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct convolve *c = &plan->c;
    const struct tensor *x = io->in[0];
    const float *dy = io->out[0]->grad, *w = io->in[1]->data;
    void *scratch = (char *)io->work + plan->packed_bytes;

    if (plan->winograd) {
        winograd_input(c, run, dy, w, x->grad, x->grad_add, io->work);
    } else if (plan->pointwise) {
        pointwise_input(c, run, dy, w, x->grad, x->grad_add, io->work);
    } else if (plan->gathered) {
        gathered_input(c, run, dy, w, x->grad, x->grad_add, io->work);
    } else {
        convolve_input_pack(c, run, w, io->work, scratch);
        convolve_input(c, run, dy, io->work, NULL, x->grad, x->grad_add, scratch);
    }
}

static void weight_gradient(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *w = io->in[1];
    const float *dy = io->out[0]->grad;

    if (plan->winograd && !w->grad_add)
        winograd_weight(&plan->c, run, x->data, dy, w->grad, io->work);
    else if (plan->pointwise && !w->grad_add)
        pointwise_weight(&plan->c, run, x->data, dy, w->grad, io->work);
    else if (plan->gathered && !w->grad_add)
        gathered_weight(&plan->c, run, x->data, dy, w->grad, io->work);
    else
        convolve_weight(&plan->c, run, x->data, dy, w->grad, w->grad_add, io->work);
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct convolve *c = &plan->c;
    const struct tensor *x = io->in[0], *w = io->in[1], *b = op_input(io, 2);
    const float *dy = io->out[0]->grad;

    if (plan->depthwise)
        depthwise_backward(c, run, x->data, w->data, dy, x->grad, x->grad_add, w->grad, w->grad_add, io->work);
    if (x->grad && !plan->depthwise)
        input_gradient(io, run);
    if (w->grad && !plan->depthwise)
        weight_gradient(io, run);
    if (b && b->grad)
        convolve_bias(run, c->batch, c->groups * c->filters, c->win[0].out * c->win[1].out, dy, b->grad, b->grad_add);
}

static void cost(const struct op_io *io, struct op_cost *cost)
{
    const struct plan *plan = io->plan;

    if (plan->other)
        cost->macs = (double)shape_count(&io->out[0]->shape) * (double)(plan->columns.channels * plan->columns.taps);
    else
        cost->macs = (double)shape_count(&io->out[0]->shape) *
                     (double)(plan->channels * plan->c.win[0].kernel * plan->c.win[1].kernel);
}

static const char *kernel(const struct op_io *io)
{
    const struct plan *plan = io->plan;

    if (plan->other)
        return "unfolded";
    if (plan->quantized)
        return "pairs";
    return plan->c.bare ? "pointwise" : "planes";
}

const struct op op_conv = {
    .name = "Conv",
    .formula = "y[k, p] = b[k] + sum over c, r of w[k, c, r] * x[c, stride p + dilation r - pad]",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "auto_pad dilations group kernel_shape pads strides",
    .flags = OP_EPILOGUE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .pack = pack,
    .packs = 1U << 1,
    .backward = backward,
    .cost = cost,
    .kernel = kernel,
};
