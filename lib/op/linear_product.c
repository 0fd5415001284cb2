/* linear_product.c - MatMulInteger and QLinearMatMul: ONNX's own products of bytes. */
#include <inttypes.h>

#include "base/limits.h"
#include "op/exact.h"

struct product {
    struct shape batch; /* of the result, without its matrix; empty when all share one b */
    int64_t m, n, k;
    int64_t matrices;                                       /* of a */
    int64_t step_a[SHAPE_MAX_RANK], step_b[SHAPE_MAX_RANK]; /* matrices apart, by axis of the batch */
};

static void steps_of(int64_t *step, const struct shape *x, const struct shape *batch)
{
    const int shift = batch->rank - x->rank;
    int64_t matrices = 1;

    for (int i = 0; i < batch->rank; i++)
        step[i] = 0;
    for (int i = x->rank - 1; i >= 0; i--) {
        step[i + shift] = x->dim[i] == 1 ? 0 : matrices;
        matrices *= x->dim[i];
    }
}

/* A vector is a matrix of one row on the left, of one column on the right. */
static struct shape as_matrix(const struct shape *x, bool right)
{
    struct shape matrix = *x;

    if (x->rank == 1)
        matrix = right ? shape_of(2, x->dim[0], INT64_C(1)) : shape_of(2, INT64_C(1), x->dim[0]);
    return matrix;
}

static int set_shape(struct op_io *io, const struct product *plan, bool has_row, bool has_column, struct error *err)
{
    struct shape *y = &io->out[0]->shape;

    *y = plan->batch;
    if (has_row)
        y->dim[y->rank++] = plan->m;
    if (has_column)
        y->dim[y->rank++] = plan->n;
    return shape_check(y, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES) / 8, err);
}

static int shape_product(struct op_io *io, int ia, int ib, struct error *err)
{
    struct product *plan = io->plan;
    struct shape a = as_matrix(&io->in[ia]->shape, false), b = as_matrix(&io->in[ib]->shape, true);
    char text_a[160], text_b[160];

    if (exact_need_bytes(io, ia, err) < 0 || exact_need_bytes(io, ib, err) < 0)
        return -1;
    if (a.rank < 2 || b.rank < 2 || a.dim[a.rank - 1] != b.dim[b.rank - 2] || shape_count(&a) < 1 ||
        shape_count(&b) < 1)
        return error_set(err, ERROR_INPUT, "cannot multiply %s by %s", shape_text(&io->in[ia]->shape, text_a),
                         shape_text(&io->in[ib]->shape, text_b));
    *plan = (struct product){ .m = a.dim[a.rank - 2], .k = a.dim[a.rank - 1], .n = b.dim[b.rank - 1] };
    a.rank -= 2;
    b.rank -= 2;
    if (plan->k > INT32_MAX)
        return error_set(err, ERROR_LIMIT, "sums of more than %d products", INT32_MAX);
    if (shape_broadcast(&plan->batch, &a, &b, err) < 0 ||
        set_shape(io, plan, io->in[ia]->shape.rank > 1, io->in[ib]->shape.rank > 1, err) < 0)
        return -1;
    plan->matrices = shape_count(&a);
    steps_of(plan->step_a, &a, &plan->batch);
    steps_of(plan->step_b, &b, &plan->batch);
    return 0;
}

/* ---- room ---- */

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t packed_bytes(const struct product *p)
{
    return rounded(exact_packed(p->matrices * p->m, p->k) * sizeof(int32_t));
}

static size_t pair_bytes(const struct product *p)
{
    return exact_packed(EXACT_COLUMNS, p->k) * sizeof(int32_t);
}

static size_t lane_bytes(const struct product *p)
{
    const int64_t parts = exact_parts(p->m);

    return pair_bytes(p) + (size_t)((p->m + parts - 1) / parts) * EXACT_COLUMNS * sizeof(int32_t);
}

/* Once all else is checked: where every matrix of a meets the same b, they are one with more rows. */
static void settle(struct op_io *io, struct product *p, int ib)
{
    if (shape_count(&io->in[ib]->shape) == p->k * p->n) {
        p->m *= p->matrices;
        p->matrices = 1;
        p->batch.rank = 0;
    }
    io->work_bytes = packed_bytes(p) + lane_bytes(p) * (size_t)io->workers;
}

