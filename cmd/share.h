/*
 * share.h - what commands that read packages have in common (making.h: what those that write them have), so that
 * a command's run() is: read, transform, write.
 */
#ifndef CMD_SHARE_H
#define CMD_SHARE_H

#include "cli/cli.h"
#include "data/data.h"
#include "infer/tuned.h"
#include "merge/merge.h"
#include "model/model.h"

/* ---- option rows that several commands have; `type` has the named members ---- */
#define OPTION_ROW_OUTPUT(type)                                                                                        \
    {                                                                                                                  \
        "output", 'o', OPTION_TEXT, FIELD(type, output), .value = "FILE", .initial = "-",                              \
                                                         .help = "where to write the package", .neutral = true         \
    }
#define OPTION_ROWS_GATE(type)                                                                                         \
    { "require",        0,                                                                                             \
      OPTION_TEXT,      FIELD(type, require),                                                                          \
      .value = "GATES", .help = "write only if these hold, such as 'accuracy>=0.97, size<=0.25x'; else exit 1",        \
      .neutral = true },                                                                                               \
    {                                                                                                                  \
        "val", 0, OPTION_LIST, FIELD(type, val),                                                                       \
            .value = "DATA", .help = "labelled data that gates and epochs are judged by", .neutral = true              \
    }
#define OPTION_ROW_TUNED(type)                                                                                         \
    {                                                                                                                  \
        "tuned", 0, OPTION_FLAG, FIELD(type, tuned),                                                                   \
            .help = "with the kernels that coedge profile --tune chose for this model on this processor",              \
            .neutral = true                                                                                            \
    }

/* ---- reading ---- */

/* The file that an operand names; "-" is standard input. */
MUST_CHECK int operand_path(const struct invocation *inv, int operand, const char **path, struct error *err);
/* What an operand names, be it a package (also of an update) or an ONNX model: a file, "-" or none (standard input), "@NAME[:TAG]". The place is
 * in errors. */
MUST_CHECK int open_package(const struct invocation *inv, int operand, struct model *model, struct error *err);
/* The same, and it is a model: the graph of an update computes nothing with differences for weights. */
MUST_CHECK int open_model(const struct invocation *inv, int operand, struct model *model, struct error *err);
/* The same, of which nothing will be written to: memory of weights is given back once they were packed. What the store
 * holds was verified when it was installed, and is not again. */
MUST_CHECK int open_fixed(const struct invocation *inv, int operand, struct model *model, struct error *err);
/* The same for an option's value. */
MUST_CHECK int open_named(const struct invocation *inv, const char *name, struct model *model, struct error *err);
/* Where the store keeps what was chosen for the model on this processor, and for whom. */
MUST_CHECK int tuned_place(const struct invocation *inv, const struct model *model, struct tuned_key *key,
                           const char **path, struct error *err);
/*
 * Where --tuned is given (wanted): the model goes as chosen there, and with a note, which calls it `what`, the usual way
 * where nothing was chosen: a new model is not to fail for that. The place is in errors. Before it is compiled or changed.
 */
MUST_CHECK int use_tuned(const struct invocation *inv, bool wanted, const char *what, struct model *model,
                         struct error *err);
/* ERROR_INPUT for an update, without the place. */
MUST_CHECK int refuse_update(const struct model *model, struct error *err);
/* The package comes from standard input, which can serve one operand only. */
bool model_is_piped(const struct invocation *inv);
/*
 * Standard input serves one of: the package, an item of the lists (NULL: none), `other` (a path or NULL).
 * ERROR_USAGE when it is asked for twice, or when `again` says that the lists are read a second time.
 */
MUST_CHECK int check_stdin_once(const struct invocation *inv, const struct texts *first, const struct texts *second,
                                const char *other, bool again, struct error *err);
/* All of DATA with the model's preprocessing and labels, every sample labelled; the place is in errors. */
MUST_CHECK int open_data(const struct invocation *inv, const struct texts *paths, const struct model *model,
                         struct dataset *set, struct error *err);
/* A path's bytes: a file, "-", or nothing (standard input). */
MUST_CHECK int open_bytes(const char *path, struct input *in, struct error *err);

/* What commands that make a built-in architecture let one choose. */
struct arch_wish {
    const char *input, *labels; /* "CxHxW"; a file of names; or NULL */
    int64_t classes;            /* 0: as the labels, or as the architecture says */
    double width;
};
/* *labels (the invocation's) is NULL when no file names them; else there are o->classes. ERROR_USAGE. */
MUST_CHECK int read_wish(const struct invocation *inv, const struct arch_wish *wish, struct arch_options *o,
                         const char ***labels, struct error *err);

/* --site of what makes an update, by the rule of who reads it; NULL is fine. ERROR_USAGE for what no reader takes. */
MUST_CHECK int check_site(const char *site, struct error *err);
/* --sign of what makes an update, before the work; NULL: nothing is read. ERROR_USAGE for a public key. */
MUST_CHECK int read_signing_key(struct sign_key *key, const char *path, struct error *err);

/* ---- speaking ---- */
/* One JSON object on a line of its own on standard output, flushed. */
MUST_CHECK int print_json(const struct tree *tree, struct error *err);

#endif
