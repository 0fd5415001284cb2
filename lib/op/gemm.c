#include "op/epilogue.h"
#include "op/integer.h"
#include "op/product.h"
#include "op/product_any.h"

enum { FEW_ROWS = 4 }; /* fewer multiply-adds a weight than reading it takes time for */

/* Rows of a gradient that come together: whole blocks of product.h, and enough of them for so many threads. */
enum { GRAD_ROWS = PRODUCT_ROWS, GRAD_WORKERS = 4 };

struct plan {
    bool ta, tb;
    float alpha, beta;
    int64_t m, n, k;
    int64_t row, column; /* steps of c: 0 where it is broadcast */
    bool other;          /* types: product_any.h */
    bool quantized;
    struct integer integer;
    size_t turned_bytes; /* quantized weights as [n, k], where they are stored the other way */
};

static int read_attributes(struct plan *plan, const struct op_io *io, struct error *err)
{
    double alpha, beta;
    int64_t ta, tb;

    if (attribute_float(io->attributes, "alpha", 1, &alpha, err) < 0 ||
        attribute_float(io->attributes, "beta", 1, &beta, err) < 0 ||
        attribute_int(io->attributes, "transA", 0, &ta, err) < 0 ||
        attribute_int(io->attributes, "transB", 0, &tb, err) < 0)
        return -1;
    plan->alpha = (float)alpha;
    plan->beta = (float)beta;
    plan->ta = ta != 0;
    plan->tb = tb != 0;
    return 0;
}

/* The third input may be [m, n], a row, a column or one number. */
static int read_addend(struct plan *plan, const struct op_io *io, struct error *err)
{
    const struct tensor *c = op_input(io, 2);
    struct shape y = shape_of(2, plan->m, plan->n), whole;
    char text[160];

    if (!c)
        return 0;
    if (shape_broadcast(&whole, &c->shape, &y, err) < 0)
        return -1;
    if (!shape_equal(&whole, &y))
        return error_set(err, ERROR_INPUT, "input 2 has shape %s, the product is smaller", shape_text(&c->shape, text));
    int rank = c->shape.rank;
    int64_t columns = rank > 0 ? c->shape.dim[rank - 1] : 1, rows = rank > 1 ? c->shape.dim[rank - 2] : 1;
    plan->column = columns > 1;
    plan->row = rows > 1 ? columns : 0;
    return 0;
}

static int shape_float(struct op_io *io, struct error *err)
{
    const struct plan *plan = io->plan;

    for (int i = 0; i < 3; i++) {
        if (op_expect_dtype(io, i, DTYPE_F32, err) < 0)
            return -1;
    }
    io->out[0]->dtype = DTYPE_F32;
    io->streams = plan->m <= FEW_ROWS ? (size_t)(plan->n * plan->k) * sizeof(float) : 0;
    if (io->training && plan->alpha != 1)
        io->work_bytes = (size_t)(plan->m * plan->n) * sizeof(float);
    io->apart = io->training;
    io->apart_bytes = io->work_bytes;
    if (io->training)
        io->grad_rows = GRAD_ROWS * ((io->workers + GRAD_WORKERS - 1) / GRAD_WORKERS);
    return epilogue_check(io, err);
}

