#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "package/sample_model.h"

#include "base/clock.h"
#include "stream/stream.h"

/* Of this process: other load must not count. */
static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* Times and sizes say nothing where every access is checked. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* The members of the sample model, for packing again with one of them changed. */
struct fixture {
    char *yaml;
    unsigned char *bytes;
    struct members members;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct model model;
    struct error err = { 0 };
    size_t count;

    sample_model(&model);
    if (f == NULL || package_write_memory(&model, &f->bytes, &count, NULL, &err) < 0 ||
        members_read(&f->members, f->bytes, count, &err) < 0)
        return -1;
    model_free(&model);
    f->yaml = calloc(1, f->members.model.count + 1);
    memcpy(f->yaml, f->members.model.at, f->members.model.count);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    free(f->yaml);
    free(f->bytes);
    free(f);
    return 0;
}

/* A whole package, with a good `.end`, of these bytes. */
static void pack(struct text *out, struct bytes yaml, struct bytes weights)
{
    struct error err = { 0 };
    struct tar_writer *tar = tar_create_text(out, &err);

    assert_int_equal(tar_add(tar, MEMBER_MODEL, yaml.at, yaml.count, &err), 0);
    assert_int_equal(tar_add(tar, MEMBER_WEIGHTS, weights.at, weights.count, &err), 0);
    assert_int_equal(tar_finish(tar, 0, &err), 0);
}

/* Refused as malformed input, in one visible line. */
static void refused(const struct text *package, struct error *err, const char *what)
{
    struct model model;
    int rc = package_read_memory(&model, package->chars, package->length, "p.coedge", err);

    if (rc == 0) {
        rc = package_settle(&model, err);
        model_free(&model);
    }
    if (rc == 0 || err->kind != ERROR_INPUT)
        fail_msg("%s: %s", what, rc == 0 ? "accepted" : err->message);
    for (const char *c = err->message; *c != '\0'; c++)
        assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
}

