/* Packing, splitting and describing sets. */
#include "base/digest.h"
#include "data/test_sets.h"

static const char *const labels[] = { "good", "void" };

static void pack(void **state, const char *const *paths, int count, const char *out, const struct pack_options *options)
{
    static const struct pack_options none;
    struct error err = { 0 };

    if (dataset_pack(paths, count, test_path(state, out), options != NULL ? options : &none, NULL, &err) < 0)
        fail_msg("%s", err.message);
}

/* "key:class key:class ..." as found in the file */
static void expect_samples(void **state, const char *name, const char *want)
{
    struct error err = { 0 };
    struct source *source = source_open(test_path(state, name), &err);
    struct text found = { 0 };
    struct item item;
    int rc;

    assert_non_null(source);
    while ((rc = source_next(source, &item, &err)) > 0)
        text_printf(&found, "%s%s.%s:%s", found.length > 0 ? " " : "", item.key, item.ext,
                    item.class_text != NULL ? item.class_text : "-");
    if (rc < 0)
        fail_msg("%s", err.message);
    assert_string_equal(found.chars, want);
    assert_int_equal(source_end_state(source), TAR_END_GOOD);
    source_close(source);
    text_free(&found);
}

static void make_folder(void **state)
{
    test_folder(state, "set/good");
    test_folder(state, "set/void");
    test_write_png(state, "set/good/1.png", 1);
    test_write_png(state, "set/void/2.a.PNG", 2);
}

static void a_folder_becomes_a_shard_with_its_labels(void **state)
{
    const char *path = test_path(state, "set");
    struct source *source;
    struct error err = { 0 };
    int count;

    make_folder(state);
    pack(state, &path, 1, "out.tar", NULL);
    expect_samples(state, "out.tar", "good/1.png:0 void/2_a.png:1");
    source = source_open(test_path(state, "out.tar"), &err);
    assert_string_equal(source_labels(source, &count)[1], "void");
    assert_int_equal(count, 2);
    assert_int_equal(source_privacy(source), PRIVACY_EDGE);
    source_close(source);
}

static void images_are_copied_byte_for_byte(void **state)
{
    const char *path = test_path(state, "set");
    struct error err = { 0 };
    struct input in;
    struct source *source;
    struct item item;

    make_folder(state);
    pack(state, &path, 1, "out.tar", NULL);
    assert_int_equal(input_open(&in, test_path(state, "set/good/1.png"), 0, &err), 0);
    source = source_open(test_path(state, "out.tar"), &err);
    assert_int_equal(source_next(source, &item, &err), 1);
    assert_int_equal(item.count, in.count);
    assert_memory_equal(item.bytes, in.bytes, in.count);
    source_close(source);
    input_close(&in);
}

static void packing_twice_gives_the_same_bytes(void **state)
{
    const char *paths[] = { test_path(state, "set"), test_path(state, "a.tar") };
    struct error err = { 0 };
    struct input one, two;

    make_folder(state);
    pack(state, paths, 1, "a.tar", NULL);
    pack(state, &paths[1], 1, "b.tar", NULL); /* a packed shard packed again is itself */
    assert_int_equal(input_open(&one, test_path(state, "a.tar"), 0, &err), 0);
    assert_int_equal(input_open(&two, test_path(state, "b.tar"), 0, &err), 0);
    assert_int_equal(one.count, two.count);
    assert_memory_equal(one.bytes, two.bytes, one.count);
    input_close(&one);
    input_close(&two);
}

static const struct test_member other_order[] = {
    { ".dataset.yaml", "format: 1\nlabels: [void, crack]\nprivacy: user-private\n", 0 },
    { "x.png", NULL, 1 },
    { "x.cls", "0", 0 },
    { "x.json", "{}", 0 },
    { "y.cls", "crack", 0 },
    { "y.png", NULL, 2 },
};

/* Labels are joined by name; numbers are those of the new list. */
static void sources_of_different_label_order_are_joined(void **state)
{
    const char *paths[] = { test_path(state, "set"), test_path(state, "b.tar") };
    struct source *source;
    struct error err = { 0 };
    int count;

    make_folder(state);
    test_write_tar(state, "b.tar", other_order, COUNT(other_order), 2);
    pack(state, paths, 2, "out.tar", NULL);
    expect_samples(state, "out.tar", "good/1.png:0 void/2_a.png:1 x.png:1 y.png:2");
    source = source_open(test_path(state, "out.tar"), &err);
    assert_string_equal(source_labels(source, &count)[2], "crack");
    assert_int_equal(source_privacy(source), PRIVACY_USER); /* the most private of both */
    source_close(source);
}

