#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "kern/each_path.h"

/* Lengths around each vector width, and one that fills many. */
static const size_t lengths[] = { 0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 200 };

enum { LONGEST = 200, GUARD = 8 };

static float values[LONGEST], others[LONGEST];
static struct kern k; /* of the path under test */

static int start(void **state)
{
    for (size_t i = 0; i < LONGEST; i++) {
        values[i] = (float)(i * 37 % 201) / 8 - 12.5F;
        others[i] = (float)(i * 53 % 199) / 16 + 0.25F;
    }
    return kern_init(&k, *state, NULL);
}

/* Every row of a table under one signature: y of x and z. */
enum row {
    RELU,
    LEAKY_RELU,
    CLIP,
    HARD_SWISH,
    HARD_SIGMOID,
    EXP,
    SIGMOID,
    SWISH,
    RELU_GRAD,
    CLIP_GRAD,
    HARD_SWISH_GRAD,
    SIGMOID_GRAD,
    ADD,
    SUB,
    MUL,
    DIV,
    ADD_ONE,
    SUB_ONE,
    MUL_ONE,
    DIV_ONE,
    ROWS,
};

static void call(const struct kern *kern, int row, float *y, const float *x, const float *z, size_t n)
{
    switch (row) {
    case RELU: kern->relu_f32(y, x, n); break;
    case LEAKY_RELU: kern->leaky_relu_f32(y, x, 0.1F, n); break;
    case CLIP: kern->clip_f32(y, x, -2, 3, n); break;
    case HARD_SWISH: kern->hard_swish_f32(y, x, n); break;
    case HARD_SIGMOID: kern->hard_sigmoid_f32(y, x, 0.2F, 0.5F, n); break;
    case EXP: kern->exp_f32(y, x, n); break;
    case SIGMOID: kern->sigmoid_f32(y, x, n); break;
    case SWISH: kern->swish_f32(y, x, 1, n); break;
    case RELU_GRAD: kern->relu_grad_f32(y, x, z, n); break;
    case CLIP_GRAD: kern->clip_grad_f32(y, x, z, -2, 3, n); break;
    case HARD_SWISH_GRAD: kern->hard_swish_grad_f32(y, x, z, n); break;
    case SIGMOID_GRAD: kern->sigmoid_grad_f32(y, x, z, n); break;
    case ADD: kern->add_f32(y, x, 1, z, 1, n); break;
    case SUB: kern->sub_f32(y, x, 1, z, 1, n); break;
    case MUL: kern->mul_f32(y, x, 1, z, 1, n); break;
    case DIV: kern->div_f32(y, x, 1, z, 1, n); break;
    case ADD_ONE: kern->add_f32(y, x, 1, others + 5, 0, n); break;
    case SUB_ONE: kern->sub_f32(y, others + 5, 0, x, 1, n); break;
    case MUL_ONE: kern->mul_f32(y, others + 5, 0, x, 1, n); break;
    case DIV_ONE: kern->div_f32(y, x, 1, others + 5, 0, n); break;
    default: break;
    }
}

static void fast_rows_agree_with_the_portable_ones(void **state)
{
    struct kern portable;

    (void)state;
    assert_int_equal(kern_init(&portable, "portable", NULL), 0);
    for (int row = 0; row < ROWS; row++) {
        for (size_t l = 0; l < COUNT(lengths); l++) {
            float want[LONGEST + GUARD], got[LONGEST + GUARD];

            for (size_t i = 0; i < LONGEST + GUARD; i++)
                want[i] = got[i] = -77;
            call(&portable, row, want, values, others, lengths[l]);
            call(&k, row, got, values, others, lengths[l]);
            for (size_t i = 0; i < LONGEST; i++)
                assert_true(fabsf(want[i] - got[i]) <= 4 * FLT_EPSILON * fmaxf(fabsf(want[i]), 4));
            for (size_t i = lengths[l]; i < LONGEST + GUARD; i++)
                assert_true(got[i] == -77 && want[i] == -77);
        }
    }
}

