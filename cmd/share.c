#include "cmd/share.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "onnx/onnx.h"
#include "package/package.h"
#include "registry/registry.h"
#include "json/json.h"

/* ---- reading ---- */

static const char *name_operand(const struct invocation *inv, int operand)
{
    return operand < inv->operand_count ? inv->operand[operand] : "-";
}

/* FIXED: by who writes to nothing; INSTALLED: such a one, from the store, where it was verified. */
enum reading { READ_ALL, READ_FIXED, READ_INSTALLED };

/* A package or an ONNX model, by content. */
static int read_any(struct model *model, const char *path, enum reading how, struct error *err)
{
    struct input in;

    if (input_open(&in, path, 0, err) < 0)
        return -1;
    if (!onnx_is(in.bytes, in.count)) {
        if (how != READ_ALL)
            input_fix(&in);
        return how == READ_INSTALLED ? package_take_installed(model, &in, path, err)
                                     : package_take(model, &in, path, err);
    }
    if (onnx_read(model, &in, path, err) == 0)
        return 0;
    return error_in(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
}

static int read_named(const struct invocation *inv, const char *name, enum reading how, struct model *model,
                      struct error *err)
{
    const bool installed = name[0] == '@';

    if (installed && store_find(inv->arena, name, &name, err) < 0)
        return -1;
    return read_any(model, name, installed && how == READ_FIXED ? READ_INSTALLED : how, err);
}

int operand_path(const struct invocation *inv, int operand, const char **path, struct error *err)
{
    *path = name_operand(inv, operand);
    return (*path)[0] == '@' ? store_find(inv->arena, *path, path, err) : 0;
}

int open_package(const struct invocation *inv, int operand, struct model *model, struct error *err)
{
    return read_named(inv, name_operand(inv, operand), READ_ALL, model, err);
}

static int open_one(const struct invocation *inv, const char *name, enum reading how, struct model *model,
                    struct error *err)
{
    if (read_named(inv, name, how, model, err) < 0)
        return -1;
    if (refuse_update(model, err) == 0)
        return 0;
    model_free(model);
    return error_in(err, "%s", strcmp(name, "-") == 0 ? "standard input" : name);
}

int open_model(const struct invocation *inv, int operand, struct model *model, struct error *err)
{
    return open_one(inv, name_operand(inv, operand), READ_ALL, model, err);
}

int open_fixed(const struct invocation *inv, int operand, struct model *model, struct error *err)
{
    return open_one(inv, name_operand(inv, operand), READ_FIXED, model, err);
}

int open_named(const struct invocation *inv, const char *name, struct model *model, struct error *err)
{
    return open_one(inv, name, READ_ALL, model, err);
}

int tuned_place(const struct invocation *inv, const struct model *model, struct tuned_key *key, const char **path,
                struct error *err)
{
    const char *store;

    if (tuned_key(key, model, inv->job, inv->arena, err) < 0 || store_folder(inv->arena, &store, err) < 0)
        return -1;
    *path = tuned_path(key, store, inv->arena);
    return *path ? 0 : error_memory(err);
}

int use_tuned(const struct invocation *inv, bool wanted, const char *what, struct model *model, struct error *err)
{
    struct tuned_key key;
    const char *path;
    int rc;

    if (!wanted)
        return 0;
    if (tuned_place(inv, model, &key, &path, err) < 0)
        return -1;
    rc = tuned_read(model, &key, path, err);
    if (rc == 0)
        job_note(inv->job, "%s: not tuned for this CPU, goes with the usual kernels; run coedge profile MODEL --tune",
                 what);
    return rc < 0 ? -1 : 0;
}

int refuse_update(const struct model *model, struct error *err)
{
    if (model->update == NULL)
        return 0;
    error_set(err, ERROR_INPUT, "an update, expected a model");
    return error_hint(err, "coedge aggregate makes a model of updates");
}

bool model_is_piped(const struct invocation *inv)
{
    return inv->command->reads_stdin && (inv->operand_count == 0 || strcmp(inv->operand[0], "-") == 0);
}

static int count_stdin(const struct texts *list)
{
    int count = 0;

    for (int i = 0; list != NULL && i < list->count; i++)
        count += strcmp(list->item[i], "-") == 0;
    return count;
}

int check_stdin_once(const struct invocation *inv, const struct texts *first, const struct texts *second,
                     const char *other, bool again, struct error *err)
{
    const int lists = count_stdin(first) + count_stdin(second);
    const int all = lists + model_is_piped(inv) + (other != NULL && strcmp(other, "-") == 0);

    if (all > 1)
        return error_set(err, ERROR_USAGE, "standard input can serve one package or data set only, %d are to be read",
                         all);
    if (lists > 0 && again) {
        error_set(err, ERROR_USAGE, "data from standard input can be read once, and would be needed twice");
        return error_hint(err, "write it to a file first");
    }
    return 0;
}

int open_data(const struct invocation *inv, const struct texts *paths, const struct model *model, struct dataset *set,
              struct error *err)
{
    const struct dataset_options options = { .need_labels = true };

    return dataset_load(set, paths->item, paths->count, &model->preprocess, model->label, model->label_count, &options,
                        inv->job, err);
}

int open_bytes(const char *path, struct input *in, struct error *err)
{
    return input_open(in, path ? path : "-", 0, err);
}

int read_wish(const struct invocation *inv, const struct arch_wish *wish, struct arch_options *o, const char ***labels,
              struct error *err)
{
    int count;

    *o = (struct arch_options){ .classes = (int)wish->classes, .width_factor = wish->width, .seed = inv->job->seed };
    *labels = NULL;
    if (wish->input != NULL && arch_parse_input(o, wish->input, err) < 0)
        return error_in(err, "--input");
    if (wish->labels == NULL)
        return 0;
    if (wish->classes > 0)
        return error_set(err, ERROR_USAGE, "--labels says the classes already; leave --classes out");
    if (labels_read(inv->arena, wish->labels, labels, &count, err) < 0)
        return -1;
    o->classes = count;
    return 0;
}

int check_site(const char *site, struct error *err)
{
    struct text visible = { 0 };
    int rc = 0;

    if (site == NULL)
        return 0;
    text_add_visible(&visible, site, strlen(site));
    text_add(&visible, "");
    rc = text_check(&visible, err);
    if (rc == 0 && (site[0] == '\0' || strcmp(visible.chars, site) != 0)) {
        rc = error_set(err, ERROR_USAGE, "--site '%.200s' is empty or has control characters", visible.chars);
        error_hint(err, "names are the federation's, such as factory-a");
    }
    text_free(&visible);
    return rc;
}

int read_signing_key(struct sign_key *key, const char *path, struct error *err)
{
    if (path == NULL)
        return 0;
    if (merge_key_read(key, path, err) < 0)
        return error_in(err, "--sign");
    if (key->has_secret)
        return 0;
    error_set(err, ERROR_USAGE, "--sign: %s: a public key, expected the secret one of the site", path);
    return error_hint(err, "the public one is for coedge aggregate --keys");
}

int print_json(const struct tree *tree, struct error *err)
{
    struct text text = { 0 };
    int rc;

    json_write(&text, tree);
    text_add(&text, "\n");
    rc = text_check(&text, err);
    if (rc == 0 && (fwrite(text.chars, 1, text.length, stdout) != text.length || fflush(stdout) != 0))
        rc = error_errno(err, ERROR_IO, "standard output");
    text_free(&text);
    return rc;
}
