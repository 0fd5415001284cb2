/* gru.c - gated recurrent units (Cho et al., 2014). Gates are z (update), r (reset), h (hidden), in this order. */
#include "op/chunk.h"
#include "op/recurrent.h"

enum { GATES = 3 };

/* The gates z and r; without linear_before_reset also r h, which the product of the third waits for. */
static void update_and_reset(const void *context, size_t begin, size_t end, int worker)
{
    const struct recurrent_step *s = context;
    const struct kern *k = s->run->kern;
    const size_t hidden = (size_t)s->plan->hidden;

    (void)worker;
    for (size_t b = begin; b < end; b++) {
        float *z = s->sum + b * GATES * hidden, *r = z + hidden;

        k->add_f32(z, z, 1, s->x + b * (size_t)s->x_row, 1, 2 * hidden);
        recurrent_activate(s, 0, z);
        recurrent_activate(s, 0, r);
        if (!s->plan->linear)
            k->mul_f32(s->next_h + b * hidden, r, 1, s->h + b * hidden, 1, hidden);
    }
}

static void hidden_state(const void *context, size_t begin, size_t end, int worker)
{
    const struct recurrent_step *s = context;
    const struct kern *k = s->run->kern;
    const size_t hidden = (size_t)s->plan->hidden;

    (void)worker;
    for (size_t b = begin; b < end; b++) {
        float *z = s->sum + b * GATES * hidden, *r = z + hidden, *n = r + hidden;
        const float *h = s->h + b * hidden;
        float *next = s->next_h + b * hidden;

        if (s->plan->linear)
            k->mul_f32(n, n, 1, r, 1, hidden);
        k->add_f32(n, n, 1, s->x + b * (size_t)s->x_row + 2 * hidden, 1, hidden);
        recurrent_activate(s, 1, n);
        for (size_t i = 0; i < hidden; i++)
            next[i] = (1 - z[i]) * n[i] + z[i] * h[i];
    }
}

static void step(const struct recurrent_step *s)
{
    const size_t batch = (size_t)s->plan->batch, work = GATES * (size_t)s->plan->hidden;

    recurrent_product(s, s->h, 0, s->plan->linear ? 3 : 2);
    chunk_run(s->run->pool, batch, work, update_and_reset, s);
    if (!s->plan->linear)
        recurrent_product(s, s->next_h, 2, 1);
    chunk_run(s->run->pool, batch, work, hidden_state, s);
}

static int shape(struct op_io *io, struct error *err)
{
    static const struct recurrent_kind kind = { GATES, 2, { "Sigmoid", "Tanh" }, false, step };

    return recurrent_shape(io, &kind, err);
}

const struct op op_gru = {
    .name = "GRU",
    .formula = "h = (1 - z) g(W x + R (r h) + b) + z h, along a sequence",
    .min_inputs = 3,
    .max_inputs = 6,
    .outputs = 2,
    .attributes = "activation_alpha activation_beta activations clip direction hidden_size layout linear_before_reset",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct recurrent_plan),
    .shape = shape,
    .forward = recurrent_forward,
    .cost = recurrent_cost,
};
