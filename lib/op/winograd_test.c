#include "op/winograd.h"

#include <math.h>
#include <stdlib.h>

#include "kern/each_path.h"
#include "op/planes.h"

struct layer {
    int64_t batch, channels, filters, high, wide, kernel, begin, end;
};

static const struct layer layers[] = {
    { 2, 12, 12, 16, 16, 3, 1, 1 }, /* whole images, the fewest channels */
    { 3, 17, 33, 9, 14, 3, 1, 1 },  /* nothing a multiple of anything */
    { 1, 20, 16, 40, 44, 3, 0, 2 }, /* rows of tiles of one image, borders on one side */
    { 17, 65, 70, 4, 4, 3, 1, 1 },  /* one tile an image, more than a slice of channels */
    { 2, 130, 12, 8, 8, 3, 2, 2 },  /* a border wider than the way back has */
    { 5, 20, 50, 12, 12, 5, 0, 0 }, /* five taps, no border */
    { 2, 13, 14, 15, 14, 5, 2, 2 },
};

struct run {
    struct convolve c;
    struct op_run run;
    struct kern kern;
    float *x, *w, *bias, *dy, *work, *packed;
    int64_t in, out, weights;
};

static float *noise(int64_t n, uint32_t seed)
{
    float *data = malloc((size_t)n * sizeof *data);

    assert_non_null(data);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525U + 1013904223U;
        data[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return data;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void set_up(struct run *r, const struct layer *l, const char *path, int threads)
{
    const int64_t size[2] = { l->high, l->wide };
    struct error err;
    size_t bytes;

    *r = (struct run){ .c = { .batch = l->batch, .groups = 1, .channels = l->channels, .filters = l->filters } };
    assert_int_equal(kern_init(&r->kern, path, &err), 0);
    r->run.kern = &r->kern;
    r->run.pool = pool_new(threads, &err);
    assert_non_null(r->run.pool);
    r->c.workers = threads;
    for (int i = 0; i < 2; i++)
        r->c.win[i] = (struct window){ size[i], size[i] + l->begin + l->end - l->kernel + 1, l->kernel, 1, 1, l->begin,
                                       l->end };
    assert_int_equal(convolve_plan(&r->c, &err), 0);
    assert_true(winograd_fits(&r->c));
    r->in = l->batch * l->channels * l->high * l->wide;
    r->out = l->batch * l->filters * r->c.win[0].out * r->c.win[1].out;
    r->weights = convolve_weights(&r->c);
    r->x = noise(r->in, 1);
    r->w = noise(r->weights, 2);
    r->bias = noise(l->filters, 3);
    r->dy = noise(r->out, 4);
    r->packed = noise(r->weights, 5);
    bytes = larger(winograd_bytes(&r->c), larger(convolve_forward_bytes(&r->c), convolve_input_bytes(&r->c)));
    bytes = larger(bytes, convolve_weight_bytes(&r->c));
    r->work = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(r->work);
}

static void tear_down(struct run *r)
{
    pool_free(r->run.pool);
    free(r->x);
    free(r->w);
    free(r->bias);
    free(r->dy);
    free(r->packed);
    free(r->work);
}

/* The three results one after the other. `add`: the input's gradient goes on top of ones. */
static float *results(struct run *r, bool winograd, bool add)
{
    float *y = noise(r->out + r->in + r->weights, 6), *dx = y + r->out, *dw = dx + r->in;

    for (int64_t i = 0; i < r->in; i++)
        dx[i] = 1;
    if (winograd) {
        winograd_forward(&r->c, &r->run, r->x, r->w, r->bias, y, r->work);
        winograd_input(&r->c, &r->run, r->dy, r->w, dx, add, r->work);
        winograd_weight(&r->c, &r->run, r->x, r->dy, dw, r->work);
        return y;
    }
    convolve_pack(&r->c, &r->run, r->w, r->packed);
    convolve_forward(&r->c, &r->run, r->x, r->packed, r->bias, y, NULL, r->work);
    convolve_input_pack(&r->c, &r->run, r->w, r->packed, r->work);
    convolve_input(&r->c, &r->run, r->dy, r->packed, NULL, dx, add, r->work);
    convolve_weight(&r->c, &r->run, r->x, r->dy, dw, false, r->work);
    return y;
}

static void check_close(const float *a, const float *b, int64_t n, const char *what)
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

static void results_are_those_of_the_definition(void **state)
{
    for (size_t i = 0; i < COUNT(layers); i++) {
        struct run r;
        set_up(&r, &layers[i], *state, 1);
        for (int add = 0; add < 2; add++) {
            float *fast = results(&r, true, add), *direct = results(&r, false, add);
            check_close(fast, direct, r.out, "forward");
            check_close(fast + r.out, direct + r.out, r.in, "gradient of the input");
            check_close(fast + r.out + r.in, direct + r.out + r.in, r.weights, "gradient of the filters");
            free(fast);
            free(direct);
        }
        tear_down(&r);
    }
}

static void bits_depend_on_no_thread(void **state)
{
    for (size_t i = 0; i < COUNT(layers); i++) {
        struct run one, three;
        set_up(&one, &layers[i], *state, 1);
        set_up(&three, &layers[i], *state, 3);
        float *a = results(&one, true, false), *b = results(&three, true, false);
        assert_memory_equal(a, b, (size_t)(one.out + one.in + one.weights) * sizeof *a);
        free(a);
        free(b);
        tear_down(&one);
        tear_down(&three);
    }
}

static void only_layers_that_gain_take_it(void **state)
{
    struct run r;

    set_up(&r, &layers[0], *state, 1);
    struct convolve few = r.c, grouped = r.c, strided = r.c, tiny = r.c;
    few.channels = 3;
    grouped.groups = 2;
    strided.win[1].stride = 2;
    tiny.win[0].out = tiny.win[1].out = 1;
    assert_false(winograd_fits(&few));
    assert_false(winograd_fits(&grouped));
    assert_false(winograd_fits(&strided));
    assert_false(winograd_fits(&tiny));
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_definition),
        cmocka_unit_test(bits_depend_on_no_thread),
        cmocka_unit_test(only_layers_that_gain_take_it),
    };

    return EACH_PATH_RUN(tests, NULL);
}
