#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "onnx/wire.h"

static const struct wire_rule rules[] = {
    { 1, WIRE_VARINT, "number" },  { 2, WIRE_BYTES, "text" },
    { 3, WIRE_FIXED32, "real" },   { 4, WIRE_VARINTS, "ints" },
    { 5, WIRE_FIXED32S, "reals" }, { 6, WIRE_FIXED64, "wide" },
    { 7, WIRE_BYTES, "child" },    { 0 },
};

/* A copy as long as the bytes, so that a step past their end is seen. */
static struct wire wire_over(struct arena *arena, const char *bytes, size_t count)
{
    unsigned char *copy = arena_alloc(arena, count);

    assert_non_null(copy);
    if (count > 0)
        memcpy(copy, bytes, count);
    return (struct wire){ copy, copy, copy + count, rules };
}

#define BYTES(literal) (literal), sizeof(literal) - 1

/* 150 and "testing" are the examples of protobuf's encoding guide. */
static void fields_are_read_as_the_guide_says(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
        uint32_t number;
        uint64_t value;
        const char *body;
    } cases[] = {
        { BYTES("\x08\x96\x01"), 1, 150, "" },
        { BYTES("\x08\x00"), 1, 0, "" },
        { BYTES("\x08\x80\x80\x00"), 1, 0, "" }, /* longer than need be, and right */
        { BYTES("\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, (uint64_t)-2, "" },
        { BYTES("\x12\x07testing"), 2, 0, "testing" },
        { BYTES("\x12\x00"), 2, 0, "" },
        { BYTES("\x1d\x00\x00\x80\x3f"), 3, 0x3f800000, "\0\0\x80\x3f" },
        { BYTES("\x31\x01\x02\x03\x04\x05\x06\x07\x08"), 6, 0x0807060504030201, "\1\2\3\4\5\6\7\x08" },
        { BYTES("\x25\x04\x00\x00\x00\x20\x05"), 0, 0, "" }, /* no rule lets ints be of 32 bits */
        { BYTES("\x20\x05"), 4, 5, "" },
        { BYTES("\x22\x02\x05\x06"), 4, 0, "\5\6" },
        { BYTES("\xa0\x06\x01\xa2\x06\x02zz\xa1\x06zzzzzzzz\xa5\x06zzzz\x08\x07"), 1, 7, "" }, /* field 100, skipped */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena = { 0 };
        struct wire wire = wire_over(&arena, cases[i].bytes, cases[i].count);
        struct wire_field field;
        struct error err;

        if (cases[i].number == 0) {
            assert_int_equal(wire_next(&wire, &field, &err), -1);
        } else {
            assert_int_equal(wire_next(&wire, &field, &err), 1);
            assert_int_equal(field.rule->number, cases[i].number);
            if (field.type != WIRE_BYTES)
                assert_true(field.value == cases[i].value);
            else
                assert_int_equal(field.body.end - field.body.at, strlen(cases[i].body));
            if (field.type != WIRE_VARINT)
                assert_memory_equal(field.body.at, cases[i].body, (size_t)(field.body.end - field.body.at));
            assert_int_equal(wire_next(&wire, &field, &err), 0);
        }
        arena_free(&arena);
    }
}

static void what_is_broken_is_named_with_its_byte(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *message;
    } cases[] = {
        { BYTES("\x08\x07\x80"), "byte 2: the number of a field is cut off" },
        { BYTES("\x08\x07\x08\x80\x80"), "byte 3: number is cut off" },
        { BYTES("\x08"), "byte 1: number is cut off" },
        { BYTES("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"), "byte 1: number has more than 64 bits" },
        { BYTES("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), "byte 1: number has more than 64 bits" },
        { BYTES("\x00\x07"), "byte 0: 0 is no number of a field" },
        { BYTES("\x80\x80\x80\x80\x10\x07"), "byte 0: 536870912 is no number of a field" },
        { BYTES("\x12\x04zzz"), "byte 2: text has 4 bytes, only 3 are left" },
        { BYTES("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01z"),
          "byte 11: text has 18446744073709551615 bytes, only 1 are left" },
        { BYTES("\x12"), "byte 1: text is cut off" },
        { BYTES("\x1dzzz"), "byte 1: real has 4 bytes, only 3 are left" },
        { BYTES("\x31zzzzzzz"), "byte 1: wide has 8 bytes, only 7 are left" },
        { BYTES("\xa2\x06\x09z"), "byte 3: field 100 has 9 bytes, only 1 are left" },
        { BYTES("\xa3\x06"), "byte 0: field 100 is of wire type 3, expected 0, 1, 2 or 5" },
        { BYTES("\x0b\x0c"), "byte 0: number is of wire type 3, expected 0, 1, 2 or 5" },
        { BYTES("\x08\x01\x0c"), "byte 2: number is of wire type 4, expected 0, 1, 2 or 5" },
        { BYTES("\x0f"), "byte 0: number is of wire type 7, expected 0, 1, 2 or 5" },
        { BYTES("\x0a\x01z"), "byte 0: number is of wire type 2, expected 0" },
        { BYTES("\x10\x01"), "byte 0: text is of wire type 0, expected 2" },
        { BYTES("\x28\x01"), "byte 0: reals is of wire type 0, expected 5" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena = { 0 };
        struct wire wire = wire_over(&arena, cases[i].bytes, cases[i].count);
        struct error err = { 0 };
        struct wire_field field;
        int rc;

        while ((rc = wire_next(&wire, &field, &err)) == 1)
            continue;
        assert_int_equal(rc, -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_string_equal(err.message, cases[i].message);
        arena_free(&arena);
    }
}

static void texts_are_utf8_without_nul(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *message; /* NULL: taken */
    } cases[] = {
        { BYTES("\x12\x00"), NULL },
        { BYTES("\x12\x03\xe2\x82\xac"), NULL },
        { BYTES("\x12\x03z\0z"), "byte 3: text holds a NUL" },
        { BYTES("\x12\x03zz\xe2"), "byte 4: text is not UTF-8" },
        { BYTES("\x12\x02\xc0\x80"), "byte 2: text is not UTF-8" },
        { BYTES("\x12\x03\xed\xa0\x80"), "byte 2: text is not UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena = { 0 };
        struct wire wire = wire_over(&arena, cases[i].bytes, cases[i].count);
        struct error err = { 0 };
        struct wire_field field;
        const char *text = NULL;

        assert_int_equal(wire_next(&wire, &field, &err), 1);
        assert_int_equal(wire_text(&field, &arena, &text, &err), cases[i].message ? -1 : 0);
        if (cases[i].message != NULL)
            assert_string_equal(err.message, cases[i].message);
        else
            assert_memory_equal(text, cases[i].bytes + 2, strlen(text));
        arena_free(&arena);
    }
}

static void numbers_may_be_packed_or_not(void **state)
{
    static const char bytes[] = "\x20\x05\x2d\x00\x00\x80\x3f\x22\x03\x06\x96\x01\x08\x63\x22\x00"
                                "\x2a\x08\x00\x00\x00\x40\x00\x00\x40\x40\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    struct arena arena = { 0 };
    struct wire wire = wire_over(&arena, BYTES(bytes));
    struct error err = { 0 };
    const int64_t *ints;
    const float *reals;
    int count;

    (void)state;
    assert_int_equal(wire_ints(wire, 4, &arena, &ints, &count, &err), 0);
    assert_int_equal(count, 4);
    assert_int_equal(ints[0], 5);
    assert_int_equal(ints[1], 6);
    assert_int_equal(ints[2], 150);
    assert_int_equal(ints[3], -1);
    assert_int_equal(wire_reals(wire, 5, &arena, &reals, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_true(reals[0] == 1 && reals[1] == 2 && reals[2] == 3);
    arena_free(&arena);
}

static void packed_numbers_must_be_whole(void **state)
{
    static const char ints[] = "\x22\x02\x05\x80\x22\x01\x05", reals[] = "\x2a\x06zzzzzz";
    struct arena arena = { 0 };
    struct error err = { 0 };
    const int64_t *i;
    const float *f;
    int count;

    (void)state;
    assert_int_equal(wire_ints(wire_over(&arena, BYTES(ints)), 4, &arena, &i, &count, &err), -1);
    assert_string_equal(err.message, "byte 3: ints is cut off");
    assert_int_equal(wire_reals(wire_over(&arena, BYTES(reals)), 5, &arena, &f, &count, &err), -1);
    assert_string_equal(err.message, "byte 2: reals has 6 bytes, which are no whole floats");
    arena_free(&arena);
}

struct child {
    const char *name;
    int64_t number;
};

static int parse_child(struct wire wire, void *to, struct arena *arena, struct error *err)
{
    struct child *child = to;
    struct wire_field field;
    int rc;

    while ((rc = wire_next(&wire, &field, err)) == 1) {
        if (field.rule->number == 2 && wire_text(&field, arena, &child->name, err) < 0)
            return -1;
        if (field.rule->number == 1)
            child->number = (int64_t)field.value;
    }
    return rc;
}

static const struct wire_items children = { 7, "child", rules, sizeof(struct child), LIMIT_NODES, parse_child };

static void messages_become_a_list(void **state)
{
    static const char bytes[] = "\x3a\x05\x12\x01z\x08\x09\x08\x01\x3a\x00";
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct child *list;
    int count;

    (void)state;
    list = wire_items(wire_over(&arena, BYTES(bytes)), &children, &arena, &count, &err);
    assert_non_null(list);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].name, "z");
    assert_int_equal(list[0].number, 9);
    assert_null(list[1].name);
    list = wire_items(wire_over(&arena, "", 0), &children, &arena, &count, &err);
    assert_non_null(list);
    assert_int_equal(count, 0);
    arena_free(&arena);
}

static void a_broken_message_is_named_by_place_and_name(void **state)
{
    static const char named[] = "\x3a\x00\x3a\x05\x12\x01z\x08\x80", plain[] = "\x3a\x02\x08\x80";
    struct arena arena = { 0 };
    struct error err = { 0 };
    int count;

    (void)state;
    assert_null(wire_items(wire_over(&arena, BYTES(named)), &children, &arena, &count, &err));
    assert_string_equal(err.message, "child 1 'z': byte 8: number is cut off");
    assert_null(wire_items(wire_over(&arena, BYTES(plain)), &children, &arena, &count, &err));
    assert_string_equal(err.message, "child 0: byte 3: number is cut off");
    arena_free(&arena);
}

static void what_is_written_is_the_guides_bytes(void **state)
{
    static const char expected[] = "\x08\x96\x01\x12\x07testing\x1d\x00\x00\x80\xbf\x3a\x00\x3a\x05\x3a\x03\x12\x01z"
                                   "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    struct text out = { 0 };
    size_t outer, inner;

    (void)state;
    wire_put_int(&out, 1, 150);
    wire_put_text(&out, 2, "testing");
    wire_put_real(&out, 3, -1);
    wire_close(&out, wire_open(&out, 7));
    outer = wire_open(&out, 7);
    inner = wire_open(&out, 7);
    wire_put_bytes(&out, 2, "z", 1);
    wire_close(&out, inner);
    wire_close(&out, outer);
    wire_put_int(&out, 100, -1);
    assert_int_equal(text_check(&out, NULL), 0);
    assert_int_equal(out.length, sizeof(expected) - 1);
    assert_memory_equal(out.chars, expected, out.length);
    text_free(&out);
}

static void a_long_message_gets_a_long_length(void **state)
{
    static const size_t lengths[] = { 0, 1, 125, 126, 127, 128, 16381, 16382, 16383, 16384, 3000000 };

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        char *body = calloc(1, lengths[i] + 1);
        struct text out = { 0 };
        struct wire_field field;
        struct error err;
        struct wire wire;
        size_t begin;

        memset(body, 'z', lengths[i]);
        begin = wire_open(&out, 7);
        text_add_bytes(&out, body, lengths[i]);
        wire_close(&out, begin);
        assert_int_equal(text_check(&out, NULL), 0);
        assert_int_equal(out.length, 1 + wire_varint_bytes(lengths[i]) + lengths[i]);
        wire = (struct wire){ (unsigned char *)out.chars, (unsigned char *)out.chars,
                              (unsigned char *)out.chars + out.length, rules };
        assert_int_equal(wire_next(&wire, &field, &err), 1);
        assert_int_equal(field.body.end - field.body.at, lengths[i]);
        assert_memory_equal(field.body.at, body, lengths[i]);
        assert_int_equal(wire_next(&wire, &field, &err), 0);
        text_free(&out);
        free(body);
    }
}

static void varints_of_any_size_come_back(void **state)
{
    (void)state;
    for (int bit = 0; bit <= 64; bit++) {
        const uint64_t value = bit < 64 ? (uint64_t)1 << bit : UINT64_MAX;
        struct text out = { 0 };
        struct wire wire;
        struct error err;
        uint64_t found;

        for (int less = 0; less < 2; less++) {
            out.length = 0;
            wire_put_varint(&out, value - (unsigned)less);
            assert_int_equal(out.length, wire_varint_bytes(value - (unsigned)less));
            assert_int_equal(wire_varints((unsigned char *)out.chars, out.length), 1);
            wire = (struct wire){ .at = (unsigned char *)out.chars, .end = (unsigned char *)out.chars + out.length };
            wire.file = wire.at;
            assert_int_equal(wire_varint(&wire, "value", &found, &err), 0);
            assert_true(found == value - (unsigned)less);
            assert_ptr_equal(wire.at, wire.end);
        }
        text_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read_as_the_guide_says),
        cmocka_unit_test(what_is_broken_is_named_with_its_byte),
        cmocka_unit_test(texts_are_utf8_without_nul),
        cmocka_unit_test(numbers_may_be_packed_or_not),
        cmocka_unit_test(packed_numbers_must_be_whole),
        cmocka_unit_test(messages_become_a_list),
        cmocka_unit_test(a_broken_message_is_named_by_place_and_name),
        cmocka_unit_test(what_is_written_is_the_guides_bytes),
        cmocka_unit_test(a_long_message_gets_a_long_length),
        cmocka_unit_test(varints_of_any_size_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
