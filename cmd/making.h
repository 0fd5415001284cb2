/*
 * making.h - what commands that make a package do besides: gates, history, what does not come along.
 */
#ifndef CMD_MAKING_H
#define CMD_MAKING_H

#include "cli/cli.h"
#include "data/data.h"
#include "metric/metric.h"
#include "model/model.h"

/* What a command that makes a package knows besides the model. Zeroed is fine. */
struct making {
    const char *output;        /* path or "-" */
    const char *operand;       /* for the history: what was asked for that is no file; or NULL */
    const char *require;       /* gates, or NULL */
    bool learns;               /* from other data than the parent did: its statistics are no longer true */
    bool replays;              /* the parent's samples to learn again are taken along */
    const struct texts *val;   /* for gates; may be NULL */
    const struct dataset *set; /* the same, where it was read already; or NULL */
    bool new_labels;           /* what comes out has other labels: making_labels() once they are known */
    struct digest parent[2];   /* identities of what came in */
    int parent_count;
    const struct digest *parents; /* instead, when there are more */
    struct digest data[8];        /* digests of the data used */
    int data_count;
    struct tree *measures;  /* for the history: deterministic ones only */
    struct tree *reference; /* measures of the input package, when a gate is relative; or given, without times */
    struct gate *gate;      /* what `require` says */
    int gate_count;
    bool had_threshold;         /* the parent; told when what comes out has none */
    const struct sign_key *key; /* an update is signed with; or NULL */
};

/* Before the transform: parses gates, remembers the parent, measures it where a gate needs that, and takes from it,
 * with a note, what will not be true of what is made. */
MUST_CHECK int making_begin(const struct invocation *inv, struct making *making, struct model *parent,
                            struct error *err);
/* Every label that a gate names is the model's: said before the work, not after it. */
MUST_CHECK int making_labels(const struct invocation *inv, const struct making *making, const struct model *model,
                             struct error *err);
/* The gates on what was made; ERROR_ANSWER when one fails. making_end() does it too. */
MUST_CHECK int making_gate(const struct invocation *inv, const struct making *making, struct model *model,
                           struct error *err);
/* Bytes of the package that would be written now. */
MUST_CHECK int making_size(const struct invocation *inv, struct model *model, int64_t *size, struct error *err);
/* One more set of data that went in: its digest into the history, its level onto the model. */
void making_data(struct making *making, struct model *model, const struct dataset *set);
/* After it: history, gates, then the file, whole or not at all. */
MUST_CHECK int making_end(const struct invocation *inv, struct making *making, struct model *model, struct error *err);
/* A package's history record for this invocation: options that change the result, seed, digests, measures. */
MUST_CHECK int making_record(const struct invocation *inv, const struct making *making, struct model *model,
                             struct error *err);

/* The option has another value than by default, from wherever. */
bool option_changed(const struct invocation *inv, const char *name);

#endif
