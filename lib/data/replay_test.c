#include "data/replay.h"
#include "data/test_sets.h"

enum { CLASSES = 4, ELEMENTS = 2 };

static const char *const labels[CLASSES] = { "good", " void ", "3", "cold" }; /* blanks do not stand in a .cls */

/* Samples of a value each; classes and values are set by the test. */
struct small {
    struct dataset set;
    float values[400 * ELEMENTS];
    int32_t label[400];
};

static struct dataset *small_begin(struct small *small)
{
    small->set = (struct dataset){ .values = small->values,
                                   .label = small->label,
                                   .elements = ELEMENTS,
                                   .shape = shape_of(1, (int64_t)ELEMENTS),
                                   .labels = labels,
                                   .label_count = CLASSES,
                                   .privacy = PRIVACY_EDGE };
    return &small->set;
}

static void small_add(struct small *small, int label, float value)
{
    const int64_t at = small->set.count++;

    small->values[at * ELEMENTS] = value;
    small->values[at * ELEMENTS + 1] = 7;
    small->label[at] = label;
}

/* What is kept, as a set of its own. */
static void keep(struct small *kept, const struct small *from, int64_t most, uint64_t seed)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    uint32_t *index;
    int64_t count;

    assert_int_equal(replay_choose(&index, &count, &arena, &from->set, most, seed, NULL, &err), 0);
    small_begin(kept);
    for (int64_t i = 0; i < count; i++)
        small_add(kept, from->label[index[i]], from->values[(int64_t)index[i] * ELEMENTS]);
    arena_free(&arena);
}

static void expect_equal(const struct small *a, const struct small *b)
{
    assert_int_equal(a->set.count, b->set.count);
    for (int64_t i = 0; i < a->set.count; i++) {
        assert_int_equal(a->label[i], b->label[i]);
        assert_float_equal(a->values[i * ELEMENTS], b->values[i * ELEMENTS], 0);
    }
}

static void classes_share_the_room_as_evenly_as_they_can(void **state)
{
    static const struct {
        int there[CLASSES], most, kept[CLASSES];
    } cases[] = {
        { { 50, 50, 50, 50 }, 40, { 10, 10, 10, 10 } }, { { 50, 50, 50, 50 }, 42, { 11, 11, 10, 10 } },
        { { 50, 2, 50, 0 }, 21, { 10, 2, 9, 0 } },      { { 90, 5, 1, 30 }, 40, { 17, 5, 1, 17 } },
        { { 3, 2, 1, 0 }, 100, { 3, 2, 1, 0 } },        { { 9, 9, 9, 9 }, 3, { 1, 1, 1, 0 } },
        { { 0, 0, 90, 0 }, 7, { 0, 0, 7, 0 } },
    };
    struct small all, kept;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int found[CLASSES] = { 0 };

        small_begin(&all);
        for (int c = 0; c < CLASSES; c++)
            for (int k = 0; k < cases[i].there[c]; k++)
                small_add(&all, c, (float)(c * 100 + k));
        small_add(&all, -1, 9999); /* without a class */
        keep(&kept, &all, cases[i].most, 5);
        for (int64_t k = 0; k < kept.set.count; k++)
            found[kept.label[k]]++;
        assert_memory_equal(found, cases[i].kept, sizeof(found));
    }
}

/* Nights bring classes in changing shares, one of them late; what is kept after the last is what all at once would give. */
static void night_after_night_keeps_what_all_at_once_would(void **state)
{
    struct small all, reservoir, night, kept;

    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct rng rng = rng_make(seed, 1);
        const int64_t most = 1 + rng_below(&rng, 40);

        small_begin(&all);
        small_begin(&reservoir);
        for (int n = 0; n < 5; n++) {
            const uint32_t samples = rng_below(&rng, 60), classes = n < 3 ? 2 : CLASSES;

            small_begin(&night);
            for (uint32_t i = 0; i < samples; i++) {
                const uint32_t class = rng_below(&rng, classes), value = rng_below(&rng, 1000);

                small_add(&night, (int)class, (float)(class * 1000 + value)); /* some come again */
                small_add(&all, (int)class, (float)(class * 1000 + value));
            }
            for (int64_t i = 0; i < reservoir.set.count; i++)
                small_add(&night, reservoir.label[i], reservoir.values[i * ELEMENTS]);
            keep(&reservoir, &night, most, seed);
            keep(&kept, &all, most, seed);
            expect_equal(&reservoir, &kept);
        }
    }
}

static void the_choice_is_of_content_and_seed_alone(void **state)
{
    struct small a, b, kept, other;
    int differ = 0;

    (void)state;
    small_begin(&a);
    small_begin(&b);
    for (int i = 0; i < 100; i++) {
        small_add(&a, i % 2, (float)i);
        small_add(&b, (99 - i) % 2, (float)(99 - i));
    }
    keep(&kept, &a, 10, 3);
    keep(&other, &b, 10, 3);
    expect_equal(&kept, &other);
    keep(&other, &a, 10, 4);
    for (int i = 0; i < 10; i++)
        differ += kept.values[i * ELEMENTS] != other.values[i * ELEMENTS];
    assert_true(differ > 5);
}

static void a_sample_that_comes_again_counts_once_with_its_first_label(void **state)
{
    struct small all, kept;

    (void)state;
    small_begin(&all);
    for (int i = 0; i < 6; i++)
        small_add(&all, i % 2 ? 0 : 2, 42);
    small_add(&all, 1, 43);
    keep(&kept, &all, 10, 0);
    assert_int_equal(kept.set.count, 2);
    assert_int_equal(kept.label[0], 1);
    assert_int_equal(kept.label[1], 2);
}