static void options_say_labels_level_and_version(void **state)
{
    struct pack_options options = {
        .labels = labels, .label_count = 2, .set_privacy = true, .privacy = PRIVACY_PUBLIC, .version = "2"
    };
    const struct test_member plain[] = { { "x.png", NULL, 1 }, { "x.cls", "1", 0 } };
    const struct test_member wrong[] = { { "x.png", NULL, 1 }, { "x.cls", "2", 0 } };
    const char *path = test_path(state, "p.tar");
    struct source *source;
    struct error err = { 0 };

    test_write_tar(state, "p.tar", plain, 2, 1);
    pack(state, &path, 1, "out.tar", &options);
    source = source_open(test_path(state, "out.tar"), &err);
    assert_int_equal(source_privacy(source), PRIVACY_PUBLIC);
    source_close(source);
    expect_samples(state, "out.tar", "x.png:1");
    test_write_tar(state, "p.tar", wrong, 2, 1);
    assert_int_equal(dataset_pack(&path, 1, test_path(state, "no.tar"), &options, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "p.tar: sample 'x': class '2'"));
    assert_false(path_exists(test_path(state, "no.tar")));
}

static void keys_that_come_twice_are_refused(void **state)
{
    const struct test_member png[] = { { "x.png", NULL, 1 } }, npy[] = { { "x.npy", "a", 0 } };
    const char *paths[] = { test_path(state, "a.tar"), test_path(state, "b.tar") };
    static const struct pack_options none;
    struct error err = { 0 };

    test_write_tar(state, "a.tar", png, 1, 1);
    test_write_tar(state, "b.tar", npy, 1, 1);
    assert_int_equal(dataset_pack(paths, 2, test_path(state, "no.tar"), &none, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "b.tar: sample 'x': sample 'x' is there twice"));
    assert_false(path_exists(test_path(state, "no.tar")));
}

static void a_sample_without_an_image_is_refused_by_name(void **state)
{
    const struct test_member members[] = {
        { "a.png", NULL, 1 }, { "a.cls", "0", 0 }, { "b.cls", "0", 0 }, { "b.json", "{}", 0 }
    };
    const char *path = test_path(state, "p.tar");
    const char *outs[] = { test_path(state, "one.tar"), test_path(state, "two.tar") };
    const double halves[] = { 0.5, 0.5 };
    static const struct pack_options none;
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct tree *stats;

    test_write_tar(state, "p.tar", members, 4, 2);
    assert_int_equal(dataset_pack(&path, 1, outs[0], &none, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "p.tar: sample 'b': no image or array among its members"));
    assert_string_equal(err.hint, "a sample needs a .png, .jpg, .jpeg or .npy member");
    assert_int_equal(dataset_split(&path, 1, outs, halves, 2, false, 0, NULL, &err), -1);
    assert_non_null(strstr(err.message, "p.tar: sample 'b': no image"));
    assert_int_equal(dataset_stats(&arena, &path, 1, &stats, NULL, &err), -1);
    assert_non_null(strstr(err.message, "p.tar: sample 'b': no image"));
    assert_false(path_exists(outs[0]));
    assert_false(path_exists(outs[1]));
    arena_free(&arena);
}

/* ---- split ---- */

static int count_class(void **state, const char *name, const char *class_text, const char *prefix)
{
    struct error err = { 0 };
    struct source *source = source_open(test_path(state, name), &err);
    struct item item;
    int n = 0;

    assert_non_null(source);
    while (source_next(source, &item, &err) > 0)
        n += (class_text == NULL || strcmp(item.class_text, class_text) == 0) &&
             (prefix == NULL || strncmp(item.key, prefix, strlen(prefix)) == 0);
    source_close(source);
    return n;
}

/* 60 of one class, 20 of another, four to a board. */
static void make_boards(void **state)
{
    static struct test_member members[160];
    static char names[160][16];

    for (int i = 0; i < 80; i++) {
        snprintf(names[2 * i], 16, "b%02d-%d.png", i / 4, i % 4);
        snprintf(names[2 * i + 1], 16, "b%02d-%d.cls", i / 4, i % 4);
        members[2 * i] = (struct test_member){ names[2 * i], NULL, i };
        members[2 * i + 1] = (struct test_member){ names[2 * i + 1], i % 4 == 3 ? "1" : "0", 0 };
    }
    test_write_tar(state, "all.tar", members, 160, 80);
}

