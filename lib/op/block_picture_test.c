/* Pools, gathers, scales and the ways in and out of pictures in blocks, against their definitions. */
#include "base/pool.h"
#include "op/block_try.h"

enum { CASES = 300, THREADS = 3 };

/* Every case runs with one thread and with several, which change no bit; `one` is left for the caller to look at. */
static void run_both(struct trial *one, struct trial *many, struct pool *pool)
{
    *many = *one;
    many->attributes.item = many->item;
    many->outs[0] = &many->out;
    many->io.attributes = &many->attributes;
    many->io.in = many->in;
    many->io.out = many->outs;
    trial_run(one, NULL);
    trial_run(many, pool);
    assert_memory_equal(one->out.data, many->out.data, tensor_bytes(&one->out));
    trial_end(many);
}

static struct pool *threads(void)
{
    struct error err;
    struct pool *pool = pool_new(THREADS, &err);

    assert_non_null(pool);
    return pool;
}

/* ---- pools ---- */

struct pool_case {
    int64_t batch, channels, in[2], kernel[2], strides[2], dilations[2], pads[4], ceil_mode, count_padding;
    bool max;
};

static struct pool_case draw_pool(void)
{
    struct pool_case c = { .batch = between(1, 3), .channels = between(1, 3 * lanes() + 1) };

    for (int i = 0; i < 2; i++) {
        c.kernel[i] = between(1, 4);
        c.strides[i] = between(1, 3);
        c.dilations[i] = rng_below(&draws, 3) ? 1 : 2;
        int64_t reach = c.dilations[i] * (c.kernel[i] - 1) + 1;
        c.pads[i] = between(0, reach - 1);
        c.pads[i + 2] = between(0, reach - 1);
        c.in[i] = reach + between(0, 20);
    }
    c.ceil_mode = between(0, 1);
    c.count_padding = between(0, 1);
    c.max = rng_below(&draws, 2);
    return c;
}

/* Taps on the picture, and those with padding that a mean counts. */
static double naive_pool(const struct pool_case *c, const float *x, int64_t p, int64_t q)
{
    double most = -INFINITY, sum = 0;
    int64_t inside = 0, counted = 0;

    for (int64_t r = 0; r < c->kernel[0]; r++)
        for (int64_t s = 0; s < c->kernel[1]; s++) {
            int64_t i = p * c->strides[0] + r * c->dilations[0] - c->pads[0];
            int64_t j = q * c->strides[1] + s * c->dilations[1] - c->pads[1];
            counted += i < c->in[0] + c->pads[2] && j < c->in[1] + c->pads[3];
            if (i < 0 || i >= c->in[0] || j < 0 || j >= c->in[1])
                continue;
            inside++;
            sum += (double)x[i * c->in[1] + j];
            most = fmax(most, (double)x[i * c->in[1] + j]);
        }
    if (c->max)
        return most;
    counted = c->count_padding ? counted : inside;
    return counted ? sum / (double)counted : 0;
}

static void check_pool(const struct pool_case *c, struct pool *pool)
{
    struct picture x = picture_draw(shape_of(4, c->batch, c->channels, c->in[0], c->in[1]));
    struct picture blocks = picture_to_blocks(&x);
    struct trial t, many;

    trial_begin(&t, c->max ? &op_blocked_max_pool : &op_blocked_average_pool);
    trial_input(&t, &blocks.tensor);
    trial_ints(&t, "kernel_shape", c->kernel, 2);
    trial_ints(&t, "strides", c->strides, 2);
    trial_ints(&t, "dilations", c->dilations, 2);
    trial_ints(&t, "pads", c->pads, 4);
    trial_text(&t, "auto_pad", "NOTSET");
    trial_int(&t, "ceil_mode", c->ceil_mode);
    if (!c->max)
        trial_int(&t, "count_include_pad", c->count_padding);
    run_both(&t, &many, pool);
    int64_t wide = t.out.shape.dim[3], pixels = t.out.shape.dim[2] * wide;
    for (int64_t n = 0; n < c->batch * c->channels; n++)
        for (int64_t i = 0; i < pixels; i++) {
            double want = naive_pool(c, numbers(&x) + n * c->in[0] * c->in[1], i / wide, i % wide);
            double got = trial_at(&t, n / c->channels, n % c->channels, i);
            if (!(fabs(got - want) <= (c->max ? 0 : 2e-6)))
                fail_msg("%s, picture %d, pixel %d: %.9g, expected %.9g", t.op->name, (int)n, (int)i, got, want);
        }
    trial_end(&t);
    picture_free(&x);
    picture_free(&blocks);
}

