#include "kern/internal.h"

static void conv_pack_f32(float *packed, size_t m, size_t channels, size_t taps, const float *w, size_t row,
                          size_t channel, const int32_t *tap)
{
    for (size_t i = 0; i < m; i++)
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < taps; t++)
                *packed++ = w[i * row + c * channel + (tap ? (size_t)tap[t] : t)];
}

static void conv_f32(size_t m, size_t n, size_t channels, size_t taps, const int32_t *tap, size_t plane,
                     const float *packed, const float *b, const float *bias, float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        float *restrict row = c + i * ldc;
        for (size_t j = 0; j < n; j++)
            row[j] = bias ? bias[i] : 0;
        for (size_t ch = 0; ch < channels; ch++) {
            for (size_t t = 0; t < taps; t++) {
                const float *restrict from = b + ch * plane + tap[t];
                const float weight = *packed++;
                for (size_t j = 0; j < n; j++)
                    row[j] += weight * from[j];
            }
        }
    }
}

static void conv_grad_f32(const struct kern_grad *g)
{
    for (size_t i = 0; i < g->m; i++)
        for (size_t ch = 0; ch < g->channels; ch++)
            for (size_t t = 0; t < g->taps; t++)
                for (size_t s = 0; s < g->segments; s++)
                    g->c[i * g->ldc + ch * g->taps + t] += kern_dot_f32(
                        g->a + s * g->step_a + i * g->lda, g->b + s * g->step_b + ch * g->plane + g->tap[t], g->n);
}

void kern_use_conv(struct kern *kern)
{
    kern->conv_pack_f32 = conv_pack_f32;
    kern->conv_f32 = conv_f32;
    kern->conv_grad_f32 = conv_grad_f32;
}
