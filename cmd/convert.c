/* convert.c - a model from one kind of file to another. */
#include <string.h>

#include "base/file.h"
#include "cmd/commands.h"
#include "cmd/making.h"
#include "cmd/share.h"
#include "onnx/onnx.h"
#include "package/package.h"
#include "package/weights_file.h"

struct args {
    const char *arch, *input, *labels, *preprocess, *output, *require;
    struct texts val;
    int64_t classes;
    double width;
    int format;
};

/* What can be written: a row a format, in the order of enum and of the choices. */
enum format { FORMAT_COEDGE, FORMAT_ONNX, FORMAT_SAFETENSORS, FORMAT_NPZ };

static const char *const format_names[] = {
    [FORMAT_COEDGE] = "coedge", [FORMAT_ONNX] = "onnx", [FORMAT_SAFETENSORS] = "safetensors", [FORMAT_NPZ] = "npz", NULL
};

static const struct {
    const char *ending;
    int (*write)(struct model *model, const char *path, struct error *err); /* NULL: the package, with its history */
    bool weights;                                                           /* and nothing else */
} formats[] = {
    [FORMAT_COEDGE] = { ".coedge", NULL, false },
    [FORMAT_ONNX] = { ".onnx", onnx_write, false },
    [FORMAT_SAFETENSORS] = { ".safetensors", weights_write_safetensors, true },
    [FORMAT_NPZ] = { ".npz", weights_write_npz, true },
};

static const struct option options[] = {
    { "format", 'f', OPTION_CHOICE, FIELD(struct args, format), .value = "NAME", .choices = format_names,
      .help = "what to write (default: as the ending of --output says; a package to standard output)",
      .neutral = true },
    { "arch", 'a', OPTION_TEXT, FIELD(struct args, arch), .value = "ARCH",
      .help = "the built-in architecture that a file of weights is of, such as resnet18" },
    { "input", 'i', OPTION_TEXT, FIELD(struct args, input), .value = "CxHxW",
      .help = "channels, height and width of the image, where model or architecture leave them open" },
    { "classes", 'c', OPTION_INT, FIELD(struct args, classes), .value = "N", .min = 0, .max = 65536,
      .help = "outputs of the architecture (default: its own)" },
    { "width", 'w', OPTION_REAL, FIELD(struct args, width), .value = "X", .initial = "1", .min = 0.01, .max = 16,
      .help = "factor on the channels of the architecture's layers" },
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
    { "coedge convert model.coedge -o weights.npz", "weights for NumPy" },
    { "coedge convert weights.safetensors --arch solder-cnn --input 3x32x32 --width 0.25 --labels solder.labels -o "
      "x.coedge",
      "weights that another framework has trained" },
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
    return error_hint(err, "end it in .coedge, .onnx, .safetensors or .npz, or say --format");
}

/* ---- what comes in ---- */

/* A network of a built-in architecture with weights from a file. */
static int open_weights(const struct invocation *inv, struct model *model, struct error *err)
{
    const struct args *args = inv->args;
    const struct arch_wish wish = { args->input, args->labels, args->classes, args->width };
    struct arch_options o;
    const char **labels, *path;

    if (operand_path(inv, 0, &path, err) < 0 || read_wish(inv, &wish, &o, &labels, err) < 0)
        return -1;
    if (model_new(model, args->arch, &o, err) < 0)
        return error_in(err, "--arch");
    if (weights_read(model, path, err) == 0 && (labels == NULL || model_set_labels(model, labels, o.classes, err) == 0))
        return 0;
    model_free(model);
    return -1;
}

static int check_args(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;

    if (args->arch != NULL || (args->classes == 0 && !option_changed(inv, "width")))
        return 0;
    error_set(err, ERROR_USAGE, "--%s is for weights of an architecture", args->classes > 0 ? "classes" : "width");
    return error_hint(err, "add --arch ARCH");
}

/* What the options add to what a model's file says. */
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
    if (args->labels == NULL || args->arch != NULL)
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
    if (formats[format].weights && model->privacy > PRIVACY_PUBLIC)
        job_note(inv->job, "the model is %s; a file of weights does not say so", privacy_name(model->privacy));
    return formats[format].write(model, making->output, err);
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    struct making making = { .output = args->output, .require = args->require, .val = &args->val };
    struct model model;
    int rc, format;

    if (find_format(args, &format, err) < 0 || check_args(inv, err) < 0 ||
        check_stdin_once(inv, &args->val, NULL, args->labels, false, err) < 0)
        return -1;
    if ((args->arch != NULL ? open_weights(inv, &model, err) : open_model(inv, 0, &model, err)) < 0)
        return -1;
    making.new_labels = args->labels != NULL;
    rc = making_begin(inv, &making, args->arch != NULL ? NULL : &model, err);
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
    .operands = "[MODEL | WEIGHTS]",
    .max_operands = 1,
    .about = "Reads a package or an ONNX model and writes what the ending of --output says: a\n"
             "package (.coedge), an ONNX model (.onnx, opset 17), or its weights alone\n"
             "(.safetensors, .npz). Answers stay the same.\n\n"
             "With --arch it reads weights alone, in either form, for a built-in architecture:\n"
             "a state dict of PyTorch for torchvision's resnet18, resnet50, mobilenet_v2,\n"
             "mobilenet_v3_small and squeezenet1_1. Names that are written are PyTorch's, too.\n\n"
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
