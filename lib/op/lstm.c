/*
 * lstm.c - long short-term memory (Hochreiter and Schmidhuber, 1997; peepholes: Gers and Schmidhuber, 2000). Gates
 * are i (input), o (output), f (forget), g (cell), in this order.
 */
#include <string.h>

#include "op/chunk.h"
#include "op/recurrent.h"

enum { GATES = 4 };

/* gate += peep * cell */
static void look(float *gate, const float *peep, const float *cell, size_t hidden)
{
    for (size_t i = 0; i < hidden; i++)
        gate[i] += peep[i] * cell[i];
}

static void row(const struct recurrent_step *s, size_t b)
{
    const size_t hidden = (size_t)s->plan->hidden;
    float *i = s->sum + b * GATES * hidden, *o = i + hidden, *f = o + hidden, *g = f + hidden;
    float *next_h = s->next_h + b * hidden, *next_c = s->next_c + b * hidden;
    const float *c = s->c + b * hidden;
    const struct recurrent_curve *h = &s->curve[2];

    s->run->kern->add_f32(i, i, 1, s->x + b * (size_t)s->x_row, 1, GATES * hidden);
    if (s->peep != NULL) {
        look(i, s->peep, c, hidden);
        look(f, s->peep + 2 * hidden, c, hidden);
    }
    recurrent_activate(s, 0, i);
    recurrent_activate(s, 0, f);
    recurrent_activate(s, 1, g);
    for (size_t j = 0; j < hidden; j++)
        next_c[j] = (s->plan->coupled ? 1 - i[j] : f[j]) * c[j] + i[j] * g[j];
    if (s->peep != NULL)
        look(o, s->peep + hidden, next_c, hidden);
    recurrent_activate(s, 0, o);
    /* The sums of gates are clipped, the cell is not: so do other runtimes, ONNX's words leave it open. */
    memcpy(next_h, next_c, hidden * sizeof(float));
    h->rows(s->run->kern, next_h, h->alpha, h->beta, hidden);
    s->run->kern->mul_f32(next_h, next_h, 1, o, 1, hidden);
}

static void rows(const void *context, size_t begin, size_t end, int worker)
{
    (void)worker;
    for (size_t b = begin; b < end; b++)
        row(context, b);
}

static void step(const struct recurrent_step *s)
{
    recurrent_product(s, s->h, 0, GATES);
    chunk_run(s->run->pool, (size_t)s->plan->batch, GATES * (size_t)s->plan->hidden, rows, s);
}

static int shape(struct op_io *io, struct error *err)
{
    static const struct recurrent_kind kind = { GATES, 3, { "Sigmoid", "Tanh", "Tanh" }, true, step };

    return recurrent_shape(io, &kind, err);
}

const struct op op_lstm = {
    .name = "LSTM",
    .formula = "c = f c + i g(W x + R h + b), h = o tanh(c), along a sequence",
    .min_inputs = 3,
    .max_inputs = 8,
    .outputs = 3,
    .attributes = "activation_alpha activation_beta activations clip direction hidden_size input_forget layout",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct recurrent_plan),
    .shape = shape,
    .forward = recurrent_forward,
    .cost = recurrent_cost,
};
