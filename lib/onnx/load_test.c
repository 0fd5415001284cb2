#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/parse.h"
#include "onnx/read_model.h"

enum { DIMS = 1, DATA_TYPE = 2, NAME = 8 };

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Bytes of "0aff" at `over` bytes past a multiple of 64, in memory that ends with them. */
static unsigned char *from_hex(const char *hex, size_t over, size_t *count, void **memory)
{
    unsigned char *bytes;

    *count = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    assert_int_equal(posix_memalign(memory, 64, over + *count + (over + *count == 0)), 0);
    bytes = (unsigned char *)*memory + over;
    for (size_t i = 0; i < *count; i++)
        bytes[i] = (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    return bytes;
}

/* Loads twice: the second time gives the same. */
static void check_line(const char *name, const char *where, const char *dims, const char *proto, const char *elements,
                       size_t over)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct onnx_tensor tensor;
    struct tensor to;
    void *memory, *wanted;
    char shape[160], *c;
    size_t count, bytes;
    unsigned char *at = from_hex(proto, over, &count, &memory), *expected = from_hex(elements, 0, &bytes, &wanted);
    unsigned char *kept = arena_alloc(&arena, count);
    size_t before = 0; /* what stands before the elements, their tag and their length */

    memcpy(kept, at, count);
    assert_int_equal(onnx_parse_tensor(&tensor, &arena, at, count, &err), 0);
    if (tensor.data.bytes > 0)
        before = (size_t)(tensor.data.at - at) - 1 - wire_varint_bytes(tensor.data.bytes);
    assert_string_equal(tensor.name, "t");
    for (int times = 0; times < 2; times++) {
        assert_int_equal(onnx_load(&to, &tensor, &arena, NULL, &err), 0);
        assert_int_equal(onnx_data_type(to.dtype), tensor.data_type);
        assert_non_null(to.data);
        assert_int_equal((uintptr_t)to.data % dtype_bytes(to.dtype), 0);
        assert_int_equal(tensor_bytes(&to), bytes);
        assert_memory_equal(to.data, expected, bytes);
        assert_memory_equal(at, kept, before);
    }
    shape_text(&to.shape, shape);
    for (c = shape; *c != '\0'; c++) /* "[2, 3]" as "2,3" */
        if (*c == ' ')
            memmove(c, c + 1, strlen(c));
    shape[strlen(shape) - 1] = '\0';
    assert_string_equal(shape[1] ? shape + 1 : "-", dims);
    assert_string_equal(data_type_find(tensor.data_type)->name, name);
    if (bytes > 0)
        assert_true(tensor.raw == (strcmp(where, "raw") == 0));
    free(memory);
    free(wanted);
    arena_free(&arena);
}

/* testdata/onnx/tensors.txt, by scripts/make-onnx-vectors: the onnx package's bytes, numpy's elements. */
static void tensors_hold_what_onnx_put_into_them(void **state)
{
    FILE *file = fopen("testdata/onnx/tensors.txt", "r");
    char name[16], where[8], dims[16], proto[256], elements[128];
    int lines = 0;

    (void)state;
    assert_non_null(file);
    while (fscanf(file, "%15s %7s %15s %255s %127s", name, where, dims, proto, elements) == 5) {
        for (size_t over = 0; over < 8; over++)
            check_line(name, where, dims, proto, elements, over);
        lines++;
    }
    fclose(file);
    assert_int_equal(lines, 74);
}

/* A tensor 'w' of these sizes, without elements. */
static void begin(struct text *out, int64_t data_type, int64_t dim)
{
    wire_put_int(out, DIMS, dim);
    wire_put_int(out, DATA_TYPE, data_type);
    wire_put_text(out, NAME, "w");
}

/* Parses, and loads when that went well; the text's bytes are kept until the arena is freed by the caller. */
static int load_text(struct tensor *to, struct arena *arena, const struct text *text, const char *folder,
                     struct error *err)
{
    struct onnx_tensor tensor;
    unsigned char *bytes = arena_alloc(arena, text->length);

    assert_non_null(bytes);
    memcpy(bytes, text->chars, text->length);
    *err = (struct error){ 0 };
    if (onnx_parse_tensor(&tensor, arena, bytes, text->length, err) < 0)
        return -1;
    return onnx_load(to, &tensor, arena, folder, err);
}

