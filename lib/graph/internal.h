/* internal.h - what the files of this room share. */
#ifndef GRAPH_INTERNAL_H
#define GRAPH_INTERNAL_H

#include "graph/graph.h"

/* ---- graph.c ---- */
/* A value of any kind; -1 when the name is taken or memory runs out. */
MUST_CHECK int graph_add_value(struct graph *graph, const char *name, enum value_kind kind, enum dtype dtype,
                               const struct shape *shape, struct error *err);
/* As it is, at the end; what it points to must already be the graph's. */
MUST_CHECK int graph_push_node(struct graph *graph, const struct node *node, struct error *err);
/* `wanted`, or `wanted` with a number behind it: a value's name that is free. NULL: out of memory. */
MUST_CHECK const char *graph_fresh_name(struct graph *graph, const char *wanted);
/* Counts of inputs and outputs as the operator has them; what it needs is there. */
MUST_CHECK int graph_check_counts(const struct node *node, struct error *err);
bool graph_is_output(const struct graph *graph, int value);
/* The one node reading the value; -1 when there are none or several, or when it is an output. */
int graph_only_consumer(const struct graph *graph, int value);

/* ---- names.c ---- */
/* The index, or -1 where the table does not know the name. */
int names_find(const struct graph *graph, const struct graph_names *names, const char *name);
/* What the table does not know is nowhere among the first `count`. */
bool names_are_true(const struct graph_names *names, int count);
/* Makes the table hold the first `count` names, and room for one more; -1 when memory runs out. */
MUST_CHECK int names_cover(struct graph *graph, struct graph_names *names, int count);
/* The name of the value or node that is now the last; after names_cover(). */
void names_add(struct graph_names *names, const char *name, int index);

/* ---- copy.c: into an arena; -1 or NULL when memory runs out ---- */
MUST_CHECK int attributes_copy(struct attributes *to, struct arena *arena, const struct attributes *from);
MUST_CHECK const struct quant *quant_copy(struct arena *arena, const struct quant *from);
MUST_CHECK int value_copy(struct value *to, struct arena *arena, const struct value *from, bool copy_data);
MUST_CHECK int node_copy(struct node *to, struct arena *arena, const struct node *from);

/* ---- evaluate.c ---- */
/* One node run by itself: tensor[] by value has the data of its inputs and gets shape and data (the arena's) of its outputs. */
MUST_CHECK int node_evaluate(const struct node *node, struct tensor *tensor, const struct op_run *run,
                             struct arena *arena, struct error *err);
/* The node's tensors out of tensor[], as an operator's call; shape() has not been called. NULL: out of memory. */
MUST_CHECK struct op_io *node_io(const struct node *node, struct tensor *tensor, struct arena *arena);

/* ---- shapes.c ---- */
enum {
    KNOWN_TOTAL = 1 << 26,
    KNOWN_BYTES = 1 << 16
}; /* of values that are worked out before the run: lists of axes and sizes */

/* How the values of a graph are worked out before it runs. */
struct shaping {
    int64_t batch;           /* what -1 is on the first axis of an input; 0: nothing is known of inputs */
    int64_t size;            /* what -1 is on its other axes; 0: refused */
    bool trains;             /* weights that learn are not known in advance */
    size_t known_bytes;      /* a node's outputs are worked out when they are all constant and not larger */
    size_t known_total;      /* and all of them together are not larger; 0: KNOWN_TOTAL */
    struct arena *arena;     /* of what was worked out */
    const struct kern *kern; /* what will run: for graphs with pictures in blocks */
    /* Not NULL: hears of a node that is refused, and the next one is tried. */
    int (*refused)(void *context, const struct node *node, const char *reason, struct error *err);
    void *context;
};
/*
 * One tensor a value, inputs bound as `how` says. Computed ones have dtype and shape, and data where those are the
 * same in every run. The rank is SHAPE_UNKNOWN where a size follows from data. Errors name the node.
 */
MUST_CHECK int graph_shape_values(const struct graph *graph, const struct shaping *how, struct tensor *tensor,
                                  struct error *err);

/* ---- known.c ---- */
/* Values that are the same in every run become weights, their nodes go. Indices of values stay. */
MUST_CHECK int graph_bake(struct graph *graph, const struct shaping *how, struct error *err);
/* Both absent, or one pair each and the same. */
bool quant_equal(const struct quant *a, const struct quant *b);
/* True when the value is U8 at run time. An F32 input with quantization is filled in F32. */
bool value_runs_quantized(const struct value *value);
/* True when the node takes its tensors as they are: its operator runs in integers on what it reads, or it converts. */
bool node_is_integer(const struct graph *graph, const struct node *node);
/* A quantized weight as F32, in the arena. */
MUST_CHECK float *weight_dequantize(struct arena *arena, const struct tensor *weight);

/* ---- uses.c ---- */
struct uses {     /* by value */
    int *maker;   /* node; -1 */
    int *reader;  /* the last node that reads it; -1 */
    int *count;   /* nodes reading it, plus 1 when it is an output */
    bool *output; /* of the graph */
};
/* As the graph is now, with room for `more` values; in the arena. */
MUST_CHECK int uses_find(struct uses *uses, const struct graph *graph, int more, struct arena *arena,
                         struct error *err);
/* The one node reading the value; -1 when there are none or several, or when it is an output. */
int uses_only_reader(const struct uses *uses, int value);

/* ---- identity.c ---- */
/*
 * Identities, and nodes whose operator has one of the flags, go: readers read what they read. The graph's outputs
 * keep their names; one that is an input, a weight or another output keeps its Identity.
 */
MUST_CHECK int graph_remove_identities(struct graph *graph, unsigned flags, struct error *err);

/* ---- sizes.c ---- */
/* Sizes computed from inputs' shapes become constants where they are the same for every batch and size. */
MUST_CHECK int graph_settle_sizes(struct graph *graph, struct error *err);
/* True when a 0 in a Reshape's target keeps the input's axis. Where `list` has none, it does from here on. */
bool reshape_copies_zeros(struct node *node, const int64_t *list, int64_t count);

/* ---- linear.c, qdq.c, sink.c, pads.c, batch.c: passes of simplify.h ---- */
MUST_CHECK int graph_join_linear(struct graph *graph, struct error *err);
MUST_CHECK int graph_take_qdq(struct graph *graph, struct error *err);
MUST_CHECK int graph_sink_transposes(struct graph *graph, struct error *err);
MUST_CHECK int graph_merge_pads(struct graph *graph, struct error *err);
/* A batch fixed to one becomes free where each sample goes its own way. */
MUST_CHECK int graph_free_batch(struct graph *graph, struct error *err);

/* ---- pools.c ---- */
/* A MaxPool goes before the Relu or Clip that only it reads: same values and gradients. */
void graph_pool_first(struct graph *graph);

/* ---- lower.c ---- */
/* Around nodes of a quantized graph that run in F32: dequantize before, quantize after. */
MUST_CHECK int graph_lower(struct graph *graph, struct error *err);

#endif
