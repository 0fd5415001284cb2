/* rnn.c - the plain recurrence (Elman, 1990): h = f(W x + R h). */
#include "op/chunk.h"
#include "op/recurrent.h"

static void rows(const void *context, size_t begin, size_t end, int worker)
{
    const struct recurrent_step *s = context;
    const size_t hidden = (size_t)s->plan->hidden;

    (void)worker;
    for (size_t b = begin; b < end; b++) {
        float *h = s->next_h + b * hidden;

        s->run->kern->add_f32(h, s->sum + b * hidden, 1, s->x + b * (size_t)s->x_row, 1, hidden);
        recurrent_activate(s, 0, h);
    }
}

static void step(const struct recurrent_step *s)
{
    recurrent_product(s, s->h, 0, 1);
    chunk_run(s->run->pool, (size_t)s->plan->batch, (size_t)s->plan->hidden, rows, s);
}

static int shape(struct op_io *io, struct error *err)
{
    static const struct recurrent_kind kind = { 1, 1, { "Tanh" }, false, step };

    return recurrent_shape(io, &kind, err);
}

const struct op op_rnn = {
    .name = "RNN",
    .formula = "h = f(W x + R h + b), along a sequence",
    .min_inputs = 3,
    .max_inputs = 6,
    .outputs = 2,
    .attributes = "activation_alpha activation_beta activations clip direction hidden_size layout",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct recurrent_plan),
    .shape = shape,
    .forward = recurrent_forward,
    .cost = recurrent_cost,
};
