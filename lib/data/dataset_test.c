/* Whole sets in memory: pixels, classes, limits, and the same answer for any number of threads. */
#include "data/test_sets.h"

static const char *const defects[] = { "good", "void", "bridge" };

static struct preprocess gray4(void)
{
    struct preprocess preprocess;

    preprocess_init(&preprocess, 1, TEST_SIDE, TEST_SIDE);
    return preprocess;
}

static int load(struct dataset *set, const char *path, const struct dataset_options *options, struct error *err)
{
    struct preprocess preprocess = gray4();

    return dataset_load(set, &path, 1, &preprocess, defects, COUNT(defects), options, NULL, err);
}

static void expect_error(const char *path, const struct dataset_options *options, enum error_kind kind,
                         const char *says)
{
    struct dataset set;
    struct error err = { 0 };

    assert_int_equal(load(&set, path, options, &err), -1);
    assert_int_equal(err.kind, kind);
    if (strstr(err.message, says) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, says);
    assert_null(set.pixels);
}

static const struct test_member plain[] = {
    { "a.png", NULL, 10 }, { "a.cls", "2", 0 }, { "b.png", NULL, 20 }, { "b.cls", "0", 0 }, { "c.png", NULL, 30 },
};

static void samples_come_in_order_with_pixels_and_classes(void **state)
{
    struct dataset set;
    struct error err = { 0 };

    test_write_tar(state, "s.tar", plain, COUNT(plain), 3);
    assert_int_equal(load(&set, test_path(state, "s.tar"), NULL, &err), 0);
    assert_int_equal(set.count, 3);
    assert_int_equal(set.elements, 16);
    for (int i = 0; i < 3 * 16; i++)
        assert_int_equal(set.pixels[i], 10 + i / 16 * 10);
    assert_int_equal(set.label[0], 2);
    assert_int_equal(set.label[1], 0);
    assert_int_equal(set.label[2], -1);
    assert_string_equal(set.key[1], "b");
    assert_int_equal(set.per_class[0], 1);
    assert_int_equal(set.per_class[1], 0);
    assert_int_equal(set.per_class[2], 1);
    assert_int_equal(set.privacy, PRIVACY_EDGE);
    assert_int_equal(set.without_end, 0);
    dataset_free(&set);
}

/* Names decide where the set has them; its numbers count its own names. */
static void classes_match_by_name_before_number(void **state)
{
    static const struct test_member named[] = {
        { ".dataset.yaml", "format: 1\nlabels: [bridge, good]\nprivacy: public\n", 0 },
        { "a.png", NULL, 1 },
        { "a.cls", "0", 0 },
        { "b.png", NULL, 1 },
        { "b.cls", "good", 0 },
    };
    struct dataset set;
    struct error err = { 0 };
    struct preprocess preprocess = gray4();
    const char *paths[2];

    test_write_tar(state, "s.tar", named, COUNT(named), 2);
    test_folder(state, "f/void");
    test_write_png(state, "f/void/1.png", 3);
    paths[0] = test_path(state, "s.tar");
    paths[1] = test_path(state, "f");
    assert_int_equal(dataset_load(&set, paths, 2, &preprocess, defects, 3, NULL, NULL, &err), 0);
    assert_int_equal(set.label[0], 2);
    assert_int_equal(set.label[1], 0);
    assert_int_equal(set.label[2], 1);
    assert_int_equal(set.privacy, PRIVACY_EDGE); /* the folder does not say, so it is not public */
    dataset_free(&set);
    /* a model that has only numbers takes the set's order */
    assert_int_equal(dataset_load(&set, paths, 1, &preprocess, NULL, 2, NULL, NULL, &err), 0);
    assert_int_equal(set.label[0], 0);
    assert_int_equal(set.label[1], 1);
    assert_int_equal(set.privacy, PRIVACY_PUBLIC);
    dataset_free(&set);
}

static void classes_that_the_model_lacks_are_named(void **state)
{
    static const char *const texts[] = { "7", "3", "-1", "crack", "good void" };

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct test_member members[] = { { "a.png", NULL, 1 }, { "a.cls", texts[i], 0 } };
        char says[64];

        test_write_tar(state, "s.tar", members, COUNT(members), 1);
        snprintf(says, sizeof(says), "class '%s' is not one of the labels good, void, bridge", texts[i]);
        expect_error(test_path(state, "s.tar"), NULL, ERROR_INPUT, says);
        expect_error(test_path(state, "s.tar"), NULL, ERROR_INPUT, "s.tar: sample 'a");
    }
}

