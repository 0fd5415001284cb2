#include <inttypes.h>
#include <string.h>

#include "op/window.h"

/* Larger windows are mistakes, and their products could overflow. */
enum { LARGEST = 1 << 20 };

enum auto_pad { NOTSET, VALID, SAME_UPPER, SAME_LOWER };

static int read_auto_pad(const struct op_io *io, enum auto_pad *how, struct error *err)
{
    static const char *const names[] = { "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER" };
    const char *name;

    if (attribute_text(io->attributes, "auto_pad", "NOTSET", &name, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *how = (enum auto_pad)i;
            return 0;
        }
    }
    error_set(err, ERROR_INPUT, "unknown auto_pad '%.32s'", name);
    return error_hint(err, "known are NOTSET, VALID, SAME_UPPER, SAME_LOWER");
}

/* One number an axis; rows of one-dimensional data keep what they had. */
static int read_axes(const struct op_io *io, const char *name, int axes, int64_t fallback, int64_t least,
                     int64_t out[WINDOW_AXES], struct error *err)
{
    if (attribute_ints(io->attributes, name, axes, fallback, out + WINDOW_AXES - axes, err) < 0)
        return -1;
    for (int i = WINDOW_AXES - axes; i < WINDOW_AXES; i++) {
        if (out[i] < least || out[i] > LARGEST)
            return error_set(err, ERROR_INPUT, "attribute '%s' has %" PRId64 ", expected %" PRId64 " to %d", name,
                             out[i], least, LARGEST);
    }
    return 0;
}

static int read_kernel(struct window win[WINDOW_AXES], const struct op_io *io, int axes, const struct shape *weights,
                       struct error *err)
{
    int64_t kernel[WINDOW_AXES] = { 1, 1, 1 };

    if (attribute_find(io->attributes, "kernel_shape")) {
        if (read_axes(io, "kernel_shape", axes, 1, 1, kernel, err) < 0)
            return -1;
    } else if (!weights) {
        return error_set(err, ERROR_INPUT, "attribute 'kernel_shape' is missing");
    }
    for (int i = WINDOW_AXES - axes; weights && i < WINDOW_AXES; i++) {
        int64_t size = weights->dim[weights->rank - WINDOW_AXES + i];
        if (size < 1 || size > LARGEST)
            return error_set(err, ERROR_INPUT, "filters are %" PRId64 " pixels wide, expected 1 to %d", size, LARGEST);
        if (attribute_find(io->attributes, "kernel_shape") && kernel[i] != size)
            return error_set(err, ERROR_INPUT, "kernel_shape says %" PRId64 " pixels, filters have %" PRId64, kernel[i],
                             size);
        kernel[i] = size;
    }
    for (int i = 0; i < WINDOW_AXES; i++)
        win[i].kernel = kernel[i];
    return 0;
}

static int read_all(struct window win[WINDOW_AXES], const struct op_io *io, const struct shape *x,
                    const struct shape *weights, enum auto_pad *how, struct error *err)
{
    int axes = x->rank - 2;
    int64_t stride[WINDOW_AXES] = { 1, 1, 1 }, dilation[WINDOW_AXES] = { 1, 1, 1 }, pads[2 * WINDOW_AXES] = { 0 };
    char text[160];

    if (axes < 1 || axes > WINDOW_AXES)
        return error_set(err, ERROR_INPUT, "input has shape %s, expected [N, C] and 1 to %d axes more",
                         shape_text(x, text), WINDOW_AXES);
    if (weights && weights->rank != x->rank)
        return error_set(err, ERROR_INPUT, "filters have shape %s, expected %d axes", shape_text(weights, text),
                         x->rank);
    if (read_auto_pad(io, how, err) < 0 || read_kernel(win, io, axes, weights, err) < 0 ||
        read_axes(io, "strides", axes, 1, 1, stride, err) < 0 ||
        read_axes(io, "dilations", axes, 1, 1, dilation, err) < 0 ||
        attribute_ints(io->attributes, "pads", 2 * axes, 0, pads, err) < 0)
        return -1;
    for (int i = 0; i < 2 * axes; i++) {
        if (pads[i] < 0 || pads[i] > LARGEST)
            return error_set(err, ERROR_INPUT, "attribute 'pads' has %" PRId64 ", expected 0 to %d", pads[i], LARGEST);
    }
    for (int i = 0; i < WINDOW_AXES; i++) {
        int axis = i - (WINDOW_AXES - axes);
        win[i].in = axis < 0 ? 1 : x->dim[2 + axis];
        win[i].stride = stride[i];
        win[i].dilation = dilation[i];
        win[i].begin = axis < 0 || *how != NOTSET ? 0 : pads[axis];
        win[i].end = axis < 0 || *how != NOTSET ? 0 : pads[axes + axis];
        if (win[i].in < 1 || win[i].in > LARGEST)
            return error_set(err, ERROR_INPUT, "input has shape %s, expected pixels", shape_text(x, text));
    }
    return 0;
}

/* Pixels that one window reaches over. */
static int64_t reach(const struct window *win)
{
    return win->dilation * (win->kernel - 1) + 1;
}

