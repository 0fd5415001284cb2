/* oip_test.c - messages that others write are read, ours are what they read, and what is wrong is refused by name. */
#include "wire/oip.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "wire/oip_sample.h"

static int parse(struct oip_request *request, struct arena *arena, const char *json, struct error *err)
{
    return oip_request_parse(request, arena, json, strlen(json), OIP_JSON_ONLY, err);
}

/* The example of the protocol's text. */
static void the_protocols_own_example_is_read(void **state)
{
    static const char json[] =
        "{\"id\" : \"42\", \"inputs\" : [{\"name\" : \"input0\", \"shape\" : [ 2, 2 ], \"datatype\" "
        ": \"UINT32\", \"data\" : [ 1, 2, 3, 4 ]}, {\"name\" : \"input1\", \"shape\" : [ 3 ], "
        "\"datatype\" : \"BOOL\", \"data\" : [ true ]}], \"outputs\" : [{\"name\" : \"output0\"}]}";
    static const char mended[] = "{\"id\" : \"42\", \"inputs\" : [{\"name\" : \"input0\", \"shape\" : [ 2, 2 ], "
                                 "\"datatype\" : \"UINT32\", \"data\" : [[1, 2], [3, 4]]}, {\"name\" : \"input1\", "
                                 "\"shape\" : [ 1 ], \"datatype\" : \"BOOL\", \"data\" : [ true ]}], "
                                 "\"outputs\" : [{\"name\" : \"output0\"}]}";
    static const uint32_t numbers[] = { 1, 2, 3, 4 };
    struct oip_request request;
    struct arena arena = { 0 };
    struct error err = { 0 };
    (void)state;

    /* as it stands its second input has one value of three */
    assert_int_equal(parse(&request, &arena, json, &err), -1);
    assert_string_equal(err.message, "input 1: 'input1': 1 values, the shape says 3");
    assert_int_equal(parse(&request, &arena, mended, &err), 0);
    assert_string_equal(request.id, "42");
    assert_int_equal(request.input_count, 2);
    assert_int_equal(request.input[0].dtype, DTYPE_U32);
    assert_memory_equal(request.input[0].data, numbers, sizeof(numbers));
    assert_int_equal(*(const char *)request.input[1].data, 1);
    assert_string_equal(request.output[0].name, "output0");
    assert_false(request.output[0].binary);
    arena_free(&arena);
}

static void raw_tensors_lie_behind_the_object_in_order(void **state)
{
    static const char json[] =
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[2],\"datatype\":\"FP16\",\"parameters\":"
        "{\"binary_data_size\":4}},{\"name\":\"b\",\"shape\":[2],\"datatype\":\"BYTES\","
        "\"parameters\":{\"binary_data_size\":11}}],\"parameters\":{\"binary_data_output\":true},"
        "\"outputs\":[{\"name\":\"x\"},{\"name\":\"y\",\"parameters\":{\"binary_data\":false,"
        "\"classification\":3}}]}";
    static const char raw[] = "\x00\x3c\x00\xc0\x03\x00\x00\x00yes\x00\x00\x00"; /* and the literal's NUL */
    struct text body = { 0 };
    struct oip_request request;
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct oip_bytes bytes;
    const unsigned char *element;
    size_t count;
    (void)state;

    text_add(&body, json);
    text_add_bytes(&body, raw, sizeof(raw));
    if (oip_request_parse(&request, &arena, body.chars, body.length, (int64_t)strlen(json), &err) < 0)
        fail_msg("%s", err.message);
    assert_memory_equal(request.input[0].data, raw, 4);
    bytes = oip_bytes_of(&request.input[1]);
    assert_int_equal(oip_bytes_next(&bytes, &element, &count), 1);
    assert_int_equal(count, 3);
    assert_memory_equal(element, "yes", 3);
    assert_int_equal(oip_bytes_next(&bytes, &element, &count), 1);
    assert_int_equal(count, 0);
    assert_int_equal(oip_bytes_next(&bytes, &element, &count), 0);
    assert_true(request.output[0].binary);
    assert_false(request.output[1].binary);
    assert_int_equal(request.output[1].classification, 3);
    text_free(&body);
    arena_free(&arena);
}

