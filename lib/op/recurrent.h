/*
 * recurrent.h - what RNN, GRU and LSTM share: they walk along a sequence and
 * carry a state. Inputs and outputs stand as ONNX has them; here a direction
 * at a time is projected as one product, then walked. An operator says how its
 * gates make the next state of the last. For lib/op alone.
 */
#ifndef OP_RECURRENT_H
#define OP_RECURRENT_H

#include "op/internal.h"

enum { RECURRENT_CURVES = 3 };

struct recurrent_step;

struct recurrent_kind {
    int gates;
    int curves; /* of one direction */
    const char *curve[RECURRENT_CURVES];
    bool cell; /* two states, h and c, and peepholes */
    void (*step)(const struct recurrent_step *step);
};

/* An activation with its parameters. */
struct recurrent_curve {
    void (*rows)(const struct kern *k, float *y, float alpha, float beta, size_t n); /* in place */
    float alpha, beta;
};

struct recurrent_plan {
    const struct recurrent_kind *kind;
    int64_t steps, batch, inputs, hidden;
    int directions;
    bool reverse; /* the first direction; the second always is */
    bool batch_first;
    bool clips;
    float clip;
    bool coupled; /* LSTM: forgets what it does not take in */
    bool linear;  /* GRU: resets after the product */
    struct recurrent_curve curve[2][RECURRENT_CURVES];
};

/* All of a batch, one step on. Gates lie side by side, in ONNX's order. */
struct recurrent_step {
    const struct recurrent_plan *plan;
    const struct op_run *run;
    const struct recurrent_curve *curve;
    const float *weights; /* [gates * hidden, hidden] */
    const float *bias;    /* [gates * hidden] or NULL */
    const float *peep;    /* [3 * hidden] or NULL */
    const float *x;       /* [batch, gates * hidden], rows x_row apart: the projected input and its bias */
    int64_t x_row;
    const float *h, *c;     /* [batch, hidden] */
    float *next_h, *next_c; /* the same */
    float *sum;             /* [batch, gates * hidden] */
};

/* Checks inputs and attributes and sets the outputs; plan_bytes is sizeof(struct recurrent_plan). */
MUST_CHECK int recurrent_shape(struct op_io *io, const struct recurrent_kind *kind, struct error *err);
void recurrent_forward(const struct op_io *io, const struct op_run *run);
void recurrent_cost(const struct op_io *io, struct op_cost *cost);

/* sum of `count` gates from `gate` on = h weights^T + bias; h is [batch, hidden]. */
void recurrent_product(const struct recurrent_step *step, const float *h, int gate, int count);
/* y [hidden] = curve(clip(y)) */
void recurrent_activate(const struct recurrent_step *step, int curve, float *y);

/* ---- recurrent_curve.c ---- */
/* The attributes activations (names with a space between), activation_alpha and activation_beta. */
MUST_CHECK int recurrent_curves(struct recurrent_plan *plan, const struct op_io *io, struct error *err);

#endif
