/* dataset.c - sets of samples: packed, described, split, drawn. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/share.h"

struct args {
    const char *output, *labels, *set_version, *shares, *site, *only;
    int64_t count, size;
    double drift;
    int privacy;
    bool by_group;
};

static const char *const privacy_names[] = { "public", "edge-private", "user-private", NULL };

static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "FILE", .initial = "-", .neutral = true,
      .help = "pack, synth: the shard; split: one file a share, separated by commas" },
    { "labels", 'l', OPTION_TEXT, FIELD(struct args, labels), .value = "FILE",
      .help = "pack: names of the classes, one a line (default: what the sets say)" },
    { "privacy", 'p', OPTION_CHOICE, FIELD(struct args, privacy), .value = "LEVEL", .choices = privacy_names,
      .help = "pack, synth: the set's level (default: the most private of what goes in)" },
    { "set-version", 0, OPTION_TEXT, FIELD(struct args, set_version), .value = "TEXT",
      .help = "pack: a version to write into the shard" },
    { "shares", 0, OPTION_TEXT, FIELD(struct args, shares), .value = "F,F...", .initial = "0.8,0.2",
      .help = "split: the parts' shares, which make 1" },
    { "by-group", 0, OPTION_FLAG, FIELD(struct args, by_group),
      .help = "split: keep samples together whose keys agree up to the first '-'" },
    { "count", 'n', OPTION_INT, FIELD(struct args, count), .value = "N", .initial = "1200", .min = 1, .max = 1e8,
      .help = "synth: samples, the classes in turn" },
    { "size", 0, OPTION_INT, FIELD(struct args, size), .value = "PIXELS", .initial = "64", .min = 16, .max = 512,
      .help = "synth: pixels a side" },
    { "site", 0, OPTION_TEXT, FIELD(struct args, site), .value = "NAME",
      .help = "synth: a factory with light, colour, rotation and noise of its own" },
    { "only", 0, OPTION_TEXT, FIELD(struct args, only), .value = "LABELS",
      .help = "synth: these classes alone, separated by commas; they are the shard's labels" },
    { "drift", 0, OPTION_REAL, FIELD(struct args, drift), .value = "F", .initial = "0.5", .min = 0, .max = 1,
      .help = "synth: how far the site is from the public set" },
    { 0 }
};

static const struct example examples[] = {
    { "coedge dataset synth solder --count 60 --seed 1 -o joints.tar", "draw solder joints of six classes" },
    { "coedge dataset pack photos --privacy edge-private -o photos2.tar", "a folder to a shard" },
    { "coedge dataset split train.tar --shares 0.75,0.25 -o most.tar,rest.tar", "two parts, classes in proportion" },
    { "coedge dataset stats train.tar", "samples per class, sizes, mean and deviation" },
    { 0 }
};

/* ---- pack ---- */

static int pack(const struct invocation *inv, const char *const *paths, int count, struct error *err)
{
    const struct args *args = inv->args;
    struct pack_options o = {
        .set_privacy = args->privacy >= 0,
        .privacy = args->privacy >= 0 ? (enum privacy)args->privacy : PRIVACY_PUBLIC,
        .version = args->set_version,
    };
    const char **labels;

    if (args->labels) {
        if (labels_read(inv->arena, args->labels, &labels, &o.label_count, err) < 0)
            return -1;
        o.labels = labels;
    }
    return dataset_pack(paths, count, args->output, &o, inv->job, err);
}

/* ---- split ---- */

static int split_words(struct arena *arena, const char *list, const char ***words, int *count, struct error *err)
{
    size_t most = 2;
    char *copy = arena_strdup(arena, list), *save = NULL;

    for (const char *at = list; *at; at++)
        most += *at == ',';
    *words = arena_array(arena, most, sizeof(**words));
    if (copy == NULL || *words == NULL)
        return error_memory(err);
    *count = 0;
    for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
        (*words)[(*count)++] = word;
    return 0;
}

static int read_shares(const struct invocation *inv, double **shares, int *count, struct error *err)
{
    const struct args *args = inv->args;
    const char **words;
    double sum = 0;

    if (split_words(inv->arena, args->shares, &words, count, err) < 0)
        return -1;
    *shares = arena_array(inv->arena, (size_t)*count + 1, sizeof(**shares));
    if (*shares == NULL)
        return error_memory(err);
    for (int i = 0; i < *count; i++) {
        if (text_to_real(words[i], &(*shares)[i]) < 0 || !((*shares)[i] > 0))
            return error_set(err, ERROR_USAGE, "--shares: '%s' is not a number above 0", words[i]);
        sum += (*shares)[i];
    }
    if (*count < 2 || fabs(sum - 1) > 1e-6)
        return error_set(err, ERROR_USAGE, "--shares: %d shares that make %g, expected two or more that make 1", *count,
                         sum);
    return 0;
}

