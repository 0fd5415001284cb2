/* Every kind of set as one sequence of samples. */
#include "data/test_sets.h"

static struct source *open_set(const char *path)
{
    struct error err = { 0 };
    struct source *source = source_open(path, &err);

    if (source == NULL)
        fail_msg("%s", err.message);
    return source;
}

static void expect_item(struct source *source, const char *key, const char *class_text, const char *ext)
{
    struct error err = { 0 };
    struct item item;

    if (source_next(source, &item, &err) != 1)
        fail_msg("expected '%s', found the end: %s", key, err.message);
    assert_string_equal(item.key, key);
    if (class_text == NULL)
        assert_null(item.class_text);
    else
        assert_string_equal(item.class_text, class_text);
    assert_string_equal(item.ext, ext);
    assert_non_null(item.bytes);
}

static void expect_end(struct source *source)
{
    struct error err = { 0 };
    struct item item;

    assert_int_equal(source_next(source, &item, &err), 0);
    assert_int_equal(source_next(source, &item, &err), 0); /* and stays there */
}

static void expect_error(const char *path, enum error_kind kind, const char *says)
{
    struct error err = { 0 };
    struct source *source = source_open(path, &err);
    struct item item;
    int rc = source == NULL ? -1 : 1;

    while (rc > 0)
        rc = source_next(source, &item, &err);
    assert_int_equal(rc, -1);
    assert_int_equal(err.kind, kind);
    if (strstr(err.message, says) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, says);
    source_close(source);
}

static void expect_labels(const struct source *source, int count, const char *const *want)
{
    int found;
    const char *const *labels = source_labels(source, &found);

    assert_int_equal(found, count);
    for (int i = 0; i < count; i++)
        assert_string_equal(labels[i], want[i]);
}

static const struct test_member shard[] = {
    { ".dataset.yaml", "format: 1\nlabels: [good, void]\nprivacy: user-private\nversion: '7'\nlater: 1\n", 0 },
    { "a.png", NULL, 10 },
    { "a.cls", " 1\n", 0 },
    { "b/1.cls", "good", 0 },
    { "b/1.json", "{}", 0 },
    { "b/1.JPEG", NULL, 20 },
    { "c.npy", "x", 0 },
};

static void a_shard_gives_its_samples_and_what_its_header_says(void **state)
{
    struct source *source;

    test_write_tar(state, "s.tar", shard, COUNT(shard), 3);
    source = open_set(test_path(state, "s.tar"));
    expect_labels(source, 2, (const char *const[]){ "good", "void" });
    assert_int_equal(source_privacy(source), PRIVACY_USER);
    expect_item(source, "a", "1", "png");
    expect_item(source, "b/1", "good", "jpg");
    expect_item(source, "c", NULL, "npy");
    expect_end(source);
    assert_int_equal(source_end_state(source), TAR_END_GOOD);
    source_close(source);
}

static void a_shard_without_header_is_edge_private_and_nameless(void **state)
{
    struct source *source;

    test_write_tar(state, "s.tar", shard + 1, 2, 1);
    source = open_set(test_path(state, "s.tar"));
    expect_labels(source, 0, NULL);
    assert_null(source_labels(source, &(int){ 0 }));
    assert_int_equal(source_privacy(source), PRIVACY_EDGE);
    expect_item(source, "a", "1", "png");
    expect_end(source);
    source_close(source);
}

/* Members that are no image stay reachable: activation streams are read through them. */
static void a_sample_without_an_image_is_still_a_sample(void **state)
{
    static const struct test_member members[] = { { "a.t0.npy", "x", 0 }, { "a.json", "{}", 0 } };
    struct source *source;
    struct error err = { 0 };
    struct item item;

    test_write_tar(state, "s.tar", members, COUNT(members), 1);
    source = open_set(test_path(state, "s.tar"));
    assert_int_equal(source_next(source, &item, &err), 1);
    assert_null(item.bytes);
    assert_null(item.ext);
    assert_int_equal(item.sample->part_count, 2);
    source_close(source);
}

static void a_folder_gives_its_subfolders_sorted_as_classes(void **state)
{
    struct source *source;

    test_folder(state, "set/void");
    test_folder(state, "set/good");
    test_folder(state, "set/.git");
    test_write_png(state, "set/void/2.png", 1);
    test_write_png(state, "set/void/1.b.PNG", 2);
    test_write(state, "set/void/notes.txt", "x", 1);
    test_write_png(state, "set/good/9.jpg", 3); /* by content, whatever it is called */
    test_write_png(state, "set/loose.png", 4);
    source = open_set(test_path(state, "set"));
    expect_labels(source, 2, (const char *const[]){ "good", "void" });
    expect_item(source, "loose", NULL, "png");
    expect_item(source, "good/9", "good", "jpg");
    expect_item(source, "void/1.b", "void", "png");
    expect_item(source, "void/2", "void", "png");
    expect_end(source);
    assert_int_equal(source_end_state(source), TAR_END_GOOD);
    source_close(source);
}

static void a_folders_own_header_counts(void **state)
{
    static const char header[] = "format: 1\nlabels: [void, good]\nprivacy: public\n";
    struct source *source;

    test_folder(state, "set/void");
    test_write(state, "set/.dataset.yaml", header, sizeof(header) - 1);
    source = open_set(test_path(state, "set"));
    expect_labels(source, 2, (const char *const[]){ "void", "good" });
    assert_int_equal(source_privacy(source), PRIVACY_PUBLIC);
    expect_end(source);
    source_close(source);
}

static void an_image_is_a_set_of_one(void **state)
{
    struct source *source;

    test_write_png(state, "joint.7.png", 99);
    source = open_set(test_path(state, "joint.7.png"));
    expect_item(source, "joint.7", NULL, "png");
    expect_end(source);
    source_close(source);
}

