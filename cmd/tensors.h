/* tensors.h - `infer` on tensor files: one run, its outputs as .npy. */
#ifndef CMD_TENSORS_H
#define CMD_TENSORS_H

#include "cli/cli.h"
#include "model/model.h"

/* True when the operands from `first` on are tensor files (.npy, .pb) that only tensors_run() can take. */
bool takes_tensor_files(const struct invocation *inv, int first, const struct model *model, const char *folder);
/* One run on them; outputs go to folder/output_K.npy (folder NULL: none is written), a line of JSON to standard output. */
MUST_CHECK int infer_tensor_files(const struct invocation *inv, int first, struct model *model, const char *folder,
                                  struct error *err);

#endif
