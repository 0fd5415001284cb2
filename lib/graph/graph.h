/*
 * graph.h - a network as values and nodes, in the order it is stored and run.
 *
 * A value is an input, a weight, or computed by one node. Nodes are in
 * topological order; graph_check() says so. Names of values and of nodes are
 * unique. All memory is the graph's arena; weights may point elsewhere (a
 * mapped package) as long as their owner lives.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/arena.h"
#include "op/op.h"

enum value_kind { VALUE_INPUT, VALUE_WEIGHT, VALUE_COMPUTED };

struct value {
    const char *name;
    enum value_kind kind;
    bool trainable;       /* WEIGHT: the optimizer may change it (false: BatchNormalization statistics, constants) */
    struct tensor tensor; /* dtype, shape (dim[0] of inputs may be -1: batch), quant; data of weights */
};

struct node {
    const char *name;
    const struct op *op;
    enum op_way way; /* asked for on this machine: no part of the model, and not written */
    struct attributes attributes;
    int *in; /* value indices; -1: absent optional input */
    int in_count;
    int *out;
    int out_count;
};

/* Names to indices; names.c keeps it. */
struct graph_names {
    int *slot; /* index + 1; 0: free */
    size_t capacity;
    int count;  /* the first so many are in it */
    bool moved; /* some have changed places or names since */
};

struct graph {
    struct arena *arena;
    struct value *value;
    int value_count, value_capacity;
    struct node *node;
    int node_count, node_capacity;
    int *input, input_count, input_capacity;
    int *output, output_count, output_capacity;
    struct graph_names value_names, node_names;
    const unsigned char *fixed; /* a file's bytes, input_fix()ed, that weights may lie in; NULL: none */
    size_t fixed_bytes;
};

/* ---- building; -1 on failure (names taken, memory) else the index of the new value or node ---- */
void graph_init(struct graph *graph, struct arena *arena);
MUST_CHECK int graph_add_input(struct graph *graph, const char *name, enum dtype dtype, const struct shape *shape,
                               struct error *err);
/* data is not copied */
MUST_CHECK int graph_add_weight(struct graph *graph, const char *name, enum dtype dtype, const struct shape *shape,
                                void *data, bool trainable, struct error *err);
/* Inputs by index; outputs are new values named NODE, or NODE.1, NODE.2 for further ones, or as out_names says (may be
 * NULL). attributes are copied. Returns the index of the first output's value. ERROR_INPUT for an unknown operator, with the nearest as hint. */
MUST_CHECK int graph_add_node(struct graph *graph, const char *name, const char *op, const int *in, int in_count,
                              int out_count, const char *const *out_names, const struct attributes *attributes,
                              struct error *err);
MUST_CHECK int graph_add_output(struct graph *graph, int value, struct error *err);

/* ---- looking ---- */
int graph_find_value(const struct graph *graph, const char *name); /* or -1 */
int graph_find_node(const struct graph *graph, const char *name);  /* or -1 */
/* The number to put behind a name after i was taken: far away after some, for there may be thousands. */
int graph_next_number(const struct graph *graph, int i);
int graph_producer(const struct graph *graph, int value);  /* node or -1 */
int graph_consumers(const struct graph *graph, int value); /* nodes reading it, plus 1 when it is an output */
/* Order, indices, unique names, every computed value has a producer. ERROR_INPUT naming node and value. */
MUST_CHECK int graph_check(const struct graph *graph, struct error *err);
/*
 * Sets dtype and shape of all computed values for this batch (inputs' -1 becomes
 * batch in the computed ones). ERROR_INPUT naming the node, also where a value
 * would have no element.
 */
MUST_CHECK int graph_infer_shapes(struct graph *graph, int64_t batch, struct error *err);
/*
 * graph_try_shapes - calls `refused` for each node that inference of shapes for batch 1 would refuse and goes on, with
 * what that node gives not known. A graph some of whose inputs' sizes are not known is passed over.
 */
MUST_CHECK int graph_try_shapes(const struct graph *graph,
                                int (*refused)(void *context, const struct node *node, const char *reason,
                                               struct error *err),
                                void *context, struct error *err);
/*
 * graph_output_shapes - dtype and shape of each output for every batch and size that the inputs leave open: an axis
 * that follows them is -1. A rank of SHAPE_UNKNOWN: only data tell, or none of the sizes tried is taken.
 */
MUST_CHECK int graph_output_shapes(const struct graph *graph, struct tensor *out, struct error *err);
/* Every size of every input is known, but for the batch. */
bool graph_is_sized(const struct graph *graph);
/* Sum over nodes for batch 1; per_node (node_count entries) may be NULL. Shapes must have been inferred. */
MUST_CHECK int graph_cost(struct graph *graph, struct op_cost *total, struct op_cost *per_node, struct error *err);
int64_t graph_parameters(const struct graph *graph); /* elements of trainable and of quantized weights */

/* The weight is read late again, or never: its memory need not be kept where a file has it. */
void graph_rest(const struct graph *graph, const struct tensor *weight);

/* *one: the values' tensors for a batch of one, in the arena, if the batch is free and each sample goes its own way; else NULL. */
MUST_CHECK int graph_apart(const struct graph *graph, struct tensor **one, struct arena *arena, struct error *err);

/* ---- rewriting ---- */
/* The name is not copied; whether another value has it is for the caller to know. */
void graph_rename_value(struct graph *graph, int value, const char *name);
/* A deep copy into another arena; weights' data are shared unless copy_weights. */
MUST_CHECK int graph_copy(struct graph *to, struct arena *arena, const struct graph *from, bool copy_weights,
                          struct error *err);
/*
 * graph_fold - what inference needs no more: BatchNormalization into the Conv,
 * ConvTranspose or Gemm before it (also a bias it had), Dropout and Identity
 * away, dead nodes and weights away. New weights are the graph's arena's; old ones are not written.
 */
MUST_CHECK int graph_fold(struct graph *graph, struct error *err);
/* Removes nodes, values and weights that no output needs; inputs stay. */
MUST_CHECK int graph_remove_dead(struct graph *graph, struct error *err);
/*
 * graph_cut - nodes first..last as a graph of its own. Inputs: values computed
 * before `first` (or graph inputs) that nodes in range or later parts need, in
 * stored order; outputs: values still live after `last`, in stored order, so that
 * parts chain: outputs of one part are exactly the inputs of the next.
 */
MUST_CHECK int graph_cut(struct graph *to, struct arena *arena, const struct graph *from, int first, int last,
                         struct error *err);

#endif
