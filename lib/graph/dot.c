/* dot.c - a graph as Graphviz draws it. */
#include "graph/dot.h"

/* A name in a quoted string of DOT: quotes and backslashes escaped, nothing that a terminal obeys. */
static void add_escaped(struct text *text, const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            text_add(text, "\\");
        text_add_bytes(text, (unsigned char)*c < ' ' ? "?" : c, 1);
    }
}

static void add_end(struct text *text, const struct value *value, const char *kind, int index)
{
    char shape[160];

    text_printf(text, "  %s%d [shape=ellipse, label=\"", kind, index);
    add_escaped(text, value->name);
    text_printf(text, "\\n%s %s\"];\n", dtype_name(value->tensor.dtype), shape_text(&value->tensor.shape, shape));
}

static void add_node(struct text *text, const struct graph *graph, int n)
{
    const struct node *node = &graph->node[n];
    char shape[160];

    text_printf(text, "  n%d [shape=box, label=\"", n);
    add_escaped(text, node->name);
    text_printf(text, "\\n%s", node->op->name);
    for (int i = 0; i < node->out_count; i++)
        text_printf(text, "\\n%s", shape_text(&graph->value[node->out[i]].tensor.shape, shape));
    text_add(text, "\"];\n");
}

/* From the node that makes the value, or from the input's ellipse. A weight has no edge. */
static void add_edge(struct text *text, const struct graph *graph, int value, int producer, const char *kind, int to)
{
    if (graph->value[value].kind == VALUE_WEIGHT)
        return;
    if (producer >= 0)
        text_printf(text, "  n%d", producer);
    else
        text_printf(text, "  input%d", value);
    text_printf(text, " -> %s%d [label=\"", kind, to);
    add_escaped(text, graph->value[value].name);
    text_add(text, "\"];\n");
}

void graph_dot(struct text *text, const struct graph *graph)
{
    text_add(text, "digraph model {\n");
    for (int i = 0; i < graph->input_count; i++)
        add_end(text, &graph->value[graph->input[i]], "input", graph->input[i]);
    for (int n = 0; n < graph->node_count; n++)
        add_node(text, graph, n);
    for (int i = 0; i < graph->output_count; i++)
        add_end(text, &graph->value[graph->output[i]], "output", i);
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->node[n].in_count; i++)
            if (graph->node[n].in[i] >= 0)
                add_edge(text, graph, graph->node[n].in[i], graph_producer(graph, graph->node[n].in[i]), "n", n);
    for (int i = 0; i < graph->output_count; i++)
        add_edge(text, graph, graph->output[i], graph_producer(graph, graph->output[i]), "output", i);
    text_add(text, "}\n");
}
