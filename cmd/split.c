/* split.c - a model in two or more packages that run one after the other. */
#include <string.h>

#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"
#include "infer/activations.h"
#include "package/package.h"
#include "split/split.h"

struct args {
    const char *at, *output, *require;
    bool keep_input;
};

static const struct option options[] = {
    { "at", 'a', OPTION_TEXT, FIELD(struct args, at), .value = "NODE[,NODE...]", .required = true,
      .help = "cut after these nodes, in stored order" },
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "HEAD,TAIL[,...]", .required = true,
      .neutral = true, .help = "a file for each part" },
    { "require", 0, OPTION_TEXT, FIELD(struct args, require), .value = "GATES",
      .help = "write only if each part holds these, such as 'size<=200000'; else "
              "exit 1",
      .neutral = true },
    { "keep-input", 0, OPTION_FLAG, FIELD(struct args, keep_input),
      .help = "refuse a cut that the input itself crosses, or nothing computed", .neutral = true },
    { 0 }
};

static const struct example examples[] = {
    { "coedge split model.coedge --at pool2 -o head.coedge,tail.coedge", "two parts" },
    { "coedge infer head.coedge photos.tar | coedge infer tail.coedge -", "run them through a pipe" },
    { 0 }
};

/* The words between commas, in the arena; NULL when memory runs out. */
static const char **split_words(struct arena *arena, const char *text, int *count)
{
    const char **word;

    *count = 1;
    for (const char *at = text; *at != '\0'; at++)
        *count += *at == ',';
    word = arena_array(arena, (size_t)*count, sizeof(*word));
    for (int i = 0; word != NULL && i < *count; i++) {
        const size_t length = strcspn(text, ",");

        word[i] = arena_strndup(arena, text, length);
        if (word[i] == NULL)
            return NULL;
        text += length + (text[length] == ',');
    }
    return word;
}

/* All the words there are to know before anything is read: nodes, and a file for each part. */
static int read_words(const struct invocation *inv, const char *const **at, int *cuts, const char *const **path,
                      struct error *err)
{
    const struct args *args = inv->args;
    int files;

    *at = split_words(inv->arena, args->at, cuts);
    *path = split_words(inv->arena, args->output, &files);
    if (*at == NULL || *path == NULL)
        return error_memory(err);
    if (files != *cuts + 1)
        return error_set(err, ERROR_USAGE, "--at %s makes %d parts, --output names %d", args->at, *cuts + 1, files);
    for (int i = 0; i < files; i++) {
        if (strcmp((*path)[i], "-") == 0 || (*path)[i][0] == '\0')
            return error_set(err, ERROR_USAGE, "--output: expected a file for each part, found '%s'", args->output);
        for (int k = 0; k < i; k++)
            if (strcmp((*path)[i], (*path)[k]) == 0)
                return error_set(err, ERROR_USAGE, "--output names '%s' twice", (*path)[i]);
    }
    return 0;
}

/* Parts are of use together only: none gets its name before all are on disk. */
static int write_parts(const struct invocation *inv, struct model *part, int count, const char *const *path,
                       const struct making *making, struct error *err)
{
    struct output **out = arena_array(inv->arena, (size_t)count, sizeof(struct output *));
    int rc = out ? 0 : error_memory(err);

    for (int i = 0; rc == 0 && i < count; i++) {
        if (making_record(inv, making, &part[i], err) < 0)
            rc = -1;
        else if (making_gate(inv, making, &part[i], err) < 0)
            rc = error_in(err, "%s", path[i]);
        out[i] = rc == 0 ? package_write_open(&part[i], path[i], inv->job, err) : NULL;
        rc = out[i] ? 0 : -1;
    }
    for (int i = 0; out != NULL && i < count; i++) {
        if (rc == 0)
            rc = output_commit(out[i], err);
        else
            output_abort(out[i]);
    }
    return rc;
}

static int split(const struct invocation *inv, struct model *model, const char *const *at, int cuts,
                 const char *const *path, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .require = args->require };
    struct model *part = arena_array(inv->arena, (size_t)cuts + 1, sizeof(*part));
    bool sends = false;
    int rc;

    if (part == NULL)
        return error_memory(err);
    if (making_begin(inv, &making, model, err) < 0 || split_model(part, model, at, cuts, err) < 0)
        return -1;
    rc = package_settle(model, err);
    if (rc == 0 && args->keep_input)
        rc = model_sends_input(&part[0], &sends, err);
    if (rc == 0 && sends) {
        error_set(err, ERROR_TRUST, "%s: the input itself crosses the cut", path[0]);
        rc = error_hint(err, "cut at another node: coedge inspect lists them");
    }
    if (rc == 0)
        rc = write_parts(inv, part, cuts + 1, path, &making, err);
    for (int i = 0; i <= cuts; i++)
        model_free(&part[i]);
    return rc;
}

static int run(const struct invocation *inv, struct error *err)
{
    const char *const *at, *const *path;
    struct model model;
    int cuts, rc;

    if (read_words(inv, &at, &cuts, &path, err) < 0 || open_model(inv, 0, &model, err) < 0)
        return -1;
    rc = split(inv, &model, at, cuts, path, err);
    model_free(&model);
    return rc;
}

const struct command cmd_split = {
    .name = "split",
    .summary = "cut a model into parts for a device and a server",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Folds BatchNormalization away, then cuts the graph after each NODE and writes a\n"
             "package for each part. What leaves one part is what enters the next: every value\n"
             "still needed goes along, so residual networks can be cut anywhere. Together the\n"
             "parts give the same bits as the whole.\n\n"
             "The first part keeps the preprocessing, the last the labels. A part takes only\n"
             "what the part before it sent. coedge inspect lists the nodes.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .reads_stdin = true,
    .run = run,
};
