/*
 * profile.h - a compiled graph step by step: what runs, by which kernel and in
 * which layout, and how long each step takes.
 */
#ifndef GRAPH_PROFILE_H
#define GRAPH_PROFILE_H

#include "graph/exec.h"

/* A step that computes something; views and what other steps do are none. */
struct profile_step {
    const char *name, *op;   /* of the node */
    const char *kernel;      /* "-" where the operator has one way only */
    const char *layout;      /* of out[0]: "plain" [N, C, H, W]; "c4", "c8", "c16" [N, C/8, H, W, 8] */
    enum op_way way;         /* in which it goes because it was asked to; ANY: as the operator would choose anyway */
    double macs;             /* 0 for a node whose sizes follow from data */
    bool real;               /* multiplies F32 */
    const char *const *does; /* the nodes that it does too, in order: a residual Add, an activation */
    int does_count;
};

/* All of them in the order in which they run; names are the exec's. */
MUST_CHECK int exec_steps(const struct exec *exec, struct arena *arena, struct profile_step **step, int *count,
                          struct error *err);
/* exec_run() with a clock around each step: seconds [count], in that order. */
MUST_CHECK int exec_run_timed(struct exec *exec, double *seconds, struct error *err);

/*
 * profile_peak - multiply-adds of F32 a second that the pool's threads can do together by the path's instructions: the
 * best of some runs of kern->multiply_add_f32.
 */
double profile_peak(const struct kern *kern, struct pool *pool);

#endif
