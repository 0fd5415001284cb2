/*
 * tensors.h - one run of a graph on tensors as they are: any number of inputs,
 * any element types, sizes as the tensors have them.
 */
#ifndef INFER_TENSORS_H
#define INFER_TENSORS_H

#include "model/model.h"

/* A file's tensor: .npy or a TensorProto (.pb) by content. Data are the arena's or lie in bytes, which are written to. */
MUST_CHECK int tensor_read(struct tensor *tensor, struct arena *arena, unsigned char *bytes, size_t count,
                           struct error *err);
/* True when the bytes begin as a .npy file does. */
bool tensor_is_npy(const void *bytes, size_t count);

/* `output` is called for each of the graph's outputs, in order; quantized ones are given as F32. */
struct tensors_sink {
    int (*output)(void *context, int index, const char *name, const struct tensor *tensor, struct error *err);
    void *context;
};
/*
 * tensors_run - in[count] are the graph's inputs in its order. Errors: ERROR_INPUT naming the input for another
 * element type or shape than the graph has, and what exec_new() and exec_run() refuse. *ms is the time of the run alone.
 */
MUST_CHECK int tensors_run(const struct model *model, const struct tensor *in, int count, const struct job *job,
                           const struct tensors_sink *sink, double *ms, struct error *err);

#endif
