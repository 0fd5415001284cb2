/* exec_internal.h - a compiled graph, as the files that compile and run it see it. */
#ifndef GRAPH_EXEC_INTERNAL_H
#define GRAPH_EXEC_INTERNAL_H

#include "graph/exec.h"
#include "graph/internal.h"
#include "graph/plan.h"

/* What becomes of a node's outputs when forward is done with them. */
enum keeping {
    KEPT,
    FORGOTTEN, /* for the way back they are computed again, and then kept */
    BRIEF,     /* and not kept either when that was for what comes after them alone, but computed once more */
};

/* A node, ready to run. */
struct step {
    struct op_io io;
    const struct tensor **in; /* what io.in points to */
    struct tensor **out;
    const char *usual;      /* the kernel that the operator would choose, where it is asked for a way; else NULL */
    struct tensor *in_grad; /* TRAIN: io.in's tensors, each with the gradient as this node shall write it */
    struct epilogue epilogue;
    int result;     /* value of out[0]: the last absorbed node's */
    int add;        /* value of epilogue.add; -1 */
    bool absorbed;  /* done by an earlier step's epilogue */
    bool empty;     /* its outputs have no element: nothing to do */
    bool view;      /* out[0] has in[0]'s memory and bytes: nothing to do */
    bool joined;    /* its inputs were computed in its output's memory: nothing to do */
    bool grad_view; /* and so have their gradients */
    bool trains;    /* runs backward */
    bool apart;     /* in[1]'s gradient has a backward() of its own, after the others', and is taken at once */
    enum keeping keeping;
    int work, work_back, work_apart, saved; /* spans; -1: none */
    int back, back_last;                    /* times when it runs backward: for all, or for in[1] last */
    int again, last_replay; /* replays: the one that is held, while they are scheduled; the last one; -1: none */
};

/* A node computed again. */
struct replay {
    int node, time;
    int *read, *span; /* by output: the last time it is read, and where it lies */
    int work, saved;  /* spans; -1: none of its own */
};

struct exec {
    struct arena arena;
    struct graph graph; /* as it runs, but for fusion */
    enum exec_mode mode;
    struct kern own_kern; /* when the job brings none */
    struct op_run run;
    struct tensor *tensor; /* by value */
    struct step *step;     /* by node */

    /* by value; times are as in place.c */
    int *made;             /* node; -1 */
    int *last_read;        /* time, of what was computed first; -1: never */
    int *root;             /* value whose memory it uses */
    int *span, *grad_span; /* of the root; -1: none */
    int *part_of;          /* value in whose memory it is computed, join.c; -1 */
    size_t *part_at;       /* where there; 0 */
    int *again_span;       /* where it lies as it was last computed again; -1: it was not */
    int time_end;          /* after everything */
    bool *written;         /* its gradient, by someone earlier in backward order */
    bool *zeroed;          /* its gradient has no writer though its node runs backward: zeros */
    struct plan plan;
    void *unaligned; /* what was allocated for the block */
    unsigned char *block;
    size_t block_bytes;
    void *packed; /* weights in the kernels' own order */
    size_t packed_bytes;

    /* nodes whose sizes follow from data: they run one by one after the others */
    struct node *late;
    int late_count;
    int *result, result_count; /* outputs, as the caller's graph has them; graph.output has what late nodes read, too */
    struct arena late_arena;   /* what the last run gave */

    /* slices.c: of a batch that runs in so many parts, inputs and outputs as a whole */
    int64_t slices;
    struct tensor *whole_in, *whole_out;

    /* TRAIN, by value */
    bool *needs; /* a gradient: it is, or comes from, a weight that learns */
    bool *gets;  /* one: it leads to an output */
    int *whole;  /* a weight's gradient is whole once this node ran backward; node_count: before any did */
    bool takes;  /* as exec_training has it */

    /* again.c */
    struct replay *replay; /* in order of time */
    int replay_count, replay_room;
    int *replay_output; /* what replays have by output, one after the other */
    int replay_outputs, output_room;
    int output_count;     /* of all nodes */
    bool *drops;          /* by node: brief, or for such nodes alone */
    bool *wanted, *tried; /* by node: scratch */
    bool *read_by_held;   /* by value: by a node that does not drop */
    bool *pinned, *kept;  /* by value: never forgotten; read by backward, before anything is forgotten */
    int64_t *alive;       /* by time: scratch */

    /* lessen.c */
    bool *open;      /* by node: it may be kept less */
    double *gain;    /* by node: what that gained when it was tried last */
    int64_t pricing; /* nodes and values placed to learn what choices take */
};

/* ---- exec.c ---- */
/* The block, as it is planned. */
MUST_CHECK int exec_allocate(struct exec *exec, struct error *err);
/* Something is computed: it is no view, and no other step does it. */
bool step_runs(const struct step *step);
void step_run(struct exec *exec, int n);
/* ERROR_LIMIT when a run needs more than LIMIT_ACTIVATION_BYTES. */
MUST_CHECK int exec_check_bytes(size_t bytes, struct error *err);