static void damage_names_file_and_key_or_is_skipped(void **state)
{
    static const struct test_member members[] = {
        { "a.png", NULL, 1 }, { "a.cls", "1", 0 },   { "b.png", "\x89PNG\r\n\x1a\n", 0 },
        { "b.cls", "1", 0 },  { "c.json", "{}", 0 }, { "d.png", NULL, 4 },
        { "d.cls", "2", 0 },
    };
    int64_t skipped = 0;
    struct dataset_options options = { .keep_going = true, .skipped = &skipped };
    struct dataset set;
    struct error err = { 0 };

    test_write_tar(state, "s.tar", members, COUNT(members), 4);
    expect_error(test_path(state, "s.tar"), NULL, ERROR_INPUT, "s.tar: sample 'b': PNG is truncated");
    assert_int_equal(load(&set, test_path(state, "s.tar"), &options, &err), 0);
    assert_int_equal(skipped, 2);
    assert_int_equal(set.count, 2);
    assert_string_equal(set.key[1], "d");
    assert_int_equal(set.label[1], 2);
    assert_int_equal(set.pixels[16], 4);
    assert_int_equal(set.per_class[1], 1);
    dataset_free(&set);
}

static void what_is_wanted_and_missing_is_an_error(void **state)
{
    static const struct dataset_options labels = { .need_labels = true }, end = { .require_end = true };
    struct dataset set;
    struct error err = { 0 };
    struct input in;

    test_write_tar(state, "s.tar", plain, COUNT(plain), 3);
    expect_error(test_path(state, "s.tar"), &labels, ERROR_INPUT, "sample 'c': no class");
    test_write_tar(state, "none.tar", plain, 0, 0);
    expect_error(test_path(state, "none.tar"), NULL, ERROR_INPUT, "no samples");
    /* the first two blocks are a.png; cut there and closed by two of zeros, as a foreign tar ends */
    assert_int_equal(input_open(&in, test_path(state, "s.tar"), 0, &err), 0);
    memset(in.bytes + 1024, 0, 1024);
    test_write(state, "cut.tar", in.bytes, 2048);
    input_close(&in);
    expect_error(test_path(state, "cut.tar"), &end, ERROR_INPUT, "no .end");
    assert_int_equal(load(&set, test_path(state, "cut.tar"), NULL, &err), 0);
    assert_int_equal(set.without_end, 1);
    dataset_free(&set);
}

static void more_than_the_limit_is_refused(void **state)
{
    test_write_tar(state, "s.tar", plain, COUNT(plain), 3);
    setenv("COEDGE_LIMIT_DATA_BYTES", "47", 1);
    expect_error(test_path(state, "s.tar"), NULL, ERROR_LIMIT, "more than 47 bytes");
    setenv("COEDGE_LIMIT_DATA_BYTES", "48", 1);
    {
        struct dataset set;
        struct error err = { 0 };

        assert_int_equal(load(&set, test_path(state, "s.tar"), NULL, &err), 0);
        dataset_free(&set);
    }
    unsetenv("COEDGE_LIMIT_DATA_BYTES");
}

/* More samples than one batch reads ahead, some of them damaged. */
static void threads_do_not_change_the_set(void **state)
{
    static struct test_member members[600];
    static char names[600][16], classes[3][2] = { "0", "1", "2" };
    struct dataset one, many;
    struct error err = { 0 };
    struct preprocess preprocess = gray4();
    struct dataset_options options = { .keep_going = true };
    struct job job = { .pool = pool_new(4, &err) };
    const char *path = test_path(state, "s.tar");

    for (int i = 0; i < 600; i += 2) {
        snprintf(names[i], sizeof(names[i]), "%04d.png", i);
        snprintf(names[i + 1], sizeof(names[i + 1]), "%04d.cls", i);
        members[i] = (struct test_member){ names[i], i % 34 == 0 ? "damage" : NULL, i % 256 };
        members[i + 1] = (struct test_member){ names[i + 1], classes[i % 3], 0 };
    }
    test_write_tar(state, "s.tar", members, 600, 300);
    assert_int_equal(load(&one, path, &options, &err), 0);
    assert_int_equal(dataset_load(&many, &path, 1, &preprocess, defects, 3, &options, &job, &err), 0);
    assert_int_equal(one.count, 300 - 18);
    assert_int_equal(many.count, one.count);
    assert_memory_equal(one.pixels, many.pixels, one.count * 16);
    assert_memory_equal(one.label, many.label, one.count * sizeof(*one.label));
    assert_true(digest_equal(&one.digest, &many.digest));
    for (int64_t i = 0; i < one.count; i++) {
        int64_t number;

        assert_int_equal(text_to_int(one.key[i], &number), 0);
        assert_int_equal(one.pixels[i * 16 + 15], number % 256);
    }
    dataset_free(&one);
    dataset_free(&many);
    pool_free(job.pool);
}

