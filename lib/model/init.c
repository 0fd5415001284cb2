/*
 * init.c - fresh weights.
 *
 * Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015;
 * Glorot, Bengio, "Understanding the difficulty of training deep feedforward
 * neural networks", AISTATS 2010 (Caffe's filler counts the fan in alone).
 */
#include "model/internal.h"

#include <math.h>

static void draw_normal(float *data, int64_t count, double deviation, struct rng *rng)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)(deviation * (double)rng_normal(rng));
}

static void draw_uniform(float *data, int64_t count, double bound, struct rng *rng)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)(bound * (2 * (double)rng_uniform(rng) - 1));
}

void init_draw(float *data, int64_t count, enum init init, int64_t fan_in, int64_t fan_out, uint64_t seed,
               const char *name)
{
    struct rng rng = rng_make(seed, rng_stream(name, 0, 0));
    const double in = fan_in > 0 ? (double)fan_in : 1, out = fan_out > 0 ? (double)fan_out : 1;

    switch (init) {
    case INIT_HE_OUT: draw_normal(data, count, sqrt(2 / out), &rng); break;
    case INIT_HE_IN: draw_uniform(data, count, sqrt(6 / in), &rng); break;
    case INIT_XAVIER: draw_uniform(data, count, sqrt(3 / in), &rng); break;
    case INIT_LINEAR: draw_uniform(data, count, 1 / sqrt(in), &rng); break;
    case INIT_SMALL: draw_normal(data, count, 0.01, &rng); break;
    }
}
