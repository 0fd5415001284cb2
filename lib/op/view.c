#include "op/view.h"

#include <string.h>

int view_shape(struct op_io *io, const struct shape *shape, struct error *err)
{
    const struct tensor *x = io->in[0];
    char found[160], wanted[160];

    if (shape_check(shape, INT64_MAX, err) < 0)
        return -1;
    if (shape_count(shape) != shape_count(&x->shape))
        return error_set(err, ERROR_INPUT, "input has shape %s, which cannot become %s", shape_text(&x->shape, found),
                         shape_text(shape, wanted));
    io->out[0]->dtype = x->dtype;
    io->out[0]->shape = *shape;
    return 0;
}

void view_forward(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    if (io->out[0]->data != io->in[0]->data)
        memcpy(io->out[0]->data, io->in[0]->data, tensor_bytes(io->in[0]));
}

void view_backward(const struct op_io *io, const struct op_run *run)
{
    const struct tensor *x = io->in[0], *y = io->out[0];
    size_t count = (size_t)shape_count(&x->shape);

    if (x->grad == NULL || x->grad == y->grad)
        return;
    if (x->grad_add)
        run->kern->add_f32(x->grad, x->grad, 1, y->grad, 1, count);
    else
        memcpy(x->grad, y->grad, count * sizeof(float));
}
