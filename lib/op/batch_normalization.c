/*
 * Training uses the batch's own mean and population variance and moves the
 * running inputs in place: running = momentum * running + (1 - momentum) * new,
 * where the new variance is the unbiased one, sum / (count - 1), as in PyTorch.
 *
 * Training may have the Relu or Clip that follows as an epilogue. What that was given is kept nowhere: backward makes it
 * of x again while it reads that anyway.
 */
#include <math.h>

#include "op/argument.h"
#include "op/typed.h"

enum { SCALE = 1, BIAS, MEAN, VARIANCE };

/* Channels of short rows go together in a span of so many elements; their sums stay in float for so many samples. */
enum { SPAN = 1024, SHORT = 200, SAMPLES = 64 };

struct plan {
    int64_t batch, channels, pixels;
    double epsilon, momentum;
    bool other;       /* reals but F32 somewhere */
    int64_t together; /* channels of a task; 1: rows are long */
    bool clamps;      /* a curve follows, between these */
    float low, high;
};

/* Of a channel, from forward on: what backward needs, and what makes y of x again. */
struct kept {
    float mean, inverse, scale, shift; /* inverse: 1 / deviation */
};

static void read_curve(struct plan *plan, const struct epilogue *curve)
{
    plan->clamps = curve != NULL;
    plan->low = plan->clamps && curve->activation == ACTIVATION_CLIP ? curve->low : 0;
    plan->high = plan->clamps && curve->activation == ACTIVATION_CLIP ? curve->high : INFINITY;
}

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
    plan->together = plan->pixels > 0 && plan->pixels < SHORT ? SPAN / plan->pixels : 1;
    read_curve(plan, io->epilogue);
    if (io->training)
        io->saved_bytes = (size_t)plan->channels * sizeof(struct kept);
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

/* y = x * scale + shift of a channel with this mean and variance; in training they also move the running ones. */
static void settle(const struct op_io *io, size_t index, double mean, double variance, float *scale, float *shift)
{
    const struct plan *plan = io->plan;
    double inverse = 1 / sqrt(variance + plan->epsilon), by = (double)weights(io, SCALE)[index] * inverse;
    struct kept *kept = io->training ? (struct kept *)io->saved + index : NULL;

    if (kept && io->again) {
        *scale = kept->scale;
        *shift = kept->shift;
        return;
    }
    *scale = (float)by;
    *shift = (float)((double)weights(io, BIAS)[index] - mean * by);
    if (kept) {
        double count = (double)(plan->batch * plan->pixels);
        move((float *)io->in[MEAN]->data + index, plan->momentum, mean);
        move((float *)io->in[VARIANCE]->data + index, plan->momentum,
             count > 1 ? variance * count / (count - 1) : variance);
        *kept = (struct kept){ (float)mean, (float)inverse, *scale, *shift };
    }
}

/* For the kernels, of a row or of each element; NULL: no curve follows. */
static const struct kern_clamp *clamp_of(struct kern_clamp *clamp, const struct plan *plan, const float *scale,
                                         const float *shift)
{
    *clamp = (struct kern_clamp){ scale, shift, plan->low, plan->high };
    return plan->clamps ? clamp : NULL;
}

static void forward_channel(void *context, size_t index, int worker)
{
    const struct pass *pass = context;
    const struct op_io *io = pass->io;
    const struct plan *plan = io->plan;
    double mean = (double)weights(io, MEAN)[index], variance = (double)weights(io, VARIANCE)[index];
    struct kern_clamp clamp;
    float scale, shift;

    (void)worker;
    if (io->training && !io->again)
        measure(pass, (int64_t)index, &mean, &variance);
    settle(io, index, mean, variance, &scale, &shift);
    for (int64_t s = 0; s < plan->batch; s++) {
        int64_t at = (s * plan->channels + (int64_t)index) * plan->pixels;
        pass->run->kern->affine_f32((float *)io->out[0]->data + at, (const float *)io->in[0]->data + at, scale, shift,
                                    clamp_of(&clamp, plan, &scale, &shift), (size_t)plan->pixels);
    }
}

/* ---- channels together ---- */

struct span {
    int64_t first, channels; /* channels */
    int64_t at, step;        /* elements: of the first sample, to the next one */
    size_t n;
};

static struct span span_of(const struct plan *plan, size_t index)
{
    struct span s = { .first = (int64_t)index * plan->together, .step = plan->channels * plan->pixels };

    s.channels = plan->channels - s.first < plan->together ? plan->channels - s.first : plan->together;
    s.at = s.first * plan->pixels;
    s.n = (size_t)(s.channels * plan->pixels);
    return s;
}

static size_t spans_of(const struct plan *plan)
{
    return (size_t)((plan->channels + plan->together - 1) / plan->together);
}