static void parts_get_their_share_of_every_class(void **state)
{
    const char *path = test_path(state, "all.tar"), *outs[] = { test_path(state, "a.tar"), test_path(state, "b.tar") };
    static const double shares[] = { 0.75, 0.25 };
    struct error err = { 0 };

    make_boards(state);
    assert_int_equal(dataset_split(&path, 1, outs, shares, 2, false, 7, NULL, &err), 0);
    assert_int_equal(count_class(state, "a.tar", "0", NULL), 45);
    assert_int_equal(count_class(state, "a.tar", "1", NULL), 15);
    assert_int_equal(count_class(state, "b.tar", "0", NULL), 15);
    assert_int_equal(count_class(state, "b.tar", "1", NULL), 5);
}

static void groups_stay_on_one_side(void **state)
{
    const char *path = test_path(state, "all.tar"), *outs[] = { test_path(state, "a.tar"), test_path(state, "b.tar") };
    static const double shares[] = { 0.75, 0.25 };
    struct error err = { 0 };

    make_boards(state);
    assert_int_equal(dataset_split(&path, 1, outs, shares, 2, true, 7, NULL, &err), 0);
    assert_int_equal(count_class(state, "a.tar", NULL, NULL), 60);
    for (int i = 0; i < 20; i++) {
        char board[8];
        int n;

        snprintf(board, sizeof(board), "b%02d-", i);
        n = count_class(state, "a.tar", NULL, board);
        assert_true(n == 0 || n == 4);
    }
}

#ifdef COEDGE_FAULTS
/* A training part from one run beside a test part from another would share samples. */
static void when_one_part_cannot_be_written_none_is(void **state)
{
    const char *path = test_path(state, "all.tar");
    const char *outs[] = { test_path(state, "one.tar"), test_path(state, "two.tar") };
    const double halves[] = { 0.5, 0.5 };
    struct error err = { 0 };
    int failed = 0;

    make_boards(state);
    for (int n = 1; n <= 2; n++) {
        assert_int_equal(setenv("COEDGE_FAULT", n == 1 ? "fsync:1:EIO" : "fsync:2:EIO", 1), 0);
        failed += dataset_split(&path, 1, outs, halves, 2, false, 0, NULL, &err) < 0;
        assert_int_equal(unsetenv("COEDGE_FAULT"), 0);
        assert_false(path_exists(outs[0]));
        assert_false(path_exists(outs[1]));
    }
    assert_int_equal(failed, 2);
    assert_int_equal(err.kind, ERROR_IO);
}
#endif

static void another_seed_splits_otherwise(void **state)
{
    static const double shares[] = { 0.5, 0.5 };
    const char *path = test_path(state, "all.tar");
    struct digest digest[3];

    make_boards(state);
    for (int i = 0; i < 3; i++) {
        const char *outs[] = { test_path(state, "a.tar"), test_path(state, "b.tar") };
        struct error err = { 0 };
        struct input in;

        assert_int_equal(dataset_split(&path, 1, outs, shares, 2, false, i < 2 ? 1 : 2, NULL, &err), 0);
        assert_int_equal(input_open(&in, outs[0], 0, &err), 0);
        digest[i] = digest_of(in.bytes, in.count);
        input_close(&in);
    }
    assert_true(digest_equal(&digest[0], &digest[1]));
    assert_false(digest_equal(&digest[0], &digest[2]));
}

