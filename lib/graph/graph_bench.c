/*
 * What a run costs beside its arithmetic: chains of Relu on one number, each node a value of its own. TSV of nodes,
 * microseconds to compile, nanoseconds a node and run, and bytes in all.
 */
#include <stdio.h>

#include "base/clock.h"
#include "graph/exec.h"

enum { RUNS = 2000 };

static int chain(struct graph *graph, struct arena *arena, int nodes, struct error *err)
{
    struct shape shape = shape_of(2, (int64_t)-1, (int64_t)1);
    int value;

    graph_init(graph, arena);
    value = graph_add_input(graph, "x", DTYPE_F32, &shape, err);
    for (int i = 0; i < nodes && value >= 0; i++) {
        const char *name = arena_printf(arena, "n%d", i);

        value = name == NULL ? -1 : graph_add_node(graph, name, "Relu", &value, 1, 1, NULL, NULL, err);
    }
    return value < 0 ? -1 : graph_add_output(graph, value, err);
}

static int measure(int nodes, enum exec_mode mode, const char *name, struct error *err)
{
    struct arena arena = { 0 };
    struct graph graph;
    double began = 0, compiled = 0, ran = 0;
    struct exec *exec = NULL;

    if (chain(&graph, &arena, nodes, err) == 0) {
        began = clock_seconds();
        exec = exec_new(&graph, 1, mode, NULL, err);
        compiled = clock_seconds();
    }
    for (int run = 0; exec != NULL && run < RUNS; run++)
        exec_forward(exec);
    ran = clock_seconds();
    if (exec != NULL)
        printf("%s\t%d\t%.1f\t%.1f\t%zu\n", name, nodes, (compiled - began) * 1e6,
               (ran - compiled) * 1e9 / RUNS / nodes, exec_memory_bytes(exec));
    arena_free(&arena);
    exec_free(exec);
    return exec == NULL ? -1 : 0;
}

int main(void)
{
    struct error err;

    printf("mode\tnodes\tus_to_compile\tns_per_node\tbytes\n");
    for (int nodes = 1; nodes <= 4096; nodes *= 8)
        if (measure(nodes, EXEC_INFER, "infer", &err) < 0 || measure(nodes, EXEC_TRACE, "trace", &err) < 0) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    return 0;
}
