/*
 * convolve_test.h - other ways to convolve against those of convolve.h: the same
 * results but for rounding, and the same bits for any number of threads. For tests alone.
 */
#ifndef OP_CONVOLVE_TEST_H
#define OP_CONVOLVE_TEST_H

#include <math.h>
#include <stdlib.h>

#include "kern/each_path.h"
#include "op/convolve.h"

struct layer {
    int64_t batch, groups, channels, filters, high, wide, kernel, stride, begin, end;
};

struct way {
    bool (*fits)(const struct convolve *c);
    size_t (*bytes)(const struct convolve *c);
    void (*forward)(const struct convolve *c, const struct op_run *run, const float *x, const float *w,
                    const float *bias, float *y, void *work);
    void (*input)(const struct convolve *c, const struct op_run *run, const float *dy, const float *w, float *dx,
                  bool add, void *work);
    void (*weight)(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                   void *work);
};

struct run {
    struct convolve c;
    struct op_run run;
    struct kern kern;
    float *x, *w, *bias, *dy, *work, *packed;
    int64_t in, out, weights;
};

static inline float *noise(int64_t n, uint32_t seed)
{
    float *data = malloc((size_t)n * sizeof *data);

    assert_non_null(data);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525U + 1013904223U;
        data[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return data;
}

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline void set_up(struct run *r, const struct way *way, const struct layer *l, const char *path, int threads)
{
    const int64_t size[2] = { l->high, l->wide };
    struct error err;
    size_t bytes;

    *r = (struct run){ .c = {
                           .batch = l->batch, .groups = l->groups, .channels = l->channels, .filters = l->filters } };
    assert_int_equal(kern_init(&r->kern, path, &err), 0);
    r->run.kern = &r->kern;
    r->run.pool = pool_new(threads, &err);
    assert_non_null(r->run.pool);
    r->c.workers = threads;
    for (int i = 0; i < 2; i++)
        r->c.win[i] = (struct window){ size[i],   (size[i] + l->begin + l->end - l->kernel) / l->stride + 1,
                                       l->kernel, l->stride,
                                       1,         l->begin,
                                       l->end };
    assert_int_equal(convolve_plan(&r->c, &err), 0);
    assert_true(way->fits(&r->c));
    r->in = l->batch * l->groups * l->channels * l->high * l->wide;
    r->out = l->batch * l->groups * l->filters * r->c.win[0].out * r->c.win[1].out;
    r->weights = convolve_weights(&r->c);
    r->x = noise(r->in, 1);
    r->w = noise(r->weights, 2);
    r->bias = noise(l->groups * l->filters, 3);
    r->dy = noise(r->out, 4);
    r->packed = noise(r->weights, 5);
    bytes = larger(way->bytes(&r->c), larger(convolve_forward_bytes(&r->c), convolve_input_bytes(&r->c)));
    bytes = larger(bytes, convolve_weight_bytes(&r->c));
    r->work = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(r->work);
}

static inline void tear_down(struct run *r)
{
    pool_free(r->run.pool);
    free(r->x);
    free(r->w);
    free(r->bias);
    free(r->dy);
    free(r->packed);
    free(r->work);
}

/* The three results one after the other; way NULL: convolve.h's. `add`: the input's gradient goes on top of ones. */
static inline float *results(struct run *r, const struct way *way, bool add)
{
    float *y = noise(r->out + r->in + r->weights, 6), *dx = y + r->out, *dw = dx + r->in;

    for (int64_t i = 0; i < r->in; i++)
        dx[i] = 1;
    if (way) {
        way->forward(&r->c, &r->run, r->x, r->w, r->bias, y, r->work);
        way->input(&r->c, &r->run, r->dy, r->w, dx, add, r->work);
        way->weight(&r->c, &r->run, r->x, r->dy, dw, r->work);
        return y;
    }
    convolve_pack(&r->c, &r->run, r->w, r->packed);
    convolve_forward(&r->c, &r->run, r->x, r->packed, r->bias, y, NULL, r->work);
    convolve_input_pack(&r->c, &r->run, r->w, r->packed, r->work);
    convolve_input(&r->c, &r->run, r->dy, r->packed, NULL, dx, add, r->work);
    convolve_weight(&r->c, &r->run, r->x, r->dy, dw, false, r->work);
    return y;
}

static inline void check_close(const float *a, const float *b, int64_t n, const char *what)
{
    double size = 0, worst = 0;

    for (int64_t i = 0; i < n; i++) {
        size += (double)b[i] * (double)b[i];
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    }
    size = sqrt(size / (double)n);
    if (!(worst <= 4e-5 * size))
        fail_msg("%s: off by %g where %g is usual", what, worst, size);
}

static inline void check_results(const struct way *way, const struct layer *layers, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        struct run r;
        set_up(&r, way, &layers[i], path, 1);
        for (int add = 0; add < 2; add++) {
            float *fast = results(&r, way, add), *direct = results(&r, NULL, add);
            check_close(fast, direct, r.out, "forward");
            check_close(fast + r.out, direct + r.out, r.in, "gradient of the input");
            check_close(fast + r.out + r.in, direct + r.out + r.in, r.weights, "gradient of the filters");
            free(fast);
            free(direct);
        }
        tear_down(&r);
    }
}

static inline void check_threads(const struct way *way, const struct layer *layers, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        struct run one, three;
        set_up(&one, way, &layers[i], path, 1);
        set_up(&three, way, &layers[i], path, 3);
        float *a = results(&one, way, false), *b = results(&three, way, false);
        assert_memory_equal(a, b, (size_t)(one.out + one.in + one.weights) * sizeof *a);
        free(a);
        free(b);
        tear_down(&one);
        tear_down(&three);
    }
}

#endif
