#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/inspect_check.h"
#include "cmd/share.h"
#include "graph/dot.h"
#include "infer/infer.h"
#include "package/package.h"

struct args {
    const char *graph;
    bool script, weights, check;
};

static const struct option options[] = {
    { "graph", 'g', OPTION_TEXT, FIELD(struct args, graph), .value = "FILE",
      .help = "draw the graph: FILE.svg to look at, FILE.dot for Graphviz, - for DOT on standard output" },
    { "script", 0, OPTION_FLAG, FIELD(struct args, script), .help = "print the commands that would make it again" },
    { "weights", 'w', OPTION_FLAG, FIELD(struct args, weights), .help = "list weights too" },
    { "check", 0, OPTION_FLAG, FIELD(struct args, check),
      .help = "list every node of an ONNX model that cannot run here; exit 3 when there is one" },
    { 0 }
};

static const struct example examples[] = { { "coedge inspect model.coedge", "layers, shapes, parameters, MACs" },
                                           { "coedge inspect model.coedge --graph model.svg",
                                             "a picture of the graph" },
                                           { "coedge inspect model.coedge --script", "how it was made" },
                                           { 0 } };

/* ---- as JSON ---- */

static void add_ports(struct arena *arena, struct tree *map, const char *key, const struct graph *graph,
                      const int *values, int count)
{
    struct tree *list = tree_add_list(arena, map, key);

    for (int i = 0; i < count; i++) {
        const struct value *value = &graph->value[values[i]];
        struct tree *one = tree_add_map(arena, list, NULL);
        struct tree *dims;

        tree_add_text(arena, one, "name", value->name);
        tree_add_text(arena, one, "dtype", dtype_name(value->tensor.dtype));
        dims = tree_add_list(arena, one, "shape");
        for (int k = 0; k < value->tensor.shape.rank; k++)
            tree_add_int(arena, dims, NULL, value->tensor.shape.dim[k]);
    }
}

static struct tree *describe_nodes(struct arena *arena, const struct graph *graph, const struct op_cost *cost)
{
    struct tree *list = tree_list(arena);

    for (int i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->node[i];
        const struct tensor *out = &graph->value[node->out[0]].tensor;
        struct tree *one = tree_add_map(arena, list, NULL), *dims;

        tree_add_text(arena, one, "name", node->name);
        tree_add_text(arena, one, "op", node->op->name);
        dims = tree_add_list(arena, one, "shape");
        for (int k = 0; k < out->shape.rank; k++)
            tree_add_int(arena, dims, NULL, out->shape.dim[k]);
        tree_add_text(arena, one, "dtype", dtype_name(out->dtype));
        tree_add_int(arena, one, "macs", (int64_t)cost[i].macs);
    }
    return list;
}

static int describe_update(struct arena *arena, struct tree *map, const struct model *model, struct error *err)
{
    struct tree *update = tree_add_map(arena, map, "update");
    char hex[65], id[17];
    int rc = package_claimed_key(model, id, err);

    if (rc < 0)
        return -1;
    tree_add_text(arena, update, "base", digest_hex(&model->update->base, hex));
    tree_add_text(arena, update, "site", model->update->site);
    tree_add_int(arena, update, "round", model->update->round);
    tree_add_int(arena, update, "examples", model->update->examples);
    tree_add_int(arena, update, "steps", model->update->steps);
    if (rc == 1)
        tree_add_text(arena, update, "key", id);
    return 0;
}

static int describe_model(struct arena *arena, struct tree *map, const struct model *model, struct error *err)
{
    struct tree *labels = tree_add_list(arena, map, "labels");

    tree_add_text(arena, map, "task", model->task);
    for (int i = 0; i < model->label_count; i++)
        tree_add_text(arena, labels, NULL, model->label[i]);
    tree_add_text(arena, map, "privacy", privacy_name(model->privacy));
    tree_add_text(arena, map, "content", content_name(package_content(model)));
    if (model->part) {
        struct tree *part = tree_add_map(arena, map, "part");

        tree_add_int(arena, part, "index", model->part->index);
        tree_add_int(arena, part, "count", model->part->count);
    }
    if (model->update && describe_update(arena, map, model, err) < 0)
        return -1;
    if (model->history)
        tree_add(arena, map, "history", model->history);
    return 0;
}

/* What can be said of a graph whose inputs' sizes only the data tell: no shapes, no multiply-adds. */
static void measure_open(struct arena *arena, struct model *model, int64_t size, struct tree **map)
{
    *map = tree_map(arena);
    tree_add_text(arena, *map, "name", model->name);
    tree_add_int(arena, *map, "parameters", graph_parameters(&model->graph));
    tree_add_int(arena, *map, "size", size);
    for (int i = 0; i < model->graph.value_count; i++)
        if (model->graph.value[i].kind == VALUE_COMPUTED)
            model->graph.value[i].tensor.shape = (struct shape){ .rank = SHAPE_UNKNOWN };
}

