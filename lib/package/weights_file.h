/*
 * weights_file.h - a model's weights alone, as other frameworks keep them: one .safetensors or .npz of named arrays.
 *
 * Names are the graph's own; those of the built-in architectures are PyTorch's, as torchvision's networks have them
 * in their state dicts.
 */
#ifndef PACKAGE_WEIGHTS_FILE_H
#define PACKAGE_WEIGHTS_FILE_H

#include "model/model.h"

/*
 * weights_write_safetensors, weights_write_npz - path or "-"; appears whole or not at all. A quantized weight is written
 * as its integers with NAME.scale (F32) and NAME.zero_point (I32), one number or one for each index of its axis. What
 * PyTorch keeps in its code instead, as the bounds of a ReLU6, is left out.
 */
MUST_CHECK int weights_write_safetensors(struct model *model, const char *path, struct error *err);
MUST_CHECK int weights_write_npz(struct model *model, const char *path, struct error *err);

/* True when the bytes begin as one of the two does. */
bool weights_is(const void *bytes, size_t count);

/*
 * weights_read - fills all weights of a model, of no use when that fails. The file (or "-") has each of
 * them, of its shape and of any float type, and no other: ERROR_INPUT naming the first that differs, and how many do.
 * "module." or "model." in front of all names is passed over, and so is num_batches_tracked.
 */
MUST_CHECK int weights_read(struct model *model, const char *path, struct error *err);

#endif
