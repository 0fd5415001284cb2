/*
 * ahead.c - weights that a node reads once, and does little with, are fetched while the nodes before it compute: the
 * last layers of a classifier wait for memory otherwise.
 */
#include "graph/exec_internal.h"

enum { LEAST_BYTES = 256 * 1024 }; /* less is soon read */

void ahead_make(struct exec *exec)
{
    for (int n = 0; n < exec->graph.node_count; n++) {
        const struct op_io *io = &exec->step[n].io;
        const int weight = exec->graph.node[n].in_count > 1 ? exec->graph.node[n].in[1] : -1;
        size_t left = io->streams;

        if (left < LEAST_BYTES || exec->step[n].absorbed || weight < 0 || io->in[1]->data == NULL ||
            exec->graph.value[weight].kind != VALUE_WEIGHT)
            continue;
        for (int before = n - 1; before >= 0 && left > 0; before--) {
            struct op_io *fetching = &exec->step[before].io;
            if (!step_runs(&exec->step[before]) || fetching->fetches == 0 || fetching->ahead != NULL)
                continue;
            fetching->ahead_bytes = left < fetching->fetches ? left : fetching->fetches;
            left -= fetching->ahead_bytes;
            fetching->ahead = (const char *)io->in[1]->data + left;
        }
    }
}
