/* unary.c - see unary.h. */
#include "op/unary.h"

#include <math.h>

#include "op/argument.h"
#include "op/chunk.h"
#include "tensor/element.h"

double unary_same(double x, const float p[2])
{
    (void)p;
    return x;
}

void unary_table(uint8_t table[256], const struct quant *in, const struct quant *out,
                 double (*f)(double x, const float p[2]), const float p[2])
{
    for (int q = 0; q < 256; q++) {
        double x = (double)in->scale[0] * (q - in->zero_point[0]);
        double y = rint(f(x, p) / (double)out->scale[0]) + out->zero_point[0];

        table[q] = (uint8_t)(y > 0 ? (y < 255 ? y : 255) : 0);
    }
}

/* A table that clamps has a vector instruction; looking up has none. */
static void find_clamp(struct unary_plan *plan)
{
    plan->low = plan->table[0];
    plan->high = plan->table[255];
    plan->clamp = plan->low <= plan->high;
    for (int q = 0; q < 256 && plan->clamp; q++) {
        int low = q < plan->low ? plan->low : q;

        plan->clamp = plan->table[q] == (low > plan->high ? plan->high : low);
    }
}

/* F32 and quantized bytes have paths of their own; else reals by `exact`, integers by `whole`. */
static bool is_other(const struct tensor *x)
{
    return x->dtype != DTYPE_F32 && x->quant == NULL;
}

static int check_type(const struct op_io *io, const struct unary *unary, struct error *err)
{
    const struct tensor *x = io->in[0];

    if (is_other(x) && (dtype_is_float(x->dtype) || (unary->whole != NULL && x->dtype != DTYPE_BOOL)))
        return 0;
    return argument_numeric(io, 0, true, err);
}

int unary_shape(struct op_io *io, const struct unary *unary, double p0, double p1, struct error *err)
{
    struct unary_plan *plan = io->plan;
    const struct tensor *x = io->in[0];

    if (check_type(io, unary, err) < 0)
        return -1;
    plan->unary = unary;
    plan->p[0] = (float)p0;
    plan->p[1] = (float)p1;
    if (argument_is_quantized(io)) {
        unary_table(plan->table, x->quant, io->out[0]->quant, unary->exact, plan->p);
        find_clamp(plan);
    }
    io->out[0]->dtype = x->dtype;
    io->out[0]->shape = x->shape;
    return 0;
}

int64_t unary_cut(double (*exact)(double x, const float p[2]), int64_t x, bool natural, const float p[2])
{
    const double v = exact(natural ? (double)(uint64_t)x : (double)x, p);
    int64_t result = 0;

    element_set_real(natural ? DTYPE_U64 : DTYPE_I64, &result, 0, v);
    return result;
}

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static void other_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct unary_plan *plan = pass->io->plan;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];
    const bool real = dtype_is_float(x->dtype), natural = x->dtype == DTYPE_U64;

    (void)worker;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        if (real)
            element_set_real(y->dtype, y->data, i, plan->unary->exact(element_real(x->dtype, x->data, i), plan->p));
        else
            element_set_int(y->dtype, y->data, i,
                            plan->unary->whole(element_int(x->dtype, x->data, i), natural, plan->p));
    }
}

static void forward_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct pass *pass = context;
    const struct unary_plan *plan = pass->io->plan;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];
    size_t n = end - begin;

    (void)worker;
    if (x->dtype == DTYPE_F32)
        plan->unary->rows(pass->kern, (float *)y->data + begin, (const float *)x->data + begin, plan->p, n);
    else if (plan->clamp)
        pass->kern->clamp_u8((uint8_t *)y->data + begin, (const uint8_t *)x->data + begin, plan->low, plan->high, n);
    else
        pass->kern->map_u8((uint8_t *)y->data + begin, (const uint8_t *)x->data + begin, plan->table, n);
}

void unary_forward(const struct op_io *io, const struct op_run *run)
{
    struct pass pass = { io, run->kern };

    chunk_run(run->pool, (size_t)shape_count(&io->in[0]->shape), 1, is_other(io->in[0]) ? other_piece : forward_piece,
              &pass);
}

static void backward_piece(const void *context, size_t begin, size_t end, int worker)
{
    enum { BLOCK = 512 };
    const struct pass *pass = context;
    const struct unary_plan *plan = pass->io->plan;
    const struct tensor *x = pass->io->in[0], *y = pass->io->out[0];

    (void)worker;
    for (size_t i = begin; i < end; i += BLOCK) {
        size_t n = end - i < BLOCK ? end - i : BLOCK;
        float sum[BLOCK], *gx = x->grad_add ? sum : x->grad + i;

        /* The memory plan may have reused one of x and y: a curve reads only what its flag asked for. */
        plan->unary->slopes(pass->kern, gx, y->grad + i, (const float *)x->data + i, (const float *)y->data + i,
                            plan->p, n);
        if (x->grad_add)
            pass->kern->add_f32(x->grad + i, x->grad + i, 1, sum, 1, n);
    }
}

void unary_backward(const struct op_io *io, const struct op_run *run)
{
    struct pass pass = { io, run->kern };

    if (io->in[0]->grad != NULL)
        chunk_run(run->pool, (size_t)shape_count(&io->in[0]->shape), 1, backward_piece, &pass);
}

struct rescale {
    const struct kern *kern;
    uint8_t *y;
    uint8_t table[256];
};

static void rescale_piece(const void *context, size_t begin, size_t end, int worker)
{
    const struct rescale *r = context;

    (void)worker;
    r->kern->map_u8(r->y + begin, r->y + begin, r->table, end - begin);
}

void unary_rescale(const struct tensor *y, const struct quant *from, const struct op_run *run)
{
    struct rescale r = { .kern = run->kern, .y = y->data };

    if (y->dtype != DTYPE_U8 || argument_same_quant(from, y->quant))
        return;
    unary_table(r.table, from, y->quant, unary_same, NULL);
    chunk_run(run->pool, (size_t)shape_count(&y->shape), 1, rescale_piece, &r);
}
