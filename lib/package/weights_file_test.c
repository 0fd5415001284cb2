/* weights_file_test.c - files of weights, right and wrong; scripts/torchvision-weights and convert.bats hold them against
 * PyTorch and NumPy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "package/npz.h"
#include "package/package.h"
#include "package/weights_file.h"
#include "tensor/element.h"

static char home[4096], folder[64];

static int enter(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/coedge-weights-XXXXXX");
    return getcwd(home, sizeof(home)) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return chdir(home) == 0 && system(command) == 0 ? 0 : -1;
}

/* fc1 [2, 2], fc2 [3, 2] and their biases. */
static void make(struct model *model, uint64_t seed)
{
    const struct arch_options options = { .channels = 1, .height = 1, .width = 2, .classes = 3, .seed = seed };
    struct error err = { 0 };

    assert_int_equal(model_new(model, "mlp:2", &options, &err), 0);
}

static bool same_weights(const struct model *a, const struct model *b)
{
    for (int i = 0; i < a->graph.value_count; i++)
        if (a->graph.value[i].kind == VALUE_WEIGHT &&
            memcmp(a->graph.value[i].tensor.data, b->graph.value[i].tensor.data,
                   tensor_bytes(&a->graph.value[i].tensor)) != 0)
            return false;
    return true;
}

static void weights_come_back_from_both_kinds_of_file(void **state)
{
    struct error err = { 0 };
    struct model model;

    (void)state;
    make(&model, 1);
    assert_int_equal(weights_write_safetensors(&model, "a.safetensors", &err), 0);
    assert_int_equal(weights_write_npz(&model, "a.npz", &err), 0);
    for (int i = 0; i < 2; i++) {
        struct model other;

        make(&other, 2);
        assert_false(same_weights(&model, &other));
        assert_int_equal(weights_read(&other, i == 0 ? "a.safetensors" : "a.npz", &err), 0);
        assert_true(same_weights(&model, &other));
        model_free(&other);
    }
    model_free(&model);
}

/* One tensor of a file, as it differs from what the model wants. */
struct row {
    const char *name;
    enum dtype dtype;
    struct shape shape;
};

static const struct row right[] = {
    { "fc1.weight", DTYPE_F32, { 2, { 2, 2 } } },
    { "fc1.bias", DTYPE_F32, { 1, { 2 } } },
    { "fc2.weight", DTYPE_F32, { 2, { 3, 2 } } },
    { "fc2.bias", DTYPE_F32, { 1, { 3 } } },
};

/* The rows, each name with `front` before it and every element of the n-th tensor n + 0.5, into a.npz. */
static void write_rows(const struct row *rows, int count, const char *front)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct tensor_list list = { arena_array(&arena, 8, sizeof(*list.tensor)),
                                arena_array(&arena, 8, sizeof(*list.name)), count };
    struct output *out = output_open("a.npz", &err);

    for (int i = 0; i < count; i++) {
        struct tensor *tensor = arena_alloc(&arena, sizeof(*tensor));

        *tensor = (struct tensor){ .dtype = rows[i].dtype, .shape = rows[i].shape };
        tensor->data = arena_alloc(&arena, tensor_bytes(tensor));
        for (int64_t k = 0; k < shape_count(&tensor->shape); k++)
            element_set_real(tensor->dtype, tensor->data, k, i + 0.5);
        list.tensor[i] = tensor;
        list.name[i] = arena_printf(&arena, "%s%s", front, rows[i].name);
    }
    assert_int_equal(npz_write(out, &list, &err), 0);
    assert_int_equal(output_commit(out, &err), 0);
    arena_free(&arena);
}

static void any_float_type_is_taken_behind_any_common_front(void **state)
{
    static const enum dtype types[] = { DTYPE_F32, DTYPE_F64, DTYPE_F16 };
    static const char *const fronts[] = { "", "module.", "model.", "module.model.", "_orig_mod." };

    (void)state;
    for (size_t t = 0; t < COUNT(types); t++)
        for (size_t f = 0; f < COUNT(fronts); f++) {
            struct row rows[5];
            struct error err = { 0 };
            struct model model;

            memcpy(rows, right, sizeof(right));
            rows[4] = (struct row){ "bn.num_batches_tracked", DTYPE_I64, { 0 } };
            for (int i = 0; i < 4; i++)
                rows[i].dtype = types[t];
            write_rows(rows, 5, fronts[f]);
            make(&model, 1);
            if (weights_read(&model, "a.npz", &err) < 0)
                fail_msg("%s: %s", fronts[f], err.message);
            for (int i = 0; i < 4; i++) {
                const int value = graph_find_value(&model.graph, rows[i].name);

                assert_true(((const float *)model.graph.value[value].tensor.data)[1] == (float)i + 0.5F);
            }
            model_free(&model);
        }
}

