/*
 * tiny.h - a network of a few nodes and a set by a formula, for this room's tests alone.
 * scripts/make-train-vectors has the same formula.
 */
#ifndef TRAIN_TINY_H
#define TRAIN_TINY_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/train.h"

enum { TINY_CLASSES = 3 };

struct tiny {
    struct model model;
    struct dataset set, val;
    struct error err;
    struct train_result result;
    int x; /* the value made last */
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

static inline int tiny_weight(struct tiny *t, const char *name, struct shape shape, float *data, bool trainable)
{
    return tiny_must(t, graph_add_weight(&t->model.graph, name, DTYPE_F32, &shape, data, trainable, &t->err));
}

/* w [out, in] and b [out] by seed and seed + 1; weights NAME.w and NAME.b. */
static inline void tiny_dense(struct tiny *t, const char *name, int64_t out, int64_t in, uint32_t seed)
{
    struct attribute item = { .name = "transB", .kind = ATTRIBUTE_INT, .i = 1 };
    const struct attributes attributes = { &item, 1 };
    struct arena *arena = &t->model.arena;
    int args[3] = { t->x };

    args[1] = tiny_weight(t, arena_printf(arena, "%s.w", name), shape_of(2, out, in),
                          tiny_numbers(t, out * in, seed, 0.8), true);
    args[2] = tiny_weight(t, arena_printf(arena, "%s.b", name), shape_of(1, out), tiny_numbers(t, out, seed + 1, 0.3),
                          true);
    t->x = tiny_must(t, graph_add_node(&t->model.graph, name, "Gemm", args, 3, 1, NULL, &attributes, &t->err));
}

static inline void tiny_unary(struct tiny *t, const char *name, const char *op)
{
    t->x = tiny_must(t, graph_add_node(&t->model.graph, name, op, &t->x, 1, 1, NULL, NULL, &t->err));
}

/* Weights NAME.scale, .shift, and statistics NAME.mean, .var. */
static inline void tiny_norm(struct tiny *t, const char *name, int64_t channels)
{
    static const char *const parts[] = { "scale", "shift", "mean", "var" };
    int args[5] = { t->x };

    for (int i = 0; i < 4; i++) {
        float *data = tiny_numbers(t, channels, 40 + (uint32_t)i, 0.1);

        for (int64_t c = 0; c < channels; c++)
            data[c] += i % 3 == 0 ? 1 : 0;
        args[i + 1] = tiny_weight(t, arena_printf(&t->model.arena, "%s.%s", name, parts[i]), shape_of(1, channels),
                                  data, i < 2);
    }
    t->x = tiny_must(t, graph_add_node(&t->model.graph, name, "BatchNormalization", args, 5, 1, NULL, NULL, &t->err));
}

/* Classes in the order 0 0 0 1 1 2, again and again. */
static inline void tiny_set(struct tiny *t, struct dataset *set, int64_t count, uint32_t seed)
{
    static const int32_t classes[6] = { 0, 0, 0, 1, 1, 2 };
    struct arena *arena = &t->model.arena;

    *set = (struct dataset){ .count = count, .elements = 3, .label_count = TINY_CLASSES, .shape = shape_of(1, 3L) };
    set->values = tiny_numbers(t, count * 3, seed, 1);
    set->label = arena_array(arena, (size_t)count, sizeof(*set->label));
    set->per_class = arena_array(arena, TINY_CLASSES, sizeof(*set->per_class));
    set->key = arena_array(arena, (size_t)count, sizeof(*set->key));
    set->digest = digest_of(set->values, (size_t)count * 3 * sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        set->label[i] = classes[i % 6];
        set->per_class[classes[i % 6]]++;
        set->key[i] = arena_printf(arena, "%d", (int)i);
    }
}

/* x [3] -> dense 4 -> (BatchNormalization) -> Relu -> dense 3; samples to learn and to be judged by. */
static inline void tiny_begin(struct tiny *t, bool norm, int64_t samples)
{
    static const char *const labels[TINY_CLASSES] = { "a", "b", "c" };
    const struct shape shape = shape_of(2, (int64_t)-1, 3L);

    *t = (struct tiny){ 0 };
    model_init(&t->model);
    t->model.softmax = true;
    tiny_must(t, model_set_labels(&t->model, labels, TINY_CLASSES, &t->err));
    t->x = tiny_must(t, graph_add_input(&t->model.graph, "x", DTYPE_F32, &shape, &t->err));
    tiny_dense(t, "first", 4, 3, 2);
    if (norm)
        tiny_norm(t, "norm", 4);
    tiny_unary(t, "relu", "Relu");
    tiny_dense(t, "second", 3, 4, 4);
    tiny_must(t, graph_add_output(&t->model.graph, t->x, &t->err));
    tiny_set(t, &t->set, samples, 1);
    tiny_set(t, &t->val, 12, 77);
}

static inline void tiny_end(struct tiny *t)
{
    model_free(&t->model);
}

static inline float *tiny_data(struct tiny *t, const char *name)
{
    int value = graph_find_value(&t->model.graph, name);

    if (value < 0)
        fail_msg("no value '%s'", name);
    return t->model.graph.value[value].tensor.data;
}

static inline void assert_same_weights(const struct tiny *a, const struct tiny *b)
{
    for (int i = 0; i < a->model.graph.value_count; i++) {
        const struct value *one = &a->model.graph.value[i], *other = &b->model.graph.value[i];

        if (one->kind == VALUE_WEIGHT && memcmp(one->tensor.data, other->tensor.data, tensor_bytes(&one->tensor)) != 0)
            fail_msg("weight '%s' differs", one->name);
    }
}

#endif
