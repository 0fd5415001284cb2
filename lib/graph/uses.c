/* uses.c - who makes and who reads each value, found once where a pass asks for many. */
#include "graph/internal.h"

static void note_reads(struct uses *uses, const struct node *node, int n)
{
    for (int i = 0; i < node->in_count; i++) {
        const int v = node->in[i];

        if (v < 0 || uses->reader[v] == n)
            continue;
        uses->reader[v] = n;
        uses->count[v]++;
    }
}

int uses_find(struct uses *uses, const struct graph *graph, int more, struct arena *arena, struct error *err)
{
    const size_t values = (size_t)graph->value_count + (size_t)more + 1;

    *uses = (struct uses){ .maker = arena_array(arena, values, sizeof(int)),
                           .reader = arena_array(arena, values, sizeof(int)),
                           .count = arena_array(arena, values, sizeof(int)),
                           .output = arena_array(arena, values, sizeof(bool)) };
    if (uses->maker == NULL || uses->reader == NULL || uses->count == NULL || uses->output == NULL)
        return error_memory(err);
    for (size_t v = 0; v < values; v++)
        uses->maker[v] = uses->reader[v] = -1;
    for (int n = 0; n < graph->node_count; n++) {
        for (int i = 0; i < graph->node[n].out_count; i++)
            uses->maker[graph->node[n].out[i]] = n;
        note_reads(uses, &graph->node[n], n);
    }
    for (int i = 0; i < graph->output_count; i++) {
        uses->count[graph->output[i]] += !uses->output[graph->output[i]];
        uses->output[graph->output[i]] = true;
    }
    return 0;
}

int uses_only_reader(const struct uses *uses, int value)
{
    return uses->count[value] == 1 && !uses->output[value] ? uses->reader[value] : -1;
}