static void an_element_does_not_depend_on_its_place(void **state)
{
    (void)state;
    for (int row = 0; row < ROWS; row++) {
        float row_of_all[LONGEST], alone, in_place[LONGEST];

        call(&k, row, row_of_all, values, others, LONGEST);
        memcpy(in_place, values, sizeof(values));
        call(&k, row, in_place, in_place, others, LONGEST);
        assert_memory_equal(in_place, row_of_all, sizeof(in_place));
        for (size_t i = 0; i < LONGEST; i++) {
            call(&k, row, &alone, values + i, others + i, 1);
            assert_memory_equal(&alone, &row_of_all[i], sizeof(alone));
        }
    }
}

static void exp_is_right_over_the_whole_range(void **state)
{
    (void)state;
    for (int i = -104000; i <= 89000; i += 7) {
        float x = (float)i / 1000, y;
        double want = exp((double)x);

        k.exp_f32(&y, &x, 1);
        if (want > (double)FLT_MAX)
            assert_true(isinf(y));
        else
            assert_true(fabs((double)y - want) <= 1.5e-7 * want + 2e-45);
    }
}

/* What is below 2^-120 may be 0. */
static void swish_is_right_over_the_whole_range(void **state)
{
    (void)state;
    for (int i = -200000; i <= 200000; i += 7) {
        float x = (float)i / 1000, y;
        double want = (double)x / (1 + exp(-(double)x));

        k.swish_f32(&y, &x, 1, 1);
        assert_true(fabs((double)y - want) <= 6e-7 * fabs(want) + ldexp(1, -120));
    }
}

static void special_values_pass_as_in_ieee(void **state)
{
    static const struct {
        int row;
        float x, y;
    } cases[] = {
        { EXP, -INFINITY, 0 },
        { EXP, INFINITY, INFINITY },
        { EXP, 0, 1 },
        { SIGMOID, -INFINITY, 0 },
        { SIGMOID, INFINITY, 1 },
        { SIGMOID, 0, 0.5F },
        { SWISH, INFINITY, INFINITY },
        { SWISH, -3e38F, 0 },
        { SWISH, 3e38F, 3e38F },
        { SWISH, 0, 0 },
        { HARD_SWISH, 3e38F, 3e38F },
        { HARD_SWISH, -3e38F, 0 },
        { HARD_SWISH, NAN, NAN },
        { SWISH, NAN, NAN },
        { RELU, NAN, NAN },
        { EXP, NAN, NAN },
        { SIGMOID, NAN, NAN },
        { CLIP, NAN, NAN },
        { RELU, INFINITY, INFINITY },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        float x[9], y[9];

        for (size_t j = 0; j < COUNT(x); j++)
            x[j] = cases[i].x;
        call(&k, cases[i].row, y, x, others, COUNT(x));
        for (size_t j = 0; j < COUNT(y); j++)
            assert_true(isnan(cases[i].y) ? isnan(y[j]) : y[j] == cases[i].y);
    }
}

static void sums_agree_with_plain_ones(void **state)
{
    (void)state;
    for (size_t l = 0; l < COUNT(lengths); l++) {
        double sum = 0, dot = 0;

        for (size_t i = 0; i < lengths[l]; i++) {
            sum += (double)values[i];
            dot += (double)values[i] * (double)others[i];
        }
        assert_true(fabs(k.sum_f32(values, lengths[l]) - sum) < 1e-9);
        assert_true(fabs(k.dot_f32(values, others, lengths[l]) - dot) < 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_rows_agree_with_the_portable_ones),
        cmocka_unit_test(an_element_does_not_depend_on_its_place),
        cmocka_unit_test(exp_is_right_over_the_whole_range),
        cmocka_unit_test(swish_is_right_over_the_whole_range),
        cmocka_unit_test(special_values_pass_as_in_ieee),
        cmocka_unit_test(sums_agree_with_plain_ones),
    };

    return EACH_PATH_RUN(tests, start);
}
