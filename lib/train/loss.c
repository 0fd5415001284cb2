#include <math.h>

#include "train/train.h"

/* Row maximum and log of the sum of exponentials above it. */
static double log_sum_exp(const float *x, int n, int *best)
{
    double sum = 0;

    *best = 0;
    for (int i = 1; i < n; i++)
        if (x[i] > x[*best])
            *best = i;
    for (int i = 0; i < n; i++)
        sum += exp((double)x[i] - x[*best]);
    return x[*best] + log(sum);
}

double softmax_cross_entropy(const float *logits, const int32_t *label, int n, int classes, const float *weight,
                             double smoothing, float *grad, int64_t *right)
{
    double total = 0, weights = 0, all = 0;

    for (int i = 0; i < n; i++)
        weights += weight ? weight[label[i]] : 1;
    for (int c = 0; c < classes; c++)
        all += weight ? weight[c] : 1;
    for (int i = 0; i < n; i++) {
        const float *x = logits + (int64_t)i * classes;
        float *g = grad + (int64_t)i * classes;
        const double part = 1 / (weights > 0 ? weights : 1);
        const double own = (1 - smoothing) * (weight ? weight[label[i]] : 1), whole = own + smoothing * all / classes;
        int best;
        double norm = log_sum_exp(x, classes, &best);

        for (int c = 0; c < classes; c++) {
            double target = smoothing / classes * (weight ? weight[c] : 1) + (c == label[i] ? own : 0);

            total += part * target * (norm - x[c]);
            g[c] = (float)(part * (whole * exp(x[c] - norm) - target));
        }
        *right += best == label[i];
    }
    return total;
}

void class_weights_make(enum class_weights kind, const int64_t *per_class, int classes, float *weight)
{
    double sum = 0;
    int seen = 0;

    for (int i = 0; i < classes; i++) {
        double count = (double)per_class[i];

        weight[i] = 1;
        if (kind == CLASS_WEIGHTS_NONE || count <= 0)
            continue;
        weight[i] = (float)(kind == CLASS_WEIGHTS_SQRT ? 1 / sqrt(count) : 1 / count);
        sum += weight[i];
        seen++;
    }
    if (kind == CLASS_WEIGHTS_NONE || seen == 0)
        return;
    for (int i = 0; i < classes; i++)
        if (per_class[i] > 0)
            weight[i] = (float)(weight[i] * seen / sum);
}
