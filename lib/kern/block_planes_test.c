/* Depthwise convolutions, pools and gathers of pictures in blocks, against loops that take each number by itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kern/each_path.h"

enum { MOST_LANES = 16 };

static struct kern k; /* of the path under test */

static int start(void **state)
{
    return kern_init(&k, *state, NULL);
}

/* kernel, stride, dilation, padding before: down, across; input; padding after is what `out` needs. */
static const struct {
    size_t kernel[2], stride[2], dilation[2], begin[2], in[2], out[2];
} windows[] = {
    { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 7, 7 }, { 7, 7 } },
    { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 1, 1 } },
    { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 0, 2 }, { 9, 14 }, { 8, 16 } },
    { { 3, 3 }, { 2, 2 }, { 1, 1 }, { 1, 1 }, { 14, 21 }, { 7, 11 } },
    { { 3, 3 }, { 2, 2 }, { 1, 1 }, { 0, 0 }, { 9, 10 }, { 4, 5 } },
    { { 5, 5 }, { 1, 1 }, { 1, 1 }, { 2, 2 }, { 7, 13 }, { 7, 13 } },
    { { 5, 5 }, { 1, 1 }, { 1, 1 }, { 2, 2 }, { 2, 3 }, { 2, 3 } },
    { { 5, 5 }, { 2, 2 }, { 1, 1 }, { 2, 2 }, { 14, 9 }, { 7, 5 } },
    { { 5, 5 }, { 2, 2 }, { 1, 1 }, { 1, 1 }, { 14, 14 }, { 7, 7 } },
    { { 2, 2 }, { 2, 2 }, { 1, 1 }, { 0, 0 }, { 8, 9 }, { 4, 4 } },
    { { 3, 3 }, { 1, 1 }, { 2, 2 }, { 2, 2 }, { 8, 20 }, { 8, 20 } },
    { { 5, 7 }, { 1, 3 }, { 1, 1 }, { 2, 3 }, { 6, 21 }, { 6, 7 } },
    { { 1, 3 }, { 1, 1 }, { 1, 1 }, { 0, 1 }, { 5, 12 }, { 5, 12 } },
};

static struct kern_depth window_of(size_t i)
{
    struct kern_depth d = { .low = -INFINITY, .high = INFINITY };

    for (int a = 0; a < 2; a++) {
        d.in[a] = windows[i].in[a];
        d.out[a] = windows[i].out[a];
        d.kernel[a] = windows[i].kernel[a];
        d.stride[a] = windows[i].stride[a];
        d.dilation[a] = windows[i].dilation[a];
        d.begin[a] = windows[i].begin[a];
    }
    return d;
}

/* Each array of its own length, so that a sanitizer sees who goes beyond. */
static float *numbers(size_t n, unsigned seed)
{
    float *x = malloc((n ? n : 1) * sizeof(*x));

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 37 + seed * 11) % 101) / 64 - 0.75F;
    return x;
}

/* The pixel that tap (r, s) of output (p, q) reads; NULL: there is none. */
static const float *tap_at(const struct kern_depth *d, const float *x, size_t p, size_t q, size_t r, size_t s)
{
    size_t y = p * d->stride[0] + r * d->dilation[0], at = q * d->stride[1] + s * d->dilation[1];

    if (y < d->begin[0] || y >= d->in[0] + d->begin[0] || at < d->begin[1] || at >= d->in[1] + d->begin[1])
        return NULL;
    return x + ((y - d->begin[0]) * d->in[1] + at - d->begin[1]) * k.lanes;
}

static double sum_at(const struct kern_depth *d, const float *x, const float *w, size_t p, size_t q, size_t l)
{
    double sum = 0;

    for (size_t r = 0; r < d->kernel[0]; r++)
        for (size_t s = 0; s < d->kernel[1]; s++) {
            const float *from = tap_at(d, x, p, q, r, s);
            if (from != NULL)
                sum += (double)from[l] * (double)w[(r * d->kernel[1] + s) * k.lanes + l];
        }
    return sum;
}

