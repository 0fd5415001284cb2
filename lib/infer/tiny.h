/* tiny.h - a classifier of four pixels whose every number can be done by hand, for this room's tests alone. */
#ifndef INFER_TINY_H
#define INFER_TINY_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "infer/infer.h"
#include "package/package.h"

enum { TINY_CLASSES = 3 };

struct tiny {
    struct model model;
    struct error err;
};

static inline int tiny_must(struct tiny *t, int rc)
{
    if (rc < 0)
        fail_msg("%s", t->err.message);
    return rc;
}

/* Logits of four values. */
static inline void tiny_expect(const float values[4], double logits[TINY_CLASSES])
{
    static const double w[TINY_CLASSES][4] = { { 1, 0, 2, -1 }, { 0, 3, -0.5, 0 }, { -2, 0, 0, 1.5 } };
    static const double b[TINY_CLASSES] = { 0.25, -0.5, 1 };

    for (int c = 0; c < TINY_CLASSES; c++) {
        logits[c] = b[c];
        for (int i = 0; i < 4; i++)
            logits[c] += w[c][i] * fmax(values[i], 0);
    }
}

/* x [1, 2, 2] -> Relu -> Flatten -> dense of the numbers above. */
static inline void tiny_begin(struct tiny *t)
{
    static float w[TINY_CLASSES * 4] = { 1, 0, 2, -1, 0, 3, -0.5F, 0, -2, 0, 0, 1.5F };
    static float b[TINY_CLASSES] = { 0.25F, -0.5F, 1 };
    static const char *const labels[TINY_CLASSES] = { "good", "bridge", "void" };
    const struct shape image = shape_of(4, (int64_t)-1, 1L, 2L, 2L), matrix = shape_of(2, 3L, 4L);
    const struct shape row = shape_of(1, 3L);
    struct attribute turn = { .name = "transB", .kind = ATTRIBUTE_INT, .i = 1 };
    const struct attributes attributes = { &turn, 1 };
    struct graph *graph = &t->model.graph;
    int in[3];

    *t = (struct tiny){ 0 };
    model_init(&t->model);
    t->model.name = "tiny";
    t->model.task = "classify";
    t->model.softmax = true;
    t->model.has_preprocess = true;
    preprocess_init(&t->model.preprocess, 1, 2, 2);
    tiny_must(t, model_set_labels(&t->model, labels, TINY_CLASSES, &t->err));
    in[0] = tiny_must(t, graph_add_input(graph, "x", DTYPE_F32, &image, &t->err));
    in[0] = tiny_must(t, graph_add_node(graph, "relu", "Relu", in, 1, 1, NULL, NULL, &t->err));
    in[0] = tiny_must(t, graph_add_node(graph, "flat", "Flatten", in, 1, 1, NULL, NULL, &t->err));
    in[1] = tiny_must(t, graph_add_weight(graph, "fc.w", DTYPE_F32, &matrix, w, true, &t->err));
    in[2] = tiny_must(t, graph_add_weight(graph, "fc.b", DTYPE_F32, &row, b, true, &t->err));
    in[0] = tiny_must(t, graph_add_node(graph, "fc", "Gemm", in, 3, 1, NULL, &attributes, &t->err));
    tiny_must(t, graph_add_output(graph, in[0], &t->err));
}

static inline void tiny_end(struct tiny *t)
{
    model_free(&t->model);
}

/* An npy file of these values, [1, 2, 2]; text_free() it. */
static inline struct text tiny_npy(const float values[4])
{
    const struct tensor tensor = { .shape = shape_of(3, 1L, 2L, 2L), .data = (void *)(uintptr_t)values };
    struct text npy = { 0 };

    npy_write(&npy, &tensor);
    assert_non_null(npy.chars);
    return npy;
}

/* A gray PNG of four pixels; free() it. */
static inline uint8_t *tiny_png(const uint8_t pixels[4], size_t *count)
{
    struct image image = { .height = 2, .width = 2, .channels = 1, .pixels = (uint8_t *)(uintptr_t)pixels };
    uint8_t *png;

    assert_int_equal(image_encode_png(&image, &png, count, NULL), 0);
    return png;
}

static inline struct item tiny_item(const void *bytes, size_t count, const char *ext)
{
    return (struct item){ .key = "k", .bytes = bytes, .count = count, .ext = ext };
}

/* e^x over their sum, in doubles. */
static inline void tiny_softmax(const double logits[TINY_CLASSES], double probability[TINY_CLASSES])
{
    double sum = 0;

    for (int c = 0; c < TINY_CLASSES; c++)
        sum += exp(logits[c]);
    for (int c = 0; c < TINY_CLASSES; c++)
        probability[c] = exp(logits[c]) / sum;
}

#endif
