/* BlockedConv against a convolution in double, as it is written; sizes, strides, borders and groups are drawn. */
#include "base/pool.h"
#include "op/block_try.h"

enum { CASES = 320, MOST_MACS = 1200000, THREADS = 3 };

/*
 * Of the largest error, in parts of sqrt n, which a sum of n products of normal numbers comes to. A direct one is a chain
 * of n roundings. Its sums grow as sqrt k and each is off by u / sqrt 6 of itself in the mean square, u = 2^-24, so that
 * all come to a deviation of u n / sqrt 12, or 1.7e-8 n; step_bound, for each product, is twelve of those: the largest of
 * ten million chains is six off, and those whose sums went far out twice that. What follows the chain rounds numbers of
 * up to five deviations four times at most. Winograd's chains are a ninth as long; there the transforms count.
 */
static const double direct_bound = 1e-6, step_bound = 2e-7, two_bound = 5e-6, four_bound = 2e-5;

struct conv_case {
    int64_t batch, groups, channels, filters; /* of a group */
    int64_t in[2], kernel[2], strides[2], dilations[2], pads[4];
    const char *auto_pad; /* or NULL: pads */
    bool planes, bias, add;
    enum op_way way;
    enum activation activation;
};

/* All of a case's numbers; y is what one thread made, in blocks. */
struct conv_data {
    struct picture x, blocks, w, bias, add, add_blocks;
};

static int64_t around_lanes(int64_t most)
{
    int64_t n = between(1, most) * lanes() + between(-1, 1);

    return rng_below(&draws, 4) == 0 ? between(1, lanes()) : n;
}

static int64_t reach_of(const struct conv_case *c, int axis)
{
    return c->dilations[axis] * (c->kernel[axis] - 1) + 1;
}

static void draw_window(struct conv_case *c)
{
    static const int64_t kernels[] = { 1, 2, 3, 3, 5, 7 };
    static const char *const pads[] = { "SAME_UPPER", "SAME_LOWER", "VALID", NULL, NULL, NULL, NULL, NULL };

    c->auto_pad = pads[rng_below(&draws, COUNT(pads))];
    for (int i = 0; i < 2; i++) {
        c->kernel[i] = i == 1 && rng_below(&draws, 4) > 0 ? c->kernel[0] : kernels[rng_below(&draws, COUNT(kernels))];
        c->strides[i] = rng_below(&draws, 2) ? 1 : between(1, 3);
        c->dilations[i] = rng_below(&draws, 3) ? 1 : 2;
        c->pads[i] = between(0, 3);
        c->pads[i + 2] = between(0, 3);
        c->in[i] = rng_below(&draws, 3) ? between(1, 16) : between(1, 70);
        if (c->in[i] < reach_of(c, i))
            c->in[i] = reach_of(c, i) + between(0, 3);
    }
}

static void draw_channels(struct conv_case *c)
{
    c->batch = between(1, 3);
    c->groups = 1;
    c->channels = around_lanes(5);
    c->filters = around_lanes(5);
    switch (rng_below(&draws, 5)) {
    case 0:
        c->groups = around_lanes(3);
        c->channels = c->filters = 1;
        break;
    case 1:
        c->groups = between(2, 3);
        c->channels = between(1, 2) * lanes();
        c->filters = between(1, 2) * lanes();
        break;
    case 2: c->channels = between(1, 7); break;
    default: break;
    }
    c->planes = c->groups == 1 && c->channels < 8 && rng_below(&draws, 3) > 0;
}

/* 3 x 3 as Winograd's products want it. */
static void draw_winograd(struct conv_case *c)
{
    for (int i = 0; i < 2; i++) {
        c->kernel[i] = 3;
        c->strides[i] = c->dilations[i] = 1;
        c->in[i] = between(7, 30);
    }
    c->groups = 1;
    c->planes = false;
    c->channels = between(2, 4) * lanes() + between(0, 1);
    c->channels = c->channels < 16 ? 16 : c->channels;
    c->filters = between(2, 6) * lanes() + between(-1, 1);
    c->filters = c->filters < 16 ? 16 : c->filters;
}

static double macs(const struct conv_case *c)
{
    return (double)(c->batch * c->groups * c->channels * c->filters * c->kernel[0] * c->kernel[1]) *
           (double)(c->in[0] * c->in[1]) / (double)(c->strides[0] * c->strides[1]);
}

static struct conv_case draw_case(bool winograd)
{
    struct conv_case c = { 0 };

