#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/share.h"
#include "package/package.h"
#include "registry/registry.h"

struct args {
    const char *output;
    bool install, list;
};

static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "FILE", .initial = "-",
      .help = "where to write what was pulled", .neutral = true },
    { "install", 'i', OPTION_FLAG, FIELD(struct args, install),
      .help = "verify on this CPU and put it into the local store, to be used as @NAME:TAG" },
    { "list", 'l', OPTION_FLAG, FIELD(struct args, list), .help = "list what a layout folder holds" },
    { 0 }
};

static const struct example examples[] = { { "coedge pull registry/solder:canary -o model.coedge", "to a file" },
                                           { "coedge pull registry/solder:canary --install",
                                             "into the store: coedge infer @solder:canary joint.png" },
                                           { "coedge pull --list registry", "what is there" },
                                           { 0 } };

static int list(const struct invocation *inv, struct error *err)
{
    static const char *const headings[] = { "name", "digest" };
    struct table *table = table_new(inv->arena, 2, headings);
    struct tree *rows;

    if (registry_list(inv->arena, inv->operand[0], &rows, err) < 0)
        return -1;
    if (inv->json)
        return print_json(rows, err);
    for (const struct tree *one = rows->first; one; one = one->next) {
        const char *cells[2] = { tree_get(one, "name")->text, tree_get(one, "digest")->text };

        table_row(table, cells);
    }
    table_print(table, stdout, inv->color);
    return 0;
}

static int report(const struct invocation *inv, const struct reference *reference, const struct artifact *artifact,
                  const char *note)
{
    char hex[65];

    if (!inv->quiet)
        fprintf(stderr, "%s:%s is sha256:%.12s, %lld bytes%s\n", reference->name, reference->tag,
                digest_hex(&artifact->digest, hex), (long long)artifact->size, note);
    return 0;
}

static int pull_to(const struct invocation *inv, const struct reference *reference, const char *path,
                   struct artifact *artifact, struct error *err)
{
    struct output *out = output_open(path, err);

    if (out == NULL)
        return -1;
    if (registry_pull(reference, out, artifact, inv->arena, inv->job, err) < 0) {
        output_abort(out);
        return -1;
    }
    return output_commit(out, err);
}

/* The package has to answer here as it did where it was made, before a name means it. */
static int check_here(const struct invocation *inv, const struct reference *reference, const struct input *in,
                      struct error *err)
{
    const char *name = arena_printf(inv->arena, "%s:%s", reference->name, reference->tag);
    struct model model;
    double worst;
    int rc;

    if (name == NULL)
        return error_memory(err);
    if (package_read_memory(&model, in->bytes, in->count, name, err) < 0)
        return -1;
    rc = package_settle(&model, err);
    if (rc == 0 && refuse_update(&model, err) < 0)
        rc = error_in(err, "%s", name);
    if (rc == 0 && model.golden_count > 0)
        rc = package_verify(&model, inv->job, &worst, err);
    model_free(&model);
    return rc;
}

/* Beside the store's packages, so that it fits, but never under a name: who is killed here leaves a temporary. */
static int pull_incoming(const struct invocation *inv, const struct reference *reference, const char *path,
                         struct artifact *artifact, struct input *in, struct error *err)
{
    struct output *out = output_open(path, err);

    if (out == NULL)
        return -1;
    if (registry_pull(reference, out, artifact, inv->arena, inv->job, err) < 0) {
        output_abort(out);
        return -1;
    }
    return output_take(out, in, err);
}

static int install(const struct invocation *inv, const struct reference *reference, struct error *err)
{
    struct artifact artifact;
    const char *folder, *incoming, *path;
    struct input in;
    int rc;

    if (store_folder(inv->arena, &folder, err) < 0)
        return -1;
    incoming = arena_printf(inv->arena, "%s/incoming", folder);
    if (incoming == NULL)
        return error_memory(err);
    if (path_make_folders(folder, err) < 0 || pull_incoming(inv, reference, incoming, &artifact, &in, err) < 0)
        return -1;
    rc = check_here(inv, reference, &in, err);
    if (rc == 0)
        rc = store_install(reference, in.bytes, in.count, inv->arena, &path, err);
    input_close(&in);
    return rc < 0 ? rc : report(inv, reference, &artifact, rc ? ", installed" : ", already installed");
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct reference reference;
    struct artifact artifact;

    if (args->list)
        return list(inv, err);
    if (reference_parse(&reference, inv->arena, inv->operand[0], config_section(inv->config, "remotes"), err) < 0)
        return -1;
    if (args->install)
        return install(inv, &reference, err);
    if (pull_to(inv, &reference, args->output, &artifact, err) < 0)
        return -1;
    return strcmp(args->output, "-") == 0 ? 0 : report(inv, &reference, &artifact, "");
}

const struct command cmd_pull = {
    .name = "pull",
    .summary = "get what a name means: to a file, a pipe, or the local store",
    .operands = "REF",
    .min_operands = 1,
    .max_operands = 1,
    .about = "Writes exactly the bytes that were pushed, after checking every digest.\n\n"
             "With --install the package must also answer its golden samples here; then\n"
             "@NAME:TAG means it, in one step, and what it meant before stays as\n"
             "@NAME:TAG.previous. The store is COEDGE_STORE, else ~/.local/share/coedge.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .run = run,
};