static void base64_is_read_where_the_tensor_says_so(void **state)
{
    /* RFC 4648, section 10 */
    static const char json[] =
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[5],\"datatype\":\"BYTES\",\"data\":[\"\",\"Zg==\","
        "\"Zm8=\",\"Zm9v\",\"Zm9vYmFy\"],\"parameters\":{\"content_type\":\"base64\"}}]}";
    static const char *const expected[] = { "", "f", "fo", "foo", "foobar" };
    static const char *const wrong[] = { "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "Zg==Zg==", "Zm9v\\n", "Zm_v" };
    struct oip_request request;
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct oip_bytes bytes;
    const unsigned char *element;
    size_t count;
    char one[200];
    (void)state;

    assert_int_equal(parse(&request, &arena, json, &err), 0);
    bytes = oip_bytes_of(&request.input[0]);
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_int_equal(oip_bytes_next(&bytes, &element, &count), 1);
        assert_int_equal(count, strlen(expected[i]));
        assert_memory_equal(element, expected[i], count);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        snprintf(one, sizeof(one),
                 "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"%s\"],"
                 "\"parameters\":{\"content_type\":\"base64\"}}]}",
                 wrong[i]);
        if (parse(&request, &arena, one, &err) == 0)
            fail_msg("'%s' is taken for base64", wrong[i]);
    }
    arena_free(&arena);
}