    do {
        draw_window(&c);
        draw_channels(&c);
        if (winograd)
            draw_winograd(&c);
    } while (macs(&c) > (winograd ? 2 : 1) * MOST_MACS);
    c.bias = rng_below(&draws, 3) > 0;
    c.add = rng_below(&draws, 3) == 0;
    c.activation = (enum activation)rng_below(&draws, ACTIVATION_HARD_SIGMOID + 1);
    return c;
}

/* ---- the definition ---- */

static double activate(const struct epilogue *e, double x)
{
    switch (e->activation) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: return x < 0 ? 0 : x;
    case ACTIVATION_CLIP: return fmin(fmax(x, (double)e->low), (double)e->high);
    case ACTIVATION_LEAKY_RELU: return x < 0 ? (double)e->alpha * x : x;
    case ACTIVATION_HARD_SWISH: return x * fmin(fmax(x + 3, 0), 6) / 6;
    case ACTIVATION_SWISH: return x / (1 + exp(-(double)e->alpha * x));
    case ACTIVATION_SIGMOID: return 1 / (1 + exp(-x));
    case ACTIVATION_HARD_SIGMOID: return fmin(fmax((double)e->alpha * x + (double)e->beta, 0), 1);
    }
    return x;
}

/* One number of the output before bias and the rest. k is a filter of all groups. */
static double naive(const struct conv_case *c, const struct conv_data *d, const struct window win[2], int64_t n,
                    int64_t k, int64_t p, int64_t q)
{
    int64_t group = k / c->filters, all = c->groups * c->channels;
    const float *w = numbers(&d->w) + k * c->channels * c->kernel[0] * c->kernel[1];
    double sum = 0;

    for (int64_t i = 0; i < c->channels; i++)
        for (int64_t r = 0; r < c->kernel[0]; r++)
            for (int64_t s = 0; s < c->kernel[1]; s++, w++) {
                int64_t y = p * c->strides[0] + r * c->dilations[0] - win[0].begin;
                int64_t x = q * c->strides[1] + s * c->dilations[1] - win[1].begin;
                if (y >= 0 && y < c->in[0] && x >= 0 && x < c->in[1])
                    sum += (double)*w *
                           (double)numbers(&d->x)[((n * all + group * c->channels + i) * c->in[0] + y) * c->in[1] + x];
            }
    return sum;
}

/* ---- a case ---- */

static void attach(struct trial *t, const struct conv_case *c, const struct conv_data *d)
{
    trial_begin(t, &op_blocked_conv);
    t->io.way = c->way;
    trial_input(t, c->planes ? &d->x.tensor : &d->blocks.tensor);
    trial_input(t, &d->w.tensor);
    if (c->bias)
        trial_input(t, &d->bias.tensor);
    trial_ints(t, "strides", c->strides, 2);
    trial_ints(t, "dilations", c->dilations, 2);
    trial_int(t, "group", c->groups);
    if (c->auto_pad)
        trial_text(t, "auto_pad", c->auto_pad);
    else
        trial_ints(t, "pads", c->pads, 4);
    t->epilogue = (struct epilogue){ c->add ? &d->add_blocks.tensor : NULL, c->activation, -0.5F, 1.25F, 0.1F, 0.4F };
}

/* Fusion sets the epilogue after shape() and asks again, for its shape is the output's. */
static void shape_output(const struct conv_case *c, const struct conv_data *d, struct shape *plain,
                         struct window win[2])
{
    struct trial t;

    attach(&t, c, d);
    if (trial_shape(&t, NULL) < 0 || window_read(win, &t.io, &d->x.tensor.shape, &d->w.tensor.shape, &t.err) < 0)
        fail_msg("%s", t.err.message);
    *plain = shape_of(4, c->batch, c->groups * c->filters, t.out.shape.dim[2], t.out.shape.dim[3]);
    assert_int_equal(t.out.shape.dim[1], block_up(plain->dim[1], lanes()));
    trial_end(&t);
}

static struct conv_data draw_data(const struct conv_case *c, struct window win[2])
{
    struct conv_data d = { .x = picture_draw(shape_of(4, c->batch, c->groups * c->channels, c->in[0], c->in[1])) };
    struct shape plain;

    d.blocks = picture_to_blocks(&d.x);
    d.w = picture_draw(shape_of(4, c->groups * c->filters, c->channels, c->kernel[0], c->kernel[1]));
    d.bias = picture_draw(shape_of(1, c->groups * c->filters));
    shape_output(c, &d, &plain, win);
    d.add = picture_draw(plain);
    d.add_blocks = picture_to_blocks(&d.add);
    return d;
}