static int shape_integer(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct tensor *c = op_input(io, 2);

    if (plan->ta || plan->alpha != 1 || plan->beta != 1)
        return error_set(err, ERROR_INPUT, "integers take neither transA nor alpha nor beta");
    if (c && shape_count(&c->shape) != plan->n)
        return error_set(err, ERROR_INPUT, "the bias of integers is one number a column");
    if (integer_read(&plan->integer, io, plan->tb ? 0 : 1, plan->k, err) < 0)
        return -1;
    plan->turned_bytes = plan->tb ? 0 : ((size_t)(plan->n * plan->k) + 63) / 64 * 64;
    io->work_bytes = plan->turned_bytes + integer_gemm_bytes(plan->m, plan->k);
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *a = &io->in[0]->shape, *b = &io->in[1]->shape;
    char text_a[160], text_b[160];

    if (op_expect_rank(io, 0, 2, err) < 0 || op_expect_rank(io, 1, 2, err) < 0 || read_attributes(plan, io, err) < 0)
        return -1;
    plan->m = a->dim[plan->ta ? 1 : 0];
    plan->k = a->dim[plan->ta ? 0 : 1];
    plan->n = b->dim[plan->tb ? 0 : 1];
    if (b->dim[plan->tb ? 1 : 0] != plan->k)
        return error_set(err, ERROR_INPUT, "cannot multiply %s%s by %s%s", shape_text(a, text_a),
                         plan->ta ? " transposed" : "", shape_text(b, text_b), plan->tb ? " transposed" : "");
    if (read_addend(plan, io, err) < 0)
        return -1;
    io->out[0]->shape = shape_of(2, plan->m, plan->n);
    plan->other = product_is_other(io);
    if (plan->other)
        return product_any_check(io, err);
    plan->quantized = io->in[0]->dtype == DTYPE_U8;
    return plan->quantized ? shape_integer(io, err) : shape_float(io, err);
}

struct rows {
    const struct op_io *io;
    const struct op_run *run;
};

/* What comes after the product, a row at a time. */
static void end_row(void *context, size_t i, int worker)
{
    const struct rows *rows = context;
    const struct plan *plan = rows->io->plan;
    const struct tensor *c = op_input(rows->io, 2);
    const struct kern *kern = rows->run->kern;
    float *y = (float *)rows->io->out[0]->data + (int64_t)i * plan->n;
    size_t n = (size_t)plan->n;

    (void)worker;
    if (plan->alpha != 1)
        kern->mul_f32(y, y, 1, &plan->alpha, 0, n);
    if (c) {
        const float *from = (const float *)c->data + (int64_t)i * plan->row;
        if (plan->beta == 1)
            kern->add_f32(y, y, 1, from, (size_t)plan->column, n);
        for (int64_t j = 0; plan->beta != 1 && j < plan->n; j++)
            y[j] += plan->beta * from[j * plan->column];
    }
    if (rows->io->epilogue)
        epilogue_run(rows->io->epilogue, kern, rows->io->out[0]->data, (int64_t)i * plan->n, plan->n);
}

static void forward_integer(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const int8_t *w = io->in[1]->data;
    int8_t *turned = io->work;

    for (int64_t j = 0; !plan->tb && j < plan->n; j++)
        for (int64_t l = 0; l < plan->k; l++)
            turned[j * plan->k + l] = w[l * plan->n + j];
    integer_gemm(&plan->integer, io, run, plan->m, plan->n, plan->k, plan->tb ? w : turned,
                 (char *)io->work + plan->turned_bytes);
}

static void forward_float(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct product product = {
        .ta = plan->ta,
        .tb = plan->tb,
        .m = plan->m,
        .n = plan->n,
        .k = plan->k,
        .a = io->in[0]->data,
        .lda = plan->ta ? plan->m : plan->k,
        .b = io->in[1]->data,
        .ldb = plan->tb ? plan->k : plan->n,
        .c = io->out[0]->data,
        .ldc = plan->n,
        .by_rows = !io->training,
    };
    struct rows rows = { io, run };

    product_run(&product, run);
    if (plan->alpha != 1 || op_input(io, 2) || io->epilogue)
        pool_run(run->pool, (size_t)plan->m, end_row, &rows);
}

static void forward_other(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct product_any product = {
        .m = plan->m,
        .n = plan->n,
        .k = plan->k,
        .a = { io->in[0], 0, plan->ta ? 1 : plan->k, plan->ta ? plan->m : 1 },
        .b = { io->in[1], 0, plan->tb ? 1 : plan->n, plan->tb ? plan->k : 1 },
        .c = { op_input(io, 2), 0, plan->row, plan->column },
        .y = { io->out[0], 0, plan->n, 1 },
        .alpha = (double)plan->alpha,
        .beta = (double)plan->beta,
    };

    product_any_run(&product, run);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;

    if (plan->other)
        forward_other(io, run);
    else if (plan->quantized)
        forward_integer(io, run);
    else
        forward_float(io, run);
}

