/* internal.h - a file on its way to a model, as the files of this room see it. */
#ifndef ONNX_INTERNAL_H
#define ONNX_INTERNAL_H

#include "onnx/onnx.h"
#include "onnx/proto.h"

enum { ONNX_OLDEST = 7, ONNX_NEWEST = 21 };

struct import {
    struct onnx_model file;
    struct arena *scratch; /* what the file says */
    struct graph *graph;
    const char *folder;
    int64_t opset;              /* of ONNX's own operators */
    struct onnx_report *report; /* NULL: the first problem ends it */
    struct arena *report_arena;
};

/* A node as it is being rewritten to the newest form; lists have room for ROOM. */
enum { NODE_ROOM = 16 };
struct draft {
    const char *name, *op, *domain;
    int in[NODE_ROOM], in_count; /* values; -1: absent */
    int *more_in;                /* instead of in[], of operators with more inputs */
    const char **out;
    int out_count;
    struct attributes attributes;
};

/* ---- names.c ---- */
/* Names that a package could not hold and a terminal should not see get \\xNN for what is invisible in them. */
MUST_CHECK int import_names(struct import *import, struct error *err);
MUST_CHECK int import_visible(struct arena *arena, const char **name, struct error *err);

/* ---- import_node.c ---- */
MUST_CHECK int import_nodes(struct import *import, struct error *err);
/* A node into the graph under a name of its own. Returns its first output's value. */
MUST_CHECK int import_add(struct import *import, const struct draft *draft, struct error *err);
/* A constant into the graph; the data are copied. Returns the value. */
MUST_CHECK int import_constant(struct import *import, const char *name, enum dtype dtype, const struct shape *shape,
                               const void *data, struct error *err);
/* A node between two others: one output, with a name made of `base`. Returns the value. */
MUST_CHECK int import_between(struct import *import, const char *base, const char *op, const int *in, int in_count,
                              const struct attributes *attributes, struct error *err);

/* ---- read.c ---- */
/* Opset, initializers, inputs and nodes into import->graph, as the file has them. */
MUST_CHECK int import_graph(struct import *import, const struct input *in, const char *path, struct error *err);

/* ---- check.c ---- */
MUST_CHECK int import_note(struct import *import, const char *node, const char *op, const char *reason,
                           struct error *err);

/* ---- upgrade.c ---- */
/* Rewrites an older form, or adds the nodes itself and sets *done. */
MUST_CHECK int import_upgrade(struct import *import, struct draft *draft, bool *done, struct error *err);

/* ---- microsoft.c ---- */
/* A node of the domain com.microsoft, as nodes of ONNX's own. */
MUST_CHECK int import_microsoft(struct import *import, struct draft *draft, struct error *err);

/* ---- attribute helpers on drafts ---- */
struct attribute *draft_attribute(struct draft *draft, const char *name);
void draft_remove(struct draft *draft, const char *name);
MUST_CHECK int draft_set(struct import *import, struct draft *draft, const struct attribute *attribute,
                         struct error *err);

/* ---- meaning.c ---- */
/* Task, labels and preprocessing, from metadata and from what the graph looks like. */
MUST_CHECK int import_meaning(const struct import *import, struct model *model, struct error *err);

#endif