static void free_data(struct conv_data *d)
{
    picture_free(&d->x);
    picture_free(&d->blocks);
    picture_free(&d->w);
    picture_free(&d->bias);
    picture_free(&d->add);
    picture_free(&d->add_blocks);
}

static void run_case(struct trial *t, const struct conv_case *c, const struct conv_data *d, struct pool *pool)
{
    attach(t, c, d);
    if (c->add || c->activation != ACTIVATION_NONE)
        t->io.epilogue = &t->epilogue;
    /* The output must have its shape before epilogue_check() looks at it. */
    t->out.dtype = DTYPE_F32;
    t->out.shape = d->add_blocks.tensor.shape;
    trial_run(t, pool);
}

static double bound_of(const char *kernel, double depth)
{
    if (strcmp(kernel, "winograd 4x4") == 0)
        return four_bound * sqrt(depth);
    return strcmp(kernel, "winograd 2x2") == 0 ? two_bound * sqrt(depth)
                                               : direct_bound * sqrt(depth) + step_bound * depth;
}

static void describe(const struct conv_case *c, const char *kernel, char *text, size_t size)
{
    snprintf(text, size,
             "%s, batch %d, %d groups of %d to %d, %d x %d, kernel %d x %d, strides %d %d, dilations %d %d, pads %d %d "
             "%d %d (%s), activation %d%s%s",
             kernel, (int)c->batch, (int)c->groups, (int)c->channels, (int)c->filters, (int)c->in[0], (int)c->in[1],
             (int)c->kernel[0], (int)c->kernel[1], (int)c->strides[0], (int)c->strides[1], (int)c->dilations[0],
             (int)c->dilations[1], (int)c->pads[0], (int)c->pads[1], (int)c->pads[2], (int)c->pads[3],
             c->auto_pad ? c->auto_pad : "as said", c->activation, c->bias ? ", bias" : "", c->add ? ", add" : "");
}

static void expect_close(const struct trial *t, const struct conv_case *c, const struct conv_data *d,
                         const struct window win[2])
{
    const char *kernel = op_blocked_conv.kernel(&t->io);
    const struct shape *y = &d->add.tensor.shape;
    double depth = (double)(c->channels * c->kernel[0] * c->kernel[1]) + 2;
    double allowed = bound_of(kernel, depth);
    char text[256];

    describe(c, kernel, text, sizeof(text));
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t k = 0; k < y->dim[1]; k++)
            for (int64_t i = 0; i < y->dim[2] * y->dim[3]; i++) {
                double sum = naive(c, d, win, n, k, i / y->dim[3], i % y->dim[3]), got = trial_at(t, n, k, i);
                sum += c->bias ? (double)numbers(&d->bias)[k] : 0;
                sum += c->add ? (double)numbers(&d->add)[(n * y->dim[1] + k) * y->dim[2] * y->dim[3] + i] : 0;
                double want = activate(&t->epilogue, sum);
                /* Hard swish multiplies by its own slope. */
                if (!(fabs(got - want) <= allowed * (c->activation >= ACTIVATION_HARD_SWISH ? 1 + fabs(want) : 1)))
                    fail_msg("%s: [%d, %d, pixel %d] is %.9g, expected %.9g", text, (int)n, (int)k, (int)i, got, want);
            }
}

static void expect_same_bytes(const struct conv_case *c, const struct trial *a, const struct trial *b, const char *what)
{
    char text[256];

    describe(c, op_blocked_conv.kernel(&a->io), text, sizeof(text));
    assert_int_equal(tensor_bytes(&a->out), tensor_bytes(&b->out));
    if (memcmp(a->out.data, b->out.data, tensor_bytes(&a->out)) != 0)
        fail_msg("%s: %s", text, what);
}

static const char *const kernel_names[] = { "planes", "depthwise", "1x1", "direct", "winograd 4x4", "winograd 2x2" };

static void check_case(const struct conv_case *c, struct pool *pool, int *used)
{
    struct window win[2];
    struct conv_data d = draw_data(c, win);
    struct trial one, many, laid;

    run_case(&one, c, &d, NULL);
    expect_close(&one, c, &d, win);
    run_case(&many, c, &d, pool);
    expect_same_bytes(c, &one, &many, "threads changed a bit");
    if (c->planes) {
        struct conv_case blocks = *c;
        blocks.planes = false;
        run_case(&laid, &blocks, &d, NULL);
        if (op_blocked_conv.kernel(&laid.io)[0] != 'w')
            expect_same_bytes(c, &one, &laid, "planes and blocks give other bits");
        trial_end(&laid);
    }
    for (size_t i = 0; i < COUNT(kernel_names); i++)
        used[i] += strcmp(kernel_names[i], op_blocked_conv.kernel(&one.io)) == 0;
    trial_end(&one);
    trial_end(&many);
    free_data(&d);
}