static void pools_are_their_definition(void **state)
{
    struct pool *pool = threads();

    (void)state;
    for (int i = 0; i < CASES; i++) {
        const struct pool_case c = draw_pool();
        check_pool(&c, pool);
    }
    pool_free(pool);
}

/* Of planes and of blocks alike, so that a cut between them changes nothing. */
static void mean_of_a_channel_has_the_bits_of_its_plane(void **state)
{
    struct pool *pool = threads();

    (void)state;
    for (int i = 0; i < 60; i++) {
        struct picture x = picture_draw(
            shape_of(4, between(1, 3), between(1, 3 * lanes()), between(1, 15), between(1, 15)));
        struct picture blocks = picture_to_blocks(&x);
        struct trial plain, t, many;

        trial_begin(&plain, op_find("GlobalAveragePool"));
        trial_input(&plain, &x.tensor);
        trial_run(&plain, NULL);
        trial_begin(&t, &op_blocked_global_average_pool);
        trial_input(&t, &blocks.tensor);
        run_both(&t, &many, pool);
        for (int64_t n = 0; n < x.tensor.shape.dim[0]; n++)
            for (int64_t c = 0; c < x.tensor.shape.dim[1]; c++)
                assert_true(trial_at(&t, n, c, 0) ==
                            (double)((const float *)plain.out.data)[n * x.tensor.shape.dim[1] + c]);
        trial_end(&plain);
        trial_end(&t);
        picture_free(&x);
        picture_free(&blocks);
    }
    pool_free(pool);
}

/* ---- gather, scale ---- */

enum { SOURCES = 4, MOST_CHANNELS = 100 };

static void check_gather(struct pool *pool, bool in_order)
{
    struct picture plain[SOURCES], blocks[SOURCES];
    int64_t from[MOST_CHANNELS], source[MOST_CHANNELS], channel[MOST_CHANNELS], first[SOURCES + 1] = { 0 };
    int64_t batch = between(1, 3), high = between(1, 6), wide = between(1, 6), count = between(1, MOST_CHANNELS);
    int sources = (int)between(1, SOURCES);
    struct trial t, many;

    trial_begin(&t, &op_blocked_gather);
    for (int s = 0; s < sources; s++) {
        plain[s] = picture_draw(shape_of(4, batch, between(1, 3 * lanes()), high, wide));
        blocks[s] = picture_to_blocks(&plain[s]);
        first[s + 1] = first[s] + blocks[s].tensor.shape.dim[1] * lanes();
        trial_input(&t, &blocks[s].tensor);
    }
    for (int64_t c = 0; c < count; c++) {
        source[c] = in_order ? c / lanes() % sources : between(0, sources - 1);
        int64_t most = plain[source[c]].tensor.shape.dim[1];
        channel[c] = in_order ? c % block_least(lanes(), most) : between(0, most - 1);
        from[c] = first[source[c]] + channel[c];
    }
    trial_ints(&t, "from", from, (int)count);
    run_both(&t, &many, pool);
    for (int64_t n = 0; n < batch; n++)
        for (int64_t c = 0; c < count; c++)
            for (int64_t i = 0; i < high * wide; i++)
                assert_true(
                    trial_at(&t, n, c, i) ==
                    (double)numbers(
                        &plain[source[c]])[(n * plain[source[c]].tensor.shape.dim[1] + channel[c]) * high * wide + i]);
    trial_end(&t);
    for (int s = 0; s < sources; s++) {
        picture_free(&plain[s]);
        picture_free(&blocks[s]);
    }
}

static void gather_brings_each_channel_from_its_place(void **state)
{
    struct pool *pool = threads();

    (void)state;
    for (int i = 0; i < CASES / 2; i++)
        check_gather(pool, i % 3 == 0);
    pool_free(pool);
}

static void places_that_are_not_there_are_refused(void **state)
{
    static const int64_t bad[] = { -1, 64 };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct picture x = picture_draw(shape_of(5, (int64_t)1, 64 / lanes(), (int64_t)2, (int64_t)2, lanes()));
        struct trial t;

        trial_begin(&t, &op_blocked_gather);
        trial_input(&t, &x.tensor);
        trial_ints(&t, "from", &bad[i], 1);
        assert_int_equal(trial_shape(&t, NULL), -1);
        assert_int_equal(t.err.kind, ERROR_INTERNAL);
        trial_end(&t);
        picture_free(&x);
    }
}

