#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registry/internal.h"

struct place {
    char folder[64];
    struct arena arena;
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    snprintf(place->folder, sizeof(place->folder), "/tmp/coedge-registry-XXXXXX");
    if (mkdtemp(place->folder) == NULL)
        return -1;
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    arena_free(&place->arena);
    free(place);
    return system(command);
}

static struct reference reference_in(struct place *place, const char *tail)
{
    struct reference reference;
    struct error err = { 0 };
    const char *text = arena_printf(&place->arena, "%s/%s", place->folder, tail);

    assert_int_equal(reference_parse(&reference, &place->arena, text, NULL, &err), 0);
    return reference;
}

static void push_bytes(const struct reference *reference, const void *bytes, size_t count, struct artifact *artifact)
{
    struct error err = { 0 };

    *artifact = (struct artifact){ .type = "application/vnd.coedge.model.v1", .title = "m.coedge" };
    assert_int_equal(registry_push(reference, bytes, count, artifact, NULL, &err), 0);
}

static int pull_bytes(struct place *place, const struct reference *reference, struct input *in, struct error *err)
{
    const char *path = arena_printf(&place->arena, "%s/pulled", place->folder);
    struct output *out = output_open(path, err);
    struct artifact artifact;

    assert_non_null(out);
    if (registry_pull(reference, out, &artifact, &place->arena, NULL, err) < 0) {
        output_abort(out);
        return -1;
    }
    assert_int_equal(output_commit(out, err), 0);
    return input_open(in, path, 0, err);
}

static const struct {
    const char *text, *folder, *name, *tag;
} good_references[] = {
    { "registry/solder:stable", "registry", "solder", "stable" },
    { "a/b/solder", "a/b", "solder", "latest" },
    { "/solder:1.2", "/", "solder", "1.2" },
};

static void references_are_a_folder_a_name_and_a_tag(void **state)
{
    struct place *place = *state;

    for (size_t i = 0; i < COUNT(good_references); i++) {
        struct reference r;

        assert_int_equal(reference_parse(&r, &place->arena, good_references[i].text, NULL, NULL), 0);
        assert_string_equal(r.folder, good_references[i].folder);
        assert_string_equal(r.name, good_references[i].name);
        assert_string_equal(r.tag, good_references[i].tag);
    }
}

static void odd_references_are_usage_errors(void **state)
{
    static const char *const texts[] = { "solder", "registry/", "registry/..",           "r/a b",       "r/a:b:c",
                                         "r/:x",   "r/a:",      "https://host/solder:1", "r/a:\x1b[31m" };
    struct place *place = *state;

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct error err = { 0 };
        struct reference r;

        assert_int_equal(reference_parse(&r, &place->arena, texts[i], NULL, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

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
    assert_int_equal(registry_list(&place->arena, a.folder, &list, NULL), 0);
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
        cmocka_unit_test_setup_teardown(references_are_a_folder_a_name_and_a_tag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(odd_references_are_usage_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_pushed_comes_back_byte_for_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tag_moves_and_other_names_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_is_not_there_is_an_answer_not_a_crash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_blob_is_a_matter_of_trust, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_of_other_things_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_store_remembers_what_a_name_meant_before, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
