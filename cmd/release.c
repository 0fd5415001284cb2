/* release.c - channels: keys, new releases, the way back, the history. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/share.h"
#include "registry/registry.h"
#include "registry/release.h"

struct args {
    const char *output, *channel, *share, *key, *message;
    struct texts trust;
    int64_t days, to;
    bool any;
};

static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "NAME",
      .help = "keygen: writes NAME.key, the secret one, and NAME.pub", .neutral = true },
    { "channel", 'c', OPTION_TEXT, FIELD(struct args, channel), .value = "CHANNEL",
      .help = "promote: the channel that is to mean the package" },
    { "share", 0, OPTION_TEXT, FIELD(struct args, share), .value = "PERCENT", .initial = "100%",
      .help = "promote: for this share of the devices" },
    { "key", 'k', OPTION_TEXT, FIELD(struct args, key), .value = "FILE",
      .help = "promote, rollback: the secret key to sign with", .neutral = true },
    { "message", 'm', OPTION_TEXT, FIELD(struct args, message), .value = "TEXT",
      .help = "promote, rollback: who does it, and why" },
    { "days", 0, OPTION_INT, FIELD(struct args, days), .value = "N", .initial = "365", .min = 1, .max = 36500,
      .help = "promote, rollback: until no device takes it any more" },
    { "to", 0, OPTION_INT, FIELD(struct args, to), .value = "VERSION", .min = 0, .max = 9007199254740991.0,
      .help = "rollback: to the package of this version (default: what all devices had before)" },
    { "any", 0, OPTION_FLAG, FIELD(struct args, any),
      .help = "promote, rollback: not only packages, but whatever push --any and push of a shard brought" },
    { "trust", 't', OPTION_LIST, FIELD(struct args, trust), .value = "FILE",
      .help = "public key that what is there may be signed with (default: trust of the remote in coedge.yaml)" },
    { 0 }
};

static const struct example examples[] = {
    { "coedge release keygen -o factory2", "factory2.key stays here, factory2.pub goes to the devices" },
    { "coedge release promote registry/solder:canary --channel stable --share 5% --key factory.key",
      "what canary means is stable now, for 5 % of the devices" },
    { "coedge release rollback registry/solder:field --key factory.key", "back, on every device" },
    { "coedge release log registry/solder:field --trust factory.pub", "what was released when, checked" },
    { 0 }
};

/* ---- keygen ---- */

/* A new file that its owner alone may read; one that is there stays. */
static int write_secret(const char *path, const char *text, struct error *err)
{
    const size_t count = strlen(text);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = 0;

    if (fd < 0 && errno == EEXIST) {
        error_set(err, ERROR_USAGE, "%s is there already", path);
        return error_hint(err, "a key that is lost cannot be made again: move it away first");
    }
    if (fd < 0)
        return error_errno(err, ERROR_IO, "%s: cannot make it", path);
    if (write(fd, text, count) != (ssize_t)count || fsync(fd) < 0)
        rc = error_errno(err, ERROR_IO, "%s: cannot write", path);
    if (close(fd) < 0 && rc == 0)
        rc = error_errno(err, ERROR_IO, "%s: cannot write", path);
    if (rc < 0)
        unlink(path);
    return rc;
}

static int keygen(const struct invocation *inv, const char *operand, struct error *err)
{
    const struct args *args = inv->args;
    const char *secret = arena_printf(inv->arena, "%s.key", args->output ? args->output : "");
    const char *public = arena_printf(inv->arena, "%s.pub", args->output ? args->output : ""), *text;
    struct sign_key key;
    char id[17];
    int rc;

    if (operand != NULL || args->output == NULL)
        return error_set(err, ERROR_USAGE, "keygen takes -o NAME and nothing else");
    if (secret == NULL || public == NULL)
        return error_memory(err);
    if (path_exists(public))
        return error_set(err, ERROR_USAGE, "%s is there already", public);
    if (sign_key_make(&key, err) < 0)
        return -1;
    text = sign_secret_text(inv->arena, &key);
    rc = text ? write_secret(secret, text, err) : error_memory(err);
    sign_key_forget(&key);
    text = rc == 0 ? sign_public_text(inv->arena, &key) : NULL;
    if (rc == 0 && (text ? file_write(public, text, strlen(text), err) : error_memory(err)) < 0) {
        unlink(secret);
        rc = -1;
    }
    if (rc == 0 && !inv->quiet)
        fprintf(stderr, "key %s: %s signs, %s is for the devices\n", sign_key_id(&key, id), secret, public);
    return rc;
}

/* ---- promote, rollback ---- */

