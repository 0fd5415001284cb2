/* rank.c - what order says along an axis: ArgMax, ArgMin, TopK, Hardmax, and sums so far: CumSum. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "op/lanes.h"
#include "tensor/element.h"

struct plan {
    struct lanes in, out;
    bool last, keep, largest, exclusive, reverse;
    int64_t k;
};

/* a before b: larger, or smaller. NaN counts as the largest. */
static bool goes_before(const struct tensor *x, int64_t a, int64_t b, bool largest)
{
    if (x->dtype == DTYPE_F32) { /* as the next, without a call */
        const float p = ((const float *)x->data)[a], q = ((const float *)x->data)[b];

        if (isnan(p) || isnan(q))
            return largest ? isnan(p) && !isnan(q) : isnan(q) && !isnan(p);
        return largest ? p > q : p < q;
    }
    if (dtype_is_float(x->dtype)) {
        const double p = element_real(x->dtype, x->data, a), q = element_real(x->dtype, x->data, b);

        if (isnan(p) || isnan(q))
            return largest ? isnan(p) && !isnan(q) : isnan(q) && !isnan(p);
        return largest ? p > q : p < q;
    }
    if (x->dtype == DTYPE_U64) {
        const uint64_t p = ((const uint64_t *)x->data)[a], q = ((const uint64_t *)x->data)[b];

        return largest ? p > q : p < q;
    }
    const int64_t p = element_int(x->dtype, x->data, a), q = element_int(x->dtype, x->data, b);

    return largest ? p > q : p < q;
}

static int plain(const struct op_io *io, struct error *err)
{
    return io->in[0]->quant == NULL ? 0 : error_set(err, ERROR_INPUT, "input 0 is quantized, expected plain numbers");
}

/* ---- ArgMax, ArgMin ---- */

static int shape_arg(struct op_io *io, bool largest, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    struct shape shape = { 0 };
    int64_t keep, last;
    int axis;

    if (plain(io, err) < 0 || argument_rank(io->in[0], 1, SHAPE_MAX_RANK, err) < 0 ||
        argument_axis(io, "axis", 0, x->rank, &axis, err) < 0 ||
        attribute_int(io->attributes, "keepdims", 1, &keep, err) < 0 ||
        attribute_int(io->attributes, "select_last_index", 0, &last, err) < 0)
        return -1;
    if (x->dim[axis] == 0)
        return error_set(err, ERROR_INPUT, "nothing to choose from: axis %d is empty", axis);
    plan->in = lanes_of(x, axis);
    plan->largest = largest;
    plan->last = last != 0;
    for (int i = 0; i < x->rank; i++)
        if (i != axis || keep != 0)
            shape.dim[shape.rank++] = i == axis ? 1 : x->dim[i];
    io->out[0]->dtype = DTYPE_I64;
    io->out[0]->shape = shape;
    return 0;
}

static int shape_arg_max(struct op_io *io, struct error *err)
{
    return shape_arg(io, true, err);
}

static int shape_arg_min(struct op_io *io, struct error *err)
{
    return shape_arg(io, false, err);
}

static bool is_nan(const struct tensor *x, int64_t i)
{
    return isnan(x->dtype == DTYPE_F32 ? (double)((const float *)x->data)[i] : element_real(x->dtype, x->data, i));
}

/* NumPy's argmax and argmin both stop at NaN, where sorting puts it last or first. */
static bool beats(const struct tensor *x, int64_t a, int64_t b, bool largest)
{
    if (largest || !dtype_is_float(x->dtype))
        return goes_before(x, a, b, largest);
    if (is_nan(x, a) || is_nan(x, b))
        return is_nan(x, a) && !is_nan(x, b);
    return goes_before(x, a, b, false);
}

static int64_t best_of(const struct tensor *x, const struct lanes *lanes, int64_t lane, bool largest, bool last)
{
    const int64_t begin = lanes_begin(lanes, lane);
    int64_t best = 0;

    for (int64_t i = 1; i < lanes->size; i++) {
        const int64_t a = begin + i * lanes->step, b = begin + best * lanes->step;

        if (last ? !beats(x, b, a, largest) : beats(x, a, b, largest))
            best = i;
    }
    return best;
}

