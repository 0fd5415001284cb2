/* dot.h - a graph as a drawing: DOT for Graphviz, SVG to look at. */
#ifndef GRAPH_DOT_H
#define GRAPH_DOT_H

#include "base/text.h"
#include "graph/graph.h"

/*
 * graph_dot - appends a digraph: a box a node with its name, operator and
 * output shape, an ellipse an input or output, a value's name on each edge.
 * Weights are not drawn. Shapes must have been inferred, else they are empty.
 * Check text->failed once at the end.
 */
void graph_dot(struct text *text, const struct graph *graph);

/* graph_svg - appends a picture of the same, a row a depth; no program is needed to draw it. */
void graph_svg(struct text *text, const struct graph *graph, const char *title);

#endif
