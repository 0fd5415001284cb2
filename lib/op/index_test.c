/* Operators that move, pick and reduce give what NumPy gives, in every element type. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "op/spec.h"

/* Written by scripts/make-index-vectors; a case is these lines. */
enum line { OPERATOR, INPUTS, ATTRIBUTES, OUTPUTS, LINES };

struct index_case {
    char *line[LINES];
    size_t room[LINES];
    struct spec spec, wanted;
};

static bool next_case(struct index_case *c, FILE *file)
{
    for (int i = 0; i < LINES; i++) {
        ssize_t length = getline(&c->line[i], &c->room[i], file);

        if (length <= 0)
            return false;
        c->line[i][length - 1] = '\0';
    }
    return true;
}

/* Half a step of the type, and no step at all for integers. */
static bool is_close(const struct tensor *got, const struct tensor *want, int64_t i)
{
    const double a = element_real(got->dtype, got->data, i), b = element_real(got->dtype, want->data, i);
    const double step = got->dtype == DTYPE_F64 ? 1e-14 : got->dtype == DTYPE_F32 ? 1e-6 : 1e-3;

    if (!dtype_is_float(got->dtype))
        return element_int(got->dtype, got->data, i) == element_int(got->dtype, want->data, i);
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= step * fabs(b);
}

static void compare(const struct index_case *c, int output)
{
    const struct tensor *got = &c->spec.tensor[1][output], *want = &c->wanted.tensor[0][output];
    char text[160];

    if (got->dtype != want->dtype || !shape_equal(&got->shape, &want->shape))
        fail_msg("%s %s %s: output %d is %s %s, expected %s", c->line[OPERATOR], c->line[INPUTS], c->line[ATTRIBUTES],
                 output, dtype_name(got->dtype), shape_text(&got->shape, text), c->line[OUTPUTS]);
    for (int64_t i = 0; i < shape_count(&want->shape); i++)
        if (!is_close(got, want, i))
            fail_msg("%s %s %s: output %d element %d is %.17g, numpy says %s", c->line[OPERATOR], c->line[INPUTS],
                     c->line[ATTRIBUTES], output, (int)i, element_real(got->dtype, got->data, i), c->line[OUTPUTS]);
}

static void run_case(struct index_case *c, const struct kern *kern)
{
    struct op_run run = { .kern = kern };
    struct error err = { 0 };
    char outputs[2 * SPEC_MOST + 1] = "", *rest, *copy;
    int64_t elements = 0;
    int count = 0;

    c->wanted = (struct spec){ 0 };
    copy = spec_words(&c->wanted, c->line[OUTPUTS]);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest), count++) {
        spec_tensor(&c->wanted, 0, count, word);
        memcpy(outputs + 2 * (size_t)count, "- ", 3);
    }
    if (spec_shape(&c->spec, c->line[OPERATOR], c->line[INPUTS], outputs, c->line[ATTRIBUTES], false, &err) < 0)
        fail_msg("%s %s %s: %s", c->line[OPERATOR], c->line[INPUTS], c->line[ATTRIBUTES], err.message);
    for (int i = 0; i < count; i++) {
        c->spec.tensor[1][i].data = spec_memory(&c->spec, tensor_bytes(&c->spec.tensor[1][i]));
        elements += shape_count(&c->spec.tensor[1][i].shape);
    }
    c->spec.io.work = spec_memory(&c->spec, c->spec.io.work_bytes);
    if (elements > 0)
        c->spec.op->forward(&c->spec.io, &run);
    for (int i = 0; i < count; i++)
        compare(c, i);
}

static void operators_agree_with_numpy(void **state)
{
    FILE *file = fopen("testdata/op/index.txt", "r");
    struct index_case c = { 0 };
    struct kern kern;
    int cases = 0;

    (void)state;
    assert_non_null(file);
    assert_int_equal(kern_init(&kern, NULL, NULL), 0);
    for (; next_case(&c, file); cases++) {
        run_case(&c, &kern);
        spec_end(&c.spec);
        spec_end(&c.wanted);
    }
    assert_true(feof(file) && cases > 1000);
    for (int i = 0; i < LINES; i++)
        free(c.line[i]);
    fclose(file);
}

