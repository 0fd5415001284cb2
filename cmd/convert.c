/* convert.c - a model from one kind of file to another. */
#include <string.h>

#include "base/file.h"
#include "cmd/commands.h"
#include "cmd/share.h"
#include "onnx/onnx.h"
#include "package/package.h"

struct args {
    const char *input, *labels, *preprocess, *output, *require;
    struct texts val;
    int format;
};

/* What can be written: a row a format, in the order of enum and of the choices. */
enum format { FORMAT_COEDGE, FORMAT_ONNX };

static const char *const format_names[] = { [FORMAT_COEDGE] = "coedge", [FORMAT_ONNX] = "onnx", NULL };

static const struct {
    const char *ending;
    int (*write)(struct model *model, const char *path, struct error *err); /* NULL: the package, with its history */
} formats[] = {
    [FORMAT_COEDGE] = { ".coedge", NULL },
    [FORMAT_ONNX] = { ".onnx", onnx_write },
};

static const struct option options[] = {
    { "format", 'f', OPTION_CHOICE, FIELD(struct args, format), .value = "NAME", .choices = format_names,
      .help = "what to write (default: as the ending of --output says; a package to standard output)",
      .neutral = true },
    { "input", 'i', OPTION_TEXT, FIELD(struct args, input), .value = "CxHxW",
      .help = "channels, height and width of the image, where the model leaves them open" },
    { "preprocess", 'p', OPTION_TEXT, FIELD(struct args, preprocess), .value = "KEY=VALUE,...",
      .help = "how an image becomes the input, such as size=224,fit=crop,mean=0.485:0.456:0.406" },
    { "labels", 'l', OPTION_TEXT, FIELD(struct args, labels), .value = "FILE", .neutral = true,
      .help = "names of the classes, one a line" },
    OPTION_ROWS_GATE(struct args),
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "FILE", .initial = "-",
      .help = "where to write it", .neutral = true },
    { 0 }
};

static const struct example examples[] = {
    { "coedge convert model.coedge -o model.onnx", "for other engines" },
    { "coedge convert model.onnx --preprocess mean=0.5,std=0.5 --labels solder.labels -o mine.coedge",
      "somebody's network, with what its file does not say" },
    { 0 }
};

static bool ends_with(const char *path, const char *ending)
{
    const char *name = path_name(path);
    size_t length = strlen(name), wanted = strlen(ending);

    return length > wanted && strcmp(name + length - wanted, ending) == 0;
}

static int find_format(const struct args *args, int *format, struct error *err)
{
    *format = args->format >= 0 ? args->format : FORMAT_COEDGE;
    if (args->format >= 0 || strcmp(args->output, "-") == 0)
        return 0;
    for (int i = 0; i < (int)COUNT(formats); i++)
        if (ends_with(args->output, formats[i].ending)) {
            *format = i;
            return 0;
        }
    error_set(err, ERROR_USAGE, "--output '%s': the ending tells no format", args->output);
    return error_hint(err, "end it in .coedge or .onnx, or say --format");
}

/* What the options add to what the file says. */
static int say_more(const struct invocation *inv, struct model *model, struct error *err)
{
    const struct args *args = inv->args;
    struct arch_options size = { 0 };
    const char **labels;
    int count;

    if (args->input != NULL && (arch_parse_input(&size, args->input, err) < 0 ||
                                model_set_input(model, size.channels, size.height, size.width, err) < 0))
        return error_in(err, "--input");
    if (args->preprocess != NULL && model_set_preprocess(model, args->preprocess, err) < 0)
        return error_in(err, "--preprocess");
    if (args->labels == NULL)
        return 0;
    if (labels_read(inv->arena, args->labels, &labels, &count, err) < 0)
        return -1;
    if (model_name_classes(model, labels, count, err) < 0)
        return error_in(err, "--labels");
    return 0;
}

static int write_out(const struct invocation *inv, struct making *making, struct model *model, int format,
                     struct error *err)
{
    if (formats[format].write == NULL)
        return making_end(inv, making, model, err);
    if (package_settle(model, err) < 0 || making_gate(inv, making, model, err) < 0)
        return -1;
    return formats[format].write(model, making->output, err);
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .output = args->output, .require = args->require, .val = &args->val };
    struct model model;
    int rc, format;

    if (find_format(args, &format, err) < 0 || check_stdin_once(inv, &args->val, NULL, args->labels, false, err) < 0 ||
        open_model(inv, 0, &model, err) < 0)
        return -1;
    making.new_labels = args->labels != NULL;
    rc = making_begin(inv, &making, &model, err);
    if (rc == 0)
        rc = say_more(inv, &model, err);
    if (rc == 0)
        rc = making_labels(inv, &making, &model, err);
    if (rc == 0)
        rc = write_out(inv, &making, &model, format, err);
    model_free(&model);
    return rc;
}

const struct command cmd_convert = {
    .name = "convert",
    .summary = "write a model in another format",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Reads a package or an ONNX model and writes what the ending of --output says: a\n"
             "package (.coedge) or an ONNX model (.onnx, opset 17). Answers stay the same.\n\n"
             "Where a model comes from elsewhere, --preprocess says how an image becomes its\n"
             "input: channels=N, size=N or HxW, resize=antialias, bilinear or nearest,\n"
             "fit=stretch or crop, mean and std (one number, or one a channel with colons\n"
             "between; 127/255 is a number) of pixels from 0 to 1. What is not named stays as\n"
             "it is, or becomes antialias, stretch, 0.5 and 0.5.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .reads_stdin = true,
    .run = run,
};