/* "5%", "5 %", "0.5" */
static int parse_share(const char *text, double *share, struct error *err)
{
    char number[32];
    size_t length = strlen(text);

    if (length > 0 && text[length - 1] == '%')
        length--;
    while (length > 0 && text[length - 1] == ' ')
        length--;
    snprintf(number, sizeof(number), "%.*s", (int)length, text);
    if (length < sizeof(number) && text_to_real(number, share) == 0 && *share >= 0 && *share <= 100)
        return 0;
    return error_set(err, ERROR_USAGE, "--share: '%s', expected a percentage such as 5%%", text);
}

/* Builds that are to be the same again say what time it is. */
static int read_now(struct release_wish *wish, struct error *err)
{
    const char *said = getenv("SOURCE_DATE_EPOCH");

    wish->dated = said != NULL && *said != '\0';
    wish->now = (int64_t)time(NULL);
    if (!wish->dated)
        return 0;
    if (text_to_int(said, &wish->now) == 0 && wish->now >= 0 && wish->now < 250000000000)
        return 0;
    return error_set(err, ERROR_USAGE, "SOURCE_DATE_EPOCH: '%s' is no number of seconds", said);
}

static int read_key(const struct args *args, struct sign_key *key, struct error *err)
{
    struct input in;
    int rc;

    if (args->key == NULL)
        return error_set(err, ERROR_USAGE, "who signs? add --key FILE");
    if (input_open(&in, args->key, SIGN_TEXT_BYTES, err) < 0)
        return error_in(err, "--key");
    rc = sign_key_read(key, (const char *)in.bytes, in.count, err);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s", args->key) : 0;
}

static int read_trust(const struct invocation *inv, const struct reference *reference, struct trust *trust,
                      struct error *err)
{
    const struct args *args = inv->args;

    *trust = (struct trust){ 0 };
    for (int i = 0; i < args->trust.count; i++)
        if (trust_add(trust, inv->arena, args->trust.item[i], err) < 0)
            return error_in(err, "--trust");
    return args->trust.count == 0 && reference->trust ? trust_add_said(trust, inv->arena, reference->trust, err) : 0;
}

static struct tree *release_facts(struct arena *arena, const struct release *release)
{
    struct tree *map = tree_map(arena);
    char hex[65], date[DATE_TEXT];

    tree_add_text(arena, map, "name", release->name);
    tree_add_text(arena, map, "channel", release->channel);
    tree_add_int(arena, map, "version", release->version);
    tree_add_real(arena, map, "share", release->share);
    tree_add_text(arena, map, "package", digest_hex(&release->package.package, hex));
    tree_add_int(arena, map, "size", release->package.size);
    if (release->has_rest)
        tree_add_text(arena, map, "rest", digest_hex(&release->rest.package, hex));
    if (release->has_withdrawn)
        tree_add_text(arena, map, "withdraws", digest_hex(&release->withdrawn, hex));
    tree_add_text(arena, map, "date", date_text(date, release->date));
    tree_add_text(arena, map, "expires", date_text(date, release->expires));
    tree_add_text(arena, map, "message", release->message);
    if (release->key)
        tree_add_text(arena, map, "key", release->key);
    return map;
}

static int report(const struct invocation *inv, const struct release *release, struct error *err)
{
    char hex[65];

    if (inv->json)
        return print_json(release_facts(inv->arena, release), err);
    if (!inv->quiet)
        fprintf(stderr, "%s:%s version %lld is sha256:%.12s for %g %% of the devices\n", release->name,
                release->channel, (long long)release->version, digest_hex(&release->package.package, hex),
                release->share);
    return 0;
}

/* What both need; `make` writes the release. */
static int make_release(const struct invocation *inv, const char *operand, struct release_wish *wish,
                        int (*make)(const struct reference *, const struct release_wish *, struct arena *,
                                    const struct release **, const struct job *, struct error *),
                        struct error *err)
{
    const struct args *args = inv->args;
    const struct release *release;
    struct reference reference;
    struct sign_key key;
    struct trust trust;
    int rc;

    wish->message = args->message;
    wish->days = args->days;
    if (reference_parse(&reference, inv->arena, operand, config_section(inv->config, "remotes"), err) < 0 ||
        read_now(wish, err) < 0 || read_trust(inv, &reference, &trust, err) < 0 || read_key(args, &key, err) < 0)
        return -1;
    wish->key = &key;
    wish->trust = &trust;
    rc = make(&reference, wish, inv->arena, &release, inv->job, err);
    sign_key_forget(&key);
    wish->key = NULL;
    wish->trust = NULL;
    return rc < 0 ? -1 : report(inv, release, err);
}

