#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"
#include "package/package.h"
#include "yaml/yaml.h"

struct args {
    const char *input, *labels, *output, *name, *require;
    struct texts val;
    int64_t classes;
    double width;
    bool list;
};

static const struct option options[] = {
    { "input", 'i', OPTION_TEXT, FIELD(struct args, input), .value = "CxHxW",
      .help = "channels, height and width of an image, such as 3x64x64 (default: the architecture's)" },
    { "classes", 'c', OPTION_INT, FIELD(struct args, classes), .value = "N", .min = 0, .max = 65536,
      .help = "outputs, labelled 0 to N-1 (default: the architecture's)" },
    { "labels", 'l', OPTION_TEXT, FIELD(struct args, labels), .value = "FILE", .neutral = true,
      .help = "names of the classes, one a line, instead of --classes" },
    { "width", 'w', OPTION_REAL, FIELD(struct args, width), .value = "X", .initial = "1", .min = 0.01, .max = 16,
      .help = "factor on the channels of every layer" },
    { "name", 'n', OPTION_TEXT, FIELD(struct args, name), .value = "NAME",
      .help = "the model's name (default: the architecture's)" },
    { "list", 0, OPTION_FLAG, FIELD(struct args, list), .help = "list the architectures", .neutral = true },
    OPTION_ROWS_GATE(struct args),
    OPTION_ROW_OUTPUT(struct args),
    { 0 }
};

static const struct example examples[] = {
    { "coedge new solder-cnn --input 3x64x64 --labels solder.labels -o new.coedge", "our own small net" },
    { "coedge new mlp:300-100 --input 1x28x28 --classes 10 -o mlp.coedge", "300 and 100 hidden units" },
    { "coedge new --list", "what there is" },
    { 0 }
};

static void list_architectures(const struct invocation *inv)
{
    static const char *const headings[] = { "architecture", "input", "classes", "layers" };
    struct table *table = table_new(inv->arena, 4, headings);

    for (const struct arch *const *arch = arch_table; *arch; arch++) {
        const struct arch *a = *arch;
        const char *cells[4] = { a->name, arena_printf(inv->arena, "%dx%dx%d", a->channels, a->height, a->width),
                                 arena_printf(inv->arena, "%d", a->classes), a->summary };

        table_row(table, cells);
    }
    table_print(table, stdout, inv->color);
}

static bool is_file(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int build(const struct invocation *inv, struct model *model, const struct arch_options *o, struct error *err)
{
    const char *arch = inv->operand[0];
    const struct tree *root;
    struct input in;
    int rc;

    if (!is_file(arch))
        return model_new(model, arch, o, err);
    if (input_open(&in, arch, limit_get(LIMIT_YAML_BYTES), err) < 0)
        return -1;
    rc = yaml_parse(inv->arena, (const char *)in.bytes, in.count, &root, err);
    input_close(&in);
    if (rc == 0)
        rc = model_from_yaml(model, root, o, err);
    return rc < 0 ? error_in(err, "%s", arch) : 0;
}

/* What no package could be read back with. */
static int check_name(const char *name, struct error *err)
{
    struct text visible = { 0 };
    int rc;

    text_add_visible(&visible, name, strlen(name));
    text_add(&visible, "");
    rc = text_check(&visible, err);
    if (rc == 0 && (visible.length == 0 || strcmp(visible.chars, name) != 0))
        rc = error_set(err, ERROR_USAGE, "--name: expected printable UTF-8, found '%.200s'", visible.chars);
    text_free(&visible);
    return rc;
}

static int make(const struct invocation *inv, struct model *model, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .output = args->output, .require = args->require, .val = &args->val };
    const struct arch_wish wish = { args->input, args->labels, args->classes, args->width };
    const char *arch = inv->operand[0];
    struct arch_options o;
    const char **labels;

    if (read_wish(inv, &wish, &o, &labels, err) < 0 || making_begin(inv, &making, NULL, err) < 0 ||
        build(inv, model, &o, err) < 0)
        return -1;
    making.operand = is_file(arch) ? NULL : arch; /* the graph of a file is in the package, its path nowhere */
    if (labels && model_set_labels(model, labels, o.classes, err) < 0)
        return -1;
    if (args->name) {
        if (check_name(args->name, err) < 0)
            return -1;
        model->name = arena_strdup(&model->arena, args->name);
        if (model->name == NULL)
            return error_memory(err);
    }
    return making_end(inv, &making, model, err);
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct model model;
    int rc;

    if (args->list) {
        list_architectures(inv);
        return 0;
    }
    if (inv->operand_count == 0) {
        error_set(err, ERROR_USAGE, "which architecture?");
        return error_hint(err, "coedge new --list shows them");
    }
    model_init(&model);
    rc = make(inv, &model, err);
    model_free(&model);
    return rc;
}

const struct command cmd_new = {
    .name = "new",
    .summary = "make a fresh package of a built-in architecture",
    .operands = "ARCH | GRAPH.yaml",
    .max_operands = 1,
    .about = "Weights are drawn as the literature of the architecture does, from --seed.\n"
             "A graph of one's own is written in YAML, as in a package's model.yaml.\n\n"
             "Parameters and multiply-adds of the default input and classes:\n\n"
             "    mlp:300-100              266,610     0.27 M\n"
             "    lenet5                   431,080     2.29 M\n"
             "    cnn-mcmahan            1,663,370     12.3 M\n"
             "    solder-cnn                80,742     10.3 M\n"
             "    alexnet-cifar            544,074     28.2 M\n"
             "    resnet20                 272,474     40.8 M\n"
             "    resnet18              11,689,512     1814 M\n"
             "    resnet50              25,557,032     4089 M\n"
             "    squeezenet             1,235,496      349 M\n"
             "    mobilenet-v2           3,504,872      301 M\n"
             "    mobilenet-v3-small     2,542,856     56.5 M\n\n"
             "mlp takes any widths of hidden layers. lenet5 is Caffe's: its convolutions have\n"
             "no padding and no Relu. cnn-mcmahan pads by 2. solder-cnn pads by 1 and pools five\n"
             "times, while 4 pixels are left. alexnet-cifar is the trunk of BranchyNet without\n"
             "local response normalization. resnet20 has 1x1 convolutions where the size changes\n"
             "(the paper's option B). The rest are torchvision's, squeezenet in version 1.1;\n"
             "resnet18 and resnet50 have a 3x3 stem without pool below 64 pixels a side.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .run = run,
};