static int split(const struct invocation *inv, const char *const *paths, int count, struct error *err)
{
    const struct args *args = inv->args;
    const char **outs;
    double *shares;
    int parts, out_count;

    if (read_shares(inv, &shares, &parts, err) < 0 || split_words(inv->arena, args->output, &outs, &out_count, err) < 0)
        return -1;
    if (out_count != parts)
        return error_set(err, ERROR_USAGE, "--output names %d files for %d shares", out_count, parts);
    for (int i = 1; i < parts; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(outs[i], outs[k]) == 0)
                return error_set(err, ERROR_USAGE, "--output names '%s' twice", outs[i]);
    return dataset_split(paths, count, outs, shares, parts, args->by_group, inv->job->seed, inv->job, err);
}

/* ---- stats ---- */

static int stats(const struct invocation *inv, const char *const *paths, int count, struct error *err)
{
    static const char *const headings[] = { "class", "samples" };
    struct table *table = table_new(inv->arena, 2, headings);
    struct tree *facts;

    if (dataset_stats(inv->arena, paths, count, &facts, inv->job, err) < 0)
        return -1;
    if (inv->json || !isatty(STDOUT_FILENO))
        return print_json(facts, err);
    for (const struct tree *one = tree_get(facts, "classes")->first; one; one = one->next)
        table_row(table, (const char *const[]){ one->key, arena_printf(inv->arena, "%lld", (long long)one->integer) });
    printf("%lld samples, %s, sha256 %.12s\n\n", (long long)tree_get(facts, "samples")->integer,
           tree_get(facts, "privacy")->text, tree_get(facts, "sha256")->text);
    table_print(table, stdout, inv->color);
    return 0;
}

/* ---- synth ---- */

static int read_only(const struct invocation *inv, struct synth_options *o, const char *list, struct error *err)
{
    char *copy = arena_strdup(inv->arena, list), *save = NULL;

    if (copy == NULL)
        return error_memory(err);
    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        int class = 0;

        while (class < 6 && strcmp(synth_labels[class], name) != 0)
            class ++;
        for (int k = 0; k < o->only_count; k++)
            class = o->only[k] == class ? 6 : class;
        if (class == 6)
            return error_set(err, ERROR_USAGE, "--only: '%s' is no class of solder joints, or is there twice", name);
        o->only[o->only_count++] = class;
    }
    return o->only_count > 0 ? 0 : error_set(err, ERROR_USAGE, "--only: no class");
}

static int synth(const struct invocation *inv, const char *const *what, int count, struct error *err)
{
    const struct args *args = inv->args;
    struct synth_options o = {
        .count = args->count,
        .size = (int)args->size,
        .site = args->site ? args->site : "",
        .drift = args->drift,
        .set_privacy = args->privacy >= 0,
        .privacy = args->privacy >= 0 ? (enum privacy)args->privacy : PRIVACY_PUBLIC,
        .seed = inv->job->seed,
    };

    if (count != 1 || strcmp(what[0], "solder") != 0)
        return error_set(err, ERROR_USAGE, "synth draws: solder");
    if (args->only != NULL && read_only(inv, &o, args->only, err) < 0)
        return -1;
    return dataset_synth(args->output, &o, inv->job, err);
}

static const struct {
    const char *name;
    int (*run)(const struct invocation *inv, const char *const *operands, int count, struct error *err);
} verbs[] = { { "pack", pack }, { "stats", stats }, { "split", split }, { "synth", synth } };

static int run(const struct invocation *inv, struct error *err)
{
    static const char *const names[] = { "pack", "stats", "split", "synth", NULL };
    const char *near;

    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strcmp(inv->operand[0], verbs[i].name) != 0)
            continue;
        if (inv->operand_count < 2)
            return error_set(err, ERROR_USAGE, "%s what?", verbs[i].name);
        return verbs[i].run(inv, inv->operand + 1, inv->operand_count - 1, err);
    }
    near = text_nearest(inv->operand[0], names);
    error_set(err, ERROR_USAGE, "'%s' is none of pack, stats, split, synth", inv->operand[0]);
    return near ? error_hint(err, "did you mean '%s'?", near) : -1;
}

const struct command cmd_dataset = {
    .name = "dataset",
    .summary = "pack, describe, split and draw data sets",
    .operands = "pack|stats|split DATA... | synth solder",
    .min_operands = 1,
    .max_operands = -1,
    .about = "pack writes any sets as one shard with labels, privacy level and the closing .end;\n"
             "stats counts and measures; split parts a set by shares, each class in proportion;\n"
             "synth draws solder joints, the same ones for the same seed.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .run = run,
};
