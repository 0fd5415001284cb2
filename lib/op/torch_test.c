#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kern/each_path.h"
#include "op/spec.h"

/* Written by scripts/make-op-vectors; a case is these lines. */
enum line { OPERATOR, INPUTS, ATTRIBUTES, OUTPUTS, OUTPUT_GRADS, INPUT_GRADS, LINES };

struct torch_case {
    char *line[LINES];
    size_t room[LINES];
    struct spec spec;
    struct spec wanted;    /* outputs; and what backward() is given */
    struct spec wanted_in; /* gradients of inputs */
};

static bool next_case(struct torch_case *c, FILE *file)
{
    for (int i = 0; i < LINES; i++) {
        ssize_t length = getline(&c->line[i], &c->room[i], file);

        if (length <= 0)
            return false;
        c->line[i][length - 1] = '\0';
    }
    return true;
}

static int read_tensors(struct spec *s, int side, char *line)
{
    int count = 0;
    char *rest;

    for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        spec_tensor(s, side, count++, word);
    return count;
}

static void compare(const struct torch_case *c, const char *what, int i, const float *got, const struct tensor *want)
{
    double most = 0;

    for (int64_t e = 0; e < shape_count(&want->shape); e++)
        most = fmax(most, fabs((double)((float *)want->data)[e]));
    for (int64_t e = 0; e < shape_count(&want->shape); e++) {
        double value = (double)((float *)want->data)[e];

        if (!(fabs((double)got[e] - value) <= 2e-6 * fmax(most, 1) + 1e-5 * fabs(value)))
            fail_msg("%s %s %s: %s %d element %d is %.9g, torch says %.9g", c->line[OPERATOR], c->line[INPUTS],
                     c->line[ATTRIBUTES], what, i, (int)e, (double)got[e], value);
    }
}

static void prepare(struct torch_case *c)
{
    struct error err = { 0 };
    char outputs[2 * SPEC_MOST + 1] = "";
    int count;

    c->wanted = c->wanted_in = (struct spec){ 0 };
    count = read_tensors(&c->wanted, 0, c->line[OUTPUTS]);
    (void)read_tensors(&c->wanted, 1, c->line[OUTPUT_GRADS]);
    (void)read_tensors(&c->wanted_in, 0, c->line[INPUT_GRADS]);
    for (int i = 0; i < count; i++)
        memcpy(outputs + 2 * i, "- ", 3);
    if (spec_shape(&c->spec, c->line[OPERATOR], c->line[INPUTS], outputs, c->line[ATTRIBUTES], true, &err) < 0)
        fail_msg("%s %s: %s", c->line[OPERATOR], c->line[INPUTS], err.message);
    for (int i = 0; i < count; i++) {
        struct tensor *y = &c->spec.tensor[1][i];

        assert_true(shape_equal(&y->shape, &c->wanted.tensor[0][i].shape));
        y->data = spec_memory(&c->spec, tensor_bytes(y));
        y->grad = c->wanted.tensor[1][i].data;
    }
    for (int i = 0; i < c->spec.io.in_count; i++)
        if (c->wanted_in.pointer[0][i] != NULL)
            c->spec.tensor[0][i].grad = spec_memory(&c->spec, tensor_bytes(&c->spec.tensor[0][i]));
    c->spec.io.work = spec_memory(&c->spec, c->spec.io.work_bytes);
    c->spec.io.saved = spec_memory(&c->spec, c->spec.io.saved_bytes);
}

static void check(struct torch_case *c, const struct kern *kern)
{
    struct op_run run = { .kern = kern };

    c->spec.op->forward(&c->spec.io, &run);
    for (int i = 0; i < c->spec.io.out_count; i++)
        compare(c, "output", i, c->spec.tensor[1][i].data, &c->wanted.tensor[0][i]);
    c->spec.op->backward(&c->spec.io, &run);
    for (int i = 0; i < c->spec.io.in_count; i++)
        if (c->wanted_in.pointer[0][i] != NULL)
            compare(c, "gradient", i, c->spec.tensor[0][i].grad, &c->wanted_in.tensor[0][i]);
}

static void operators_agree_with_torch(void **state)
{
    FILE *file = fopen("testdata/op/vectors.txt", "r");
    struct torch_case c = { 0 };
    struct kern kern;
    int cases = 0;

    assert_non_null(file);
    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    for (; next_case(&c, file); cases++) {
        prepare(&c);
        check(&c, &kern);
        spec_end(&c.spec);
        spec_end(&c.wanted);
        spec_end(&c.wanted_in);
    }
    assert_true(feof(file) && cases > 50);
    for (int i = 0; i < LINES; i++)
        free(c.line[i]);
    fclose(file);
}

static void every_operator_with_a_backward_has_a_case(void **state)
{
    char line[1 << 16];
    bool found[256] = { false };
    FILE *file = fopen("testdata/op/vectors.txt", "r");

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; op_table[i] != NULL; i++)
            found[i] = found[i] || strcmp(op_table[i]->name, line) == 0;
    }
    fclose(file);
    for (int i = 0; op_table[i] != NULL; i++)
        if (!found[i] && op_table[i]->backward != NULL && !(op_table[i]->flags & OP_TRAINING_ONLY))
            fail_msg("%s has no case in scripts/make-op-vectors", op_table[i]->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_agree_with_torch),
        cmocka_unit_test(every_operator_with_a_backward_has_a_case),
    };

    return EACH_PATH_RUN(tests, NULL);
}
