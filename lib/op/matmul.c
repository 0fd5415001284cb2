#include "base/limits.h"
#include "op/product.h"
#include "op/product_any.h"

struct plan {
    int64_t m, n, k;
    int rank;                        /* of the batch axes */
    int64_t dim[SHAPE_MAX_RANK];     /* of the batch, broadcast */
    int64_t step[2][SHAPE_MAX_RANK]; /* matrices to the next index of an axis; 0 where an input is broadcast */
    int64_t batch;
    bool other; /* types: product_any.h */
    bool flat;  /* one matrix on the right for all: the left side is one tall matrix */
};

/* A vector is a row on the left and a column on the right. */
static struct shape matrix_shape(const struct shape *shape, bool left)
{
    if (shape->rank > 1)
        return *shape;
    return left ? shape_of(2, (int64_t)1, shape->dim[0]) : shape_of(2, shape->dim[0], (int64_t)1);
}

static void lay_batch(struct plan *plan, const struct shape *side, int which)
{
    int64_t step = 1;

    for (int i = plan->rank - 1; i >= 0; i--) {
        int axis = side->rank - 2 - plan->rank + i;
        int64_t dim = axis < 0 ? 1 : side->dim[axis];
        plan->step[which][i] = dim == 1 ? 0 : step;
        step *= dim;
    }
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape, *y = &io->in[1]->shape;
    struct shape *z = &io->out[0]->shape, batch;
    char text_x[160], text_y[160];

    plan->other = product_is_other(io);
    io->out[0]->dtype = DTYPE_F32;
    if (plan->other ? product_any_check(io, err) < 0
                    : op_expect_dtype(io, 0, DTYPE_F32, err) < 0 || op_expect_dtype(io, 1, DTYPE_F32, err) < 0)
        return -1;
    if (x->rank < 1 || y->rank < 1)
        return error_set(err, ERROR_INPUT, "cannot multiply %s by %s", shape_text(x, text_x), shape_text(y, text_y));
    struct shape a = matrix_shape(x, true), b = matrix_shape(y, false), a_batch = a, b_batch = b;
    a_batch.rank -= 2;
    b_batch.rank -= 2;
    plan->m = a.dim[a.rank - 2];
    plan->k = a.dim[a.rank - 1];
    plan->n = b.dim[b.rank - 1];
    if (b.dim[b.rank - 2] != plan->k)
        return error_set(err, ERROR_INPUT, "cannot multiply %s by %s", shape_text(x, text_x), shape_text(y, text_y));
    if (shape_broadcast(&batch, &a_batch, &b_batch, err) < 0 ||
        shape_check(&batch, (int64_t)limit_get(LIMIT_ACTIVATION_BYTES), err) < 0)
        return -1;
    plan->rank = batch.rank;
    plan->batch = shape_count(&batch);
    for (int i = 0; i < batch.rank; i++)
        plan->dim[i] = batch.dim[i];
    lay_batch(plan, &a, 0);
    lay_batch(plan, &b, 1);
    plan->flat = b.rank == 2 && shape_equal(&a_batch, &batch);
    *z = batch;
    if (x->rank > 1)
        z->dim[z->rank++] = plan->m;
    if (y->rank > 1)
        z->dim[z->rank++] = plan->n;
    return 0;
}

/* Which matrix of each side belongs to a batch index. */
static void sides(const struct plan *plan, int64_t index, int64_t at[2])
{
    at[0] = at[1] = 0;
    for (int i = plan->rank - 1; i >= 0; i--) {
        at[0] += index % plan->dim[i] * plan->step[0][i];
        at[1] += index % plan->dim[i] * plan->step[1][i];
        index /= plan->dim[i];
    }
}

/* An empty batch has none, though its matrices could be one. */
static int64_t products(const struct plan *plan)
{
    return plan->flat && plan->batch > 0 ? 1 : plan->batch;
}

static void forward_other(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    for (int64_t i = 0; i < plan->batch; i++) {
        int64_t at[2];
        sides(plan, i, at);
        const struct product_any product = {
            .m = plan->m,
            .n = plan->n,
            .k = plan->k,
            .a = { io->in[0], at[0] * plan->m * plan->k, plan->k, 1 },
            .b = { io->in[1], at[1] * plan->k * plan->n, plan->n, 1 },
            .y = { io->out[0], i * plan->m * plan->n, plan->n, 1 },
            .alpha = 1,
            .beta = 1,
        };
        product_any_run(&product, run);
    }
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    struct product p = {
        .m = plan->flat ? plan->m * plan->batch : plan->m,
        .n = plan->n,
        .k = plan->k,
        .lda = plan->k,
        .ldb = plan->n,
        .ldc = plan->n,
        .by_rows = !io->training,
    };

    if (plan->other) {
        forward_other(io, run);
        return;
    }
    for (int64_t i = 0; i < products(plan); i++) {
        int64_t at[2];
        sides(plan, i, at);
        p.a = (const float *)io->in[0]->data + at[0] * plan->m * plan->k;
        p.b = (const float *)io->in[1]->data + at[1] * plan->k * plan->n;
        p.c = (float *)io->out[0]->data + i * plan->m * plan->n;
        product_run(&p, run);
    }
}

static void clear(const struct tensor *x)
{
    for (int64_t i = 0; x->grad && !x->grad_add && i < shape_count(&x->shape); i++)
        x->grad[i] = 0;
}

/* Sums over what was broadcast run in the batch's order. */
static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *x = io->in[0], *y = io->in[1];
    int64_t m = plan->flat ? plan->m * plan->batch : plan->m;

    clear(x);
    clear(y);
    for (int64_t i = 0; i < products(plan); i++) {
        int64_t at[2];
        sides(plan, i, at);
        int64_t left = at[0] * plan->m * plan->k, right = at[1] * plan->k * plan->n;
        const float *dz = io->out[0]->grad + i * plan->m * plan->n;
        struct product dx = { .tb = true, .m = m, .n = plan->k, .k = plan->n, .a = dz, .lda = plan->n, .beta = 1 };
        struct product dy = { .ta = true, .m = plan->k, .n = plan->n, .k = m, .lda = plan->k, .b = dz, .beta = 1 };
        if (x->grad) {
            dx.b = (const float *)y->data + right;
            dx.ldb = plan->n;
            dx.c = x->grad + left;
            dx.ldc = plan->k;
            product_run(&dx, run);
        }
        if (y->grad) {
            dy.a = (const float *)x->data + left;
            dy.ldb = plan->n;
            dy.c = y->grad + right;
            dy.ldc = plan->n;
            product_run(&dy, run);
        }
    }
}

static void cost(const struct op_io *io, struct op_cost *cost)
{
    const struct plan *plan = io->plan;

    cost->macs = (double)plan->batch * (double)plan->m * (double)plan->n * (double)plan->k;
}

const struct op op_matmul = {
    .name = "MatMul",
    .formula = "y = a b, for each matrix of the batch",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