static const struct {
    const char *find, *replace, *says;
} edits[] = {
    { "op: Relu", "op: Rellu", "model.yaml:25:7: node 'bent': unknown operator 'Rellu'" },
    { "format: 1", "format: 2", "model.yaml:1:1: format 2 is newer than this program reads (1)" },
    { "format: 1\n", "", "'format'" },
    { "format: 1", "format: one", "'format'" },
    { "name: tiny", "name: \"\"", "'name'" },
    { "name: tiny", "name: \"\\e[31m\"", "'name'" },
    { "task:", "tusk:", "'tusk'" },
    { "height: 2", "height: 3", "'preprocess' gives [1, 3, 2]" },
    { "height: 2", "height: 1000000000", "'height'" },
    { "labels: [good, bridge", "labels: [good, good", "'good'" },
    { "labels: [good", "labels: [3", "a label is not a text" },
    { "labels: [good", "labels: [good, more", ":1: 5 labels, expected 4: the output 'scores' is [1, 4]" },
    { "labels: [good, ", "labels: [", "3 labels, expected 4" },
    { "privacy: public", "privacy: secret", "secret" },
    { "privacy: public\n", "", "'privacy'" },
    { "content: parameters", "content: everything", "everything" },
    { "shape: [-1, 1, 2, 2]", "shape: [-1, 1, -2, 2]", "an axis of a shape" },
    { "shape: [-1, 1, 2, 2]", "shape: [-1, 1, 2, 2, 1, 1, 1, 1, 1]", "9 axes" },
    { "shape: [-1, 1, 2, 2]", "shape: [-1, 1, 99999999999, 2]", "an axis of a shape" },
    { "shape: [-1, 1, 2, 2]", "shape: 4", "'shape'" },
    { "{name: gain, shape: [2, 2]}", "{name: gain, shape: [4]}", "the stored tensor is F32 [2, 2]" },
    { "{name: gain, shape: [2, 2]}", "{name: gain, dtype: I32, shape: [2, 2]}", "the stored tensor is F32 [2, 2]" },
    { "{name: gain, shape: [2, 2]}", "{name: gain, dtype: F31, shape: [2, 2]}", "F31" },
    { "{name: gain, shape: [2, 2]}", "{name: gone, shape: [2, 2]}", "has no tensor 'gone'" },
    { "{name: gain, shape: [2, 2]}", "gain", "a weight is not a map" },
    { "    - {name: gain, shape: [2, 2]}\n", "", "no value is named 'gain'" },
    { "[image, gain]", "[image, gain, gain]", "takes" },
    { "[image, gain]", "[image]", "takes" },
    { "[image, gain]", "[image, 3]", "expected the name of a value" },
    { "[image, gain]", "[image, scaled]", "no value is named 'scaled' before this" },
    { "[image, gain]", "[\"\", gain]", "node 'scaled'" },
    { "{name: added,", "{name: scaled,", "'scaled'" },
    { "attributes: {axis: 1}", "attributes: {axis: [1, x]}", "list of other things" },
    { "attributes: {axis: 1}", "attributes: {axis: true}", "'axis' is neither" },
    { "attributes: {axis: 1}", "attributes: [1]", "attributes is not a map" },
    { "attributes: {axis: 1}", "attributes: {axis: 99}", "node 'scores'" },
    { "attributes: {axis: 1}", "outputs: []", "outputs is not a list of names" },
    { "attributes: {axis: 1}", "outputs: [a, b]", "outputs" },
    { "attributes: {axis: 1}", "color: red", "'color'" },
    { "quant: {axis: 0}", "quant: {axis: 1}", "must be F32 [3]" },
    { "quant: {axis: 0}", "quant: {axis: 2}", "'axis'" },
    { "quant: {axis: 0}", "quant: {axis: 0, scale: 1.0}", "not both" },
    { "quant: {axis: 0}", "quant: {scale: 0.0}", "scale must be above 0" },
    { "quant: {axis: 0}", "quant: {scale: 1.0e60}", "scale must be above 0" },
    { "quant: {axis: 0}", "quant: {scale: 1.0, zero_point: 200}", "'zero_point'" },
    { "quant: {axis: 0}", "quant: {scale: 1.0}", "nothing in model.yaml uses tensor 'spare.scale'" },
    { "{name: gain, shape: [2, 2]}", "{name: gain, shape: [2, 2], quant: {scale: 1.0}}", "which is not quantized" },
    { "outputs: [scores]", "values: [{name: scores, quant: {axis: 0}}]\n  outputs: [scores]", "only stored weights" },
    { "outputs: [scores]", "values: [{name: gain, quant: {scale: 1}}]\n  outputs: [scores]", "not a computed value" },
    { "outputs: [scores]", "outputs: [scores, scores]", "twice" },
    { "outputs: [scores]", "outputs: [nothing]", "no value is named 'nothing'" },
    { "outputs: [scores]", "outputs: []", "'outputs' is empty" },
    { "outputs: [scores]\n", "outputs: [scores]\nhistory: [x]\n", "a record of 'history' is not a map" },
    { "outputs: [scores]\n", "outputs: [scores]\nupdate: {site: a}\n", "'base'" },
    { "outputs: [scores]\n", "outputs: [scores]\npart: {index: 2, count: 2}\n", "'index'" },
    { "outputs: [scores]\n", "outputs: [scores]\nthresholds: [0.5]\n", "1 thresholds for 4 labels" },
    { "outputs: [scores]\n", "outputs: [scores]\ngolden: {seed: 1, samples: 4, tolerance: 0.1}\n", "golden" },
    { "graph:", "grape:", "'grape'" },
    { "  nodes:", "  nodes: *alias\n  x:", "model.yaml:" },
};

static void every_fault_of_model_yaml_is_told_with_its_line(void **state)
{
    const struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(edits); i++) {
        const char *at = strstr(f->yaml, edits[i].find);
        struct text yaml = { 0 }, package = { 0 };
        struct error err = { 0 };

        if (at == NULL)
            fail_msg("the sample has no '%s'", edits[i].find);
        text_add_bytes(&yaml, f->yaml, (size_t)(at - f->yaml));
        text_add(&yaml, edits[i].replace);
        text_add(&yaml, at + strlen(edits[i].find));
        pack(&package, (struct bytes){ (unsigned char *)yaml.chars, yaml.length }, f->members.weights);
        refused(&package, &err, edits[i].replace);
        if (strstr(err.message, edits[i].says) == NULL)
            fail_msg("'%s': expected '%s': %s", edits[i].replace, edits[i].says, err.message);
        text_free(&yaml);
        text_free(&package);
    }
}

