/*
 * normalize_any.c - LRN (Krizhevsky et al., 2012, sec. 3.3), MeanVarianceNormalization and
 * LpNormalization: forward only, reals of any width.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "op/lanes.h"
#include "op/odometer.h"
#include "tensor/element.h"

static int need_reals(struct op_io *io, int least_rank, struct error *err)
{
    const struct tensor *x = io->in[0];

    if (argument_any_real(io, 0, err) < 0 || argument_rank(x, least_rank, SHAPE_MAX_RANK, err) < 0)
        return -1;
    io->out[0]->dtype = x->dtype;
    io->out[0]->shape = x->shape;
    return 0;
}

/* ---- LRN: over neighbouring channels ---- */

struct lrn {
    double alpha, beta, bias;
    int64_t size, channels, pixels;
};

static int shape_lrn(struct op_io *io, struct error *err)
{
    struct lrn *plan = io->plan;

    if (need_reals(io, 3, err) < 0 || attribute_float(io->attributes, "alpha", 1e-4, &plan->alpha, err) < 0 ||
        attribute_float(io->attributes, "beta", 0.75, &plan->beta, err) < 0 ||
        attribute_float(io->attributes, "bias", 1, &plan->bias, err) < 0 ||
        attribute_int(io->attributes, "size", 0, &plan->size, err) < 0)
        return -1;
    if (plan->size < 1 || plan->size > INT32_MAX)
        return error_set(err, ERROR_INPUT, "size is %" PRId64 ", expected 1 or more", plan->size);
    plan->channels = io->in[0]->shape.dim[1];
    plan->pixels = shape_span(&io->in[0]->shape, 2, io->in[0]->shape.rank);
    return 0;
}

static void lrn_planes(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct lrn *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const int64_t c = (int64_t)i % plan->channels, image = (int64_t)i - c;
        const int64_t low = c - (plan->size - 1) / 2, high = c + plan->size / 2;

        for (int64_t p = 0; p < plan->pixels; p++) {
            double sum = 0;

            for (int64_t k = low > 0 ? low : 0; k <= high && k < plan->channels; k++) {
                const double v = element_real(x->dtype, x->data, (image + k) * plan->pixels + p);

                sum += v * v;
            }
            element_set_real(y->dtype, y->data, (int64_t)i * plan->pixels + p,
                             element_real(x->dtype, x->data, (int64_t)i * plan->pixels + p) /
                                 pow(plan->bias + plan->alpha / (double)plan->size * sum, plan->beta));
        }
    }
}

static void forward_lrn(const struct op_io *io, const struct op_run *run)
{
    const struct lrn *plan = io->plan;

    chunk_run(run->pool, (size_t)(io->in[0]->shape.dim[0] * plan->channels), (size_t)plan->pixels * 32, lrn_planes, io);
}

const struct op op_lrn = {
    .name = "LRN",
    .formula = "y = x / (bias + alpha / size * sum of x^2 over near channels) ^ beta",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "alpha beta bias size",
    .flags = OP_ELEMENTWISE,
    .plan_bytes = sizeof(struct lrn),
    .shape = shape_lrn,
    .forward = forward_lrn,
};

/* ---- MeanVarianceNormalization ---- */

struct mvn {
    struct shape kept;
    double count;
};

struct moments {
    double sum, squares;
};

static int shape_mvn(struct op_io *io, struct error *err)
{
    struct mvn *plan = io->plan;
    struct argument_list axes;
    bool flags[SHAPE_MAX_RANK];

    if (need_reals(io, 1, err) < 0 || argument_ints(io, -1, "axes", &axes, err) < 0)
        return -1;
    if (!axes.given)
        axes = (struct argument_list){ true, 3, { 0, 2, 3 } };
    if (argument_axes(&axes, io->in[0]->shape.rank, flags, err) < 0)
        return -1;
    plan->kept = io->in[0]->shape;
    plan->count = 1;
    for (int i = 0; i < plan->kept.rank; i++) {
        if (!flags[i])
            continue;
        plan->count *= (double)plan->kept.dim[i];
        plan->kept.dim[i] = 1;
    }
    io->work_bytes = (size_t)shape_count(&plan->kept) * sizeof(struct moments);
    return 0;
}

static void forward_mvn(const struct op_io *io, const struct op_run *run)
{
    const struct mvn *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];
    const struct shape *operand[] = { &plan->kept };
    struct odometer o = odometer_of(&x->shape, operand, 1);
    struct moments *moments = io->work;

    (void)run;
    memset(moments, 0, io->work_bytes);
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&x->shape); i++, odometer_next(&o))
        moments[o.at[0]].sum += element_real(x->dtype, x->data, i);
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&x->shape); i++, odometer_next(&o)) {
        const double d = element_real(x->dtype, x->data, i) - moments[o.at[0]].sum / plan->count;

        moments[o.at[0]].squares += d * d;
    }
    odometer_seek(&o, 0);
    for (int64_t i = 0; i < shape_count(&x->shape); i++, odometer_next(&o)) {
        const struct moments *m = &moments[o.at[0]];

        element_set_real(y->dtype, y->data, i,
                         (element_real(x->dtype, x->data, i) - m->sum / plan->count) /
                             (sqrt(m->squares / plan->count) + 1e-9));
    }
}

const struct op op_mean_variance_normalization = {
    .name = "MeanVarianceNormalization",
    .formula = "y = (x - mean) / deviation over axes",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "axes",
    .flags = OP_ELEMENTWISE,
    .plan_bytes = sizeof(struct mvn),
    .shape = shape_mvn,
    .forward = forward_mvn,
};

/* ---- LpNormalization ---- */

struct lp {
    struct lanes lanes;
    int64_t p;
};

static int shape_lp(struct op_io *io, struct error *err)
{
    struct lp *plan = io->plan;
    int axis;

    if (need_reals(io, 1, err) < 0 || argument_axis(io, "axis", -1, io->in[0]->shape.rank, &axis, err) < 0 ||
        attribute_int(io->attributes, "p", 2, &plan->p, err) < 0)
        return -1;
    if (plan->p != 1 && plan->p != 2)
        return error_set(err, ERROR_INPUT, "p is %" PRId64 ", expected 1 or 2", plan->p);
    plan->lanes = lanes_of(&io->in[0]->shape, axis);
    return 0;
}

static void forward_lp(const struct op_io *io, const struct op_run *run)
{
    const struct lp *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->out[0];

    (void)run;
    for (int64_t lane = 0; lane < plan->lanes.lanes; lane++) {
        const int64_t begin = lanes_begin(&plan->lanes, lane);
        double norm = 0;

        for (int64_t i = 0; i < plan->lanes.size; i++) {
            const double v = element_real(x->dtype, x->data, begin + i * plan->lanes.step);

            norm += plan->p == 1 ? fabs(v) : v * v;
        }
        norm = plan->p == 1 ? norm : sqrt(norm);
        for (int64_t i = 0; i < plan->lanes.size; i++) {
            const int64_t at = begin + i * plan->lanes.step;

            element_set_real(y->dtype, y->data, at, norm == 0 ? 0 : element_real(x->dtype, x->data, at) / norm);
        }
    }
}

const struct op op_lp_normalization = {
    .name = "LpNormalization",
    .formula = "y = x / p-norm of x along axis",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "axis p",
    .flags = OP_ELEMENTWISE,
    .plan_bytes = sizeof(struct lp),
    .shape = shape_lp,
    .forward = forward_lp,
};
