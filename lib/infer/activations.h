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
/* What it gives has its input in it, or is computed from that without a weight: nothing that hides a picture. */
bool model_sends_input(const struct model *model);

/* A sample's tensors into the runner's inputs. ERROR_INPUT: of another head, missing, another dtype or shape. */
MUST_CHECK int activations_load(struct runner *runner, const struct model *model, const struct sample *sample,
                                struct error *err);
/* The runner's outputs as a sample; identity is the writing part's. class_text may be NULL. */
MUST_CHECK int activations_write(struct runner *runner, const struct model *model, const struct digest *identity,
                                 const char *key, const char *class_text, struct tar_writer *tar, struct error *err);

#endif
