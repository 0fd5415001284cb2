/* recurrent_curve.c - the activations that RNN, GRU and LSTM choose by name. */
#include <math.h>
#include <string.h>

#include "op/argument.h"
#include "op/recurrent.h"

static void relu(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    (void)alpha;
    (void)beta;
    k->relu_f32(y, y, n);
}

static void hyperbolic(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        y[i] = alpha * tanhf(beta * y[i]);
}

static void sigmoid(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    (void)alpha;
    (void)beta;
    k->sigmoid_f32(y, y, n);
}

static void affine(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    k->affine_f32(y, y, alpha, beta, NULL, n);
}

static void leaky_relu(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    (void)beta;
    k->leaky_relu_f32(y, y, alpha, n);
}

static void thresholded_relu(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    (void)k;
    (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] < alpha ? 0 : y[i];
}

static void hard_sigmoid(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    k->hard_sigmoid_f32(y, y, alpha, beta, n);
}

static void elu(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    (void)k;
    (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] < 0 ? alpha * expm1f(y[i]) : y[i];
}

static void softsign(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    (void)k;
    (void)alpha;
    (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] / (1 + fabsf(y[i]));
}

static void softplus(const struct kern *k, float *y, float alpha, float beta, size_t n)
{
    (void)k;
    (void)alpha;
    (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = fmaxf(y[i], 0) + log1pf(expf(-fabsf(y[i])));
}

/* What is not given is as in the operator of that name. */
static const struct row {
    const char *name;
    bool takes_alpha, takes_beta;
    struct recurrent_curve curve;
} rows[] = {
    { "Affine", true, true, { affine, 1, 0 } },
    { "Elu", true, false, { elu, 1, 0 } },
    { "HardSigmoid", true, true, { hard_sigmoid, 0.2F, 0.5F } },
    { "LeakyRelu", true, false, { leaky_relu, 0.01F, 0 } },
    { "Relu", false, false, { relu, 0, 0 } },
    { "ScaledTanh", true, true, { hyperbolic, 1, 1 } },
    { "Sigmoid", false, false, { sigmoid, 0, 0 } },
    { "Softplus", false, false, { softplus, 0, 0 } },
    { "Softsign", false, false, { softsign, 0, 0 } },
    { "Tanh", false, false, { hyperbolic, 1, 1 } },
    { "ThresholdedRelu", true, false, { thresholded_relu, 1, 0 } },
};

static const struct row *find(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0)
            return &rows[i];
    return NULL;
}

/* Numbers that only some activations take, in the order of those. */
struct numbers {
    float value[SHAPE_MAX_RANK];
    int count, used;
};

static void take(struct numbers *numbers, bool takes, float *to)
{
    if (takes && numbers->used < numbers->count)
        *to = numbers->value[numbers->used++];
}

/* The word at *text, which it passes. */
static const struct row *next_row(const char **text, struct error *err)
{
    const char *name = *text + strspn(*text, " ");
    size_t length = strcspn(name, " ");
    const struct row *row = find(name, length);

    *text = name + length;
    if (row == NULL && length > 0)
        error_set(err, ERROR_INPUT, "activation '%.*s' is not known here, expected one such as 'Tanh'",
                  (int)(length < 64 ? length : 64), name);
    return row;
}

int recurrent_curves(struct recurrent_plan *plan, const struct op_io *io, struct error *err)
{
    const struct recurrent_kind *kind = plan->kind;
    struct numbers alpha = { 0 }, beta = { 0 };
    const char *given, *at;

    if (attribute_text(io->attributes, "activations", "", &given, err) < 0 ||
        argument_reals(io, -1, "activation_alpha", alpha.value, &alpha.count, err) < 0 ||
        argument_reals(io, -1, "activation_beta", beta.value, &beta.count, err) < 0)
        return -1;
    at = given;
    for (int i = 0; i < plan->directions * kind->curves; i++) {
        struct recurrent_curve *curve = &plan->curve[i / kind->curves][i % kind->curves];
        const char *usual = kind->curve[i % kind->curves];
        const struct row *row;

        if (given[0] != '\0' && at[strspn(at, " ")] == '\0')
            return error_set(err, ERROR_INPUT, "activations has %d names, expected %d", i,
                             plan->directions * kind->curves);
        row = next_row(given[0] != '\0' ? &at : &usual, err);
        if (row == NULL)
            return -1;
        *curve = row->curve;
        take(&alpha, row->takes_alpha, &curve->alpha);
        take(&beta, row->takes_beta, &curve->beta);
    }
    if (at[strspn(at, " ")] != '\0')
        return error_set(err, ERROR_INPUT, "activations has more than the %d names of %d direction%s",
                         plan->directions * kind->curves, plan->directions, plan->directions == 1 ? "" : "s");
    return 0;
}
