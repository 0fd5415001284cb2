#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/share.h"
#include "data/data.h"
#include "onnx/onnx.h"
#include "package/package.h"
#include "registry/registry.h"

struct args {
    bool any, with_replay;
    const char *export;
};

static const struct option options[] = {
    { "any", 0, OPTION_FLAG, FIELD(struct args, any),
      .help = "push what is neither a package, an update nor a shard ending with .end" },
    { "with-replay", 0, OPTION_FLAG, FIELD(struct args, with_replay),
      .help = "push a package's replay.tar too: samples that train-local keeps to learn again" },
    { "export", 0, OPTION_TEXT, FIELD(struct args, export), .value = "DIR",
      .help = "copy what REF means, a tag or a channel, and nothing else into the layout DIR, for a web server",
      .neutral = true },
    { 0 }
};

static const struct example examples[] = {
    { "coedge push model.coedge registry/solder:canary", "a package under a name" },
    { "coedge prune model.coedge --sparsity 0.3 | coedge push registry/solder:small", "from a pipe" },
    { "coedge push --export public registry/solder:field", "one channel into a folder that a web server serves" },
    { 0 }
};

/* Samples stay where they are: the same model without them. */
static int leave_replay(const struct invocation *inv, struct model *model, struct input *without, struct error *err)
{
    unsigned char *bytes;
    size_t count;

    if (package_write_memory(model, &bytes, &count, inv->job, err) < 0)
        return -1;
    *without = (struct input){ .bytes = bytes, .count = count };
    job_note(inv->job, PACKAGE_REPLAY " is left out: what is pushed has another digest than the file");
    for (int i = 0; package_extras[i].name != NULL; i++)
        if ((model->extras >> i & 1) && strcmp(package_extras[i].name, PACKAGE_REPLAY) != 0)
            job_note(inv->job, "%s is left out with it", package_extras[i].name);
    return 0;
}

/* What the bytes are, and how private: a damaged package is not published. `in` becomes what is to be pushed. */
static int describe_package(const struct invocation *inv, struct input *in, struct artifact *artifact,
                            struct error *err)
{
    const struct args *args = inv->args;
    struct input without = { 0 };
    struct model model;
    int rc = package_read_memory(&model, in->bytes, in->count, "package", err);

    if (rc < 0)
        return -1;
    rc = package_settle(&model, err);
    artifact->type = model.update ? "application/vnd.coedge.update.v1" : "application/vnd.coedge.model.v1";
    artifact->title = arena_printf(inv->arena, "%s.%s", model.name, model.update ? "update" : "coedge");
    artifact->privacy = privacy_name(model.privacy);
    artifact->content = content_name(args->with_replay ? package_content(&model) : model.content);
    if (rc == 0 && package_has(&model, PACKAGE_REPLAY) && !args->with_replay)
        rc = leave_replay(inv, &model, &without, err);
    model_free(&model);
    if (without.bytes != NULL) {
        input_close(in);
        *in = without;
    }
    return rc < 0 || artifact->title ? rc : error_memory(err);
}

static int describe_shard(const struct input *in, struct artifact *artifact, struct error *err)
{
    struct tar_reader *tar = tar_open_memory(in->bytes, in->count, "", err);
    struct tar_member member;
    enum privacy level = PRIVACY_EDGE;
    enum content content = CONTENT_DATA;
    struct digest digest;
    int rc = tar ? 1 : -1;

    while (rc == 1) {
        rc = tar_next(tar, &member, err);
        if (rc == 1 && text_matches("*.t0.npy", member.name))
            content = CONTENT_FEATURES; /* what a head writes */
        if (rc == 1 && strcmp(member.name, ".dataset.yaml") == 0 &&
            dataset_level(&level, (const char *)member.bytes, member.count, err) < 0)
            rc = -1;
        if (rc == 1 && strcmp(member.name, "model.yaml") == 0) {
            error_set(err, ERROR_INPUT, "a package that was compressed or put together by something else");
            rc = error_hint(err, "push the package as coedge wrote it");
        }
    }
    if (rc == 0 && tar_end_state(tar, &digest) != TAR_END_GOOD) {
        error_set(err, ERROR_INPUT, "no closing .end: the stream may have been cut");
        rc = error_hint(err, "coedge dataset pack makes a shard with one; --any pushes as it is");
    }
    tar_close(tar);
    artifact->type = "application/vnd.coedge.dataset.v1";
    artifact->title = "data.tar";
    artifact->privacy = privacy_name(level);
    artifact->content = content_name(content);
    return rc;
}

