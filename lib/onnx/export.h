/* export.h - a model on its way to a file, as the files that write it see it. For lib/onnx alone. */
#ifndef ONNX_EXPORT_H
#define ONNX_EXPORT_H

#include "base/text.h"
#include "model/model.h"
#include "onnx/wire.h"

enum { EXPORT_OPSET = 17, EXPORT_IR_VERSION = 8 };

/* Fields of onnx.proto3's messages. */
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5 };

/* An initializer: the model's own bytes, or small ones made here. */
struct export_weight {
    const char *name;
    enum dtype dtype;
    struct shape shape;
    const void *data;
};

struct export
{
    const struct graph *graph;
    struct arena *arena;
    struct text nodes; /* GraphProto.node, one after the other */
    struct export_weight *weight;
    int weight_count, weight_capacity;
    bool bytes_in, bytes_out; /* between parts of a split model quantized values are handed on as bytes */
};

/* A node as it will be written. */
enum { EXPORT_FORM_ROOM = 16 };
struct export_form {
    const char *in[EXPORT_FORM_ROOM];
    int in_count;
    struct attribute attribute[EXPORT_FORM_ROOM];
    int count;
    const char *const *said; /* attributes that the inputs hold already; or NULL */
};

/* ---- export.c ---- */
MUST_CHECK int export_weight(struct export *export, const char *name, enum dtype dtype, const struct shape *shape,
                             const void *data, struct error *err);
/* A name that no value of the graph has: BASE.SUFFIX. NULL: out of memory. */
const char *export_name(struct export *export, const char *base, const char *suffix);
/* Numbers as an initializer, a list or one without axes; returns its name, or NULL. */
const char *export_ints(struct export *export, const char *base, const char *role, const int64_t *ints, int count,
                        struct error *err);
const char *export_reals(struct export *export, const char *base, const char *role, const float *reals, int count,
                         struct error *err);
const char *export_number(struct export *export, const char *base, const char *role, enum dtype dtype, double number,
                          struct error *err);

/* ---- export_axes.c ---- */
/* Axes that a node names and EXPORT_OPSET would not read there. */
MUST_CHECK int export_axes(struct export *export, const struct node *node, struct export_form *form, struct error *err);

/* ---- export_spelled.c ---- */
/* An operator that EXPORT_OPSET does not have in those that it has; *done false: it has it, or nobody knows how. */
MUST_CHECK int export_spelled(struct export *export, const struct node *node, const char **in, const char **out,
                              bool *done, struct error *err);

/* ---- export_ports.c ---- */
/* GraphProto.input and .output. */
MUST_CHECK int export_ports(const struct export *export, struct text *out, struct error *err);

/* ---- meaning.c ---- */
/* ModelProto.metadata_props. */
void export_meaning(struct text *out, const struct model *model);

/* ---- export_node.c ---- */
/* A node of plain inputs and outputs and attributes of one number or list each. */
void export_plain(struct export *export, const char *name, const char *op, const char *const *in, int in_count,
                  const char *const *out, int out_count, const struct attributes *attributes);
/* A node of the graph, in the form that EXPORT_OPSET has; in[] and out[] name its values. */
MUST_CHECK int export_node(struct export *export, const struct node *node, const char **in, const char **out,
                           struct error *err);

#endif
