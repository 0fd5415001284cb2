/* parse.h - what the files that read an ONNX file share with each other. */
#ifndef ONNX_PARSE_H
#define ONNX_PARSE_H

#include "onnx/proto.h"
#include "onnx/wire.h"

/* Fields of TensorProto that hold elements. */
enum tensor_field {
    FLOAT_DATA = 4,
    INT32_DATA = 5,
    STRING_DATA = 6,
    INT64_DATA = 7,
    RAW_DATA = 9,
    DOUBLE_DATA = 10,
    UINT64_DATA = 11,
};

struct data_type {
    int64_t number;
    const char *name;        /* "FLOAT" */
    int dtype;               /* an enum dtype, or -1 */
    enum tensor_field field; /* where its elements lie when not in raw_data */
};
/* NULL for a number that ONNX does not have. */
const struct data_type *data_type_find(int64_t number);

extern const struct wire_rule tensor_rules[], node_rules[], value_rules[], entry_rules[];

/* Each takes a message with the rules of its kind. */
MUST_CHECK int parse_tensor(struct wire wire, void *tensor, struct arena *arena, struct error *err);
MUST_CHECK int parse_node(struct wire wire, void *node, struct arena *arena, struct error *err);
MUST_CHECK int parse_value(struct wire wire, void *value, struct arena *arena, struct error *err);
MUST_CHECK int parse_entry(struct wire wire, void *entry, struct arena *arena, struct error *err);

/* Room for as many bytes of elements, not NULL for want of them. NULL: no memory. */
MUST_CHECK void *room_for(struct arena *arena, size_t bytes, struct error *err);

/* Elements from a file of their own; see onnx_load(). */
MUST_CHECK int external_read(struct tensor *to, const struct onnx_tensor *tensor, struct arena *arena,
                             const char *folder, struct error *err);

#endif
