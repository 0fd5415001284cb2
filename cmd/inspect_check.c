#include "cmd/inspect_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/share.h"
#include "onnx/onnx.h"
#include "package/package.h"

static void print_problems(const struct invocation *inv, const struct onnx_report *report)
{
    static const char *const headings[] = { "node", "operator", "opset", "reason" };
    struct table *table = table_new(inv->arena, 4, headings);
    char opset[24];

    for (int i = 0; i < report->count; i++) {
        const struct onnx_problem *problem = &report->problem[i];
        const char *cells[4] = { problem->node, problem->op, opset, problem->reason };

        snprintf(opset, sizeof(opset), "%" PRId64, problem->opset);
        table_row(table, cells);
    }
    if (report->count > 0)
        table_print(table, stdout, terminal_color(STDOUT_FILENO));
    else
        printf("all %d nodes run here (opset %" PRId64 ")\n", report->nodes, report->opset);
}

static int print_report(const struct invocation *inv, const struct onnx_report *report, struct error *err)
{
    struct tree *map = tree_map(inv->arena), *list;

    if (!inv->json) {
        print_problems(inv, report);
        return 0;
    }
    tree_add_int(inv->arena, map, "opset", report->opset);
    tree_add_int(inv->arena, map, "nodes", report->nodes);
    list = tree_add_list(inv->arena, map, "problems");
    for (int i = 0; i < report->count; i++) {
        const struct onnx_problem *problem = &report->problem[i];
        struct tree *one = tree_add_map(inv->arena, list, NULL);

        tree_add_text(inv->arena, one, "node", problem->node);
        tree_add_text(inv->arena, one, "op", problem->op);
        tree_add_int(inv->arena, one, "opset", problem->opset);
        tree_add_text(inv->arena, one, "reason", problem->reason);
    }
    return inv->arena->failed ? error_memory(err) : print_json(map, err);
}

static int check_onnx(const struct invocation *inv, const struct input *in, const char *path, struct error *err)
{
    struct onnx_report report;

    if (onnx_check(&report, inv->arena, in, path, err) < 0 || print_report(inv, &report, err) < 0)
        return -1;
    if (report.count == 0)
        return 0;
    return error_set(err, ERROR_INPUT, "%d of %d nodes cannot run here", report.count, report.nodes);
}

/* A package that can be read holds only what runs here. */
static int check_package(const struct invocation *inv, struct input *in, const char *path, struct error *err)
{
    struct onnx_report report = { 0 };
    struct model model;
    int rc = package_take(&model, in, path, err);

    if (rc < 0)
        return -1;
    report.nodes = model.graph.node_count;
    rc = package_settle(&model, err);
    model_free(&model);
    if (rc == 0 && !inv->json)
        printf("all %d nodes run here\n", report.nodes);
    return rc < 0 ? -1 : inv->json ? print_report(inv, &report, err) : 0;
}

int inspect_check(const struct invocation *inv, struct error *err)
{
    const char *path;
    struct input in;
    int rc;

    if (operand_path(inv, 0, &path, err) < 0 || input_open(&in, path, 0, err) < 0)
        return -1;
    if (!onnx_is(in.bytes, in.count))
        return check_package(inv, &in, path, err);
    rc = check_onnx(inv, &in, path, err);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path) : 0;
}
