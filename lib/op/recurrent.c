/* recurrent.c - see recurrent.h. */
#include "op/recurrent.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "op/argument.h"
#include "op/product.h"

enum { X, W, R, B, SEQUENCE_LENS, INITIAL_H, INITIAL_C, P };
enum { Y, Y_H, Y_C };

/* ---- checks ---- */

static int read_attributes(struct recurrent_plan *plan, const struct op_io *io, struct error *err)
{
    static const char *const directions[] = { "forward", "reverse", "bidirectional", NULL };
    int64_t layout, coupled, linear;
    double clip;
    int direction;

    if (argument_choice(io, "direction", directions, 0, &direction, err) < 0 ||
        attribute_int(io->attributes, "layout", 0, &layout, err) < 0 ||
        attribute_int(io->attributes, "input_forget", 0, &coupled, err) < 0 ||
        attribute_int(io->attributes, "linear_before_reset", 0, &linear, err) < 0 ||
        attribute_float(io->attributes, "clip", 0, &clip, err) < 0)
        return -1;
    plan->clips = attribute_find(io->attributes, "clip") != NULL;
    if (plan->clips && !(clip > 0))
        return error_set(err, ERROR_INPUT, "clip is %g, expected a number above 0", clip);
    if (layout != 0 && layout != 1)
        return error_set(err, ERROR_INPUT, "layout is %" PRId64 ", expected 0 or 1", layout);
    plan->directions = direction == 2 ? 2 : 1;
    plan->reverse = direction == 1;
    plan->batch_first = layout == 1;
    plan->clip = (float)clip;
    plan->coupled = coupled != 0;
    plan->linear = linear != 0;
    return recurrent_curves(plan, io, err);
}

static int read_sizes(struct recurrent_plan *plan, const struct op_io *io, struct error *err)
{
    const int64_t most = (int64_t)(limit_get(LIMIT_ACTIVATION_BYTES) / sizeof(float));
    const struct shape *x = &io->in[X]->shape;
    struct shape sums;
    int64_t hidden;

    for (int i = X; i <= R; i++)
        if (op_expect_rank(io, i, 3, err) < 0)
            return -1;
    plan->steps = x->dim[plan->batch_first ? 1 : 0];
    plan->batch = x->dim[plan->batch_first ? 0 : 1];
    plan->inputs = x->dim[2];
    plan->hidden = io->in[R]->shape.dim[2];
    if (attribute_int(io->attributes, "hidden_size", plan->hidden, &hidden, err) < 0)
        return -1;
    if (hidden != plan->hidden)
        return error_set(err, ERROR_INPUT, "hidden_size is %" PRId64 ", input %d has %" PRId64, hidden, R,
                         plan->hidden);
    sums = shape_of(4, plan->steps, plan->batch, (int64_t)plan->kind->gates, plan->hidden);
    return shape_check(&sums, most, err);
}

static struct shape state_shape(const struct recurrent_plan *plan)
{
    const int64_t directions = plan->directions;

    return plan->batch_first ? shape_of(3, plan->batch, directions, plan->hidden)
                             : shape_of(3, directions, plan->batch, plan->hidden);
}

static int check_inputs(const struct recurrent_plan *plan, const struct op_io *io, struct error *err)
{
    const int64_t directions = plan->directions, wide = plan->kind->gates * plan->hidden;
    const struct shape state = state_shape(plan);
    const struct shape expected[] = {
        [X] = io->in[X]->shape,
        [W] = shape_of(3, directions, wide, plan->inputs),
        [R] = shape_of(3, directions, wide, plan->hidden),
        [B] = shape_of(2, directions, 2 * wide),
        [SEQUENCE_LENS] = shape_of(1, plan->batch),
        [INITIAL_H] = state,
        [INITIAL_C] = state,
        [P] = shape_of(2, directions, 3 * plan->hidden),
    };

    for (int i = 0; i < io->in_count && i < (int)COUNT(expected); i++)
        if (op_expect_dtype(io, i, i == SEQUENCE_LENS ? DTYPE_I32 : DTYPE_F32, err) < 0 ||
            op_expect_shape(io, i, &expected[i], err) < 0)
            return -1;
    return 0;
}