static bool starts_with_model(const struct input *in)
{
    return in->count > 512 && strcmp((const char *)in->bytes, "model.yaml") == 0;
}

static int describe(const struct invocation *inv, struct input *in, struct artifact *artifact, struct error *err)
{
    const struct args *args = inv->args;

    if (starts_with_model(in))
        return describe_package(inv, in, artifact, err);
    if (!args->any && onnx_is(in->bytes, in->count)) {
        error_set(err, ERROR_INPUT, "an ONNX model, expected a package");
        return error_hint(err, "coedge convert makes a package of it; --any pushes as it is");
    }
    if (!args->any)
        return describe_shard(in, artifact, err);
    artifact->type = "application/vnd.coedge.other.v1";
    artifact->title = "data";
    return 0;
}

static int report(const struct invocation *inv, const struct reference *reference, const struct artifact *artifact,
                  struct error *err)
{
    struct tree *map = tree_map(inv->arena);
    char hex[65];

    if (!inv->json) {
        if (!inv->quiet)
            fprintf(stderr, "%s:%s is sha256:%.12s, %lld bytes, %d of %d layers new\n", reference->name, reference->tag,
                    digest_hex(&artifact->digest, hex), (long long)artifact->size, artifact->layers_new,
                    artifact->layers);
        return 0;
    }
    tree_add_text(inv->arena, map, "name", reference->name);
    tree_add_text(inv->arena, map, "tag", reference->tag);
    tree_add_text(inv->arena, map, "sha256", digest_hex(&artifact->digest, hex));
    tree_add_text(inv->arena, map, "manifest", digest_hex(&artifact->manifest, hex));
    tree_add_int(inv->arena, map, "size", artifact->size);
    return print_json(map, err);
}

/* From one layout into another, with nothing of one's own to push. */
static int export(const struct invocation *inv, const char *to, struct error *err)
{
    struct reference reference;
    struct artifact artifact;
    struct remote *remote;
    int rc;

    if (inv->operand_count != 1)
        return error_set(err, ERROR_USAGE, "--export takes REF and no FILE: it copies what is there");
    if (reference_parse(&reference, inv->arena, inv->operand[0], config_section(inv->config, "remotes"), err) < 0)
        return -1;
    remote = remote_open(reference.folder, NULL, inv->job, err);
    if (remote == NULL)
        return -1;
    rc = registry_export(remote, &reference, to, &artifact, inv->arena, inv->job, err);
    remote_close(remote);
    if (rc == 0 && !inv->quiet)
        fprintf(stderr, "%s:%s is in %s: %lld bytes, %d of %d blobs new\n", reference.name, reference.tag, to,
                (long long)artifact.size, artifact.layers_new, artifact.layers);
    return rc;
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    const char *path = inv->operand_count == 2 ? inv->operand[0] : "-", *file = path;
    struct artifact artifact = { 0 };
    struct reference reference;
    struct input in;
    int rc;

    if (args->export != NULL)
        return export(inv, args->export, err);
    if (reference_parse(&reference, inv->arena, inv->operand[inv->operand_count - 1],
                        config_section(inv->config, "remotes"), err) < 0 ||
        reference_writable(&reference, err) < 0 || (path[0] == '@' && store_find(inv->arena, path, &file, err) < 0) ||
        open_bytes(file, &in, err) < 0)
        return -1;
    rc = describe(inv, &in, &artifact, err);
    if (rc < 0)
        error_in(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
    else
        rc = registry_push(&reference, in.bytes, in.count, &artifact, inv->job, err);
    input_close(&in);
    return rc < 0 ? rc : report(inv, &reference, &artifact, err);
}

const struct command cmd_push = {
    .name = "push",
    .summary = "put a package, update or shard under a name",
    .operands = "[FILE] REF",
    .min_operands = 1,
    .max_operands = 2,
    .about = "REF is DIR/NAME:TAG, an OCI image layout folder (made when missing) and a name in it,\n"
             "or REMOTE/NAME:TAG with a remote of coedge.yaml. What is pushed is checked first;\n"
             "the name moves last, so a reader finds the old or the new one, whole.\n\n"
             "Samples that a package keeps to learn again, its replay.tar, stay behind.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .run = run,
};
