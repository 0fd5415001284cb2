#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "op/spec.h"

/* What shape() must refuse, and what it says: expected and found. */
static const struct {
    const char *op, *inputs, *outputs, *attributes, *message;
} refused[] = {
    /* ---- one operand ---- */
    { "Sigmoid", "I64[2]", "", "", "input 0 is I64, expected F32 or quantized U8" },
    { "Sigmoid", "U8[2]", "@1:0", "", "input 0 is U8, expected one positive scale" },
    { "Sigmoid", "U8[2]@1:0", "", "", "expected an output with one positive scale" },
    { "Relu", "U8[2]@-1:0", "@1:0", "", "input 0 is U8, expected one positive scale" },
    { "LeakyRelu", "F32[2]", "", "alpha=low", "attribute 'alpha' is a text, expected a number" },
    { "Clip", "F32[2] F32[2]{0,1}", "", "", "min is F32 of 2 elements, expected one real" },
    { "Clip", "F32[2] - F32[]", "", "", "max is computed, expected a constant" },
    { "Gelu", "F32[2]", "", "approximate=erf", "approximate is 'erf', expected one such as 'none'" },
    /* ---- two operands ---- */
    { "Add", "F32[2,3] F32[4]", "", "", "shapes [2, 3] and [4] do not broadcast" },
    { "Mul", "F32[2] I64[2]", "", "", "input 1 is I64, expected F32" },
    { "Div", "U8[2]@1:0 U8[2]@1:0", "@1:0", "", "input 0 is U8, expected F32" },
    { "Add", "F32[1048576,1,1] F32[1,1048576,1048576]", "", "", "has more than" },
    /* ---- other shapes ---- */
    { "Reshape", "F32[2,3]", "", "", "shape has -1 axes, expected 0 to 8" },
    { "Reshape", "F32[2,3] I64[2]", "", "", "shape is computed, expected a constant" },
    { "Reshape", "F32[2,3] F32[1]{6}", "", "", "shape is F32, expected I64" },
    { "Reshape", "F32[2,3] I64[2]{4,-1}", "", "", "input has 6 elements, which do not divide by 4" },
    { "Reshape", "F32[2,3] I64[2]{-1,-1}", "", "", "shape has -1 at axis 1, expected one -1 at most" },
    { "Reshape", "F32[2,3] I64[3]{2,3,0}", "", "", "shape has 0 at axis 2" },
    { "Reshape", "F32[2,3] I64[1]{7}", "", "", "input has shape [2, 3], which cannot become [7]" },
    { "Reshape", "F32[2,3] I64[3]{9223372036854775,9223372036854775,8}", "", "", "has more than" },
    { "Flatten", "F32[2,3]", "", "axis=3", "axis is 3, expected -2 to 2" },
    { "Squeeze", "F32[2,1] I64[1]{0}", "", "", "input has shape [2, 1], expected length 1 at axis 0" },
    { "Squeeze", "F32[2,1]", "", "axes=1,-1", "axes name axis 1 twice, expected once" },
    { "Unsqueeze", "F32[2,1]", "", "", "axes has -1 entries, expected at most 6" },
    { "Unsqueeze", "F32[2,1]", "", "axes=4,", "axes is 4, expected -3 to 2 for rank 3" },
    { "Concat", "F32[2,1] F32[2,1]", "", "", "attribute 'axis' is absent" },
    { "Concat", "F32[2,1] F32[3,1]", "", "axis=1", "input 1 has shape [3, 1], expected [2, 1] but for axis 1" },
    { "Concat", "F32[2,1] F32[2]", "", "axis=0", "input 1 has shape [2], expected [2, 1] but for axis 0" },
    { "Concat", "F32[2,1] -", "", "axis=0", "input 1 is absent, expected 2 inputs" },
    { "Concat", "U8[2]@1:0 U8[2]", "@1:0", "axis=0", "input 1 is U8, expected one positive scale" },
    /* ---- along axes ---- */
    { "Softmax", "F32[2,3]", "", "axis=2", "axis is 2, expected -2 to 1 for rank 2" },
    { "Softmax", "U8[2,3]@1:0", "@1:0", "", "input 0 is U8, expected reals" },
    { "ReduceMean", "F32[2,3]", "", "axes=0,2", "axes is 2, expected -2 to 1 for rank 2" },
    { "ReduceSum", "F32[2,3] I64[1]", "", "", "axes is computed, expected a constant" },
    { "ReduceMax", "U8[2,3]@1:0", "@1:0", "", "input 0 is U8, expected F32" },
    { "LayerNormalization", "F32[2,3] F32[2]", "", "", "input 1 has 2 elements, expected 3" },
    { "LayerNormalization", "F32[2,3] F32[3] I64[3]", "", "", "input 2 is I64, expected F32" },
    { "GroupNormalization", "F32[1,4,2] F32[4] F32[4]", "", "num_groups=3",
      "num_groups is 3, expected a divisor of 4" },
    { "GroupNormalization", "F32[1,4,2] F32[4] F32[4]", "", "", "num_groups is -1, expected a divisor of 4" },
    { "InstanceNormalization", "F32[1,4] F32[4] F32[4]", "", "", "input has shape [1, 4], expected rank 3 to 8" },
    /* ---- moved elements ---- */
    { "Transpose", "F32[2,3]", "", "perm=0,0", "axes name axis 0 twice, expected once" },
    { "Transpose", "F32[2,3]", "", "perm=0,1,2", "perm has 3 entries, expected 2" },
    { "Transpose", "U8[2,3]@1:0", "", "", "output 0 is not quantized, expected it as the input" },
    { "Slice", "F32[2,3]", "", "ends=1,", "starts is absent, expected a list" },
    { "Slice", "F32[2,3]", "", "starts=0, ends=1,2", "ends has 2 entries, expected 1" },
    { "Slice", "F32[2,3] I64[1]{0} I64[1]{1} I64[1]{2}", "", "", "axes is 2, expected -2 to 1" },
    { "Slice", "F32[2,3] I64[1]{0} I64[1]{1} I64[1]{1} I64[1]{0}", "", "", "steps is 0 for axis 1" },
    { "Slice", "F32[2]", "", "starts=0,0 ends=1,1", "starts has 2 entries, expected at most 1" },
    { "Split", "F32[6]", "- -", "split=1,2,3", "split has 3 entries, expected 2, one an output" },
    { "Split", "F32[6]", "- -", "split=1,2", "3 of axis 0 are left over, expected none" },
    { "Split", "F32[6]", "- -", "split=1,6", "part 1 has 6 of axis 0, expected 0 to 5" },
    { "Split", "F32[6]", "- -", "split=-1,7", "part 0 has -1 of axis 0, expected 0 to 6" },
    { "DepthToSpace", "F32[1,6,2,2]", "", "blocksize=2", "blocksize is 2, expected one whose square divides 6" },
    { "DepthToSpace", "F32[6,2,2]", "", "blocksize=2", "input has shape [6, 2, 2], expected rank 4" },
    { "DepthToSpace", "F32[1,4,2,2]", "", "blocksize=2 mode=RGB", "mode is 'RGB', expected one such as 'DCR'" },
    { "Pad", "F32[2,3]", "", "pads=1,1", "pads has 2 entries, expected 4" },
    { "Pad", "F32[2,3]", "", "pads=2,0,0,0 mode=reflect", "pads are 2 and 0 on axis 0, expected less than 2" },
    { "Pad", "F32[2,3]", "", "pads=-3,0,0,0", "pads are -3 and 0 on axis 0, which has 2" },
    { "Pad", "F32[2,3]", "", "pads=0,0,0,9223372036854775", "expected less than 2^31" },
    { "Pad", "F32[2,3] I64[4]", "", "", "pads is computed, expected a constant" },
    { "Pad", "F32[65536,65536]", "", "pads=0,0,200000,200000", "has more than" },
    { "Resize", "F32[1,1,2,2]", "", "", "there are 0 scales and 0 sizes, expected 4 of one kind" },
    { "Resize", "F32[1,1,2,2] - F32[2]{1,1}", "", "", "there are 2 scales and 0 sizes, expected 4 of one kind" },
    { "Resize", "F32[1,1,2,2] - F32[4]", "", "", "scales is computed, expected a constant" },
    { "Resize", "F32[1,1,2,2] - F32[4]{1,1,0.1,1}", "", "", "axis 2 has 2 and would get 0, expected at least 1" },
    { "Resize", "F32[1,1,2,2] - F32[4]{1,1,1,1}", "", "mode=area", "mode is 'area', expected one such as 'nearest'" },
    { "Resize", "F32[1,1,2,2] F32[2]{0,1} F32[4]{1,1,1,1}", "", "", "roi is no list of 8 constant reals" },
    { "Resize", "U8[1,1,2,2]@1:0 - F32[4]{1,1,2,2}", "@1:0", "mode=cubic", "nor runs on quantized bytes" },
    { "Resize", "F32[1,1,2,2] - F32[4]{1,1,1e9,1e9}", "", "", "has more than" },
    { "QuantizeLinear", "F32[2,3] F32[2]", "", "", "there are 2 scales, expected 1 or 3 for axis 1" },
    { "QuantizeLinear", "F32[2,3] F32[] I32[]", "", "", "the zero point is I32, expected U8, I8, U16 or I16" },
    { "QuantizeLinear", "F32[2,3] F32[3] U8[]", "", "", "there are 1 zero points, expected 3" },
    { "QuantizeLinear", "F32[2,3] F32[]", "", "block_size=2",
      "scales have shape [], expected [2, 2] for blocks of 2 along axis 1" },
    { "QuantizeLinear", "F32[2,6] F32[]", "", "block_size=-1", "block_size is -1, expected 0 or more" },
    { "QuantizeLinear", "F32[2] F32[]", "", "output_dtype=16",
      "output_dtype is 16, expected 2 to 5 (U8, I8, U16, I16)" },
    { "QuantizeLinear", "F32[2] F32[] I8[]", "", "output_dtype=2",
      "output_dtype is 2, expected that of the zero point, I8" },
    { "DequantizeLinear", "F32[2,3] F32[]", "", "", "input 0 is F32, expected U8, I8, U16, I16 or I32" },
    { "DequantizeLinear", "U8[2,3] F32[] I8[]", "", "", "input 2 is I8, expected U8" },
    /* ---- indices and orders ---- */
    { "Gather", "F32[2,3] I64[2]{0,2}", "", "", "index 2 at 1, expected -2 to 1" },
    { "Gather", "F32[2,3] F32[2]{0,2}", "", "", "input 1 is F32, expected I64 or I32" },
    { "Gather", "F32[2,3] I64[1]{0}", "", "axis=2", "axis is 2, expected -2 to 1" },
    { "GatherElements", "F32[2,3] I64[2]{0,1}", "", "", "input 1 has shape [2], expected 2 axes" },
    { "GatherND", "F32[2,3] I64[1,3]{0,0,0}", "", "", "indices do not name a place in the input" },
    { "ScatterND", "F32[2,3] I64[1,1]{0} F32[2]{1,2}", "", "", "input 2 has shape [2], expected [1, 3]" },
    { "ScatterElements", "F32[2] I64[1]{5} F32[1]{1}", "", "", "index 5 at 0, expected -2 to 1" },
    { "TopK", "F32[3] I64[1]{4}", "- -", "", "k is 4, expected 0 to 3" },
    { "TopK", "F32[3] I64[1]", "- -", "", "k is computed, expected a constant" },
    { "CumSum", "F32[3] I64[]{1}", "", "", "axis does not name one of 1 axes" },
    { "Range", "I64[]{0} I64[]{5} I64[]{0}", "", "", "has no end" },
    { "Tile", "F32[3] I64[2]{1,1}", "", "", "repeats has 2 entries, expected 1" },
    { "Expand", "F32[3] I64[1]{2}", "", "", "" },
    { "ConstantOfShape", "I64[1]{-1}", "", "", "" },
    { "ConstantOfShape", "I64[3]{100000,100000,100000}", "", "", "has more than" },
    { "OneHot", "I64[2]{0,1} I64[]{0} F32[2]{0,1}", "", "", "depth is 0, expected 1 or more" },
    { "NonZero", "F32[3]", "", "", "input 0 is computed, expected a constant" },
    { "NonMaxSuppression", "F32[1,2,4]{0,0,1,1,0,0,1,1} F32[1,1,3]{1,1,1}", "", "", "do not belong together" },
    { "Compress", "F32[3] F32[3]{1,0,1}", "", "", "input 1 is F32, expected BOOL" },
    /* ---- other types ---- */
    { "And", "F32[2] F32[2]", "", "", "input 0 is F32, expected BOOL" },
    { "Less", "BOOL[2] BOOL[2]", "", "", "input 0 is BOOL, which this operator does not take" },
    { "Equal", "I64[2] I32[2]", "", "", "input 1 is I32, expected I64" },
    { "Equal", "U8[2]@1:0 U8[2]@2:0", "@1:0", "", "an input is quantized, expected plain numbers" },
    { "Clip", "I32[2]", "", "min=0.0", "min is an attribute, expected an input of I32" },
    { "BitShift", "I32[2] I32[2]", "", "direction=LEFT", "input 0 is I32, expected U8, U16, U32 or U64" },
    { "Sum", "F32[2] - F32[2]", "", "", "input 1 is absent, expected 3 inputs" },
    { "Where", "F32[2] F32[2] F32[2]", "", "", "input 0 is F32, expected BOOL" },
    { "Mod", "F32[2] F32[2]", "", "", "input 0 is F32, which this operator does not take" },
    { "Cast", "F32[2]", "", "to=8", "to is ONNX's data type 8, which is not known here" },
    { "PRelu", "F32[3] F32[2,3]", "", "", "slope has shape [2, 3], expected one that broadcasts to [3]" },
    { "Max", "F32[3] F32[2]", "", "", "" },
    { "LRN", "F32[1,2,3,3]", "", "size=0", "size is 0, expected 1 or more" },
    { "GridSample", "F32[1,2,3,3] F32[1,2,2,3]", "", "", "grid has shape [1, 2, 2, 3], expected places of 2" },
    { "GridSample", "F32[1,2,3,3] F32[1,2,2,2]", "", "mode=area", "mode is 'area', expected one such as 'linear'" },
    { "GridSample", "I64[1,2,3,3] F32[1,2,2,2]", "", "", "input 0 is I64, expected reals" },
    { "RoiAlign", "F32[1,2,3,3] F32[2,4] I64[2]{0,1}", "", "", "index 1 at 1, expected -1 to 0" },
    { "RoiAlign", "F32[1,2,3,3] F32[2,5] I64[2]", "", "", "regions have shape [2, 5], expected 4 numbers each" },
    { "RoiAlign", "F32[1,2,3,3] F32[2,4] I64[3]", "", "", "input 2 has shape [3], expected [2]" },
    { "RoiAlign", "F32[1,2,3,3] F32[2,4] I64[2]", "", "sampling_ratio=2000", "sampling_ratio is 2000, expected 0 to" },
    { "MaxUnpool", "F32[1,1,2,2] I64[1,1,2,2]", "", "", "attribute 'kernel_shape' is missing" },
    { "MaxUnpool", "F32[1,1,2,2] I64[1,1,2,2] I64[4]{1,2,4,4}", "", "kernel_shape=2,2",
      "output_shape has 2 at axis 1, the input has shape [1, 1, 2, 2]" },
    { "MaxUnpool", "F32[1,1,2,2] I64[1,1,2,2] I64[4]", "", "kernel_shape=2,2", "output_shape is computed" },
    { "ConvInteger", "F32[1,1,3,3] U8[1,1,2,2]", "", "", "input 0 is F32, expected U8 or I8" },
    { "MatMulInteger", "U8[2,3] U8[2,3]", "", "", "cannot multiply [2, 3] by [2, 3]" },
    { "MatMulInteger", "U8[2,3] I8[4,5]", "", "", "cannot multiply [2, 3] by [4, 5]" },
    { "MatMulInteger", "U8[2,0] I8[0,5]", "", "", "cannot multiply [2, 0] by [0, 5]" },
    { "MatMulInteger", "F32[2,3] I8[3,5]", "", "", "input 0 is F32, expected U8 or I8" },
    { "MatMulInteger", "U8[2,3] I8[3,5] U8[3]", "", "", "input 2 has 3 zero points, expected 1 or 2" },
    { "MatMulInteger", "U8[2,3] I8[3,5] I8[2]", "", "", "input 2 is I8, expected U8" },
    { "ConvInteger", "U8[1,2,4,4] U8[3,2,2,2] U8[] U8[2]", "", "", "input 3 has 2 zero points, expected 1 or 3" },
    { "QLinearMatMul", "U8[2,3] F32[3] U8[] I8[3,5] F32[] I8[] F32[] U8[]", "", "",
      "input 1 has 3 scales, expected 1 or 2" },
    { "DynamicQuantizeLinear", "I32[2]", "- - -", "", "input 0 is I32, expected F32" },
    { "Dropout", "F32[2] F32[]{1}", "", "", "ratio is 1, expected 0 to 1, without 1" },
    { "Dropout", "F32[2]", "", "ratio=-0.5", "ratio is -0.5, expected 0 to 1, without 1" },
};

static void bad_inputs_are_refused_with_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct error err = { 0 };
        struct spec s;
        int rc = spec_shape(&s, refused[i].op, refused[i].inputs, refused[i].outputs, refused[i].attributes, false,
                            &err);

        if (rc != -1 || err.kind != ERROR_INPUT || strstr(err.message, refused[i].message) == NULL)
            fail_msg("%s %s %s: %d '%s', expected '%s'", refused[i].op, refused[i].inputs, refused[i].attributes, rc,
                     err.message, refused[i].message);
        spec_end(&s);
    }
}

static void names_are_found_and_in_order(void **state)
{
    (void)state;
    for (const struct op *const *op = op_table; *op != NULL; op++) {
        assert_ptr_equal(op_find((*op)->name), *op);
        assert_true(op == op_table || strcmp(op[-1]->name, (*op)->name) < 0);
        assert_non_null((*op)->formula);
    }
    assert_null(op_find("Convv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_inputs_are_refused_with_what_was_expected),
        cmocka_unit_test(names_are_found_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