static void the_digest_does_not_depend_on_the_order_of_paths(void **state)
{
    struct dataset ab, ba;
    struct error err = { 0 };
    struct preprocess preprocess = gray4();
    const char *paths[3];

    test_write_tar(state, "a.tar", plain, 2, 1);
    test_write_tar(state, "b.tar", plain + 2, 2, 1);
    paths[0] = paths[2] = test_path(state, "a.tar");
    paths[1] = test_path(state, "b.tar");
    assert_int_equal(dataset_load(&ab, paths, 2, &preprocess, defects, 3, NULL, NULL, &err), 0);
    assert_int_equal(dataset_load(&ba, paths + 1, 2, &preprocess, defects, 3, NULL, NULL, &err), 0);
    assert_true(digest_equal(&ab.digest, &ba.digest));
    assert_string_equal(ab.key[0], "a");
    assert_string_equal(ba.key[0], "b");
    dataset_free(&ab);
    dataset_free(&ba);
}

/* NumPy's header for two reals, and for two that are wider. */
#define NPY(descr) "\x93NUMPY\x01\x00\x36\x00{'descr': '<" descr "', 'fortran_order': False, 'shape': (2,)}\n"

static void arrays_become_values(void **state)
{
    static const float narrow[2] = { 1.5F, -2 };
    static const double wide[2] = { 0.25, 8 };
    unsigned char bytes[128];
    size_t header = sizeof(NPY("f4")) - 1;
    const char *path = test_path(state, "set");
    struct dataset set;
    struct error err = { 0 };
    float out[4];
    int32_t label[2];

    bytes[0] = 0;
    test_folder(state, "set/good");
    test_folder(state, "set/void");
    memcpy(bytes, NPY("f4"), header);
    bytes[8] = (unsigned char)(header - 10);
    memcpy(bytes + header, narrow, sizeof(narrow));
    test_write(state, "set/good/a.npy", bytes, header + sizeof(narrow));
    memcpy(bytes, NPY("f8"), header);
    bytes[8] = (unsigned char)(header - 10);
    memcpy(bytes + header, wide, sizeof(wide));
    test_write(state, "set/void/b.npy", bytes, header + sizeof(wide));
    assert_int_equal(dataset_load(&set, &path, 1, NULL, defects, 3, NULL, NULL, &err), 0);
    assert_null(set.pixels);
    assert_int_equal(set.elements, 2);
    dataset_batch(&set, (const uint32_t[]){ 1, 0 }, 2, NULL, 0, 0, out, label, NULL);
    assert_true(out[0] == 0.25F && out[1] == 8 && out[2] == 1.5F && out[3] == -2);
    assert_int_equal(label[0], 1);
    assert_int_equal(label[1], 0);
    dataset_free(&set);
    test_write_png(state, "set/void/c.png", 1);
    assert_int_equal(dataset_load(&set, &path, 1, NULL, defects, 3, NULL, NULL, &err), -1);
    assert_non_null(strstr(err.message, "'void/c': not an array"));
}

/* Gray idx pixels reach a model with three channels as decoded images do. */
static void raw_pixels_are_converted_and_resized(void **state)
{
    static const unsigned char images[] = { 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9 };
    static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 1, 1 };
    struct preprocess preprocess;
    struct dataset set;
    struct error err = { 0 };
    char pair[600];
    const char *path = pair;

    test_write(state, "i", images, sizeof(images));
    test_write(state, "l", labels, sizeof(labels));
    snprintf(pair, sizeof(pair), "%s,%s", test_path(state, "i"), test_path(state, "l"));
    preprocess_init(&preprocess, 3, 2, 2);
    assert_int_equal(dataset_load(&set, &path, 1, &preprocess, NULL, 10, NULL, NULL, &err), 0);
    assert_memory_equal(set.pixels, "\t\t\t\t\t\t\t\t\t\t\t\t", 12);
    assert_int_equal(set.label[0], 1);
    assert_string_equal(set.labels[9], "9");
    dataset_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(samples_come_in_order_with_pixels_and_classes, test_begin, test_end),
        cmocka_unit_test_setup_teardown(classes_match_by_name_before_number, test_begin, test_end),
        cmocka_unit_test_setup_teardown(classes_that_the_model_lacks_are_named, test_begin, test_end),
        cmocka_unit_test_setup_teardown(damage_names_file_and_key_or_is_skipped, test_begin, test_end),
        cmocka_unit_test_setup_teardown(what_is_wanted_and_missing_is_an_error, test_begin, test_end),
        cmocka_unit_test_setup_teardown(more_than_the_limit_is_refused, test_begin, test_end),
        cmocka_unit_test_setup_teardown(threads_do_not_change_the_set, test_begin, test_end),
        cmocka_unit_test_setup_teardown(the_digest_does_not_depend_on_the_order_of_paths, test_begin, test_end),
        cmocka_unit_test_setup_teardown(arrays_become_values, test_begin, test_end),
        cmocka_unit_test_setup_teardown(raw_pixels_are_converted_and_resized, test_begin, test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