static void fill(float *each, const struct plan *plan, int64_t channel, float value)
{
    for (int64_t i = channel * plan->pixels; i < (channel + 1) * plan->pixels; i++)
        each[i] = value;
}

/* What each element has summed goes to its channel. */
static void collect(const struct plan *plan, const struct span *span, float *each, double *sum)
{
    for (int64_t c = 0; c < span->channels; c++)
        for (int64_t i = c * plan->pixels; i < (c + 1) * plan->pixels; i++) {
            sum[c] += (double)each[i];
            each[i] = 0;
        }
}

static void measure_span(const struct pass *pass, const struct span *span, const float *origin, double *sum,
                         double *squares)
{
    const struct plan *plan = pass->io->plan;
    const float *x = (const float *)pass->io->in[0]->data + span->at;
    float each[SPAN] = { 0 }, each_square[SPAN] = { 0 };

    for (int64_t s = 0; s < plan->batch; s++) {
        pass->run->kern->each_moments_f32(each, each_square, x + s * span->step, origin, span->n);
        if (s % SAMPLES < SAMPLES - 1 && s < plan->batch - 1)
            continue;
        collect(plan, span, each, sum);
        collect(plan, span, each_square, squares);
    }
}

static void forward_span(void *context, size_t index, int worker)
{
    const struct pass *pass = context;
    const struct op_io *io = pass->io;
    const struct plan *plan = io->plan;
    const struct span span = span_of(plan, index);
    const float *x = (const float *)io->in[0]->data + span.at;
    double sum[SPAN] = { 0 }, squares[SPAN] = { 0 }, count = (double)(plan->batch * plan->pixels);
    float scale[SPAN], shift[SPAN], one, other;
    struct kern_clamp clamp;

    (void)worker;
    for (int64_t c = 0; c < span.channels; c++) /* around a value of the channel, as measure() does */
        fill(shift, plan, c, plan->batch > 0 && isfinite(x[c * plan->pixels]) ? x[c * plan->pixels] : 0);
    if (io->training && !io->again)
        measure_span(pass, &span, shift, sum, squares);
    for (int64_t c = 0; c < span.channels; c++) {
        double mean = (double)weights(io, MEAN)[span.first + c],
               variance = (double)weights(io, VARIANCE)[span.first + c];
        if (io->training) {
            mean = count > 0 ? sum[c] / count : 0;
            variance = count > 0 ? fmax(squares[c] / count - mean * mean, 0) : 0;
            mean += (double)shift[c * plan->pixels];
        }
        settle(io, (size_t)(span.first + c), mean, variance, &one, &other);
        fill(scale, plan, c, one);
        fill(shift, plan, c, other);
    }
    for (int64_t s = 0; s < plan->batch; s++)
        pass->run->kern->each_affine_f32((float *)io->out[0]->data + span.at + s * span.step, x + s * span.step, scale,
                                         shift, clamp_of(&clamp, plan, scale, shift), span.n);
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

    if (plan->other)
        pool_run(run->pool, (size_t)plan->channels, forward_other, &pass);
    else if (plan->together > 1)
        pool_run(run->pool, spans_of(plan), forward_span, &pass);
    else
        pool_run(run->pool, (size_t)plan->channels, forward_channel, &pass);
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
    const struct kept *kept = io->training ? (const struct kept *)io->saved + index : NULL;

    *mean = kept ? kept->mean : weights(io, MEAN)[index];
    *inverse = kept ? (double)kept->inverse : 1 / sqrt((double)weights(io, VARIANCE)[index] + plan->epsilon);
}

/* The map that forward applied. */
static void mapping(const struct op_io *io, size_t index, float *scale, float *shift)
{
    const struct kept *kept = io->training ? (const struct kept *)io->saved + index : NULL;

    if (kept == NULL) {
        settle(io, index, (double)weights(io, MEAN)[index], (double)weights(io, VARIANCE)[index], scale, shift);
        return;
    }
    *scale = kept->scale;
    *shift = kept->shift;
}

/* dx = dy * scale + (x - mean) * by_x + constant; the weights' gradients are put. */
struct slope {
    float mean, scale, by_x, constant;
};

static struct slope slope_of(const struct op_io *io, size_t index, double sum, double product)
{
    const struct plan *plan = io->plan;
    double inverse, count = (double)(plan->batch * plan->pixels);
    struct slope slope = { 0 };

    statistics(io, index, &slope.mean, &inverse);
    put(io->in[SCALE], index, product * inverse);
    put(io->in[BIAS], index, sum);
    double scale = (double)weights(io, SCALE)[index] * inverse;
    slope.scale = (float)scale;
    if (io->training) { /* A frozen one's statistics do not depend on x. */
        slope.by_x = (float)(-scale * inverse * inverse * product / count);
        slope.constant = (float)(-scale * sum / count);
    }
    return slope;
}