static void split_padding(struct window *win, enum auto_pad how, int64_t total)
{
    int64_t less = (total > 0 ? total : 0) / 2, more = (total > 0 ? total : 0) - less;

    win->begin = how == SAME_LOWER ? more : less;
    win->end = how == SAME_LOWER ? less : more;
}

int window_read_all(struct window win[WINDOW_AXES], const struct op_io *io, const struct shape *x,
                    const struct shape *weights, struct error *err)
{
    enum auto_pad how;
    int64_t ceil_mode;

    if (read_all(win, io, x, weights, &how, err) < 0 ||
        attribute_int(io->attributes, "ceil_mode", 0, &ceil_mode, err) < 0)
        return -1;
    for (int i = 0; i < WINDOW_AXES; i++) {
        struct window *w = &win[i];
        if (how == SAME_UPPER || how == SAME_LOWER)
            split_padding(w, how, ((w->in + w->stride - 1) / w->stride - 1) * w->stride + reach(w) - w->in);
        int64_t room = w->in + w->begin + w->end - reach(w);
        if (room < 0)
            return error_set(err, ERROR_INPUT,
                             "a window of %" PRId64 " pixels does not fit in %" PRId64 " with padding %" PRId64
                             " and %" PRId64,
                             reach(w), w->in, w->begin, w->end);
        w->out = room / w->stride + 1;
        /* Rounded up only where the last window still starts on the image or the padding before it. */
        if (ceil_mode && room % w->stride && w->out * w->stride < w->in + w->begin)
            w->out++;
    }
    return 0;
}

/* Images of one row or several: the axis before them is none. */
static int keep_two(struct window win[2], const struct window all[WINDOW_AXES], const struct shape *x,
                    struct error *err)
{
    char text[160];

    if (x->rank > 4)
        return error_set(err, ERROR_INPUT, "input has shape %s, expected [N, C, W] or [N, C, H, W]",
                         shape_text(x, text));
    memcpy(win, all + 1, 2 * sizeof(*win));
    return 0;
}

int window_read(struct window win[2], const struct op_io *io, const struct shape *x, const struct shape *weights,
                struct error *err)
{
    struct window all[WINDOW_AXES];

    return window_read_all(all, io, x, weights, err) < 0 ? -1 : keep_two(win, all, x, err);
}

int window_read_transposed(struct window win[2], const struct op_io *io, const struct shape *x,
                           const struct shape *weights, struct error *err)
{
    struct window all[WINDOW_AXES];

    return window_read_transposed_all(all, io, x, weights, err) < 0 ? -1 : keep_two(win, all, x, err);
}

int window_read_transposed_all(struct window win[WINDOW_AXES], const struct op_io *io, const struct shape *x,
                               const struct shape *weights, struct error *err)
{
    enum auto_pad how;
    int64_t extra[WINDOW_AXES] = { 0 }, wanted[WINDOW_AXES] = { 0 };
    int axes = x->rank - 2;
    bool shaped = attribute_find(io->attributes, "output_shape") != NULL;

    if (read_all(win, io, x, weights, &how, err) < 0 || read_axes(io, "output_padding", axes, 0, 0, extra, err) < 0 ||
        (shaped && read_axes(io, "output_shape", axes, 0, 1, wanted, err) < 0))
        return -1;
    for (int i = WINDOW_AXES - axes; i < WINDOW_AXES; i++) {
        struct window *w = &win[i];
        int64_t full = (w->in - 1) * w->stride + reach(w) + extra[i];
        if (extra[i] >= (w->stride > w->dilation ? w->stride : w->dilation))
            return error_set(err, ERROR_INPUT, "output_padding %" PRId64 " is not below the stride or dilation",
                             extra[i]);
        if (how == SAME_UPPER || how == SAME_LOWER || shaped)
            split_padding(w, how == NOTSET ? SAME_LOWER : how, full - (shaped ? wanted[i] : w->in * w->stride));
        /* a wanted size beyond the full one is padded with what nothing reaches */
        w->out = shaped && wanted[i] > full ? wanted[i] : full - w->begin - w->end;
        if (w->out < 1 || w->out > LARGEST || (shaped && w->out != wanted[i]))
            return error_set(err, ERROR_INPUT, "the output would be %" PRId64 " pixels wide", w->out);
    }
    for (int i = 0; i < WINDOW_AXES - axes; i++)
        win[i].out = 1;
    return 0;
}

struct shape window_shape(const struct window win[2], const struct shape *x, int64_t channels)
{
    struct shape y = *x;

    y.dim[1] = channels;
    y.dim[y.rank - 1] = win[1].out;
    if (y.rank == 4)
        y.dim[2] = win[0].out;
    return y;
}

struct shape window_shape_all(const struct window win[WINDOW_AXES], const struct shape *x, int64_t channels)
{
    struct shape y = *x;

    y.dim[1] = channels;
    for (int i = 2; i < y.rank; i++)
        y.dim[i] = win[WINDOW_AXES - y.rank + i].out;
    return y;
}
