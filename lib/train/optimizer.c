#include <math.h>

#include "train/train.h"

/* Momentum as in PyTorch: v = m v + g; w -= lr v. Decay is L2, added to the gradient. */
static void sgd(float *restrict w, const float *restrict g, float *const *state, size_t n, double lr, double momentum,
                double decay, uint64_t step)
{
    float *restrict v = state[0];
    const float rate = (float)lr, keep = step == 1 ? 0 : (float)momentum, shrink = (float)decay;

    for (size_t i = 0; i < n; i++) {
        v[i] = keep * v[i] + (g[i] + shrink * w[i]);
        w[i] -= rate * v[i];
    }
}

static void adam_step(float *restrict w, const float *restrict g, float *const *state, size_t n, double lr, double l2,
                      double decoupled, uint64_t step)
{
    const double first = 0.9, second = 0.999;
    const float b1 = (float)first, b2 = (float)second, a1 = (float)(1 - first), a2 = (float)(1 - second);
    const float rate = (float)(lr / (1 - pow(first, (double)step)));
    const float root = (float)(1 / sqrt(1 - pow(second, (double)step)));
    const float shrink = (float)l2, keep = (float)(1 - lr * decoupled);
    float *restrict m = state[0], *restrict v = state[1];

    for (size_t i = 0; i < n; i++) {
        float slope = g[i] + shrink * w[i];

        m[i] = b1 * m[i] + a1 * slope;
        v[i] = b2 * v[i] + a2 * slope * slope;
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(v[i]) * root + 1e-8f);
    }
}

static void adam(float *w, const float *g, float *const *state, size_t n, double lr, double momentum, double decay,
                 uint64_t step)
{
    (void)momentum;
    adam_step(w, g, state, n, lr, decay, 0, step);
}

static void adamw(float *w, const float *g, float *const *state, size_t n, double lr, double momentum, double decay,
                  uint64_t step)
{
    (void)momentum;
    adam_step(w, g, state, n, lr, 0, decay, step);
}

const struct optimizer optimizers[OPTIMIZER_COUNT] = {
    [OPTIMIZER_SGD] = { "sgd", 1, sgd },
    [OPTIMIZER_ADAM] = { "adam", 2, adam },
    [OPTIMIZER_ADAMW] = { "adamw", 2, adamw },
};

double schedule_factor(enum schedule_kind kind, double at)
{
    const double pi = 3.14159265358979323846;

    switch (kind) {
    case SCHEDULE_COSINE: return 0.5 * (1 + cos(pi * (at < 1 ? at : 1)));
    case SCHEDULE_STEP: /* a tenth at one half, a hundredth at three quarters (He et al. 2016) */
        return at < 0.5 ? 1 : at < 0.75 ? 0.1 : 0.01;
    default: return 1;
    }
}
