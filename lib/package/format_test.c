/* safetensors and npy, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "package/internal.h"

enum { MANY = 7 };

static const struct {
    const char *name;
    enum dtype dtype;
    int64_t count;
} tensors[MANY] = {
    { "b", DTYPE_F32, 16 },   { "a", DTYPE_F32, 16 },   { "odd", DTYPE_U8, 3 },     { "half", DTYPE_F16, 5 },
    { "none", DTYPE_F32, 0 }, { "long", DTYPE_I64, 3 }, { "bits", DTYPE_BOOL, 64 },
};

static void every_tensor_is_aligned_and_nothing_is_wasted(void **state)
{
    struct tensor tensor[MANY];
    const struct tensor *list[MANY];
    const char *names[MANY];
    struct arena arena = { 0 };
    struct text out = { 0 };
    struct error err = { 0 };
    struct safetensors st;
    size_t data = 0;
    int *order;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        tensor[i] = (struct tensor){ .dtype = tensors[i].dtype, .shape = shape_of(1, tensors[i].count) };
        list[i] = &tensor[i];
        names[i] = tensors[i].name;
        data += tensor_bytes(list[i]);
    }
    assert_int_equal(safetensors_header(&out, &arena, list, names, MANY, &order, &err), 0);
    assert_int_equal(out.length % 64, 0);
    for (size_t i = 0; i < data; i++)
        text_add_bytes(&out, "x", 1);
    assert_int_equal(safetensors_parse(&st, &arena, out.chars, out.length, &err), 0);
    assert_int_equal(st.count, MANY);
    for (int i = 0; i < MANY; i++) {
        const struct safetensors_entry *entry = &st.entry[i];

        assert_int_equal(entry->begin % dtype_bytes(entry->dtype), 0);
        assert_int_equal(entry->end - entry->begin, tensor_bytes(list[order[i]]));
        if ((entry->end - entry->begin) % 64 == 0)
            assert_int_equal(entry->begin % 64, 0);
    }
    assert_string_equal(names[order[MANY - 1]], "odd");
    arena_free(&arena);
    text_free(&out);
}

static void others_safetensors_are_read(void **state)
{
    /* As the Python library writes it: metadata, no padding to 64. */
    static const char json[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                               "\"w\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                               "\"s\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[8,10]}}  ";
    unsigned char bytes[8 + sizeof(json) - 1 + 10] = { sizeof(json) - 1 };
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct safetensors st;

    (void)state;
    memcpy(bytes + 8, json, sizeof(json) - 1);
    assert_int_equal(safetensors_parse(&st, &arena, bytes, sizeof(bytes), &err), 0);
    assert_int_equal(st.count, 2);
    assert_string_equal(st.entry[0].name, "w");
    assert_int_equal(st.entry[1].shape.rank, 0);
    assert_int_equal(st.data_offset, 8 + sizeof(json) - 1);
    arena_free(&arena);
}

static void an_array_comes_back(void **state)
{
    static const enum dtype dtypes[] = { DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_I8,  DTYPE_U8,  DTYPE_I16,
                                         DTYPE_U16, DTYPE_I32, DTYPE_U32, DTYPE_I64, DTYPE_U64, DTYPE_BOOL };
    unsigned char data[6 * 8];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 7);
    for (size_t i = 0; i < COUNT(dtypes); i++) {
        for (int rank = 0; rank <= 3; rank++) {
            const struct tensor in = { .dtype = dtypes[i],
                                       .shape = { .rank = rank, .dim = { rank == 1 ? 6 : 1, 6, 1 } },
                                       .data = data };
            struct error err = { 0 };
            struct text out = { 0 };
            struct tensor back;

            npy_write(&out, &in);
            assert_int_equal((out.length - tensor_bytes(&in)) % 64, 0);
            assert_int_equal(npy_parse(&back, out.chars, out.length, &err), 0);
            assert_int_equal(back.dtype, in.dtype);
            assert_true(shape_equal(&back.shape, &in.shape));
            assert_memory_equal(back.data, data, tensor_bytes(&in));
            text_free(&out);
        }
    }
}

static void numpys_own_header_is_read(void **state)
{
    /* numpy.save of numpy.array([[1, 2, 3]], dtype='<i4'), version 1.24 */
    static const char header[] = "\x93NUMPY\x01\x00v\x00{'descr': '<i4', 'fortran_order': False, 'shape': (1, 3), }"
                                 "                                                          \n"
                                 "\x01\0\0\0\x02\0\0\0\x03\0\0";
    struct error err = { 0 };
    struct tensor back;

    (void)state;
    assert_int_equal(npy_parse(&back, header, sizeof(header), &err), 0);
    assert_int_equal(back.dtype, DTYPE_I32);
    assert_int_equal(back.shape.dim[1], 3);
    assert_memory_equal((const char *)back.data + 8, "\x03\0\0\0", 4);
}

static void a_long_header_is_of_version_2(void **state)
{
    /* numpy.lib.format.write_array(f, numpy.array([7], dtype='|u1'), version=(2, 0)), version 1.24 */
    static const char bytes[] =
        "\x93NUMPY\x02\x00t\x00\x00\x00{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }"
        "                                                          \n"
        "\x07";
    struct error err = { 0 };
    struct tensor back;

    (void)state;
    assert_int_equal(npy_parse(&back, bytes, sizeof(bytes) - 1, &err), 0);
    assert_int_equal(back.dtype, DTYPE_U8);
    assert_int_equal(*(const unsigned char *)back.data, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tensor_is_aligned_and_nothing_is_wasted),
        cmocka_unit_test(others_safetensors_are_read),
        cmocka_unit_test(an_array_comes_back),
        cmocka_unit_test(numpys_own_header_is_read),
        cmocka_unit_test(a_long_header_is_of_version_2),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