static const unsigned char idx_images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6 };
static const unsigned char idx_labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 0 };
/* the same labels by gzip */
static const unsigned char idx_gzip[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff,
                                          0x63, 0x60, 0xe0, 0x60, 0x64, 0x60, 0x60, 0x60, 0x62, 0x67,
                                          0x00, 0x00, 0xde, 0x3a, 0xdd, 0xda, 0x0a, 0x00, 0x00, 0x00 };

static void an_idx_pair_gives_raw_pixels_gzipped_or_not(void **state)
{
    char pair[600];

    test_write(state, "i", idx_images, sizeof(idx_images));
    test_write(state, "l", idx_labels, sizeof(idx_labels));
    test_write(state, "l.gz", idx_gzip, sizeof(idx_gzip));
    for (int zipped = 0; zipped <= 1; zipped++) {
        struct source *source;
        struct error err = { 0 };
        struct item item;

        snprintf(pair, sizeof(pair), "%s,%s", test_path(state, "i"), test_path(state, zipped ? "l.gz" : "l"));
        source = open_set(pair);
        expect_item(source, "00000000", "7", "raw");
        assert_int_equal(source_next(source, &item, &err), 1);
        assert_int_equal(item.height, 1);
        assert_int_equal(item.width, 3);
        assert_int_equal(item.channels, 1);
        assert_memory_equal(item.bytes, "\4\5\6", 3);
        assert_string_equal(item.class_text, "0");
        expect_end(source);
        source_close(source);
    }
}

static void idx_files_are_checked_to_the_byte(void **state)
{
    unsigned char bytes[sizeof(idx_images) + 1];
    char pair[600];

    snprintf(pair, sizeof(pair), "%s,%s", test_path(state, "i"), test_path(state, "l"));
    test_write(state, "l", idx_labels, sizeof(idx_labels));
    memcpy(bytes, idx_images, sizeof(idx_images));
    bytes[sizeof(idx_images)] = 0;
    for (size_t count = 0; count < sizeof(idx_images); count++) {
        test_write(state, "i", bytes, count);
        expect_error(pair, ERROR_INPUT, "idx");
    }
    test_write(state, "i", bytes, sizeof(bytes));
    expect_error(pair, ERROR_INPUT, "promises 6 bytes, the file has 7");
    for (size_t at = 0; at < 16; at++) { /* any flip in the header */
        bytes[at] ^= 0x81;
        test_write(state, "i", bytes, sizeof(idx_images));
        expect_error(pair, ERROR_INPUT, "idx");
        bytes[at] ^= 0x81;
    }
    test_write(state, "i", bytes, sizeof(idx_images));
    test_write(state, "l", "\0\0\x08\1\0\0\0\1\1", 9);
    expect_error(pair, ERROR_INPUT, "2 images but 1 labels");
}

static void a_bad_header_names_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "format: 2\n", "format" },
        { "labels: [a]\n", "format" },
        { "format: 1\nprivacy: secret\n", "secret" },
        { "format: 1\nlabels: [a, a]\n", "twice" },
        { "format: 1\nlabels: []\n", "labels" },
        { "format: 1\nlabels: [a, [b]]\n", "label 1" },
        { "format: 1\nlabels: {a: 1}\n", "labels" },
        { "- 1\n", "map" },
        { "format: [1\n", ".dataset.yaml" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct test_member members[] = { { ".dataset.yaml", cases[i].text, 0 }, { "a.png", NULL, 1 } };

        test_write_tar(state, "s.tar", members, COUNT(members), 1);
        expect_error(test_path(state, "s.tar"), ERROR_INPUT, cases[i].says);
    }
}

static void a_bad_class_names_its_sample(void **state)
{
    static const char *const texts[] = { "", " \n" };

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct test_member members[] = { { "a.cls", texts[i], 0 } };

        test_write_tar(state, "s.tar", members, 1, 1);
        expect_error(test_path(state, "s.tar"), ERROR_INPUT, "s.tar: sample 'a': its class");
    }
}

static void what_is_not_there_is_an_io_error(void **state)
{
    expect_error(test_path(state, "none.tar"), ERROR_IO, "none.tar");
    expect_error(test_path(state, "none,none"), ERROR_IO, "none");
}

static void a_digest_depends_on_every_byte(void **state)
{
    struct digest digest[4];

    for (int i = 0; i < 4; i++) {
        struct source *source;
        struct error err = { 0 };
        struct item item;

        test_folder(state, "set/a");
        test_write_png(state, i == 3 ? "set/a/2.png" : "set/a/1.png", i < 2 ? 5 : 6);
        source = open_set(test_path(state, "set"));
        while (source_next(source, &item, &err) > 0)
            continue;
        digest[i] = source_digest(source);
        source_close(source);
    }
    assert_true(digest_equal(&digest[0], &digest[1]));
    assert_false(digest_equal(&digest[1], &digest[2]));
    assert_false(digest_equal(&digest[2], &digest[3]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_shard_gives_its_samples_and_what_its_header_says, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_shard_without_header_is_edge_private_and_nameless, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_sample_without_an_image_is_still_a_sample, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_folder_gives_its_subfolders_sorted_as_classes, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_folders_own_header_counts, test_begin, test_end),
        cmocka_unit_test_setup_teardown(an_image_is_a_set_of_one, test_begin, test_end),
        cmocka_unit_test_setup_teardown(an_idx_pair_gives_raw_pixels_gzipped_or_not, test_begin, test_end),
        cmocka_unit_test_setup_teardown(idx_files_are_checked_to_the_byte, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_bad_header_names_its_line, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_bad_class_names_its_sample, test_begin, test_end),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_an_io_error, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_digest_depends_on_every_byte, test_begin, test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
