/*
 * proto.h - what an ONNX file says, as it says it: ModelProto, GraphProto,
 * NodeProto and TensorProto of onnx.proto3 as plain structs over the file's
 * bytes. Nothing is copied but names (an arena's, ended by a NUL) and lists.
 * For lib/onnx alone. Source: onnx/onnx.proto3 (IR versions 3 to 10) and
 * protobuf's encoding guide.
 *
 * Limits: nesting 16, nodes LIMIT_NODES, ranks up to SHAPE_MAX_RANK.
 */
#ifndef ONNX_PROTO_H
#define ONNX_PROTO_H

#include "base/arena.h"
#include "tensor/tensor.h"

struct onnx_span {
    unsigned char *at; /* into the file */
    size_t bytes;
};

/* TensorProto.DataType. Others than these have no dtype here (strings, complex, 8- and 4-bit floats and integers). */
MUST_CHECK int onnx_dtype(enum dtype *dtype, int64_t data_type, struct error *err);
int onnx_data_type(enum dtype dtype);

struct onnx_tensor {
    const char *name; /* "" when it has none */
    int64_t data_type;
    struct shape shape;
    struct onnx_span data;  /* raw_data, or the packed field that holds the elements */
    bool raw;               /* raw_data: elements as they are; else varints, floats or doubles in their field */
    bool scattered;         /* the field came in several pieces: refused when loaded */
    const char *location;   /* external data: a file's name; NULL: here */
    int64_t offset, length; /* of external data; length -1: to the end */
};

enum onnx_attribute_type { /* AttributeProto.AttributeType */
                           ONNX_FLOAT = 1,
                           ONNX_INT = 2,
                           ONNX_STRING = 3,
                           ONNX_TENSOR = 4,
                           ONNX_GRAPH = 5,
                           ONNX_FLOATS = 6,
                           ONNX_INTS = 7,
                           ONNX_STRINGS = 8,
};

struct onnx_attribute {
    const char *name;
    int type; /* one of the above, or another number that nothing here takes */
    float f;
    int64_t i;
    const char *s;              /* STRING */
    struct onnx_tensor *tensor; /* TENSOR */
    const float *floats;
    const int64_t *ints;
    const char **strings;
    int count; /* of floats, ints or strings */
};

struct onnx_node {
    const char *name, *op_type, *domain; /* "" when absent */
    const char **input, **output;        /* "" stands for an absent one */
    int input_count, output_count;
    struct onnx_attribute *attribute;
    int attribute_count;
};

/* A graph's input or output. */
struct onnx_value {
    const char *name;
    int64_t elem_type; /* 0: not said; -1: not a tensor (a sequence, a map, an optional) */
    bool has_shape;
    struct shape shape; /* -1 where a size is symbolic or unknown */
};

struct onnx_opset {
    const char *domain; /* "": ONNX's own */
    int64_t version;
};

struct onnx_entry {
    const char *key, *value;
};

struct onnx_model {
    int64_t ir_version;
    const char *producer_name, *graph_name; /* "" when absent */
    struct onnx_opset *opset;
    int opset_count;
    struct onnx_entry *metadata;
    int metadata_count;
    struct onnx_node *node;
    int node_count;
    struct onnx_tensor *initializer;
    int initializer_count;
    struct onnx_value *input, *output;
    int input_count, output_count;
    int function_count; /* model-local functions */
    int sparse_initializer_count;
};

/*
 * onnx_parse - a whole ModelProto. `bytes` must be writable and outlive the
 * model (the tensors' data lie in it). ERROR_INPUT with the byte's offset and what was
 * being read ("node 12 'conv1'"), ERROR_LIMIT.
 */
MUST_CHECK int onnx_parse(struct onnx_model *model, struct arena *arena, unsigned char *bytes, size_t count,
                          struct error *err);
/* A TensorProto alone, as the .pb files of ONNX's tests hold it. */
MUST_CHECK int onnx_parse_tensor(struct onnx_tensor *tensor, struct arena *arena, unsigned char *bytes, size_t count,
                                 struct error *err);
/* True when the bytes begin as a ModelProto does: well-formed fields, at most 16 of them looked at, an ir_version among
 * them. Bodies are stepped over; one that goes on beyond `count` is fine. A false "yes" only decides who complains. */
bool onnx_sniff(const unsigned char *bytes, size_t count);

/*
 * onnx_load - the elements. raw_data, and packed floats and doubles, are used in place: where they do not lie on
 * a multiple of their element's size they are moved down over their own length prefix, in the caller's bytes; what
 * has no room for that, and varints, goes to the arena. Loading the same tensor again gives the same elements.
 * External data are read into the arena from a file of `folder` ("" or NULL: refused) whose name holds
 * no "/" at its start, no ".." part and no link.
 * Fewer or more bytes than the shape wants: ERROR_INPUT naming the tensor.
 */
MUST_CHECK int onnx_load(struct tensor *to, struct onnx_tensor *tensor, struct arena *arena, const char *folder,
                         struct error *err);

#endif