static void arg_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct op_io *io = context;
    const struct plan *plan = io->plan;

    (void)worker;
    for (size_t lane = begin; lane < end; lane++)
        ((int64_t *)io->out[0]->data)[lane] = best_of(io->in[0], &plan->in, (int64_t)lane, plan->largest, plan->last);
}

static void forward_arg(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    chunk_run(run->pool, (size_t)plan->in.lanes, (size_t)plan->in.size, arg_piece, io);
}

const struct op op_arg_max = {
    .name = "ArgMax",
    .formula = "y = index of the largest x along axis",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "axis keepdims select_last_index",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_arg_max,
    .forward = forward_arg,
};

const struct op op_arg_min = {
    .name = "ArgMin",
    .formula = "y = index of the smallest x along axis",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "axis keepdims select_last_index",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_arg_min,
    .forward = forward_arg,
};

/* ---- Hardmax ---- */

static int shape_hardmax(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    int axis;

    if (plain(io, err) < 0 || argument_rank(io->in[0], 1, SHAPE_MAX_RANK, err) < 0 ||
        argument_axis(io, "axis", -1, io->in[0]->shape.rank, &axis, err) < 0)
        return -1;
    if (!dtype_is_float(io->in[0]->dtype))
        return error_set(err, ERROR_INPUT, "input 0 is %s, expected reals", dtype_name(io->in[0]->dtype));
    plan->in = lanes_of(&io->in[0]->shape, axis);
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = io->in[0]->shape;
    return 0;
}

static void forward_hardmax(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *y = io->out[0];

    (void)run;
    memset(y->data, 0, tensor_bytes(y));
    for (int64_t lane = 0; lane < plan->in.lanes; lane++)
        element_set_real(
            y->dtype, y->data,
            lanes_begin(&plan->in, lane) + best_of(io->in[0], &plan->in, lane, true, false) * plan->in.step, 1);
}

const struct op op_hardmax = {
    .name = "Hardmax",
    .formula = "y = 1 at the first largest x along axis, else 0",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attributes = "axis",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_hardmax,
    .forward = forward_hardmax,
};

/* ---- TopK: the k first in order; among equals the lower index ---- */

static int shape_top(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    struct argument_list k;
    int64_t largest, sorted;
    int axis;

    if (plain(io, err) < 0 || argument_rank(io->in[0], 1, SHAPE_MAX_RANK, err) < 0 ||
        argument_axis(io, "axis", -1, x->rank, &axis, err) < 0 || argument_ints(io, 1, "k", &k, err) < 0 ||
        attribute_int(io->attributes, "largest", 1, &largest, err) < 0 ||
        attribute_int(io->attributes, "sorted", 1, &sorted, err) < 0)
        return -1;
    if (k.count != 1 || k.value[0] < 0 || k.value[0] > x->dim[axis])
        return error_set(err, ERROR_INPUT, "k is %" PRId64 ", expected 0 to %" PRId64, k.count == 1 ? k.value[0] : -1,
                         x->dim[axis]);
    plan->k = k.value[0];
    plan->largest = largest != 0;
    plan->in = lanes_of(x, axis);
    for (int i = 0; i < io->out_count; i++) {
        io->out[i]->shape = *x;
        io->out[i]->shape.dim[axis] = plan->k;
        io->out[i]->dtype = i == 0 ? io->in[0]->dtype : DTYPE_I64;
    }
    plan->out = lanes_of(&io->out[0]->shape, axis);
    io->work_bytes = (size_t)plan->k * sizeof(int64_t);
    return 0;
}

/* A heap of the k best so far, its worst on top: n log k, and ties by index make it unique. */
static bool worse(const struct op_io *io, const struct plan *plan, int64_t begin, int64_t a, int64_t b)
{
    const int64_t p = begin + a * plan->in.step, q = begin + b * plan->in.step;

    if (goes_before(io->in[0], p, q, plan->largest))
        return false;
    return goes_before(io->in[0], q, p, plan->largest) || a > b;
}

static void sift(const struct op_io *io, const struct plan *plan, int64_t begin, int64_t *heap, int64_t count,
                 int64_t i)
{
    for (;;) {
        int64_t child = 2 * i + 1, moved = heap[i];

        if (child >= count)
            return;
        if (child + 1 < count && worse(io, plan, begin, heap[child + 1], heap[child]))
            child++;
        if (!worse(io, plan, begin, heap[child], moved))
            return;
        heap[i] = heap[child];
        heap[child] = moved;
        i = child;
    }
}

