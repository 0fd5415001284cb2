#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/exec.h"
#include "quant/internal.h"

enum { BINS = 2048 };

struct calibration {
    const struct model *model;
    const struct dataset *set;
    const struct quant_options *options;
    struct exec *exec;
    struct range *range;
    int64_t *bins; /* [value_count, BINS] between low and high; second pass */
};

static bool is_real(const struct value *value)
{
    return value->kind != VALUE_WEIGHT && value->tensor.dtype == DTYPE_F32;
}

static const struct tensor *value_tensor(const struct calibration *c, int value)
{
    const struct graph *graph = &c->model->graph;

    for (int i = 0; i < graph->input_count; i++)
        if (graph->input[i] == value)
            return exec_input(c->exec, i);
    return exec_value(c->exec, graph->value[value].name);
}

static int observe(struct calibration *c, int value, const struct tensor *tensor, struct error *err)
{
    const float *data = tensor->data;
    const int64_t count = shape_count(&tensor->shape);
    struct range *range = &c->range[value];

    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(data[i]))
            return error_set(err, ERROR_INPUT, "value '%s' is not finite during calibration",
                             c->model->graph.value[value].name);
        range->low = data[i] < range->low ? data[i] : range->low;
        range->high = data[i] > range->high ? data[i] : range->high;
    }
    range->seen = true;
    return 0;
}

static void count_bins(struct calibration *c, int value, const struct tensor *tensor)
{
    const float *data = tensor->data;
    const int64_t count = shape_count(&tensor->shape);
    const struct range *range = &c->range[value];
    const double step = ((double)range->high - range->low) / BINS;
    int64_t *bins = c->bins + (int64_t)value * BINS;

    for (int64_t i = 0; i < count && step > 0; i++) {
        int bin = (int)(((double)data[i] - range->low) / step);

        bins[bin < BINS ? bin : BINS - 1]++;
    }
}

int64_t calibration_samples(const struct dataset *set, const struct quant_options *options)
{
    return options->samples > 0 && options->samples < set->count ? options->samples : set->count;
}

/* One pass over the calibration samples: ranges first, then histograms within them. */
static int pass(struct calibration *c, const struct job *job, struct error *err)
{
    const struct graph *graph = &c->model->graph;
    const int64_t samples = calibration_samples(c->set, c->options);

    for (int64_t i = 0; i < samples; i++) {
        uint32_t index = (uint32_t)(i * c->set->count / samples);
        struct tensor *in = exec_input(c->exec, 0);

        dataset_batch(c->set, &index, 1, NULL, 0, 0, in->data, NULL, NULL);
        exec_forward(c->exec);
        for (int v = 0; v < graph->value_count; v++) {
            const struct tensor *tensor = is_real(&graph->value[v]) ? value_tensor(c, v) : NULL;

            if (tensor == NULL || tensor->data == NULL)
                continue;
            if (c->bins != NULL)
                count_bins(c, v, tensor);
            else if (observe(c, v, tensor, err) < 0)
                return -1;
        }
        job_step(job, c->bins ? "calibrate, histograms" : "calibrate, ranges", (uint64_t)i + 1, (uint64_t)samples);
    }
    return 0;
}

/* Drops a ten-thousandth of the values at each end. */
static void clip_percentile(struct range *range, const int64_t *bins)
{
    const double low = range->low, step = (range->high - low) / BINS;
    int64_t all = 0, tail, sum;
    int first = 0, last = BINS - 1;

    for (int i = 0; i < BINS; i++)
        all += bins[i];
    tail = all / 10000;
    for (sum = bins[first]; sum <= tail && first < last; sum += bins[++first])
        continue;
    for (sum = bins[last]; sum <= tail && last > first; sum += bins[--last])
        continue;
    range->high = (float)(low + step * (last + 1));
    range->low = (float)(low + step * first);
}

/* Squared error of quantizing the histogram to 8 bits between low and high. */
static double squared_error(const struct range *whole, const int64_t *bins, const struct range *tried)
{
    const double step = ((double)whole->high - whole->low) / BINS;
    double sum = 0;
    float scale;
    int32_t zero;

    range_to_quant(tried, &scale, &zero);
    for (int i = 0; i < BINS; i++) {
        double x, q;

        if (bins[i] == 0)
            continue;
        x = whole->low + step * (i + 0.5);
        q = nearbyint(x / scale) + zero;
        q = q < 0 ? 0 : q > 255 ? 255 : q;
        q = (q - zero) * scale - x;
        sum += q * q * (double)bins[i];
    }
    return sum;
}

/* The whole range shrunk by the share that gives the least error. */
static void clip_mse(struct range *range, const int64_t *bins)
{
    const struct range whole = *range;
    double best = squared_error(&whole, bins, &whole);

    for (int percent = 98; percent >= 30; percent -= 2) {
        struct range tried = whole;
        double error;

        tried.low *= (float)percent / 100;
        tried.high *= (float)percent / 100;
        error = squared_error(&whole, bins, &tried);
        if (error < best) {
            best = error;
            *range = tried;
        }
    }
}

static void clip(struct calibration *c)
{
    for (int v = 0; v < c->model->graph.value_count; v++) {
        struct range *range = &c->range[v];
        const int64_t *bins = c->bins + (int64_t)v * BINS;

        if (!range->seen || range->high <= range->low)
            continue;
        if (c->options->observer == OBSERVE_PERCENTILE)
            clip_percentile(range, bins);
        else
            clip_mse(range, bins);
        range->low = range->low < 0 ? range->low : 0;
        range->high = range->high > 0 ? range->high : 0;
    }
}

int calibrate(const struct model *model, const struct dataset *set, const struct quant_options *options,
              const struct job *job, struct range *range, struct error *err)
{
    struct calibration c = { .model = model, .set = set, .options = options, .range = range };
    int rc;

    if (model->graph.input_count != 1)
        return error_set(err, ERROR_INPUT, "calibration needs one input, the graph has %d", model->graph.input_count);
    if (set->count == 0)
        return error_set(err, ERROR_INPUT, "no samples to calibrate with");
    if (dataset_fits(set, &model->graph.value[model->graph.input[0]].tensor, err) < 0)
        return -1;
    c.exec = exec_new(&model->graph, 1, EXEC_TRACE, job, err);
    if (c.exec == NULL)
        return -1;
    rc = pass(&c, job, err);
    if (rc == 0 && options->observer != OBSERVE_MINMAX) {
        c.bins = calloc((size_t)model->graph.value_count * BINS, sizeof(*c.bins));
        rc = c.bins ? pass(&c, job, err) : error_memory(err);
        if (rc == 0)
            clip(&c);
        free(c.bins);
    }
    exec_free(c.exec);
    return rc;
}

void range_to_quant(const struct range *range, float *scale, int32_t *zero_point)
{
    const double step = ((double)range->high - range->low) / 255; /* the width alone may be more than a float holds */

    *scale = step >= (double)FLT_MIN ? (float)step : 1;
    *zero_point = (int32_t)nearbyint(-(double)range->low / *scale);
}