/* ---- as a shard ---- */

static int load(struct dataset *set, const void *bytes, size_t count, const struct preprocess *preprocess,
                struct error *err)
{
    const struct rehearsal kept = { "p: replay.tar", bytes, count };
    const struct dataset_options options = { .need_labels = true, .rehearsal = &kept };

    return dataset_load(set, NULL, 0, preprocess, labels, CLASSES, &options, NULL, err);
}

static void values_come_back_as_they_were(void **state)
{
    struct small all;
    struct text shard = { 0 };
    struct dataset back;
    struct error err = { 0 };

    (void)state;
    small_begin(&all);
    for (int c = 0; c < CLASSES; c++)
        small_add(&all, c, 0.1F * (float)c);
    assert_int_equal(replay_write(&shard, &all.set, 9, 1, NULL, &err), 0);
    assert_int_equal(load(&back, shard.chars, shard.length, NULL, &err), 0);
    assert_int_equal(back.count, CLASSES);
    assert_int_equal(back.privacy, PRIVACY_EDGE);
    for (int c = 0; c < CLASSES; c++) {
        assert_int_equal(back.label[c], c);
        assert_memory_equal(back.values + c * ELEMENTS, all.values + c * ELEMENTS, ELEMENTS * sizeof(float));
    }
    dataset_free(&back);
    text_free(&shard);
}

static void pixels_come_back_as_they_were(void **state)
{
    enum { HEIGHT = 5, WIDTH = 3, MOST = HEIGHT * WIDTH * 3 };
    uint8_t pixels[CLASSES * MOST];
    int32_t label[CLASSES] = { 0, 1, 2, 3 };

    (void)state;
    for (size_t i = 0; i < sizeof(pixels); i++)
        pixels[i] = (uint8_t)(i * 37 + i / 11);
    for (int channels = 1; channels <= 3; channels += 2) {
        for (int how = 0; how < 6; how++) {
            struct dataset all = { .pixels = pixels,
                                   .label = label,
                                   .count = CLASSES,
                                   .labels = labels,
                                   .label_count = CLASSES,
                                   .privacy = PRIVACY_USER };
            const size_t elements = (size_t)channels * HEIGHT * WIDTH;
            struct text shard = { 0 };
            struct dataset back;
            struct error err = { 0 };

            preprocess_init(&all.preprocess, channels, HEIGHT, WIDTH);
            all.preprocess.resize = (enum resize_method)(how % 3);
            all.preprocess.fit = (enum resize_fit)(how / 3);
            all.elements = (int64_t)elements;
            assert_int_equal(replay_write(&shard, &all, CLASSES, 1, NULL, &err), 0);
            assert_int_equal(load(&back, shard.chars, shard.length, &all.preprocess, &err), 0);
            assert_int_equal(back.count, CLASSES);
            assert_int_equal(back.privacy, PRIVACY_USER);
            assert_memory_equal(back.label, label, sizeof(label));
            assert_memory_equal(back.pixels, pixels, CLASSES * elements);
            dataset_free(&back);
            text_free(&shard);
        }
    }
}

static void what_is_no_shard_of_samples_is_refused_by_its_name(void **state)
{
    static const char noise[2048] = "this is no tar";
    struct small all;
    struct text shard = { 0 }, foreign = { 0 };
    struct dataset set;
    struct error err = { 0 };
    struct tar_writer *tar = tar_create_text(&foreign, &err);

    (void)state;
    small_begin(&all);
    small_add(&all, 0, 1);
    assert_int_equal(replay_write(&shard, &all.set, 1, 0, NULL, &err), 0);
    assert_int_equal(tar_add(tar, "a.npy", "x", 1, &err), 0);
    assert_int_equal(tar_add(tar, "a.cls", "warm", 4, &err), 0);
    assert_int_equal(tar_finish(tar, 1, &err), 0);
    for (int i = 0; i < 5; i++) {
        const struct text *from = i == 4 ? &foreign : &shard;
        /* no tar, none at all, cut in a member, cut before its end, and samples that are none */
        const void *bytes = i == 0 ? noise : from->chars;
        const size_t count = i == 0   ? sizeof(noise)
                             : i == 1 ? 0
                             : i == 2 ? 1700
                             : i == 3 ? shard.length - 2048
                                      : from->length;

        err = (struct error){ 0 };
        assert_int_equal(load(&set, bytes, count, NULL, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (strstr(err.message, "p: replay.tar: ") == NULL)
            fail_msg("case %d: '%s'", i, err.message);
    }
    /* whole, but nothing says that it is */
    memset(shard.chars + shard.length - 2048, 0, 2048);
    assert_int_equal(load(&set, shard.chars, shard.length, NULL, &err), -1);
    assert_non_null(strstr(err.message, "p: replay.tar: no .end member"));
    text_free(&shard);
    text_free(&foreign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_share_the_room_as_evenly_as_they_can),
        cmocka_unit_test(night_after_night_keeps_what_all_at_once_would),
        cmocka_unit_test(the_choice_is_of_content_and_seed_alone),
        cmocka_unit_test(a_sample_that_comes_again_counts_once_with_its_first_label),
        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(pixels_come_back_as_they_were),
        cmocka_unit_test(what_is_no_shard_of_samples_is_refused_by_its_name),
    };

    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