static void shares_that_make_no_whole_are_refused(void **state)
{
    static const double shares[][2] = { { 0.5, 0.4 }, { 1, 0 }, { 1.5, -0.5 }, { 0.5, 0.6 } };
    const char *path = test_path(state, "all.tar"), *outs[] = { test_path(state, "a.tar"), test_path(state, "b.tar") };
    const char *standard_input = "-";
    struct error err = { 0 };

    make_boards(state);
    for (size_t i = 0; i < COUNT(shares); i++) {
        assert_int_equal(dataset_split(&path, 1, outs, shares[i], 2, false, 0, NULL, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
    assert_int_equal(dataset_split(&standard_input, 1, outs, (const double[]){ 0.5, 0.5 }, 2, false, 0, NULL, &err),
                     -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_false(path_exists(outs[0]));
}

/* ---- labels and stats ---- */

static void labels_come_from_headers_folders_numbers_and_names(void **state)
{
    const struct test_member numbers[] = { { "x.cls", "3", 0 }, { "y.cls", "0", 0 } };
    const struct test_member names[] = { { "x.cls", "bent", 0 }, { "y.cls", "good", 0 }, { "z.png", NULL, 1 } };
    static const char *const want[][4] = { { "good", "void", "crack", "bent" }, { "0", "1", "2", "3" } };
    const char *paths[] = { test_path(state, "set"), test_path(state, "b.tar"), test_path(state, "names.tar"),
                            test_path(state, "numbers.tar") };
    struct arena arena = { 0 };
    struct error err = { 0 };
    const char **found;
    int count;

    make_folder(state);
    test_write_tar(state, "b.tar", other_order, COUNT(other_order), 2);
    test_write_tar(state, "numbers.tar", numbers, 2, 2);
    test_write_tar(state, "names.tar", names, 3, 3);
    assert_int_equal(dataset_labels(&arena, paths, 3, &found, &count, &err), 0);
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(found[i], want[0][i]);
    assert_int_equal(dataset_labels(&arena, paths + 3, 1, &found, &count, &err), 0);
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(found[i], want[1][i]);
    arena_free(&arena);
}

static int64_t stat_int(const struct tree *map, const char *key)
{
    const struct tree *node = tree_get(map, key);

    assert_non_null(node);
    return node->integer;
}

static void stats_count_measure_and_average(void **state)
{
    const char *paths[] = { test_path(state, "set"), test_path(state, "photo.jpg") };
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct input photo;
    struct tree *stats;

    make_folder(state);
    test_folder(state, "set/crack"); /* a class without a sample */
    assert_int_equal(dataset_stats(&arena, paths, 1, &stats, NULL, &err), 0);
    assert_int_equal(stat_int(stats, "samples"), 2);
    assert_int_equal(stat_int(tree_get(stats, "classes"), "good"), 1);
    assert_int_equal(stat_int(tree_get(stats, "classes"), "crack"), 0);
    assert_int_equal(stat_int(tree_get(stats, "height"), "max"), TEST_SIDE);
    assert_int_equal(stat_int(stats, "channels"), 1);
    assert_float_equal(tree_get(stats, "mean")->first->real, 1.5 / 255, 1e-6);
    assert_float_equal(tree_get(stats, "std")->first->real, 0.5 / 255, 1e-6);
    assert_string_equal(tree_get(stats, "privacy")->text, "edge-private");
    assert_int_equal(strlen(tree_get(stats, "sha256")->text), 64);
    /* with a colour image of another size beside them */
    assert_int_equal(input_open(&photo, "testdata/image/photo.jpg", 0, &err), 0);
    test_write(state, "photo.jpg", photo.bytes, photo.count);
    input_close(&photo);
    assert_int_equal(dataset_stats(&arena, paths, 2, &stats, NULL, &err), 0);
    assert_int_equal(stat_int(stats, "channels"), 3);
    assert_int_equal(stat_int(stats, "unlabelled"), 1);
    assert_int_equal(stat_int(tree_get(stats, "width"), "min"), TEST_SIDE);
    assert_int_equal(stat_int(tree_get(stats, "width"), "max"), 97);
    assert_int_equal(tree_get(stats, "mean")->count, 3);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_becomes_a_shard_with_its_labels, test_begin, test_end),
        cmocka_unit_test_setup_teardown(images_are_copied_byte_for_byte, test_begin, test_end),
        cmocka_unit_test_setup_teardown(packing_twice_gives_the_same_bytes, test_begin, test_end),
        cmocka_unit_test_setup_teardown(sources_of_different_label_order_are_joined, test_begin, test_end),
        cmocka_unit_test_setup_teardown(options_say_labels_level_and_version, test_begin, test_end),
        cmocka_unit_test_setup_teardown(keys_that_come_twice_are_refused, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_sample_without_an_image_is_refused_by_name, test_begin, test_end),
        cmocka_unit_test_setup_teardown(parts_get_their_share_of_every_class, test_begin, test_end),
        cmocka_unit_test_setup_teardown(groups_stay_on_one_side, test_begin, test_end),
#ifdef COEDGE_FAULTS
        cmocka_unit_test_setup_teardown(when_one_part_cannot_be_written_none_is, test_begin, test_end),
#endif
        cmocka_unit_test_setup_teardown(another_seed_splits_otherwise, test_begin, test_end),
        cmocka_unit_test_setup_teardown(shares_that_make_no_whole_are_refused, test_begin, test_end),
        cmocka_unit_test_setup_teardown(labels_come_from_headers_folders_numbers_and_names, test_begin, test_end),
        cmocka_unit_test_setup_teardown(stats_count_measure_and_average, test_begin, test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
