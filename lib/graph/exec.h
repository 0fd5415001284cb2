/*
 * exec.h - a graph made ready to run for one batch size: shapes, fusion, one
 * block of memory laid out by lifetime, then forward and back.
 *
 * A large batch of samples that do not see each other runs some at a time, as
 * many as a cache holds, with memory for no more.
 *
 * Inference compiles a folded copy (graph_fold), fuses activations and residual
 * adds into the operators that take an epilogue, runs elementwise nodes in
 * place, and shares memory between values that are never alive together.
 * Quantized graphs run integer kernels; where an operator has none, the value
 * is dequantized before and quantized after.
 * Bits never depend on the number of threads or on fusion.
 */
#ifndef GRAPH_EXEC_H
#define GRAPH_EXEC_H

#include "base/job.h"
#include "graph/graph.h"

struct exec;

enum exec_mode {
    EXEC_INFER,
    EXEC_TRAIN, /* not folded, fused only there and back; gradients of trainable weights */
    /*
     * Inference semantics, folded, nothing fused, shared or laid in blocks of channels: every value can be read
     * (calibration, tests). Convolutions sum in another order than those of EXEC_INFER, and round otherwise.
     */
    EXEC_TRACE,
};

/* Errors: ERROR_INPUT with the node's name, ERROR_LIMIT when the plan exceeds LIMIT_ACTIVATION_BYTES. The graph must outlive it. */
MUST_CHECK struct exec *exec_new(const struct graph *graph, int64_t batch, enum exec_mode mode, const struct job *job,
                                 struct error *err);
/*
 * exec_twin - the same again, in EXEC_INFER, to run at the same time: weights and tables are the first's, which must
 * outlive it, and not run while it is made; activations are its own. pool NULL: one thread. Bits are the first's.
 */
MUST_CHECK struct exec *exec_twin(const struct exec *exec, struct pool *pool, struct error *err);
void exec_free(struct exec *exec);

/* The i-th graph input: the caller fills data (dtype as in the graph: F32, or U8 with quant). */
struct tensor *exec_input(struct exec *exec, int i);
/* The i-th graph output after exec_forward(); in EXEC_TRAIN its grad is for the caller to fill before exec_backward(). */
struct tensor *exec_output(struct exec *exec, int i);
/*
 * Any value by its name in the (folded) graph. NULL when there is none, or when its memory was used again: EXEC_TRACE
 * keeps all; EXEC_TRAIN, between forward and backward, what backward reads, where a BatchNormalization's may be what the
 * curve behind it made; EXEC_INFER inputs and outputs.
 */
const struct tensor *exec_value(const struct exec *exec, const char *name);

/* Nodes whose sizes follow from data are only in EXEC_INFER; their outputs' shapes are known after each run. */
MUST_CHECK int exec_run(struct exec *exec, struct error *err);
/* Some output's shape is known only after a run. */
bool exec_is_late(const struct exec *exec);
/* exec_run() where no such node can be: EXEC_TRAIN and EXEC_TRACE. */
void exec_forward(struct exec *exec);

/* ---- EXEC_TRAIN ---- */
/* How a step of training is laid out; zeros, as exec_new() has it: everything learns, gradients stay, no limit. */
struct exec_training {
    /*
     * By value index; NULL: none. Weights whose entry is true get no gradient, backward ends where nothing before
     * learns, and what it would have read is not kept. A BatchNormalization none of whose weights learns runs with its
     * stored statistics and leaves them alone.
     */
    const bool *frozen;
    bool takes;          /* exec_backward() is given `take`: a gradient's memory is used again after that */
    size_t memory_bytes; /* of the planned block and what is beside it, at most; 0: no limit */
    size_t beside_bytes; /* what the caller keeps for training: counted in */
};
/*
 * exec_new() for EXEC_TRAIN. Activations that cost little are not kept for the way back but computed again: elementwise
 * ones, and others for some hundredths of a step's work; under a limit so are more, by what they free for what they cost
 * (lessen.c). Bits are the same. Errors: as exec_new(), and ERROR_LIMIT when memory_bytes does not do: it says the least
 * that would.
 */
MUST_CHECK struct exec *exec_new_training(const struct graph *graph, int64_t batch, const struct exec_training *how,
                                          const struct job *job, struct error *err);
/* Elements [first, first + count) of a weight's gradient. */
struct gradient {
    int value;
    size_t first, count;
    const float *data;
};
/*
 * Weights are read where the graph has them, so that an optimizer's step is seen at once. Gradients of every weight
 * that learns are overwritten. take (NULL: none) hears of each weight once its gradient is whole and nobody reads the
 * weight any more in this step: it may change it. A large one comes some rows at a time, in order, of which the same
 * holds.
 */
void exec_backward(struct exec *exec, void (*take)(void *context, const struct gradient *gradient), void *context);
/* Of a graph's weight, all of it; NULL when not trained, or when only `take` sees it. */
float *exec_gradient(struct exec *exec, int value);
void exec_set_step(struct exec *exec, uint64_t seed, uint64_t step);

size_t exec_memory_bytes(
    const struct exec *exec); /* planned block with scratch, gradients, packed and folded weights, tables */
/* The compiled (folded) graph, for inspect and profile. In EXEC_INFER a folded weight that was packed has no data. */
const struct graph *exec_graph(const struct exec *exec);

#endif
