#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kern/each_path.h"
#include "op/spec.h"

/* Written by scripts/make-integer-vectors; a case is these lines. */
enum line { OPERATOR, INPUTS, ATTRIBUTES, OUTPUT, LINES };

struct given {
    char *line[LINES];
    size_t room[LINES];
};

static bool next_case(struct given *c, FILE *file)
{
    for (int i = 0; i < LINES; i++) {
        ssize_t length = getline(&c->line[i], &c->room[i], file);

        if (length <= 0)
            return false;
        c->line[i][length - 1] = '\0';
    }
    return true;
}

static void compare(const struct given *c, const struct tensor *y, const struct tensor *wanted)
{
    assert_true(y->dtype == wanted->dtype && shape_equal(&y->shape, &wanted->shape));
    for (int64_t i = 0; i < shape_count(&y->shape); i++)
        if (element_real(y->dtype, y->data, i) != element_real(y->dtype, wanted->data, i))
            fail_msg("%s %s %s: element %d is %.9g, expected %.9g", c->line[OPERATOR], c->line[INPUTS],
                     c->line[ATTRIBUTES], (int)i, element_real(y->dtype, y->data, i),
                     element_real(y->dtype, wanted->data, i));
}

/* What pack() has taken is not there any more. */
static void pack_ahead(struct spec *s, const struct op_run *run)
{
    s->io.packed = spec_memory(s, s->io.packed_bytes);
    s->op->pack(&s->io, run);
    for (int i = 0; i < s->io.in_count; i++)
        if (s->op->packs & 1U << i)
            s->tensor[0][i].data = NULL;
}

static void check(const struct given *c, const struct kern *kern, bool packs)
{
    const struct op_run run = { .kern = kern };
    struct error err = { 0 };
    struct spec s, want = { 0 };
    struct tensor *y = &s.tensor[1][0];

    if (spec_shape_with(&s, &(struct op_io){ .workers = 1, .packs = packs }, c->line[OPERATOR], c->line[INPUTS], "",
                        c->line[ATTRIBUTES], &err) < 0)
        fail_msg("%s %s: %s", c->line[OPERATOR], c->line[INPUTS], err.message);
    spec_tensor(&want, 0, 0, spec_words(&want, c->line[OUTPUT]));
    y->data = spec_memory(&s, tensor_bytes(y));
    s.io.work = spec_memory(&s, s.io.work_bytes);
    if (packs)
        pack_ahead(&s, &run);
    s.op->forward(&s.io, &run);
    compare(c, y, &want.tensor[0][0]);
    spec_end(&s);
    spec_end(&want);
}

static void integers_are_those_of_numpy(void **state)
{
    FILE *file = fopen("testdata/op/integers.txt", "r");
    struct given c = { 0 };
    struct kern kern;
    int cases = 0;

    assert_non_null(file);
    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    for (; next_case(&c, file); cases++) {
        check(&c, &kern, false);
        if (op_find(c.line[OPERATOR])->pack != NULL)
            check(&c, &kern, true);
    }
    assert_true(feof(file) && cases > 200);
    for (int i = 0; i < LINES; i++)
        free(c.line[i]);
    fclose(file);
}

/* Nothing is undefined where no scale can be: UBSan watches. */
static void a_range_with_infinities_has_bytes(void **state)
{
    static const char *const inputs[] = { "F32[3]{-inf,0,inf}", "F32[2]{nan,nan}", "F32[2]{inf,1}", "F32[1]{1e-44}" };
    struct kern kern;

    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    for (size_t i = 0; i < COUNT(inputs); i++) {
        struct error err = { 0 };
        struct spec s;

        assert_int_equal(spec_shape(&s, "DynamicQuantizeLinear", inputs[i], "- - -", "", false, &err), 0);
        for (int k = 0; k < 3; k++)
            s.tensor[1][k].data = spec_memory(&s, tensor_bytes(&s.tensor[1][k]));
        s.op->forward(&s.io, &(struct op_run){ .kern = &kern });
        spec_end(&s);
    }
}

static const struct {
    const char *op, *inputs, *attributes, *message;
} refused[] = {
    { "MatMulInteger", "U8[2,3] I8[4,5]", "", "cannot multiply [2, 3] by [4, 5]" },
    { "MatMulInteger", "U8[2,0] I8[0,5]", "", "cannot multiply [2, 0] by [0, 5]" },
    { "MatMulInteger", "F32[2,3] I8[3,5]", "", "input 0 is F32, expected U8 or I8" },
    { "MatMulInteger", "U8[2,3] I8[3,5] U8[3]", "", "input 2 has 3 zero points, expected 1 or 2" },
    { "MatMulInteger", "U8[2,3] I8[3,5] I8[2]", "", "input 2 is I8, expected U8" },
    { "ConvInteger", "U8[1,2,4,4] U8[3,2,2,2] U8[] U8[2]", "", "input 3 has 2 zero points, expected 1 or 3" },
    { "QLinearMatMul", "U8[2,3] F32[3] U8[] I8[3,5] F32[] I8[] F32[] U8[]", "",
      "input 1 has 3 scales, expected 1 or 2" },
    { "QuantizeLinear", "F32[2,6] F32[2,2]", "block_size=4", "" },
    { "QuantizeLinear", "F32[2,6] F32[2,3]", "block_size=4",
      "scales have shape [2, 3], expected [2, 2] for blocks of 4 along axis 1" },
    { "QuantizeLinear", "F32[2,6] F32[]", "block_size=-1", "block_size is -1, expected 0 or more" },
    { "QuantizeLinear", "F32[2] F32[]", "output_dtype=17", "output_dtype is 17, expected 2 to 5 (U8, I8, U16, I16)" },
    { "QuantizeLinear", "F32[2] F32[] I8[]", "output_dtype=2",
      "output_dtype is 2, expected that of the zero point, I8" },
    { "DequantizeLinear", "I64[2] F32[]", "", "input 0 is I64, expected U8, I8, U16, I16 or I32" },
};

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct error err = { 0 };
        struct spec s;
        const int result = spec_shape(&s, refused[i].op, refused[i].inputs, "", refused[i].attributes, false, &err);

        assert_int_equal(result, *refused[i].message ? -1 : 0);
        assert_string_equal(err.message, refused[i].message);
        spec_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_those_of_numpy),
        cmocka_unit_test(a_range_with_infinities_has_bytes),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };

    return EACH_PATH_RUN(tests, NULL);
}
