/* read_model.h - for tests: a model out of bytes, in memory that is as long as they are. */
#ifndef ONNX_READ_MODEL_H
#define ONNX_READ_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "onnx/proto.h"
#include "onnx/wire.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

/* Field numbers that the tests write; onnx.proto3. */
enum { IR_VERSION = 1, GRAPH = 7, OPSET_IMPORT = 8 };
enum { NODE = 1, INITIALIZER = 5, INPUT = 11, OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_NAME = 3, OP_TYPE = 4, ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, F = 2, I = 3, T = 5, G = 6, FLOATS = 7, INTS = 8, TYPE = 20, REFERENCE = 21 };

struct read {
    struct onnx_model model;
    struct arena arena;
    unsigned char *bytes;
    struct error err;
    int rc;
};

static inline void read_bytes(struct read *read, const void *bytes, size_t count)
{
    *read = (struct read){ .bytes = malloc(count + (count == 0)) };
    assert_non_null(read->bytes);
    if (count > 0)
        memcpy(read->bytes, bytes, count);
    read->rc = onnx_parse(&read->model, &read->arena, read->bytes, count, &read->err);
}

static inline void read_text(struct read *read, struct text *text)
{
    assert_int_equal(text_check(text, NULL), 0);
    read_bytes(read, text->chars, text->length);
    text_free(text);
}

static inline void read_end(struct read *read)
{
    arena_free(&read->arena);
    free(read->bytes);
}

static inline void read_file(struct read *read, const char *path)
{
    struct input in;
    struct error err = { 0 };

    assert_int_equal(input_open(&in, path, 0, &err), 0);
    assert_true(onnx_sniff(in.bytes, in.count));
    read_bytes(read, in.bytes, in.count);
    input_close(&in);
}

/* A model of one graph whose field `number` is `body`. */
static inline void wrap(struct text *out, uint32_t number, const struct text *body)
{
    size_t graph;

    wire_put_int(out, IR_VERSION, 8);
    graph = wire_open(out, GRAPH);
    wire_put_bytes(out, number, body->chars, body->length);
    wire_close(out, graph);
}

#endif