static void any_convolution_is_its_definition(void **state)
{
    struct error err;
    struct pool *pool = pool_new(THREADS, &err);
    int used[COUNT(kernel_names)] = { 0 };

    (void)state;
    assert_non_null(pool);
    for (int i = 0; i < CASES; i++) {
        struct conv_case c = draw_case(i % 4 == 3);
        c.way = (enum op_way)(i / 4 % OP_WAYS);
        check_case(&c, pool, used);
    }
    for (size_t i = 0; i < COUNT(used); i++)
        assert_in_range(used[i], 10, CASES);
    pool_free(pool);
}

/* Large enough to be cut in bands, and for many channels that all threads share a run of tiles; what follows is the same. */
static void large_convolutions_are_their_definition(void **state)
{
    static const struct {
        int64_t batch, groups, channels, filters, side, kernel, stride;
        bool planes;
        const char *name;
    } cases[] = {
        { 1, 1, 200, 16, 38, 3, 1, false, "winograd 4x4" }, { 2, 1, 200, 40, 13, 3, 1, false, "winograd 4x4" },
        { 3, 1, 421, 17, 8, 3, 1, false, "winograd 2x2" },  { 1, 1, 65, 24, 60, 1, 1, false, "1x1" },
        { 2, 1, 40, 33, 30, 3, 2, false, "direct" },        { 1, 1, 3, 40, 90, 7, 2, true, "planes" },
        { 1, 70, 1, 1, 61, 5, 1, false, "depthwise" },      { 1, 2, 64, 64, 21, 3, 1, false, "direct" },
    };
    struct error err;
    struct pool *pool = pool_new(THREADS, &err);

    (void)state;
    assert_non_null(pool);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int64_t side = cases[i].side, kernel = cases[i].kernel, stride = cases[i].stride, pad = kernel / 2;
        const struct conv_case c = { .batch = cases[i].batch,
                                     .groups = cases[i].groups,
                                     .channels = cases[i].channels,
                                     .filters = cases[i].filters,
                                     .in = { side, side + 1 },
                                     .kernel = { kernel, kernel },
                                     .strides = { stride, stride },
                                     .dilations = { 1, 1 },
                                     .pads = { pad, pad, pad, pad },
                                     .planes = cases[i].planes,
                                     .bias = true,
                                     .activation = ACTIVATION_LEAKY_RELU };
        int used[COUNT(kernel_names)] = { 0 };

        check_case(&c, pool, used);
        for (size_t k = 0; k < COUNT(kernel_names); k++)
            assert_int_equal(used[k], strcmp(kernel_names[k], cases[i].name) == 0);
    }
    pool_free(pool);
}