static void depthwise_sums_are_those_of_plain_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(windows) * 2; i++) {
        struct kern_depth d = window_of(i / 2);
        bool more = i % 2 == 1;
        size_t floats = d.out[0] * d.out[1] * k.lanes;
        float *x = numbers(d.in[0] * d.in[1] * k.lanes, 1), *w = numbers(d.kernel[0] * d.kernel[1] * k.lanes, 2);
        float *bias = numbers(k.lanes, 3), *add = numbers(floats, 4), *y = numbers(floats, 5),
              *halves = numbers(floats, 6);

        d.low = more ? -0.5F : -INFINITY;
        d.high = more ? 0.75F : INFINITY;
        k.block_depthwise_f32(&d, 0, d.out[0], x, w, bias, more ? add : NULL, y);
        k.block_depthwise_f32(&d, 0, d.out[0] / 2, x, w, bias, more ? add : NULL, halves);
        k.block_depthwise_f32(&d, d.out[0] / 2, d.out[0], x, w, bias, more ? add : NULL, halves);
        for (size_t e = 0; e < floats; e++) {
            size_t l = e % k.lanes, q = e / k.lanes % d.out[1], p = e / k.lanes / d.out[1];
            double want = (double)bias[l] + sum_at(&d, x, w, p, q, l) + (more ? (double)add[e] : 0);
            want = fmin(fmax(want, (double)d.low), (double)d.high);
            if (fabs((double)y[e] - want) > 1e-5)
                fail_msg("window %zu, row %zu, pixel %zu, lane %zu: %g, expected %g", i / 2, p, q, l, (double)y[e],
                         want);
        }
        assert_memory_equal(y, halves, floats * sizeof(*y)); /* however rows are cut, the bits are the same */
        free(x), free(w), free(bias), free(add), free(y), free(halves);
    }
}

static void largest_of_windows_are_exact_and_nan_wins(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(windows); i++) {
        struct kern_depth d = window_of(i);
        size_t pixels = d.in[0] * d.in[1] * k.lanes, floats = d.out[0] * d.out[1] * k.lanes;
        float *x = numbers(pixels, 1), *y = numbers(floats, 2);

        x[pixels / 2] = NAN;
        x[pixels / 3] = -INFINITY;
        k.block_max_f32(&d, 0, d.out[0], x, y);
        for (size_t e = 0; e < floats; e++) {
            float want = -INFINITY;
            for (size_t t = 0; t < d.kernel[0] * d.kernel[1]; t++) {
                const float *from = tap_at(&d, x, e / k.lanes / d.out[1], e / k.lanes % d.out[1], t / d.kernel[1],
                                           t % d.kernel[1]);
                if (from != NULL && (from[e % k.lanes] > want || isnan(from[e % k.lanes])))
                    want = isnan(want) ? want : from[e % k.lanes];
            }
            if (isnan(want) ? !isnan(y[e]) : y[e] != want)
                fail_msg("window %zu, element %zu: %g, expected %g", i, e, (double)y[e], (double)want);
        }
        free(x), free(y);
    }
}

/* Lane l is of source l % sources, lane 3l; one lane is nobody's. */
static void gathered_lanes_are_those_asked_for(void **state)
{
    enum { PIXELS = 5, MOST_SOURCES = 7 };

    (void)state;
    for (size_t sources = 1; sources <= MOST_SOURCES; sources++) {
        const float *x[MOST_SOURCES];
        float *own[MOST_SOURCES], *y = numbers(PIXELS * k.lanes, 9);
        int32_t lane[MOST_SOURCES * MOST_LANES];

        for (size_t s = 0; s < sources; s++) {
            x[s] = own[s] = numbers(PIXELS * k.lanes, (unsigned)s);
            for (size_t l = 0; l < k.lanes; l++)
                lane[s * k.lanes + l] = l % sources == s && l != 5 ? (int32_t)(l * 3 % k.lanes) : -1;
        }
        k.block_gather_f32(y, PIXELS, sources, x, lane);
        for (size_t e = 0; e < PIXELS * k.lanes; e++) {
            size_t l = e % k.lanes;
            float want = l == 5 ? 0 : x[l % sources][e / k.lanes * k.lanes + l * 3 % k.lanes];
            assert_true(y[e] == want);
        }
        for (size_t s = 0; s < sources; s++)
            free(own[s]);
        free(y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depthwise_sums_are_those_of_plain_loops),
        cmocka_unit_test(largest_of_windows_are_exact_and_nan_wins),
        cmocka_unit_test(gathered_lanes_are_those_asked_for),
    };

    return EACH_PATH_RUN(tests, start);
}
