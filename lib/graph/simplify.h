/*
 * simplify.h - a graph as exporters write it, made plain: the same answers from
 * fewer nodes, so that pruning, quantizing, splitting and training meet what
 * they know. For graphs that come from elsewhere, once.
 */
#ifndef GRAPH_SIMPLIFY_H
#define GRAPH_SIMPLIFY_H

#include "graph/graph.h"

/*
 * graph_simplify - constants made of constants are worked out; sizes that are computed from an input's shape become
 * numbers where they are the same for any batch; a batch fixed to 1 becomes free where nothing mixes samples; pairs of
 * Transposes that undo each other go; a Pad of zeros becomes the next node's pads; MatMul and Add become Gemm;
 * QuantizeLinear and DequantizeLinear become quantized values, so that what lies between them runs in integers;
 * Identity goes; so does what is not needed. F32 answers stay the same but for the order of sums. Weights that a Conv, Gemm, normalisation
 * or the like reads become trainable.
 */
MUST_CHECK int graph_simplify(struct graph *graph, struct error *err);

#endif
