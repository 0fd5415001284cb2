/*
 * winograd_cases.h - the transforms of Winograd's convolution against their
 * matrices, which the test makes out of the points: row i of the way in is the
 * polynomial that is zero at all points but point i, column i of the way out its
 * powers. `kern` is under test, as in block_cases.h. For tests alone.
 */
#ifndef KERN_WINOGRAD_CASES_H
#define KERN_WINOGRAD_CASES_H

#include "kern/block_cases.h"

/* Finite points of F(m x m, 3 x 3); the last one is infinity. */
static const double points_two[] = { 0, 1, -1 };
static const double points_four[] = { 0, 0.70710678118654752440, -0.70710678118654752440, 1.41421356237309504880,
                                      -1.41421356237309504880 };

static const double *points_of(size_t m)
{
    return m == 4 ? points_four : points_two;
}

/* Coefficients of the product of (x - p) over the finite points but `without`, lowest first. */
static void polynomial(size_t m, size_t without, double coefficient[6])
{
    size_t degree = 0;

    memset(coefficient, 0, 6 * sizeof *coefficient);
    coefficient[0] = 1;
    for (size_t i = 0; i < m + 1; i++) {
        if (i == without)
            continue;
        for (size_t k = ++degree; k > 0; k--)
            coefficient[k] = coefficient[k - 1] - points_of(m)[i] * coefficient[k];
        coefficient[0] *= -points_of(m)[i];
    }
}

/* way[from][to]: `n` numbers into `to` ones. */
static void matrix_in(size_t m, double way[6][6])
{
    for (size_t i = 0; i < m + 2; i++) {
        double row[6];
        polynomial(m, i, row);
        for (size_t k = 0; k < m + 2; k++)
            way[k][i] = row[k];
    }
}

static void matrix_out(size_t m, double way[6][6])
{
    for (size_t i = 0; i < m + 2; i++)
        for (size_t k = 0; k < m; k++)
            way[i][k] = i == m + 1 ? k == m - 1 : pow(points_of(m)[i], (double)k);
}

/* to = way' from way: n x n numbers into k x k. */
static void both_ways(double way[6][6], size_t n, size_t k, double from[6][6], double to[6][6])
{
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            to[i][j] = 0;
            for (size_t a = 0; a < n; a++)
                for (size_t b = 0; b < n; b++)
                    to[i][j] += way[a][i] * way[b][j] * from[a][b];
        }
}

static void expect_near(float got, double want, const char *what)
{
    if (!(fabs((double)got - want) <= 1e-4))
        fail_msg("%s: %.9g, expected %.9g", what, (double)got, want);
}

/* A row of tiles: the picture, the numbers on their way, and gaps between them that nobody may fill. */
struct tiles_call {
    struct kern_winograd g;
    size_t count, picture, numbers;
    bool bias, add;
};

static struct tiles_call draw_tiles(size_t m, size_t count, size_t side)
{
    struct tiles_call call = { .g = { .m = m, .low = -INFINITY, .high = INFINITY }, .count = count };
    size_t n = m + 2, lanes = kern.lanes;

    call.g.row = ((count - 1) * m + side + below(3)) * lanes;
    call.g.tile = (1 + below(2)) * lanes;
    call.g.number = count * call.g.tile + below(2) * lanes;
    call.picture = (side - 1) * call.g.row + ((count - 1) * m + side) * lanes;
    call.numbers = (n * n - 1) * call.g.number + (count - 1) * call.g.tile + lanes;
    call.bias = below(2);
    call.add = below(2);
    if (below(2))
        call.g.low = -2;
    if (below(2))
        call.g.high = 3;
    return call;
}

static void check_in(const struct tiles_call *call)
{
    size_t n = call->g.m + 2, lanes = kern.lanes;
    struct guard guard[2];
    float *x = whole_floats(&guard[0], call->picture), *v = guard_floats(&guard[1], call->numbers);
    double way[6][6], d[6][6], want[6][6];

    matrix_in(call->g.m, way);
    kern.winograd_in_f32(&call->g, call->count, x, v);
    for (size_t t = 0; t < call->count; t++)
        for (size_t l = 0; l < lanes; l++) {
            for (size_t i = 0; i < n * n; i++)
                d[i / n][i % n] = (double)x[i / n * call->g.row + (t * call->g.m + i % n) * lanes + l];
            both_ways(way, n, n, d, want);
            for (size_t i = 0; i < n * n; i++) {
                float *got = &v[i * call->g.number + t * call->g.tile + l];
                expect_near(*got, want[i / n][i % n], "a number on its way in");
                memset(got, GUARD_FILL, sizeof *got);
            }
        }
    for (size_t i = 0; i < call->numbers * sizeof *v; i++)
        assert_int_equal(((unsigned char *)v)[i], GUARD_FILL);
    guard_free(&guard[0]);
    guard_free(&guard[1]);
}

static void check_out(const struct tiles_call *call)
{
    size_t m = call->g.m, n = m + 2, lanes = kern.lanes;
    struct guard guard[4];
    float *v = whole_floats(&guard[0], call->numbers), *bias = whole_floats(&guard[1], lanes);
    float *add = whole_floats(&guard[2], call->picture), *y = guard_floats(&guard[3], call->picture);
    double way[6][6], d[6][6], want[6][6];

    matrix_out(m, way);
    kern.winograd_out_f32(&call->g, call->count, v, call->bias ? bias : NULL, call->add ? add : NULL, y);
    for (size_t t = 0; t < call->count; t++)
        for (size_t l = 0; l < lanes; l++) {
            for (size_t i = 0; i < n * n; i++)
                d[i / n][i % n] = (double)v[i * call->g.number + t * call->g.tile + l];
            both_ways(way, n, m, d, want);
            for (size_t i = 0; i < m * m; i++) {
                size_t at = i / m * call->g.row + (t * m + i % m) * lanes + l;
                double sum = want[i / m][i % m] + (call->bias ? (double)bias[l] : 0) +
                             (call->add ? (double)add[at] : 0);
                expect_near(y[at], (double)clamped(sum, call->g.low, call->g.high), "a pixel on its way out");
                memset(&y[at], GUARD_FILL, sizeof *y);
            }
        }
    for (size_t i = 0; i < call->picture * sizeof *y; i++)
        assert_int_equal(((unsigned char *)y)[i], GUARD_FILL);
    for (size_t i = 0; i < COUNT(guard); i++)
        guard_free(&guard[i]);
}

static void tiles_in_are_their_matrices(void **state)
{
    (void)state;
    draw_afresh(10);
    for (size_t m = 2; m <= 4; m += 2)
        for (size_t count = 1; count <= 12; count++) {
            const struct tiles_call call = draw_tiles(m, count, m + 2);
            check_in(&call);
        }
}

static void tiles_out_are_their_matrices(void **state)
{
    (void)state;
    draw_afresh(11);
    for (size_t m = 2; m <= 4; m += 2)
        for (size_t count = 1; count <= 12; count++) {
            const struct tiles_call call = draw_tiles(m, count, m);
            check_out(&call);
        }
}

#define WINOGRAD_CASES cmocka_unit_test(tiles_in_are_their_matrices), cmocka_unit_test(tiles_out_are_their_matrices)

#endif
