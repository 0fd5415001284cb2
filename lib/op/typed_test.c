#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kern/each_path.h"
#include "op/spec.h"

/* Written by scripts/make-typed-vectors; a case is these lines. */
enum line { OPERATOR, INPUTS, ATTRIBUTES, OUTPUT, LINES };

struct typed_case {
    char *line[LINES];
    size_t room[LINES];
    struct spec spec, wanted;
};

static bool next_case(struct typed_case *c, FILE *file)
{
    for (int i = 0; i < LINES; i++) {
        ssize_t length = getline(&c->line[i], &c->room[i], file);

        if (length <= 0)
            return false;
        c->line[i][length - 1] = '\0';
    }
    return true;
}

/* Integers and reals of 16 bits are the same bits; F32 has functions of its own. */
static bool agrees(enum dtype dtype, double got, double want)
{
    const double share = dtype == DTYPE_F32 ? 2e-6 : dtype == DTYPE_F64 ? 1e-13 : 0;

    if (isnan(want) || isinf(want))
        return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= share * fmax(fabs(want), 1);
}

static void compare(const struct typed_case *c, const struct tensor *y)
{
    const struct tensor *want = &c->wanted.tensor[0][0];

    for (int64_t i = 0; i < shape_count(&want->shape); i++) {
        const bool same = dtype_is_float(want->dtype)
                              ? agrees(want->dtype, element_real(want->dtype, y->data, i),
                                       element_real(want->dtype, want->data, i))
                              : element_int(want->dtype, y->data, i) == element_int(want->dtype, want->data, i);

        if (!same)
            fail_msg("%s %s %s: element %d is %.17g, NumPy says %.17g", c->line[OPERATOR], c->line[INPUTS],
                     c->line[ATTRIBUTES], (int)i, element_real(want->dtype, y->data, i),
                     element_real(want->dtype, want->data, i));
    }
}

static void check(struct typed_case *c, const struct kern *kern)
{
    const struct op_run run = { .kern = kern };
    const struct tensor *x = &c->spec.tensor[0][0], *want = &c->wanted.tensor[0][0];
    struct tensor *y = &c->spec.tensor[1][0];
    struct error err = { 0 };

    if (spec_shape(&c->spec, c->line[OPERATOR], c->line[INPUTS], "", c->line[ATTRIBUTES], false, &err) < 0)
        fail_msg("%s %s %s: %s", c->line[OPERATOR], c->line[INPUTS], c->line[ATTRIBUTES], err.message);
    assert_int_equal(y->dtype, want->dtype);
    assert_true(shape_equal(&y->shape, &want->shape));
    y->data = spec_memory(&c->spec, tensor_bytes(y));
    c->spec.op->forward(&c->spec.io, &run);
    compare(c, y);
    if (!(c->spec.op->flags & OP_IN_PLACE) || x->dtype != y->dtype || !shape_equal(&x->shape, &y->shape))
        return;
    y->data = x->data;
    c->spec.op->forward(&c->spec.io, &run);
    compare(c, y);
}

static void operators_agree_with_numpy_on_every_type(void **state)
{
    FILE *file = fopen("testdata/op/typed.txt", "r");
    struct typed_case c = { 0 };
    struct kern kern;
    int cases = 0;

    assert_non_null(file);
    assert_int_equal(kern_init(&kern, *state, NULL), 0);
    for (; next_case(&c, file); cases++) {
        char *copy = strdup(c.line[OUTPUT]);

        assert_non_null(copy);
        c.wanted = (struct spec){ 0 };
        spec_tensor(&c.wanted, 0, 0, copy);
        check(&c, &kern);
        free(copy);
        spec_end(&c.spec);
        spec_end(&c.wanted);
    }
    assert_true(feof(file) && cases > 500);
    for (int i = 0; i < LINES; i++)
        free(c.line[i]);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_agree_with_numpy_on_every_type),
    };

    return EACH_PATH_RUN(tests, NULL);
}