static size_t sums_count(const struct recurrent_plan *plan)
{
    return (size_t)(plan->batch * plan->kind->gates * plan->hidden);
}

int recurrent_shape(struct op_io *io, const struct recurrent_kind *kind, struct error *err)
{
    struct recurrent_plan *plan = io->plan;
    const size_t states = kind->cell ? 4 : 2;

    plan->kind = kind;
    if (read_attributes(plan, io, err) < 0 || read_sizes(plan, io, err) < 0 || check_inputs(plan, io, err) < 0)
        return -1;
    for (int i = 0; i < io->out_count; i++) {
        io->out[i]->dtype = DTYPE_F32;
        io->out[i]->shape = state_shape(plan);
    }
    io->out[Y]->shape = plan->batch_first
                            ? shape_of(4, plan->batch, plan->steps, (int64_t)plan->directions, plan->hidden)
                            : shape_of(4, plan->steps, (int64_t)plan->directions, plan->batch, plan->hidden);
    io->work_bytes = ((size_t)(plan->steps + 1) * sums_count(plan) + states * (size_t)(plan->batch * plan->hidden)) *
                     sizeof(float);
    return 0;
}

/* ---- what a step calls ---- */

/* c [rows, wide] = bias + a b^T */
static void product_with_bias(struct product *p, const float *bias, const struct op_run *run)
{
    const size_t bytes = (size_t)p->n * sizeof(float);

    for (int64_t i = 0; i < p->m; i++) {
        if (bias != NULL)
            memcpy(p->c + i * p->ldc, bias, bytes);
        else
            memset(p->c + i * p->ldc, 0, bytes);
    }
    p->tb = p->by_rows = true;
    p->lda = p->ldb = p->k;
    p->beta = 1;
    if (p->k > 0)
        product_run(p, run);
}

void recurrent_product(const struct recurrent_step *step, const float *h, int gate, int count)
{
    const int64_t hidden = step->plan->hidden, first = gate * hidden;
    struct product p = { .m = step->plan->batch, .n = count * hidden, .k = hidden, .a = h };

    p.b = step->weights + first * hidden;
    p.c = step->sum + first;
    p.ldc = step->plan->kind->gates * hidden;
    product_with_bias(&p, step->bias != NULL ? step->bias + first : NULL, step->run);
}

void recurrent_activate(const struct recurrent_step *step, int curve, float *y)
{
    const struct recurrent_plan *plan = step->plan;
    const struct recurrent_curve *c = &step->curve[curve];
    const struct kern *k = step->run->kern;

    if (plan->clips)
        k->clip_f32(y, y, -plan->clip, plan->clip, (size_t)plan->hidden);
    c->rows(k, y, c->alpha, c->beta, (size_t)plan->hidden);
}

/* ---- walking ---- */

static float *of_direction(const struct op_io *io, int input, int64_t index)
{
    const struct tensor *t = op_input(io, input);

    return t != NULL ? (float *)t->data + index : NULL;
}

/* Where a state of the batch stands among inputs and outputs. */
static int64_t state_at(const struct recurrent_plan *plan, int64_t direction, int64_t b)
{
    return (plan->batch_first ? b * plan->directions + direction : direction * plan->batch + b) * plan->hidden;
}

static int64_t y_at(const struct recurrent_plan *plan, int64_t t, int64_t direction, int64_t b)
{
    return plan->batch_first ? (b * plan->steps + t) * plan->directions * plan->hidden + direction * plan->hidden
                             : t * plan->directions * plan->batch * plan->hidden + state_at(plan, direction, b);
}

struct walk {
    const struct op_io *io;
    struct recurrent_step step;
    int direction;
    float *sums; /* of all steps, in the order of X */
    float *h, *c;
};

static void project(struct walk *w)
{
    const struct recurrent_plan *plan = w->step.plan;
    const int64_t wide = plan->kind->gates * plan->hidden;
    struct product p = { .m = plan->steps * plan->batch, .n = wide, .k = plan->inputs, .c = w->sums, .ldc = wide };

    p.a = w->io->in[X]->data;
    p.b = of_direction(w->io, W, w->direction * wide * plan->inputs);
    product_with_bias(&p, of_direction(w->io, B, w->direction * 2 * wide), w->step.run);
}