static void large_elements_are_used_where_they_lie(void **state)
{
    enum { COUNT_OF = 1000 };
    static float elements[COUNT_OF];

    (void)state;
    for (int i = 0; i < COUNT_OF; i++)
        elements[i] = (float)i / 3;
    for (uint32_t field = FLOAT_DATA; field <= RAW_DATA; field += RAW_DATA - FLOAT_DATA) {
        for (size_t over = 0; over < 4; over++) {
            struct text text = { 0 };
            struct arena arena = { 0 };
            struct error err = { 0 };
            struct onnx_tensor tensor;
            struct tensor to;
            void *memory;
            unsigned char *bytes;
            size_t used;

            begin(&text, 1, COUNT_OF);
            wire_put_bytes(&text, field, elements, sizeof(elements));
            assert_int_equal(posix_memalign(&memory, 64, over + text.length), 0);
            bytes = memcpy((char *)memory + over, text.chars, text.length);
            assert_int_equal(onnx_parse_tensor(&tensor, &arena, bytes, text.length, &err), 0);
            used = arena.used_bytes;
            assert_int_equal(onnx_load(&to, &tensor, &arena, NULL, &err), 0);
            assert_int_equal(arena.used_bytes, used);
            assert_true((unsigned char *)to.data > bytes && (unsigned char *)to.data < bytes + text.length);
            assert_memory_equal(to.data, elements, sizeof(elements));
            assert_memory_equal(bytes, text.chars, 8); /* dims, data_type and name stay */
            free(memory);
            arena_free(&arena);
            text_free(&text);
        }
    }
}

static void tensors_side_by_side_do_not_touch(void **state)
{
    enum { TENSORS = 64 };
    struct text model = { 0 };
    struct tensor to[TENSORS];
    struct read read;
    size_t graph;

    (void)state;
    wire_put_int(&model, 1, 8);
    graph = wire_open(&model, 7);
    for (int i = 0; i < TENSORS; i++) {
        const size_t one = wire_open(&model, 5);
        double value = i;

        /* Elements last and first in their message, so that neighbours are near. */
        if (i % 2)
            wire_put_bytes(&model, i % 3 ? RAW_DATA : DOUBLE_DATA, &value, sizeof(value));
        wire_put_int(&model, DATA_TYPE, 11);
        if (i % 2 == 0)
            wire_put_bytes(&model, i % 3 ? RAW_DATA : DOUBLE_DATA, &value, sizeof(value));
        wire_close(&model, one);
    }
    wire_close(&model, graph);
    read_text(&read, &model);
    assert_int_equal(read.rc, 0);
    for (int times = 0; times < 2; times++)
        for (int i = 0; i < TENSORS; i++)
            assert_int_equal(onnx_load(&to[i], &read.model.initializer[i], &read.arena, NULL, &read.err), 0);
    for (int i = 0; i < TENSORS; i++)
        assert_true(*(double *)to[i].data == i);
    read_end(&read);
}

static void bytes_of_a_bool_become_0_or_1(void **state)
{
    static const unsigned char bytes[] = { 0, 1, 2, 255 }, expected[] = { 0, 1, 1, 1 };
    struct text text = { 0 };
    struct arena arena = { 0 };
    struct error err;
    struct tensor to;

    (void)state;
    begin(&text, 9, 4);
    wire_put_bytes(&text, RAW_DATA, bytes, 4);
    assert_int_equal(load_text(&to, &arena, &text, NULL, &err), 0);
    assert_memory_equal(to.data, expected, 4);
    text_free(&text);
    arena_free(&arena);
}

