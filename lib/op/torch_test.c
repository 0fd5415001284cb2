#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kern/each_path.h"
#include "op/spec.h"

/*
 * Written by scripts/make-op-vectors, and by make-forward-vectors where no
 * gradient is asked for: "-" for each. A case is these lines.
 */
enum line { OPERATOR, INPUTS, ATTRIBUTES, OUTPUTS, OUTPUT_GRADS, INPUT_GRADS, LINES };

static const char *const files[] = { "testdata/op/vectors.txt", "testdata/op/forward.txt" };

struct torch_case {
    char *line[LINES];
    size_t room[LINES];
    struct spec spec;
    struct spec wanted;    /* outputs; and what backward() is given */
    struct spec wanted_in; /* gradients of inputs */
    bool forward_only;
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

/* What may be lost of the largest element, and of each. */
static double tolerance(enum dtype dtype, double most, double value)
{
    switch (dtype) {
    case DTYPE_F32: return 2e-6 * fmax(most, 1) + 1e-5 * fabs(value);
    case DTYPE_F64: return 1e-12 * fmax(most, 1);
    case DTYPE_F16: return 1e-3 * fabs(value) + 1e-7;
    case DTYPE_BF16: return 8e-3 * fabs(value);
    default: return 0;
    }
}

static void compare(const struct torch_case *c, const char *what, int i, const struct tensor *got, const void *data,
                    const struct tensor *want)
{
    double most = 0;

    for (int64_t e = 0; e < shape_count(&want->shape); e++)
        most = fmax(most, fabs(element_real(want->dtype, want->data, e)));
    for (int64_t e = 0; e < shape_count(&want->shape); e++) {
        double value = element_real(want->dtype, want->data, e), found = element_real(got->dtype, data, e);

        if (!(fabs(found - value) <= tolerance(want->dtype, most, value)) && found != value)
            fail_msg("%s %s %s: %s %d element %d is %.9g, expected %.9g", c->line[OPERATOR], c->line[INPUTS],
                     c->line[ATTRIBUTES], what, i, (int)e, found, value);
    }
}

static void prepare(struct torch_case *c)
{
    struct error err = { 0 };
    char outputs[2 * SPEC_MOST + 1] = "";
    int count;

    c->forward_only = c->line[OUTPUT_GRADS][0] == '-';
    c->wanted = c->wanted_in = (struct spec){ 0 };
    count = read_tensors(&c->wanted, 0, c->line[OUTPUTS]);
    (void)read_tensors(&c->wanted, 1, c->line[OUTPUT_GRADS]);
    (void)read_tensors(&c->wanted_in, 0, c->line[INPUT_GRADS]);
    for (int i = 0; i < count; i++)
        memcpy(outputs + 2 * i, "- ", 3);
    if (spec_shape(&c->spec, c->line[OPERATOR], c->line[INPUTS], outputs, c->line[ATTRIBUTES], !c->forward_only, &err) <
        0)
        fail_msg("%s %s: %s", c->line[OPERATOR], c->line[INPUTS], err.message);
    for (int i = 0; i < count; i++) {
        struct tensor *y = &c->spec.tensor[1][i];

        assert_string_equal(dtype_name(y->dtype), dtype_name(c->wanted.tensor[0][i].dtype));
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
        compare(c, "output", i, &c->spec.tensor[1][i], c->spec.tensor[1][i].data, &c->wanted.tensor[0][i]);
    if (c->forward_only)
        return;
    c->spec.op->backward(&c->spec.io, &run);
    for (int i = 0; i < c->spec.io.in_count; i++)
        if (c->wanted_in.pointer[0][i] != NULL)
            compare(c, "gradient", i, &c->spec.tensor[0][i], c->spec.tensor[0][i].grad, &c->wanted_in.tensor[0][i]);
}

static void check_file(const char *name, const char *cpu)
{
    FILE *file = fopen(name, "r");
    struct torch_case c = { 0 };
    struct kern kern;
    int cases = 0;

    assert_non_null(file);
    assert_int_equal(kern_init(&kern, cpu, NULL), 0);
    for (; next_case(&c, file); cases++) {
        prepare(&c);
        check(&c, &kern);
        spec_end(&c.spec);
        spec_end(&c.wanted);
        spec_end(&c.wanted_in);
    }
    assert_true(feof(file) && cases > 40);
    for (int i = 0; i < LINES; i++)
        free(c.line[i]);
    fclose(file);
}

static void operators_agree_with_torch(void **state)
{
    for (size_t i = 0; i < COUNT(files); i++)
        check_file(files[i], *state);
}

static void every_operator_with_a_backward_has_a_case(void **state)
{
    char line[1 << 16];
    bool found[256] = { false };
    FILE *file = fopen(files[0], "r");

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
