#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kern/each_path.h"
#include "op/spec.h"

/* Written by scripts/make-recurrent-vectors; a case is these lines. */
enum line { OPERATOR, INPUTS, ATTRIBUTES, OUTPUTS, LINES };

static bool next_case(char *line[LINES], size_t room[LINES], FILE *file)
{
    for (int i = 0; i < LINES; i++) {
        ssize_t length = getline(&line[i], &room[i], file);

        if (length <= 0)
            return false;
        line[i][length - 1] = '\0';
    }
    return true;
}

static void run(struct spec *s, const struct kern *kern)
{
    struct op_run run = { .kern = kern };

    for (int i = 0; i < s->io.out_count; i++)
        s->tensor[1][i].data = spec_memory(s, tensor_bytes(&s->tensor[1][i]));
    s->io.work = spec_memory(s, s->io.work_bytes);
    s->op->forward(&s->io, &run);
}

static void compare(char *line[LINES], int output, const struct tensor *got, const struct tensor *want)
{
    assert_true(shape_equal(&got->shape, &want->shape));
    for (int64_t e = 0; e < shape_count(&want->shape); e++) {
        double found = (double)((float *)got->data)[e], value = (double)((float *)want->data)[e];

        if (!(fabs(found - value) <= 2e-6 + 1e-5 * fabs(value)))
            fail_msg("%s %s: output %d element %d is %.9g, expected %.9g", line[OPERATOR], line[ATTRIBUTES], output,
                     (int)e, found, value);
    }
}

/* Of all outputs, or of the first ones alone: the others are not asked for. */
static void check(char *line[LINES], int outputs, const struct spec *wanted, const struct kern *kern)
{
    static const char *const unused[] = { "", "-", "- -", "- - -" };
    struct spec s;
    struct error err = { 0 };

    if (spec_shape(&s, line[OPERATOR], line[INPUTS], unused[outputs], line[ATTRIBUTES], false, &err) < 0)
        fail_msg("%s %s: %s", line[OPERATOR], line[ATTRIBUTES], err.message);
    run(&s, kern);
    for (int i = 0; i < outputs; i++)
        compare(line, i, &s.tensor[1][i], &wanted->tensor[0][i]);
    spec_end(&s);
}