static void begin_state(const struct walk *w, int input, float *state)
{
    const struct recurrent_plan *plan = w->step.plan;
    const size_t bytes = (size_t)plan->hidden * sizeof(float);

    for (int64_t b = 0; b < plan->batch; b++) {
        const float *from = of_direction(w->io, input, state_at(plan, w->direction, b));

        if (from != NULL)
            memcpy(state + b * plan->hidden, from, bytes);
        else
            memset(state + b * plan->hidden, 0, bytes);
    }
}

static void end_state(const struct walk *w, int output, const float *state)
{
    const struct recurrent_plan *plan = w->step.plan;

    for (int64_t b = 0; output < w->io->out_count && b < plan->batch; b++)
        memcpy((float *)w->io->out[output]->data + state_at(plan, w->direction, b), state + b * plan->hidden,
               (size_t)plan->hidden * sizeof(float));
}

/* Sequences that are as long go on; the others stand still and give zeros. */
static void go_on(struct walk *w, int64_t t)
{
    const struct recurrent_plan *plan = w->step.plan;
    const struct tensor *lengths = op_input(w->io, SEQUENCE_LENS);
    const size_t bytes = (size_t)plan->hidden * sizeof(float);

    for (int64_t b = 0; b < plan->batch; b++) {
        float *y = (float *)w->io->out[Y]->data + y_at(plan, t, w->direction, b);
        const int64_t at = b * plan->hidden;

        if (lengths != NULL && t >= ((const int32_t *)lengths->data)[b]) {
            memset(y, 0, bytes);
            continue;
        }
        memcpy(y, w->step.next_h + at, bytes);
        memcpy(w->h + at, w->step.next_h + at, bytes);
        if (plan->kind->cell)
            memcpy(w->c + at, w->step.next_c + at, bytes);
    }
}

static void walk(struct walk *w)
{
    const struct recurrent_plan *plan = w->step.plan;
    const int64_t wide = plan->kind->gates * plan->hidden, row = plan->batch_first ? plan->steps : 1;
    const bool reverse = w->direction == 1 || plan->reverse;

    project(w);
    begin_state(w, INITIAL_H, w->h);
    if (plan->kind->cell)
        begin_state(w, INITIAL_C, w->c);
    w->step.x_row = row * wide;
    for (int64_t i = 0; i < plan->steps; i++) {
        const int64_t t = reverse ? plan->steps - 1 - i : i;

        w->step.x = w->sums + (plan->batch_first ? t : t * plan->batch) * wide;
        plan->kind->step(&w->step);
        go_on(w, t);
    }
    end_state(w, Y_H, w->h);
    if (plan->kind->cell)
        end_state(w, Y_C, w->c);
}

void recurrent_forward(const struct op_io *io, const struct op_run *run)
{
    const struct recurrent_plan *plan = io->plan;
    const int64_t wide = plan->kind->gates * plan->hidden, state = plan->batch * plan->hidden;
    struct walk w = { .io = io, .step = { .plan = plan, .run = run }, .sums = io->work };

    w.step.sum = w.sums + plan->steps * plan->batch * wide;
    w.step.h = w.h = w.step.sum + plan->batch * wide;
    w.step.next_h = w.h + state;
    if (plan->kind->cell) {
        w.step.c = w.c = w.step.next_h + state;
        w.step.next_c = w.c + state;
    }
    for (w.direction = 0; w.direction < plan->directions; w.direction++) {
        w.step.curve = plan->curve[w.direction];
        w.step.weights = of_direction(io, R, w.direction * wide * plan->hidden);
        w.step.bias = of_direction(io, B, (w.direction * 2 + 1) * wide);
        w.step.peep = of_direction(io, P, w.direction * 3 * plan->hidden);
        walk(&w);
    }
}

void recurrent_cost(const struct op_io *io, struct op_cost *cost)
{
    const struct recurrent_plan *plan = io->plan;
    const double rows = (double)plan->directions * (double)plan->steps * (double)plan->batch;

    cost->macs = rows * plan->kind->gates * (double)plan->hidden * ((double)plan->inputs + (double)plan->hidden);
}
