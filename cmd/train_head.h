/*
 * train_head.h - train-local's new heads: of labels that are given, or that the data have besides the model's.
 */
#ifndef CMD_TRAIN_HEAD_H
#define CMD_TRAIN_HEAD_H

#include "cli/cli.h"
#include "model/model.h"

/* Rows of labels that the model has are kept; those of new ones are drawn from the job's seed. The path is a file of
 * names, one a line. */
MUST_CHECK int head_of_labels(const struct invocation *inv, const char *path, struct model *model, struct error *err);
/* The same, for the labels of the data too, behind those of the model; a note says which. ERROR_INPUT: the model has
 * none. */
MUST_CHECK int head_of_data(const struct invocation *inv, const struct texts *data, struct model *model,
                            struct error *err);

#endif
