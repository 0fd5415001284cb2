/*
 * tune.h - which way (op/op.h) each node of a model goes fastest on this processor, by timing.
 *
 * One thread, whatever the job has: what is chosen, and with it the bits of an answer, is the same for any number of
 * them. The usual and another way run in turn, and what counts is how one run compares with the one beside it.
 */
#ifndef INFER_TUNE_H
#define INFER_TUNE_H

#include "infer/profile.h"

/* A node that has another way than the usual one. */
struct tune_node {
    const char *name;
    const char *usual;     /* the kernel that the operator chooses */
    double ms;             /* its median */
    double ratio[OP_WAYS]; /* the median of a way's time over the usual one's beside it; 0: no other way */
    enum op_way way;       /* chosen; ANY: the usual one */
};

struct tune {
    struct tune_node *node;
    int count, chosen; /* of nodes; of those that do not go the usual way */
    double ratio;      /* of whole runs with what was chosen; 1 where that is nothing */
};

/*
 * tune_model - a way is chosen where it wins by 3 % in the median and in three of four pairs; and all of them are only
 * where the whole wins, too. The nodes of the model have no ways yet. All memory is the arena's. Of the options `steps`
 * says nothing; `seconds` and `runs` are for each way, 15 pairs at least. Errors: as profile_model().
 */
MUST_CHECK int tune_model(const struct model *model, const struct profile_options *options, const struct job *job,
                          struct arena *arena, struct tune *tune, struct error *err);
/* Whether a node's ratios [pairs], which are sorted, are those of a way that is chosen; and their median. */
bool tune_is_worth(double *ratio, int64_t pairs, double *median);

#endif
