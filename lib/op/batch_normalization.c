/*
 * Training uses the batch's own mean and population variance and moves the
 * running inputs in place: running = momentum * running + (1 - momentum) * new,
 * where the new variance is the unbiased one, sum / (count - 1), as in PyTorch.
 */
#include <math.h>

#include "op/argument.h"
#include "op/typed.h"

enum { SCALE = 1, BIAS, MEAN, VARIANCE };

struct plan {
    int64_t batch, channels, pixels;
    double epsilon, momentum;
    bool other; /* reals but F32 somewhere */
};

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];

    for (int i = 0; i <= VARIANCE; i++) {
        if (argument_any_real(io, i, err) < 0)
            return -1;
        plan->other = plan->other || io->in[i]->dtype != DTYPE_F32;
    }
    if ((plan->other && argument_untrained(io, err) < 0) || argument_rank(x, 1, SHAPE_MAX_RANK, err) < 0)
        return -1;
    plan->batch = x->shape.dim[0];
    plan->channels = x->shape.rank > 1 ? x->shape.dim[1] : 1;
    plan->pixels = x->shape.rank > 2 ? shape_span(&x->shape, 2, x->shape.rank) : 1;
    struct shape each = shape_of(1, plan->channels);
    for (int i = SCALE; i <= VARIANCE; i++) {
        if (op_expect_shape(io, i, &each, err) < 0)
            return -1;
    }
    if (attribute_float(io->attributes, "epsilon", 1e-5, &plan->epsilon, err) < 0 ||
        attribute_float(io->attributes, "momentum", 0.9, &plan->momentum, err) < 0)
        return -1;
    io->out[0]->dtype = x->dtype;
    io->out[0]->shape = x->shape;
    if (io->training)
        io->saved_bytes = (size_t)plan->channels * 2 * sizeof(float); /* mean and 1 / deviation of each channel */
    return 0;
}

struct pass {
    const struct op_io *io;
    const struct op_run *run;
};

static const float *weights(const struct op_io *io, int i)
{
    return io->in[i]->data;
}

/* Mean and population variance of a channel of the batch. */
static void measure(const struct pass *pass, int64_t channel, double *mean, double *variance)
{
    const struct plan *plan = pass->io->plan;
    const float *x = (const float *)pass->io->in[0]->data + channel * plan->pixels;
    double count = (double)(plan->batch * plan->pixels), sum = 0, squares = 0;
    /* Around a value of the channel, so that squares do not cancel when the mean is large. */
    float origin = count > 0 && isfinite(x[0]) ? x[0] : 0;

    for (int64_t s = 0; s < plan->batch; s++)
        pass->run->kern->moments_f32(x + s * plan->channels * plan->pixels, origin, (size_t)plan->pixels, &sum,
                                     &squares);
    *mean = count > 0 ? sum / count : 0;
    *variance = count > 0 ? fmax(squares / count - *mean * *mean, 0) : 0;
    *mean += (double)origin;
}

static void move(float *running, double momentum, double now)
{
    *running = (float)(momentum * (double)*running + (1 - momentum) * now);
}

static void forward_channel(void *context, size_t index, int worker)
{
    const struct pass *pass = context;
    const struct op_io *io = pass->io;
    const struct plan *plan = io->plan;
    double mean = (double)weights(io, MEAN)[index], variance = (double)weights(io, VARIANCE)[index];

    (void)worker;
    if (io->training) {
        double count = (double)(plan->batch * plan->pixels);
        measure(pass, (int64_t)index, &mean, &variance);
        move((float *)io->in[MEAN]->data + index, plan->momentum, mean);
        move((float *)io->in[VARIANCE]->data + index, plan->momentum,
             count > 1 ? variance * count / (count - 1) : variance);
    }
    double inverse = 1 / sqrt(variance + plan->epsilon), scale = (double)weights(io, SCALE)[index] * inverse;
    if (io->training) {
        float *saved = (float *)io->saved + 2 * index;
        saved[0] = (float)mean;
        saved[1] = (float)inverse;
    }
    for (int64_t s = 0; s < plan->batch; s++) {
        int64_t at = (s * plan->channels + (int64_t)index) * plan->pixels;
        pass->run->kern->affine_f32((float *)io->out[0]->data + at, (const float *)io->in[0]->data + at, (float)scale,
                                    (float)((double)weights(io, BIAS)[index] - mean * scale), (size_t)plan->pixels);
    }
}