static void what_does_not_fit_is_named_with_how_much_does_not(void **state)
{
    static const struct {
        int replaced; /* of the right ones, by row; 4: added */
        struct row row;
        const char *says, *hint;
    } rows[] = {
        { 0,
          { "fc0.weight", DTYPE_F32, { 2, { 2, 2 } } },
          "a.npz: tensor 'fc1.weight' [2, 2] of mlp:2 is missing (1 missing, 0 differ, 1 are none of its)",
          "" },
        { 1,
          { "fc1.bias", DTYPE_F32, { 1, { 3 } } },
          "tensor 'fc1.bias' is F32 [3], mlp:2 expects F32 [2] (0 missing, 1 differ, 0 are none of its)",
          "" },
        { 2,
          { "fc2.weight", DTYPE_F32, { 2, { 5, 2 } } },
          "tensor 'fc2.weight' is F32 [5, 2], mlp:2 expects F32 [3, 2]",
          "--classes 5" },
        { 2, { "fc2.weight", DTYPE_I8, { 2, { 3, 2 } } }, "tensor 'fc2.weight' is I8 [3, 2], mlp:2 expects F32", "" },
        { 4, { "fc3.weight", DTYPE_F32, { 2, { 3, 3 } } }, "tensor 'fc3.weight' [3, 3] is none of mlp:2", "" },
        { 3, { "model.fc2.bias", DTYPE_F32, { 1, { 3 } } }, "tensor 'fc2.bias' [3] of mlp:2 is missing", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct row file[5];
        struct error err = { 0 };
        struct model model;

        memcpy(file, right, sizeof(right));
        file[rows[i].replaced] = rows[i].row;
        write_rows(file, rows[i].replaced == 4 ? 5 : 4, "");
        make(&model, 1);
        assert_int_equal(weights_read(&model, "a.npz", &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (strstr(err.message, rows[i].says) == NULL || strstr(err.hint, rows[i].hint) == NULL)
            fail_msg("expected '%s' and '%s', found '%s' and '%s'", rows[i].says, rows[i].hint, err.message, err.hint);
        model_free(&model);
    }
}

/* A weight by axis and one of one scale, as the two arrays that say how they stand for reals. */
static void quantized_weights_bring_their_scales_and_zero_points(void **state)
{
    static const float scales[3] = { 0.5F, 0.25F, 2 };
    static const int32_t zeros[3] = { 0, 0, 0 };
    static const char *const expected[][2] = {
        { "fc2.weight", "I8 [3, 2]" }, { "fc2.weight.scale", "F32 [3]" }, { "fc2.weight.zero_point", "I32 [3]" },
        { "fc2.bias", "I8 [3]" },      { "fc2.bias.scale", "F32 []" },    { "fc2.bias.zero_point", "I32 []" }
    };
    static int8_t bytes[6] = { 1, -2, 3, -4, 5, -6 };
    struct quant by_axis = { 0, 3, scales, zeros }, single = { -1, 1, scales, zeros };
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct tensor_list list;
    struct model model;
    struct input in;
    int found = 0;

    (void)state;
    make(&model, 1);
    for (int i = 0; i < 2; i++) {
        struct tensor *t = &model.graph.value[graph_find_value(&model.graph, i ? "fc2.bias" : "fc2.weight")].tensor;

        t->dtype = DTYPE_I8;
        t->data = bytes;
        t->quant = i ? &single : &by_axis;
    }
    assert_int_equal(weights_write_npz(&model, "q.npz", &err), 0);
    assert_int_equal(input_open(&in, "q.npz", 0, &err), 0);
    assert_int_equal(npz_read(&list, &arena, in.bytes, in.count, &err), 0);
    assert_int_equal(list.count, 8);
    for (int i = 0; i < list.count; i++)
        for (size_t k = 0; k < COUNT(expected); k++) {
            char shape[160], text[200];

            if (strcmp(list.name[i], expected[k][0]) != 0)
                continue;
            snprintf(text, sizeof(text), "%s %s", dtype_name(list.tensor[i]->dtype),
                     shape_text(&list.tensor[i]->shape, shape));
            assert_string_equal(text, expected[k][1]);
            found++;
        }
    assert_int_equal(found, COUNT(expected));
    input_close(&in);
    arena_free(&arena);
    model_free(&model);
}

static void hostile_npz_are_refused(void **state)
{
    struct arena arena = { 0 };
    struct text path = { 0 };
    struct error err = { 0 };
    char **names;
    size_t count;

    (void)state;
    text_printf(&path, "%s/testdata/hostile/npz", home);
    assert_int_equal(folder_list(path.chars, &arena, &names, &count, &err), 0);
    assert_true(count >= 40);
    for (size_t i = 0; i < count; i++) {
        struct arena scratch = { 0 };
        struct text name = { 0 };
        struct tensor_list list;
        struct input in;

        text_printf(&name, "%s/%s", path.chars, names[i]);
        assert_int_equal(input_open(&in, name.chars, 0, &err), 0);
        err.kind = ERROR_NONE;
        if (npz_read(&list, &scratch, in.bytes, in.count, &err) == 0)
            fail_msg("%s was accepted", names[i]);
        if (err.kind != ERROR_INPUT || scratch.used_bytes > 1 << 20)
            fail_msg("%s: %d %s, %zu bytes", names[i], err.kind, err.message, scratch.used_bytes);
        input_close(&in);
        text_free(&name);
        arena_free(&scratch);
    }
    text_free(&path);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_come_back_from_both_kinds_of_file),
        cmocka_unit_test(any_float_type_is_taken_behind_any_common_front),
        cmocka_unit_test(what_does_not_fit_is_named_with_how_much_does_not),
        cmocka_unit_test(quantized_weights_bring_their_scales_and_zero_points),
        cmocka_unit_test(hostile_npz_are_refused),
    };

    return cmocka_run_group_tests(tests, enter, leave);
}