static void backward_channel(void *context, size_t index, int worker)
{
    const struct pass *pass = context;
    const struct op_io *io = pass->io;
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    float mean, scale, shift;
    double inverse, sum = 0, product = 0;
    struct kern_clamp room;
    int64_t first = (int64_t)index * plan->pixels, step = plan->channels * plan->pixels;

    (void)worker;
    statistics(io, index, &mean, &inverse);
    mapping(io, index, &scale, &shift);
    const struct kern_clamp *clamp = clamp_of(&room, plan, &scale, &shift);
    for (int64_t s = 0; s < plan->batch; s++)
        pass->run->kern->centred_sums_f32(io->out[0]->grad + first + s * step,
                                          (const float *)x->data + first + s * step, mean, clamp, (size_t)plan->pixels,
                                          &sum, &product);
    struct slope slope = slope_of(io, index, sum, product);
    for (int64_t s = 0; x->grad && s < plan->batch; s++)
        pass->run->kern->centred_grad_f32(x->grad + first + s * step, io->out[0]->grad + first + s * step,
                                          (const float *)x->data + first + s * step, mean, slope.scale, slope.by_x,
                                          slope.constant, clamp, x->grad_add, (size_t)plan->pixels);
}

static void sum_span(const struct pass *pass, const struct span *span, const float *mean,
                     const struct kern_clamp *clamp, double *sum, double *product)
{
    const struct plan *plan = pass->io->plan;
    float each[SPAN] = { 0 }, each_product[SPAN] = { 0 };

    for (int64_t s = 0; s < plan->batch; s++) {
        int64_t at = span->at + s * span->step;
        pass->run->kern->each_centred_sums_f32(each, each_product, pass->io->out[0]->grad + at,
                                               (const float *)pass->io->in[0]->data + at, mean, clamp, span->n);
        if (s % SAMPLES < SAMPLES - 1 && s < plan->batch - 1)
            continue;
        collect(plan, span, each, sum);
        collect(plan, span, each_product, product);
    }
}

static void backward_span(void *context, size_t index, int worker)
{
    const struct pass *pass = context;
    const struct op_io *io = pass->io;
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    const struct span span = span_of(plan, index);
    double sum[SPAN] = { 0 }, product[SPAN] = { 0 }, inverse;
    float mean[SPAN], scale[SPAN], by_x[SPAN], constant[SPAN], forth[SPAN], shift[SPAN], one, other;
    struct kern_clamp room;

    (void)worker;
    for (int64_t c = 0; c < span.channels; c++) {
        statistics(io, (size_t)(span.first + c), &one, &inverse);
        fill(mean, plan, c, one);
        mapping(io, (size_t)(span.first + c), &one, &other);
        fill(forth, plan, c, one);
        fill(shift, plan, c, other);
    }
    const struct kern_clamp *clamp = clamp_of(&room, plan, forth, shift);
    sum_span(pass, &span, mean, clamp, sum, product);
    for (int64_t c = 0; c < span.channels; c++) {
        struct slope slope = slope_of(io, (size_t)(span.first + c), sum[c], product[c]);
        fill(scale, plan, c, slope.scale);
        fill(by_x, plan, c, slope.by_x);
        fill(constant, plan, c, slope.constant);
    }
    for (int64_t s = 0; x->grad && s < plan->batch; s++) {
        int64_t at = span.at + s * span.step;
        pass->run->kern->each_centred_grad_f32(x->grad + at, io->out[0]->grad + at, (const float *)x->data + at, mean,
                                               scale, by_x, constant, clamp, x->grad_add, span.n);
    }
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct pass pass = { io, run };

    if (plan->together > 1)
        pool_run(run->pool, spans_of(plan), backward_span, &pass);
    else
        pool_run(run->pool, (size_t)plan->channels, backward_channel, &pass);
}

/* A curve counts as if it went by itself: which nodes are computed again does not depend on who does it. */
static void cost(const struct op_io *io, struct op_cost *cost)
{
    const double curve = io->epilogue ? (double)tensor_bytes(io->out[0]) : 0;

    cost->read_bytes += curve;
    cost->write_bytes += curve;
}

const struct op op_batch_normalization = {
    .name = "BatchNormalization",
    .formula = "y = scale (x - mean) / sqrt(variance + epsilon) + bias",
    .min_inputs = 5,
    .max_inputs = 5,
    .outputs = 1,
    .attributes = "epsilon momentum training_mode",
    .flags = OP_ELEMENTWISE | OP_IN_PLACE | OP_BACKWARD_IN | OP_GRAD_IN_PLACE | OP_AGAIN_SAVED | OP_EPILOGUE_BACK,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