/* ---- products ---- */

struct multiply {
    const struct op_io *io;
    const struct kern *kern;
    struct exact_bytes a, b;
    int32_t *packed;
    char *lanes;
    int64_t parts, blocks;
    /* takes `count` sums from `column` on; rows and columns count through all matrices */
    void (*take)(const struct multiply *multiply, int64_t row, int64_t column, int64_t at, int64_t count,
                 const int32_t *sum);
};

static void pack_part(void *context, size_t task, int worker)
{
    const struct multiply *x = context;
    const struct product *p = x->io->plan;
    const int64_t part = (int64_t)task % x->parts, first = exact_part(p->m, part);
    const int64_t row = (int64_t)task / x->parts * p->m + first;

    (void)worker;
    exact_pack(x->kern, x->packed + exact_packed(row, p->k), &x->a, row * p->k, exact_part(p->m, part + 1) - first,
               p->k);
}

/* `count` columns of matrix b from `column` on, in pairs of rows. */
static void lay_out(const struct multiply *x, int64_t b, int64_t column, int64_t count, int32_t *pairs)
{
    const struct product *p = x->io->plan;
    const uint8_t *from = x->b.data + b * p->k * p->n + column;
    const bool one = x->b.zero == NULL || shape_count(&x->b.zero->shape) == 1;
    int16_t zero[EXACT_COLUMNS] = { 0 };

    for (int64_t j = 0; j < count; j++)
        zero[j] = (int16_t)exact_zero(x->b.zero, b * p->n + column + j);
    for (int64_t i = 0; i < p->k; i += 2, from += 2 * p->n, pairs += EXACT_COLUMNS) {
        const bool last = i + 1 == p->k;
        int16_t *half = (int16_t *)(void *)pairs;

        exact_widen(x->kern, pairs, &x->b, from, last ? NULL : from + p->n, one ? zero[0] : 0, count);
        for (int64_t j = 0; !one && j < count; j++) {
            half[2 * j] = (int16_t)(half[2 * j] - zero[j]);
            half[2 * j + 1] = (int16_t)(last ? 0 : half[2 * j + 1] - zero[j]);
        }
    }
}

static void multiply_block(void *context, size_t task, int worker)
{
    const struct multiply *x = context;
    const struct product *p = x->io->plan;
    const int64_t part = (int64_t)task % x->parts, first = exact_part(p->m, part);
    const int64_t rows = exact_part(p->m, part + 1) - first;
    const int64_t column = (int64_t)task / x->parts % x->blocks * EXACT_COLUMNS, left = p->n - column;
    const int64_t count = left < EXACT_COLUMNS ? left : EXACT_COLUMNS;
    const int64_t matrix = (int64_t)task / x->parts / x->blocks;
    int32_t *pairs = (int32_t *)(void *)(x->lanes + lane_bytes(p) * (size_t)worker);
    int32_t *sums = pairs + exact_packed(EXACT_COLUMNS, p->k);
    int64_t a = 0, b = 0, rest = matrix;

    for (int i = p->batch.rank - 1; i >= 0; rest /= p->batch.dim[i--]) {
        a += rest % p->batch.dim[i] * p->step_a[i];
        b += rest % p->batch.dim[i] * p->step_b[i];
    }
    lay_out(x, b, column, count, pairs);
    exact_multiply(x->kern, x->packed + exact_packed(a * p->m + first, p->k), &x->a, a * p->m + first, rows, p->k,
                   pairs, count, sums);
    for (int64_t r = 0; r < rows; r++)
        x->take(x, a * p->m + first + r, b * p->n + column, (matrix * p->m + first + r) * p->n + column, count,
                sums + r * EXACT_COLUMNS);
}

static void run_product(struct multiply *x, const struct op_run *run)
{
    const struct product *p = x->io->plan;

    x->kern = run->kern;
    x->packed = x->io->work;
    x->lanes = (char *)x->io->work + packed_bytes(p);
    x->parts = exact_parts(p->m);
    x->blocks = (p->n + EXACT_COLUMNS - 1) / EXACT_COLUMNS;
    pool_run(run->pool, (size_t)(p->matrices * x->parts), pack_part, x);
    pool_run(run->pool, (size_t)(shape_count(&p->batch) * x->blocks * x->parts), multiply_block, x);
}

