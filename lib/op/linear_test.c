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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_those_of_numpy),
        cmocka_unit_test(a_range_with_infinities_has_bytes),
    };

    return EACH_PATH_RUN(tests, NULL);
}