static void constant_indices_outside_are_refused(void **state)
{
    static const struct {
        const char *name, *inputs, *attributes, *message;
    } cases[] = {
        { "Gather", "F32[3,4] I64[2]{0,3}", "", "index 3 at 1, expected -3 to 2" },
        { "GatherElements", "F32[2,2] I32[1,2]{0,-3}", "", "index -3 at 1, expected -2 to 1" },
        { "GatherND", "F32[2,3] I64[2,2]{0,2,1,3}", "", "index 3 at 3, expected -3 to 2" },
        { "GatherND", "F32[2,3] I64[2,1]{0,-4}", "batch_dims=1", "index -4 at 1, expected -3 to 2" },
        { "ScatterElements", "F32[2] I64[1]{2} F32[1]", "", "index 2 at 0, expected -2 to 1" },
        { "ScatterND", "F32[2,3] I64[1,2]{1,-4} F32[1]", "", "index -4 at 1, expected -3 to 2" },
        { "ArgMax", "F32[2,0]", "axis=1", "nothing to choose from: axis 1 is empty" },
        { "Range", "I64[]{1} I64[]{0} I64[]{0}", "", "a range from 1 to 0 by 0 has no end" },
        { "ReverseSequence", "F32[2,2] I64[2]", "time_axis=9223372036854775807 batch_axis=2",
          "time_axis and batch_axis are not 0 and 1" },
        { "Pad", "I32[2] I64[2]{0,1} F32[]{1}", "", "input 2 is F32, expected I32" },
        { "Pad", "I32[2] I64[2]{-2,1}", "mode=wrap", "pads are -2 and 1 on axis 0, expected less than 2" },
    };
    struct spec s;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };

        assert_int_equal(spec_shape(&s, cases[i].name, cases[i].inputs, "", cases[i].attributes, false, &err), -1);
        assert_string_equal(err.message, cases[i].message);
        spec_end(&s);
    }
}

/* forward() cannot refuse what only the run brings: the sanitizer sees who reads or writes outside. */
static void computed_indices_outside_are_held_within(void **state)
{
    static const struct {
        const char *name, *inputs, *attributes;
        int computed;
        float first;
    } cases[] = {
        { "Gather", "F32[3]{5,6,7} I64[1]{9223372036854775807}", "", 1, 7 },
        { "GatherElements", "F32[3]{5,6,7} I64[1]{-9223372036854775808}", "", 1, 5 },
        { "GatherND", "F32[3]{5,6,7} I64[1,1]{99}", "", 1, 7 },
        { "ScatterElements", "F32[3]{5,6,7} I64[1]{-99} F32[1]{1}", "", 1, 1 },
        { "ScatterND", "F32[3]{5,6,7} I64[1,1]{-99} F32[1]{2}", "", 1, 2 },
        { "OneHot", "I64[1]{99} I64[]{3} F32[2]{4,8}", "", 0, 4 },
        { "ReverseSequence", "F32[3,1]{5,6,7} I64[1]{99}", "", 1, 7 },
    };
    struct op_run run = { 0 };
    struct kern kern;
    struct spec s;

    (void)state;
    assert_int_equal(kern_init(&kern, NULL, NULL), 0);
    run.kern = &kern;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct op_io io = { .workers = 1 };
        struct tensor *late;
        void *values;

        spec_read(&s, &io, cases[i].name, cases[i].inputs, "", cases[i].attributes);
        late = &s.tensor[0][cases[i].computed];
        values = late->data;
        late->data = NULL;
        assert_int_equal(s.op->shape(&s.io, NULL), 0);
        late->data = values;
        s.tensor[1][0].data = spec_memory(&s, tensor_bytes(&s.tensor[1][0]));
        s.op->forward(&s.io, &run);
        assert_true(*(float *)s.tensor[1][0].data == cases[i].first);
        spec_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_agree_with_numpy),
        cmocka_unit_test(constant_indices_outside_are_refused),
        cmocka_unit_test(computed_indices_outside_are_held_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