static void a_number_that_its_type_cannot_hold_is_refused(void **state)
{
    static const struct {
        const char *datatype, *value, *message; /* NULL: it is held */
    } rows[] = {
        { "UINT8", "255", NULL },
        { "UINT8", "256", "input 0: 'a': value 0 is out of range, expected UINT8" },
        { "UINT8", "-1", "input 0: 'a': value 0 is out of range, expected UINT8" },
        { "INT8", "-128", NULL },
        { "INT8", "128", "input 0: 'a': value 0 is out of range, expected INT8" },
        { "INT32", "-2147483648", NULL },
        { "INT32", "2147483648", "input 0: 'a': value 0 is out of range, expected INT32" },
        { "INT64", "-9223372036854775808", NULL },
        { "UINT64", "9223372036854775807", NULL },
        { "UINT64", "-1", "input 0: 'a': value 0 is out of range, expected UINT64" },
        { "INT32", "1.5", "input 0: 'a': value 0 is a real, expected INT32" },
        { "FP32", "1", NULL },
        { "FP32", "3.4e38", NULL },
        { "FP32", "3.5e38", "input 0: 'a': value 0 is too large, expected FP32" },
        { "FP64", "3.5e38", NULL },
        { "FP64", "null", "input 0: 'a': value 0 is null, expected FP64" },
        { "FP32", "\"1\"", "input 0: 'a': value 0 is a text, expected FP32" },
        { "BOOL", "true", NULL },
        { "BOOL", "1", "input 0: 'a': value 0 is a whole number, expected BOOL" },
        { "BYTES", "1", "input 0: 'a': value 0 is a whole number, expected BYTES" },
        { "FP16", "1", "input 0: 'a': FP16 has no form in JSON" },
        { "BF16", "1", "input 0: 'a': BF16 has no form in JSON" },
        { "FP8", "1", "input 0: 'a': unknown datatype 'FP8'" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct oip_request request;
        struct arena arena = { 0 };
        struct error err = { 0 };
        char json[200];
        int rc;

        snprintf(json, sizeof(json), "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":\"%s\",\"data\":[%s]}]}",
                 rows[i].datatype, rows[i].value);
        rc = parse(&request, &arena, json, &err);
        if (rows[i].message == NULL && rc < 0)
            fail_msg("%s %s: %s", rows[i].datatype, rows[i].value, err.message);
        if (rows[i].message != NULL) {
            assert_int_equal(rc, -1);
            assert_string_equal(err.message, rows[i].message);
            assert_int_equal(err.kind, ERROR_INPUT);
        }
        arena_free(&arena);
    }
}

static void what_is_wrong_is_said_by_name(void **state)
{
    static const struct {
        const char *file, *message;
    } rows[] = {
        { "size-beyond-body", "input 0: 'a': binary_data_size is 9, 8 bytes are left" },
        { "size-is-not-the-shapes", "input 0: 'a': binary_data_size is 8, shape and datatype need 12" },
        { "bytes-without-tensor", "4 bytes after the JSON object belong to no tensor" },
        { "header-beyond-body", OIP_HEADER_LENGTH " is 1000, the body has 27 bytes" },
        { "header-negative", OIP_HEADER_LENGTH ": expected a number of bytes, found '-1'" },
        { "element-beyond-tensor", "input 0: 'a': element 1 is longer than what is left" },
        { "elements-fewer", "input 0: 'a': 1 elements, the shape says 2" },
        { "data-and-size", "input 0: 'a': expected data or binary_data_size, both are there" },
        { "no-data", "input 0: 'a': expected data or binary_data_size, none is there" },
        { "duplicate-key", "1:73: duplicate object key near '\"shape\"'" },
        { "infinite", "1:72: real number overflow near '1e999'" },
        { "nested-too-deep", "input 0: 'a': value 1 is a list, expected FP32" },
        { "nested-ragged", "input 0: 'a': a list of 1 on axis 1, the shape says 2" },
        { "rank-9", "input 0: 'a': 9 axes, at most 8 are supported" },
        { "shape-huge", "input 0: 'a': shape [4294967296, 4294967296, 1] has more than 576460752303423487 elements" },
        { "shape-negative", "input 0: 'a': shape [-1] has a negative axis" },
        { "shape-claims", "input 0: 'a': 1 values, the shape says 576460752303423487" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct oip_sample sample;
        struct oip_request request;
        struct oip_response response;
        struct arena arena = { 0 };
        struct error err = { 0 };
        struct input in;
        char path[128];

        snprintf(path, sizeof(path), "testdata/hostile/oip/%s", rows[i].file);
        if (input_open(&in, path, 0, &err) < 0)
            fail_msg("%s", err.message);
        assert_true(oip_sample_open(&sample, in.bytes, in.count));
        assert_int_equal(oip_sample_parse(&sample, &request, &response, &arena, &err), -1);
        if (strcmp(err.message, rows[i].message) != 0)
            fail_msg("%s: '%s', expected '%s'", rows[i].file, err.message, rows[i].message);
        input_close(&in);
        arena_free(&arena);
    }
}

static void every_stored_hostile_message_is_refused(void **state)
{
    struct arena names = { 0 };
    struct error err = { 0 };
    char **name, path[256];
    size_t count;
    (void)state;

    assert_int_equal(folder_list("testdata/hostile/oip", &names, &name, &count, &err), 0);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        struct oip_sample sample;
        struct oip_request request;
        struct oip_response response;
        struct arena arena = { 0 };
        struct input in;

        snprintf(path, sizeof(path), "testdata/hostile/oip/%s", name[i]);
        assert_int_equal(input_open(&in, path, 0, &err), 0);
        if (oip_sample_open(&sample, in.bytes, in.count)) {
            if (oip_sample_parse(&sample, &request, &response, &arena, &err) == 0)
                fail_msg("%s is accepted", name[i]);
            assert_int_equal(err.kind, ERROR_INPUT);
        } else {
            assert_string_equal(name[i], "README");
        }
        input_close(&in);
        arena_free(&arena);
    }
    arena_free(&names);
}

static void a_million_inputs_end_at_the_limit(void **state)
{
    struct text json = { 0 };
    struct oip_request request;
    struct arena arena = { 0 };
    struct error err = { 0 };
    (void)state;

    text_add(&json, "{\"inputs\":[{}");
    for (int i = 1; i < 1000000; i++)
        text_add(&json, ",{}");
    text_add(&json, "]}");
    assert_int_equal(parse(&request, &arena, json.chars, &err), -1);
    assert_string_equal(err.message, "1:1572873: expected at most 1048576 values");
    text_free(&json);
    text_add(&json, "{\"inputs\":[{}");
    for (int i = 1; i < 1025; i++)
        text_add(&json, ",{}");
    text_add(&json, "]}");
    assert_int_equal(parse(&request, &arena, json.chars, &err), -1);
    assert_string_equal(err.message, "1025 inputs, at most 1024 are supported");
    text_free(&json);
    arena_free(&arena);
}

/* ---- both ways ---- */

static void what_is_written_is_read_back(void **state)
{
    static float reals[] = { 0.1F, -3, 1e-30F };
    static int64_t whole[] = { INT64_MIN, INT64_MAX };
    static char elements[] = "\x02\x00\x00\x00hi";
    struct oip_tensor inputs[] = {
        { .name = "r\"", .dtype = DTYPE_F32, .shape = { 1, { 3 } }, .data = reals, .data_bytes = sizeof(reals) },
        { .name = "raw",
          .dtype = DTYPE_F32,
          .shape = { 2, { 3, 1 } },
          .data = reals,
          .data_bytes = 12,
          .binary = true },
        { .name = "i", .dtype = DTYPE_I64, .shape = { 1, { 2 } }, .data = whole, .data_bytes = sizeof(whole) },
        { .name = "b", .is_bytes = true, .shape = { 1, { 1 } }, .data = elements, .data_bytes = 6, .binary = true },
    };
    struct oip_output outputs[] = { { .name = "y", .classification = 2 }, { .name = "z", .binary = true } };
    const struct oip_request request = { .id = "7",
                                         .input = inputs,
                                         .input_count = COUNT(inputs),
                                         .output = outputs,
                                         .output_count = COUNT(outputs),
                                         .binary_output = true };
    struct oip_request back;
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct text body = { 0 };
    int64_t length;
    (void)state;

    assert_int_equal(oip_request_write(&body, &length, &request, &err), 0);
    assert_int_equal(length, (int64_t)body.length - 12 - 6);
    if (oip_request_parse(&back, &arena, body.chars, body.length, length, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(back.id, "7");
    assert_true(back.binary_output);
    assert_int_equal(back.input_count, COUNT(inputs));
    for (size_t i = 0; i < COUNT(inputs); i++) {
        assert_string_equal(back.input[i].name, inputs[i].name);
        assert_string_equal(oip_datatype(&back.input[i]), oip_datatype(&inputs[i]));
        assert_true(shape_equal(&back.input[i].shape, &inputs[i].shape));
        assert_int_equal(back.input[i].binary, inputs[i].binary);
        assert_int_equal(back.input[i].data_bytes, inputs[i].data_bytes);
        assert_memory_equal(back.input[i].data, inputs[i].data, inputs[i].data_bytes);
    }
    assert_int_equal(back.output[0].classification, 2);
    assert_false(back.output[0].binary);
    assert_true(back.output[1].binary);
    text_free(&body);
    arena_free(&arena);
}

static void a_response_is_written_and_read_back(void **state)
{
    static float reals[] = { 0.25F, 2 };
    struct oip_tensor output = {
        .name = "y", .dtype = DTYPE_F32, .shape = { 2, { 1, 2 } }, .data = reals, .data_bytes = 8
    };
    struct oip_response response = {
        .model = "m", .version = "stable", .id = "x\n", .identity = "0f", .output = &output, .output_count = 1
    };
    struct oip_response back;
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct text body = { 0 };
    int64_t length;
    (void)state;

    assert_int_equal(oip_response_write(&body, &length, &response, &err), 0);
    assert_int_equal(length, OIP_JSON_ONLY);
    assert_string_equal(body.chars,
                        "{\"model_name\":\"m\",\"model_version\":\"stable\",\"id\":\"x\\n\",\"parameters\":"
                        "{\"identity\":\"0f\"},\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":"
                        "[1,2],\"data\":[0.25,2.0]}]}");
    assert_int_equal(oip_response_parse(&back, &arena, body.chars, body.length, length, &err), 0);
    assert_string_equal(back.version, "stable");
    assert_string_equal(back.id, "x\n");
    assert_string_equal(back.identity, "0f");
    assert_memory_equal(back.output[0].data, reals, sizeof(reals));
    text_free(&body);
    reals[1] = NAN;
    assert_int_equal(oip_response_write(&body, &length, &response, &err), -1);
    assert_string_equal(err.message, "output 0: 'y': value 1 is not finite: JSON has no such number");
    text_free(&body);
    arena_free(&arena);
}

static void an_error_is_written_and_read_back(void **state)
{
    struct arena arena = { 0 };
    struct text body = { 0 };
    (void)state;

    oip_error_write(&body, "no \"x\"");
    assert_string_equal(body.chars, "{\"error\":\"no \\\"x\\\"\"}");
    assert_string_equal(oip_error_parse(&arena, body.chars, body.length), "no \"x\"");
    assert_null(oip_error_parse(&arena, "{\"error\":1}", 11));
    assert_null(oip_error_parse(&arena, "<html>", 6));
    text_free(&body);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_protocols_own_example_is_read),
        cmocka_unit_test(raw_tensors_lie_behind_the_object_in_order),
        cmocka_unit_test(base64_is_read_where_the_tensor_says_so),
        cmocka_unit_test(a_number_that_its_type_cannot_hold_is_refused),
        cmocka_unit_test(what_is_wrong_is_said_by_name),
        cmocka_unit_test(every_stored_hostile_message_is_refused),
        cmocka_unit_test(a_million_inputs_end_at_the_limit),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_response_is_written_and_read_back),
        cmocka_unit_test(an_error_is_written_and_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