static int promote(const struct invocation *inv, const char *operand, struct error *err)
{
    const struct args *args = inv->args;
    struct release_wish wish = { .channel = args->channel, .any = args->any };

    if (operand == NULL || args->channel == NULL)
        return error_set(err, ERROR_USAGE, "promote takes REF and --channel CHANNEL");
    if (args->to > 0)
        return error_set(err, ERROR_USAGE, "--to is for rollback");
    if (parse_share(args->share, &wish.share, err) < 0)
        return -1;
    return make_release(inv, operand, &wish, release_promote, err);
}

static int rollback(const struct invocation *inv, const char *operand, struct error *err)
{
    const struct args *args = inv->args;
    struct release_wish wish = { .version = args->to, .any = args->any };

    if (operand == NULL || args->channel != NULL)
        return error_set(err, ERROR_USAGE, "rollback takes DIR/NAME:CHANNEL");
    return make_release(inv, operand, &wish, release_rollback, err);
}

/* ---- log ---- */

static void add_row(const struct invocation *inv, struct table *table, const struct release *release)
{
    char hex[65], date[DATE_TEXT];
    const char *cells[6] = {
        arena_printf(inv->arena, "%lld", (long long)release->version),
        date_text(date, release->date),
        arena_printf(inv->arena, "%g %%", release->share),
        arena_printf(inv->arena, "%.12s", digest_hex(&release->package.package, hex)),
        release->has_withdrawn ? arena_printf(inv->arena, "%.12s", digest_hex(&release->withdrawn, hex)) : "",
        release->message,
    };

    table_row(table, cells);
}

static int show_log(const struct invocation *inv, const struct release *list, int count, struct error *err)
{
    static const char *const headings[] = { "version", "date", "share", "package", "takes back", "message" };
    struct table *table = table_new(inv->arena, COUNT(headings), headings);
    struct tree *rows = tree_list(inv->arena);

    for (int i = 0; i < count; i++) {
        add_row(inv, table, &list[i]);
        tree_add(inv->arena, rows, NULL, release_facts(inv->arena, &list[i]));
    }
    if (inv->json)
        return print_json(rows, err);
    table_print(table, stdout, inv->color);
    return 0;
}

static int log_of(const struct invocation *inv, const char *operand, struct error *err)
{
    struct reference reference;
    struct release *list;
    struct remote *remote;
    struct trust trust;
    int count, rc;

    if (operand == NULL)
        return error_set(err, ERROR_USAGE, "log takes DIR/NAME:CHANNEL");
    if (reference_parse(&reference, inv->arena, operand, config_section(inv->config, "remotes"), err) < 0 ||
        read_trust(inv, &reference, &trust, err) < 0 ||
        (remote = remote_open(reference.folder, NULL, inv->job, err)) == NULL)
        return -1;
    rc = channel_log(remote, &reference, &trust, inv->arena, &list, &count, err);
    remote_close(remote);
    if (rc < 0)
        return -1;
    if (trust.count == 0)
        job_note(inv->job, "signatures were not checked; --trust FILE does");
    return show_log(inv, list, count, err);
}

static const struct {
    const char *name;
    int (*run)(const struct invocation *inv, const char *operand, struct error *err);
} verbs[] = { { "keygen", keygen }, { "promote", promote }, { "rollback", rollback }, { "log", log_of } };

static int run(const struct invocation *inv, struct error *err)
{
    static const char *const names[] = { "keygen", "promote", "rollback", "log", NULL };
    const char *near;

    for (size_t i = 0; i < COUNT(verbs); i++)
        if (strcmp(inv->operand[0], verbs[i].name) == 0)
            return verbs[i].run(inv, inv->operand_count == 2 ? inv->operand[1] : NULL, err);
    near = text_nearest(inv->operand[0], names);
    error_set(err, ERROR_USAGE, "'%s' is none of keygen, promote, rollback, log", inv->operand[0]);
    return near ? error_hint(err, "did you mean '%s'?", near) : -1;
}

const struct command cmd_release = {
    .name = "release",
    .summary = "sign what a channel means, for a share of the devices, and take it back",
    .operands = "keygen | promote REF | rollback REF | log REF",
    .min_operands = 1,
    .max_operands = 2,
    .about = "keygen makes a pair of minisign keys. promote lets a channel mean the package of a\n"
             "tag or of another channel, for a share of the devices: who is in at 5 % is in at\n"
             "50 %. rollback makes a new version that means an older package, for all. log shows\n"
             "every release of a channel, the newest first.\n\n"
             "Versions only rise, and each release names the one before it: none can be left\n"
             "out unseen. Devices follow with coedge pull REF --install --trust NAME.pub.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .run = run,
};
