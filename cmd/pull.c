#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"
#include "package/package.h"
#include "registry/registry.h"
#include "registry/release.h"

struct args {
    const char *output, *require;
    bool install, list, force;
    struct texts trust, val;
    int64_t retries;
    double timeout;
};

static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "FILE", .initial = "-",
      .help = "where to write what was pulled", .neutral = true },
    { "install", 'i', OPTION_FLAG, FIELD(struct args, install),
      .help = "verify on this CPU and put it into the local store, to be used as @NAME:TAG" },
    { "trust", 't', OPTION_LIST, FIELD(struct args, trust), .value = "FILE",
      .help = "public key that releases must be signed with (default: trust of the remote in coedge.yaml)" },
    { "require", 0, OPTION_TEXT, FIELD(struct args, require), .value = "GATES",
      .help = "install only if these hold here, such as 'accuracy>=0.9'; else exit 1" },
    { "val", 0, OPTION_LIST, FIELD(struct args, val), .value = "DATA",
      .help = "labelled data that the gates are judged by" },
    { "force", 0, OPTION_FLAG, FIELD(struct args, force),
      .help = "take a release that is older than one seen, or a package that was left aside" },
    { "retries", 0, OPTION_INT, FIELD(struct args, retries), .value = "N", .initial = "4", .max = 1000,
      .help = "tries after one that brought nothing, over a network" },
    { "timeout", 0, OPTION_REAL, FIELD(struct args, timeout), .value = "SECONDS", .initial = "3600", .min = 1,
      .max = 1e6, .help = "for one file over a network; what came is kept for the next time" },
    { "list", 'l', OPTION_FLAG, FIELD(struct args, list), .help = "list what a layout holds" },
    { 0 }
};

static const struct example examples[] = {
    { "coedge pull registry/solder:canary -o model.coedge", "to a file" },
    { "coedge pull registry/solder:canary --install", "into the store: coedge infer @solder:canary joint.png" },
    { "coedge pull registry/solder:field --install --trust factory.pub", "what a channel means, signed" },
    { "coedge pull --list registry", "what is there" },
    { 0 }
};

/* What is to be pulled, and from where. */
struct pulling {
    struct reference reference;
    struct trust trust;
    struct remote *remote;
    struct release *release;               /* NULL: a plain tag */
    const struct release_package *package; /* of the release */
    const char *note;
};

static int open_remote(const struct invocation *inv, const char *folder, struct remote **remote, struct error *err)
{
    const struct args *args = inv->args;
    const struct net_limits limits = { .retries = (int)args->retries, .seconds = args->timeout };

    *remote = remote_open(folder, &limits, inv->job, err);
    return *remote ? 0 : -1;
}

