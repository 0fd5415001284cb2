/* arch.c - a fresh model from a built-in architecture or from a graph in YAML. */
#include "model/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { MAX_CHANNELS = 4096, MAX_SIDE = 8192, MAX_CLASSES = 1000000, MAX_ROWS = 64 };

int arch_parse_input(struct arch_options *options, const char *text, struct error *err)
{
    int *const size[] = { &options->channels, &options->height, &options->width };
    const char *at = text;

    for (int i = 0; i < 3; i++) {
        char *end;
        const long number = strtol(at, &end, 10);

        if (*at < '0' || *at > '9' || number < 1 || number > MAX_SIDE || *end != (i < 2 ? 'x' : '\0'))
            return error_set(err, ERROR_USAGE, "expected CxHxW such as 3x64x64, found '%s'", text);
        *size[i] = (int)number;
        at = end + 1;
    }
    return 0;
}

static bool is_called(const char *called, const char *name, size_t length)
{
    return called != NULL && strlen(called) == length && strncmp(called, name, length) == 0;
}

/* The architecture called name up to the colon. */
static const struct arch *find_arch(const char *name, size_t length, struct error *err)
{
    const char *names[MAX_ROWS], *near;
    char word[64];
    size_t count = 0;

    for (; arch_table[count] != NULL && count + 1 < MAX_ROWS; count++) {
        names[count] = arch_table[count]->name;
        if (is_called(names[count], name, length) || is_called(arch_table[count]->alias, name, length))
            return arch_table[count];
    }
    names[count] = NULL;
    snprintf(word, sizeof(word), "%.*s", (int)(length < 63 ? length : 63), name);
    near = text_nearest(word, names);
    error_set(err, ERROR_USAGE, "unknown architecture '%s'", word);
    if (near != NULL)
        error_hint(err, "did you mean '%s'?", near);
    else
        error_hint(err, "`coedge help new` lists them");
    return NULL;
}

/* What was left at 0 becomes the architecture's own; the rest must make sense. */
static int complete(struct arch_options *o, const struct arch *arch, struct error *err)
{
    if (o->channels == 0)
        o->channels = arch->channels;
    if (o->height == 0)
        o->height = arch->height;
    if (o->width == 0)
        o->width = arch->width;
    if (o->classes == 0)
        o->classes = arch->classes;
    if (o->width_factor == 0)
        o->width_factor = 1;
    if (o->channels < 1 || o->channels > MAX_CHANNELS || o->height < 1 || o->height > MAX_SIDE || o->width < 1 ||
        o->width > MAX_SIDE)
        return error_set(err, ERROR_USAGE, "input %dx%dx%d: expected 1 to %d channels and sides of 1 to %d",
                         o->channels, o->height, o->width, MAX_CHANNELS, MAX_SIDE);
    if (o->classes < 1 || o->classes > MAX_CLASSES)
        return error_set(err, ERROR_USAGE, "%d classes: expected 1 to %d", o->classes, MAX_CLASSES);
    if (!(o->width_factor > 0) || o->width_factor > 64)
        return error_set(err, ERROR_USAGE, "width %g: expected more than 0 and at most 64", o->width_factor);
    return 0;
}

/* What a classifier has beside its graph. */
static int finish_classifier(struct model *model, const char *name, const struct arch_options *o, struct error *err)
{
    model->name = arena_strdup(&model->arena, name);
    if (model->name == NULL)
        return error_memory(err);
    model->task = "classify";
    model->softmax = true;
    model->golden_seed = o->seed;
    model->has_preprocess = o->channels == 1 || o->channels == 3;
    if (model->has_preprocess)
        preprocess_init(&model->preprocess, o->channels, o->height, o->width);
    if (model_set_labels(model, NULL, o->classes, err) < 0 || graph_check(&model->graph, err) < 0)
        return -1;
    return graph_infer_shapes(&model->graph, 1, err);
}

int model_new(struct model *model, const char *name, const struct arch_options *options, struct error *err)
{
    const char *colon = strchr(name, ':');
    const size_t length = colon != NULL ? (size_t)(colon - name) : strlen(name);
    const struct arch *arch = find_arch(name, length, err);
    struct arch_options o = *options;

    if (arch == NULL)
        return -1;
    if (colon != NULL)
        o.detail = colon + 1;
    if (o.detail != NULL && strcmp(arch->name, "mlp") != 0)
        return error_set(err, ERROR_USAGE, "'%s' takes nothing after a colon, found ':%s'", arch->name, o.detail);
    if (complete(&o, arch, err) < 0)
        return -1;
    model_init(model);
    if (colon == NULL)
        name = arch->name;
    if (arch->build(model, &o, err) < 0 || finish_classifier(model, name, &o, err) < 0) {
        model_free(model);
        return -1;
    }
    return 0;
}
