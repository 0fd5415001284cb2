#include "registry/place.h"

static void what_is_pushed_comes_back_byte_for_byte(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    const size_t count = LAYER_BYTES + 12345; /* two layers */
    unsigned char *bytes = malloc(count);
    struct artifact artifact;
    struct input in;

    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    push_bytes(&r, bytes, count, &artifact);
    assert_int_equal(artifact.layers, 2);
    assert_int_equal(artifact.layers_new, 2);
    assert_int_equal(pull_bytes(place, &r, &in, NULL), 0);
    assert_int_equal(in.count, count);
    assert_memory_equal(in.bytes, bytes, count);
    input_close(&in);
    push_bytes(&r, bytes, count, &artifact);
    assert_int_equal(artifact.layers_new, 0); /* what is there is not written again */
    free(bytes);
}

static void a_tag_moves_and_other_names_stay(void **state)
{
    struct place *place = *state;
    struct reference a = reference_in(place, "reg/a:stable"), b = reference_in(place, "reg/b:stable");
    struct artifact artifact;
    struct tree *list;
    struct input in;

    push_bytes(&a, "one", 3, &artifact);
    push_bytes(&b, "bee", 3, &artifact);
    push_bytes(&a, "two", 3, &artifact);
    assert_int_equal(pull_bytes(place, &a, &in, NULL), 0);
    assert_memory_equal(in.bytes, "two", 3);
    input_close(&in);
    assert_int_equal(pull_bytes(place, &b, &in, NULL), 0);
    assert_memory_equal(in.bytes, "bee", 3);
    input_close(&in);
    list = list_of(place, "reg");
    assert_int_equal(list->count, 2);
}

static void a_name_that_is_not_there_is_an_answer_not_a_crash(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/a:stable"), other = reference_in(place, "reg/a:canary");
    struct artifact artifact;
    struct error err = { 0 };
    struct input in;

    assert_int_equal(pull_bytes(place, &r, &in, &err), -1);
    assert_int_equal(err.kind, ERROR_ANSWER);
    push_bytes(&r, "one", 3, &artifact);
    assert_int_equal(pull_bytes(place, &other, &in, &err), -1);
    assert_int_equal(err.kind, ERROR_ANSWER);
    assert_non_null(strstr(err.message, "a:canary"));
}

static void a_changed_blob_is_a_matter_of_trust(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/a:stable");
    struct artifact artifact;
    struct error err = { 0 };
    struct input in;
    const char *path;

    push_bytes(&r, "one", 3, &artifact);
    assert_int_equal(blob_path(&place->arena, r.folder, &artifact.digest, &path, NULL), 0);
    assert_int_equal(file_write(path, "eno", 3, NULL), 0);
    assert_int_equal(pull_bytes(place, &r, &in, &err), -1);
    assert_int_equal(err.kind, ERROR_TRUST);
    push_bytes(&r, "one", 3, &artifact); /* and pushing again mends it */
    assert_int_equal(pull_bytes(place, &r, &in, &err), 0);
    input_close(&in);
}

static void a_folder_of_other_things_is_left_alone(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "home/a:stable");
    struct artifact artifact = { .type = "x", .title = "x" };
    struct error err = { 0 };
    const char *file = arena_printf(&place->arena, "%s/home/letter.txt", place->folder);

    assert_int_equal(path_make_folders(r.folder, NULL), 0);
    assert_int_equal(file_write(file, "dear", 4, NULL), 0);
    assert_int_equal(registry_push(&r, "one", 3, &artifact, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
}

static void the_store_remembers_what_a_name_meant_before(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:stable");
    const char *first, *second, *found;
    struct error err = { 0 };
    struct input in;

    setenv("COEDGE_STORE", arena_printf(&place->arena, "%s/store", place->folder), 1);
    assert_int_equal(store_find(&place->arena, "@solder:stable", &found, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(store_install(&r, "one", 3, &place->arena, &first, NULL), 1);
    assert_int_equal(store_install(&r, "one", 3, &place->arena, &first, NULL), 0);
    assert_int_equal(store_install(&r, "two", 3, &place->arena, &second, NULL), 1);
    assert_int_equal(store_find(&place->arena, "@solder:stable", &found, NULL), 0);
    assert_int_equal(input_open(&in, found, 0, NULL), 0);
    assert_memory_equal(in.bytes, "two", 3);
    input_close(&in);
    assert_int_equal(store_find(&place->arena, "@solder:stable.previous", &found, NULL), 0);
    assert_int_equal(input_open(&in, found, 0, NULL), 0);
    assert_memory_equal(in.bytes, "one", 3);
    input_close(&in);
    assert_int_equal(file_write(first, "eno", 3, NULL), 0);
    assert_int_equal(store_install(&r, "one", 3, &place->arena, &first, NULL), 1); /* mends what was damaged */
    assert_int_equal(input_open(&in, first, 0, NULL), 0);
    assert_memory_equal(in.bytes, "one", 3);
    input_close(&in);
    assert_int_equal(store_find(&place->arena, "@../../etc/passwd", &found, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_pushed_comes_back_byte_for_byte, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_tag_moves_and_other_names_stay, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_name_that_is_not_there_is_an_answer_not_a_crash, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_changed_blob_is_a_matter_of_trust, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_folder_of_other_things_is_left_alone, place_begin, place_end),
        cmocka_unit_test_setup_teardown(the_store_remembers_what_a_name_meant_before, place_begin, place_end),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