static void scale_is_a_product_for_each_channel(void **state)
{
    struct pool *pool = threads();

    (void)state;
    for (int i = 0; i < 60; i++) {
        int64_t batch = between(1, 3), channels = between(1, 40), pixels = between(1, 30);
        struct picture x = picture_draw(shape_of(4, batch, channels, pixels, (int64_t)2)), x_blocks;
        struct picture s = picture_draw(shape_of(4, batch, channels, (int64_t)1, (int64_t)1)), s_blocks;
        struct trial t, many;

        x_blocks = picture_to_blocks(&x);
        s_blocks = picture_to_blocks(&s);
        trial_begin(&t, &op_blocked_scale);
        trial_input(&t, &x_blocks.tensor);
        trial_input(&t, &s_blocks.tensor);
        run_both(&t, &many, pool);
        for (int64_t k = 0; k < plain_count(&x); k++) {
            int64_t plane = k / (2 * pixels);
            float want = numbers(&x)[k] * numbers(&s)[plane];
            assert_true(trial_at(&t, plane / channels, plane % channels, k % (2 * pixels)) == (double)want);
        }
        trial_end(&t);
        picture_free(&x);
        picture_free(&s);
        picture_free(&x_blocks);
        picture_free(&s_blocks);
    }
    pool_free(pool);
}

/* ---- there and back ---- */

static void check_round_trip(enum dtype dtype, struct pool *pool)
{
    static const float scale = 0.5F;
    static const int32_t zero_point = 131;
    static const struct quant quant = { -1, 1, &scale, &zero_point };
    struct shape shape = shape_of(4, between(1, 3), between(1, 40), between(1, 9), between(1, 9));
    struct tensor x = { .dtype = dtype, .shape = shape, .quant = dtype == DTYPE_U8 ? &quant : NULL }, middle;
    struct guard guard;
    struct trial to, back, many;
    size_t bytes = tensor_bytes(&x);

    x.data = guard_new(&guard, bytes);
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)x.data)[i] = (unsigned char)rng_below(&draws, 256);
    trial_begin(&to, &op_to_blocks);
    trial_input(&to, &x);
    run_both(&to, &many, pool);
    middle = to.out;
    middle.quant = x.quant;
    for (int64_t n = 0; n < shape.dim[0]; n++)
        for (int64_t c = shape.dim[1]; c < to.out.shape.dim[1] * lanes(); c++) {
            int64_t at = block_place(&to.out.shape, n, c, 0);
            if (dtype == DTYPE_U8)
                assert_int_equal(((const uint8_t *)to.out.data)[at], zero_point);
            else
                assert_true(((const float *)to.out.data)[at] == 0);
        }
    trial_begin(&back, &op_from_blocks);
    trial_input(&back, &middle);
    trial_int(&back, "channels", shape.dim[1]);
    run_both(&back, &many, pool);
    assert_true(shape_equal(&back.out.shape, &shape));
    assert_int_equal(back.out.dtype, dtype);
    assert_memory_equal(back.out.data, x.data, bytes);
    trial_end(&to);
    trial_end(&back);
    guard_free(&guard);
}

static void there_and_back_is_the_same_bytes(void **state)
{
    struct pool *pool = threads();

    (void)state;
    for (int i = 0; i < CASES / 3; i++) {
        check_round_trip(DTYPE_F32, pool);
        check_round_trip(DTYPE_U8, pool);
    }
    pool_free(pool);
}

/* As lib/op/block.h says: [n, c / lanes, h, w, c % lanes]. */
static void channels_lie_where_the_layout_says(void **state)
{
    struct picture x = picture_draw(shape_of(4, (int64_t)2, 2 * lanes() + 3, (int64_t)3, (int64_t)5));
    struct trial t;

    (void)state;
    trial_begin(&t, &op_to_blocks);
    trial_input(&t, &x.tensor);
    trial_run(&t, NULL);
    assert_int_equal(t.out.shape.rank, 5);
    assert_int_equal(t.out.shape.dim[1], 3);
    for (int64_t k = 0; k < plain_count(&x); k++)
        assert_true(trial_at(&t, k / 15 / x.tensor.shape.dim[1], k / 15 % x.tensor.shape.dim[1], k % 15) ==
                    (double)numbers(&x)[k]);
    trial_end(&t);
    picture_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_are_their_definition),
        cmocka_unit_test(mean_of_a_channel_has_the_bits_of_its_plane),
        cmocka_unit_test(gather_brings_each_channel_from_its_place),
        cmocka_unit_test(places_that_are_not_there_are_refused),
        cmocka_unit_test(scale_is_a_product_for_each_channel),
        cmocka_unit_test(there_and_back_is_the_same_bytes),
        cmocka_unit_test(channels_lie_where_the_layout_says),
    };

    return EACH_PATH_RUN(tests, choose_path);
}
