/*
 * split.h - a model cut into parts that run one after the other, on other
 * machines if one likes: what leaves one part is what enters the next.
 */
#ifndef SPLIT_SPLIT_H
#define SPLIT_SPLIT_H

#include "model/model.h"

/*
 * split_model - folds the model's graph in place (the cut is through what will
 * run), then cuts it after each of `count` nodes in stored order.
 *
 *   part  count + 1 models, not yet begun; they share the weights of the model,
 *         which must outlive them; model_free() each
 *   at    names of nodes of the folded graph; a value's name stands for the node
 *         that makes it, so a normalization folded away names its convolution
 *
 * Preprocessing stays with the first part, labels and Softmax with the last. Each
 * part names the part before by model_identity(), and the whole as it was given.
 *
 * Errors: ERROR_USAGE: unknown node (the nearest as hint), the last node, nodes
 * out of order or twice; ERROR_INPUT: an update, a part, a graph that mixes the
 * batch. On error no part is left to free.
 */
MUST_CHECK int split_model(struct model *part, struct model *model, const char *const *at, int count,
                           struct error *err);

#endif
