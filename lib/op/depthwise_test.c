#include "op/depthwise.h"

#include "op/convolve_test.h"

static const struct layer layers[] = {
    { 3, 16, 1, 1, 6, 6, 3, 1, 1, 1 },  /* as many channels as a pixel has */
    { 5, 37, 1, 1, 9, 14, 3, 1, 0, 2 }, /* a last pixel with few of them, borders on one side */
    { 2, 130, 1, 1, 8, 7, 3, 2, 1, 1 }, /* a stride that leaves a column out; one part of the batch */
    { 3, 24, 1, 1, 11, 13, 5, 1, 2, 2 }, { 2, 20, 1, 1, 12, 10, 5, 2, 2, 2 },
    { 2, 17, 1, 1, 7, 7, 3, 3, 3, 0 }, /* windows beside the picture */
};

static void input(const struct convolve *c, const struct op_run *run, const float *dy, const float *w, float *dx,
                  bool add, void *work)
{
    depthwise_backward(c, run, NULL, w, dy, dx, add, NULL, false, work);
}

static void weight(const struct convolve *c, const struct op_run *run, const float *x, const float *dy, float *dw,
                   void *work)
{
    depthwise_backward(c, run, x, NULL, dy, NULL, false, dw, false, work);
}

static const struct way way = { depthwise_fits, depthwise_bytes, depthwise_forward, input, weight };

static void results_are_those_of_the_definition(void **state)
{
    check_results(&way, layers, COUNT(layers), *state);
}

static void bits_depend_on_no_thread(void **state)
{
    check_threads(&way, layers, COUNT(layers), *state);
}

/* What an operator asks for at once is what it gives one by one. */
static void both_gradients_come_together(void **state)
{
    struct run r;

    set_up(&r, &way, &layers[1], *state, 1);
    float *apart = results(&r, &way, true), *together = results(&r, &way, true);
    for (int64_t i = 0; i < r.in; i++)
        together[r.out + i] = 1;
    for (int64_t i = 0; i < r.weights; i++)
        together[r.out + r.in + i] = 2;
    depthwise_backward(&r.c, &r.run, r.x, r.w, r.dy, together + r.out, true, together + r.out + r.in, true, r.work);
    assert_memory_equal(apart + r.out, together + r.out, (size_t)r.in * sizeof *apart);
    for (int64_t i = 0; i < r.weights; i++)
        together[r.out + r.in + i] -= 2;
    check_close(together + r.out + r.in, apart + r.out + r.in, r.weights, "added gradient of the filters");
    free(apart);
    free(together);
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_definition),
        cmocka_unit_test(bits_depend_on_no_thread),
        cmocka_unit_test(both_gradients_come_together),
    };

    return EACH_PATH_RUN(tests, NULL);
}