static int measure(const struct invocation *inv, struct model *model, const struct measure_options *o,
                   struct tree **map, struct op_cost *cost, struct error *err)
{
    struct op_cost total;

    if (!graph_is_sized(&model->graph)) {
        measure_open(inv->arena, model, o->size, map);
        return 0;
    }
    if (measure_model(inv->arena, model, o, inv->job, map, err) < 0 || graph_infer_shapes(&model->graph, 1, err) < 0)
        return -1;
    return graph_cost(&model->graph, &total, cost, err);
}

static int describe(const struct invocation *inv, struct model *model, struct tree **out, struct error *err)
{
    const struct measure_options o = { .size = (int64_t)model->source.count };
    struct arena *arena = inv->arena;
    struct op_cost *cost = arena_array(arena, (size_t)model->graph.node_count + 1, sizeof(*cost));
    struct digest identity;
    struct tree *map;
    char hex[65];

    if (cost == NULL)
        return error_memory(err);
    if (measure(inv, model, &o, &map, cost, err) < 0 || model_identity(model, &identity, err) < 0)
        return -1;
    tree_add_int(arena, map, "size_bytes", o.size);
    tree_add_text(arena, map, "identity", digest_hex(&identity, hex));
    add_ports(arena, map, "inputs", &model->graph, model->graph.input, model->graph.input_count);
    add_ports(arena, map, "outputs", &model->graph, model->graph.output, model->graph.output_count);
    if (describe_model(arena, map, model, err) < 0)
        return -1;
    tree_add(arena, map, "nodes", describe_nodes(arena, &model->graph, cost));
    *out = map;
    return 0;
}

/* ---- for people ---- */

static void print_weights(const struct invocation *inv, const struct graph *graph)
{
    static const char *const headings[] = { "weight", "dtype", "shape", "trained" };
    struct table *table = table_new(inv->arena, 4, headings);

    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];
        char shape[160];
        const char *cells[4] = { value->name, dtype_name(value->tensor.dtype), NULL, value->trainable ? "yes" : "no" };

        cells[2] = arena_strdup(inv->arena, shape_text(&value->tensor.shape, shape));
        if (value->kind == VALUE_WEIGHT && cells[2])
            table_row(table, cells);
    }
    printf("\n");
    table_print(table, stdout, inv->color);
}

static void print_nodes(const struct invocation *inv, const struct tree *facts, const struct graph *graph)
{
    static const char *const headings[] = { "node", "operator", "output", "dtype", "MACs" };
    struct table *table = table_new(inv->arena, 5, headings);
    const struct tree *node = tree_get(facts, "nodes")->first;

    for (int i = 0; i < graph->node_count; i++, node = node->next) {
        const struct tensor *out = &graph->value[graph->node[i].out[0]].tensor;
        char shape[160], macs[16];
        const double count = tree_get(node, "macs")->real;
        const char *cells[5] = { graph->node[i].name, graph->node[i].op->name, NULL, dtype_name(out->dtype), "" };

        cells[2] = arena_strdup(inv->arena, shape_text(&out->shape, shape));
        if (count > 0)
            cells[4] = arena_strdup(inv->arena, text_count(macs, count));
        if (cells[2] && cells[4])
            table_row(table, cells);
    }
    table_print(table, stdout, inv->color);
}

/* Whose key it is and whether the signature holds, only aggregate knows, which has the keys. */
static void print_update(const struct update *update, const struct tree *key)
{
    printf(", update of site '%s', round %lld, %lld examples", update->site, (long long)update->round,
           (long long)update->examples);
    if (key != NULL)
        printf(", signed with key %s", key->text);
    else
        printf(", not signed");
}

static void print_summary(const struct invocation *inv, const struct model *model, const struct tree *facts)
{
    char parameters[16], macs[16], size[16];

    const struct tree *cost = tree_get(facts, "macs");

    printf("%s: %s parameters, %s MACs, %s, %s", model->name,
           text_count(parameters, tree_get(facts, "parameters")->real),
           cost != NULL ? text_count(macs, cost->real) : "unknown",
           text_bytes(size, tree_get(facts, "size_bytes")->real), privacy_name(model->privacy));
    if (model->part)
        printf(", part %d of %d", model->part->index + 1, model->part->count);
    if (model->update)
        print_update(model->update, tree_get(tree_get(facts, "update"), "key"));
    printf("\nidentity %s\n", tree_get(facts, "identity")->text);
    if (model->label_count > 0) {
        struct text text = { 0 };

        for (int i = 0; i < model->label_count && i < 50; i++) {
            text_add(&text, i ? ", " : "labels ");
            text_add_visible(&text, model->label[i], strlen(model->label[i]));
        }
        printf("%s\n", text.chars ? text.chars : "");
        text_free(&text);
    }
    printf("\n");
    print_nodes(inv, facts, &model->graph);
}