static int list(const struct invocation *inv, struct error *err)
{
    static const char *const headings[] = { "name", "digest" };
    struct table *table = table_new(inv->arena, 2, headings);
    struct remote *remote;
    struct tree *rows;
    int rc;

    if (open_remote(inv, inv->operand[0], &remote, err) < 0)
        return -1;
    rc = registry_list(remote, inv->arena, &rows, err);
    remote_close(remote);
    if (rc < 0)
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

static int report(const struct invocation *inv, const struct pulling *pulling, const struct digest *digest,
                  int64_t size, const char *note)
{
    char hex[65];

    if (inv->quiet)
        return 0;
    fprintf(stderr, "%s:%s is sha256:%.12s, %lld bytes", pulling->reference.name, pulling->reference.tag,
            digest_hex(digest, hex), (long long)size);
    if (pulling->release)
        fprintf(stderr, ", version %lld", (long long)pulling->release->version);
    fprintf(stderr, "%s%s\n", pulling->note ? pulling->note : "", note);
    return 0;
}

/* ---- what the name means, and whether it may ---- */

static int read_trust(const struct invocation *inv, struct pulling *pulling, struct error *err)
{
    const struct args *args = inv->args;
    const struct tree *said = pulling->reference.trust;

    for (int i = 0; i < args->trust.count; i++)
        if (trust_add(&pulling->trust, inv->arena, args->trust.item[i], err) < 0)
            return error_in(err, "--trust");
    return args->trust.count == 0 && said ? trust_add_said(&pulling->trust, inv->arena, said, err) : 0;
}

static int refuse_plain(const struct pulling *pulling, struct error *err)
{
    error_set(err, ERROR_TRUST, "%s:%s is no signed release", pulling->reference.name, pulling->reference.tag);
    return error_hint(err, "coedge release promote makes one");
}

static int find(const struct invocation *inv, struct pulling *pulling, struct error *err)
{
    const struct args *args = inv->args;
    const struct reference *reference = &pulling->reference;
    bool known = false;

    if (read_trust(inv, pulling, err) < 0 ||
        channel_find(pulling->remote, reference, &pulling->trust, inv->arena, &pulling->release, err) < 0)
        return -1;
    if (pulling->release == NULL && args->install && store_has_channel(reference, inv->arena, &known, err) < 0)
        return -1;
    if (pulling->release == NULL && (pulling->trust.count > 0 || known))
        return refuse_plain(pulling, err);
    if (pulling->release == NULL || pulling->trust.count > 0)
        return 0;
    error_set(err, ERROR_TRUST, "%s:%s is a signed release, and no key is trusted here", reference->name,
              reference->tag);
    return error_hint(err, "--trust FILE names a public key; so does trust: of the remote in coedge.yaml");
}

/* In a share of the devices or not: what this one is to have. */
static int choose(const struct invocation *inv, struct pulling *pulling, struct error *err)
{
    const struct release *release = pulling->release;
    const char *device;

    pulling->package = &release->package;
    if (release->share >= 100)
        return 0;
    if (store_device(inv->arena, &device, err) < 0)
        return -1;
    if (release_includes(release, device)) {
        pulling->note = arena_printf(inv->arena, " for a share of %g %%", release->share);
        return 0;
    }
    pulling->note = arena_printf(inv->arena, " for those outside a share of %g %%", release->share);
    pulling->package = &release->rest;
    if (release->has_rest)
        return 0;
    return error_set(err, ERROR_ANSWER, "%s:%s: version %lld is for %g %% of the devices, not for this one",
                     release->name, release->channel, (long long)release->version, release->share);
}

/* ---- to a file ---- */

static int fetch(const struct invocation *inv, const struct pulling *pulling, struct output *out,
                 struct artifact *artifact, struct error *err)
{
    if (pulling->release != NULL)
        return channel_pull(pulling->remote, pulling->package, out, artifact, inv->arena, inv->job, err);
    return registry_pull(pulling->remote, &pulling->reference, out, artifact, inv->arena, inv->job, err);
}

static int pull_to(const struct invocation *inv, struct pulling *pulling, const char *path, struct error *err)
{
    struct artifact artifact;
    struct output *out;

    if (pulling->release != NULL) {
        pulling->package = &pulling->release->package;
        if (release_check_date(pulling->release, (int64_t)time(NULL), err) < 0)
            return error_in(err, "%s:%s", pulling->reference.name, pulling->reference.tag);
    }
    out = output_open(path, err);
    if (out == NULL)
        return -1;
    if (fetch(inv, pulling, out, &artifact, err) < 0) {
        output_abort(out);
        return -1;
    }
    if (output_commit(out, err) < 0)
        return -1;
    return strcmp(path, "-") == 0 ? 0 : report(inv, pulling, &artifact.digest, artifact.size, "");
}

/* ---- into the store ---- */

/* The package has to answer here as it did where it was made, and as is required, before a name means it. */
static int check_here(const struct invocation *inv, const struct reference *reference, const struct making *making,
                      const struct input *in, struct error *err)
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
    if (rc == 0 && making->gate_count > 0)
        rc = making_labels(inv, making, &model, err);
    if (rc == 0 && making->gate_count > 0)
        rc = making_gate(inv, making, &model, err);
    model_free(&model);
    return rc;
}

/* What did not do here is not fetched again night after night; what the name meant stays. */
static int leave_aside(const struct invocation *inv, const struct pulling *pulling, struct error *err)
{
    struct error why = *err;
    const char *said = why.message;

    if (store_quarantine(pulling->release, &pulling->package->package, said, inv->arena, err) < 0)
        return -1;
    error_set(err, ERROR_ANSWER, "%s:%s: version %lld is left aside: %s", pulling->reference.name,
              pulling->reference.tag, (long long)pulling->release->version, said);
    return error_hint(err, "what was installed stays; --force tries it again");
}

/* Beside the store's packages, so that it fits, but never under a name: who is killed here leaves a temporary. */
static int fetch_incoming(const struct invocation *inv, const struct pulling *pulling, struct artifact *artifact,
                          struct input *in, struct error *err)
{
    const char *folder, *incoming;
    struct output *out;

    if (store_folder(inv->arena, &folder, err) < 0)
        return -1;
    incoming = arena_printf(inv->arena, "%s/incoming", folder);
    if (incoming == NULL)
        return error_memory(err);
    if (path_make_folders(folder, err) < 0 || (out = output_open(incoming, err)) == NULL)
        return -1;
    if (fetch(inv, pulling, out, artifact, err) < 0) {
        output_abort(out);
        return -1;
    }
    return output_take(out, in, err);
}