static void they_agree_with_torch_and_the_equations(void **state)
{
    FILE *file = fopen("testdata/op/recurrent.txt", "r");
    char *line[LINES] = { NULL };
    size_t room[LINES] = { 0 };
    struct kern kern;
    int cases = 0;

    assert_non_null(file);
    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    for (; next_case(line, room, file); cases++) {
        struct spec wanted = { 0 };
        int outputs = 0;
        char *rest;

        for (char *word = strtok_r(line[OUTPUTS], " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
            spec_tensor(&wanted, 0, outputs++, word);
        for (int first = 1; first <= outputs; first++)
            check(line, first, &wanted, &kern);
        spec_end(&wanted);
    }
    assert_true(feof(file) && cases > 50);
    for (int i = 0; i < LINES; i++)
        free(line[i]);
    fclose(file);
}

/* No step at all, or one without an input: only the state and biases speak. */
static void what_is_empty_keeps_the_state(void **state)
{
    struct kern kern;
    struct spec s;

    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    assert_int_equal(spec_shape(&s, "RNN", "F32[0,1,2] F32[1,2,2]{1,2,3,4} F32[1,2,2]{1,2,3,4} - - F32[1,1,2]{5,-6}",
                                "- -", "", false, NULL),
                     0);
    run(&s, &kern);
    assert_int_equal(shape_count(&s.tensor[1][0].shape), 0);
    assert_true(((float *)s.tensor[1][1].data)[0] == 5 && ((float *)s.tensor[1][1].data)[1] == -6);
    spec_end(&s);
    assert_int_equal(spec_shape(&s, "RNN", "F32[1,1,0]{} F32[1,1,0]{} F32[1,1,1]{2} F32[1,2]{0.25,0.5} - F32[1,1,1]{3}",
                                "- -", "activations=Relu", false, NULL),
                     0);
    run(&s, &kern);
    assert_true(((float *)s.tensor[1][0].data)[0] == 6.75F);
    spec_end(&s);
}

/* Whatever a file says of lengths, nothing beyond the sequence is read. */
static void lengths_beyond_the_sequence_are_its_end(void **state)
{
    struct kern kern;
    struct spec s;

    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    assert_int_equal(spec_shape(&s, "RNN",
                                "F32[2,2,1]{1,1,1,1} F32[1,1,1]{1} F32[1,1,1]{1} - I32[2]{2147483647,-2147483648}",
                                "- -", "activations=Relu", false, NULL),
                     0);
    run(&s, &kern);
    assert_memory_equal(s.tensor[1][0].data, ((float[]){ 1, 0, 2, 0 }), 4 * sizeof(float));
    assert_memory_equal(s.tensor[1][1].data, ((float[]){ 2, 0 }), 2 * sizeof(float));
    spec_end(&s);
}

static void what_cannot_be_is_refused(void **state)
{
    static const char fits[] = "F32[5,2,3] F32[1,4,3] F32[1,4,4]";
    static const struct {
        const char *op, *in, *attributes, *message;
    } cases[] = {
        { "RNN", fits, "direction=sideways", "direction is 'sideways', expected one such as 'forward'" },
        { "RNN", fits, "layout=2", "layout is 2, expected 0 or 1" },
        { "RNN", fits, "clip=0", "clip is 0, expected a number above 0" },
        { "RNN", fits, "clip=-1.5", "clip is -1.5, expected a number above 0" },
        { "RNN", fits, "hidden_size=3", "hidden_size is 3, input 2 has 4" },
        { "RNN", fits, "direction=bidirectional", "input 1 has shape [1, 4, 3], expected [2, 4, 3]" },
        { "RNN", fits, "activations=Swish", "activation 'Swish' is not known here, expected one such as 'Tanh'" },
        { "RNN", fits, "activations=Tanh+Tanh", "activations has more than the 1 names of 1 direction" },
        { "RNN", fits, "activation_alpha=1", "activation_alpha is of another kind, expected a list of numbers" },
        { "LSTM", "F32[5,2,3] F32[1,16,3] F32[1,16,4]", "activations=Tanh", "activations has 1 names, expected 3" },
        { "LSTM", fits, "", "input 1 has shape [1, 4, 3], expected [1, 16, 3]" },
        { "GRU", fits, "", "input 1 has shape [1, 4, 3], expected [1, 12, 3]" },
        { "RNN", "F32[5,2] F32[1,4,3] F32[1,4,4]", "", "input 0 has shape [5, 2], expected 3 axes" },
        { "RNN", "F32[5,2,3] F32[1,4,3] F32[1,4,0]", "", "input 1 has shape [1, 4, 3], expected [1, 0, 3]" },
        { "RNN", "F64[5,2,3] F32[1,4,3] F32[1,4,4]", "", "input 0 is F64, expected F32" },
        { "RNN", "F32[5,2,3] F32[1,4,3] F32[1,4,4] F32[1,4]", "", "input 3 has shape [1, 4], expected [1, 8]" },
        { "RNN", "F32[5,2,3] F32[1,4,3] F32[1,4,4] - I64[2]", "", "input 4 is I64, expected I32" },
        { "RNN", "F32[5,2,3] F32[1,4,3] F32[1,4,4] - I32[5]", "", "input 4 has shape [5], expected [2]" },
        { "RNN", "F32[2,5,3] F32[1,4,3] F32[1,4,4] - I32[5]", "layout=1", "input 4 has shape [5], expected [2]" },
        { "RNN", "F32[5,2,3] F32[1,4,3] F32[1,4,4] - - F32[2,1,4]", "",
          "input 5 has shape [2, 1, 4], expected [1, 2, 4]" },
        { "LSTM", "F32[0,2,3] F32[1,0,3] F32[1,0,4611686018427387904]", "",
          "shape [0, 2, 4, 4611686018427387904] has more than 4294967296 elements" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spec s;
        struct error err = { 0 };

        assert_int_equal(spec_shape(&s, cases[i].op, cases[i].in, "- -", cases[i].attributes, false, &err), -1);
        assert_string_equal(err.message, cases[i].message);
        spec_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_agree_with_torch_and_the_equations),
        cmocka_unit_test(what_is_empty_keeps_the_state),
        cmocka_unit_test(lengths_beyond_the_sequence_are_its_end),
        cmocka_unit_test(what_cannot_be_is_refused),
    };

    return EACH_PATH_RUN(tests, NULL);
}