/* What is wrong with a tensor 'w' of one axis, and what is said behind "tensor 'w': ". */
static const struct {
    int64_t data_type, dim;
    const char *rest;
    size_t count;
    const char *message;
} lies[] = {
    { 1, -2, BYTES(""), "shape [-2] has a negative axis" },
    { 1, INT64_MAX, BYTES(""), "shape [9223372036854775807] has more than 1152921504606846975 elements" },
    { 1, 1 << 20, BYTES("\x0a\x06\x80\x80\x80\x80\x80\x20\x0a\x01\x04"), /* 2^20 of 2^40 of 4, which wraps to 0 */
      "shape [1048576, 1099511627776, 4] has more than 1152921504606846975 elements" },
    { 1, 1, BYTES("\x0a\x08\1\1\1\1\1\1\1\1"), "more than 8 axes" },
    { 1, 1, BYTES("\x0a\x02\x01\x80"), "byte 10: dims is cut off" },
    { 0, 1, BYTES("\x4a\x04zzzz"), "element type 0 is not one of ONNX's" },
    { 99, 1, BYTES("\x4a\x04zzzz"), "element type 99 is not one of ONNX's" },
    { 8, 1, BYTES("\x32\x01z"), "element type STRING is not supported" },
    { 14, 1, BYTES("\x4a\x08zzzzzzzz"), "element type COMPLEX64 is not supported" },
    { 22, 2, BYTES("\x4a\x01z"), "element type INT4 is not supported" },
    { 1, 2, BYTES("\x4a\x04zzzz"), "F32 of shape [2] has 8 bytes, found 4" },
    { 1, 1, BYTES("\x4a\x08zzzzzzzz"), "F32 of shape [1] has 4 bytes, found 8" },
    { 1, 1, BYTES(""), "F32 of shape [1] has 4 bytes, found 0" },
    { 1, 1, BYTES("\x22\x03zzz"), "F32 of shape [1] has 4 bytes, found 3" },
    { 6, 2, BYTES("\x2a\x01\x05"), "I32 of shape [2] has 2 elements, found 1" },
    { 6, 1, BYTES("\x2a\x02\x05\x06"), "I32 of shape [1] has 1 elements, found 2" },
    { 6, (int64_t)1 << 50, BYTES("\x2a\x01\x05"),
      "I32 of shape [1125899906842624] has 1125899906842624 elements, found 1" },
    { 6, 1, BYTES("\x2a\x02\x05\x80"), "the last element is cut off" },
    { 6, 1, BYTES("\x2a\x0b\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
      "elements: byte 0: an element has more than 64 bits" },
    { 1, 1, BYTES("\x2a\x01\x05"), "FLOAT elements lie in int32_data, expected raw_data or float_data" },
    { 7, 1, BYTES("\x2a\x01\x05"), "INT64 elements lie in int32_data, expected raw_data or int64_data" },
    { 1, 1, BYTES("\x22\x04zzzz\x4a\x04zzzz"), "elements lie in float_data and in raw_data, expected one of them" },
    { 1, 1, BYTES("\x25zzzz"), "elements one by one, expected them packed" },
    { 6, 2, BYTES("\x28\x01\x28\x01"), "elements one by one, expected them packed" },
    { 6, 2, BYTES("\x2a\x01\x01\x2a\x01\x02"), "elements one by one, expected them packed" },
    { 1, 1, BYTES("\x1a\x00\x4a\x04zzzz"), "a segment of a larger tensor, expected all of it" },
    { 1, 1, BYTES("\x70\x01"), "external_data has no location" },
    { 1, 1, BYTES("\x70\x01\x6a\x0d\x0a\x08location\x12\x01z\x4a\x04zzzz"),
      "elements lie in raw_data and in external_data, expected one of them" },
    { 1, 1, BYTES("\x70\x01\x6a\x0c\x0a\x06offset\x12\x02-1"),
      "external_data has offset '-1', expected a whole number from 0" },
    { 1, 1,
      BYTES("\x70\x01\x6a\x0d\x0a\x06length\x12\x03"
            "1e3"),
      "external_data has length '1e3', expected a whole number from 0" },
};

static void tensors_that_lie_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lies); i++) {
        struct text text = { 0 };
        struct arena arena = { 0 };
        struct error err = { 0 };
        struct tensor to;
        char message[160];

        begin(&text, lies[i].data_type, lies[i].dim);
        text_add_bytes(&text, lies[i].rest, lies[i].count);
        assert_int_equal(load_text(&to, &arena, &text, "/", &err), -1);
        snprintf(message, sizeof(message), "tensor 'w': %s", lies[i].message);
        assert_string_equal(err.message, message);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_true(arena.used_bytes < 1 << 16);
        arena_free(&arena);
        text_free(&text);
    }
}

/* The last one counts, and a field without elements is none. */
static void fields_may_come_twice_or_empty(void **state)
{
    struct text text = { 0 };
    struct arena arena = { 0 };
    struct error err;
    struct tensor to;

    (void)state;
    begin(&text, 2, 2);
    wire_put_bytes(&text, RAW_DATA, "zzz", 3);
    wire_put_bytes(&text, RAW_DATA, "ab", 2);
    wire_put_bytes(&text, FLOAT_DATA, "", 0);
    wire_put_bytes(&text, INT32_DATA, "", 0);
    assert_int_equal(load_text(&to, &arena, &text, NULL, &err), 0);
    assert_memory_equal(to.data, "ab", 2);
    text_free(&text);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_hold_what_onnx_put_into_them),
        cmocka_unit_test(large_elements_are_used_where_they_lie),
        cmocka_unit_test(tensors_side_by_side_do_not_touch),
        cmocka_unit_test(bytes_of_a_bool_become_0_or_1),
        cmocka_unit_test(tensors_that_lie_are_refused),
        cmocka_unit_test(fields_may_come_twice_or_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
