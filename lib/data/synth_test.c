/* Drawn solder joints: the same pictures everywhere, different ones per sample, class and site. */
#include "base/digest.h"
#include "data/synth.h"
#include "data/test_sets.h"

enum { SIZE = 64, BYTES = SIZE * SIZE * 3 };

static struct synth_options options_of(const char *site, uint64_t seed)
{
    return (struct synth_options){ .count = 60, .size = SIZE, .site = site, .drift = 1, .seed = seed };
}

static double mean_of(const uint8_t *pixels, size_t first)
{
    double sum = 0;

    for (size_t i = first; i < BYTES; i += 3)
        sum += pixels[i];
    return sum / (BYTES / 3.0);
}

static void classes_come_in_turn(void **state)
{
    struct synth_options options = options_of("", 0);
    uint8_t pixels[BYTES];

    (void)state;
    for (int i = 0; i < 18; i++)
        assert_int_equal(synth_draw(&options, i, pixels), i % 6);
    assert_string_equal(synth_labels[SYNTH_BRIDGE], "bridge");
}

/* Found alike with gcc -O1 and -O2 and clang -O3 -march=native: a change here changes everybody's drawn sets. */
static void pictures_are_the_same_on_every_machine(void **state)
{
    static const char *const want[][2] = {
        { "", "2c24d15d4f787e8a1f14d00e3daf73b58470df04cea56f11bbfe9c58f10fbe03" },
        { "factory-a", "f4521d6841091be2c7a0087f160e4c708d8d0a926fb2145372c77cc37d22c66b" },
    };
    static uint8_t pixels[12 * BYTES];
    char hex[65];

    (void)state;
    for (size_t i = 0; i < COUNT(want); i++) {
        struct synth_options options = options_of(want[i][0], 9);
        struct digest digest;

        for (int sample = 0; sample < 12; sample++)
            synth_draw(&options, sample, pixels + (size_t)sample * BYTES);
        digest = digest_of(pixels, sizeof(pixels));
        assert_string_equal(digest_hex(&digest, hex), want[i][1]);
    }
}

static void samples_seeds_and_sites_differ(void **state)
{
    struct synth_options one = options_of("", 1), two = options_of("", 2), site = options_of("line-3", 1);
    uint8_t a[BYTES], b[BYTES];

    (void)state;
    synth_draw(&one, 0, a);
    synth_draw(&one, 0, b);
    assert_memory_equal(a, b, BYTES);
    synth_draw(&one, 6, b);
    assert_memory_not_equal(a, b, BYTES);
    synth_draw(&two, 0, b);
    assert_memory_not_equal(a, b, BYTES);
    synth_draw(&site, 0, b);
    assert_memory_not_equal(a, b, BYTES);
}

/* How far apart the average pictures of a site and of the public set are, in levels over all channels. */
static double distance_of(const char *site, double drift)
{
    struct synth_options there = options_of(site, 0), public = options_of("", 0);
    uint8_t pixels[BYTES];
    double sum[3] = { 0 }, distance = 0;

    there.drift = drift;
    for (size_t c = 0; c < 3; c++) {
        for (int i = 0; i < 60; i++) {
            synth_draw(&there, i, pixels);
            sum[c] += mean_of(pixels, c);
            synth_draw(&public, i, pixels);
            sum[c] -= mean_of(pixels, c);
        }
        distance += (sum[c] > 0 ? sum[c] : -sum[c]) / 60;
    }
    return distance;
}

static void drift_moves_sites_away(void **state)
{
    static const char *const sites[] = { "factory-a", "factory-b", "factory-c" };
    double near = 0, far = 0;

    (void)state;
    for (size_t s = 0; s < COUNT(sites); s++) {
        near += distance_of(sites[s], 0);
        far += distance_of(sites[s], 1);
    }
    assert_true(near < 3 * 12); /* chance: 60 pictures each */
    assert_true(far > 3 * near);
}

static void every_size_is_drawn_inside_its_memory(void **state)
{
    static const int sizes[] = { 16, 17, 96, 512 };

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct synth_options options = options_of("x", 3);
        uint8_t *pixels;

        options.size = sizes[i];
        pixels = malloc((size_t)sizes[i] * (size_t)sizes[i] * 3);
        for (int sample = 0; sample < 6; sample++)
            synth_draw(&options, sample, pixels);
        free(pixels);
    }
}

static void a_shard_is_the_same_for_any_number_of_threads(void **state)
{
    struct synth_options options = options_of("factory-a", 5);
    struct error err = { 0 };
    struct job job = { .pool = pool_new(3, &err) };
    struct input one, many;
    struct source *source;
    struct item item;
    int count;

    options.count = 200;
    options.size = 16;
    assert_int_equal(dataset_synth(test_path(state, "one.tar"), &options, NULL, &err), 0);
    assert_int_equal(dataset_synth(test_path(state, "many.tar"), &options, &job, &err), 0);
    assert_int_equal(input_open(&one, test_path(state, "one.tar"), 0, &err), 0);
    assert_int_equal(input_open(&many, test_path(state, "many.tar"), 0, &err), 0);
    assert_int_equal(one.count, many.count);
    assert_memory_equal(one.bytes, many.bytes, one.count);
    source = source_open(test_path(state, "one.tar"), &err);
    assert_int_equal(source_privacy(source), PRIVACY_EDGE);
    assert_string_equal(source_labels(source, &count)[5], "cold");
    assert_int_equal(source_next(source, &item, &err), 1);
    assert_string_equal(item.key, "factory-a-s5-000000");
    source_close(source);
    input_close(&one);
    input_close(&many);
    pool_free(job.pool);
}

static void the_public_set_is_public_unless_told_otherwise(void **state)
{
    struct synth_options options = { .count = 1, .size = 16, .site = "" };
    struct error err = { 0 };

    for (int level = 0; level < 2; level++) {
        struct source *source;

        options.set_privacy = level > 0;
        options.privacy = PRIVACY_USER;
        assert_int_equal(dataset_synth(test_path(state, "p.tar"), &options, NULL, &err), 0);
        source = source_open(test_path(state, "p.tar"), &err);
        assert_int_equal(source_privacy(source), level > 0 ? PRIVACY_USER : PRIVACY_PUBLIC);
        source_close(source);
    }
}

static void what_cannot_be_drawn_is_a_usage_error(void **state)
{
    static const struct synth_options bad[] = {
        { .count = 0, .size = 64, .site = "" },    { .count = 1, .size = 15, .site = "" },
        { .count = 1, .size = 513, .site = "" },   { .count = 1, .size = 64, .site = "a/b" },
        { .count = 1, .size = 64, .site = "a.b" }, { .count = 1, .size = 64, .site = "", .drift = 1.5 },
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = { 0 };

        assert_int_equal(dataset_synth(test_path(state, "no.tar"), &bad[i], NULL, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_false(path_exists(test_path(state, "no.tar")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_come_in_turn),
        cmocka_unit_test(pictures_are_the_same_on_every_machine),
        cmocka_unit_test(samples_seeds_and_sites_differ),
        cmocka_unit_test(drift_moves_sites_away),
        cmocka_unit_test(every_size_is_drawn_inside_its_memory),
        cmocka_unit_test_setup_teardown(a_shard_is_the_same_for_any_number_of_threads, test_begin, test_end),
        cmocka_unit_test_setup_teardown(the_public_set_is_public_unless_told_otherwise, test_begin, test_end),
        cmocka_unit_test_setup_teardown(what_cannot_be_drawn_is_a_usage_error, test_begin, test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
