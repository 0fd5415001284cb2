/* check.c - what of a file would be refused, all of it, before anything runs. */
#include <string.h>

#include "onnx/internal.h"

int import_note(struct import *import, const char *node, const char *op, const char *reason, struct error *err)
{
    struct onnx_report *report = import->report;
    struct arena *arena = import->report_arena;
    const size_t count = (size_t)report->count;
    const bool full = (count & (count - 1)) == 0; /* room doubles: 1, 2, 4 */
    struct onnx_problem *longer = !full ? report->problem
                                        : arena_grow(arena, report->problem, count, count * 2 + (count == 0),
                                                     sizeof(*longer));
    struct onnx_problem *added = longer == NULL ? NULL : &longer[count];

    if (added == NULL)
        return error_memory(err);
    *added = (struct onnx_problem){ arena_strdup(arena, node), arena_strdup(arena, op), import->opset,
                                    arena_strdup(arena, reason) };
    if (added->node == NULL || added->op == NULL || added->reason == NULL)
        return error_memory(err);
    report->problem = longer;
    report->count++;
    return 0;
}

static int note_refused(void *context, const struct node *node, const char *reason, struct error *err)
{
    return import_note(context, node->name, node->op->name, reason, err);
}

static int check(struct import *import, const struct input *in, const char *path, struct error *err)
{
    if (import_graph(import, in, path, err) < 0)
        return -1;
    import->report->opset = import->opset;
    import->report->nodes = import->file.node_count;
    return graph_try_shapes(import->graph, note_refused, import, err);
}

int onnx_check(struct onnx_report *report, struct arena *arena, const struct input *in, const char *path,
               struct error *err)
{
    struct arena scratch = { 0 };
    struct graph graph;
    struct import import = { .scratch = &scratch, .graph = &graph, .report = report, .report_arena = arena };
    int rc;

    *report = (struct onnx_report){ 0 };
    graph_init(&graph, &scratch);
    rc = check(&import, in, path, err);
    arena_free(&scratch);
    return rc;
}
