/*
 * svg.c - a graph as a picture that any browser shows: a row a depth (the longest way from
 * an input), boxes coloured by what an operator does, curves for the values between.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/dot.h"

enum { BOX_WIDTH = 230, BOX_HEIGHT = 44, COLUMN = 260, ROW = 84, MARGIN = 30, TITLE = 40 };

struct place {
    int depth, column;
};

struct drawing {
    struct text *text;
    const struct graph *graph;
    struct place *place; /* a node */
    int *width;          /* boxes at each depth */
    int depths, columns;
};

static void add_escaped(struct text *text, const char *chars)
{
    for (; *chars; chars++) {
        switch (*chars) {
        case '<': text_add(text, "&lt;"); break;
        case '>': text_add(text, "&gt;"); break;
        case '&': text_add(text, "&amp;"); break;
        case '"': text_add(text, "&quot;"); break;
        default:
            if ((unsigned char)*chars >= 0x20)
                text_add_bytes(text, chars, 1);
        }
    }
}

static void lay_out(struct drawing *d)
{
    const struct graph *graph = d->graph;

    for (int i = 0; i < graph->node_count; i++) {
        int depth = 0;

        for (int k = 0; k < graph->node[i].in_count; k++) {
            const int from = graph->node[i].in[k] < 0 ? -1 : graph_producer(graph, graph->node[i].in[k]);

            if (from >= 0 && d->place[from].depth >= depth)
                depth = d->place[from].depth + 1;
        }
        d->place[i] = (struct place){ depth, d->width[depth]++ };
        d->depths = depth + 1 > d->depths ? depth + 1 : d->depths;
        d->columns = d->width[depth] > d->columns ? d->width[depth] : d->columns;
    }
}

/* Rows are centred. */
static int x_of(const struct drawing *d, int node)
{
    const int free = d->columns - d->width[d->place[node].depth];

    return MARGIN + COLUMN * d->place[node].column + COLUMN * free / 2;
}

static int y_of(const struct drawing *d, int node)
{
    return TITLE + MARGIN + ROW * d->place[node].depth;
}

static const char *class_of(const struct op *op)
{
    if (strstr(op->name, "Conv") || strcmp(op->name, "Gemm") == 0 || strcmp(op->name, "MatMul") == 0)
        return "weights";
    if (strstr(op->name, "Pool") || strncmp(op->name, "Reduce", 6) == 0)
        return "pool";
    if (strstr(op->name, "Normalization"))
        return "norm";
    if (op->flags & OP_ELEMENTWISE)
        return "pointwise";
    return "other";
}

static void draw_edges(const struct drawing *d)
{
    const struct graph *graph = d->graph;

    for (int i = 0; i < graph->node_count; i++) {
        for (int k = 0; k < graph->node[i].in_count; k++) {
            const int from = graph->node[i].in[k] < 0 ? -1 : graph_producer(graph, graph->node[i].in[k]);
            const int x1 = from < 0 ? 0 : x_of(d, from) + BOX_WIDTH / 2, x2 = x_of(d, i) + BOX_WIDTH / 2;
            const int y1 = from < 0 ? 0 : y_of(d, from) + BOX_HEIGHT, y2 = y_of(d, i);
            /* A value that skips rows goes round the boxes between. */
            const int bend = from >= 0 && d->place[i].depth - d->place[from].depth > 1 ? BOX_WIDTH / 2 + 30 : 0;

            if (from >= 0)
                text_printf(d->text, "<path d=\"M%d %dC%d %d %d %d %d %d\"/>\n", x1, y1, x1 + bend, y1 + ROW / 2,
                            x2 + bend, y2 - ROW / 2, x2, y2);
        }
    }
}

static void draw_boxes(const struct drawing *d)
{
    const struct graph *graph = d->graph;

    for (int i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->node[i];
        const int x = x_of(d, i), y = y_of(d, i), middle = x + BOX_WIDTH / 2;
        char shape[160];

        text_printf(d->text, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>",
                    class_of(node->op), x, y, BOX_WIDTH, BOX_HEIGHT);
        text_printf(d->text, "<text x=\"%d\" y=\"%d\">", middle, y + 18);
        add_escaped(d->text, node->name);
        text_printf(d->text, "</text><text class=\"small\" x=\"%d\" y=\"%d\">%s %s</text>\n", middle, y + 35,
                    node->op->name, shape_text(&graph->value[node->out[0]].tensor.shape, shape));
    }
}

static void draw(struct drawing *d, const char *title)
{
    const int width = 2 * MARGIN + COLUMN * (d->columns > 1 ? d->columns : 1) + BOX_WIDTH / 2;
    const int height = TITLE + 2 * MARGIN + ROW * d->depths;

    text_printf(d->text,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width,
                height, width, height);
    text_add(d->text, "<style>svg{background:#fff}text{font:12px sans-serif;text-anchor:middle;fill:#222}"
                      ".small{font-size:11px;fill:#555}.title{font-size:16px;text-anchor:start}"
                      "path{fill:none;stroke:#888;stroke-width:1.5}rect{stroke:#666}"
                      ".weights{fill:#cfe2ff}.pool{fill:#d8f0d2}.norm{fill:#fff0c2}.pointwise{fill:#fde0dd}"
                      ".other{fill:#eee}</style>\n");
    text_printf(d->text, "<text class=\"title\" x=\"%d\" y=\"%d\">", MARGIN, TITLE);
    add_escaped(d->text, title);
    text_add(d->text, "</text>\n");
    draw_edges(d);
    draw_boxes(d);
    text_add(d->text, "</svg>\n");
}

void graph_svg(struct text *text, const struct graph *graph, const char *title)
{
    struct drawing d = { .text = text, .graph = graph };

    d.place = calloc((size_t)graph->node_count + 1, sizeof(*d.place));
    d.width = calloc((size_t)graph->node_count + 1, sizeof(*d.width));
    if (d.place == NULL || d.width == NULL) {
        text->failed = true;
    } else {
        lay_out(&d);
        draw(&d, title);
    }
    free(d.place);
    free(d.width);
}