static void cost_product(const struct op_io *io, struct op_cost *cost)
{
    const struct product *p = io->plan;

    cost->macs = (double)shape_count(&io->out[0]->shape) * (double)p->k;
}

/* ---- MatMulInteger ---- */

static int shape_matmul_integer(struct op_io *io, struct error *err)
{
    struct product *plan = io->plan;

    if (shape_product(io, 0, 1, err) < 0 ||
        exact_need_zeros(io, 2, 0, plan->m, shape_count(&io->in[0]->shape) / plan->k, err) < 0 ||
        exact_need_zeros(io, 3, 1, plan->n, shape_count(&io->in[1]->shape) / plan->k, err) < 0)
        return -1;
    io->out[0]->dtype = DTYPE_I32;
    settle(io, plan, 1);
    return 0;
}

static void take_sums(const struct multiply *x, int64_t row, int64_t column, int64_t at, int64_t count,
                      const int32_t *sum)
{
    (void)row;
    (void)column;
    for (int64_t j = 0; j < count; j++)
        ((int32_t *)x->io->out[0]->data)[at + j] = sum[j];
}

static void forward_matmul_integer(const struct op_io *io, const struct op_run *run)
{
    struct multiply multiply = { .io = io,
                                 .a = exact_bytes(io->in[0], op_input(io, 2)),
                                 .b = exact_bytes(io->in[1], op_input(io, 3)),
                                 .take = take_sums };

    run_product(&multiply, run);
}

const struct op op_matmul_integer = {
    .name = "MatMulInteger",
    .formula = "y = (a - zero) (b - zero), 32-bit integers",
    .min_inputs = 2,
    .max_inputs = 4,
    .outputs = 1,
    .plan_bytes = sizeof(struct product),
    .shape = shape_matmul_integer,
    .forward = forward_matmul_integer,
    .cost = cost_product,
};

/* ---- QLinearMatMul: a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero ---- */

static int shape_qlinear_matmul(struct op_io *io, struct error *err)
{
    struct product *plan = io->plan;
    int64_t rows, columns;

    if (shape_product(io, 0, 3, err) < 0)
        return -1;
    rows = shape_count(&io->in[0]->shape) / plan->k;
    columns = shape_count(&io->in[3]->shape) / plan->k;
    if (exact_need_scales(io, 1, plan->m, rows, err) < 0 || exact_need_zeros(io, 2, 0, plan->m, rows, err) < 0 ||
        exact_need_scales(io, 4, plan->n, columns, err) < 0 || exact_need_zeros(io, 5, 3, plan->n, columns, err) < 0 ||
        exact_need_scales(io, 6, 1, 1, err) < 0 || exact_need_bytes(io, 7, err) < 0 ||
        exact_need_zeros(io, 7, 7, 1, 1, err) < 0)
        return -1;
    io->out[0]->dtype = io->in[7]->dtype;
    settle(io, plan, 3);
    return 0;
}

static void take_bytes(const struct multiply *x, int64_t row, int64_t column, int64_t at, int64_t count,
                       const int32_t *sum)
{
    const struct tensor *const *in = x->io->in;
    const int64_t run = shape_count(&in[4]->shape) == 1 ? count : 1; /* columns that share a factor */

    for (int64_t j = 0; j < count; j += run)
        exact_store(x->kern, x->io->out[0], at + j, sum + j,
                    exact_scale(in[1], row) * exact_scale(in[4], column + j) / exact_scale(in[6], 0), in[7], run);
}

static void forward_qlinear_matmul(const struct op_io *io, const struct op_run *run)
{
    struct multiply multiply = {
        .io = io, .a = exact_bytes(io->in[0], io->in[2]), .b = exact_bytes(io->in[3], io->in[5]), .take = take_bytes
    };

    run_product(&multiply, run);
}

const struct op op_qlinear_matmul = {
    .name = "QLinearMatMul",
    .formula = "y = product of quantized a and b, as bytes of y's scale",
    .min_inputs = 8,
    .max_inputs = 8,
    .outputs = 1,
    .plan_bytes = sizeof(struct product),
    .shape = shape_qlinear_matmul,
    .forward = forward_qlinear_matmul,
    .cost = cost_product,
};
