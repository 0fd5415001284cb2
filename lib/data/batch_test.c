/* Batches: the same reals as normalising by hand, augmented by (seed, epoch, sample) alone. */
#include "base/rng.h"
#include "data/test_sets.h"

enum { SAMPLES = 5, SIDE = 8, ELEMENTS = SIDE * SIDE * 3 };

static uint8_t pixels[SAMPLES * ELEMENTS];
static int32_t labels[SAMPLES] = { 3, 1, 4, 1, 5 };

static struct dataset make_set(void)
{
    struct dataset set = { .count = SAMPLES, .pixels = pixels, .elements = ELEMENTS, .label = labels };

    for (int i = 0; i < SAMPLES * ELEMENTS; i++)
        pixels[i] = (uint8_t)(i * 151 % 256);
    preprocess_init(&set.preprocess, 3, SIDE, SIDE);
    set.preprocess.mean[1] = 0.25F;
    return set;
}

static void without_augmentation_pixels_are_only_normalised(void **state)
{
    struct dataset set = make_set();
    float got[2 * ELEMENTS], want[ELEMENTS];
    int32_t label[2];

    (void)state;
    dataset_batch(&set, (const uint32_t[]){ 4, 2 }, 2, &(struct augment){ 0 }, 1, 1, got, label, NULL);
    image_normalize(want, pixels + 4 * ELEMENTS, &set.preprocess);
    assert_memory_equal(got, want, sizeof(want));
    image_normalize(want, pixels + 2 * ELEMENTS, &set.preprocess);
    assert_memory_equal(got + ELEMENTS, want, sizeof(want));
    assert_int_equal(label[0], 5);
    assert_int_equal(label[1], 4);
}

/* The sample's own memory serves as scratch: the same answer as with memory apart. */
static void augmented_in_place_equals_augmented_apart(void **state)
{
    struct dataset set = make_set();
    struct augment augment;
    struct error err = { 0 };
    float got[ELEMENTS], want[ELEMENTS];
    uint8_t apart[ELEMENTS], scratch[ELEMENTS];

    (void)state;
    assert_int_equal(augment_parse(&augment, "flip,rotate90,shift:2,brightness:0.2,noise:3,cutout:3", &err), 0);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        struct rng rng = rng_make(11, rng_stream("augment", 6, i));

        memcpy(apart, pixels + i * ELEMENTS, ELEMENTS);
        augment_apply(&augment, &rng, apart, scratch, SIDE, SIDE, 3);
        image_normalize(want, apart, &set.preprocess);
        dataset_batch(&set, &i, 1, &augment, 11, 6, got, NULL, NULL);
        assert_memory_equal(got, want, sizeof(want));
    }
}

static void epochs_and_seeds_differ_and_neighbours_do_not_matter(void **state)
{
    struct dataset set = make_set();
    struct augment augment = { .noise = 8 };
    float alone[ELEMENTS], among[3 * ELEMENTS], later[ELEMENTS], other[ELEMENTS];
    struct error err = { 0 };
    struct job job = { .pool = pool_new(3, &err) };

    (void)state;
    dataset_batch(&set, (const uint32_t[]){ 3 }, 1, &augment, 1, 0, alone, NULL, NULL);
    dataset_batch(&set, (const uint32_t[]){ 0, 3, 1 }, 3, &augment, 1, 0, among, NULL, &job);
    assert_memory_equal(alone, among + ELEMENTS, sizeof(alone));
    dataset_batch(&set, (const uint32_t[]){ 3 }, 1, &augment, 1, 1, later, NULL, NULL);
    assert_memory_not_equal(alone, later, sizeof(alone));
    dataset_batch(&set, (const uint32_t[]){ 3 }, 1, &augment, 2, 0, other, NULL, NULL);
    assert_memory_not_equal(alone, other, sizeof(alone));
    pool_free(job.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_augmentation_pixels_are_only_normalised),
        cmocka_unit_test(augmented_in_place_equals_augmented_apart),
        cmocka_unit_test(epochs_and_seeds_differ_and_neighbours_do_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