static void an_unknown_operator_gets_a_hint(void **state)
{
    const struct fixture *f = *state;
    struct text package = { 0 };
    struct error err = { 0 };
    char *at = strstr(f->yaml, "op: Relu");

    memcpy(at, "op: Rela", 8);
    pack(&package, (struct bytes){ (unsigned char *)f->yaml, strlen(f->yaml) }, f->members.weights);
    refused(&package, &err, "Rela");
    assert_string_equal(err.hint, "did you mean 'Relu'?");
    memcpy(at, "op: Relu", 8);
    text_free(&package);
}

static void weights_that_are_not_finite_are_named(void **state)
{
    const struct fixture *f = *state;
    unsigned char *weights = malloc(f->members.weights.count);
    struct text package = { 0 };
    struct error err = { 0 };
    struct safetensors st;
    struct arena arena = { 0 };

    memcpy(weights, f->members.weights.at, f->members.weights.count);
    assert_int_equal(safetensors_parse(&st, &arena, weights, f->members.weights.count, &err), 0);
    memcpy(weights + st.data_offset, "\0\0\xc0\x7f", 4);
    pack(&package, f->members.model, (struct bytes){ weights, f->members.weights.count });
    refused(&package, &err, "NaN");
    assert_non_null(strstr(err.message, "weights.safetensors: weight 'gain'"));
    arena_free(&arena);
    text_free(&package);
    free(weights);
}

/* Alone and as the weights of a package. */
static void one_safetensors(const struct fixture *f, const void *bytes, size_t count, const char *what)
{
    struct error err = { 0 };
    struct arena arena = { 0 };
    struct text package = { 0 };
    struct safetensors st;
    double start = cpu_seconds();

    if (safetensors_parse(&st, &arena, bytes, count, &err) == 0)
        fail_msg("%s was accepted", what);
    if (err.kind != ERROR_INPUT)
        fail_msg("%s: kind %d: %s", what, err.kind, err.message);
    arena_free(&arena);
    pack(&package, f->members.model, (struct bytes){ bytes, count });
    refused(&package, &err, what);
    assert_true(cpu_seconds() - start < 2);
    text_free(&package);
}

static void hostile_safetensors_are_refused(void **state)
{
    static const char folder[] = "testdata/hostile/safetensors";
    struct arena arena = { 0 };
    struct error err = { 0 };
    char **names;
    size_t count;

    assert_int_equal(folder_list(folder, &arena, &names, &count, &err), 0);
    assert_true(count >= 40);
    for (size_t i = 0; i < count; i++) {
        struct text path = { 0 };
        struct input in;

        text_printf(&path, "%s/%s", folder, names[i]);
        assert_int_equal(input_open(&in, path.chars, 0, &err), 0);
        one_safetensors(*state, in.bytes, in.count, names[i]);
        input_close(&in);
        text_free(&path);
    }
    arena_free(&arena);
}

static void hostile_packages_are_refused(void **state)
{
    static const char folder[] = "testdata/hostile/package";
    struct arena arena = { 0 };
    struct error err = { 0 };
    char **names;
    size_t count;

    (void)state;
    assert_int_equal(folder_list(folder, &arena, &names, &count, &err), 0);
    assert_true(count >= 40);
    for (size_t i = 0; i < count; i++) {
        struct text path = { 0 }, package = { 0 };
        struct error why = { 0 };
        struct input in;

        text_printf(&path, "%s/%s", folder, names[i]);
        assert_int_equal(input_open(&in, path.chars, 0, &err), 0);
        text_add_bytes(&package, in.bytes, in.count);
        refused(&package, &why, names[i]);
        input_close(&in);
        text_free(&package);
        text_free(&path);
    }
    arena_free(&arena);
}

static void too_many_tensors_are_refused_before_they_are_parsed(void **state)
{
    struct text json = { 0 };
    uint64_t length;

    text_add_bytes(&json, "\0\0\0\0\0\0\0\0{", 9);
    for (int i = 0; i < 65537; i++)
        text_printf(&json, "%s\"%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}", i > 0 ? "," : "", i,
                    4 * i, 4 * i + 4);
    text_add(&json, "}");
    length = json.length - 8;
    memcpy(json.chars, &length, sizeof(length));
    for (int i = 0; i < 65537; i++)
        text_add_bytes(&json, "\0\0\0\0", 4);
    one_safetensors(*state, json.chars, json.length, "65537 tensors");
    text_free(&json);
    assert_true(SANITIZED || clock_peak_memory_bytes() < 48 << 20); /* of which 16 MiB are the test's own copies */
}

