/*
 * activations.h - what flows between the parts of a split model: a tar whose samples are
 * KEY.t0.npy, KEY.t1.npy, ... in the order of the next part's inputs, KEY.json {"head": HEX},
 * and KEY.cls passed on.
 */
#ifndef INFER_ACTIVATIONS_H
#define INFER_ACTIVATIONS_H

#include "infer/infer.h"

bool model_reads_activations(const struct model *model);  /* a part after the first */
bool model_writes_activations(const struct model *model); /* a part before the last */
/*
 * sends: some of what it gives is its input as it is, moved about or changed element by element, with no convolution or
 * matrix product on the way: nothing that hides a picture. Errors: memory.
 */
MUST_CHECK int model_sends_input(const struct model *model, bool *sends, struct error *err);

/* A sample's tensors into the runner's inputs. ERROR_INPUT: of another head, missing, another dtype or shape. */
MUST_CHECK int activations_load(struct runner *runner, const struct model *model, const struct sample *sample,
                                struct error *err);
/* The runner's outputs as a sample; identity is the writing part's. class_text may be NULL. */
MUST_CHECK int activations_write(struct runner *runner, const struct model *model, const struct digest *identity,
                                 const char *key, const char *class_text, struct tar_writer *tar, struct error *err);

#endif
