/*
 * tiny.h - networks of a few nodes and samples by a formula, for this room's tests alone.
 * scripts/make-quant-vectors has the same formula.
 */
#ifndef QUANT_TINY_H
#define QUANT_TINY_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/exec.h"
#include "quant/internal.h"

struct tiny {
    struct model model;
    struct dataset set;
    struct error err;
    struct quant_report report;
    int64_t channels, side; /* of the input */
    int x;                  /* the value made last */
};

static inline int tiny_must(struct tiny *t, int rc)
{
    if (rc < 0)
        fail_msg("%s", t->err.message);
    return rc;
}

/* Exact in 32 bits, between -scale and scale. */
static inline float *tiny_numbers(struct tiny *t, int64_t count, uint32_t seed, double scale)
{
    float *data = arena_array(&t->model.arena, (size_t)count, sizeof(float));

    assert_non_null(data);
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)i * 2654435761U + seed * 2246822519U;

        data[i] = (float)(((int)((bits >> 16) % 2001) - 1000) / 1024.0 * scale);
    }
    return data;
}

static inline void tiny_begin(struct tiny *t, int64_t channels, int64_t side)
{
    struct shape shape = shape_of(4, (int64_t)-1, channels, side, side);

    *t = (struct tiny){ .channels = channels, .side = side };
    model_init(&t->model);
    t->x = tiny_must(t, graph_add_input(&t->model.graph, "x", DTYPE_F32, &shape, &t->err));
}

/* Calibration: count samples, one after the other. */
static inline void tiny_samples(struct tiny *t, float *values, int64_t count)
{
    t->set.count = count;
    t->set.values = values;
    t->set.elements = t->channels * t->side * t->side;
    t->set.shape = shape_of(3, t->channels, t->side, t->side);
}

static inline void tiny_end(struct tiny *t)
{
    model_free(&t->model);
}

static inline int tiny_weight(struct tiny *t, const char *name, struct shape shape, float *data)
{
    return tiny_must(t, graph_add_weight(&t->model.graph, name, DTYPE_F32, &shape, data, true, &t->err));
}

/* On the value made last; w and b: values, -1 for none. */
static inline int tiny_node(struct tiny *t, const char *name, const char *op, int w, int b, struct attribute *items,
                            int count)
{
    const struct attributes attributes = { items, count };
    const int in[3] = { t->x, w, b };

    t->x = tiny_must(t, graph_add_node(&t->model.graph, name, op, in,
                                       b >= 0   ? 3
                                       : w >= 0 ? 2
                                                : 1,
                                       1, NULL, &attributes, &t->err));
    return t->x;
}

/* Filters [out, in / group, kernel, kernel], zeros around so that the side stays. Weights NAME.w and NAME.b. */
static inline int tiny_conv(struct tiny *t, const char *name, struct shape filters, float *w, float *b, int64_t group)
{
    int64_t pad = filters.dim[2] / 2, pads[4] = { pad, pad, pad, pad };
    struct attribute items[] = { { .name = "pads", .kind = ATTRIBUTE_INTS, .ints = pads, .count = 4 },
                                 { .name = "group", .kind = ATTRIBUTE_INT, .i = group } };
    int weight = tiny_weight(t, arena_printf(&t->model.arena, "%s.w", name), filters, w), bias = -1;

    if (b != NULL)
        bias = tiny_weight(t, arena_printf(&t->model.arena, "%s.b", name), shape_of(1, filters.dim[0]), b);
    return tiny_node(t, name, "Conv", weight, bias, items, 2);
}

/* w [out, in] */
static inline int tiny_gemm(struct tiny *t, const char *name, int64_t out, int64_t in, float *w, float *b)
{
    struct attribute item = { .name = "transB", .kind = ATTRIBUTE_INT, .i = 1 };
    int weight = tiny_weight(t, arena_printf(&t->model.arena, "%s.w", name), shape_of(2, out, in), w), bias = -1;

    if (b != NULL)
        bias = tiny_weight(t, arena_printf(&t->model.arena, "%s.b", name), shape_of(1, out), b);
    return tiny_node(t, name, "Gemm", weight, bias, &item, 1);
}

static inline void tiny_output(struct tiny *t)
{
    tiny_must(t, graph_add_output(&t->model.graph, t->x, &t->err));
}

static inline int tiny_try(struct tiny *t, struct quant_options options)
{
    return quantize_model(&t->model, options.weights_only ? NULL : &t->set, &options, NULL, &t->report, &t->err);
}

static inline void tiny_quantize(struct tiny *t, struct quant_options options)
{
    tiny_must(t, tiny_try(t, options));
}

static inline const struct tensor *tiny_tensor(const struct tiny *t, const char *name)
{
    int value = graph_find_value(&t->model.graph, name);

    if (value < 0)
        fail_msg("no value '%s'", name);
    return &t->model.graph.value[value].tensor;
}

/* Run on one sample, by a model that may be quantized; exec_free() it. */
static inline struct exec *tiny_run(struct tiny *t, const float *sample, enum exec_mode mode, const struct job *job)
{
    struct exec *exec = exec_new(&t->model.graph, 1, mode, job, &t->err);
    const struct tensor *in = exec ? exec_input(exec, 0) : NULL;

    if (exec == NULL)
        fail_msg("%s", t->err.message);
    for (int64_t i = 0; i < t->channels * t->side * t->side; i++) {
        if (in->dtype == DTYPE_F32) {
            ((float *)in->data)[i] = sample[i];
        } else {
            double q = rint((double)sample[i] / in->quant->scale[0]) + in->quant->zero_point[0];

            ((uint8_t *)in->data)[i] = (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
        }
    }
    exec_forward(exec);
    return exec;
}

#endif