static void hostile_npy_are_refused(void **state)
{
    static const char folder[] = "testdata/hostile/npy";
    struct arena arena = { 0 };
    struct error err = { 0 };
    char **names;
    size_t count;

    (void)state;
    assert_int_equal(folder_list(folder, &arena, &names, &count, &err), 0);
    assert_true(count >= 20);
    for (size_t i = 0; i < count; i++) {
        struct text path = { 0 };
        struct tensor tensor;
        struct input in;

        text_printf(&path, "%s/%s", folder, names[i]);
        assert_int_equal(input_open(&in, path.chars, 0, &err), 0);
        err.kind = ERROR_NONE;
        if (npy_parse(&tensor, in.bytes, in.count, &err) == 0)
            fail_msg("%s was accepted", path.chars);
        assert_int_equal(err.kind, ERROR_INPUT);
        input_close(&in);
        text_free(&path);
    }
    arena_free(&arena);
}

static void members_are_where_they_belong(void **state)
{
    static const char *const orders[][4] = {
        { MEMBER_WEIGHTS, MEMBER_MODEL, NULL },
        { MEMBER_MODEL, NULL },
        { MEMBER_MODEL, MEMBER_GOLDEN, MEMBER_WEIGHTS, NULL },
        { MEMBER_MODEL, MEMBER_WEIGHTS, "virus.exe", NULL },
        { "0001.jpg", "0001.cls", NULL },
        { NULL },
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(orders); i++) {
        struct text package = { 0 };
        struct error err = { 0 };
        struct tar_writer *tar = tar_create_text(&package, &err);

        for (int k = 0; orders[i][k] != NULL; k++) {
            bool yaml = strcmp(orders[i][k], MEMBER_MODEL) == 0;
            const struct bytes *bytes = yaml ? &f->members.model : &f->members.weights;

            assert_int_equal(tar_add(tar, orders[i][k], bytes->at, bytes->count, &err), 0);
        }
        assert_int_equal(tar_finish(tar, 0, &err), 0);
        refused(&package, &err, orders[i][0] != NULL ? orders[i][0] : "no members");
        text_free(&package);
    }
}

/* As many nodes as a model.yaml of its greatest size can hold, each naming all before. */
static void the_largest_graph_takes_a_second_at_most(void **state)
{
    const struct fixture *f = *state;
    const char *nodes = strstr(f->yaml, "    - {name: scaled");
    struct text yaml = { 0 }, package = { 0 };
    struct error err = { 0 };
    double start;

    text_add_bytes(&yaml, f->yaml, (size_t)(nodes - f->yaml));
    text_add(&yaml, "    - {name: n0, op: Abs, inputs: [image]}\n");
    for (int i = 1; yaml.length < (1 << 20) - 100; i++)
        text_printf(&yaml, "    - {name: n%d, op: Abs, inputs: [n%d]}\n", i, i - 1);
    text_add(&yaml, "  outputs: [nope]\n");
    pack(&package, (struct bytes){ (unsigned char *)yaml.chars, yaml.length }, f->members.weights);
    start = cpu_seconds();
    refused(&package, &err, "many nodes");
    assert_non_null(strstr(err.message, "'nope'"));
    assert_true(SANITIZED || cpu_seconds() - start < 4);
    text_free(&yaml);
    text_free(&package);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_of_model_yaml_is_told_with_its_line),
        cmocka_unit_test(an_unknown_operator_gets_a_hint),
        cmocka_unit_test(weights_that_are_not_finite_are_named),
        cmocka_unit_test(hostile_safetensors_are_refused),
        cmocka_unit_test(hostile_packages_are_refused),
        cmocka_unit_test(too_many_tensors_are_refused_before_they_are_parsed),
        cmocka_unit_test(hostile_npy_are_refused),
        cmocka_unit_test(members_are_where_they_belong),
        cmocka_unit_test(the_largest_graph_takes_a_second_at_most),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