/* Shapes alone: nothing of that size is there. */
static void images_beyond_32_bits_are_refused(void **state)
{
    static const struct {
        int64_t x[3], w[4], groups; /* [C, H, W]; [K, C, R, S] */
        bool planes;
    } cases[] = {
        { { 512, 2048, 2049 }, { 8, 512, 1, 1 }, 1, false },
        { { 512, 2047, 2047 }, { 8, 512, 1, 1 }, 1, false },
        { { 512, 4, 1 << 20 }, { 8, 512, 3, 3 }, 1, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int64_t *d = cases[i].x, *w = cases[i].w;
        struct tensor x = { .dtype = DTYPE_F32, .shape = shape_of(4, (int64_t)1, d[0], d[1], d[2]) }, filters = x;
        struct trial t;

        if (!cases[i].planes)
            x.shape = shape_of(5, (int64_t)1, block_up(d[0], lanes()), d[1], d[2], lanes());
        filters.shape = shape_of(4, w[0], w[1], w[2], w[3]);
        trial_begin(&t, &op_blocked_conv);
        trial_input(&t, &x);
        trial_input(&t, &filters);
        trial_int(&t, "group", cases[i].groups);
        assert_int_equal(trial_shape(&t, NULL), i == 1 ? 0 : -1);
        if (i != 1) {
            assert_int_equal(t.err.kind, ERROR_LIMIT);
            assert_non_null(strstr(t.err.message, "numbers with its borders, the limit is 2147483647"));
        }
        trial_end(&t);
    }
}

/* Where it does not fit, the operator chooses as if nobody had asked. */
static void a_way_is_taken_where_it_fits(void **state)
{
    static const struct {
        int64_t side, kernel, stride, channels;
        enum op_way way;
        const char *kernel_name;
    } cases[] = {
        { 20, 3, 1, 32, OP_WAY_ANY, "winograd 4x4" },        { 20, 3, 1, 32, OP_WAY_DIRECT, "direct" },
        { 20, 3, 1, 32, OP_WAY_WINOGRAD_2, "winograd 2x2" }, { 8, 3, 1, 32, OP_WAY_ANY, "winograd 2x2" },
        { 8, 3, 1, 32, OP_WAY_WINOGRAD_4, "winograd 4x4" },  { 8, 3, 1, 32, OP_WAY_DEPTHWISE, "winograd 2x2" },
        { 20, 3, 2, 32, OP_WAY_WINOGRAD_4, "direct" },       { 20, 3, 1, 8, OP_WAY_WINOGRAD_2, "direct" },
        { 20, 5, 1, 32, OP_WAY_WINOGRAD_4, "direct" },       { 20, 1, 1, 32, OP_WAY_WINOGRAD_2, "1x1" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int64_t pad = cases[i].kernel / 2;
        const struct conv_case c = { .batch = 1,
                                     .groups = 1,
                                     .channels = cases[i].channels,
                                     .filters = 32,
                                     .in = { cases[i].side, cases[i].side },
                                     .kernel = { cases[i].kernel, cases[i].kernel },
                                     .strides = { cases[i].stride, cases[i].stride },
                                     .dilations = { 1, 1 },
                                     .pads = { pad, pad, pad, pad },
                                     .way = cases[i].way };
        struct window win[2];
        struct conv_data d = draw_data(&c, win);
        struct trial t;

        run_case(&t, &c, &d, NULL);
        assert_string_equal(op_blocked_conv.kernel(&t.io), cases[i].kernel_name);
        expect_close(&t, &c, &d, win);
        trial_end(&t);
        free_data(&d);
    }
}

/* On normal numbers, of the root of the mean square of what comes out: less than rounding an 8-bit picture does. */
static void winograd_stays_within_its_bound(void **state)
{
    static const struct {
        int64_t side, channels;
        enum op_way way;
        double bound;
    } cases[] = {
        { 28, 64, OP_WAY_ANY, 2e-5 }, { 14, 128, OP_WAY_ANY, 2e-5 },       { 8, 64, OP_WAY_ANY, 5e-6 },
        { 7, 128, OP_WAY_ANY, 5e-6 }, { 7, 128, OP_WAY_WINOGRAD_4, 2e-5 }, { 28, 64, OP_WAY_WINOGRAD_2, 5e-6 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct conv_case c = { .batch = 1,
                                     .groups = 1,
                                     .channels = cases[i].channels,
                                     .filters = 32,
                                     .in = { cases[i].side, cases[i].side },
                                     .kernel = { 3, 3 },
                                     .strides = { 1, 1 },
                                     .dilations = { 1, 1 },
                                     .pads = { 1, 1, 1, 1 },
                                     .way = cases[i].way };
        struct window win[2];
        struct conv_data d = draw_data(&c, win);
        struct trial t;
        double squares = 0, worst = 0;
        int64_t pixels = c.in[0] * c.in[1];

        run_case(&t, &c, &d, NULL);
        assert_int_equal(op_blocked_conv.kernel(&t.io)[9], cases[i].bound > 1e-5 ? '4' : '2');
        for (int64_t k = 0; k < c.filters * pixels; k++) {
            double want = naive(&c, &d, win, 0, k / pixels, k % pixels / c.in[1], k % c.in[1]);
            squares += want * want;
            worst = fmax(worst, fabs(trial_at(&t, 0, k / pixels, k % pixels) - want));
        }
        worst /= sqrt(squares / (double)(c.filters * pixels));
        if (!(worst < cases[i].bound))
            fail_msg("side %d: the largest error is %g of the root mean square", (int)c.in[0], worst);
        trial_end(&t);
        free_data(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_convolution_is_its_definition), cmocka_unit_test(large_convolutions_are_their_definition),
        cmocka_unit_test(a_way_is_taken_where_it_fits),      cmocka_unit_test(images_beyond_32_bits_are_refused),
        cmocka_unit_test(winograd_stays_within_its_bound),
    };

    return EACH_PATH_RUN(tests, choose_path);
}