static void top_of_lane(const struct op_io *io, const struct plan *plan, int64_t begin, int64_t *heap)
{
    for (int64_t i = 0; i < plan->k; i++)
        heap[i] = i;
    for (int64_t i = plan->k / 2; i-- > 0;)
        sift(io, plan, begin, heap, plan->k, i);
    for (int64_t i = plan->k; i < plan->in.size; i++) {
        if (!worse(io, plan, begin, heap[0], i))
            continue;
        heap[0] = i;
        sift(io, plan, begin, heap, plan->k, 0);
    }
    for (int64_t count = plan->k; count > 1; count--) { /* worst to the end: best first */
        const int64_t worst = heap[0];

        heap[0] = heap[count - 1];
        heap[count - 1] = worst;
        sift(io, plan, begin, heap, count - 1, 0);
    }
}

static void forward_top(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0];
    const size_t bytes = dtype_bytes(x->dtype);
    int64_t *heap = io->work;

    (void)run;
    for (int64_t lane = 0; lane < plan->in.lanes && plan->k > 0; lane++) {
        const int64_t from = lanes_begin(&plan->in, lane), to = lanes_begin(&plan->out, lane);

        top_of_lane(io, plan, from, heap);
        for (int64_t i = 0; i < plan->k; i++) {
            const int64_t at = to + i * plan->out.step;

            memcpy((unsigned char *)io->out[0]->data + (size_t)at * bytes,
                   (const unsigned char *)x->data + (size_t)(from + heap[i] * plan->in.step) * bytes, bytes);
            if (io->out_count > 1)
                ((int64_t *)io->out[1]->data)[at] = heap[i];
        }
    }
}

const struct op op_top_k = {
    .name = "TopK",
    .formula = "the k largest (or smallest) along axis, and their indices",
    .min_inputs = 1,
    .max_inputs = 2,
    .outputs = 2,
    .attributes = "axis k largest sorted",
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_top,
    .forward = forward_top,
};

/* ---- CumSum ---- */

static int shape_cum_sum(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    struct argument_list axis;
    int64_t exclusive, reverse, at;

    if (plain(io, err) < 0 || argument_rank(io->in[0], 1, SHAPE_MAX_RANK, err) < 0 ||
        argument_ints(io, 1, "axis", &axis, err) < 0 ||
        attribute_int(io->attributes, "exclusive", 0, &exclusive, err) < 0 ||
        attribute_int(io->attributes, "reverse", 0, &reverse, err) < 0)
        return -1;
    at = axis.count == 1 ? axis.value[0] + (axis.value[0] < 0 ? x->rank : 0) : -1;
    if (at < 0 || at >= x->rank || io->in[0]->dtype == DTYPE_BOOL)
        return error_set(err, ERROR_INPUT, "axis does not name one of %d axes of numbers", x->rank);
    plan->in = lanes_of(x, (int)at);
    plan->exclusive = exclusive != 0;
    plan->reverse = reverse != 0;
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = *x;
    return 0;
}

static void sum_lane(const struct plan *plan, const struct tensor *x, const struct tensor *y, int64_t begin)
{
    const bool is_real = dtype_is_float(x->dtype);
    double real = 0;
    uint64_t whole = 0;

    for (int64_t k = 0; k < plan->in.size; k++) {
        const int64_t at = begin + (plan->reverse ? plan->in.size - 1 - k : k) * plan->in.step;
        const double r = is_real ? element_real(x->dtype, x->data, at) : 0;
        const uint64_t w = is_real ? 0 : (uint64_t)element_int(x->dtype, x->data, at);

        if (is_real)
            element_set_real(y->dtype, y->data, at, plan->exclusive ? real : real + r);
        else
            element_set_int(y->dtype, y->data, at, (int64_t)(plan->exclusive ? whole : whole + w));
        real += r;
        whole += w;
    }
}

static void forward_cum_sum(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    (void)run;
    for (int64_t lane = 0; lane < plan->in.lanes; lane++)
        sum_lane(plan, io->in[0], io->out[0], lanes_begin(&plan->in, lane));
}

const struct op op_cum_sum = {
    .name = "CumSum",
    .formula = "y = sum of x along axis up to each place",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "axis exclusive reverse",
    .arguments = 1U << 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct plan),
    .shape = shape_cum_sum,
    .forward = forward_cum_sum,
};
