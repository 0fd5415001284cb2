#include <stddef.h>
#include <string.h>

#include "kern/each_path.h"
#include "op/spec.h"

/* Inputs and what comes out, both in full. */
static const struct {
    const char *op, *inputs, *attributes, *output;
} cases[] = {
    /* half to even, then the zero point, then saturation */
    { "QuantizeLinear", "F32[8]{0,0.5,1.5,2.5,-0.5,-1.5,1000,-1000} F32[]{1} U8[]{128}", "",
      "U8[8]{128,128,130,130,128,126,255,0}" },
    { "QuantizeLinear", "F32[6]{0,1,3,-3,254,300} F32[]{2}", "", "U8[6]{0,0,2,0,127,150}" },
    { "QuantizeLinear", "F32[7]{0,0.5,1.5,-0.5,-1.5,1000,-1000} F32[]{1} I8[]{-3}", "",
      "I8[7]{-3,-3,-1,-3,-5,127,-128}" },
    { "QuantizeLinear", "F32[3]{-1,0,1} F32[]{1}", "output_dtype=3", "I8[3]{-1,0,1}" },
    /* an axis */
    { "QuantizeLinear", "F32[2,3]{1,2,3,4,5,6} F32[3]{1,0.5,0.25} U8[3]{0,10,20}", "", "U8[2,3]{1,14,32,4,20,44}" },
    { "QuantizeLinear", "F32[2,3]{1,2,3,4,5,6} F32[2]{1,0.5} I8[2]{0,-1}", "axis=0", "I8[2,3]{1,2,3,7,9,11}" },
    { "DequantizeLinear", "U8[4]{0,128,129,255} F32[]{0.5} U8[]{128}", "", "F32[4]{-64,0,0.5,63.5}" },
    { "DequantizeLinear", "I8[4]{-128,0,1,127} F32[1]{0.25} I8[1]{-1}", "", "F32[4]{-31.75,0.25,0.5,32}" },
    { "DequantizeLinear", "I32[3]{-70000,0,100000} F32[]{0.5}", "", "F32[3]{-35000,0,50000}" },
    { "DequantizeLinear", "I8[2,1,2]{1,2,3,4} F32[2]{0.5,2}", "axis=-3", "F32[2,1,2]{0.5,1,6,8}" },
};

static void numbers_are_those_of_the_formula(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        struct spec s, want = { 0 };
        struct kern kern;
        struct tensor *y;

        assert_int_equal(kern_init(&kern, *state, NULL), 0);
        if (spec_shape(&s, cases[i].op, cases[i].inputs, "", cases[i].attributes, false, &err) < 0)
            fail_msg("%s %s: %s", cases[i].op, cases[i].inputs, err.message);
        spec_tensor(&want, 0, 0, spec_words(&want, cases[i].output));
        y = &s.tensor[1][0];
        y->data = spec_memory(&s, tensor_bytes(y));
        s.op->forward(&s.io, &(struct op_run){ .kern = &kern });
        assert_true(y->dtype == want.tensor[0][0].dtype && shape_equal(&y->shape, &want.tensor[0][0].shape));
        if (memcmp(y->data, want.tensor[0][0].data, tensor_bytes(y)) != 0)
            fail_msg("%s %s: not %s", cases[i].op, cases[i].inputs, cases[i].output);
        spec_end(&s);
        spec_end(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_the_formula),
    };

    return EACH_PATH_RUN(tests, NULL);
}