/* ---- late.c ---- */
/* Takes the nodes out of the graph that cannot be sized before a run. */
MUST_CHECK int late_split(struct exec *exec, int64_t batch, struct error *err);
MUST_CHECK int late_run(struct exec *exec, struct error *err);
/* The n-th of them; the first forgets what the run before gave. */
MUST_CHECK int late_step(struct exec *exec, int n, struct error *err);

/* ---- curves.c ---- */
/* Curves that exporters spell in several nodes become one: HardSwish, Swish; means of whole channels become a pool. */
MUST_CHECK int graph_join_curves(struct graph *graph, const struct shaping *how, struct error *err);

/* ---- blocks.c ---- */
/* Convolutions and what stands between them run on pictures in blocks (op/block.h) where the kernels have them. */
MUST_CHECK int graph_lay_blocks(struct graph *graph, int64_t batch, const struct kern *kern, struct error *err);

/* ---- steps.c ---- */
/* Binds every node to its tensors and calls shape(). */
MUST_CHECK int steps_make(struct exec *exec, int64_t batch, const struct job *job, struct error *err);

/* Weights into the kernels' own order. */
MUST_CHECK int steps_pack(struct exec *exec, struct error *err);

/* ---- fuse.c ---- */
/* Marks the nodes that an earlier step's epilogue does. Shapes are known. */
MUST_CHECK int steps_fuse(struct exec *exec, struct error *err);
/* The same for training: what an operator's backward can go through. The graph is the exec's own. */
MUST_CHECK int steps_fuse_back(struct exec *exec, struct error *err);
/* The node as an epilogue's activation; false when it is none. */
bool fuse_read_activation(const struct exec *exec, const struct node *node, struct epilogue *epilogue);

/* ---- settle.c ---- */
/* Weights that are not the source's move into the run's arena, or go when only packed copies are read. */
MUST_CHECK int settle_weights(struct exec *exec, const struct graph *source, struct error *err);

/* ---- place.c ---- */
MUST_CHECK int place_init(struct exec *exec, struct error *err);
/* Lifetimes for what is marked to train and to forget: plan_layout() is all that is left. */
void place_values(struct exec *exec);
/* Pointers into the block. */
void place_bind(struct exec *exec);
/* A node's inputs as they lie now: what was computed again lies elsewhere. */
void place_inputs(struct exec *exec, int n);
/* A node's outputs where they are computed first, or again. */
void place_first(struct exec *exec, int n);
void place_again(struct exec *exec, const struct replay *replay);

/* ---- join.c ---- */
/* Marks steps that need not copy, and the values that are parts of others. Views are marked, nothing is placed. */
MUST_CHECK int join_parts(struct exec *exec, struct error *err);

/* ---- again.c ---- */
MUST_CHECK int again_init(struct exec *exec, struct error *err);
/* Spans that everything that is computed again takes at most. */
size_t again_spans(const struct exec *exec);
/* When each node runs backward, which are computed again before it, and when what they read is read last. */
void again_schedule(struct exec *exec);
/* What is elementwise and comes from what is kept anyway is not kept. */
void again_forget_cheap(struct exec *exec);
/* A kept node may be FORGOTTEN: its weights are as they were until its own backward is done. */
bool again_may_forget(const struct exec *exec, int n);
void again_keep(struct exec *exec, int n, enum keeping keeping);

/* ---- lessen.c ---- */
/*
 * Nodes and values placed to find out what choices take, some tenths of a second: then no more is chosen because it
 * costs next to nothing, and what a limit needs is chosen among few.
 */
enum { LESSEN_WORK = 30000000 };
/* Lays out the plan, with less kept where that costs next to nothing, and as the limit asks. ERROR_LIMIT names the least that was reached. */
MUST_CHECK int lessen_to_fit(struct exec *exec, const struct exec_training *how, struct error *err);

/* ---- ahead.c ---- */
/* Tells nodes what to fetch for later ones. Weights are where they stay. */
void ahead_make(struct exec *exec);

/* ---- slices.c ---- */
/* How many samples run together: a divisor of the batch, or all of it where samples do not stay apart. */
MUST_CHECK int slices_choose(const struct graph *graph, int64_t batch, const struct job *job, int64_t *samples,
                             struct error *err);
/* For an exec of one slice that is ready. */
MUST_CHECK int slices_make(struct exec *exec, int64_t count, struct error *err);
/* A slice's inputs out of the whole ones before it runs, its outputs into them after. */
void slices_enter(struct exec *exec, int64_t slice);
void slices_leave(struct exec *exec, int64_t slice);

/* ---- train.c ---- */
MUST_CHECK int train_init(struct exec *exec, struct error *err);
/* Which nodes run backward when these weights (by value; NULL: none) keep still. */
void train_mark(struct exec *exec, const bool *frozen);
/* Bytes of a gradient, or of what there is of it at a time. */
size_t train_grad_bytes(const struct exec *exec, int value);

#endif