static void forward_other(void *context, size_t index, int worker)
{
    const struct op_io *io = ((const struct pass *)context)->io;
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];
    const int64_t c = (int64_t)index;
    const double mean = typed_real(io->in[MEAN], c), bias = typed_real(io->in[BIAS], c);
    const double scale = typed_real(io->in[SCALE], c) / sqrt(typed_real(io->in[VARIANCE], c) + plan->epsilon);

    (void)worker;
    for (int64_t s = 0; s < plan->batch; s++) {
        const int64_t first = (s * plan->channels + c) * plan->pixels;

        for (int64_t i = first; i < first + plan->pixels; i++)
            element_set_real(y->dtype, y->data, i, (typed_real(x, i) - mean) * scale + bias);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io, run };

    pool_run(run->pool, (size_t)plan->channels, plan->other ? forward_other : forward_channel, &pass);
}

static void put(const struct tensor *weight, size_t i, double grad)
{
    if (weight->grad)
        weight->grad[i] = (weight->grad_add ? weight->grad[i] : 0) + (float)grad;
}

/* What forward normalised by: the batch's own numbers, or the stored ones. */
static void statistics(const struct op_io *io, size_t index, float *mean, double *inverse)
{
    const struct plan *plan = io->plan;
    const float *saved = io->saved;

    *mean = io->training ? saved[2 * index] : weights(io, MEAN)[index];
    *inverse = io->training ? (double)saved[2 * index + 1]
                            : 1 / sqrt((double)weights(io, VARIANCE)[index] + plan->epsilon);
}

static void backward_channel(void *context, size_t index, int worker)
{
    const struct pass *pass = context;
    const struct op_io *io = pass->io;
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    float mean;
    double inverse, sum = 0, product = 0, count = (double)(plan->batch * plan->pixels);
    int64_t first = (int64_t)index * plan->pixels, step = plan->channels * plan->pixels;

    (void)worker;
    statistics(io, index, &mean, &inverse);
    for (int64_t s = 0; s < plan->batch; s++)
        pass->run->kern->centred_sums_f32(io->out[0]->grad + first + s * step,
                                          (const float *)x->data + first + s * step, mean, (size_t)plan->pixels, &sum,
                                          &product);
    put(io->in[SCALE], index, product * inverse);
    put(io->in[BIAS], index, sum);
    if (!x->grad)
        return;
    double scale = (double)weights(io, SCALE)[index] * inverse;
    float by_x = 0, constant = 0; /* A frozen one's statistics do not depend on x. */
    if (io->training) {
        by_x = (float)(-scale * inverse * inverse * product / count);
        constant = (float)(-scale * sum / count);
    }
    for (int64_t s = 0; s < plan->batch; s++)
        pass->run->kern->centred_grad_f32(x->grad + first + s * step, io->out[0]->grad + first + s * step,
                                          (const float *)x->data + first + s * step, mean, (float)scale, by_x, constant,
                                          x->grad_add, (size_t)plan->pixels);
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io, run };

    pool_run(run->pool, (size_t)plan->channels, backward_channel, &pass);
}

const struct op op_batch_normalization = {
    .name = "BatchNormalization",
    .formula = "y = scale (x - mean) / sqrt(variance + epsilon) + bias",
    .min_inputs = 5,
    .max_inputs = 5,
    .outputs = 1,
    .attributes = "epsilon momentum training_mode",
    .flags = OP_ELEMENTWISE | OP_IN_PLACE | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