static int install(const struct invocation *inv, const struct pulling *pulling, const struct making *making,
                   struct error *err)
{
    struct artifact artifact;
    const char *path;
    struct input in;
    int rc;

    if (fetch_incoming(inv, pulling, &artifact, &in, err) < 0)
        return -1;
    rc = check_here(inv, &pulling->reference, making, &in, err);
    if (rc < 0 && err->kind == ERROR_ANSWER && pulling->release != NULL)
        rc = leave_aside(inv, pulling, err);
    if (rc == 0 && pulling->release != NULL && !pulling->release->has_withdrawn) /* the way back is not on trial */
        rc = store_try(&pulling->reference, &artifact.digest, pulling->release->version, inv->arena, err);
    if (rc == 0)
        rc = store_install(&pulling->reference, in.bytes, in.count, inv->arena, &path, err);
    input_close(&in);
    if (rc < 0)
        return -1;
    return report(inv, pulling, &artifact.digest, artifact.size, rc ? ", installed" : ", already installed");
}

static int follow_locked(const struct invocation *inv, struct pulling *pulling, const struct making *making,
                         struct error *err)
{
    const struct args *args = inv->args;
    bool there;

    if (store_accept(pulling->release, (int64_t)time(NULL), args->force, inv->arena, err) < 0 ||
        choose(inv, pulling, err) < 0 ||
        store_means(&pulling->reference, &pulling->package->package, inv->arena, &there, err) < 0)
        return -1;
    if (there)
        return report(inv, pulling, &pulling->package->package, pulling->package->size, ", already installed");
    if (!args->force && store_quarantined(&pulling->package->package, inv->arena, err) < 0)
        return error_in(err, "%s:%s: version %lld", pulling->reference.name, pulling->reference.tag,
                        (long long)pulling->release->version);
    if (install(inv, pulling, making, err) < 0)
        return -1;
    return args->force ? store_pardon(&pulling->package->package, inv->arena, err) : 0;
}

/* One at a time: who waited finds what the other one installed. */
static int follow(const struct invocation *inv, struct pulling *pulling, const struct making *making, struct error *err)
{
    int lock, rc;

    if (store_lock(pulling->reference.name, inv->arena, &lock, err) < 0)
        return -1;
    rc = follow_locked(inv, pulling, making, err);
    store_unlock(lock);
    return rc;
}

static int run_with(const struct invocation *inv, struct pulling *pulling, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .require = args->require, .val = &args->val };

    if (args->require != NULL && !args->install)
        return error_set(err, ERROR_USAGE, "--require judges what is installed: add --install");
    if (making_begin(inv, &making, NULL, err) < 0 || find(inv, pulling, err) < 0)
        return -1;
    if (!args->install)
        return pull_to(inv, pulling, args->output, err);
    return pulling->release ? follow(inv, pulling, &making, err) : install(inv, pulling, &making, err);
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct pulling pulling = { 0 };
    int rc;

    if (args->list)
        return list(inv, err);
    if (reference_parse(&pulling.reference, inv->arena, inv->operand[0], config_section(inv->config, "remotes"), err) <
            0 ||
        open_remote(inv, pulling.reference.folder, &pulling.remote, err) < 0)
        return -1;
    rc = run_with(inv, &pulling, err);
    remote_close(pulling.remote);
    return rc;
}

const struct command cmd_pull = {
    .name = "pull",
    .summary = "get what a name means: to a file, a pipe, or the local store",
    .operands = "REF",
    .min_operands = 1,
    .max_operands = 1,
    .about = "Writes exactly the bytes that were pushed, after checking every digest. REF is\n"
             "DIR/NAME:TAG, http(s)://HOST/PATH/NAME:TAG, or REMOTE/NAME:TAG of coedge.yaml.\n"
             "Over a network, what was cut is taken up where it ended, now or the next time.\n\n"
             "With --install the package must also answer its golden samples here; then\n"
             "@NAME:TAG means it, in one step, and what it meant before stays as\n"
             "@NAME:TAG.previous. The store is COEDGE_STORE, else ~/.local/share/coedge.\n\n"
             "Where TAG is a channel, its release must be signed by a key that is trusted, be\n"
             "no older than one seen before, and not expired. A device outside its share gets\n"
             "what the others have. What does not do here is left aside, and never tried again.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .run = run,
};
