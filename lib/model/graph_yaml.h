/*
 * graph_yaml.h - a graph as a tree, both ways: model.yaml's `graph:` and the file that `coedge new FILE` is given.
 *
 *   inputs:
 *     - {name: image, shape: [-1, 3, 64, 64]}                 -1: the batch
 *   weights:
 *     - {name: conv1.weight, shape: [8, 3, 3, 3]}
 *     - {name: bn1.mean, shape: [8], trainable: false}
 *     - {name: fc.weight, dtype: I8, shape: [6, 32], quant: {axis: 0}}
 *   nodes:
 *     - {name: conv1, op: Conv, inputs: [image, conv1.weight], attributes: {pads: [1, 1, 1, 1]}}
 *     - {name: relu1, op: Relu, inputs: [conv1]}
 *   values:
 *     - {name: relu1, quant: {scale: 0.02, zero_point: 3}}
 *   outputs: [relu1]
 *
 * dtype is F32 unless said, and F32 weights are trainable unless said; an absent optional input is ""
 * as in ONNX; a node has one output, named after it, unless `outputs: [...]` says otherwise; `values`
 * adds to computed values how they are quantized (U8). quant: one scale and zero_point, or an axis, whose scales
 * are the stored F32 tensor NAME.scale and whose zero points are 0.
 */
#ifndef MODEL_GRAPH_YAML_H
#define MODEL_GRAPH_YAML_H

#include "base/tree.h"
#include "graph/graph.h"

/* NULL when memory runs out (arena->failed). Weights' data are not in it, nor scales per axis. */
struct tree *graph_to_tree(struct arena *arena, const struct graph *graph);
/* "NAME.scale" in the arena, or NULL. */
char *graph_scale_name(struct arena *arena, const char *value);

/* Where the data of weights and of NAME.scale come from. */
struct graph_store {
    /* Fills `stored` with the tensor of that name. ERROR_INPUT when there is none. */
    int (*find)(struct graph_store *store, const char *name, struct tensor *stored, struct error *err);
};

/*
 * graph_from_tree - adds all of it to an empty graph (graph_init) and checks it: names, order, dtypes, quantization,
 * shapes for batch 1. With a store, weights get its data (dtype and shape must be the same; data are
 * not copied); store NULL leaves weights without data and takes no quantization per axis.
 * Errors: ERROR_INPUT with "LINE:COLUMN: " in front where known, ERROR_LIMIT.
 */
MUST_CHECK int graph_from_tree(struct graph *graph, const struct tree *map, struct graph_store *store,
                               struct error *err);

#endif