/* The third input's gradient: beta times the sums over what was broadcast. */
static void addend_grad(const struct plan *plan, const struct tensor *c, const float *dy)
{
    int64_t count = shape_count(&c->shape);

    for (int64_t i = 0; !c->grad_add && i < count; i++)
        c->grad[i] = 0;
    for (int64_t i = 0; i < plan->m; i++) {
        float *to = c->grad + i * plan->row;
        const float *from = dy + i * plan->n;
        if (plan->column) {
            for (int64_t j = 0; j < plan->n; j++)
                to[j] += plan->beta * from[j];
        } else {
            double sum = 0;
            for (int64_t j = 0; j < plan->n; j++)
                sum += (double)from[j];
            to[0] += plan->beta * (float)sum;
        }
    }
}

/* da = dy b^T, or its transpose where a was stored transposed. */
static struct product left_grad(const struct plan *plan, const struct tensor *a, const struct tensor *b,
                                const float *dy)
{
    int64_t ldb = plan->tb ? plan->k : plan->n;
    struct product p = { .beta = a->grad_add ? 1 : 0, .c = a->grad, .k = plan->n };

    if (plan->ta) {
        p.ta = plan->tb;
        p.tb = true;
        p.m = plan->k;
        p.n = plan->m;
        p.a = b->data;
        p.lda = ldb;
        p.b = dy;
        p.ldb = plan->n;
    } else {
        p.tb = !plan->tb;
        p.m = plan->m;
        p.n = plan->k;
        p.a = dy;
        p.lda = plan->n;
        p.b = b->data;
        p.ldb = ldb;
    }
    p.ldc = p.n;
    return p;
}

/* db = a^T dy, or its transpose where b was stored transposed; `count` rows of it. */
static struct product right_grad(const struct plan *plan, const struct tensor *a, const struct tensor *b,
                                 const float *dy, int64_t first, int64_t count)
{
    int64_t lda = plan->ta ? plan->m : plan->k;
    struct product p = { .beta = b->grad_add ? 1 : 0, .c = b->grad, .k = plan->m };

    if (plan->tb) {
        p.ta = true;
        p.tb = plan->ta;
        p.m = plan->n;
        p.n = plan->k;
        p.a = dy;
        p.lda = plan->n;
        p.b = a->data;
        p.ldb = lda;
    } else {
        p.ta = !plan->ta;
        p.m = plan->k;
        p.n = plan->n;
        p.a = a->data;
        p.lda = lda;
        p.b = dy;
        p.ldb = plan->n;
    }
    p.a += p.ta ? first : first * p.lda;
    p.m = count > 0 ? count : p.m;
    p.ldc = p.n;
    return p;
}

static void backward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct tensor *a = io->in[0], *b = io->in[1], *c = op_input(io, 2);
    const float *dy = io->out[0]->grad;

    if (c && c->grad)
        addend_grad(plan, c, dy);
    if (plan->alpha != 1) {
        run->kern->mul_f32(io->work, dy, 1, &plan->alpha, 0, (size_t)(plan->m * plan->n));
        dy = io->work;
    }
    if (a->grad) {
        struct product p = left_grad(plan, a, b, dy);
        product_run(&p, run);
    }
    if (b->grad) {
        struct product p = right_grad(plan, a, b, dy, io->grad_first, io->grad_count);
        product_run(&p, run);
    }
}

static void cost(const struct op_io *io, struct op_cost *cost)
{
    const struct plan *plan = io->plan;

    cost->macs = (double)plan->m * (double)plan->n * (double)plan->k;
}

const struct op op_gemm = {
    .name = "Gemm",
    .formula = "y = alpha a b + beta c",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "alpha beta transA transB",
    .flags = OP_EPILOGUE | OP_INTEGER | OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
