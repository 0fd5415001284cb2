#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/read_model.h"

static const struct onnx_attribute *find(const struct onnx_node *node, const char *name)
{
    for (int i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attribute[i].name, name) == 0)
            return &node->attribute[i];
    fail_msg("no attribute %s", name);
    return NULL;
}

static void attributes_of_each_type_are_read(void **state)
{
    const struct onnx_attribute *a;
    const struct onnx_node *node;
    struct read read;

    (void)state;
    read_file(&read, "testdata/fuzz/onnx/attributes.onnx");
    assert_int_equal(read.rc, 0);
    node = &read.model.node[0];
    assert_string_equal(node->domain, "some.where");
    assert_string_equal(node->input[1], "");
    assert_int_equal(node->output_count, 2);
    assert_true(find(node, "f")->type == ONNX_FLOAT && find(node, "f")->f == 0.5f);
    assert_true(find(node, "i")->type == ONNX_INT && find(node, "i")->i == -3);
    assert_int_equal(find(node, "s")->type, ONNX_STRING);
    assert_string_equal(find(node, "s")->s, "\xc3\xa9tain");
    a = find(node, "t");
    assert_int_equal(a->type, ONNX_TENSOR);
    assert_string_equal(a->tensor->name, "seven");
    assert_int_equal(a->tensor->shape.dim[0], 2);
    assert_int_equal(find(node, "g")->type, ONNX_GRAPH);
    a = find(node, "floats");
    assert_true(a->type == ONNX_FLOATS && a->count == 2 && a->floats[1] == -2);
    a = find(node, "ints");
    assert_true(a->type == ONNX_INTS && a->count == 3 && a->ints[1] == -4 && a->ints[2] == (int64_t)1 << 40);
    a = find(node, "strings");
    assert_true(a->type == ONNX_STRINGS && a->count == 3);
    assert_string_equal(a->strings[0], "a");
    assert_string_equal(a->strings[1], "");
    assert_string_equal(a->strings[2], "b");
    assert_int_equal(find(node, "tensors")->type, 9);
    assert_int_equal(find(node, "graphs")->type, 10);
    assert_int_equal(find(node, "sparse")->type, 11);
    read_end(&read);
}

/* A model of one node 'n' with one attribute 'a' of these fields. */
static void read_attribute(struct read *read, const char *bytes, size_t count)
{
    struct text node = { 0 }, model = { 0 };
    size_t attribute;

    wire_put_text(&node, NODE_NAME, "n");
    attribute = wire_open(&node, ATTRIBUTE);
    wire_put_text(&node, ATTRIBUTE_NAME, "a");
    text_add_bytes(&node, bytes, count);
    wire_close(&node, attribute);
    wire_put_text(&node, OP_TYPE, "If");
    wrap(&model, NODE, &node);
    text_free(&node);
    read_text(read, &model);
}

static void attributes_that_contradict_themselves_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *message; /* behind "node 0 'n': attribute 0 'a': "; NULL: taken */
        int type;
    } cases[] = {
        { BYTES("\x18\x05\xa0\x01\x02"), NULL, ONNX_INT },
        { BYTES("\x18\x05"), NULL, ONNX_INT },         /* without a type, as before IR version 2 */
        { BYTES("\xa0\x01\x02"), NULL, ONNX_INT },     /* 0, which proto3 does not write */
        { BYTES("\xa0\x01\x07"), NULL, ONNX_INTS },    /* empty */
        { BYTES("\xa0\x01\x63"), NULL, 99 },           /* nothing here takes it */
        { BYTES("\x18\x05\x18\x06"), NULL, ONNX_INT }, /* the last one counts */
        { BYTES("\x18\x05\xa0\x01\x01"), "holds a value of type INT, expected FLOAT", 0 },
        { BYTES("\x18\x05\x40\x05"), "holds a value of type INTS, expected INT", 0 },
        { BYTES("\x18\x05\xa0\x01\x63"), "holds a value of type INT, expected unknown", 0 },
        { BYTES(""), "has neither a type nor a value", 0 },
        { BYTES("\xa0\x01\x04"), "is of type TENSOR and holds none", 0 },
        { BYTES("\xaa\x01\x01z\xa0\x01\x02"), "refers to an attribute of a function, outside of one", 0 },
        { BYTES("\x1d\x05zzz"), "byte 14: i is of wire type 5, expected 0", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct read read;
        char message[128];

        read_attribute(&read, cases[i].bytes, cases[i].count);
        if (cases[i].message == NULL) {
            assert_int_equal(read.rc, 0);
            assert_int_equal(read.model.node[0].attribute[0].type, cases[i].type);
            if (cases[i].type == ONNX_INT)
                assert_true(read.model.node[0].attribute[0].i == (i == 5 ? 6 : i == 2 ? 0 : 5));
        } else {
            snprintf(message, sizeof(message), "node 0 'n': attribute 0 'a': %s", cases[i].message);
            assert_int_equal(read.rc, -1);
            assert_int_equal(read.err.kind, ERROR_INPUT);
            assert_string_equal(read.err.message, message);
        }
        read_end(&read);
    }
}

static void an_attribute_needs_a_name(void **state)
{
    struct text node = { 0 }, model = { 0 };
    struct read read;

    (void)state;
    wire_put_text(&node, OP_TYPE, "Relu");
    wire_close(&node, wire_open(&node, ATTRIBUTE));
    wrap(&model, NODE, &node);
    text_free(&node);
    read_text(&read, &model);
    assert_int_equal(read.rc, -1);
    assert_string_equal(read.err.message, "node 0: attribute 0: has no name");
    read_end(&read);
}

/* `depth` bodies inside one another, the innermost empty. */
static void nest(struct text *out, int depth)
{
    struct text inner = { 0 };

    for (int i = 0; i < depth; i++) {
        struct text body = { 0 };
        const size_t node = wire_open(&body, NODE), attribute = wire_open(&body, ATTRIBUTE);

        wire_put_text(&body, ATTRIBUTE_NAME, "then_branch");
        wire_put_bytes(&body, G, inner.chars, inner.length);
        wire_close(&body, attribute);
        wire_put_text(&body, OP_TYPE, "If");
        wire_close(&body, node);
        text_free(&inner);
        inner = body;
    }
    wire_put_int(out, IR_VERSION, 8);
    wire_put_bytes(out, GRAPH, inner.chars, inner.length);
    text_free(&inner);
}

static void bodies_nest_sixteen_deep_at_most(void **state)
{
    struct text text = { 0 };
    struct read read;

    (void)state;
    nest(&text, 16);
    read_text(&read, &text);
    assert_int_equal(read.rc, 0);
    assert_int_equal(read.model.node[0].attribute[0].type, ONNX_GRAPH);
    read_end(&read);
    nest(&text, 17);
    read_text(&read, &text);
    assert_int_equal(read.rc, -1);
    assert_non_null(strstr(read.err.message, "bodies inside one another, more than 16 deep"));
    assert_memory_equal(read.err.message, "node 0: attribute 0 'then_branch': byte ", 40);
    read_end(&read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_of_each_type_are_read),
        cmocka_unit_test(attributes_that_contradict_themselves_are_refused),
        cmocka_unit_test(an_attribute_needs_a_name),
        cmocka_unit_test(bodies_nest_sixteen_deep_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