/* One word of a shell, whatever it holds: a history is what its writer made it. */
static void print_quoted(const char *word)
{
    struct text shown = { 0 };

    text_add_visible(&shown, word, strlen(word));
    putchar('\'');
    for (const char *c = shown.chars; c != NULL && *c != '\0'; c++)
        if (*c == '\'')
            printf("'\\''");
        else
            putchar(*c);
    putchar('\'');
    text_free(&shown);
}

/* Names and digests as they are, unless they are none. */
static void print_name(const char *name)
{
    if (name != NULL && name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0')
        printf("%s", name);
    else
        print_quoted(name ? name : "?");
}

static void print_digests(const char *what, const struct tree *list)
{
    for (const struct tree *digest = list ? list->first : NULL; digest; digest = digest->next) {
        printf("# %s sha256:", what);
        print_name(digest->text);
        printf("\n");
    }
}

/* The lines of the file that --labels names. */
static void print_labels(const struct tree *list)
{
    if (list == NULL)
        return;
    printf("printf '%%s\\n'");
    for (const struct tree *label = list->first; label; label = label->next) {
        printf(" ");
        print_quoted(label->text ? label->text : "?");
    }
    printf(" >labels\n");
}

static void print_option(const struct tree *option)
{
    printf(" --");
    print_name(option->key);
    if (option->text != NULL && strcmp(option->text, "true") == 0)
        return;
    printf(" ");
    print_quoted(option->text ? option->text : "");
}

static void print_script(const struct model *model)
{
    printf("#!/bin/sh\n# How %s was made. DATA stands for the data sets whose digests are given.\n", model->name);
    for (const struct tree *one = model->history ? model->history->first : NULL; one; one = one->next) {
        const struct tree *given = tree_get(one, "options"), *data = tree_get(one, "data");
        const struct tree *command = tree_get(one, "command"), *seed = tree_get(one, "seed");
        const struct tree *operand = tree_get(one, "operand"), *parents = tree_get(one, "parents");
        const struct tree *labels = tree_get(one, "labels");

        if (parents != NULL && parents->count > 1) /* one is what the command before made */
            print_digests("package", parents);
        print_digests("data", data);
        print_labels(labels);
        printf("coedge ");
        print_name(command ? command->text : NULL);
        if (operand && operand->text) {
            printf(" ");
            print_quoted(operand->text);
        }
        for (const struct tree *option = given ? given->first : NULL; option; option = option->next)
            print_option(option);
        if (labels)
            printf(" --labels labels");
        if (seed && seed->integer)
            printf(" --seed %lld", (long long)seed->integer);
        printf("\n");
    }
}

/* ---- pictures ---- */

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);

    return n >= k && strcmp(text + n - k, end) == 0;
}

/* Said before anything is read: --graph takes the next word, and that may be the package. */
static int check_args(const struct args *args, struct error *err)
{
    if (args->graph == NULL || strcmp(args->graph, "-") == 0 || ends_with(args->graph, ".svg") ||
        ends_with(args->graph, ".dot"))
        return 0;
    error_set(err, ERROR_USAGE, "--graph: expected FILE.svg, FILE.dot or -, found '%s'", args->graph);
    return error_hint(err, "coedge inspect model.coedge --graph model.svg");
}

static int draw(const char *path, const struct model *model, struct error *err)
{
    struct text text = { 0 };
    int rc;

    if (ends_with(path, ".svg"))
        graph_svg(&text, &model->graph, model->name);
    else
        graph_dot(&text, &model->graph);
    rc = text_check(&text, err);
    if (rc == 0)
        rc = file_write(path, text.chars, text.length, err);
    text_free(&text);
    return rc;
}

static int show(const struct invocation *inv, struct model *model, struct error *err)
{
    const struct args *args = inv->args;
    struct tree *facts = NULL;

    if (describe(inv, model, &facts, err) < 0)
        return -1;
    if (args->graph)
        return draw(args->graph, model, err);
    if (args->script) {
        print_script(model);
        return 0;
    }
    if (inv->json)
        return print_json(facts, err);
    print_summary(inv, model, facts);
    if (args->weights)
        print_weights(inv, &model->graph);
    return 0;
}

static int run(const struct invocation *inv, struct error *err)
{
    struct model model;
    int rc;

    if (check_args(inv->args, err) < 0)
        return -1;
    if (((const struct args *)inv->args)->check)
        return inspect_check(inv, err);
    if (open_package(inv, 0, &model, err) < 0)
        return -1;
    rc = package_settle(&model, err);
    if (rc == 0)
        rc = show(inv, &model, err);
    model_free(&model);
    return rc;
}

const struct command cmd_inspect = {
    .name = "inspect",
    .summary = "show what is in a package",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Prints the nodes with their shapes and multiply-adds, parameters, labels, privacy\n"
             "level and identity; with --json one object of the same. --graph draws the graph;\n"
             "--script prints the recorded commands. --check lists what of an ONNX model cannot run\n"
             "here, with the reason, before anything runs.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .reads_stdin = true,
    .run = run,
};
